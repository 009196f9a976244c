"""Whose what is in a folder: temporary names, and the marks of runs that need what is kept.

What is kept in a target lies there in shared folders, ``.KIND.newvenv`` (the kinds are
those of ``_undo``). In each of them a run that needs it has its mark: an empty folder
named after process and thread. Names like that, ``.PID-TID.KIND.newvenv``, also belong
to what one process alone has on its way to another name.
"""

from __future__ import annotations

import os

from . import _files, _platform

#: What is kept, each kind on top of those before it, which it makes unnecessary.
RANKS = {"all": 6, "clear": 5, "new": 4, "empty": 4, "full": 3, "pip": 2, "part": 1, "good": 0}

#: The kinds that a folder has while things are given back from it; the greatest goes first.
CLAIMED = {**RANKS, "back": 7}

#: All kinds that tell of what is under way here; names of other rooms have none.
_KINDS = frozenset([*CLAIMED, "fill", "done", "mark", "file"])

#: Servers of files have clocks of their own, in seconds.
_CLOCKS_DIFFER = 10

#: The runs under way in this process, by target and thread.
running: dict[tuple[str, int], object] = {}


def found(env_dir: str) -> list[str]:
    """Return the paths in *env_dir* that are only temporary."""
    return [
        os.path.join(env_dir, name)
        for name in _files.contents(env_dir)
        if name.endswith(_files.TEMPORARY)
    ]


def place(env_dir: str, kind: str) -> str:
    return os.path.join(env_dir, f".{kind}{_files.TEMPORARY}")


def kept(found: list[str]) -> dict[str, str]:
    """Return what all runs share, by kind, the latest first."""
    kept = {_files.kind(path): path for path in found if maker(path) is None}
    return {kind: kept[kind] for kind in RANKS if kind in kept}


def maker(path: str) -> tuple[str, str] | None:
    """Return process and thread that the temporary *path* belongs to, None if it is shared."""
    pid, dash, rest = os.path.basename(path)[1:].partition("-")
    return (pid, rest.partition(".")[0]) if dash and pid.isdecimal() else None


def is_mine(path: str) -> bool:
    return os.path.basename(path).startswith(f"{_files.maker()}.")


def _mark(path: str) -> str:
    """Return what shows, in the shared folder *path*, that this thread needs it."""
    return os.path.join(path, f"{_files.maker()}.mark{_files.TEMPORARY}")


def put_mark(path: str) -> None:
    try:
        os.mkdir(_mark(path))
    except FileExistsError:
        pass


def has_own_mark(path: str) -> bool:
    return os.path.isdir(_mark(path))


def others_marks(path: str) -> list[str]:
    """Return the marks of living others in the folder *path*."""
    return [mark for mark in found(path) if not is_mine(mark) and is_at_work(mark)]


def dead_marks(path: str) -> list[str]:
    """Return the marks of dead processes in the folder *path*."""
    return [mark for mark in found(path) if maker(mark) and not is_at_work(mark)]


def others(found: list[str]) -> bool:
    """Is anybody else at work in the folder of these temporary paths?"""
    return any(map(others_marks, kept(found).values()))


def is_moving(found: list[str]) -> bool:
    """Is anybody else moving things about there, so that it is better to wait?"""
    return any(
        others_marks(path) if maker(path) is None else not is_mine(path) and is_at_work(path)
        for path in found
        if _files.kind(path) in (("clear",) if maker(path) is None else CLAIMED)
    )


def is_at_work(path: str) -> bool:
    """Is the process alive that the temporary *path* belongs to?

    Numbers of processes are used again, in containers most of all: what is older than
    the process of its number is from an earlier one.
    """
    pid, thread = maker(path) or ("", "")
    if pid == str(os.getpid()) and _files.kind(path) in _KINDS:
        folder = os.path.dirname(os.path.dirname(path))
        is_mark = _files.kind(path) == "mark"
        return (folder, int(thread)) in running if is_mark else path in _files.under_way
    return bool(pid) and _platform.is_alive(int(pid)) and not _is_gone(path, pid)


def _is_gone(path: str, pid: str) -> bool:
    """Is the process *pid* only a dead one's entry, or younger than *path*?

    No, where nobody can tell, as there is no ``/proc``.
    """
    import time

    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # proc_pid_stat(5), from field 3 on
            fields = file.read().rpartition(b")")[2].split()
        if fields[0] in (b"Z", b"X"):
            return True
        ticks = int(fields[19])
        uptime = time.clock_gettime(time.CLOCK_BOOTTIME)
        started = time.time() - uptime + ticks / os.sysconf("SC_CLK_TCK")
        return os.lstat(path).st_ctime < started - _CLOCKS_DIFFER
    except (OSError, AttributeError, ValueError, IndexError):
        return False


def turn(path: str, kind: str) -> str:
    """Make the temporary folder *path* this thread's own, of another kind; return it."""
    turned = _files.temporary(os.path.dirname(path), kind)
    try:
        os.rename(path, turned)
    except BaseException:
        _files.finished(turned)
        raise
    _files.finished(path)
    return turned


def remove_mark(path: str) -> None:
    try:
        os.rmdir(_mark(path))
    except OSError:
        pass


def discard(path: str) -> None:
    """Delete *path*, a folder or a file, which is out of the way from the first moment."""
    delete_own([_files.temporary(os.path.dirname(path), "done")])
    try:
        doomed = turn(path, "done")
    except FileNotFoundError:
        return  # Somebody else was faster.
    _files.delete(doomed)
    _files.finished(doomed)


def is_removed(path: str) -> bool:
    """Remove the folder *path*, if there is nothing in it but the mark of this thread."""
    try:
        if has_own_mark(path):
            os.rmdir(_mark(path))
        os.rmdir(path)
    except OSError:
        return False
    return True


def save_marks(path: str) -> None:
    """Let others, still at work, have their marks elsewhere than in the shared folder *path*.

    Should one be killed, the next run would not know that it has left something.
    """
    good = place(os.path.dirname(path), "good")
    for mark in others_marks(path):
        try:
            os.makedirs(good, 0o700, exist_ok=True)
            os.rename(mark, os.path.join(good, os.path.basename(mark)))
        except OSError:
            is_removed(good)  # That one has just ended as well, or there is really no room.


def delete_own(found: list[str]) -> None:
    """Delete what this thread has left of its own."""
    for path in filter(is_mine, found):
        if os.path.lexists(path):
            _files.delete(path)
        _files.finished(path)


def make_shared(path: str) -> None:
    """Make the folder *path* for all, and the mark in it; only one thread can."""
    try:
        os.mkdir(path, 0o700)
        put_mark(path)
    except FileExistsError:
        raise  # It is somebody else's.
    except BaseException:
        is_removed(path)
        raise
