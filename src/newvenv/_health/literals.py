"""Read back the literals in activation scripts, whichever tool has written them.

This is the counterpart of :mod:`newvenv._quoting`. Only paths have to be understood: a
value that is computed when the script runs is not absolute, and counts as unknown.
"""

from __future__ import annotations

import os

from .. import _quoting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: By the end of a script's name: what stands before the environment's path.
ASSIGNMENTS: dict[str, tuple[str, ...]] = {
    "": ("VIRTUAL_ENV=", "_virtual_env_on "),
    ".bat": ('set "VIRTUAL_ENV=', "set VIRTUAL_ENV=", '@for %%i in ("'),
    ".csh": ("setenv VIRTUAL_ENV ", "_OLD_VIRTUAL_NEW_ENV = "),
    ".elv": ("set-env VIRTUAL_ENV ",),
    ".fish": ("set -gx VIRTUAL_ENV ",),
    ".nu": ("virtual_env = ",),
    ".py": ("virtual_env = ",),
    ".xsh": ("embedded_virtual_env = ", "path = "),
}

#: What ends an unquoted word in a shell.
_ENDS = frozenset(" \t\r\n;&|()<>")


def word(text: str, escapes: str = "") -> str:
    """Return the value of the shell word at the start of *text*.

    :param escapes: what a backslash makes literal between single quotes (fish, csh).
    """
    value, position = "", 0
    while position < len(text) and text[position] not in _ENDS:
        char = text[position]
        if char in "'\"":
            part, position = _quoted(text, position, escapes if char == "'" else '"\\$`')
            value += part
        else:
            position += char == "\\"
            value += text[position : position + 1]
            position += 1
    return value


def _quoted(text: str, start: int, escapes: str) -> tuple[str, int]:
    """Return what is in the quotes at *start*, and the position after them."""
    quote, value, position = text[start], "", start + 1
    while position < len(text) and text[position] != quote:
        if text[position] == "\\" and text[position + 1 : position + 2] in (*escapes,):
            position += 1
        value += text[position]
        position += 1
    return value, position + 1


def _fish(text: str) -> str:
    return word(text, "'\\")


def _csh(text: str) -> str:
    return word(text, "!\n")


def _nushell(text: str) -> str:
    """Return a raw string's value; uv quotes as for ``sh``."""
    fence = text[1 : text.find("'")] if text.startswith("r") else "x"
    if fence.strip("#"):
        return word(text)
    return text[2 + len(fence) :].partition("'" + fence)[0]


def _doubled(text: str) -> str:
    """Return the value of an elvish literal, where ``''`` between quotes is one quote."""
    if not text.startswith("'"):
        return _python(text)  # Its escapes are Python's, as far as paths have any.
    value = text[1:].replace("''", "\0").partition("'")[0]
    return value.replace("\0", "'")


def _python(text: str) -> str:
    if text[:1] not in ("'", '"'):
        return ""
    from ast import literal_eval

    try:
        return str(literal_eval(text.partition("\n")[0].strip()))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return ""


def _batch(text: str) -> str:
    return text.partition("\n")[0].rstrip("\r").partition('"')[0].replace("%%", "%")


_READERS: dict[str, Callable[[str], str]] = {
    ".bat": _batch,
    ".csh": _csh,
    ".elv": _doubled,
    ".fish": _fish,
    ".nu": _nushell,
    ".py": _python,
    ".xsh": _python,
}


def suffix(name: str) -> str:
    """Return the end of a script's name that tells its language."""
    return os.path.splitext(name)[1].lower()


def forms(name: str, value: str) -> list[str]:
    """Return how *value* may be written in the script *name*, the longest form first."""
    quote = _quoting.for_script(name)
    if suffix(name) == ".bat":
        return [quote(value)]
    shlex = "'" + value.replace("'", "'\"'\"'") + "'"
    known = {quote(value), _quoting.sh(value), shlex, f"r#'{value}'#", repr(value)}
    known |= {f'"{value}"', f"'{value}'", value}
    return sorted(known, key=len, reverse=True)


def said(name: str, text: str, expected: str) -> str:
    """Return the environment's path in the script *name*; ``""`` if it says none.

    :param expected: the path it should be, which is recognized without parsing.
    """
    kind = suffix(name)
    fitting = forms(name, expected)
    for before in ASSIGNMENTS.get(kind, ()):
        start = text.find(before)
        while start >= 0:
            start += len(before)
            if any(_starts_with(text, start, form) for form in fitting):
                return expected
            value = _READERS.get(kind, word)(text[start : start + 8192])
            if os.path.isabs(value):
                return value
            start = text.find(before, start)
    return ""


def _starts_with(text: str, start: int, form: str) -> bool:
    """Is *form* at *start* the whole literal, and not the beginning of a longer one?"""
    if not text.startswith(form, start):
        return False
    following = text[start + len(form) : start + len(form) + 1]
    return following in ("", "'", '"', *_ENDS) and not (following == form[-1:] in ("'", '"'))
