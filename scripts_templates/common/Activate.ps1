<#
.SYNOPSIS
Activate the virtual environment that this script lies in.

.DESCRIPTION
Puts the environment's programs first on PATH, sets VIRTUAL_ENV and VIRTUAL_ENV_PROMPT, unsets
PYTHONHOME and shows the environment's name in the prompt, unless VIRTUAL_ENV_DISABLE_PROMPT is
set. The command "deactivate" takes back everything that is done here.

.PARAMETER VenvDir
The directory of the environment; by default, the one above this script's.

.PARAMETER Prompt
The name to show; by default, the one recorded in pyvenv.cfg, or else the directory's.

.EXAMPLE
bin/Activate.ps1
#>
[CmdletBinding()]
param([string] $VenvDir, [string] $Prompt)

# Leave the environment that is active, also one of the standard library's, whose command has
# the same name, before that command is replaced.
& {
    $ours = Get-Variable -Name _OLD_VIRTUAL -Scope Global -ErrorAction Ignore
    $theirs = Test-Path -LiteralPath Env:\_OLD_VIRTUAL_PATH
    if (($ours -or $theirs) -and (Test-Path -LiteralPath Function:\deactivate)) {
        deactivate -NonDestructive
    }
}

function global:deactivate([switch] $NonDestructive) {
    $saved = Get-Variable -Name _OLD_VIRTUAL -Scope Global -ErrorAction Ignore
    if ($saved) {
        $old = $saved.Value
        foreach ($name in $old.Environment.Keys) {
            # Not by assigning null, which makes an empty variable from PowerShell 7.5 on.
            if ($null -ne $old.Environment[$name]) {
                Set-Item -LiteralPath "Env:\$name" -Value $old.Environment[$name]
            } elseif (Test-Path -LiteralPath "Env:\$name") {
                Remove-Item -LiteralPath "Env:\$name"
            }
        }
        if ($null -ne $old.Prompt) { Set-Item -LiteralPath Function:\global:prompt $old.Prompt }
        Remove-Variable _OLD_VIRTUAL -Scope Global
    }
    if (-not $NonDestructive) { Remove-Item -LiteralPath Function:\deactivate }
}

# In a block of its own, so that nothing else is left behind if this script is dot-sourced.
& {
    param([string] $Scripts, [string] $Directory, [string] $Name)

    # The recorded prompt is a Python literal; other tools write the bare name.
    function Read-RecordedPrompt([string] $Path) {
        if (-not (Test-Path -LiteralPath $Path)) { return }
        foreach ($line in [IO.File]::ReadAllLines($Path)) {
            if ($line -notmatch '^\s*prompt\s*=\s*(.*?)\s*$') { continue }
            $text = $Matches[1]
            if ($text -notmatch '^([''"])(.*)\1$') { return $text }
            $escapes = '\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))'
            return [regex]::Replace($Matches[2], $escapes, {
                param($match)
                $digits = $match.Groups[1].Value + $match.Groups[2].Value + $match.Groups[3].Value
                if ($digits) {
                    $code = [Convert]::ToInt32($digits, 16)
                    if ($code -lt 0x10000) { return [string][char] $code }
                    return [char]::ConvertFromUtf32($code)
                }
                switch -CaseSensitive ($match.Groups[4].Value) {
                    'n' { "`n" }
                    'r' { "`r" }
                    't' { "`t" }
                    default { $_ }
                }
            })
        }
    }

    $old = @{ Environment = @{}; Prompt = $null }
    foreach ($variable in 'PATH', 'PYTHONHOME', 'VIRTUAL_ENV', 'VIRTUAL_ENV_PROMPT') {
        $old.Environment[$variable] = [Environment]::GetEnvironmentVariable($variable)
    }
    $global:_OLD_VIRTUAL = $old

    if (-not $Directory) { $Directory = Split-Path -Parent $Scripts }
    $Directory = $Directory.TrimEnd('\/')
    if (-not $Name) { $Name = Read-RecordedPrompt (Join-Path $Directory 'pyvenv.cfg') }
    if (-not $Name) { $Name = Split-Path -Leaf $Directory }
    $env:VIRTUAL_ENV = $Directory
    $env:VIRTUAL_ENV_PROMPT = $Name
    if (Test-Path -LiteralPath Env:\PYTHONHOME) { Remove-Item -LiteralPath Env:\PYTHONHOME }
    $separator = [IO.Path]::PathSeparator
    $others = @()
    if ($env:PATH) { $others = @($env:PATH.Split($separator) | Where-Object { $_ -ne $Scripts }) }
    $env:PATH = (@($Scripts) + $others) -join $separator

    if (-not $env:VIRTUAL_ENV_DISABLE_PROMPT) {
        $global:_OLD_VIRTUAL.Prompt = $function:prompt
        function global:prompt {
            Write-Host -NoNewline -ForegroundColor Green "($env:VIRTUAL_ENV_PROMPT) "
            & $global:_OLD_VIRTUAL.Prompt
        }
    }
} $PSScriptRoot $VenvDir $Prompt
