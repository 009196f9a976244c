"""Activate the virtual environment in a Python that is running already.

For a program that embeds Python, or runs under one that it cannot choose::

    import runpy
    runpy.run_path("bin/activate_this.py")

Child processes find the environment's programs, and imports its packages. It has to be
made for the same version of Python, and nothing takes this back.

:raises RuntimeError: the environment was moved or copied, or is for another version.
"""

# The names in capitals are filled in.
# ruff: noqa: F821
import os
import site
import sys
import sysconfig

virtual_env = __VENV_DIR__
bin_path = os.path.join(virtual_env, __VENV_BIN_NAME__)

# These schemes have the layout of environments, and other than the default one, no
# distribution changes them.
scheme = "nt" if os.name == "nt" else "posix_prefix"
bases = dict.fromkeys(("base", "platbase"), virtual_env)
packages = [sysconfig.get_path(name, scheme, bases) for name in ("purelib", "platlib")]


def check() -> None:
    """Refuse an environment that is not here, or not for this Python, before any change."""
    try:
        with open(os.path.join(virtual_env, "pyvenv.cfg"), "rb") as file:
            pairs = [line.decode("utf-8", "replace").partition("=") for line in file]
    except OSError:
        raise RuntimeError(
            "activate: this environment was moved or copied; to mend it, run: newvenv --repair DIR"
        ) from None
    values = {key.strip().lower(): value.strip() for key, _, value in pairs}
    running = "{}.{}".format(*sys.version_info[:2])
    version = ".".join(values.get("version", running).split(".")[:2])
    if version != running or not os.path.isdir(packages[0]):
        name = sys.implementation.name
        raise RuntimeError(
            f"activate: {virtual_env!r} is for Python {version}, and this is {name} {running}"
        )


def add(folders: "list[str]") -> None:
    """Put *folders*, and what their ``.pth`` files add, first on ``sys.path``.

    First only afterwards: what a ``.pth`` file runs may import from what is there already.
    """
    old = [folder for folder in sys.path if folder not in folders]
    sys.path[:] = old
    known: set[str] = set()
    for folder in folders:
        site.addsitedir(folder, known)
    added = list(sys.path)
    for folder in old:
        if folder in added:
            added.remove(folder)
    # From 3.15 on, what was on the path before stays where it is.
    again = (folder for folder in old if os.path.normcase(folder) in known)
    added += [folder for folder in again if folder not in added]
    sys.path[:] = [*added, *(folder for folder in old if folder not in added)]


check()
others = [folder for folder in os.environ.get("PATH", "").split(os.pathsep) if folder != bin_path]
os.environ["PATH"] = os.pathsep.join([bin_path, *(others if others != [""] else [])])
os.environ["VIRTUAL_ENV"] = virtual_env
os.environ["VIRTUAL_ENV_PROMPT"] = __VENV_BARE_PROMPT__
os.environ.pop("PYTHONHOME", None)
add(list(dict.fromkeys(packages)))
sys.prefix = sys.exec_prefix = virtual_env
