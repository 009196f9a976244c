"""The one branch: which platform's rooms are used."""

from __future__ import annotations

import os

if os.name == "nt":
    from . import _nt as _room
else:
    from . import _posix as _room  # type: ignore[no-redef]

BIN_NAME = _room.BIN_NAME
INCLUDE = _room.INCLUDE
LIB64 = _room.LIB64
DEFAULT_SYMLINKS = _room.DEFAULT_SYMLINKS
env_exec_cmd = _room.env_exec_cmd
lock = _room.lock
paths = _room.paths
python_exe = _room.python_exe
same_path = _room.same_path
setup_python = _room.setup_python
unlock = _room.unlock

__all__ = [
    "BIN_NAME",
    "DEFAULT_SYMLINKS",
    "INCLUDE",
    "LIB64",
    "env_exec_cmd",
    "lock",
    "paths",
    "python_exe",
    "same_path",
    "setup_python",
    "unlock",
]
