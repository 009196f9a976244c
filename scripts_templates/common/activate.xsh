# Source this file to activate the virtual environment:  source bin/activate.xsh
# The command "deactivate" takes back everything that is done here.


def _virtual_env_on(env, aliases):
    import os.path

    # Leave the environment that is active in this very shell.
    if "deactivate" in aliases:
        command = getattr(aliases["deactivate"], "func", None)
        getattr(command, "leave", lambda: None)()

    names = "PATH", "PYTHONHOME", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT"
    old = {name: env[name] for name in names if name in env}
    old_alias = {name: aliases[name] for name in ["deactivate"] if name in aliases}

    def leave():
        for name in names:
            if name in env:
                del env[name]
        env.update(old)
        if "_OLD_VIRTUAL_DOLLAR" in env:
            del env["_OLD_VIRTUAL_DOLLAR"]
            env.deregister("_OLD_VIRTUAL_DOLLAR")
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
    others = [other for other in old.get("PATH", ()) if other != folder]
    if "$" in folder:
        # xonsh expands what is on PATH, once. Without "detype" the variable is not exported.
        env.register("_OLD_VIRTUAL_DOLLAR", detype=None)
        env["_OLD_VIRTUAL_DOLLAR"] = "$"
        folder = folder.replace("$", "${'_OLD_VIRTUAL_DOLLAR'}")
    env["PATH"] = [folder, *others]
    if "PYTHONHOME" in env:
        del env["PYTHONHOME"]


_virtual_env_on(__xonsh__.env, aliases)
del _virtual_env_on
