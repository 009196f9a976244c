"""Each quoting function, read back by the shell that it is for."""

from __future__ import annotations

import ast
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
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
    # The empty word, for which the csh family has a rule of its own, stands among others.
    lines = [_WRITERS[shell.language].format(quote(value)) for value in values]
    with tempfile.TemporaryDirectory() as folder:
        return run(shell, Path(folder), lines).split("\0")[:-1]


@pytest.mark.parametrize("shell", rows.parameters(rows.ALL))
def test_table(shell: Shell) -> None:
    """Each name of the table arrives in the shell unchanged."""
    values = [*HOSTILE.values(), *(RAW.values() if shell.raw else ())]
    assert _read_back(shell, values) == values


@pytest.mark.parametrize("shell", rows.parameters([row for row in rows.ALL if not row.slow]))
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
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
