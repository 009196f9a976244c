"""Change a directory completely or not at all: lock it, journal each change, roll back.

What is replaced, removed or cleared is kept until the run has succeeded: see ``_kept``.
"""

from __future__ import annotations

import errno
import os
from _thread import get_ident

from . import _files, _kept, _lock, _signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Any

#: How often to try to make, and to remove, the parents of a target beside other runs; how
#: many seconds to wait for a run that may still need them.
_ATTEMPTS = 100
_PATIENCE = 10.0


class Transaction:
    """Roll back the changes to the directory *env_dir* if the ``with`` block raises.

    A run within a run of the same thread joins that one.

    :param makes: make and lock the directory at once. Otherwise, if it is missing,
        :meth:`begin` is to be called when a subclass has made it.
    :raises OSError: the directory can't be made, or another run occupies it (EBUSY).
    """

    def __init__(self, env_dir: str, *, makes: bool = True) -> None:
        self.env_dir = env_dir
        self.makes = makes
        self.pid = os.getpid()
        self.prefixes: tuple[str, ...] = (os.path.join(env_dir, ""),)
        self.outer: Transaction | None = None
        self.joined: Transaction | None = None
        self.lock = _lock.Lock(env_dir, make=self._make)
        self.is_begun = self.is_cleared = self.is_done = False
        #: Is all that is in the target this run's own? Then nothing needs to be noted.
        self.is_new = False
        #: How to roll back, from the end; what this run has made or kept, and which
        #: directories it has made.
        self.steps: list[tuple[Callable[..., object], tuple[Any, ...]]] = []
        self.seen: set[str] = set()
        self.new_directories: set[str] = set()
        self.guarded: set[str] = set()
        #: Of the target and its parents those that were missing, so that this run makes them.
        self.missing: set[str] = set()
        self.aside_path = ""

    def __enter__(self) -> Transaction:  # noqa: PYI034 - typing.Self is too new
        self.outer = _files.journals.get(get_ident())
        self.joined = _run_in(self.env_dir, self.outer)
        try:
            if self.joined is not None:
                self.joined.prefixes += self.prefixes
                return self
            _files.journals[get_ident()] = self
            if self.makes or os.path.lexists(self.env_dir):
                self.begin()
            else:
                self.missing = _missing(self.env_dir)
                self.is_new = True
            return self
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise

    def begin(self) -> None:
        """Make the directory if it is missing, lock it, and recover what a killed run left."""
        if self.is_begun or self.joined is not None:
            return
        self.lock.acquire()
        self.is_begun = True
        if self.is_new:
            # If another run has made the directory, too, that keeps it.
            self.is_new = not (self.lock.has_waited or self.is_environment())
        else:
            self.is_new = self.env_dir in self.missing and not os.listdir(self.env_dir)
        if not self.is_new:
            self.new_directories.clear()
            _kept.recover(self.env_dir, self.lock)

    def _make(self) -> None:
        """Make the target and its parents beside other runs that remove them."""
        paths, failures = [self.env_dir], 0
        while paths:
            path = paths[-1]
            try:
                if not os.path.lexists(path):
                    self.missing.add(path)
                    os.mkdir(path)
            except FileExistsError:
                self.missing.discard(path)
            except FileNotFoundError:
                self.missing.discard(path)
                failures += 1
                # Some file systems (proc) take no directories, and say this each time.
                if failures > _ATTEMPTS + self.env_dir.count(os.sep):
                    raise
                paths.append(os.path.dirname(path))
                continue
            paths.pop()

    def is_environment(self) -> bool:
        """Is the directory an environment, until now?"""
        return os.path.lexists(os.path.join(self.env_dir, "pyvenv.cfg"))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.joined is not None or self.pid != os.getpid():  # a child that a hook forked
            return
        try:
            if kind is None:
                self.commit()
            elif not self.is_done:
                notice = f"Rolling back {self.env_dir}, please wait"
                with _signals.Deferred(notice, again=not isinstance(error, KeyboardInterrupt)):
                    self._roll_back()
        finally:
            if self.is_done:
                self._end()
                if kind is not None and self.missing:
                    self._await_parents()

    def close(self) -> None:
        """Roll back after all if the end of the block was cut short: signals come in pairs."""
        if _files.journals.get(get_ident()) is self:
            self.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)

    def _end(self) -> None:
        self.lock.release()
        if self.outer is None:
            _files.journals.pop(get_ident(), None)
        else:
            _files.journals[get_ident()] = self.outer

    def covers(self, path: str) -> bool:
        """Is *path* in the directory, and not in the one for what is kept?"""
        if self.aside_path and path.startswith(self.aside_path):
            return False
        return path.startswith(self.prefixes)

    def lacks(self, path: str) -> bool:
        """Is there no directory *path* yet? In a new target that is known."""
        if not self.covers(path) or path in self.new_directories:
            return False
        return self.is_new or not os.path.lexists(path)

    def expect(self, path: str, *, directory: bool = False) -> bool:
        """Note that *path* is about to be made; False if something is there already."""
        if not self.is_new:
            parent = path[: path.rfind(os.sep)]
            if path in self.seen or (parent not in self.new_directories and os.path.lexists(path)):
                return False
            self.seen.add(path)
            act = _files.remove_directory if directory else _files.delete
            self.steps.append((act, (path,)))
        if directory:
            self.new_directories.add(path)
        return True

    def keep(self, path: str, *, move: bool) -> None:
        """Keep what is at *path*, to be replaced; with *move* it goes from there."""
        if self.is_new or path in self.seen or not os.path.lexists(path):
            if move:
                _files.delete(path)
            return
        backup = self._backup(path)
        try:
            if not move:
                os.link(path, backup, follow_symlinks=False)
        except OSError:  # no hard links here, or none to files of others
            move = True
        if move:
            self.steps.append((_files.move, (backup, path)))  # if this is cut short
            _files.move(path, backup)
            _files.delete(path)  # What is left of it was replaced, and so kept, before.
        self._note_kept(backup, path)

    def guard(self, directory: str, names: Iterable[str], undo: Callable[[], object]) -> None:
        """Keep copies of *names* in *directory*, which a child process may change.

        :param undo: removes what that has added.
        """
        from . import _packages

        for path in [os.path.join(directory, name) for name in names]:
            if path not in self.seen:
                backup = self._backup(path, "copied")
                _packages.copy(path, backup)
                self._note_kept(backup, path)
        self.steps.append((undo, ()))
        self.guarded.add(directory)

    def _backup(self, path: str, where: str = "kept") -> str:
        prefix = next(filter(path.startswith, self.prefixes))
        backup = os.path.join(self.aside(), where, path[len(prefix) :])
        os.makedirs(os.path.dirname(backup), exist_ok=True)
        return backup

    def _note_kept(self, backup: str, path: str) -> None:
        """Note that *backup* is whole: from now on it may stand in for *path*."""
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
        paths = {os.path.join(self.env_dir, name) for name in _files.names_in(self.env_dir)}
        paths.difference_update(_kept.asides(self.env_dir))
        if self.is_new or self.is_cleared:
            for path in paths:
                self.keep(path, move=True)
        elif paths:
            moving = os.path.join(self.aside(), "moving")
            _make_private(moving)
            self.is_cleared = True
            self.steps.append((_kept.give_back, (self.aside_path, True)))
            for path in paths:
                _files.move(path, os.path.join(moving, os.path.basename(path)))
            self._rename("moving", "cleared")
            self.seen.clear()
            self.new_directories.clear()

    def mark_usable(self) -> None:
        """Note that the new environment can be used: what was cleared is not to come back."""
        (self.joined or self)._rename("cleared", "done")

    def _rename(self, name: str, other: str) -> None:
        try:
            if self.aside_path:
                os.rename(f"{self.aside_path}/{name}", f"{self.aside_path}/{other}")
        except FileNotFoundError:
            pass

    def commit(self) -> None:
        """Let all stay as it is. As the last step in the block, it may still be interrupted."""
        if self.joined is not None or self.is_done:
            return
        if self.aside_path:
            with _signals.Deferred("", again=True):
                self._discard()
        self.is_done = True
        self.missing.clear()
        self._end()

    def _discard(self) -> None:
        try:
            self._rename("cleared", "done")
            self._rename("copied", "outdated")
            self._rename("kept", "replaced")
        except OSError:
            self._roll_back()
            raise
        self.is_done = True
        _kept.discard(self.aside_path)

    def _roll_back(self) -> None:
        problem = None
        self.is_done = True
        self.steps.append((self._rename, ("done", "cleared")))
        if self.env_dir in self.missing and self._is_at_work():
            remove = _files.delete if self.is_new else _files.remove_directory
            self.steps.insert(0, (remove, (self.env_dir,)))
        self.missing.discard(self.env_dir)
        if os.name == "nt":
            self.lock.release()  # What it is made of lies in the directory.
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
        self.lock.release()
        self._remove_parents()

    def _is_at_work(self) -> bool:
        """Has this run got the lock, or can have it now, to remove the target?"""
        if not self.is_begun:
            self.lock.release()  # A signal may have come before this run could note it.
            self.lock.limit = 0
            try:
                self.begin()
            except OSError:
                pass  # Another run is at work there.
        return self.is_begun

    def _remove_parents(self) -> None:
        for path in sorted(self.missing, reverse=True):  # the deepest first
            if _files.remove_directory(path):
                self.missing.remove(path)

    def _await_parents(self) -> None:
        """Remove the parents that this run has made once no other run needs them."""
        from time import sleep

        absent = 0
        for attempt in range(_ATTEMPTS):
            try:
                with _lock.Lock(self.env_dir, _PATIENCE * self.is_begun) as lock:
                    if lock.is_held and os.listdir(self.env_dir):
                        return  # That run has succeeded.
                    absent = 0 if lock.is_held else absent + 1
            except OSError:
                return
            self._remove_parents()
            # What stays, though no run has been at work for a while, is in use otherwise.
            if not self.missing or absent > _ATTEMPTS // 10:
                return
            sleep(min(0.001 * 2**attempt, 0.05))


def clear(path: str) -> None:
    """Empty the directory *path*: for good, or within a run until that succeeds.

    :raises OSError: another file system is mounted in it (EBUSY).
    """
    from . import _preflight

    for mount in _preflight.mounts_below(path):
        raise OSError(errno.EBUSY, "Refusing to clear, a file system is mounted there", mount)
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


def _missing(path: str) -> set[str]:
    """Return *path* and those of its parents that don't exist."""
    missing = set()
    while not os.path.lexists(path):
        missing.add(path)
        path = os.path.dirname(path)
    return missing


def _put_back(backup: str, path: str) -> None:
    if os.path.lexists(backup):
        if _files.is_directory(backup) or _files.is_directory(path):
            _files.delete(path)
        os.replace(backup, path)


def _make_private(path: str) -> None:
    os.mkdir(path, 0o700)
    try:
        os.chmod(path, 0o700)  # The umask may forbid its owner to use it.
    except OSError:
        os.rmdir(path)  # Nothing else knows of it yet.
        raise
