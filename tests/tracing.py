"""How tests run strace, which tells of system calls and makes them fail."""

from __future__ import annotations

import os
import subprocess

STRACE = ["strace", "-qq"]


def can_trace(*options: str) -> bool:
    """Is there a strace that knows *options*, and may it trace?"""
    command = [*STRACE, *options, "-o", os.devnull, "-e", "trace=mkdir", "true"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


#: Options by which strace stops a process at the calls in question only, which takes a
#: quarter of the time. Signals are not injected then (strace 6.1). Without ``-f`` the other
#: one has no effect; it matters only where what is traced starts something.
FAST = ["-f", "--seccomp-bpf"] if can_trace("-f", "--seccomp-bpf") else []
