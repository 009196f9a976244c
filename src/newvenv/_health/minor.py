"""Packages that are left behind when an environment gets another minor version of Python."""

from __future__ import annotations

import os

from .. import _config
from . import base, disk, packages
from .problem import quoted


def left_behind(env_dir: str) -> str:
    """Return one line that says so; see :func:`newvenv._health.left_behind`."""
    library = _former_library(env_dir)
    if not library or library == base.running().library:
        return ""
    site = os.path.join(env_dir, "lib", library, "site-packages")
    words = packages.requirements(packages.distributions_in([site]))
    if not words:
        return ""
    count = f"{len(words)} packages" if len(words) > 1 else "1 package"
    is_are = "are" if len(words) > 1 else "is"
    bin_name = "Scripts" if os.name == "nt" else "bin"
    python = quoted(os.path.join(env_dir, bin_name, "python"))
    return (
        f"{env_dir!r} now uses {base.spoken(base.running().library)}; {count} of "
        f"{base.spoken(library)} {is_are} not visible any more. "
        f"To install {'them' if words[1:] else 'it'} again: "
        f"{python} -m pip install {' '.join(words)}"
    )


def _former_library(env_dir: str) -> str:
    """Return the kind of Python that *env_dir* is of, like ``python3.12``; ``""`` if unknown."""
    try:
        config = _config.read(env_dir)
    except OSError:
        return ""
    return base.library_of(config, disk.names_in(os.path.join(env_dir, "lib")))
