<#
.SYNOPSIS
Activate the virtual environment that this script lies in.

.DESCRIPTION
Puts the environment's programs first on PATH, sets VIRTUAL_ENV and VIRTUAL_ENV_PROMPT, unsets
PYTHONHOME and shows the environment's name in the prompt, unless VIRTUAL_ENV_DISABLE_PROMPT is
set. The command "deactivate" takes back everything that is done here.

.PARAMETER VenvDir
The folder of the environment; by default, the one above this script's.

.PARAMETER Prompt
The name to show; by default, the one recorded in pyvenv.cfg, or else the folder's.

.EXAMPLE
bin/Activate.ps1
#>
[CmdletBinding()]
param([string] $VenvDir, [string] $Prompt)

function global:deactivate([switch] $NonDestructive) {
    $old = $global:_OLD_VIRTUAL
    if ($null -ne $old) {
        foreach ($name in $old.Environment.Keys) {
            # A value of null unsets the variable.
            [Environment]::SetEnvironmentVariable($name, $old.Environment[$name])
        }
        if ($null -ne $old.Prompt) { Set-Item -LiteralPath Function:\global:prompt $old.Prompt }
        Remove-Variable _OLD_VIRTUAL -Scope Global
    }
    if (-not $NonDestructive) { Remove-Item -LiteralPath Function:\deactivate }
}

# In a block of its own, so that nothing else is left behind if this script is dot-sourced.
& {
    param([string] $Scripts, [string] $Folder, [string] $Name)

    # The recorded prompt is a Python literal; other tools write the bare name.
    function Read-RecordedPrompt([string] $Path) {
        if (-not (Test-Path -LiteralPath $Path)) { return }
        foreach ($line in [IO.File]::ReadAllLines($Path)) {
            if ($line -notmatch '^\s*prompt\s*=\s*(.*?)\s*$') { continue }
            $text = $Matches[1]
            if ($text -notmatch '^([''"])(.*)\1$') { return $text }
            return [regex]::Replace($Matches[2], '\\(?:[xuU]([0-9a-f]+)|(.))', {
                param($match)
                if ($match.Groups[1].Success) {
                    $code = [Convert]::ToInt32($match.Groups[1].Value, 16)
                    if ($code -lt 0x10000) { return [string][char] $code }
                    return [char]::ConvertFromUtf32($code)
                }
                switch -CaseSensitive ($match.Groups[2].Value) {
                    'n' { "`n" }
                    'r' { "`r" }
                    't' { "`t" }
                    default { $_ }
                }
            })
        }
    }

    deactivate -NonDestructive
    $names = 'PATH', 'PYTHONHOME', 'VIRTUAL_ENV', 'VIRTUAL_ENV_PROMPT'
    $global:_OLD_VIRTUAL = @{ Environment = @{}; Prompt = $null }
    foreach ($name_ in $names) {
        $global:_OLD_VIRTUAL.Environment[$name_] = [Environment]::GetEnvironmentVariable($name_)
    }

    if (-not $Folder) { $Folder = Split-Path -Parent $Scripts }
    $Folder = $Folder.TrimEnd('\/')
    if (-not $Name) { $Name = Read-RecordedPrompt (Join-Path $Folder 'pyvenv.cfg') }
    if (-not $Name) { $Name = Split-Path -Leaf $Folder }
    $env:VIRTUAL_ENV = $Folder
    $env:VIRTUAL_ENV_PROMPT = $Name
    [Environment]::SetEnvironmentVariable('PYTHONHOME', $null)
    $separator = [IO.Path]::PathSeparator
    $others = @("$env:PATH".Split($separator) | Where-Object { $_ -and $_ -ne $Scripts })
    $env:PATH = (@($Scripts) + $others) -join $separator

    if (-not $env:VIRTUAL_ENV_DISABLE_PROMPT) {
        $global:_OLD_VIRTUAL.Prompt = $function:prompt
        function global:prompt {
            Write-Host -NoNewline -ForegroundColor Green "($env:VIRTUAL_ENV_PROMPT) "
            & $global:_OLD_VIRTUAL.Prompt
        }
    }
} $PSScriptRoot $VenvDir $Prompt
