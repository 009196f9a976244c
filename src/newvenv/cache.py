"""See and empty the cache: ``python -m newvenv.cache`` and ``python -m newvenv.cache clear``."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__" and not getattr(sys.flags, "safe_path", sys.flags.isolated):
    del sys.path[0]  # the current directory: nothing in it is to be imported

from ._seed import cache as _cache

_USAGE = """\
usage: python -m newvenv.cache [list | clear]

list   say where the cache is, and which images are in it (the default)
clear  remove them all; environments keep what they have
"""


def images() -> list[tuple[str, int, float]]:
    """Return each image in the cache: its directory, its size in bytes, its last use.

    The time is in seconds since the epoch.
    """
    return [(path, _size(path), os.lstat(path).st_mtime) for path in _cache.images()]


def clear() -> int:
    """Remove all images, and what interrupted runs have left; return how many bytes.

    A run that is cloning one of them at this moment takes another way.

    :raises OSError: one can't be removed.
    """
    size = sum(size for _, size, _ in images())
    _cache.clear()
    return size


def _size(path: str) -> int:
    """Return the size of a directory's contents in bytes."""
    return sum(
        os.lstat(os.path.join(folder, name)).st_size
        for folder, _, names in os.walk(path)
        for name in names
    )


def _list() -> list[str]:
    from time import localtime, strftime

    found = images()
    lines = [f"{_cache.directory()}: {len(found)} images, {_megabytes(sum(f[1] for f in found))}"]
    for path, size, used in found:
        day = strftime("%Y-%m-%d", localtime(used))
        lines.append(f"  {os.path.basename(path)}  {_megabytes(size)}  used {day}")
    return lines


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def main(arguments: list[str]) -> int:
    """Run the command line on *arguments*, and return the exit status."""
    if arguments in ([], ["list"]):
        print(*_list(), sep="\n")  # noqa: T201
    elif arguments == ["clear"]:
        try:
            print(f"{_megabytes(clear())} freed")  # noqa: T201
        except OSError as error:
            print(f"Error: can't empty the cache: {error}", file=sys.stderr)  # noqa: T201
            return 1
    else:
        asked = arguments in (["-h"], ["--help"])
        print(_USAGE, end="", file=sys.stdout if asked else sys.stderr)
        return 0 if asked else 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
