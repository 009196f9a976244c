"""Let other tools' ``venv`` be newvenv: ``python -m newvenv.alias on | off | status | run``.

What stands in for the standard library's module is the package in ``_alias``. ``run``
puts that directory on PYTHONPATH. ``on`` writes a startup file into site-packages, which
reaches what ``run`` does not: ``python -I``, and tools that clear PYTHONPATH.
"""

from __future__ import annotations

import os
import sys

from . import _compat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn, TextIO

_USAGE = """\
usage: python -m newvenv.alias on [--user] [--force]
       python -m newvenv.alias off | status
       python -m newvenv.alias run COMMAND [ARGUMENT ...]

on       from now on, "import venv" and "python -m venv" of this Python are newvenv
off      take that back
status   say which of the two they are; exit with 1 for the standard library's
run      do what "on" does for one command and the processes that it starts

--user   change the site-packages directory of this user, not that of all users
--force  change a Python that the system manages (PEP 668), too
"""

#: What is on PYTHONPATH while ``run`` runs, and what the startup file names.
DIRECTORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_alias")

_COMMENT = "# Lets venv be newvenv; written, and removed again, by: python -m newvenv.alias"

#: Adds a finder for the module ``venv`` alone. Every start of this Python runs it, so it
#: imports nothing before ``venv`` is wanted, and is no longer than it must be. If the
#: directory is gone, the finder finds nothing and says nothing.
_HOOK = (
    "sys.meta_path.insert(0, type('NewvenvAlias', (), {{'find_spec': staticmethod("
    "lambda fullname, path=None, target=None: fullname == 'venv' and "
    "__import__('importlib.machinery').machinery.PathFinder.find_spec(fullname, [{}]) or None)}}))"
)

_PATH_FILE = f"{_COMMENT}\nimport sys; {_HOOK}\n"
_START_FILE = f"{_COMMENT}\n_newvenv_alias:install\n"
_START_MODULE = f"{_COMMENT}\n\n\ndef install():\n    import sys\n\n    {_HOOK}\n"

#: What is written, by file name; the startup file comes last, and goes first. Before
#: 3.18 ``.pth`` files run code; ``.start`` files (PEP 829), which 3.15 knows, too, cost
#: a start several milliseconds more, and complain of a module that is gone.
FILES = (
    {"_newvenv_alias.py": _START_MODULE, "newvenv_alias.start": _START_FILE}
    if _compat.START_FILES
    else {"newvenv_alias.pth": _PATH_FILE}
)


def turn_on(*, user: bool = False, force: bool = False) -> str:
    """Let ``venv`` be newvenv at each start of this Python; return the site-packages used.

    :param user: use the user's site-packages directory.
    :param force: do it even where it is refused otherwise.
    :raises ValueError: the installation is externally managed (PEP 668), newvenv belongs to
        another user than site-packages, or it is in an archive.
    :raises OSError: the directory can't be written to.
    """
    from . import _files

    if not os.path.isdir(DIRECTORY):
        raise ValueError(f"newvenv is in an archive, {DIRECTORY!r}: install or unpack it")
    directory = _user_site() if user else _site_packages()
    if not force:
        _refuse(directory, user=user)
    os.makedirs(directory, exist_ok=True)
    for name, text in FILES.items():
        _files.write(os.path.join(directory, name), text.format(ascii(DIRECTORY)).encode("ascii"))
    return directory


def turn_off() -> list[str]:
    """Remove what :func:`turn_on` has written, for this user and for all; return the paths.

    :raises OSError: one can't be removed.
    """
    found = written()
    for path in found:
        os.unlink(path)
    return found


def written() -> list[str]:
    """Return the paths that are there because of :func:`turn_on`, startup files first."""
    import site
    from importlib.util import cache_from_source

    directories = [_site_packages()]
    if site.ENABLE_USER_SITE:
        directories.append(_user_site())
    paths = [os.path.join(path, name) for name in reversed(FILES) for path in directories]
    paths += [cache_from_source(path) for path in paths if path.endswith(".py")]
    return [path for path in paths if os.path.lexists(path)]


def package() -> str | None:
    """Return the directory of the newvenv that ``import venv`` finds in this process.

    None if it finds the standard library's module.
    """
    from importlib.util import find_spec

    spec = find_spec("venv")
    origin = spec.origin if spec else None
    # Before it is imported, the module is found in DIRECTORY; then it is the package.
    for up in (1, 3):
        path = os.path.normpath(os.path.join(origin or os.devnull, *[os.pardir] * up))
        if os.path.isdir(os.path.join(path, os.path.basename(DIRECTORY))):
            return path
    return None


def run(command: list[str]) -> int:
    """Run *command* with ``venv`` being newvenv, and return its exit status.

    On POSIX the command takes this process's place, so signals reach it and its status
    is the caller's.

    :raises ValueError: newvenv's directory can't be on PYTHONPATH.
    :raises OSError: the command can't be started.
    """
    if os.pathsep in DIRECTORY:
        raise ValueError(f"{DIRECTORY!r} can't be on PYTHONPATH: it has {os.pathsep!r} in it")
    path = os.environ.get("PYTHONPATH")
    variables = dict(os.environ, PYTHONPATH=f"{DIRECTORY}{os.pathsep}{path}" if path else DIRECTORY)
    return _call(command, variables) if os.name == "nt" else _become(command, variables)


def _become(command: list[str], variables: dict[str, str]) -> NoReturn:
    """Replace this process by *command*."""
    import signal

    # A program that Python starts must not inherit what Python itself ignores.
    for name in ("SIGPIPE", "SIGXFSZ"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    os.execvpe(command[0], command, variables)  # noqa: S606


def _call(command: list[str], variables: dict[str, str]) -> int:
    """Run *command* and wait for it: Windows can't replace a process."""
    import signal

    from . import subprocess

    with subprocess.Popen(command, env=variables) as process:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the command, too
        return process.wait()


def _site_packages() -> str:
    import sysconfig

    return sysconfig.get_path("purelib")


def _user_site() -> str:
    import site

    if not site.ENABLE_USER_SITE:
        raise ValueError("this Python does not read the user's site-packages: omit --user")
    return site.getusersitepackages()


def _refuse(directory: str, *, user: bool) -> None:
    """Raise ValueError if newvenv is not to be named in the site-packages *directory*.

    Not if a package manager owns the installation (PEP 668), and not if another user
    than those of *directory* trust already may change newvenv.
    """
    import sysconfig

    marker = os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
    if not user and sys.prefix == sys.base_prefix and os.path.exists(marker):
        raise ValueError(
            f"{sys.executable} is managed by the system ({marker}): add --user, or --force"
        )
    if os.path.isdir(directory):
        owner = os.stat(DIRECTORY).st_uid
        if owner not in (0, os.stat(directory).st_uid):
            raise ValueError(
                f"{DIRECTORY!r} belongs to another user than {directory!r}: "
                "install newvenv there, or add --force"
            )


def _on(arguments: list[str]) -> int:
    try:
        directory = turn_on(user="--user" in arguments, force="--force" in arguments)
    except OSError as error:
        message = f"can't write to {error.filename!r}: {error.strerror}"
        raise ValueError(message + _other_place(arguments)) from error
    _print(f"venv of {sys.executable} is newvenv now, by a file in {directory}")
    return 0


def _other_place(arguments: list[str]) -> str:
    import site

    return "; add --user" if site.ENABLE_USER_SITE and "--user" not in arguments else ""


def _off(_: list[str]) -> int:
    removed = turn_off()
    _print(f"removed {', '.join(removed)}" if removed else "there was nothing to remove")
    return 0


def _status(_: list[str]) -> int:
    found, paths = package(), written()
    _print(f"venv of {sys.executable} is " + (f"newvenv, {found}" if found else "its own"))
    if paths and not found:
        _print(f"{paths[0]} has no effect: the newvenv that it names is gone")
    return 0 if found else 1


def _run(command: list[str]) -> int:
    try:
        return run(command)
    except OSError as error:
        _print(f"Error: can't run {command[0]!r}: {error.strerror}", sys.stderr)
        return 127 if isinstance(error, FileNotFoundError) else 126  # as shells have it


#: Each command, and which arguments it takes; None for one or more, whatever they are.
_COMMANDS: dict[str, tuple[Callable[[list[str]], int], set[str] | None]] = {
    "on": (_on, {"--user", "--force"}),
    "off": (_off, set()),
    "status": (_status, set()),
    "run": (_run, None),
}


def main(arguments: list[str]) -> int:
    """Run the command line on *arguments*, and return the exit status."""
    name, rest = "".join(arguments[:1]), arguments[1:]
    command, known = _COMMANDS.get(name, (_status, None))
    if name not in _COMMANDS or not (bool(rest) if known is None else known.issuperset(rest)):
        asked = name in ("-h", "--help")
        _print(_USAGE.rstrip(), sys.stdout if asked else sys.stderr)
        return 0 if asked else 2
    try:
        return command(rest)
    except (OSError, ValueError) as error:
        _print(f"Error: {error}", sys.stderr)
        return 1


def _print(line: str, file: TextIO | None = None) -> None:
    print(line, file=file)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
