"""One run at a time in a directory.

The lock is the kernel's, on the directory's own descriptor (flock(2)): it leaves no file
behind, counts for the processes, threads and containers of one host alike, and ends with
its holder, so it is never stale. Where there is no such lock, runs go on without one.
"""

from __future__ import annotations

import errno
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

    :param limit: how long to wait for another run, in seconds; None for :data:`LIMIT`.
    :param make: makes the directory; called again if it has been removed meanwhile.
    """

    def __init__(
        self, path: str, limit: float | None = None, make: Callable[[], object] | None = None
    ) -> None:
        self.path = path
        self.limit = limit
        self.make = make
        #: None if the lock is not held: there is none, or a parent process has it.
        self.handle: int | None = None
        self.has_waited = self.is_missing = False

    def __enter__(self) -> Lock:  # noqa: PYI034 - typing.Self is too new
        self.acquire()
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()

    def acquire(self) -> None:
        """Wait until no other run is at work in the directory.

        :raises OSError: another run was for the whole time (EBUSY).
        """
        if self._try():
            return
        from time import monotonic, sleep

        begin, pause, notice, self.has_waited = monotonic(), 0.001, _NOTICE, True
        limit = LIMIT if self.limit is None else self.limit
        while not self._try():
            waited = monotonic() - begin
            if waited > limit:
                raise OSError(errno.EBUSY, "Another run is at work in this directory", self.path)
            if waited > notice:
                notice = limit
                _tell(f"Waiting for another run in {self.path}")
            sleep(pause)
            pause = min(2 * pause, _PAUSE)

    def _try(self) -> bool:
        """Try once; False if another run is at work, or has just removed the directory."""
        if self.make is not None:
            self.make()
        try:
            self.handle = _platform.lock(self.path)
        except OSError as error:
            if error.errno in _files.FATAL:
                raise
            self.is_missing = not isinstance(error, FileNotFoundError)
            return self.is_missing or self.make is None
        return self.handle is not None or _platform.is_locked_by_parent(self.path)

    def allow_removal(self) -> None:
        """Release a lock that is a file in its directory, which keeps that from being removed."""
        if _platform.LOCK_NAME:
            self.release()

    def release(self) -> None:
        """Let the next run begin."""
        if self.handle is not None:
            try:
                _platform.unlock(self.handle)
            except OSError:
                pass  # A signal came between unlocking and the next line.
            self.handle = None


def names_in(path: str) -> list[str]:
    """Return the names in the directory *path*, without that of a lock."""
    return [name for name in _files.names_in(path) if name != _platform.LOCK_NAME]


def _tell(text: str) -> None:
    from . import _log

    _log.info("%s", text)
    if sys.stderr is not None:
        sys.stderr.write(f"{text}\n")
