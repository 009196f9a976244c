"""Activate the virtual environment in a Python that is running already.

For a program that embeds Python, or runs under one that it cannot choose::

    import runpy
    runpy.run_path("bin/activate_this.py")

Child processes find the environment's programs, and imports its packages. It has to be
made for the same version of Python, and nothing takes this back.
"""

# The names in capitals are filled in.
# ruff: noqa: F821
import os
import site
import sys
import sysconfig

virtual_env = __VENV_DIR__
bin_path = os.path.join(virtual_env, __VENV_BIN_NAME__)

folders = os.environ.get("PATH", "").split(os.pathsep)
rest = [folder for folder in folders if folder not in (bin_path, "")]
os.environ["PATH"] = os.pathsep.join([bin_path, *rest])
os.environ["VIRTUAL_ENV"] = virtual_env
os.environ["VIRTUAL_ENV_PROMPT"] = __VENV_BARE_PROMPT__
os.environ.pop("PYTHONHOME", None)

# Its packages go before those that are there. These schemes have the layout of environments,
# and other than the default one, no distribution changes them.
scheme = "nt" if os.name == "nt" else "posix_prefix"
bases = dict.fromkeys(("base", "platbase"), virtual_env)
packages = [sysconfig.get_path(name, scheme, bases) for name in ("purelib", "platlib")]
others = [folder for folder in sys.path if folder not in packages]
sys.path[:] = []
for folder in dict.fromkeys(packages):
    site.addsitedir(folder)
sys.path += [folder for folder in others if folder not in sys.path]

sys.prefix = sys.exec_prefix = virtual_env
