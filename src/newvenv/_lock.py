"""One run at a time in a directory.

The lock is the kernel's, on the directory's own descriptor (flock(2)): it leaves no file
behind, counts for the processes, threads and containers of one host alike, and ends with
its holder, so it is never stale. Where there is no such lock, runs go on without one.
"""

from __future__ import annotations

import errno
import os
import sys

from . import _files, _platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: How long to wait for another run, in seconds: as long as pip may need to upgrade
#: itself over a slow network.
LIMIT = 600.0

#: After so many seconds of waiting, say so; the longest pause between two attempts.
_NOTICE = 1.0
_PAUSE = 0.05


class Lock:
    """The right to change the directory *path*, exclusive among runs that ask for it.

    :param limit: how long to wait for another run, in seconds.
    :param make: makes the directory; called again if it has been removed meanwhile.
    """

    def __init__(
        self, path: str, limit: float | None = None, make: Callable[[], object] | None = None
    ) -> None:
        self.path = path
        self.limit = limit
        self.make = make
        self.handle: int | None = None
        self.has_waited = False
        #: Is there no such lock here? (Neither is it held if a parent process holds it.)
        self.is_missing = False

    def __enter__(self) -> Lock:  # noqa: PYI034 - typing.Self is too new
        self.acquire()
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()

    @property
    def is_held(self) -> bool:
        """Has this object the lock, so that no other run is at work?"""
        return self.handle is not None

    def acquire(self) -> None:
        """Wait until no other run is at work in the directory.

        :raises OSError: another run was for the whole time (EBUSY).
        """
        if not self._try():
            self._wait()

    def _try(self) -> bool:
        """Try once; False if another run is at work, or has just removed the directory."""
        if self.make is not None:
            self.make()
        try:
            self.handle = _platform.lock(self.path)
            if self.handle is not None and not _is_at(self.handle, self.path):
                self.release()
                return False
        except OSError as error:
            self.release()
            if error.errno in _files.FATAL:
                raise
            self.is_missing = not isinstance(error, FileNotFoundError)
            return self.is_missing or self.make is None
        return self.is_held or _is_held_by_parent(self.path)

    def _wait(self) -> None:
        from time import monotonic, sleep

        begin, pause, limit = monotonic(), 0.001, LIMIT if self.limit is None else self.limit
        notice, self.has_waited = _NOTICE, True
        while not self._try():
            waited = monotonic() - begin
            if waited > limit:
                raise OSError(errno.EBUSY, "Another run is at work in this directory", self.path)
            if waited > notice:
                notice = limit
                self._tell()
            sleep(pause)
            pause = min(2 * pause, _PAUSE)

    def _tell(self) -> None:
        from . import logger

        logger.info("Waiting for another run in %s", self.path)
        if sys.stderr is not None:
            sys.stderr.write(f"Waiting for another run in {self.path}\n")

    def release(self) -> None:
        """Let the next run begin."""
        if self.handle is not None:
            try:
                _platform.unlock(self.handle)
            except OSError:
                pass  # A signal came between unlocking and the next line.
            self.handle = None


def _is_at(handle: int, path: str) -> bool:
    """Is what is locked still what *path* names? A run that failed may have removed it."""
    return os.name == "nt" or os.path.samestat(os.fstat(handle), os.lstat(path))


def _is_held_by_parent(path: str) -> bool:
    """Does a parent process of this one hold the lock, one of whose hooks waits for this one?

    Only Linux tells, in proc_locks(5) and proc_pid_stat(5).
    """
    try:
        state = os.stat(path)
        device = f"{os.major(state.st_dev):02x}:{os.minor(state.st_dev):02x}:{state.st_ino}"
        with open("/proc/locks", encoding="ascii") as file:
            lines = [line.split() for line in file]
        # A waiting process has an arrow in field 1; one outside of the namespace is 0.
        holders = {line[4] for line in lines if line[1] == "FLOCK" and line[5] == device} - {"0"}
        pid = "self"
        while pid != "0" and pid not in holders:
            with open(f"/proc/{pid}/stat", "rb") as stat:
                pid = stat.read().rpartition(b")")[2].split()[1].decode("ascii")
        return pid != "0"
    except (OSError, ValueError, IndexError):
        return False
