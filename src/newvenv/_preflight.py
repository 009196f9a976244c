"""What is refused before anything is written."""

from __future__ import annotations

import errno
import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def target(env_dir: str | os.PathLike[str]) -> str:
    """Return the absolute path of the directory *env_dir*, its links not resolved.

    :raises TypeError: *env_dir* is no path, or one of bytes.
    :raises ValueError: *env_dir* is empty, which ``os.path.abspath`` would take for
        the current directory, or cannot be a path at all.
    """
    path = os.fspath(env_dir)
    if not isinstance(path, str):
        raise TypeError(f"The environment's directory must be given as str, not {path!r}")
    if not path.strip():
        raise ValueError(
            f"The name of the environment's directory is empty: {path!r}; "
            "write . for the current directory"
        )
    if "\0" in path:
        raise ValueError(f"No path can hold a NUL character: {path!r}")
    return os.path.abspath(path)


def check_all(env_dir: str | os.PathLike[str], *, clear: bool, makes: bool, pip: str) -> str:
    """Refuse to make an environment in *env_dir* if that is known to fail.

    :param makes: its directories are made by us, rather than by a subclass.
    :param pip: whose way pip is to be installed: ``"own"``, ``"other"``, or none.
    :returns: its absolute path.
    """
    path = target(env_dir)
    copies_pip = bool(pip)
    if pip == "own":
        from . import _layout, _seed

        _seed.check(_layout.base_executable())
        copies_pip = _seed.link_mode() != "hardlink"
    if makes:
        check(path, clear=clear)
    check_space(path, with_pip=copies_pip)
    return path


def check(env_dir: str, *, clear: bool = False) -> None:
    """Refuse a directory that cannot become an environment.

    :raises ValueError: *env_dir* would break PATH, or is a link or a file.
    :raises OSError: it could not be written, or with *clear* it is no directory.
    """
    if os.pathsep in env_dir:
        raise ValueError(
            f"Refusing to create a venv in {env_dir} because it contains the PATH "
            f"separator {os.pathsep}."
        )
    try:
        mode = os.lstat(env_dir).st_mode
    except OSError:
        return  # It is missing; whether it can be made will show.
    if stat.S_ISLNK(mode):
        _refuse_link(env_dir)
    elif not stat.S_ISDIR(mode):
        if clear:
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory", env_dir)
        raise ValueError(f"Unable to create directory {env_dir!r}: a file is in the way")
    elif clear:
        _refuse_protected(os.path.realpath(env_dir))


def _refuse_link(env_dir: str) -> None:
    if not os.path.exists(env_dir):
        raise FileExistsError(errno.EEXIST, "File exists, a link that leads nowhere", env_dir)
    raise ValueError(
        f"Unable to create directory {env_dir!r}: it is a symbolic link; "
        f"name the directory it leads to, {os.path.realpath(env_dir)!r}"
    )


def _refuse_protected(path: str) -> None:
    """Refuse to clear a directory that no one can mean to delete.

    :param path: the directory, its links resolved.
    """
    from . import _layout

    # Up to Python 3.10 an environment's Python takes itself for the base.
    base = os.path.dirname(_layout.base_executable())
    library = getattr(os, "__file__", None)
    installed = [sys.base_prefix, sys.base_exec_prefix, base, *([library] if library else [])]
    current = _current()
    protected = {
        "the root of a file system": os.path.dirname(path) == path,
        "a home directory": _is_above_a_home(path),
        "above the current directory": current != path and _is_above(path, current),
        "where the running Python is installed": any(_is_above(path, one) for one in installed),
        "where newvenv itself runs from": _is_above(path, __file__),
    }
    for reason, is_true in protected.items():
        if is_true:
            raise ValueError(f"Refusing to clear {path!r}: it is {reason}; name another directory")


def _is_above_a_home(path: str) -> bool:
    """Is the home of any user *path* itself, or below it?

    The names are compared first: to look at a home directory may mount it (autofs).
    """
    own = os.path.expanduser("~")
    if os.path.isabs(own) and _is_above(path, own):
        return True
    prefix = os.path.join(path, "")
    return any(
        os.path.join(home, "").startswith(prefix)
        or (os.path.basename(home) == os.path.basename(path) and _is_above(path, home))
        for home in _homes()
    )


def _homes() -> set[str]:
    """Return the home directories of all users."""
    try:
        from pwd import getpwall
    except ImportError:  # Windows: the user's own will do.
        return set()
    homes = (os.path.normpath(entry.pw_dir) for entry in getpwall())
    return {home for home in homes if os.path.isabs(home)}


def _current() -> str:
    try:
        return os.getcwd()
    except OSError:  # It has been deleted.
        return os.sep


def _is_above(directory: str, path: str) -> bool:
    """Is *path* the directory *directory* itself, or in it, by whatever name?"""
    path, parent = os.path.realpath(path), ""
    while path != parent:
        try:
            if os.path.samefile(directory, path):
                return True
        except OSError:
            pass  # A home that does not exist.
        path, parent = os.path.dirname(path), path
    return False


def check_mounts(directory: str) -> None:
    """Refuse to clear *directory* if another file system is mounted in it.

    :raises OSError: one is (EBUSY).
    """
    for mount in _mounts_below(directory):
        raise OSError(errno.EBUSY, "Refusing to clear, a file system is mounted there", mount)


def _mounts_below(directory: str) -> Iterator[str]:
    """Yield the directories below *directory* at which another file system is mounted.

    Linux lists all mounts in proc_pid_mountinfo(5), also those of a directory of the same
    file system; elsewhere the devices tell.
    """
    prefix = os.path.join(os.path.realpath(directory), "")
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            points = [line.split(b" ")[4] for line in file]
    except OSError:
        device = os.lstat(directory).st_dev
        for parent, names, _ in os.walk(directory):
            paths = [os.path.join(parent, name) for name in names]
            yield from (path for path in paths if os.lstat(path).st_dev != device)
        return
    for point in points:
        for code in (b"040", b"011", b"012", b"134"):  # blank, tab, line feed, backslash
            point = point.replace(b"\\" + code, bytes([int(code, 8)]))  # noqa: PLW2901
        if os.fsdecode(point).startswith(prefix):
            yield os.fsdecode(point)


#: What an environment takes at the very least, with pip and without: bytes, files, and
#: characters that its paths have beyond its own.
_LEAST = {True: (1 << 22, 64, 160), False: (1 << 16, 16, 64)}


def check_space(env_dir: str, *, with_pip: bool) -> None:
    """Refuse a place of which it is known before the first write that it won't do.

    :param with_pip: pip's files will be copied there, rather than linked.
    :raises OSError: it can't be written to, is full, or its path is too long.
    """
    try:
        _check_space(env_dir, with_pip)
    except FileNotFoundError:
        pass  # Another run that fails has just removed what was there.


def _check_space(env_dir: str, with_pip: bool) -> None:
    place, before = _deepest(env_dir)
    if not stat.S_ISDIR(before.st_mode):
        if place != env_dir:
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory", place)
        return  # :func:`check` knows what to say of it.
    # What is there already needs no space.
    is_there = place == env_dir and os.path.exists(os.path.join(env_dir, "pyvenv.cfg"))
    size, files, length = _LEAST[with_pip and not is_there]
    if is_there:
        size = files = 0
    if hasattr(os, "statvfs"):
        state = os.statvfs(place)
        _check_length(env_dir, place, length, state.f_namemax)
        _check_file_system(env_dir, state, size, files)
    may_write = os.access(place, os.W_OK | os.X_OK, effective_ids=_BY_EFFECTIVE_ID)
    if not may_write and _identity(os.stat(place)) == _identity(before):
        reason = "Permission denied" if place == env_dir else f"Permission denied in {place!r}"
        raise PermissionError(errno.EACCES, reason, env_dir)


def _deepest(path: str) -> tuple[str, os.stat_result]:
    """Return *path*, or the nearest of its parents that is there, and what it is.

    One call decides: between two, other runs may remove the directory and make it again.
    """
    while True:
        try:
            state = os.lstat(path)
        except OSError:
            if os.path.dirname(path) == path:  # a drive that does not exist
                raise
            path = os.path.dirname(path)
            continue
        try:
            return path, os.stat(path) if stat.S_ISLNK(state.st_mode) else state
        except OSError:
            return path, state  # It leads nowhere.


def _identity(state: os.stat_result) -> tuple[int, ...]:
    """What differs once a directory has been removed and made again; inodes are reused."""
    return state.st_dev, state.st_ino, state.st_ctime_ns


_BY_EFFECTIVE_ID = os.access in os.supports_effective_ids


def _check_length(env_dir: str, place: str, length: int, longest_name: int) -> None:
    """Refuse a path or a name in it that is longer than the file system of *place* takes."""
    try:
        longest_path = os.pathconf(place, "PC_PATH_MAX")
    except (AttributeError, ValueError, OSError):
        longest_path = 0  # a file system that does not tell
    names = os.fsencode(env_dir[len(place) :]).split(b"/")
    too_long = len(os.fsencode(env_dir)) + length >= longest_path > 0
    if too_long or max(map(len, names)) > longest_name > 0:
        raise OSError(errno.ENAMETOOLONG, "File name too long", env_dir)


def _check_file_system(env_dir: str, state: os.statvfs_result, size: int, files: int) -> None:
    """Refuse a file system that is mounted read-only, or that lacks so much space."""
    if state.f_flag & getattr(os, "ST_RDONLY", 1):
        raise OSError(errno.EROFS, "Read-only file system", env_dir)
    # Those that can't tell say 0 of 0.
    if state.f_blocks and state.f_bfree * state.f_frsize < size:
        reason = f"No space left on device: {size >> 10} KiB are needed"
        raise OSError(errno.ENOSPC, reason, env_dir)
    if state.f_files and state.f_ffree < files:
        reason = f"No space left on device: {files} files are needed"
        raise OSError(errno.ENOSPC, reason, env_dir)


def check_is_environment(env_dir: str) -> None:
    """Refuse to clear a directory that holds something but is no environment.

    :raises ValueError: it has no ``pyvenv.cfg``, by which environments are known (PEP 405).
    """
    if not os.path.isdir(env_dir) or os.path.islink(env_dir) or _may_be_cleared(env_dir):
        return  # If it is no directory, :func:`check` knows what to say of it.
    from . import _lock

    with _lock.Lock(env_dir):  # Another run may just be making an environment of it.
        if os.path.isdir(env_dir) and not _may_be_cleared(env_dir):
            raise ValueError(
                f"Refusing to clear {env_dir!r}: not a virtual environment (no pyvenv.cfg); "
                "use --force to delete its contents"
            )


def _may_be_cleared(env_dir: str) -> bool:
    """Is *env_dir* empty, or an environment, or what a killed run has left of one?"""
    from . import _kept, _lock

    names = _lock.names_in(env_dir)
    if not names or "pyvenv.cfg" in names or _kept.was_environment(env_dir):
        return True
    return is_own_git_ignore(env_dir) and _is_bare(env_dir)


def _is_bare(env_dir: str) -> bool:
    """Has *env_dir*, but for ``.gitignore``, only empty directories, as an environment begins?"""
    from . import _kept, _lock

    names = {*_lock.names_in(env_dir)} - {".gitignore"}
    paths = [os.path.join(env_dir, name) for name in names]
    return (
        names <= {*_kept.OWN, _kept.ASIDE}
        and all(map(os.path.isdir, paths))
        and not any(files for path in paths for _, _, files in os.walk(path))
    )


def is_own_git_ignore(env_dir: str) -> bool:
    """Is *env_dir*'s ``.gitignore`` missing, or one that venv or newvenv has written?

    One that is empty is the user's, unless a killed run can have left it so.
    """
    from ._config import open_at_once

    try:
        with open(os.path.join(env_dir, ".gitignore"), "rb", opener=open_at_once) as file:
            start = file.read(len(_GIT_IGNORE_START))
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return start == _GIT_IGNORE_START or (not start and _is_bare(env_dir))


_GIT_IGNORE_START = b"# Created by venv"
