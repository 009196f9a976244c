r"""Windows: launchers, links with their DLLs, redirected locations, 8.3 names.

On Windows ``Scripts\python.exe`` is a launcher: a small program that reads ``home`` from
``pyvenv.cfg`` and starts the interpreter there. It comes with the base installation, so
it is taken from there and never shipped. With ``--symlinks`` the names are links to the
interpreter itself, which then wants its DLLs beside it.

What goes where is decided by the pure functions of ``_launchers``; `setup_python` alone
acts.
"""

from __future__ import annotations

import ntpath
import os
import sys

from . import _compat, _files, _launchers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import SimpleNamespace

#: The directory of the executables and scripts, and that of the headers.
BIN_NAME = "Scripts"
INCLUDE = "Include"

#: May an environment have a directory ``lib64``?
LIB64 = False

#: What the command line does if told neither ``--symlinks`` nor ``--copies``: links need
#: a privilege that most users of Windows do not have.
DEFAULT_SYMLINKS = False

#: What may help if the environment's interpreter cannot be put in place.
_REMEDIES: dict[type[OSError], str] = {
    FileNotFoundError: "; repair the installation of Python",
    PermissionError: "; end the programs that run from the environment",
}


def paths() -> dict[str, str]:
    """Return the directories of an environment by their names in ``sysconfig``'s schemes.

    An empty dictionary where a scheme for environments knows them.
    """
    if _compat.VENV_SCHEME:
        return {}
    library = ntpath.join("Lib", "site-packages")
    return {"include": INCLUDE, "purelib": library, "platlib": library, "scripts": BIN_NAME}


def python_exe(executable_name: str) -> str:
    """Return the name of the environment's interpreter, given that of the base.

    The simplest name that says what matters: ``python3.13t.exe`` gives ``python.exe``,
    and a debug build such as ``python3.13_d.exe`` gives ``python_d.exe``.
    """
    return f"python{debug_suffix(executable_name)}.exe"


def debug_suffix(executable_name: str) -> str:
    """Return ``"_d"`` if this is the name of a debug build's executable, else ``""``."""
    stem = ntpath.splitext(ntpath.normcase(executable_name))[0]
    return "_d" if stem.endswith("_d") else ""


# Locations


def same_path(path1: str, path2: str) -> bool:
    """Tell whether two paths say one place, but for case, slashes and 8.3 names (gh-90329).

    Links and junctions are not followed: that one name leads to the other is what the
    caller wants to be told.
    """
    if ntpath.normcase(path1) == ntpath.normcase(path2):
        return True
    return ntpath.normcase(_long_path(path1)) == ntpath.normcase(_long_path(path2))


def env_exec_cmd(env_exe: str, is_same: Callable[[str, str], bool] = same_path) -> str:
    """Return the path by which *env_exe* can be started, and warn if it is another one.

    The Python of the Store sees its own copy of ``AppData``: what it writes there lies
    elsewhere for all other programs, and processes start from there (bpo-45337).

    :param env_exe: need not exist yet, but its directory must, to be seen as redirected.
    :param is_same: says whether two paths are the same place.
    """
    actual = _actual_location(env_exe)
    if is_same(actual, env_exe):
        return env_exe
    from . import logger

    logger.warning(
        "Actual environment location may have moved due to redirects, links or junctions.\n"
        '  Requested location: "%s"\n'
        '  Actual location:    "%s"',
        env_exe,
        actual,
    )
    return actual


def _actual_location(path: str) -> str:
    """Resolve *path*, but not the last link: that one leads out, to the base's interpreter.

    An environment made of links that is made again has such a link in that place, and
    to follow it would have pip installed into the base.
    """
    if os.path.islink(path):
        directory, name = os.path.split(path)
        return os.path.join(os.path.realpath(directory), name)
    return os.path.realpath(path)


def _long_path(path: str) -> str:
    """Spell out the 8.3 names in *path*, of which only the first parts need exist."""
    try:
        return _long_path_name(path)
    except OSError:
        directory, name = ntpath.split(path)
        return ntpath.join(_long_path(directory), name) if name else path


def _long_path_name(path: str) -> str:
    """Ask Windows for the long form of *path*; tests put their own answer here.

    Early patch releases cannot ask (gh-90329): there *path* stays as it is.

    :raises OSError: there is no such path.
    """
    import _winapi

    ask = getattr(_winapi, "GetLongPathName", None)
    return str(ask(path)) if ask else path


# Acting


def setup_python(
    context: SimpleNamespace,
    symlinks: bool,
    symlink_or_copy: Callable[..., object],  # noqa: ARG001 - what links or copies on POSIX
) -> None:
    """Put the interpreter's names into the environment: links if wanted and allowed, else copies.

    :raises OSError: there is neither a launcher nor an interpreter that could be copied,
        or the one that is there cannot be replaced.
    """
    outdated = _outdated(context.bin_path)
    files = interpreter_files(context, symlinks)
    if symlinks and not _link(files):
        files = interpreter_files(context, symlinks=False)
    _copy(files, main=os.path.join(context.bin_path, python_exe(context.env_exe)))
    _remove(outdated, [context.env_exe, *(path for path, _, _ in files)])


def interpreter_files(context: SimpleNamespace, symlinks: bool) -> list[tuple[str, str, str]]:
    """Return the files that start the environment's Python, as (path, how, source), in order.

    A *source* is what the link says if *how* is ``"link"``, and the file with the same
    contents if it is ``"copy"``. Where links are not allowed, copies serve instead.
    """
    from . import sysconfig

    is_build = sysconfig.is_python_build()
    debug, tag = debug_suffix(context.env_exe), _tag()
    base = _listing(context.python_dir)
    own = os.path.basename(context.executable)
    how, directory = "link", context.python_dir
    sources = {**_launchers.link_sources(base, own, debug, tag), **_launchers.companions(base)}
    if not symlinks:
        how, launchers = "copy", context.python_dir if is_build else _launchers_directory()
        copies = _launchers.copy_sources(_listing(launchers), base, debug, tag, build=is_build)
        if copies:  # Else (PyPy, embedded installations) the interpreter itself is copied.
            directory, sources = launchers, copies
    files = [
        (os.path.join(context.bin_path, name), how, os.path.join(directory, source))
        for name, source in sources.items()
    ]
    return files + _tcl(context) if is_build else files


def _tag() -> str:
    """Return what a free-threaded build has in its executables' names, else ``""``."""
    from . import sysconfig

    return f"{_compat.VERSION}t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""


def _launchers_directory() -> str:
    """Return where the running base installation keeps its launchers.

    By path, not by importing ``venv``: that name may by now stand for this package.
    """
    file = getattr(os, "__file__", None)  # Frozen programs have none.
    library = os.path.dirname(file) if file else os.path.join(sys.base_prefix, "Lib")
    return os.path.join(library, "venv", "scripts", "nt")


def _listing(directory: str) -> list[str]:
    """Return the names in *directory*, none if it cannot be read.

    A listing rather than questions about single files: the Store's aliases are there, but
    cannot be looked into.
    """
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _link(files: Iterable[tuple[str, str, str]]) -> bool:
    """Make the links among *files*, or warn and remove those that were made; tell which."""
    made: list[str] = []
    for path, how, source in files:
        if how != "link":
            continue
        try:
            _files.symlink(source, path)
        except OSError:
            from . import logger

            logger.warning("Unable to symlink %r to %r", source, path)
            _unlink(made)
            logger.warning("Retrying with copies")
            return False
        made.append(path)
    return True


def _unlink(paths: Iterable[str]) -> None:
    for path in paths:
        try:
            os.unlink(path)
        except OSError:
            from . import logger

            logger.warning("Failed to clean up symlink %r", path)


def _copy(files: Iterable[tuple[str, str, str]], main: str) -> None:
    """Make the copies among *files*: one that fails is a warning, the path *main* an error."""
    for path, how, source in files:
        if how != "copy":
            continue
        try:
            if not os.path.isdir(os.path.dirname(path)):
                _files.make_directory(os.path.dirname(path))
            _copy_file(source, path)
        except OSError as error:
            if path == main:
                remedy = _REMEDIES.get(type(error), "")
                reason = error.strerror or error
                message = f"Unable to copy {source!r} to {path!r}: {reason}{remedy}"
                raise OSError(message) from error
            from . import logger

            logger.warning("Unable to copy %r to %r", source, path)


def copy(source: str, path: str) -> None:
    """Make *path* a copy of the file *source*."""
    _files.copy(source, path)


def _copy_file(source: str, path: str) -> None:
    """Make *path* a file with the contents of *source*; one that has them stays untouched.

    That is why it is read rather than copied: Windows does not let a program be replaced
    that is running, so an environment in use could not be upgraded.
    """
    with open(source, "rb") as file:
        data = file.read()
    _files.write(path, data)


def _outdated(bin_path: str) -> list[str]:
    """Return the names that an environment of another Python version has left.

    Only those that are one file with ``python.exe`` or ``pythonw.exe``, as an environment
    has them: other programs may be called alike.
    """
    paths = []
    for name in _launchers.outdated_names(_listing(bin_path), _compat.VERSION):
        usual = "pythonw.exe" if ntpath.normcase(name).startswith("pythonw") else "python.exe"
        path = os.path.join(bin_path, name)
        if _is_same_file(path, os.path.join(bin_path, usual)):
            paths.append(path)
    return paths


def _is_same_file(path1: str, path2: str) -> bool:
    """Tell whether two paths are equal links, or plain files with the same contents."""
    if os.path.islink(path1) or os.path.islink(path2):
        try:
            return os.readlink(path1) == os.readlink(path2)
        except OSError:
            return False
    if not (os.path.isfile(path1) and os.path.isfile(path2)):
        return False
    from filecmp import cmp

    return cmp(path1, path2, shallow=False)


def _remove(outdated: Iterable[str], made: Iterable[str]) -> None:
    """Remove *outdated* names, but for those that were just *made*."""
    needed = set(map(ntpath.normcase, made))
    for path in outdated:
        if ntpath.normcase(path) in needed:
            continue
        try:
            _files.remove(path)
        except OSError:
            pass  # It is running, perhaps; a name too many is no reason to fail.


def _tcl(context: SimpleNamespace) -> list[tuple[str, str, str]]:
    """Return a build tree's ``init.tcl``, copied to below ``Lib``, where tkinter looks for it."""
    for directory, subdirectories, files in os.walk(context.python_dir):
        subdirectories.sort()
        if "init.tcl" in files:
            target = os.path.join(context.env_dir, "Lib", os.path.basename(directory))
            source = os.path.join(directory, "init.tcl")
            return [(os.path.join(target, "init.tcl"), "copy", source)]
    return []


# Locking

#: The file in a directory that is open, and shared with no other handle, while the
#: directory is locked.
LOCK_NAME = ".newvenv.lock"

_GENERIC_WRITE = 0x40000000
_DELETE = 0x00010000
_OPEN_ALWAYS = 4
#: Windows deletes the file when the handle is closed, at the latest as the process ends.
_FILE_FLAG_DELETE_ON_CLOSE = 0x04000000
#: A link in the file's place is opened, and deleted, itself.
_FILE_FLAG_OPEN_REPARSE_POINT = 0x00200000
_ERROR_SHARING_VIOLATION = 32


def lock(path: str) -> int | None:
    """Lock the directory *path* and return the handle for :func:`unlock`.

    The lock excludes other processes and other threads of this one, and ends with the
    process at the latest.

    :returns: None if another run holds the lock.
    :raises OSError: there is no such directory, or no lock can be had there.
    """
    import _winapi

    file = ntpath.join(path, LOCK_NAME)
    flags = _FILE_FLAG_DELETE_ON_CLOSE | _FILE_FLAG_OPEN_REPARSE_POINT
    access = _GENERIC_WRITE | _DELETE
    try:
        handle = _winapi.CreateFile(file, access, 0, 0, _OPEN_ALWAYS, flags, 0)  # type: ignore[attr-defined,unused-ignore]
    except OSError as error:
        if getattr(error, "winerror", None) == _ERROR_SHARING_VIOLATION:
            return None
        error.filename = path
        raise
    return int(handle)


def unlock(handle: int) -> None:
    """Give up the lock that :func:`lock` returned *handle* for."""
    import _winapi

    _winapi.CloseHandle(handle)  # type: ignore[attr-defined,unused-ignore]


def is_locked_by_parent(_: str) -> bool:
    """Say no: Windows does not tell."""
    return False
