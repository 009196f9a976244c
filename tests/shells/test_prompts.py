"""The prompt as a person sees it, on a terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from shells import environments, rows
from shells.names import HOSTILE, SENTINEL
from shells.rows import Shell
from shells.terminal import Terminal

#: What the prompts of these tests end in; quoted where it is typed, to tell it from that.
_END = b"BASE> "


class Manner(NamedTuple):
    """A shell with a person at it, and the options the person has set."""

    shell: Shell
    command: tuple[str, ...]
    options: str = ":"
    #: Does this prompt show control characters as they are?
    control: bool = True


def _manner(name: str, command: str, options: str = ":", control: bool = True) -> Manner:
    shell = next(row for row in rows.ALL if row.name == name)
    return Manner(shell, tuple(command.split()), options, control)


_BASH = "bash --norc --noprofile"
_ZSH = "zsh -f -i +o zle +o promptsp +o promptcr"
_YASH = "yash --norcfile --noprofile -i"
_MANNERS = {
    "bash": _manner("bash", f"{_BASH} -i"),
    "bash without editing": _manner("bash", f"{_BASH} --noediting -i"),
    "bash without promptvars": _manner("bash", f"{_BASH} -i", "shopt -u promptvars"),
    "bash-posix": _manner("bash-posix", f"{_BASH} --posix -i"),
    "bash-posix without promptvars": _manner("bash", f"{_BASH} --posix -i", "shopt -u promptvars"),
    "dash": _manner("dash", "dash -i"),
    "ksh93": _manner("ksh93", "ksh93 -i"),
    "ksh93 with editing": _manner("ksh93", "ksh93 -i", "set -o emacs"),
    "mksh": _manner("mksh", "mksh -i"),
    "busybox": _manner("busybox", "busybox ash -i"),
    "yash": _manner("yash", _YASH),
    "posh": _manner("posh", "posh -i"),
    "zsh": _manner("zsh", _ZSH, control=False),
    "zsh promptsubst": _manner("zsh", _ZSH, "setopt promptsubst", control=False),
    "zsh promptbang": _manner("zsh", _ZSH, "setopt promptbang", control=False),
    "zsh both": _manner("zsh", _ZSH, "setopt promptbang promptsubst", control=False),
    "zsh ksharrays": _manner("zsh", _ZSH, "setopt ksharrays", control=False),
    "zsh text": _manner("zsh", _ZSH, "setopt nopromptpercent"),
    "zsh text, promptbang": _manner("zsh", _ZSH, "setopt nopromptpercent promptbang"),
    "zsh text, promptsubst": _manner("zsh", _ZSH, "setopt nopromptpercent promptsubst"),
    "zsh text, both": _manner("zsh", _ZSH, "setopt nopromptpercent promptbang promptsubst"),
    "zsh, emulate ksh": _manner("zsh", _ZSH, "emulate ksh", control=False),
    "zsh-sh": _manner("zsh", _ZSH.replace("zsh", "zsh --emulate sh", 1)),
    "tcsh": _manner("tcsh", "tcsh -f"),
    "tcsh backslash_quote": _manner("tcsh", "tcsh -f", "set backslash_quote noglob"),
    "tcsh histchars": _manner("tcsh", "tcsh -f", "set histchars = '\x01\x02'"),
    "bsd-csh": _manner("bsd-csh", "bsd-csh -f"),
}
_SET_PROMPT = {"activate": "PS1='BA''SE> '", "activate.csh": "set prompt = 'BA''SE> '"}

_CONTROL = {name for name, text in HOSTILE.items() if not text.isprintable()}
#: These are drawn by the terminal driver or by the editor of the line, each in its way.
_NEVER = {"letters of control", "carriage return"}


def _parameters() -> list[object]:
    return [
        pytest.param(manner, id=name, marks=rows.marks(manner.shell))
        for name, manner in _MANNERS.items()
    ]


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return environments with hostile prompts: their folders of scripts."""
    root = tmp_path_factory.mktemp("prompts")
    return {
        name: Path(environments.make(root / str(number), prompt=text), "bin")
        for number, (name, text) in enumerate(HOSTILE.items())
    }


@pytest.fixture
def terminal(manner: Manner, tmp_path: Path) -> Iterator[Terminal]:
    """Return a terminal with the shell waiting at its prompt."""
    argv = [manner.command[0], *manner.command[1:]]
    with Terminal(argv, str(tmp_path), rows.base_environment(str(tmp_path))) as terminal:
        terminal.type(f"{manner.options}; {_SET_PROMPT[manner.shell.script]}")
        terminal.until(_END)
        yield terminal


def _drawn(terminal: Terminal, line: str) -> str:
    """Return the prompt that is drawn after *line* has been typed."""
    terminal.type(line)
    shown = terminal.until(_END).replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n")
    # Some shells show what is typed, although the terminal does not.
    return os.fsdecode(shown).replace(f"{line}\n", "", 1)


@pytest.mark.parametrize("manner", _parameters())
def test_drawn(
    manner: Manner, terminal: Terminal, prompts: dict[str, Path], tmp_path: Path
) -> None:
    """The prompt shows the name literally, and afterwards is the user's again."""
    left_out = _NEVER if manner.control else _CONTROL
    for name in HOSTILE.keys() - left_out:
        line = manner.shell.source.format(prompts[name] / manner.shell.script)
        assert _drawn(terminal, line) == f"({HOSTILE[name]}) BASE> "
        assert _drawn(terminal, "deactivate") == "BASE> "
    assert not (tmp_path / SENTINEL).exists()


@pytest.mark.parametrize("manner", _parameters())
def test_not_wanted(manner: Manner, terminal: Terminal, prompts: dict[str, Path]) -> None:
    """With VIRTUAL_ENV_DISABLE_PROMPT the prompt stays as it is."""
    assign = manner.shell.assign.format("VIRTUAL_ENV_DISABLE_PROMPT", "1")
    assert _drawn(terminal, assign) == "BASE> "
    line = manner.shell.source.format(prompts["blank"] / manner.shell.script)
    assert _drawn(terminal, line) == "BASE> "
    assert _drawn(terminal, "deactivate") == "BASE> "


_LATER = {
    "bash without promptvars": "shopt -s promptvars",
    "bash": "set -o posix",
    "zsh": "setopt promptsubst",
    "zsh promptbang": "setopt ksharrays promptsubst",
    "zsh promptsubst": "unsetopt promptpercent",
}


def _with_later() -> list[object]:
    return [
        pytest.param(_MANNERS[name], later, id=name, marks=rows.marks(_MANNERS[name].shell))
        for name, later in _LATER.items()
    ]


@pytest.mark.parametrize(("manner", "later"), _with_later())
def test_options_set_later(
    manner: Manner, later: str, terminal: Terminal, prompts: dict[str, Path], tmp_path: Path
) -> None:
    """Options that make code of a prompt do not make code of the name."""
    for name in HOSTILE:
        terminal.type(manner.shell.source.format(prompts[name] / manner.shell.script))
        terminal.until(_END)
        terminal.type(f"{later}; {manner.options}")
        terminal.until(_END)
        terminal.type("deactivate")
        terminal.until(_END)
    assert not (tmp_path / SENTINEL).exists()
