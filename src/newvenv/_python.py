"""Another Python for ``--python``: finding it, and handing the run over to it.

The interpreter runs this very newvenv, as if that were installed there: nothing else of
ours gets onto its ``sys.path`` or into its environment variables.
"""

from __future__ import annotations

import os
import sys

from . import _log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

#: The beginning of the run in the other interpreter, which may be older than all we support.
#: Its arguments: where this package lies, and what the program is called. The current
#: directory, where ``-c`` looks first, goes; so does a newvenv that has been imported there.
_BOOTSTRAP = """\
import sys
if sys.path[:1] == ['']:
    del sys.path[0]
if sys.version_info < (3, 9):
    sys.stderr.write("Error: %s is Python %d.%d; newvenv needs 3.9 or newer, "
        "name another with --python\\n" % ((sys.executable,) + sys.version_info[:2]))
    sys.exit(1)
place = sys.argv[1]
del sys.argv[:2]
for name in [name for name in sys.modules if name.split('.')[0] == 'newvenv']:
    del sys.modules[name]
sys.path.insert(0, place)
import newvenv.__main__
sys.path.remove(place)
if sys.argv[0].endswith('__main__.py'):
    __spec__ = newvenv.__main__.__spec__
sys.exit(newvenv.__main__.main())
"""

#: What an interpreter's executable calls or is: CPython's main functions, and PyPy's library.
_MAINS = (b"Py_BytesMain", b"Py_Main", b"_Py_UnixMain", b"pypy_main_startup", b"libpypy")

#: So far into an executable its symbols are looked for; they come early (ELF's dynamic ones).
_HEAD = 1 << 21

#: How interpreters, and scripts and launchers that stand for them, are called.
_NAMES = ("python", "pypy", "graalpy")

#: Where an installation or an environment has its interpreter.
_PLACES = ("bin/python3", "bin/python", "bin/pypy3", "Scripts/python.exe", "python.exe")

_ASK = "import sys; sys.stdout.write('Python %d.%d' % sys.version_info[:2])"


def run(options: dict[str, Any], *, is_program: bool) -> None:
    """Run newvenv on ``options["others"]`` in the interpreter that ``--python`` stands for.

    :param is_program: this process may become that interpreter. It does not return then.
    :raises ValueError: there is no such interpreter.
    :raises SystemExit: the run has failed, with its status.
    """
    path = _path(options)
    command = [path, *_flags(), "-c", _BOOTSTRAP, _place(), sys.argv[0], *options["others"]]
    variables = dict(os.environ)
    # A framework build's variable would make the other Python take itself for this one.
    variables.pop("__PYVENV_LAUNCHER__", None)
    try:
        status = _run(command, variables, is_program=is_program)
    except OSError as error:
        raise ValueError(f"can't run {path!r}: {error.strerror}") from error
    if status:
        raise SystemExit(status)


def _path(options: dict[str, Any]) -> str:
    """Return the interpreter's path, and tell of it what *options* want to be told."""
    try:
        path = find(options["python"])
    except ValueError as error:
        if options["json"]:
            from . import _result

            _result.print_json({"env_dir": None, "error": str(error)})
        raise
    if options["verbose"]:
        from . import _result

        with _result.Records(options["verbose"]):
            _log.info("Going on with %s, for --python %s.", path, options["python"])
    return path


def _run(command: list[str], variables: dict[str, str], *, is_program: bool) -> int:
    """Become *command*, or run it and return its exit status as shells have it."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    if is_program and os.name == "posix":
        os.execve(command[0], command, variables)  # noqa: S606 - no shell is wanted
    from . import subprocess

    status = subprocess.call(command, env=variables)
    return status if status >= 0 else 128 - status


def _flags() -> list[str]:
    """Return the options that keep the user's settings out, if this Python has them."""
    if sys.flags.isolated:
        return ["-I"]
    flags = {"-E": sys.flags.ignore_environment, "-s": sys.flags.no_user_site}
    return [flag for flag, is_set in flags.items() if is_set]


def _place() -> str:
    """Return the directory, or the ZIP file, that this package lies in."""
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def find(python: str) -> str:
    """Return the path of the interpreter that *python* stands for.

    *python* is a path, of an interpreter, an installation or an environment; a command on
    PATH; or anything that python-discovery understands.

    :raises ValueError: there is none.
    """
    if not python.strip():
        raise ValueError("--python is empty: name a path, a command, or a version such as 3.12")
    if python.startswith("~") and not os.path.lexists(python):
        python = os.path.expanduser(python)  # Shells leave it in --python=~/x.
    if os.path.dirname(python) or python in (os.curdir, os.pardir):
        return _checked(_in_directory(python), python)
    refused = None
    for path in _on_path(python):
        try:
            return _checked(path, python)
        except ValueError as error:
            refused = refused or error
    if os.path.isdir(python) and not python[0].isdigit():
        return _checked(_in_directory(python), python)
    try:
        return _discovered(python)
    except ValueError as error:
        raise (refused or error) from None


def _in_directory(path: str) -> str:
    """Return the interpreter of the installation or environment at *path*, or *path* itself."""
    path = os.path.abspath(path)
    places = [os.path.join(path, *place.split("/")) for place in _PLACES]
    return next(filter(os.path.isfile, places), path)


def _on_path(command: str) -> Iterator[str]:
    """Yield the executable files on PATH that *command* may be."""
    suffixes = ["", ".exe", ".bat"] if os.name == "nt" else [""]
    for directory in os.environ.get("PATH", os.defpath).split(os.pathsep):
        for suffix in suffixes:
            path = os.path.join(directory, command + suffix)
            # As shells have it, no directory means the current one; nothing is run from there.
            if directory and os.path.isfile(path) and os.access(path, os.X_OK):
                yield os.path.abspath(path)


def _checked(path: str, python: str) -> str:
    """Return *path* if that is an interpreter.

    What is one by its looks is not started. What may stand for one, such as pyenv's
    scripts, is asked; anything else is not run, as there is no knowing what it does.

    :raises ValueError: it is none.
    """
    if os.path.isdir(path):
        raise ValueError(f"--python {python}: there is no Python in the directory {path!r}")
    if not os.path.exists(path):
        raise ValueError(f"--python {python}: there is no file {path!r}")
    if not os.path.isfile(path) or not os.access(path, os.X_OK):
        raise ValueError(f"--python {python}: {path!r} can't be executed")
    head = _head(path)
    if any(main in head for main in _MAINS):
        return path
    is_python_script = head[:2] == b"#!" and b"python" in head.split(b"\n")[0]
    if os.path.basename(path).lower().startswith(_NAMES) and not is_python_script:
        return _asked(path, python)
    raise ValueError(f"--python {python}: {path!r} is no Python interpreter")


def _head(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_HEAD)
    except OSError:  # It may be executed, but not read.
        return b""


def _asked(path: str, python: str) -> str:
    """Return *path* if that runs Python code.

    :raises ValueError: it does not; what it says instead is told.
    """
    from . import subprocess

    try:
        result = subprocess.run(
            [path, *_flags(), "-c", _ASK],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",
        )
    except OSError as error:
        raise ValueError(f"--python {python}: can't run {path!r}: {error.strerror}") from error
    if not result.stdout.startswith("Python "):
        reason = next(iter(result.stderr.split("\n")), "").strip()
        text = f"--python {python}: {path!r} is no Python interpreter"
        raise ValueError(f"{text}: {reason}" if reason else text)
    return path


def _discovered(python: str) -> str:
    """Return the interpreter that python-discovery finds for *python*.

    :raises ValueError: it finds none, or is not installed.
    """
    if len(python.split()) > 1 and not any(char in python for char in "<>=!~"):
        raise ValueError(
            f"--python {python!r} is several words: name one interpreter, without options"
        )
    if not _is_specifier(python):
        raise ValueError(f"--python {python}: there is no such command on PATH")
    try:
        import logging

        from python_discovery import get_interpreter
    except ImportError:
        raise ValueError(
            f"--python {python}: there is no such command on PATH; to find Pythons by version, "
            f"install python-discovery: {sys.executable} -m pip install python-discovery"
        ) from None
    # It warns of each interpreter that it cannot use.
    logging.getLogger("python_discovery").setLevel(logging.CRITICAL)
    try:
        found = get_interpreter(python, env=_variables())
    except Exception as error:
        raise ValueError(f"--python {python}: {error}") from error
    if found is None or not found.executable:
        raise ValueError(f"--python {python}: there is no such Python")
    return str(found.system_executable or found.executable)


def _is_specifier(python: str) -> bool:
    """May *python* be a version, such as ``3.12``, ``>=3.11`` or ``pypy``?"""
    return python.lower() in ("py", "cpython", *_NAMES) or any(
        char in "0123456789<>=!~" for char in python
    )


def _variables() -> dict[str, str]:
    """Return the variables with those directories at the end of PATH where pyenv has interpreters.

    Its shims, which PATH leads to, only know the versions that are chosen at the moment.
    """
    root = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    try:
        versions = sorted(os.listdir(os.path.join(root, "versions")), key=_numbers, reverse=True)
    except OSError:
        versions = []
    directories = [os.path.join(root, "versions", version, "bin") for version in versions]
    return {
        **os.environ,
        "PATH": os.pathsep.join([os.environ.get("PATH", os.defpath), *directories]),
    }


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]
