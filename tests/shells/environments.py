"""Environments of scripts only: made in no time, so that hundreds of names can be tried."""

from __future__ import annotations

import os
import types
from pathlib import Path

from newvenv import _activation, _compat

#: Tells by which path it was started.
_PYTHON = '#!/bin/sh\nprintf %s "$0"\n'


def context(env_dir: str | Path, prompt: str | None = None) -> types.SimpleNamespace:
    """Return what the builder knows about an environment, as far as scripts ask."""
    directory = os.path.abspath(env_dir)
    name = os.path.basename(directory)
    shown = name if prompt is None else prompt
    return types.SimpleNamespace(
        env_dir=directory,
        env_name=name,
        prompt=f"({shown}) " if _compat.DECORATED_PROMPT else shown,
        bin_name="bin",
        bin_path=os.path.join(directory, "bin"),
        env_exe=os.path.join(directory, "bin", "python"),
    )


def make(env_dir: str | Path, prompt: str | None = None) -> str:
    """Make an environment that has the scripts, and a python that tells its path."""
    facts = context(env_dir, prompt)
    os.makedirs(facts.bin_path)
    Path(facts.env_dir, "pyvenv.cfg").touch()
    python = Path(facts.env_exe)
    python.write_text(_PYTHON)
    python.chmod(0o755)
    _activation.install(_activation.templates(), facts, _activation.render)
    return str(facts.env_dir)
