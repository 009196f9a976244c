"""What a run has made and replaced, and how to take it back.

A folder that was not there, or was empty, is simply emptied and removed again. In a
folder that holds something, what may be replaced is first kept aside, in a folder of
its own inside the target: so putting it back is renaming, on the same file system. The
name of that folder tells whose it is (a process) and what its contents are good for:

``fill``  being filled; worth nothing
``part``  what newvenv itself may replace, pip apart
``full``  that, and all that pip or a subclass may replace
``all``   everything that the target held, which was cleared
``move``  on its way back, or on its way here to be cleared: what is here comes back
``done``  not needed any more; being deleted

Steps from one to the next are single renames. So a later run that finds the folder of
a process that is no more knows what to do with it: give back, or delete.
"""

from __future__ import annotations

import os
import stat
from _thread import get_ident

from . import _files, _platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

#: The entries of an environment that newvenv replaces itself ...
_PART = frozenset(["pyvenv.cfg", ".gitignore", "lib64", _platform.BIN_NAME])

#: ... and those that pip and hooks work in. What else lies in the folder is not ours.
_FULL = _PART | {"lib", "Lib", "include", "Include", "share", "etc"}

#: Where new entries may appear: so many levels below the target (site-packages is 3).
_LISTED_DEPTH = 3

#: Files up to this size, in bytes, are copied rather than linked when they lie outside
#: of packages, so that even writing into them in place can be undone.
_COPIED_SIZE = 1 << 16

#: The runs under way in this process, by target and thread.
_running: dict[tuple[str, int], Undo] = {}


class Undo:
    """Takes back what happens to the folder *env_dir* in a ``with`` block that fails.

    :param clears: the block clears the folder before it does anything else to it, so
        there is nothing to keep before that.
    :param pip: pip will run on the environment, or may be replaced.
    :param foreign: code of others than newvenv will run on it.
    """

    def __init__(
        self, env_dir: str, *, clears: bool = False, pip: bool = False, foreign: bool = False
    ) -> None:
        self.env_dir = env_dir
        self.clears = clears
        self.kind = "full" if pip or foreign else "part"
        self.foreign = foreign
        self.missing: list[str] = []
        self.listed: frozenset[str] = frozenset()
        self.aside: str | None = None

    def __enter__(self) -> None:
        self.missing = _missing(self.env_dir)
        if not self.missing and os.path.isdir(self.env_dir):
            recover(self.env_dir)
            self.listed = frozenset(_listing(self.env_dir))
            if self.listed and not self.clears:
                self.aside = _keep(self.env_dir, self.kind)
        _running[self.env_dir, get_ident()] = self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        del _running[self.env_dir, get_ident()]
        if kind is None:
            if self.aside:
                _discard(self.aside)
        else:
            self.take_back()

    def set_aside(self) -> None:
        """Clear the folder, but so that it can be undone."""
        self.aside = _files.temporary(self.env_dir, "move")
        os.mkdir(self.aside, 0o700)
        for name in _files.entries(self.env_dir):
            os.rename(os.path.join(self.env_dir, name), os.path.join(self.aside, name))
        self.aside = _turn(self.aside, "all")

    def take_back(self) -> None:
        """Make the folder what it was; what resists is reported, and nothing raised."""
        try:
            if _others_at_work(self.env_dir):
                return  # It is theirs as well by now, and they will finish it.
            for path in set(_listing(self.env_dir)) - self.listed:
                if self._is_ours(path) and os.path.lexists(path):
                    _files.delete(path)
            if self.aside:
                _give_back(self.aside)
            for path in self.missing:
                if os.path.lexists(path):
                    os.rmdir(path)
        except OSError as error:
            from . import logger

            logger.warning("Could not undo everything in %r: %s", self.env_dir, error)

    def _is_ours(self, path: str) -> bool:
        """Can it be this run that made *path*, rather than its owner meanwhile?"""
        name = path[len(self.env_dir) :].lstrip(os.sep).partition(os.sep)[0]
        return name in _FULL or self.foreign or not self.listed


def clear(path: str) -> None:
    """Empty the folder *path*: for good, or within :class:`Undo` until that succeeds."""
    undo = _running.get((path, get_ident()))
    if undo and undo.aside is None:
        undo.set_aside()
        return
    for name in _files.entries(path):
        _files.delete(os.path.join(path, name))


def recover(env_dir: str) -> None:
    """Put *env_dir* in order after runs that were killed: give back, or delete."""
    for folder in (env_dir, os.path.join(env_dir, _platform.BIN_NAME)):
        for path in _temporaries(folder):
            if _is_at_work(path):
                continue
            if _files.kind(path) in _SCOPES:
                _give_back(path)
            else:
                _files.delete(path)


def _missing(path: str) -> list[str]:
    """Return *path* and those of its parents that don't exist, the deepest first."""
    missing = []
    while not os.path.lexists(path):
        missing.append(path)
        path = os.path.dirname(path)
    return missing


def _listing(folder: str, depth: int = 0) -> Iterable[str]:
    """Yield the paths at which a run may make something new, a folder before its contents."""
    try:
        names = _files.entries(folder)
    except OSError:
        return
    for name in names:
        path = os.path.join(folder, name)
        yield path
        if depth < _LISTED_DEPTH and (depth or name in _FULL) and not os.path.islink(path):
            yield from _listing(path, depth + 1)


def _keep(env_dir: str, kind: str) -> str:
    """Keep a likeness of what is in *env_dir* aside, and return where."""
    aside = _files.temporary(env_dir, "fill")
    folders = _FULL if kind == "full" else _PART
    try:
        os.mkdir(aside, 0o700)
        for name in _files.entries(env_dir):
            path = os.path.join(env_dir, name)
            if name in folders or not os.path.isdir(path):
                _mirror(path, os.path.join(aside, name))
        return _turn(aside, kind)
    except BaseException:
        _discard(aside)
        raise


def _mirror(path: str, likeness: str, depth: int = 0) -> None:
    """Make *likeness* what *path* is: a folder, link or file of the same contents and mode."""
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(path), likeness)
    elif stat.S_ISDIR(status.st_mode):
        os.mkdir(likeness)
        for name in _files.entries(path):
            _mirror(os.path.join(path, name), os.path.join(likeness, name), depth + 1)
        os.chmod(likeness, stat.S_IMODE(status.st_mode))
    elif depth > _LISTED_DEPTH or status.st_size > _COPIED_SIZE:
        _link(path, likeness, status)
    else:
        _copy(path, likeness, status)


def _link(path: str, likeness: str, status: os.stat_result) -> None:
    try:
        os.link(path, likeness)
    except OSError:  # no hard links here, or not of other people's files
        _copy(path, likeness, status)


def _copy(path: str, likeness: str, status: os.stat_result) -> None:
    with open(path, "rb") as source, open(likeness, "xb") as file:
        while chunk := source.read(1 << 20):
            file.write(chunk)
    os.chmod(likeness, stat.S_IMODE(status.st_mode))
    os.utime(likeness, ns=(status.st_atime_ns, status.st_mtime_ns))


#: What is given back, by kind of the folder; None for what is in it.
_SCOPES: dict[str, frozenset[str] | None] = {
    "part": _PART,
    "full": _FULL,
    "all": None,
    "move": frozenset(),
}


def _give_back(aside: str) -> None:
    """Put what lies *aside* back into the folder around it, in place of what is there."""
    env_dir = os.path.dirname(aside)
    scope = _SCOPES[_files.kind(aside)]
    if _files.kind(aside) != "move":
        kept = os.listdir(aside)
        for name in _files.entries(env_dir) if scope is None else scope.union(kept):
            if os.path.lexists(os.path.join(env_dir, name)):
                _files.delete(os.path.join(env_dir, name))
        aside = _turn(aside, "move")
    for name in os.listdir(aside):
        os.rename(os.path.join(aside, name), os.path.join(env_dir, name))
    os.rmdir(aside)
    _files.finished(aside)


def _turn(aside: str, kind: str) -> str:
    """Let the folder *aside* be of another kind; return its new path."""
    turned = _files.temporary(os.path.dirname(aside), kind)
    os.rename(aside, turned)
    _files.finished(aside)
    return turned


def _discard(aside: str) -> None:
    aside = _turn(aside, "done")
    _files.delete(aside)
    _files.finished(aside)


def _others_at_work(env_dir: str) -> bool:
    """Is another process or thread making an environment in *env_dir*?"""
    return any(running == env_dir for running, _ in _running) or any(
        _is_at_work(path) and not os.path.basename(path).startswith(_files.maker() + ".")
        for path in _temporaries(env_dir)
    )


def _temporaries(folder: str) -> list[str]:
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [os.path.join(folder, name) for name in names if name.endswith(_files.TEMPORARY)]


def _is_at_work(path: str) -> bool:
    """Is the process alive that the temporary *path* belongs to?

    A name with this process's number may be left of one that was killed and had the
    same number, as is common in containers.
    """
    pid = os.path.basename(path)[1:].partition("-")[0]
    if pid == str(os.getpid()):
        return path in _files.under_way
    return pid.isdigit() and _platform.is_alive(int(pid))
