"""A terminal for a shell that believes to talk to a person."""

from __future__ import annotations

import os
import select
import struct
import subprocess
import time
from pathlib import Path

import pytest

if os.name == "nt":
    pytest.skip("there are no terminals of POSIX", allow_module_level=True)

import fcntl
import pty
import termios

_PATIENCE = 20.0  # seconds
_SILENCE = 0.002  # seconds


class Terminal:
    """A shell on a terminal of its own."""

    def __init__(
        self, argv: list[str], folder: str, environment: dict[str, str], columns: int = 2000
    ) -> None:
        """Start it; so many columns that no shell has to wrap or scroll its line."""
        self._side, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        settings = termios.tcgetattr(inner)
        settings[3] &= ~termios.ECHO  # pleases those that do not edit the line themselves
        termios.tcsetattr(inner, termios.TCSANOW, settings)
        self._process = subprocess.Popen(
            ["setsid", "--ctty", *argv],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            cwd=folder,
            env=environment,
        )
        os.close(inner)

    def __enter__(self) -> Terminal:  # noqa: PYI034 -- Self is younger than Python 3.9
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._side)

    def until(self, end: bytes) -> bytes:
        """Return what the shell shows, up to *end* and a moment of silence.

        :raises AssertionError: *end* does not come in reasonable time.
        """
        shown = b""
        deadline = time.monotonic() + _PATIENCE
        while not (shown.endswith(end) and not self._readable(_SILENCE)):
            assert self._readable(max(0.0, deadline - time.monotonic())), shown
            shown += os.read(self._side, 65536)
        return shown

    def until_quiet(self, seconds: float) -> None:
        """Read until there has been something, and then nothing for so long."""
        seen = self._readable(_PATIENCE)
        while seen and self._readable(seconds):
            os.read(self._side, 65536)

    def until_exists(self, path: Path) -> None:
        """Read until the shell has made the file *path*.

        :raises AssertionError: it does not come in reasonable time.
        """
        deadline = time.monotonic() + _PATIENCE
        while not path.exists():
            assert time.monotonic() < deadline, path
            while self._readable(0.02):
                os.read(self._side, 65536)

    def type(self, line: str) -> None:
        """Type *line* and Enter."""
        os.write(self._side, os.fsencode(line) + b"\r")

    def _readable(self, seconds: float) -> bool:
        return bool(select.select([self._side], [], [], seconds)[0])
