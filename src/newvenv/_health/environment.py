"""What there is in an environment's directory: read once, and judged elsewhere."""

from __future__ import annotations

import errno
import os
import stat

from .. import _config
from . import base, disk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .base import Installation
    from .packages import Distribution

WINDOWS = os.name == "nt"
EXE = ".exe" if WINDOWS else ""


class Environment:
    """An environment as it is found; nothing in it is taken to be right."""

    __slots__ = (
        "base",
        "bin_path",
        "config",
        "distributions",
        "library",
        "linked",
        "names",
        "other_base",
        "path",
        "scripts",
    )

    #: The environment's directory, an absolute path without links at its end.
    path: str
    #: The directory of its scripts, and the names in it.
    bin_path: str
    names: list[str]
    #: The contents of the regular files in ``bin_path`` that are scripts, up to a
    #: length, by name; filled by the functions that need them.
    scripts: dict[str, bytes] | None
    #: The values of ``pyvenv.cfg``, None if there is no such file, or nothing in it.
    config: dict[str, str] | None
    #: Which Python it is for, like ``python3.13``; ``""`` if that can't be told.
    library: str
    #: What the links to the interpreter lead to; ``""`` if there is none that does.
    linked: str
    #: The installation to use, None if there is none of the right kind.
    base: Installation | None
    #: The installation of another kind that is in its base's place.
    other_base: Installation | None
    #: The distributions installed; None until they are asked for.
    distributions: list[Distribution] | None

    def site_packages(self) -> list[str]:
        """Return the directories that its packages lie in, whether or not they exist."""
        if WINDOWS:
            return [os.path.join(self.path, "Lib", "site-packages")]
        libs = ["lib"]
        lib64 = os.path.join(self.path, "lib64")
        if os.path.isdir(lib64) and not os.path.islink(lib64):
            libs.append("lib64")
        return [os.path.join(self.path, lib, self.library, "site-packages") for lib in libs]

    def python(self) -> str:
        """Return the path of its interpreter."""
        return os.path.join(self.bin_path, "python" + EXE)

    def is_here(self, path: str) -> bool:
        """Is *path*, by whatever name, the directory of this environment?"""
        return path == self.path or _is_same(path, self.path)

    def maker(self) -> str:
        """Return ``"uv"`` or ``"virtualenv"``, and ``"venv"`` for all that write like venv."""
        config = self.config or {}
        return next((name for name in ("uv", "virtualenv") if name in config), "venv")


def _is_same(path1: str, path2: str) -> bool:
    try:
        return os.path.samefile(path1, path2)
    except OSError:
        return False


def read(env_dir: str | os.PathLike[str]) -> Environment:
    """Read what can be known of the environment in *env_dir* without its packages.

    :raises OSError: there is no such directory, or it can't be read.
    :raises ValueError: it is no environment.
    """
    env = Environment()
    env.path = _directory(env_dir)
    env.bin_path = _bin_path(env.path)
    env.names = disk.names_in(env.bin_path)
    env.config = _values(env.path)
    env.scripts, env.distributions = None, None
    env.linked = _linked(env)
    env.library = _library(env)
    _refuse_others(env)
    env.base, env.other_base = _base(env)
    return env


def _directory(env_dir: str | os.PathLike[str]) -> str:
    from .. import _preflight

    path = _preflight.target(env_dir)
    if not stat.S_ISDIR(os.stat(path).st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
    return os.path.realpath(path) if os.path.islink(path) else path


def _bin_path(path: str) -> str:
    scripts = os.path.join(path, "Scripts")
    # MSYS2's Python on Windows has bin, too.
    return scripts if WINDOWS and os.path.isdir(scripts) else os.path.join(path, "bin")


def _values(path: str) -> dict[str, str] | None:
    return dict(_config.parse(disk.text(os.path.join(path, "pyvenv.cfg")))) or None


def is_interpreter(name: str) -> bool:
    """Is *name* one under which a Python is found in ``bin``?"""
    bare = name[: -len(EXE)] if EXE and name.endswith(EXE) else name
    return bare in ("python", "python3", "pypy", "pypy3", "pythonw") or base.is_library(bare)


def _linked(env: Environment) -> str:
    """Return the existing file that the interpreter's links lead to, outside of *env*.

    The path is as the link has it: what it leads to further is the installation's affair.
    """
    prefix = os.path.join(env.path, "")
    for name in filter(is_interpreter, env.names):
        path = os.path.join(env.bin_path, name)
        for _ in range(40):  # as many as Linux follows
            if not os.path.islink(path):
                break
            path = os.path.join(os.path.dirname(path), os.readlink(path))
            if not os.path.normpath(path).startswith(prefix):
                if os.path.exists(path):
                    return path
                break
    return ""


def _library(env: Environment) -> str:
    """Return the kind of Python that *env* is for: as its file says, else by what it holds."""
    names = disk.names_in(os.path.join(env.path, "lib"))
    library = base.library_of(env.config or {}, [*names, *env.names])
    if library:
        return library
    present = list(filter(base.is_library, names))
    if len(present) != 1:
        present = list(filter(base.is_library, env.names)) or present
    return present[-1] if present else ""


def _refuse_others(env: Environment) -> None:
    """Refuse what is no environment: it has no ``pyvenv.cfg``, and looks like none.

    :raises ValueError: *env* is not a virtual environment.
    """
    if env.config is not None or os.path.lexists(os.path.join(env.path, "pyvenv.cfg")):
        return
    installed = os.path.join(env.path, "lib", env.library, "os.py")
    has_packages = any(map(os.path.isdir, env.site_packages())) and bool(env.library)
    if not has_packages or not any(map(is_interpreter, env.names)) or os.path.exists(installed):
        raise ValueError(f"not a virtual environment: {env.path!r} has no pyvenv.cfg")


def _base(env: Environment) -> tuple[Installation | None, Installation | None]:
    if not env.library:
        found = base.installation(env.linked) if env.linked else None
        env.library = found.library if found else base.running().library
        return found, None
    found, other = base.own(env.config or {}, env.linked, env.library)
    return found or base.substitute(env.library), other
