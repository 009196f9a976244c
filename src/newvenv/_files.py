"""Put a file, a link or a folder in its place, at once or not at all.

Every function here makes the new thing under a name of its own beside the place and
renames it there. So nobody ever reads half a file, a link is never written through,
and processes at work on one environment do not disturb each other. What is already
as it should be is not touched.
"""

from __future__ import annotations

import os
import stat
from _thread import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: The end of every name that is made on the way to another one.
TEMPORARY = ".newvenv"

#: The temporary paths at which this process has something.
under_way: set[str] = set()

_BINARY = getattr(os, "O_BINARY", 0)


def make_directory(path: str) -> None:
    """Make the folder *path* and its parents, as ``os.makedirs`` does.

    :raises ValueError: *path* is a file or a link, which the standard library refuses, too.
    """
    try:
        os.mkdir(path)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        make_directory(path)
    except FileExistsError:
        if os.path.islink(path) or not os.path.isdir(path):
            raise ValueError(f"Unable to create directory {path!r}") from None


def write(path: str, data: bytes, mode: int = 0o666, *, exact_mode: bool = False) -> None:
    """Make *path* a file that holds *data*.

    :param mode: the permissions; the umask applies, unless *exact_mode*.
    """
    if not _holds(path, data, mode if exact_mode else None):
        _publish(path, _write_new, data, mode, exact_mode)


def symlink(target: str, path: str) -> None:
    """Make *path* a symbolic link that says *target*.

    :raises OSError: the file system, or the user's rights, do not allow links.
    """
    try:
        # Windows tells the path in the form that knows no limit of length.
        if os.readlink(path) in (target, f"\\\\?\\{target}"):
            return
    except OSError:
        pass
    _publish(path, _link_new, target)


def copy(source: str, path: str) -> None:
    """Make *path* a file with the contents of *source*: no mode, times or attributes.

    Extended attributes stay behind on purpose: an SELinux label of the base
    installation must not follow the interpreter (gh-145417).
    """
    from . import shutil

    _publish(path, lambda temporary: shutil.copyfile(source, temporary))


def _holds(path: str, data: bytes, mode: int | None) -> bool:
    """Is *path* a plain file with exactly these contents, and *mode* if that matters?"""
    try:
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size != len(data):
            return False
        if mode is not None and stat.S_IMODE(status.st_mode) != mode:
            return False
        with open(path, "rb", buffering=0) as file:
            return file.read() == data
    except OSError:
        return False


def _write_new(path: str, data: bytes, mode: int, exact_mode: bool) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, mode)
    try:
        written = os.write(descriptor, data)
        while written < len(data):
            written += os.write(descriptor, data[written:])
    finally:
        os.close(descriptor)
    if exact_mode:
        os.chmod(path, mode)


def _link_new(path: str, target: str) -> None:
    os.symlink(target, path)


def _publish(path: str, make: Callable[..., object], *values: object) -> None:
    """Let *make* build a thing under a temporary name, then give it the name *path*.

    :param make: called with that name, and *values*.
    :raises OSError: its ``filename`` is *path*.
    """
    name = temporary(os.path.dirname(path), "file")
    try:
        make(name, *values)
        os.replace(name, path)
    except BaseException as error:
        try:
            os.unlink(name)
        except OSError:
            pass
        if isinstance(error, OSError):
            say(error, path)
        raise
    finally:
        finished(name)


def say(error: OSError, path: str) -> None:
    """Let *error* speak of *path*, instead of a temporary name or of none."""
    if error.filename2 is not None or str(error.filename or TEMPORARY).endswith(TEMPORARY):
        error.filename = path
    if error.filename2 is not None:
        try:
            del error.filename2  # As None it would be part of the message.
        except AttributeError:
            error.filename2 = None  # PyPy can't delete it, and says "-> None".


def temporary(folder: str, kind: str) -> str:
    """Return a path in *folder* for something of a *kind* that is soon to be renamed.

    It tells which process it belongs to. :func:`finished` must be told when it is gone.
    """
    path = os.path.join(folder, f"{maker()}.{kind}{TEMPORARY}")
    under_way.add(path)
    return path


def maker() -> str:
    """Return how the temporary names of this process and thread begin."""
    return f".{os.getpid()}-{get_ident()}"


def finished(path: str) -> None:
    """Note that nothing is at the temporary *path* any more."""
    under_way.discard(path)


def kind(path: str) -> str:
    """Return the kind that :func:`temporary` was given for *path*."""
    return path[: -len(TEMPORARY)].rpartition(".")[2]


def contents(folder: str) -> list[str]:
    """Return the names in *folder*; there are none if it is missing or no folder."""
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def entries(folder: str) -> list[str]:
    """Return the names in *folder* that are not temporary ones."""
    return [name for name in os.listdir(folder) if not name.endswith(TEMPORARY)]


def delete(path: str) -> None:
    """Delete the file, the link or the folder *path*; no link in it is followed.

    Folders that may not be written to are made writable, if that helps.

    :raises OSError: something resists.
    """
    try:
        _delete(path)
    except OSError:
        for folder, _, _ in os.walk(path):
            os.chmod(folder, 0o700)
        _delete(path)


def delete_all(folder: str, names: Iterable[str]) -> None:
    """Delete those *names* in *folder*."""
    for name in names:
        delete(os.path.join(folder, name))


def _delete(path: str) -> None:
    if os.path.islink(path) or not os.path.isdir(path):
        _remove(os.unlink, path)
        return
    for folder, folders, files in os.walk(path, topdown=False):
        for name in files:
            _remove(os.unlink, os.path.join(folder, name))
        for name in folders:
            below = os.path.join(folder, name)
            _remove(os.unlink if os.path.islink(below) else os.rmdir, below)
    _remove(os.rmdir, path)


def _remove(remove: Callable[[str], object], path: str) -> None:
    try:
        remove(path)
    except FileNotFoundError:
        pass  # What shall go is gone: another process is at it, too.
