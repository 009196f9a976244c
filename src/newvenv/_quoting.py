"""One pure function per shell: a string in, a literal of that shell out.

What a literal says is exactly the string, never code. A NUL cannot be said in any shell
and must not be in the string. Bytes that are not text come as :func:`os.fsdecode` makes
them (surrogates, PEP 383), and go out the same way wherever the shell can read raw bytes.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_DIGITS = "0123456789"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

#: What means itself in every shell, quoted or not.
HARMLESS = frozenset(_DIGITS + _LETTERS + _LETTERS.upper() + "+,-./:=@_")


def is_harmless(value: str) -> bool:
    """Does *value* need no quotes, and mean the same when it has some?

    To zsh, ``=name`` is where the program of that name is; to cmd, ``%NAME%`` is a
    variable, even in quotes.
    """
    return HARMLESS.issuperset(value) and value[:1] not in ("", "=")


def sh(value: str) -> str:
    """Quote for the sh family: bash, dash, zsh, ksh93, mksh, busybox, yash, posh.

    POSIX, Shell Command Language, 2.2.2 "Single-Quotes".
    """
    return value if is_harmless(value) else "'" + value.replace("'", "'\\''") + "'"


def fish(value: str) -> str:
    """Quote for fish, where a backslash counts between single quotes, too.

    fish's manual, "The fish language", section "Quotes".
    """
    if is_harmless(value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def csh(value: str) -> str:
    """Quote for csh and tcsh, whose quotes stop neither history nor a line's end.

    Read a variable back with ``$name:q``, never with ``"$name"``. tcsh(1), "Lexical
    structure", "History substitution" and "Variable substitution".
    """
    return sh(value).replace("!", "\\!").replace("\n", "\\\n")


def powershell(value: str) -> str:
    """Quote for PowerShell, to which the four typographic single quotes are quotes, too.

    PowerShell's help, about_Quoting_Rules; the language specification, 2.3.5.2
    "String literals", for the characters.
    """
    return "'" + _double(value, "'\u2018\u2019\u201a\u201b") + "'"


def elvish(value: str) -> str:
    """Quote for elvish; bytes that are not text need the form with escapes.

    Elvish's "Language Specification", sections "Single-quoted string" and
    "Double-quoted string".
    """
    if not _has_raw_bytes(value):
        return "'" + _double(value, "'") + "'"
    return '"' + "".join(map(_elvish_escape, value)) + '"'


def nushell(value: str) -> str:
    """Quote for nushell by a raw string with as many ``#`` as it takes.

    Nushell strings are text: U+FFFD stands for each byte that is not. The Nushell book,
    "Working with Strings", section "Raw strings".
    """
    fence = "#" * (_longest_run(value, "#") + 1)
    return f"r{fence}'{_without_raw_bytes(value)}'{fence}"


def python(value: str) -> str:
    """Quote for Python and xonsh, in ASCII, so that no encoding matters.

    The Python Language Reference, "String and Bytes literals".
    """
    return ascii(value)


def batch(value: str) -> str:
    """Escape for cmd, to be put into ``set "NAME=..."``: there is no literal as such.

    No path has a double quote or a line's end; in a prompt they cannot be said,
    and a single quote and a blank take their places. Windows Commands, "set", and
    "cmd" on quotation marks.
    """
    for said, meant in ("%", "%%"), ('"', "'"), ("\r\n", " "), ("\r", " "), ("\n", " "):
        value = value.replace(said, meant)
    return value


#: The language of a script by the end of its name; all others are read by some sh.
BY_SUFFIX: dict[str, Callable[[str], str]] = {
    ".bat": batch,
    ".cmd": batch,
    ".csh": csh,
    ".tcsh": csh,
    ".elv": elvish,
    ".fish": fish,
    ".nu": nushell,
    ".ps1": powershell,
    ".psm1": powershell,
    ".py": python,
    ".pyw": python,
    ".xsh": python,
}


def for_script(path: str) -> Callable[[str], str]:
    """The function that quotes for the script at *path*."""
    name = path.rpartition(os.sep)[2]
    return BY_SUFFIX.get(name[name.rfind(".", 1) :].lower(), sh)


def bash_prompt(value: str) -> str:
    r"""*value* as part of bash's PS1, drawn literally whatever the options are.

    The output of ``\D{...}`` is taken as it is: never expanded again, neither by
    ``promptvars`` nor as a history number, and ``\$`` would be ``#`` for root. The Bash
    Reference Manual, 6.9 "Controlling the Prompt".
    """
    return "".join(f"\\D{{{char}}}" if char in "\\$`!" else char for char in value)


def tcsh_prompt(value: str) -> str:
    """*value* as part of tcsh's prompt, where ``% ! ^`` and the backslash are special.

    tcsh(1), "Special shell variables", ``prompt``.
    """
    for char in "\\!^":
        value = value.replace(char, "\\" + char)
    return value.replace("%", "%%")


def csh_prompt(value: str) -> str:
    """*value* as part of csh's prompt, where ``!`` is the number of the command.

    csh(1), "Pre-defined and environment variables", ``prompt``.
    """
    return value.replace("!", "\\!")


def batch_prompt(value: str) -> str:
    """*value* as part of cmd's PROMPT, where ``$`` begins an escape.

    Windows Commands, "prompt".
    """
    return value.replace("$", "$$")


def _double(value: str, chars: str) -> str:
    for char in chars:
        value = value.replace(char, char * 2)
    return value


def _longest_run(value: str, char: str) -> int:
    """Length of the longest run of *char* in *value*."""
    length = 0
    while char * (length + 1) in value:
        length += 1
    return length


def _has_raw_bytes(value: str) -> bool:
    return not value.isascii() and any("\udc80" <= char <= "\udcff" for char in value)


def _without_raw_bytes(value: str) -> str:
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _elvish_escape(char: str) -> str:
    if "\udc80" <= char <= "\udcff":
        return f"\\x{ord(char) - 0xDC00:02x}"
    return {'"': '\\"', "\\": "\\\\"}.get(char, char)
