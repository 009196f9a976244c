"""A folder as a mapping, to compare environments by."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

#: Contents that tell when or where a file was made and not what it is.
_PYC = re.compile(r"__pycache__/|\.pyc$")
_ACTIVATION = re.compile(r"^(bin|Scripts)/[Aa]ctivate|^(bin|Scripts)/deactivate")


def tree(root: Path) -> dict[str, tuple[str, ...]]:
    """Return what lies below *root*: relative path to kind, mode and contents.

    The contents of bytecode and of activation scripts are left out. *root* itself
    reads ``<root>`` where a file names it.
    """
    found = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = Path(folder, name)
            found[path.relative_to(root).as_posix()] = _entry(root, path)
    return found


def _entry(root: Path, path: Path) -> tuple[str, ...]:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return ("link", os.readlink(path).replace(str(root), "<root>"))
    mode = f"{stat.S_IMODE(status.st_mode):o}"
    if stat.S_ISDIR(status.st_mode):
        return ("folder", mode)
    name = path.relative_to(root).as_posix()
    if _PYC.search(name) or _ACTIVATION.search(name):
        return ("file", mode)
    return ("file", mode, _contents(root, path))


def _contents(root: Path, path: Path) -> str:
    data = path.read_bytes().replace(os.fsencode(root), b"<root>")
    if path.name == "RECORD":
        data = _record(data)
    return data.decode("utf-8", "backslashreplace") if len(data) < 1 << 20 else str(hash(data))


def _record(data: bytes) -> bytes:
    """Return a RECORD's lines in order, without the hashes of what names the environment."""
    lines = sorted(data.splitlines())
    return b"\n".join(line.split(b",")[0] if line.startswith(b"../") else line for line in lines)
