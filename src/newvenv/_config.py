"""The text of ``pyvenv.cfg`` (PEP 405), and reading one.

Tools parse this file, and ``site`` obeys it, so keys, order and formats are the
standard library's; but no value can ever begin a second line.
"""

from __future__ import annotations

import os
import sys

from . import _compat, _platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    from collections.abc import Collection, Iterable, Mapping

#: Tools look for this file and know it by its contents.
GIT_IGNORE = b"# Created by venv; see https://docs.python.org/3/library/venv.html\n*\n"

#: Characters that stand for themselves in every shell, beside letters and digits.
_PLAIN = frozenset("_@%+=:,./-")
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
    :raises ValueError: the base installation's path cannot be said in one line of text.
    """
    executable = sys.executable or context.executable
    values: dict[str, str] = {
        "home": context.python_dir,
        "include-system-site-packages": "true" if system_site_packages else "false",
        "version": "{}.{}.{}".format(*sys.version_info[:3]),
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
    r"""Return *word* as a shell's word: as it is where that is safe, always one line.

    What no text file can hold, or would begin a line, is written ``$'\n'``: a form of
    POSIX.1-2024 (2.2.4) that bash, zsh and ksh know.
    """
    plain = _PLAIN_ON_WINDOWS if windows else _PLAIN
    if word and all(char.isalnum() or char in plain for char in word):
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
    """Return *value*, which every reader shall take for one line of UTF-8.

    :raises ValueError: it is not.
    """
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"pyvenv.cfg cannot say {key} = {value!r}: not valid text") from None
    if len((value + ".").splitlines()) > 1:
        raise ValueError(f"pyvenv.cfg cannot say {key} = {value!r}: it has a line break")
    return value


def read(env_dir: str) -> dict[str, str]:
    """Return the values of *env_dir*'s ``pyvenv.cfg`` as ``site`` reads them.

    Keys are in lower case, and the last of equal keys wins.

    :raises OSError: there is no such file, or it can't be read.
    """
    path = os.path.join(env_dir, "pyvenv.cfg")
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        pairs = [line.partition("=") for line in file]
    return {key.strip().lower(): value.strip() for key, equals, value in pairs if equals}


def prompt(values: Mapping[str, str]) -> str | None:
    """Return the prompt among the *values* of a ``pyvenv.cfg``, None if there is none.

    venv writes a Python literal; other tools write the name as it is.
    """
    value = values.get("prompt")
    if not value:
        return None
    from ast import literal_eval

    try:
        return str(literal_eval(value))
    except (ValueError, SyntaxError):
        return value


def recall(env_dir: str) -> tuple[str | None, bool]:
    """Return prompt and system packages as *env_dir*'s ``pyvenv.cfg`` has them, if there is one.

    Without the key for system packages they are visible (PEP 405).
    """
    try:
        values = read(env_dir)
    except OSError:
        return None, False
    system = values.get("include-system-site-packages", "true")
    return prompt(values), system.lower() == "true"
