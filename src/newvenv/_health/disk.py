"""Read directories and files of which it is not known whether they exist, or what they are."""

from __future__ import annotations

import os
import stat

from .. import _files


def names_in(directory: str) -> list[str]:
    """Return the names in *directory*, sorted; none if it is missing, or is no directory.

    :raises OSError: it can't be read.
    """
    try:
        return sorted(os.listdir(directory))
    except PermissionError:
        raise
    except OSError:  # missing, a file, or a link to itself
        return []


def contents(path: str, most: int = -1) -> bytes | None:
    """Return what is in the file *path*, None if there is no such file.

    Nothing but a regular file is read: a FIFO would keep its reader waiting.

    :param most: the number of bytes to read, all of them by default.
    :raises OSError: it can't be read.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except PermissionError:
        raise
    except (OSError, ValueError):  # A RECORD may name what can be no path.
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        if most >= 0:
            return os.read(descriptor, most)
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)


def text(path: str) -> str:
    """Return the text of the file *path*, ``""`` if there is no such file.

    :raises OSError: it can't be read.
    """
    return (contents(path) or b"").decode("utf-8", "surrogateescape")


def rewrite(path: str, data: bytes) -> None:
    """Replace the contents of the file *path*; its mode stays."""
    mode = stat.S_IMODE(os.stat(path).st_mode)
    _files.write(path, data, mode, exact_mode=True)


def is_missing(path: str) -> bool:
    """Does *path* lead nowhere? A link to nothing, or to itself, does."""
    try:
        os.stat(path)
    except PermissionError:
        return False
    except (OSError, ValueError):
        return True
    return False
