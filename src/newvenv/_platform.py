"""The rules of the running platform: the only place that chooses."""

from __future__ import annotations

import os

if os.name == "nt":
    from . import _nt as _rules
else:
    from . import _posix as _rules  # type: ignore[no-redef]

BIN_NAME = _rules.BIN_NAME
INCLUDE = _rules.INCLUDE
LIB64 = _rules.LIB64
LOCK_NAME = _rules.LOCK_NAME
DEFAULT_SYMLINKS = _rules.DEFAULT_SYMLINKS
copy = _rules.copy
env_exec_cmd = _rules.env_exec_cmd
interpreter_files = _rules.interpreter_files
is_locked_by_parent = _rules.is_locked_by_parent
lock = _rules.lock
paths = _rules.paths
python_exe = _rules.python_exe
same_path = _rules.same_path
setup_python = _rules.setup_python
unlock = _rules.unlock

__all__ = [
    "BIN_NAME",
    "DEFAULT_SYMLINKS",
    "INCLUDE",
    "LIB64",
    "LOCK_NAME",
    "copy",
    "env_exec_cmd",
    "interpreter_files",
    "is_locked_by_parent",
    "lock",
    "paths",
    "python_exe",
    "same_path",
    "setup_python",
    "unlock",
]
