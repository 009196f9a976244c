"""The text of ``pyvenv.cfg`` (PEP 405): writing, reading and changing it.

Tools parse this file, and ``site`` obeys it, so keys, order and formats are the
standard library's; but no value can ever begin a second line.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from _io import StringIO  # From 3.14 on no start loads io, site neither.

from . import _compat, _platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    import types
    from collections.abc import Collection, Iterable, Mapping

#: Tools look for this file and know it by its contents.
GIT_IGNORE = b"# Created by venv; see https://docs.python.org/3/library/venv.html\n*\n"

#: Characters that may stay as they are in ``command``, beside letters and digits. A blank
#: ends a word, but neither begins a line nor runs anything, and is left by ``venv``, too.
_PLAIN = frozenset("_@%+=:,./- ")
#: The usual case of that, which costs less to find out.
_ASCII = _PLAIN.union(*"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_PLAIN_ON_WINDOWS = _PLAIN | frozenset("\\~")

#: Executables with their links resolved.
_real_paths: dict[str, str] = {}


def text(
    context: types.SimpleNamespace,
    options: Iterable[str],
    prompt: object,
    system_site_packages: bool,
) -> str:
    r"""Return the contents of ``pyvenv.cfg``, lines ended by ``\n``.

    :param options: those of the command line that would make this environment.
    :param prompt: None to leave it out.
    :raises ValueError: the base installation's path is not one line of text.
    """
    executable = sys.executable or context.executable
    values: dict[str, str] = {
        "home": context.python_dir,
        "include-system-site-packages": "true" if system_site_packages else "false",
        "version": f"{_compat.VERSION}.{sys.version_info[2]}",
    }
    if prompt is not None:
        values["prompt"] = repr(prompt)
    values["executable"] = _real(executable)
    values["command"] = " ".join([quote(executable), "-m venv", *options, quote(context.env_dir)])
    return "".join(f"{key} = {_one_line(key, value)}\n" for key, value in values.items())


def _real(executable: str) -> str:
    """Return *executable* with links resolved, as it was when first asked for.

    A link may change, but not what this process runs.
    """
    if executable not in _real_paths:
        _real_paths[executable] = os.path.realpath(executable)
    return _real_paths[executable]


#: The builder's attributes that :func:`options` wants, but for the prompt.
GIVEN = (
    *("symlinks", "with_pip", "system_site_packages", "clear", "upgrade", "upgrade_deps"),
    "scm_ignore_files",
)


def options(
    *,
    symlinks: bool,
    with_pip: bool,
    system_site_packages: bool,
    clear: bool,
    upgrade: bool,
    upgrade_deps: bool,
    prompt: object,
    scm_ignore_files: Collection[str],
) -> list[str]:
    """Return the command line's options for a builder with these attributes, as words."""
    said = {
        "--symlinks": symlinks and not _platform.DEFAULT_SYMLINKS,
        "--copies": not symlinks and _platform.DEFAULT_SYMLINKS,
        "--without-pip": not with_pip,
        "--system-site-packages": system_site_packages,
        "--clear": clear,
        "--upgrade": upgrade,
        "--upgrade-deps": upgrade_deps,
        f"--prompt={_double_quote(str(prompt))}": prompt is not None,
        "--without-scm-ignore-files": _compat.SCM_OPTION and not scm_ignore_files,
    }
    return [option for option, is_said in said.items() if is_said]


def quote(word: str, windows: bool = os.name == "nt") -> str:
    r"""Return *word* for ``command``: as it is, unless a shell could see code in it.

    Control characters, line breaks and undecodable bytes are written ``$'\n'``, a form of
    POSIX.1-2024 (2.2.4) that bash, zsh and ksh know.
    """
    plain = _PLAIN_ON_WINDOWS if windows else _PLAIN
    if word and (_ASCII.issuperset(word) or all(c.isalnum() or c in plain for c in word)):
        return word
    if not word.isprintable():
        return "$'" + "".join(map(_escape, word)) + "'"
    if windows and '"' not in word:
        return f'"{word}"'
    return "'" + word.replace("'", "'\"'\"'") + "'"


def _double_quote(word: str) -> str:
    """Return *word* in double quotes, unless a shell would see more than text there."""
    if word.isprintable() and not any(char in '"\\$`!' for char in word):
        return f'"{word}"'
    return quote(word)


def _escape(char: str) -> str:
    if char in "\\'":
        return "\\" + char
    if char.isprintable():
        return char
    try:
        data = char.encode("utf-8", "surrogateescape")  # a byte of a path that is not text
    except UnicodeEncodeError:
        data = char.encode("utf-8", "surrogatepass")
    return "".join(f"\\{byte:03o}" for byte in data)


def _one_line(key: str, value: str) -> str:
    """Return *value* if every reader takes it for one line of UTF-8.

    :raises ValueError: it is not one.
    """
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"can't write {key} = {value!r} to pyvenv.cfg: not valid text") from None
    if len((value + ".").splitlines()) > 1:
        raise ValueError(f"can't write {key} = {value!r} to pyvenv.cfg: it has a line break")
    return value


# Reading

#: The forms that ``repr`` gives to characters of a string, as groups: one that is named or
#: stands for itself, and the digits of a number.
_ESCAPE = r"\\(?:([\\'\"nrt])|x([0-9a-f]{2})|u([0-9a-f]{4})|U(000[0-9a-f]{5}|0010[0-9a-f]{4}))"
_NAMED = {"n": "\n", "r": "\r", "t": "\t"}

#: The most bytes that are read. A ``pyvenv.cfg`` has some hundred.
_LARGEST = 1 << 20


def contents(env_dir: str) -> str:
    """Return the text of *env_dir*'s ``pyvenv.cfg``, line ends and undecodable bytes included.

    :raises OSError: there is no such file, it can't be read, or is no plain file.
    """
    path = os.path.join(env_dir, "pyvenv.cfg")
    with open(path, "rb", opener=open_at_once) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "Not a regular file", path)
        if status.st_size > _LARGEST:
            raise OSError(errno.EFBIG, "File too large", path)
        return file.read(_LARGEST).decode("utf-8", "surrogateescape")


def open_at_once(path: str, flags: int) -> int:
    """Open *path* without waiting for a writer, if it is a FIFO."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def parse(text: str) -> list[tuple[str, str]]:
    """Return the keys, in lower case, and values of a ``pyvenv.cfg`` in their order.

    As ``site`` reads them: a line without an equals sign means nothing.
    """
    pairs = [line.partition("=") for line in StringIO(text, newline=None)]
    return [(key.strip().lower(), value.strip()) for key, equals, value in pairs if equals]


def updated(text: str, changes: Mapping[str, str]) -> str:
    """Return the *text* of a ``pyvenv.cfg`` with the values of *changes*.

    :param changes: values by key in lower case. Each line that has such a key is changed,
        as not all readers take the same one of several; a key that is missing is
        added at the end. All other lines stay as they are, byte for byte.
    :raises ValueError: a value is not one line of text.
    """
    for key, value in changes.items():
        _one_line(key, value)
    lines = [_changed(line, changes) for line in StringIO(text, newline="")]
    line_end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    present = {key for key, _ in parse(text)}
    added = [f"{key} = {changes[key]}{line_end}" for key in changes if key not in present]
    if added and lines and not lines[-1].endswith(("\n", "\r")):
        lines[-1] += line_end
    return "".join(lines + added)


def _changed(line: str, changes: Mapping[str, str]) -> str:
    """Return *line* with the value that *changes* has for its key, and its blanks kept."""
    key, equals, raw = line.partition("=")
    new = changes.get(key.strip().lower())
    if not equals or new is None:
        return line
    old = raw.strip()
    before, after = raw.split(old, 1) if old else (" ", raw.lstrip(" \t"))
    return f"{key}={before}{new}{after}"


def read(env_dir: str) -> dict[str, str]:
    """Return the values of *env_dir*'s ``pyvenv.cfg``; the last of equal keys wins.

    :raises OSError: there is no such file, it can't be read, or is no plain file.
    """
    return dict(parse(contents(env_dir)))


def prompt(values: Mapping[str, str]) -> str | None:
    """Return the prompt among the *values* of a ``pyvenv.cfg``, None if there is none.

    ``venv`` writes it as a Python literal, uv as it is. So a literal is only what is
    quoted as ``repr`` does; a null character can't be in any prompt.
    """
    value = values.get("prompt")
    if not value:
        return None
    text = _unquoted(value) if value[0] in "'\"" else None
    if text is None or "\0" in text:
        text = value
    return None if "\0" in text else text


def _unquoted(value: str) -> str | None:
    """Return the string that *value* is the literal of, None if it is none.

    No more is understood than ``repr`` writes: ``ast.literal_eval`` warns of the other
    escapes, and fails on some texts with errors of six types.
    """
    import re

    quote = value[0]
    if not re.fullmatch(rf"{quote}(?:{_ESCAPE}|[^\\{quote}])*{quote}", value):
        return None
    return re.sub(_ESCAPE, _character, value[1:-1])


def _character(match: re.Match[str]) -> str:
    """Return the character that a match of :data:`_ESCAPE` stands for."""
    named, *numbers = match.groups()
    return _NAMED.get(named, named) or chr(int("".join(filter(None, numbers)), 16))


def recall(env_dir: str) -> tuple[str | None, bool | None]:
    """Return prompt and system packages as *env_dir*'s ``pyvenv.cfg`` says them.

    None is what it does not say; without a readable file that is both. (``site`` takes a
    missing key for ``true``, but a file that has lost it was not made that way.)
    """
    try:
        values = read(env_dir)
    except OSError:
        return None, None
    system = values.get("include-system-site-packages")
    return prompt(values), None if system is None else system.lower() == "true"
