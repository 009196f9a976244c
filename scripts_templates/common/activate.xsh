# Source this file to activate the virtual environment:  source bin/activate.xsh
# The command "deactivate" takes back everything that is done here.


def _virtual_env_on(env, aliases):
    import os.path

    path = __VENV_DIR__
    scripts = os.path.join(path, __VENV_BIN_NAME__)
    if not os.path.exists(os.path.join(path, "pyvenv.cfg")):
        raise RuntimeError(
            "activate: this environment was moved or copied; to mend it, run: newvenv --repair DIR"
        )

    # Leave the environment that is active in this very shell.
    if "deactivate" in aliases:
        command = getattr(aliases["deactivate"], "func", None)
        getattr(command, "leave", lambda: None)()

    names = "PATH", "PYTHONHOME", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT"
    old = {name: env[name] for name in names if name in env}
    old_alias = {name: aliases[name] for name in ["deactivate"] if name in aliases}

    def restore():
        if deactivate.is_on:
            for name in names:
                env.pop(name, None)
            env.update(old)
            if "_OLD_VIRTUAL_DOLLAR" in env:
                del env["_OLD_VIRTUAL_DOLLAR"]
                env.deregister("_OLD_VIRTUAL_DOLLAR")
        deactivate.is_on = False

    def leave():
        restore()
        aliases.pop("deactivate", None)
        aliases.update(old_alias)

    def deactivate(args):
        if args == ["nondestructive"]:
            restore()
        else:
            leave()

    deactivate.is_on = True
    deactivate.leave = leave
    aliases["deactivate"] = deactivate

    # The prompt shows the name by itself: its field {env_name} asks for these.
    env["VIRTUAL_ENV_PROMPT"] = __VENV_BARE_PROMPT__
    env["VIRTUAL_ENV"] = path
    others = [other for other in old.get("PATH", ()) if other != scripts]
    if "$" in scripts:
        # xonsh expands what is on PATH, once. Without "detype" the variable is not exported.
        env.register("_OLD_VIRTUAL_DOLLAR", detype=None)
        env["_OLD_VIRTUAL_DOLLAR"] = "$"
        scripts = scripts.replace("$", "${'_OLD_VIRTUAL_DOLLAR'}")
    env["PATH"] = [scripts, *others]
    if "PYTHONHOME" in env:
        del env["PYTHONHOME"]


try:
    _virtual_env_on(__xonsh__.env, aliases)
finally:
    del _virtual_env_on
