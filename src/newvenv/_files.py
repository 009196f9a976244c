"""Put a file, a link or a directory in its place, at once or not at all.

What is new is made under its own name, and never over something that is there. What is
replaced is made elsewhere and renamed, so no reader ever sees half a file, and a link is
never written through. What is already as it should be is not touched.

During a run every change is announced to the run's journal first (see ``_transaction``),
which keeps what is replaced.
"""

from __future__ import annotations

import errno
import os
import stat
from _thread import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ._transaction import Transaction

#: Errors that no other way of doing the same thing can help against.
FATAL = frozenset(
    getattr(errno, name, -1)
    for name in (
        *("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EIO"),
        *("EMFILE", "ENFILE", "ENOMEM", "ENAMETOOLONG"),
    )
)

#: Errors that are about the place, whatever is put there.
NO_PLACE = FATAL | {errno.ENOENT, errno.ENOTDIR, errno.EISDIR}

#: The runs under way, by thread; of several in one thread the innermost.
journals: dict[int, Transaction] = {}

_NEW = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
)

_HAS_FCHMOD = os.name != "nt"


def journal_of(path: str) -> Transaction | None:
    """Return the run of this thread that *path* belongs to, if there is one."""
    journal = journals.get(get_ident()) if journals else None
    while journal is not None and not path.startswith(journal.prefix):
        journal = journal.outer
    return journal


def is_in_new_target(path: str) -> bool:
    """Is *path* in a directory that this run has made, so that all in it is its own?"""
    journal = journal_of(path)
    return journal is not None and journal.is_new


def _is_new(path: str) -> bool:
    """Announce that *path* is about to be made; False if it is known to be there already."""
    journal = journal_of(path)
    return journal is None or journal.expect(path)


def _keep(path: str) -> None:
    journal = journal_of(path)
    if journal is not None:
        try:
            journal.keep(path, _hard_link)
        except OSError:  # no hard links here, or none to files of others
            journal.keep(path)


def _hard_link(path: str, other: str) -> None:
    os.link(path, other, follow_symlinks=False)


def make_directory(path: str) -> None:
    """Make the directory *path* and its parents, as ``os.makedirs`` does.

    :raises ValueError: *path* is a file or a link, which the standard library refuses, too.
    """
    journal, parent = journal_of(path), os.path.dirname(path)
    if journal is not None:
        if journal.is_new and parent not in journal.seen:
            make_directory(parent)  # To try without it would be in vain.
        journal.expect(path, directory=True)
    for has_parent in (parent == path, True):
        try:
            os.mkdir(path)
            return
        except FileNotFoundError:
            if has_parent:
                raise
            make_directory(parent)
        except FileExistsError:
            if not is_directory(path):
                raise ValueError(f"Unable to create directory {path!r}") from None
            return


def write(path: str, data: bytes, mode: int = 0o666, *, exact_mode: bool = False) -> None:
    """Make *path* a file that holds *data*.

    :param mode: the permissions; the umask applies, unless *exact_mode*.
    :raises OSError: its ``filename`` is *path*.
    """
    if _is_new(path) and _made(path, _write_new, data, mode, exact_mode):
        return
    if not _holds(path, data, mode if exact_mode else None):
        _replace(path, _write_new, data, mode, exact_mode)


def symlink(target: str, path: str) -> None:
    """Make *path* a symbolic link that says *target*.

    :raises OSError: the file system, or the user's rights, do not allow links.
    """
    if _is_new(path) and _made(path, _link_new, target):
        return
    try:
        # Windows tells the path in the form that knows no limit of length.
        if os.readlink(path) in (target, f"\\\\?\\{target}"):
            return
    except OSError:
        pass
    _replace(path, _link_new, target)


def copy(source: str, path: str) -> None:
    """Make *path* a file with the contents of *source*: no mode, times or attributes.

    Extended attributes stay behind on purpose: an SELinux label of the base
    installation must not follow the interpreter (gh-145417).
    """
    from . import shutil

    _is_new(path)
    _replace(path, lambda name: shutil.copyfile(source, name))


def remove(path: str) -> None:
    """Remove the file, link or directory tree *path*; a run that fails brings it back."""
    journal = journal_of(path)
    if journal is None:
        delete(path)
    else:
        journal.keep(path)


def rename(source: str, target: str) -> None:
    """Give *source* the name *target*, in place of what is there.

    :raises OSError: its ``filename`` is *target*.
    """
    if not _is_new(target) or os.path.isdir(target):
        remove(target)
    try:
        os.rename(source, target)
    except OSError as error:
        set_filename(error, target)
        raise


def move(source: str, target: str) -> None:
    """Move *source* to *target*; where both are directories, what is missing there.

    What else is at *target* stays, and so does its counterpart at *source*. A directory of
    a lower layer of overlayfs can't be renamed (EXDEV), so it is made anew.
    """
    if is_directory(source) and is_directory(target):
        for name in os.listdir(source):
            move(os.path.join(source, name), os.path.join(target, name))
        remove_directory(source)
    elif not os.path.lexists(target):
        try:
            os.rename(source, target)
        except OSError as error:
            if error.errno != errno.EXDEV or not is_directory(source):
                raise
            mode = stat.S_IMODE(os.stat(source).st_mode)
            os.mkdir(target, 0o700)
            move(source, target)
            os.chmod(target, mode)


def is_directory(path: str) -> bool:
    """Is *path* a directory, and not a link to one?"""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def names_in(directory: str) -> list[str]:
    """Return the names in *directory*, none if that is missing, a file or a link."""
    try:
        return os.listdir(directory) if is_directory(directory) else []
    except FileNotFoundError:
        return []


def is_own(path: str) -> bool:
    """Does *path* itself, be it a link, belong to this user? Windows doesn't tell."""
    return os.name == "nt" or os.lstat(path).st_uid == os.geteuid()


def remove_directory(path: str) -> bool:
    """Remove the directory *path* if it is empty; tell whether it is gone."""
    try:
        os.rmdir(path)
    except FileNotFoundError:
        pass
    except OSError:
        return False
    return True


#: The number of scratch paths that this process has used.
_scratched = 0


def scratch(directory: str) -> str:
    """Return a path, not used yet, for something that is soon renamed into *directory*.

    It is on the same file system. What is left there when the run ends, or is killed,
    goes; outside of a run it is the caller's to delete.
    """
    global _scratched  # noqa: PLW0603
    _scratched += 1
    name = f"{os.getpid()}-{get_ident()}-{_scratched}"
    journal = journal_of(os.path.join(directory, name))
    return os.path.join(journal.aside(), name) if journal else f"{directory}/.{name}.newvenv"


def _made(path: str, make: Callable[..., object], *values: object) -> bool:
    """Let *make* build something new at *path*; False if something is there."""
    try:
        make(path, *values)
    except FileExistsError:
        return False
    except OSError as error:
        set_filename(error, path)
        raise
    return True


def _replace(path: str, make: Callable[..., object], *values: object) -> None:
    """Let *make* build something elsewhere, then give it the name *path*."""
    name = scratch(os.path.dirname(path))
    try:
        make(name, *values)
        if is_directory(path):
            raise IsADirectoryError(errno.EISDIR, "Is a directory", path)
        _keep(path)
        os.replace(name, path)
    except BaseException as error:
        try:
            os.unlink(name)
        except OSError:
            pass
        if isinstance(error, OSError):
            set_filename(error, path)
        raise


def _write_new(path: str, data: bytes, mode: int, exact_mode: bool) -> None:
    descriptor = os.open(path, _NEW, mode)
    try:
        try:
            # To ask first is cheaper: a mode that is set again is written to the disk.
            if exact_mode and _HAS_FCHMOD and os.fstat(descriptor).st_mode & 0o7777 != mode:
                os.fchmod(descriptor, mode)
            write_all(descriptor, data)
        finally:
            os.close(descriptor)
        if exact_mode and not _HAS_FCHMOD:
            os.chmod(path, mode)
    except BaseException:
        os.unlink(path)
        raise


def _link_new(path: str, target: str) -> None:
    os.symlink(target, path)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of *data*: one call may write less."""
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, data[written:])


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


def set_filename(error: OSError, path: str) -> None:
    """Report *path* in *error*, rather than a temporary name or none."""
    error.filename = path
    if error.filename2 is not None:
        try:
            del error.filename2  # As None it would be part of the message.
        except AttributeError:
            error.filename2 = None  # PyPy can't delete it, and says "-> None".


def delete(path: str) -> None:
    """Delete the file, link or directory tree *path*, if it is there; follow no link.

    Directories that may not be written to are made writable, where that helps. What can't
    be deleted stays, and the rest goes.

    :raises OSError: the first thing that could not be deleted.
    """
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError:
        if not is_directory(path):
            raise
        if not remove_directory(path):
            from . import _deletion

            _deletion.directory(path)
