"""What an environment takes of the disk."""

from __future__ import annotations

import os
import stat
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    #: Device and number, how many hard links there are (0 for a folder), and blocks.
    Inode = tuple[tuple[int, int], int, int]

#: The unit of ``st_blocks``, whatever the file system's blocks are, in KiB.
_BLOCK = 0.5


@dataclass(frozen=True)
class Disk:
    """KiB in blocks of the file system; what has several hard links counts once.

    Copy-on-write clones cannot be told from copies and count in full.
    """

    peer: str
    #: What making the environment takes, and deleting it gives back.
    own: float
    #: What the environment holds by hard links to files outside of it: in the cache.
    shared: float
    #: What the cache takes, be there one environment or a thousand.
    cache: float
    #: How many files, folders and links the environment has.
    entries: int


def usage(peer: str, env: Path, cache: Path) -> Disk:
    """Return what *peer*'s environment *env* takes, and its *cache*, which may not exist."""
    names = Counter(_inodes(env))
    shared = sum(blocks for (_, links, blocks), found in names.items() if links > found)
    total = _size(names)
    return Disk(
        peer,
        own=total - shared * _BLOCK,
        shared=shared * _BLOCK,
        cache=_size(_inodes(cache)) if cache.exists() else 0,
        entries=sum(names.values()),
    )


def _size(inodes: Counter[Inode] | Iterator[Inode]) -> float:
    return sum(blocks for _, _, blocks in set(inodes)) * _BLOCK


def _inodes(folder: Path) -> Iterator[Inode]:
    """Yield what tells all below *folder*, and itself, apart: with hard links and blocks."""
    yield _inode(folder)
    for path, folders, files in os.walk(folder):
        for name in folders + files:
            yield _inode(os.path.join(path, name))


def _inode(path: str | os.PathLike[str]) -> Inode:
    status = os.lstat(path)
    links = 0 if stat.S_ISDIR(status.st_mode) else status.st_nlink
    return (status.st_dev, status.st_ino), links, status.st_blocks
