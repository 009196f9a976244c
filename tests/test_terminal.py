"""What people see on a terminal, and that programs see nothing of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest

import newvenv
from conftest import Run
from newvenv import _terminal

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals"),
    pytest.mark.usefixtures("measured"),
]

VERSION = "{}.{}.{}".format(*sys.version_info[:3])
PYTHON = f"{ {'cpython': 'CPython', 'pypy': 'PyPy'}[sys.implementation.name] } {VERSION}"
NEWVENV = [sys.executable, "-m", "newvenv"]

#: Runs the program, people having little patience, after a statement.
IMPATIENT = """
import sys, time
from newvenv import EnvBuilder, _log, _terminal, logger
from newvenv.__main__ import main

_terminal._PATIENCE = {patience}

def setup_scripts(self, context):
    {statement}

EnvBuilder.setup_scripts = setup_scripts
sys.exit(main())
"""

#: Waits until the alarm has come.
WAIT = "[time.sleep(0.01) for _ in iter(lambda: _terminal._progress.is_drawn, True)]"

See = Callable[..., "tuple[int, str]"]


@pytest.fixture
def see(tmp_path: Path) -> See:
    """Return a function that runs a command in *tmp_path* with a terminal as stderr.

    It returns the exit status and what the terminal got; stdout must be empty.
    """
    import pty

    def see(*command: object, **variables: str) -> tuple[int, str]:
        settings = {"SHELL": "/bin/bash", "TERM": "xterm", "COLUMNS": "80", **variables}
        kept = {name: os.environ[name] for name in os.environ if "COLOR" not in name}
        reading, writing = pty.openpty()
        process = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=writing,
            cwd=tmp_path,
            env={**kept, **settings},
        )
        os.close(writing)
        seen = _read(reading)
        assert process.communicate()[0] == b""
        return process.returncode, seen.replace("\r\n", "\n")

    return see


def _read(descriptor: int) -> str:
    """Return all that comes from a terminal, until its other end is closed."""
    data = b""
    try:
        while chunk := os.read(descriptor, 1 << 16):
            data += chunk
    except OSError:  # EIO: how Linux says that it is closed.
        pass
    os.close(descriptor)
    return data.decode("utf-8", "surrogateescape")


def screen(text: str) -> list[str]:
    """Return the lines that are left on a terminal which got *text*."""
    lines = [re.split(r"\r\x1b\[K", line)[-1] for line in text.split("\n")]
    return [re.sub(r"\x1b\[\d*m", "", line) for line in lines if line]


# The hint


def test_hint(see: See) -> None:
    """After success it says what was made, and how to activate it."""
    status, seen = see(*NEWVENV, "--without-pip", "env")

    assert status == 0
    assert screen(seen) == [
        f"Created env with {PYTHON}",
        "Activate it with: source env/bin/activate",
    ]


def test_hint_of_another_python(see: See, base_python: str) -> None:
    """With ``--python`` it is the other interpreter that says so, once."""
    lines = screen(see(*NEWVENV, "-p", base_python, "--without-pip", "env")[1])

    assert [line.split()[0] for line in lines] == ["Created", "Activate"]


def test_hint_on_pip(see: See) -> None:
    """The versions of the seed packages are in it."""
    lines = screen(see(*NEWVENV, "env")[1])

    assert re.fullmatch(rf"Created env with {PYTHON}.* and \w+ [\d.]+", lines[0])


@pytest.mark.parametrize(
    ("options", "verb"),
    [([], "Updated"), (["--upgrade"], "Upgraded"), (["--clear"], "Created")],
    ids=str,
)
def test_hint_on_an_existing_environment(see: See, options: list[str], verb: str) -> None:
    """It tells what has happened to an environment that was there."""
    see(*NEWVENV, "--without-pip", "env")
    lines = screen(see(*NEWVENV, "--without-pip", *options, "env")[1])

    assert lines[0].startswith(f"{verb} env with ")
    assert lines[1:] == ["Activate it with: source env/bin/activate"]


def test_hint_on_several(see: See) -> None:
    """Several environments take no more lines."""
    assert screen(see(*NEWVENV, "--without-pip", "a", "b", "c")[1]) == [
        f"Created a, b and c with {PYTHON}",
        "Activate one with: source a/bin/activate",
    ]


def test_hint_on_many(see: See) -> None:
    """Many are counted."""
    names = [f"env{number}" for number in range(9)]

    assert screen(see(*NEWVENV, "--without-pip", *names)[1])[0].startswith("Created 9 environments")


def test_hint_after_an_upgrade_of_nothing(see: See) -> None:
    """An upgrade of nothing makes an environment that can be activated."""
    lines = screen(see(*NEWVENV, "--without-pip", "--upgrade", "env")[1])

    assert [line.partition(" ")[0] for line in lines] == ["Created", "Activate"]


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31mb", "a\x07", "a\u202eb"], ids=ascii)
def test_hint_on_control_characters(see: See, name: str) -> None:
    """No control character of a name reaches the terminal."""
    status, seen = see(*NEWVENV, "--without-pip", name, NO_COLOR="1")

    assert (status, seen.count("\n")) == (0, 2)
    assert all(char.isprintable() for line in seen.split("\n") for char in line)


@pytest.mark.parametrize(
    ("variables", "is_coloured"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ],
    ids=str,
)
def test_colour(see: See, variables: dict[str, str], is_coloured: bool) -> None:
    """The command to paste stands out, where that is wanted."""
    seen = see(*NEWVENV, "--without-pip", "env", **variables)[1]

    assert ("\x1b[1msource env/bin/activate\x1b[0m" in seen) is is_coloured
    assert ("\x1b" in seen) is is_coloured


@pytest.mark.parametrize("option", ["-q", "--quiet", "--quiet -v"])
def test_quiet(see: See, option: str) -> None:
    """Nothing is said of success if that is not wanted."""
    status, seen = see(*NEWVENV, *option.split(), "--without-pip", "env")

    assert (status, "Activate" in seen) == (0, False)


@pytest.mark.parametrize("variables", [{}, {"FORCE_COLOR": "1"}], ids=str)
def test_no_terminal(run: Run, tmp_path: Path, variables: dict[str, str]) -> None:
    """Programs are told nothing."""
    environment = {**os.environ, **variables, "TERM": "xterm"}
    result = run(*NEWVENV, "--without-pip", tmp_path / "a", tmp_path / "b", env=environment)

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_function_main(see: See) -> None:
    """Neither is another program that calls ``main``, even on a terminal."""
    program = "import newvenv; newvenv.main(['--without-pip', 'env'])"

    assert see(sys.executable, "-c", program) == (0, "")


# What can be pasted

#: Shells, how each takes a command, and the name that SHELL has for it.
SHELLS: dict[str, list[str]] = {
    "sh": ["sh", "-c"],
    "dash": ["dash", "-c"],
    "bash": ["bash", "--norc", "-c"],
    "zsh": ["zsh", "-f", "-c"],
    "ksh": ["ksh", "-c"],
    "mksh": ["mksh", "-c"],
    "fish": ["fish", "--no-config", "-c"],
    "tcsh": ["tcsh", "-f", "-c"],
    "csh": ["csh", "-f", "-c"],
    "elvish": ["elvish", "-norc", "-c"],
    "nu": ["nu", "--no-config-file", "-c"],
    "xonsh": ["xonsh", "--no-rc", "-c"],
}

NAMES = ["env", "-e v", "a b'c", 'a"b\\c', "$(id)`id`", "é!*?", "~", "=ls", "#x", "%a%{b}", "@(1)"]


def hint(env_dir: str, shell: str) -> str:
    """Return the command that activates the environment *env_dir* in the current directory."""
    result = {
        "given": env_dir,
        "env_dir": os.path.abspath(env_dir),
        "bin_path": os.path.abspath(os.path.join(env_dir, "bin")),
    }
    return str(_terminal.activation(result, shell))


@pytest.mark.shells
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shell", SHELLS)
def test_pasted(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shell: str, name: str
) -> None:
    """The command activates in the shell that it is meant for, whatever the name is."""
    command = SHELLS[shell]
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    newvenv.create(name)
    text = f"{hint(name, shell)}\nprintenv VIRTUAL_ENV"
    result = run(*command, text, cwd=tmp_path)

    assert result.stdout.splitlines()[-1:] == [str(tmp_path / name)], result.stderr


def test_pasted_line_break(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A name with a line break can be pasted in one line, too."""
    monkeypatch.chdir(tmp_path)
    newvenv.create("a\nb")
    line = hint("a\nb", "bash")
    result = run("bash", "--norc", "-c", f'{line}\nprintf %s "$VIRTUAL_ENV"')

    assert "\n" not in line
    assert result.stdout == str(tmp_path / "a\nb")


@pytest.mark.parametrize(
    ("path", "shell"),
    [("/bin/zsh", "zsh"), ("C:\\Program Files\\Git\\bash.EXE", "bash"), ("", ""), ("fish", "fish")],
)
def test_shell(monkeypatch: pytest.MonkeyPatch, path: str, shell: str) -> None:
    """The user's shell is the one that SHELL names."""
    monkeypatch.setenv("SHELL", path)

    assert _terminal.shell() == shell


@pytest.mark.parametrize(("prompt", "shell"), [("$P$G", "cmd"), (None, "powershell")])
def test_shell_on_windows(monkeypatch: pytest.MonkeyPatch, prompt: str | None, shell: str) -> None:
    """On Windows it is the one whose variables are there."""
    monkeypatch.setattr(os, "name", "nt")
    monkeypatch.delenv("SHELL", raising=False)
    monkeypatch.delenv("PROMPT", raising=False)
    settings: dict[str, Any] = {"PROMPT": prompt}
    os.environ.update({name: value for name, value in settings.items() if value})

    assert _terminal.shell() == shell


# Progress


def test_progress(see: See) -> None:
    """Long work is said to go on, and at the end nothing is left of that."""
    program = IMPATIENT.format(patience=0.01, statement=f"_log.step('compiling pip'); {WAIT}")
    status, seen = see(sys.executable, "-c", program, "--without-pip", "env")

    assert status == 0
    assert "\r\x1b[Kcompiling pip ...\r\x1b[K" in seen
    assert [line.split()[0] for line in screen(seen)] == ["Created"]


def test_quick_work(see: See) -> None:
    """Work that is done soon is not mentioned."""
    program = IMPATIENT.format(patience=60, statement="_log.step('compiling pip')")

    assert "compiling" not in see(sys.executable, "-c", program, "--without-pip", "env")[1]


def test_steps_that_follow_each_other(see: See) -> None:
    """The time runs from the first step on, and the line is about the last."""
    statement = f"[_log.step(text) for text in 'ab']; {WAIT}; _log.step('c')"
    program = IMPATIENT.format(patience=0.01, statement=statement)
    seen = see(sys.executable, "-c", program, "--without-pip", "env")[1]

    assert "b ...\r\x1b[Kc ..." in seen
    assert "a ..." not in seen


#: Prints what is left of the alarm when the run is over.
ALARM = """
import signal, sys
from newvenv import EnvBuilder, _log
from newvenv.__main__ import main

EnvBuilder.setup_scripts = lambda *_: _log.step("x")
main()
sys.stderr.write(str(signal.getitimer(signal.ITIMER_REAL)[0] or "none"))
"""


def test_no_alarm_afterwards(see: See) -> None:
    """No alarm is left that would end the process while it ends."""
    seen = see(sys.executable, "-c", ALARM, "--without-pip", "env")[1]

    assert seen.endswith("none")


@pytest.mark.parametrize("setting", [{"TERM": "dumb"}, {}], ids=str)
def test_no_progress(see: See, setting: dict[str, str]) -> None:
    """A terminal that can't erase a line, or a user who wants quiet, gets none."""
    program = IMPATIENT.format(patience=0.01, statement="_log.step('x'); time.sleep(0.05)")
    options = [["-q"], []][bool(setting)]
    seen = see(sys.executable, "-c", program, *options, "--without-pip", "env", **setting)[1]

    assert "..." not in seen


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("logger.warning('take care')", "take care"),
        ("sys.stderr.write('take care\\n')", "take care"),
        ("raise ValueError('no')", "Error: no"),
    ],
    ids=["warning", "text", "error"],
)
def test_output_during_progress(see: See, statement: str, line: str) -> None:
    """Other output does not mix with the line."""
    program = IMPATIENT.format(patience=0.01, statement=f"_log.step('x'); {WAIT}; {statement}")
    lines = screen(see(sys.executable, "-c", program, "--without-pip", "env")[1])

    assert lines[0] == line
    assert "..." not in "".join(lines)


def test_long_step(see: See) -> None:
    """The line is never longer than the terminal is wide, nor has it control characters."""
    statement = f"_log.step('a\\x1b' + 'b' * 500); {WAIT}"
    program = IMPATIENT.format(patience=0.01, statement=statement)
    seen = see(sys.executable, "-c", program, "--without-pip", "env", NO_COLOR="1")[1]

    assert max(map(len, seen.replace("\r\x1b[K", "\n").split("\n"))) < 80
    assert "\x1b" not in seen.replace("\r\x1b[K", "")


def test_several_directories(see: See) -> None:
    """With several directories it says which one is being worked on."""
    program = IMPATIENT.format(patience=0.01, statement=WAIT)
    seen = see(sys.executable, "-c", program, "--without-pip", "a", "b")[1]

    assert "making a (1 of 2) ..." in seen
    assert "making b (2 of 2) ..." in seen


# Advice


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ([], "Try: newvenv .venv"),
        (["--claer", "env"], "Did you mean --clear?"),
        (["--witout-pip", "env"], "Did you mean --without-pip?"),
        (["--jsn", "env"], "Did you mean --json?"),
        (["--prompts=x", "env"], "Did you mean --prompt?"),
    ],
    ids=str,
)
def test_advice(see: See, args: list[str], line: str) -> None:
    """Wrong usage is answered by what may have been meant."""
    status, seen = see(*NEWVENV, *args)

    assert (status, screen(seen)[-1]) == (2, line)


@pytest.mark.parametrize("args", [["--xyzzy", "env"], ["env", "--", "--claer"]], ids=str)
def test_no_advice(see: See, args: list[str]) -> None:
    """Where there is nothing to guess, nothing is guessed."""
    assert "Did you mean" not in see(*NEWVENV, "--without-pip", *args)[1]
