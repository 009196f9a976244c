# Activate the virtual environment:  overlay use bin/activate.nu
# The command "deactivate" takes back everything: the overlay holds all that is set here.

export-env {
    let virtual_env = __VENV_DIR__
    let bin = ($virtual_env | path join __VENV_BIN_NAME__)
    # The folder of an environment that is active already goes, whether this or another one.
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
        # The first prompt is kept, so that activating again does not nest them.
        if ($env._OLD_VIRTUAL_PROMPT? | is-empty) {
            $env._OLD_VIRTUAL_PROMPT = [$env.PROMPT_COMMAND?]
        }
        $env.PROMPT_COMMAND = {||
            let old = ($env._OLD_VIRTUAL_PROMPT | first)
            let text = if ($old | describe | str starts-with closure) { do $old } else { $old }
            $"(ansi reset)\(($env.VIRTUAL_ENV_PROMPT)) ($text)"
        }
    }
}

export alias deactivate = overlay hide activate --keep-env [PWD]
