"""Run a script in a shell, and read what it has found there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

from shells import rows
from shells.rows import Shell

Variables = dict[bytes, bytes]


class Named(NamedTuple):
    """An environment, as the shell has to tell it, and a harmless way to its scripts."""

    folder: bytes
    prompt: bytes
    scripts: str


def run(shell: Shell, folder: Path, lines: list[str], **variables: str) -> str:
    """Run *lines* in *folder* as a script of *shell*; what it prints is text in return."""
    script = folder / f"script-{shell.name}"
    script.write_bytes(os.fsencode("\n".join([shell.begin, *lines, ""])))
    done = subprocess.run(
        shell.argv(str(script)),
        cwd=folder,
        env={**rows.base_environment(str(folder)), **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
    )
    printed = done.stdout.decode("utf-8", "surrogateescape")
    assert done.returncode == 0, printed
    return printed


def read_report(path: Path, shell: Shell) -> Variables:
    """Return the variables that a report in the file *path* tells, without volatile ones."""
    pairs = [item.partition(b"=") for item in path.read_bytes().split(b"\0") if item]
    return {name: value for name, _, value in pairs if name.decode() not in shell.volatile}


def active(before: Variables, environment: Named) -> Variables:
    """Return the exported variables when *environment* is active."""
    changes = {
        b"VIRTUAL_ENV": environment.folder,
        b"VIRTUAL_ENV_PROMPT": environment.prompt,
        b"PATH": environment.folder + b"/bin:" + before[b"PATH"],
    }
    return {name: v for name, v in {**before, **changes}.items() if name != b"PYTHONHOME"}
