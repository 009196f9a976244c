"""A directory as a mapping, to compare environments by."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: Contents that tell when or where a file was made and not what it is.
_PYC = re.compile(r"__pycache__/|\.pyc$")
_ACTIVATION = re.compile(r"^(bin|Scripts)/[Aa]ctivate|^(bin|Scripts)/deactivate")


def tree(root: Path) -> dict[str, tuple[str, ...]]:
    """Return what lies below *root*: relative path to kind, mode and contents.

    The contents of bytecode and of activation scripts are left out. *root* itself
    reads ``<root>`` where a file names it.
    """
    top = os.fspath(root)
    found = {}
    for directory, directories, files in os.walk(top):
        prefix = directory[len(top) + 1 :].replace(os.sep, "/") + "/" * (directory != top)
        for name in directories + files:  # strings: this runs for thousands of files
            found[prefix + name] = _entry(top, os.path.join(directory, name), prefix + name)
    return found


def _entry(top: str, path: str, name: str) -> tuple[str, ...]:
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return ("link", os.readlink(path).replace(top, "<root>"))
    mode = f"{stat.S_IMODE(status.st_mode):o}"
    if stat.S_ISDIR(status.st_mode):
        return ("folder", mode)
    if _PYC.search(name) or _ACTIVATION.search(name):
        return ("file", mode)
    return ("file", mode, _contents(top, path))


def _contents(top: str, path: str) -> str:
    with open(path, "rb") as file:
        data = file.read().replace(os.fsencode(top), b"<root>")
    if os.path.basename(path) == "RECORD":
        data = _record(data)
    return data.decode("utf-8", "backslashreplace") if len(data) < 1 << 20 else str(hash(data))


def _record(data: bytes) -> bytes:
    """Return a RECORD's lines in order, without the hashes of what names the environment."""
    lines = sorted(data.splitlines())
    return b"\n".join(line.split(b",")[0] if line.startswith(b"../") else line for line in lines)
