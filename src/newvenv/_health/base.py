"""Which Python an environment belongs to, and where one of that kind is installed.

What an installation is, is read from its files; an interpreter is only started if they
do not tell.
"""

from __future__ import annotations

import os
import sys

from .. import _layout
from . import disk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Begin the names of the directories in ``lib`` that hold a Python's own library.
_KINDS = ("python3.", "pypy3.")


class Installation:
    """A Python that environments can be based on."""

    __slots__ = ("executable", "library", "version")

    def __init__(self, executable: str, library: str, version: str) -> None:
        #: The path to link to; it may be a link itself.
        self.executable = executable
        #: Implementation, minor version and ABI, as in ``python3.13t`` or ``pypy3.11``:
        #: the name of the directory that packages lie in.
        self.library = library
        #: Like ``3.13.1``; ``""`` if it is not known.
        self.version = version


def is_library(name: str) -> bool:
    """Is *name* like ``python3.13``, ``python3.13t`` or ``pypy3.11``?"""
    return any(name.startswith(kind) and name[len(kind) :].rstrip("t").isdigit() for kind in _KINDS)


def number(library: str) -> str:
    """Return the minor version of a kind of Python: ``3.13`` for ``python3.13t``."""
    return library[library.find("3") :].rstrip("t")


def spoken(library: str) -> str:
    """Return the name of a Python for people: ``Python 3.13``, ``PyPy 3.11``."""
    kind = "PyPy" if library.startswith("pypy") else "Python"
    threaded = " (free-threaded)" if library.endswith("t") else ""
    return f"{kind} {number(library)}{threaded}"


def library_of(config: Mapping[str, str], names: list[str]) -> str:
    """Return the kind of Python that *config*, of a ``pyvenv.cfg``, names; ``""`` if it names none.

    :param names: what is in the environment's ``lib``, which tells the rest.
    """
    versions = [config.get(key, "") for key in ("version", "version_info", "python-version")]
    version = ".".join(next(filter(None, versions), "").split(".")[:2])
    if not version:
        return ""
    is_pypy = config.get("implementation", "").lower() == "pypy" or f"pypy{version}" in names
    if not is_pypy and f"python{version}" not in names:
        is_pypy = any(name.startswith("pypy") for name in names)
    library = ("pypy" if is_pypy else "python") + version
    return library + "t" if library + "t" in names and library not in names else library


def running() -> Installation:
    """Return the installation that this process runs on."""
    version = sys.version_info
    kind = "pypy" if sys.implementation.name == "pypy" else "python"
    threaded = "t" if "t" in getattr(sys, "abiflags", "") else ""
    library = f"{kind}{version[0]}.{version[1]}{threaded}"
    patch = "{}.{}.{}".format(*version[:3])
    return Installation(_running_executable(library), library, patch)


def _running_executable(library: str) -> str:
    """Return the executable of the installation that this process runs on.

    Up to Python 3.10 an environment's Python takes itself for the base.
    """
    executable = _layout.base_executable()
    if sys.prefix == sys.base_prefix or not executable.startswith(os.path.join(sys.prefix, "")):
        return executable
    paths = [os.path.join(sys.base_prefix, "bin", name) for name in executable_names(library)]
    return next(filter(os.path.exists, paths), os.path.realpath(executable))


def installation(executable: str) -> Installation | None:
    """Return what is installed at *executable*, None if nothing that runs is."""
    real = os.path.realpath(executable)
    if not os.path.isfile(real) or not os.access(real, os.X_OK):
        return None
    this = running()
    if os.path.realpath(this.executable) == real:
        return Installation(executable, this.library, this.version)
    prefix = os.path.dirname(os.path.dirname(real))
    library = _library(prefix, os.path.basename(real))
    if library:
        return Installation(executable, library, _patch(prefix, library))
    return _ask(executable)


def _library(prefix: str, name: str) -> str:
    """Return which of the libraries in *prefix* belongs to the executable *name*."""
    found = {
        below
        for lib in ("lib", "lib64")
        for below in disk.names_in(os.path.join(prefix, lib))
        if is_library(below) and os.path.isfile(os.path.join(prefix, lib, below, "os.py"))
    }
    if name in found:
        return name
    return found.pop() if len(found) == 1 else ""


def _patch(prefix: str, library: str) -> str:
    """Return the full version that the headers of an installation tell, else ``""``."""
    text = disk.text(os.path.join(prefix, "include", library, "patchlevel.h"))
    words = [line.split() for line in text.splitlines() if line.startswith("#define PY_M")]
    values = {word[1]: word[2] for word in words if len(word) > 2}
    names = ("PY_MAJOR_VERSION", "PY_MINOR_VERSION", "PY_MICRO_VERSION")
    return ".".join(values[name] for name in names) if values.keys() >= {*names} else ""


_PROGRAM = """\
import sys
kind = "pypy" if sys.implementation.name == "pypy" else "python"
threaded = "t" if "t" in getattr(sys, "abiflags", "") else ""
print(kind + "%d.%d" % sys.version_info[:2] + threaded, "%d.%d.%d" % sys.version_info[:3])
"""


def _ask(executable: str) -> Installation | None:
    """Start *executable* to learn what it is; None if that fails."""
    from .. import subprocess

    try:
        output: bytes = subprocess.check_output(
            [executable, "-I", "-S", "-c", _PROGRAM], stderr=subprocess.DEVNULL, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return None
    words = output.decode("ascii", "replace").split()
    return Installation(executable, *words) if len(words) == 2 else None


def own(
    config: Mapping[str, str], linked: str, library: str
) -> tuple[Installation | None, Installation | None]:
    """Find the installation that an environment says it is based on.

    :param linked: what the links in the environment lead to, ``""`` if they lead nowhere.
    :param library: the kind of Python that is wanted, like ``python3.13``.
    :return: the base if it is of that kind, and the one that is there instead.
    """
    other = None
    for executable in _own_paths(config, linked, library):
        found = installation(executable)
        if found is not None and found.library == library:
            return found, other
        other = other or found
    return None, other


def _own_paths(config: Mapping[str, str], linked: str, library: str) -> Iterator[str]:
    """Yield where the base may be, the most telling place first."""
    home = config.get("home", "")
    recorded = [config[key] for key in ("executable", "base-executable") if config.get(key)]
    if home:
        known = [os.path.basename(path) for path in (linked, *recorded) if path]
        for name in dict.fromkeys([*known, *executable_names(library)]):
            yield os.path.join(home, name)
    if linked:
        yield linked
    yield from recorded


def executable_names(library: str) -> list[str]:
    """Return how the executable of a Python may be called, the exact name first."""
    if os.name == "nt":
        return ["python.exe"]
    return (
        [library, "pypy3", "pypy"] if library.startswith("pypy") else [library, "python3", "python"]
    )


def substitute(library: str) -> Installation | None:
    """Return another installation of the kind *library*: the running one, or one that is found."""
    this = running()
    if this.library == library:
        return this
    return next(_discovered(library), None)


def _discovered(library: str) -> Iterator[Installation]:
    for executable in _find(library):
        found = installation(_outside(executable))
        if found is not None and found.library == library:
            yield found


def _outside(executable: str) -> str:
    """Return what *executable* leads to if it is an environment's, which may go any day."""
    prefix = os.path.dirname(os.path.dirname(executable))
    is_in_environment = os.path.exists(os.path.join(prefix, "pyvenv.cfg"))
    return os.path.realpath(executable) if is_in_environment else executable


def _find(library: str) -> Iterator[str]:
    """Yield executables that may be of the kind *library*: from PATH, or found by version."""
    from .. import _python

    kind = "pypy" if library.startswith("pypy") else ""
    for name in (library, kind + number(library)):
        try:
            yield _python.find(name)
        except ValueError:
            continue
