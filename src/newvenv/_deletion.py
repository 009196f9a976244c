"""Delete directory trees, by descriptors.

Directories are opened and their entries named relative to them, so a directory that is
replaced by a link meanwhile is not followed. ``shutil.rmtree`` does the same, but costs an
import, and fails in deep trees before Python 3.13.
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_BY_DESCRIPTOR = {os.open, os.unlink, os.rmdir, os.rename} <= os.supports_dir_fd

_DIRECTORY = (
    os.O_RDONLY
    | getattr(os, "O_DIRECTORY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
)

#: So many directories are open at a time; deeper ones are moved up first.
_DEEPEST = 100


def directory(path: str) -> None:
    """Delete the directory *path* and what is in it.

    :raises OSError: the first thing that could not be deleted; the rest is.
    """
    if not _BY_DESCRIPTOR:
        from shutil import rmtree

        rmtree(path)
        return
    parent, name = os.path.split(path.rstrip(os.sep))
    above = os.open(parent or os.curdir, _DIRECTORY & ~getattr(os, "O_NOFOLLOW", 0))
    try:
        problems = _Deletion().run(above, name)
    finally:
        os.close(above)
    for problem, below in problems:
        problem.filename = os.path.join(parent, below)
        raise problem


class _Deletion:
    """Deletes a tree of directories without recursion."""

    def __init__(self) -> None:
        #: Open directories from the top down: the descriptor above, the name in it, the
        #: own descriptor, and the directories in it that are still to be deleted.
        self.levels: list[tuple[int, str, int, list[str]]] = []
        self.problems: list[tuple[OSError, str]] = []
        self.moved = 0

    def run(self, above: int, name: str) -> list[tuple[OSError, str]]:
        """Delete the directory *name* in *above*; return errors and the paths they are about."""
        self._enter(above, name)
        try:
            while self.levels:
                above, name, descriptor, below = self.levels[-1]
                if not below:
                    os.close(descriptor)
                    self.levels.pop()
                    self._try(os.rmdir, name, above)
                elif len(self.levels) < _DEEPEST:
                    self._enter(descriptor, below.pop())
                else:
                    self._move_up(descriptor, below.pop())
        finally:
            for _, _, descriptor, _ in self.levels:
                os.close(descriptor)
        return self.problems

    def _enter(self, above: int, name: str) -> None:
        """Open a directory and delete what is in it but for directories."""
        try:
            descriptor = _open_directory(name, above)
        except OSError as error:
            self._note(error, name)
            return
        self.levels.append((above, name, descriptor, []))
        try:
            with os.scandir(descriptor) as found:
                entries = list(found)
        except OSError as error:
            self._note(error, "")
            return
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                self.levels[-1][3].append(entry.name)
            else:
                self._try(os.unlink, entry.name, descriptor)

    def _move_up(self, descriptor: int, name: str) -> None:
        self.moved += 1
        new = f"{self.moved}.newvenv"
        _, _, top, below = self.levels[0]
        try:
            os.rename(name, new, src_dir_fd=descriptor, dst_dir_fd=top)
            below.append(new)
        except OSError as error:
            self._note(error, name)

    def _try(self, act: Callable[..., object], name: str, above: int) -> None:
        for attempt in range(2):
            try:
                act(name, dir_fd=above)
                return
            except PermissionError as error:
                if attempt or not _made_writable(above):
                    self._note(error, name)
                    return
            except OSError as error:
                self._note(error, name)
                return

    def _note(self, error: OSError, name: str) -> None:
        if not isinstance(error, FileNotFoundError):
            path = os.path.join(*(level[1] for level in self.levels), name)
            self.problems.append((error, path))


def _open_directory(name: str, above: int) -> int:
    try:
        return os.open(name, _DIRECTORY, dir_fd=above)
    except PermissionError:
        # Not to be read: it may be changed by a descriptor that only names it (open(2)).
        handle = os.open(name, _DIRECTORY | getattr(os, "O_PATH", 0o10000000), dir_fd=above)
        try:
            os.chmod(f"/proc/self/fd/{handle}", 0o700)
        finally:
            os.close(handle)
        return os.open(name, _DIRECTORY, dir_fd=above)


def _made_writable(descriptor: int) -> bool:
    try:
        if os.fstat(descriptor).st_mode & stat.S_IWUSR:
            return False
        os.fchmod(descriptor, 0o700)
    except OSError:
        return False
    return True
