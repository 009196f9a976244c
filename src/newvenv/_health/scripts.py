"""The first lines of console scripts: which interpreter a script runs under.

pip, distlib, setuptools, installer and uv write one of two forms: the path after ``#!``,
quoted on Windows if it has blanks; or, where a kernel could not read that, lines that
``sh`` takes for a command and Python for a string. On Windows the same line stands in an
executable, between the launcher and a ZIP archive.
"""

from __future__ import annotations

import os

from . import literals

_SH = b"#!/bin/sh\n'''exec' "
_SH_END = b' "$0" "$@"\n'
_SH_LAST = b"' '''\n"

#: No first line is longer, in bytes: twice the longest path.
HEAD = 8192


class Shebang:
    """The beginning of a script, up to the end of what names the interpreter."""

    __slots__ = ("interpreter", "length", "options")

    def __init__(self, interpreter: str, options: bytes, length: int) -> None:
        #: The path of the interpreter.
        self.interpreter = interpreter
        #: What follows it in the line, with the blank before.
        self.options = options
        #: The number of bytes that are to be replaced to name another one.
        self.length = length


def shebang(data: bytes) -> Shebang | None:
    """Read the beginning of a script; None if no interpreter with a path is named there."""
    if data.startswith(_SH):
        return _sh_form(data)
    if not data.startswith(b"#!"):
        return None
    line, newline, _ = data.partition(b"\n")
    rest = line[2:].strip()
    if rest.startswith(b'"'):
        path, quote, options = rest[1:].partition(b'"')
    else:
        path, quote, options = rest.partition(b" ")
        options = quote + options
    interpreter = os.fsdecode(path)
    if not newline or not os.path.isabs(interpreter):
        return None
    return Shebang(interpreter, options, len(line) + 1)


def _sh_form(data: bytes) -> Shebang | None:
    """Read the form for paths that are too long or have blanks.

    A path that is found out when the script runs, as in relocatable environments, is none.
    """
    end = data.find(_SH_END)
    last = end + len(_SH_END)
    if end < 0 or not data.startswith(_SH_LAST, last):
        return None
    words = os.fsdecode(data[len(_SH) : end])
    interpreter = literals.word(words)
    if not os.path.isabs(interpreter):
        return None
    # Options are plain words, so they are what stands after the last blank outside quotes.
    options = _options(words)
    return Shebang(interpreter, os.fsencode(options), last + len(_SH_LAST))


def _options(words: str) -> str:
    """Return what follows the first of *words*, with the blank before."""
    quote = ""
    for position, char in enumerate(words):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == " ":
            return words[position:]
    return ""


def renamed(data: bytes, found: Shebang, interpreter: str) -> bytes:
    """Return the script *data* with *interpreter* in place of the one that was *found*.

    The form is the one that fits the new path.
    """
    line = first_line(interpreter)
    if found.options.strip():
        if line.startswith(_SH):
            line = line.replace(_SH_END, found.options + _SH_END)
        else:
            line = line.rstrip(b"\r\n") + found.options + b"\n"
    return line + data[found.length :]


def first_line(interpreter: str) -> bytes:
    """Return the lines that make a script run under *interpreter*."""
    from .._seed.scripts import first_line

    return first_line(interpreter)


def split_launcher(data: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Split a Windows launcher into executable, first line and archive; None if it is none.

    The executable part is found by the archive's own record of its size (APPNOTE 4.3.16).
    """
    end = data.rfind(b"PK\5\6")
    if not data.startswith(b"MZ") or end < 0:
        return None
    size = int.from_bytes(data[end + 12 : end + 16], "little")
    offset = int.from_bytes(data[end + 16 : end + 20], "little")
    archive = end - size - offset
    start = data.rfind(b"#!", 0, archive)
    # distlib's archive begins after the first line, which ends where the archive begins.
    if archive <= 0 or start < 0 or not data[start:archive].endswith(b"\n"):
        return None
    return data[:start], data[start:archive], data[archive:]


def read(data: bytes) -> tuple[bytes, bytes]:
    """Return what stands before the first line of a script, and the rest."""
    parts = split_launcher(data) if data.startswith(b"MZ") else None
    return (parts[0], parts[1] + parts[2]) if parts else (b"", data)
