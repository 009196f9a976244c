# Source this file to activate the virtual environment:  source bin/activate.fish
# It is for fish. The command "deactivate" takes back everything that is done here.
#
# "builtin" bypasses the user's functions; "set", "test" and "string" cannot be functions.

function _virtual_env_is_here -a folder script
    # Is the environment still in that directory, and this script in it rather than in a copy?
    # (A lone copy of the script, or a link to it, may do as well.)
    test -e "$folder/pyvenv.cfg"; or return 1
    set -l scripts (string replace -r '[^/]*$' '' -- "$script" | string collect).
    test -e "$scripts/../pyvenv.cfg"; or return 0
    test "$scripts" -ef "$folder"/__VENV_BIN_NAME__ 2>/dev/null
    test $status -ne 1 # Not even if this fish does not know "-ef".
end
if not _virtual_env_is_here __VENV_DIR__ (builtin status filename | string collect)
    builtin functions -e _virtual_env_is_here
    builtin echo 'activate: this environment was moved or copied; to mend it, run: newvenv --repair DIR' >&2
    return 1
end
builtin functions -e _virtual_env_is_here

# Leave the environment that is active in this very shell, whatever has activated it.
if set -q _OLD_VIRTUAL_PATH; or set -q _OLD_VIRTUAL_ON
    builtin functions -q deactivate; and deactivate nondestructive
else if builtin functions -q deactivate
    builtin functions -c deactivate _old_virtual_deactivate
end

function _virtual_env_restore
    set -q _OLD_VIRTUAL_PATH; or set -e PATH
    set -q _OLD_VIRTUAL_PATH; and set -gx PATH $_OLD_VIRTUAL_PATH
    # A parent shell's environment, if this shell has inherited one, is the active one again.
    set -e VIRTUAL_ENV
    set -q _OLD_VIRTUAL_ENV; and set -gx VIRTUAL_ENV $_OLD_VIRTUAL_ENV
    set -e VIRTUAL_ENV_PROMPT
    set -q _OLD_VIRTUAL_ENV_PROMPT; and set -gx VIRTUAL_ENV_PROMPT $_OLD_VIRTUAL_ENV_PROMPT
    set -q _OLD_VIRTUAL_PYTHONHOME; and set -gx PYTHONHOME $_OLD_VIRTUAL_PYTHONHOME
    # It had not been exported before.
    builtin contains PYTHONHOME $_OLD_VIRTUAL_ON; and set -gu PYTHONHOME $PYTHONHOME

    if set -q _OLD_FISH_PROMPT_OVERRIDE
        builtin functions -e fish_prompt
        builtin contains no-prompt $_OLD_VIRTUAL_ON
        or builtin functions -c _old_fish_prompt fish_prompt
        builtin functions -e _old_fish_prompt
    end
    for name in VIRTUAL_{ON,PATH,PYTHONHOME,ENV,ENV_PROMPT} FISH_PROMPT_OVERRIDE
        set -e _OLD_$name
    end
end

function deactivate -d 'Leave the virtual environment'
    set -q _OLD_VIRTUAL_ON; and _virtual_env_restore
    test "$argv[1]" = nondestructive; and return

    builtin functions -e deactivate _virtual_env_restore
    if builtin functions -q _old_virtual_deactivate
        builtin functions -c _old_virtual_deactivate deactivate
        builtin functions -e _old_virtual_deactivate
    end
    return 0
end

set -gu _OLD_VIRTUAL_ON yes
set -q PATH; and set -gu _OLD_VIRTUAL_PATH $PATH
set -q VIRTUAL_ENV; and set -gu _OLD_VIRTUAL_ENV $VIRTUAL_ENV
set -q VIRTUAL_ENV_PROMPT; and set -gu _OLD_VIRTUAL_ENV_PROMPT $VIRTUAL_ENV_PROMPT
if set -q PYTHONHOME
    set -qx PYTHONHOME; or set -ga _OLD_VIRTUAL_ON PYTHONHOME
    set -gu _OLD_VIRTUAL_PYTHONHOME $PYTHONHOME
    set -e PYTHONHOME
end

set -gx VIRTUAL_ENV_PROMPT __VENV_BARE_PROMPT__
set -gx VIRTUAL_ENV __VENV_DIR__
# A Windows path, in fish of Cygwin or MSYS.
if string match -qr '^[A-Za-z]:|^\\\\' -- $VIRTUAL_ENV; and builtin command -sq cygpath
    set VIRTUAL_ENV (command cygpath -u $VIRTUAL_ENV)
end
begin
    # The directory of the scripts comes first on PATH, and nowhere else.
    set -l folders "$VIRTUAL_ENV"/__VENV_BIN_NAME__
    for folder in $PATH
        test "$folder" = "$folders[1]"; or set -a folders $folder
    end
    set -gx PATH $folders
end

if test -z "$VIRTUAL_ENV_DISABLE_PROMPT"
    set -gu _OLD_FISH_PROMPT_OVERRIDE $VIRTUAL_ENV
    if builtin functions -q fish_prompt
        builtin functions -c fish_prompt _old_fish_prompt
    else
        set -ga _OLD_VIRTUAL_ON no-prompt
        function _old_fish_prompt
            builtin printf '> '
        end
    end
    function fish_prompt
        # The old one first, while $status and $pipestatus are those of the user's command.
        set -l lines (_old_fish_prompt)
        builtin set_color 4B8BBE
        builtin printf '(%s) ' "$VIRTUAL_ENV_PROMPT"
        builtin set_color normal
        builtin printf '%s\n' $lines
    end
end
