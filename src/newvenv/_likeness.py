"""Likenesses of files and folders: made before something is replaced, put back after it failed.

A likeness costs little, as most files in it are hard links. It lies on the same file
system as what it is like, so putting it back is renaming.
"""

from __future__ import annotations

import os
import stat

from . import _files, _layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    pass

#: Files up to this size, in bytes, are copied rather than linked when they lie outside
#: of packages and others' code will run, so that even writing into them can be undone.
_COPIED_SIZE = 1 << 16


def mirror(path: str, likeness: str, *, copies: bool, depth: int = 0) -> None:
    """Make *likeness* what *path* is: a folder, link or file of the same contents and mode.

    :param copies: somebody may write into files that lie outside of packages.
    """
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return  # Somebody is at work there, too.
    if stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(path), likeness)
    elif stat.S_ISDIR(status.st_mode):
        os.mkdir(likeness)
        for name in _files.contents(path):
            if not name.endswith(_files.TEMPORARY):
                child = os.path.join(path, name)
                mirror(child, os.path.join(likeness, name), copies=copies, depth=depth + 1)
        os.chmod(likeness, stat.S_IMODE(status.st_mode))
    elif stat.S_ISREG(status.st_mode):
        if copies and depth <= _layout.PACKAGE_DEPTH and status.st_size <= _COPIED_SIZE:
            _copy(path, likeness, status)
        else:
            _link(path, likeness, status)


def _link(path: str, likeness: str, status: os.stat_result) -> None:
    try:
        os.link(path, likeness)
    except OSError:  # no hard links here, or not of other people's files
        _copy(path, likeness, status)


def _copy(path: str, likeness: str, status: os.stat_result) -> None:
    try:
        source = open(path, "rb")  # noqa: SIM115
    except FileNotFoundError:
        return
    with source, open(likeness, "xb") as file:
        while chunk := source.read(1 << 20):
            file.write(chunk)
    os.chmod(likeness, stat.S_IMODE(status.st_mode))
    os.utime(likeness, ns=(status.st_atime_ns, status.st_mtime_ns))


def restore(likeness: str, path: str, modes: bool, depth: int = 0) -> None:
    """Make *path* what *likeness* is; what is equal is left alone.

    Windows neither replaces nor moves a program that is running.

    :param modes: the likeness has the modes of folders, too.
    """
    if not os.path.isdir(likeness) or os.path.islink(likeness):
        if not _is_same(likeness, path):
            if os.path.isdir(path) and not os.path.islink(path):
                _files.delete(path)
            os.replace(likeness, path)
        return
    if os.path.islink(path) or not os.path.isdir(path):
        if os.path.lexists(path):
            os.unlink(path)
        os.mkdir(path)
    names = _files.entries(likeness)
    for name in names:
        restore(os.path.join(likeness, name), os.path.join(path, name), modes, depth + 1)
    if depth >= _layout.PACKAGE_DEPTH:
        _files.delete_all(path, set(_files.contents(path)).difference(names))
    if modes or depth >= _layout.PACKAGE_DEPTH:
        os.chmod(path, stat.S_IMODE(os.stat(likeness).st_mode))


def _is_same(path: str, other: str) -> bool:
    """Are both a file, or both a link, of the same contents and mode?"""
    try:
        status, other_status = os.lstat(path), os.lstat(other)
        if os.path.samestat(status, other_status):
            return True
        if (status.st_mode, status.st_size) != (other_status.st_mode, other_status.st_size):
            return False
        if stat.S_ISLNK(status.st_mode):
            return os.readlink(path) == os.readlink(other)
        with open(path, "rb") as file, open(other, "rb") as other_file:
            return file.read() == other_file.read()
    except OSError:
        return False


def return_missing(likeness: str, path: str) -> None:
    """Let those files of *likeness* come back that are not in *path*."""
    for name in _files.entries(likeness):
        ours, theirs = os.path.join(likeness, name), os.path.join(path, name)
        if not os.path.lexists(theirs):
            os.rename(ours, theirs)
        elif os.path.isdir(ours) and not os.path.islink(ours) and not os.path.islink(theirs):
            return_missing(ours, theirs)
