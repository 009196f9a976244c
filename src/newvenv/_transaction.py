"""Change a directory completely or not at all: lock it, journal each change, roll back.

What is replaced, removed or cleared is kept until the run has succeeded: see ``_kept``.
"""

from __future__ import annotations

import os
from _thread import get_ident

from . import _files, _kept, _lock, _signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    Result = TypeVar("Result")

#: How often to try to make the parents of a target beside runs that remove them, or to
#: remove them beside runs that make them; and how long to wait for such a run, in seconds.
_ATTEMPTS = 100
_PATIENCE = 60.0


def run(env_dir: str, work: Callable[[Transaction], Result], *, makes: bool = True) -> Result:
    """Return ``work(transaction)``; if that raises, roll back its changes to *env_dir*.

    A run within a run of the same thread joins that one.

    :param makes: make the directory, if it is missing; otherwise *work* does, and calls
        :meth:`Transaction.begin` then.
    :raises OSError: the directory can't be made, or another run occupies it (EBUSY).
    """
    outer = _files.journals.get(get_ident())
    joined = _run_in(env_dir, outer)
    if joined is not None:
        return work(joined)
    transaction = Transaction(env_dir, outer)
    try:
        try:
            _files.journals[get_ident()] = transaction
            if makes or os.path.lexists(env_dir):
                transaction.begin()
            else:
                transaction.missing.update(_missing(env_dir))
                transaction.is_new = True
            result = work(transaction)
            transaction.commit()
            return result
        except BaseException as error:
            transaction.roll_back(error)
            raise
    finally:
        transaction.close()


class Transaction:
    """The changes of one run to the directory *env_dir*, within those of the run *outer*."""

    def __init__(self, env_dir: str, outer: Transaction | None) -> None:
        self.env_dir = env_dir
        self.prefix = os.path.join(env_dir, "")
        self.outer = outer
        self.pid = os.getpid()
        self.lock = _lock.Lock(env_dir, make=self._make)
        self.is_begun = self.is_cleared = self.is_done = False
        #: Is all that is in the target this run's own? Then nothing needs to be noted.
        self.is_new = False
        #: How to roll back, from the end; what this run has made or kept.
        self.steps: list[tuple[Callable[..., object], tuple[Any, ...]]] = []
        self.seen: set[str] = set()
        #: Directories whose packages or scripts are kept, as pip may replace them.
        self.guarded: set[str] = set()
        #: Of the target and its parents those that were missing, so that this run makes them.
        self.missing: set[str] = set()
        self.aside_path = ""

    def begin(self) -> None:
        """Make the directory if it is missing, lock it, and recover what a killed run left."""
        if not self.is_begun:
            self.lock.acquire()
            self.is_begun = True
            # A run that made it at the same time may have come first.
            is_others = self.lock.has_waited or self.is_environment()
            self.is_new = self.env_dir in self.missing and not is_others
            if self.is_new:
                self.seen.add(self.env_dir)
            else:
                _kept.recover(self.env_dir, self.lock)

    def _make(self) -> None:
        """Make the target and its parents beside other runs that remove them."""
        for attempt in range(_ATTEMPTS):
            try:
                for path in _missing(self.env_dir):
                    self.missing.add(path)
                    os.mkdir(path)
                return
            except FileExistsError:
                self.missing.discard(path)
            except FileNotFoundError:
                # Some file systems (proc) take no directories, and say this each time.
                if attempt == _ATTEMPTS - 1:
                    raise

    def is_environment(self) -> bool:
        """Is the directory an environment, until now?"""
        return os.path.lexists(os.path.join(self.env_dir, "pyvenv.cfg"))

    def expect(self, path: str, *, directory: bool = False) -> bool:
        """Note that *path* is about to be made; False if something is there already."""
        if self.is_new:
            self.seen.add(path)
            return True
        if path in self.seen or os.path.lexists(path):
            return False
        if directory:
            self.expect(os.path.dirname(path), directory=True)
        self.seen.add(path)
        self.steps.append((_files.remove_directory if directory else _files.delete, (path,)))
        return True

    def keep(self, path: str, copy: Callable[[str, str], object] | None = None) -> None:
        """Keep what is at *path*, to be replaced: what *copy* makes of it, or else itself."""
        if self.is_new or path in self.seen or not os.path.lexists(path):
            if copy is None:
                _files.delete(path)
            return
        backup = os.path.join(self.aside(), "kept", path[len(self.prefix) :])
        os.makedirs(os.path.dirname(backup), exist_ok=True)
        if copy is not None:
            copy(path, backup)
        else:
            self.steps.append((_files.move, (backup, path)))  # if this is cut short
            _files.move(path, backup)
            _files.delete(path)  # What is left of it was replaced, and so kept, before.
        # The backup is whole: from now on it may stand in for what was there.
        self.steps.append((_put_back, (backup, path)))
        self.seen.add(path)

    def aside(self) -> str:
        """Return the directory for what is kept and for scratch files, made if need be."""
        if not self.aside_path:
            # One that is there already is a parent process's, or not ours at all.
            free = (path for path in _kept.paths(self.env_dir) if not os.path.lexists(path))
            self.aside_path = next(free)
            try:
                _make_private(self.aside_path)
            except OSError:
                self.aside_path = ""
                raise
        return self.aside_path

    def clear(self) -> None:
        """Move the contents aside, to be deleted when the run has succeeded."""
        paths = {os.path.join(self.env_dir, name) for name in _lock.names_in(self.env_dir)}
        paths.difference_update(_kept.asides(self.env_dir))
        if self.is_new or self.is_cleared:
            for path in paths:
                self.keep(path)
        elif paths:
            moving = os.path.join(self.aside(), "moving")
            _make_private(moving)
            self.is_cleared = True
            self.steps.append((_kept.give_back, (self.aside_path, True)))
            for path in paths:
                _files.move(path, os.path.join(moving, os.path.basename(path)))
            self._rename("moving", "cleared")
            self.seen.clear()

    def mark_usable(self) -> None:
        """Note that the new environment can be used: what was cleared is not to come back."""
        self._rename("cleared", "outdated")

    def _rename(self, name: str, other: str) -> None:
        try:
            if self.aside_path:
                os.rename(f"{self.aside_path}/{name}", f"{self.aside_path}/{other}")
        except FileNotFoundError:
            pass

    def commit(self) -> None:
        """Let all stay as it is."""
        if self.aside_path:
            with _signals.Deferred("", again=True):
                self.mark_usable()
                self._rename("kept", "replaced")
                self.is_done = True
                _kept.discard(self.aside_path)
        self.is_done = True
        self._end()

    def roll_back(self, error: BaseException) -> None:
        """Turn back all changes, because of *error*, unless the run has come to its end."""
        if self.is_done or self.pid != os.getpid():  # in a child that a hook forked
            return
        notice = f"Rolling back {self.env_dir}, please wait"
        with _signals.Deferred(notice, again=not isinstance(error, KeyboardInterrupt)):
            self.is_done = True
            self._undo()
            self._remove_made()
            self._end()

    def _undo(self) -> None:
        problem = None
        if self.env_dir in self.missing and self._has_lock() and self.is_new:
            self.steps.append((self._empty, ()))
        self.steps.append((self._rename, ("outdated", "cleared")))
        while self.steps:
            act, values = self.steps.pop()
            try:
                act(*values)
            except OSError as error:
                problem = problem or error
        if problem is not None:
            _kept.warn("Could not roll back %r completely: %s", self.env_dir, problem)
        elif self.aside_path:
            _kept.discard(self.aside_path)

    def _empty(self) -> None:
        """Add the steps that delete all that is in the target, as it is this run's own."""
        is_closed = not os.access(self.env_dir, os.R_OK | os.W_OK | os.X_OK)
        if is_closed and _files.is_directory(self.env_dir):
            _open_up(self.env_dir)
        for name in _lock.names_in(self.env_dir):
            self.steps.append((_files.delete, (os.path.join(self.env_dir, name),)))

    def _has_lock(self) -> bool:
        """Has this run got the lock, or can have it now? It may have failed while it waited."""
        if not self.is_begun:
            self.lock.release()  # A signal may have come before this run could note it.
            self.lock.limit = 0
            try:
                self.begin()
            except OSError:
                pass  # Another run is at work there.
        return self.is_begun

    def _remove_made(self) -> None:
        """Remove the target and its parents, up to the first that this run has made, if empty.

        A run that waits makes again what is missing, to remove it in its turn if it fails.
        Where one has done so in between, this one waits for it, and removes the rest.
        """
        for _ in range(_ATTEMPTS if self.is_begun and self.missing else 0):
            try:
                if _lock.names_in(self.env_dir):
                    return  # Another run has succeeded, or something can't be deleted.
                path, top = self.env_dir, min(self.missing, key=len)
                self.lock.allow_removal()
                while len(path) >= len(top) and _files.remove_directory(path):
                    path = os.path.dirname(path)
                self.lock.release()
                if len(path) < len(top) or self._is_shared(path):
                    return
                self.lock.limit = _PATIENCE
                self.lock.acquire()
            except OSError:
                return

    def _is_shared(self, parent: str) -> bool:
        """Is there anything else in *parent* than what leads to the target?"""
        paths = (os.path.join(parent, name, "") for name in _files.names_in(parent))
        return parent != self.env_dir and not all(map(self.prefix.startswith, paths))

    def _end(self) -> None:
        self.lock.release()
        if _files.journals.get(get_ident()) is self:
            if self.outer is None:
                del _files.journals[get_ident()]
            else:
                _files.journals[get_ident()] = self.outer

    def close(self) -> None:
        """Do what was cut short at the end: signals come in pairs."""
        if self.pid == os.getpid():
            self.roll_back(KeyboardInterrupt())
            self._end()


def clear(path: str) -> None:
    """Empty the directory *path*: for good, or within a run until that succeeds."""
    run = _run_in(path, _files.journals.get(get_ident()))
    if run is not None:
        run.clear()
    else:
        for name in os.listdir(path):
            _files.delete(os.path.join(path, name))


def _run_in(env_dir: str, run: Transaction | None) -> Transaction | None:
    """Return the run in *env_dir*, by whatever name, among *run* and those around it."""
    while run is not None and run.env_dir != env_dir and not _is_same(run.env_dir, env_dir):
        run = run.outer
    return run


def _is_same(path: str, other: str) -> bool:
    return os.path.isdir(path) and os.path.isdir(other) and os.path.samefile(path, other)


def _missing(path: str) -> list[str]:
    """Return those of *path* and its parents that don't exist, from the top."""
    missing: list[str] = []
    while not os.path.lexists(path) and path not in missing:  # a drive has no parent
        missing.insert(0, path)
        path = os.path.dirname(path)
    return missing


def _put_back(backup: str, path: str) -> None:
    if os.path.lexists(backup):
        if _files.is_directory(backup) or _files.is_directory(path):
            _files.delete(path)
        os.replace(backup, path)


def _make_private(path: str) -> None:
    os.mkdir(path, 0o700)
    _open_up(path)


def _open_up(path: str) -> None:
    """Let its owner use the directory *path*, which the umask may forbid."""
    try:
        os.chmod(path, 0o700)
    except OSError:
        pass  # a file system without modes
