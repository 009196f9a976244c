# Source this file to activate the virtual environment:  source bin/activate.xsh
# The command "deactivate" takes back everything that is done here.


def _virtual_env_on(env, aliases):
    import os.path

    # Leave the environment that is active in this very shell.
    leave = getattr(getattr(aliases.get("deactivate"), "func", None), "leave", None)
    if leave is not None:
        leave()

    names = "PATH", "PYTHONHOME", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT"
    old = {name: env[name] for name in names if name in env}
    old_alias = {name: aliases[name] for name in ["deactivate"] if name in aliases}

    def leave():
        for name in names:
            if name in env:
                del env[name]
        env.update(old)
        aliases.pop("deactivate", None)
        aliases.update(old_alias)

    def deactivate(args):
        leave()

    deactivate.leave = leave
    aliases["deactivate"] = deactivate

    path = __VENV_DIR__
    folder = os.path.join(path, __VENV_BIN_NAME__)
    # The prompt shows the name by itself: its field {env_name} asks for these.
    env["VIRTUAL_ENV_PROMPT"] = __VENV_BARE_PROMPT__
    env["VIRTUAL_ENV"] = path
    env["PATH"] = [folder, *(other for other in old.get("PATH", ()) if other != folder)]
    if "PYTHONHOME" in env:
        del env["PYTHONHOME"]


_virtual_env_on(__xonsh__.env, aliases)
del _virtual_env_on
