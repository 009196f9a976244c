# Activate the virtual environment:  overlay use bin/activate.nu
# The command "deactivate" takes back everything: the overlay holds all that is set here.
# ("deactivate nondestructive" keeps the overlay, and so the command.)

export-env {
    let virtual_env = __VENV_DIR__
    if not ($virtual_env | path join pyvenv.cfg | path exists) {
        error make --unspanned {
            msg: "activate: this environment was moved or copied; to mend it, run: newvenv --repair DIR"
        }
    }
    # What is here before the first activation, so that activating again does not nest anything.
    if ($env._OLD_VIRTUAL? | is-empty) {
        $env._OLD_VIRTUAL = {
            PATH: $env.PATH?
            PYTHONHOME: $env.PYTHONHOME?
            VIRTUAL_ENV: $env.VIRTUAL_ENV?
            VIRTUAL_ENV_PROMPT: $env.VIRTUAL_ENV_PROMPT?
            PROMPT_COMMAND: $env.PROMPT_COMMAND?
        }
    }

    let bin = ($virtual_env | path join __VENV_BIN_NAME__)
    # The directory of an environment that is active already goes, whether this or another one.
    let active = ($env.VIRTUAL_ENV? | default $virtual_env | path join __VENV_BIN_NAME__)
    let path = ($env.PATH? | default [] | split row (char esep) | where $it not-in [$bin $active ""])
    load-env {
        VIRTUAL_ENV: $virtual_env
        VIRTUAL_ENV_PROMPT: __VENV_BARE_PROMPT__
        PATH: ($path | prepend $bin)
    }
    # Null is not passed on, as if unset; what "hide-env" hides would not come back.
    if "PYTHONHOME" in $env { $env.PYTHONHOME = null }

    if ($env.VIRTUAL_ENV_DISABLE_PROMPT? | is-empty) {
        $env.PROMPT_COMMAND = {||
            let old = $env._OLD_VIRTUAL.PROMPT_COMMAND
            let text = if ($old | describe | str starts-with closure) { do $old } else { $old }
            $"(ansi reset)\(($env.VIRTUAL_ENV_PROMPT)) ($text)"
        }
    }
}

export alias deactivate = overlay hide activate --keep-env [PWD]

export def --env "deactivate nondestructive" [] {
    load-env ($env._OLD_VIRTUAL? | default {})
    $env._OLD_VIRTUAL = null
}
