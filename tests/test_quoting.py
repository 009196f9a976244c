"""Each quoting function, read back by the shell that it is for."""

from __future__ import annotations

import ast
import os
import shlex
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newvenv import _quoting
from shells import rows
from shells.driver import run
from shells.names import HOSTILE, RAW
from shells.rows import Shell

#: What shells trip over, so that it comes often and in all combinations.
_SPECIAL = "'\"`$\\!#%^~*?[]{}()<>|&;=@,:-+ \t\n\r\u2018\u2019ab1"
_TEXT = st.one_of(
    st.text(st.sampled_from(_SPECIAL), max_size=12),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
)
_RAW = st.binary(max_size=12).map(lambda data: os.fsdecode(data.replace(b"\0", b"")))
_TEXTS = st.lists(_TEXT, min_size=1, max_size=60)

#: How each language has a program write the words that follow, each with NUL behind it.
_WRITE = "/usr/bin/printf '%s\\0' {}"
_WRITERS = {
    **dict.fromkeys(("sh", "fish", "csh", "elvish"), _WRITE),
    "nushell": "^" + _WRITE,
    "python": "import os, sys; sys.stdout.buffer.write(os.fsencode({}) + b'\\0')",
}


def _read_back(shell: Shell, values: list[str]) -> list[str]:
    """Return what *shell* understands by the literals of *values*."""
    quote = getattr(_quoting, shell.language)
    lines = [_WRITERS[shell.language].format(quote(value)) for value in values]
    with tempfile.TemporaryDirectory() as folder:
        return run(shell, Path(folder), lines).split("\0")[:-1]


@pytest.mark.parametrize("shell", rows.parameters(rows.ALL))
def test_table(shell: Shell) -> None:
    """Each name of the table arrives in the shell unchanged."""
    values = [*HOSTILE.values(), *(RAW.values() if shell.raw else ())]
    assert _read_back(shell, values) == values


@pytest.mark.parametrize("shell", rows.parameters([row for row in rows.ALL if not row.slow]))
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(values=_TEXTS)
def test_any_text(shell: Shell, values: list[str]) -> None:
    """Any text arrives in the shell unchanged."""
    assert _read_back(shell, values) == values


@pytest.mark.parametrize("shell", rows.parameters([row for row in rows.ALL if row.raw]))
@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(values=st.lists(_RAW, min_size=20, max_size=60))
def test_any_bytes(shell: Shell, values: list[str]) -> None:
    """Any bytes arrive in the shells that can say them."""
    assert _read_back(shell, values) == values


@given(values=_TEXTS)
def test_python(values: list[str]) -> None:
    """A Python literal is ASCII, and says the text."""
    for value in values:
        assert _quoting.python(value).isascii()
        assert ast.literal_eval(_quoting.python(value)) == value


#: What PowerShell takes for single quotes (about_Quoting_Rules).
_QUOTES = "'\u2018\u2019\u201a\u201b"


def _read_powershell(literal: str) -> str:
    """Return what PowerShell understands by *literal*: of two quotes in a row, the first."""
    assert literal[0] == literal[-1] == "'"
    inner = literal[1:-1]
    text, rest = "", iter(inner)
    for char in rest:
        text += char
        assert char not in _QUOTES or next(rest) in _QUOTES
    return text


@given(values=_TEXTS)
def test_powershell(values: list[str]) -> None:
    """By the rules of PowerShell, a literal says the text and ends where it ends."""
    for value in values:
        assert _read_powershell(_quoting.powershell(value)) == value


@pytest.mark.parametrize(
    ("value", "written"),
    [
        pytest.param("a b&c^d!", "a b&c^d!", id="as it is between quotes"),
        pytest.param("%PATH%", "%%PATH%%", id="percent"),
        pytest.param('a"b', "a'b", id="double quote"),
        pytest.param("a\r\nb\nc\rd", "a b c d", id="line ends"),
    ],
)
def test_batch(value: str, written: str) -> None:
    """Between the quotes of ``set "NAME=..."`` nothing ends them, the line, or names a variable."""
    assert _quoting.batch(value) == written


@pytest.mark.parametrize(
    ("function", "written"),
    [
        (_quoting.bash_prompt, "\\D{\\}%^\\D{!}\\D{$}\\D{`}"),
        (_quoting.tcsh_prompt, "\\\\%%\\^\\!$`"),
        (_quoting.csh_prompt, "\\%^\\!$`"),
        (_quoting.batch_prompt, "\\%^!$$`"),
    ],
)
def test_prompts(function: Callable[[str], str], written: str) -> None:
    """Each prompt escapes what is special to it, and nothing else."""
    assert function("\\%^!$`") == written


@given(value=_TEXT)
def test_harmless(value: str) -> None:
    """A value is harmless where ``shlex`` says so, but for zsh's equals sign and cmd's percent."""
    bare = shlex.quote(value) == value and not value.startswith("=") and "%" not in value
    assert _quoting.is_harmless(value) == bare
    assert (_quoting.sh(value) == value) == bare


@pytest.mark.parametrize("quote", dict.fromkeys([*_quoting.BY_SUFFIX.values(), _quoting.sh]))
@given(value=st.text(sorted(_quoting.HARMLESS), min_size=1).filter(_quoting.is_harmless))
def test_harmless_in_every_language(quote: Callable[[str], str], value: str) -> None:
    """A harmless value is itself in each literal, and so in the quotes of a template, too."""
    before, after = quote("x").split("x")
    assert quote(value) == before + value + after


@pytest.mark.parametrize(
    ("path", "function"),
    [
        pytest.param("/x/activate", _quoting.sh, id="no suffix"),
        pytest.param("/x.fish/activate", _quoting.sh, id="suffix of a folder"),
        pytest.param("", _quoting.sh, id="unknown"),
        pytest.param("a.sh", _quoting.sh, id="sh"),
        pytest.param("a.PS1", _quoting.powershell, id="upper case"),
        *[pytest.param(f"a{end}", each, id=end) for end, each in _quoting.BY_SUFFIX.items()],
    ],
)
def test_for_script(path: str, function: Callable[[str], str]) -> None:
    """The language of a script goes by the end of its name."""
    assert _quoting.for_script(path) is function
