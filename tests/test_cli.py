"""The command line: what arguments mean, what is printed, and the exit status."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import pytest

import newvenv
from builders import Diary, config
from conftest import Run
from newvenv import __main__, _cli, _compat, _platform

if TYPE_CHECKING:
    from collections.abc import Iterator

BIN = "Scripts" if os.name == "nt" else "bin"

#: What no option at all means.
PLAIN: dict[str, Any] = {
    "dirs": ["env"],
    "system_site_packages": False,
    "symlinks": True,
    "clear": False,
    "upgrade": False,
    "with_pip": True,
    "prompt": None,
    "upgrade_deps": False,
    "scm_ignore_files": frozenset(["git"]),
    "force": False,
}

Main = Callable[..., int]


def words(text: str) -> list[str]:
    """Return what *text* says; from 3.14 on the module's name is in it, and moves the lines."""
    return text.replace("newvenv", "venv").split()


@pytest.fixture
def main() -> Iterator[Main]:
    """Return the command line's entry; what it does to the process is undone."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield lambda *args: __main__.main([str(arg) for arg in args])
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def posix(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the platform one where links are the default."""
    monkeypatch.setattr(_platform, "DEFAULT_SYMLINKS", True)


# What arguments mean


@pytest.mark.parametrize(
    ("args", "meaning"),
    [
        pytest.param(["env"], {}, id="none"),
        pytest.param(["a", "b"], {"dirs": ["a", "b"]}, id="several"),
        pytest.param([""], {"dirs": [""]}, id="empty"),
        pytest.param(
            ["--system-site-packages", "env"], {"system_site_packages": True}, id="system"
        ),
        pytest.param(["--symlinks", "env"], {"symlinks": True}, id="symlinks"),
        pytest.param(["--copies", "env"], {"symlinks": False}, id="copies"),
        pytest.param(["--clear", "env"], {"clear": True}, id="clear"),
        pytest.param(["--upgrade", "env"], {"upgrade": True}, id="upgrade"),
        pytest.param(["--without-pip", "env"], {"with_pip": False}, id="without-pip"),
        pytest.param(["--prompt", "p", "env"], {"prompt": "p"}, id="prompt"),
        pytest.param(["--prompt=", "env"], {"prompt": ""}, id="empty-prompt"),
        pytest.param(["--prompt=--clear", "env"], {"prompt": "--clear"}, id="odd-prompt"),
        pytest.param(["--upgrade-deps", "env"], {"upgrade_deps": True}, id="upgrade-deps"),
        pytest.param(
            ["--without-scm-ignore-files", "env"], {"scm_ignore_files": frozenset()}, id="scm"
        ),
        pytest.param(["--force", "env"], {"force": True}, id="force"),
        pytest.param(["env", "--clear"], {"clear": True}, id="option-last"),
        pytest.param(
            ["--clear", "a", "b", "--copies"],
            {"dirs": ["a", "b"], "clear": True, "symlinks": False},
            id="options-around",
        ),
        pytest.param(["--clear", "--", "-x"], {"dirs": ["-x"], "clear": True}, id="dashes"),
        pytest.param(["--without-p", "env"], {"with_pip": False}, id="prefix"),
        pytest.param(["--sys", "env"], {"system_site_packages": True}, id="prefix-system"),
        pytest.param(["--cop", "env"], {"symlinks": False}, id="prefix-copies"),
        pytest.param(["--without-s", "env"], {"scm_ignore_files": frozenset()}, id="prefix-scm"),
    ],
)
@pytest.mark.usefixtures("posix")
def test_parse(args: list[str], meaning: dict[str, Any]) -> None:
    """Each option changes one parameter of the builder."""
    assert _cli.parse(args) == {**PLAIN, **meaning}


@pytest.mark.parametrize("known", [False, True], ids=["to-3.12", "from-3.13"])
@pytest.mark.parametrize(
    "args",
    [["--without-scm-ignore-files", "env"], ["env", "--without-scm"], ["--without-s", "env"]],
    ids=" ".join,
)
def test_scm_option_everywhere(
    monkeypatch: pytest.MonkeyPatch, args: list[str], known: bool
) -> None:
    """The option against ignore files is understood whether or not the version has it."""
    monkeypatch.setattr(_compat, "SCM_OPTION", known)

    assert _cli.parse(args)["scm_ignore_files"] == frozenset()


@pytest.mark.parametrize(("known", "status"), [(False, None), (True, 2)], ids=["3.12", "3.13"])
def test_ambiguous_prefix(monkeypatch: pytest.MonkeyPatch, known: bool, status: object) -> None:
    """``--without`` means ``--without-pip`` to 3.12, and is ambiguous later."""
    monkeypatch.setattr(_compat, "SCM_OPTION", known)
    found: object = None
    try:
        with_pip = _cli.parse(["--without", "env"])["with_pip"]
    except SystemExit as ended:
        found, with_pip = ended.code, False

    assert (found, with_pip) == (status, False)


@pytest.mark.parametrize("symlinks", [False, True])
def test_default_of_the_platform(monkeypatch: pytest.MonkeyPatch, symlinks: bool) -> None:
    """Whether links are the default is the platform's to say, with options or without."""
    monkeypatch.setattr(_platform, "DEFAULT_SYMLINKS", symlinks)

    assert _cli.parse(["env"])["symlinks"] is symlinks
    assert _cli.parse(["--clear", "env"])["symlinks"] is symlinks


# Usage errors and help


@pytest.mark.parametrize(
    "args",
    [
        pytest.param([], id="nothing"),
        pytest.param(["--clear"], id="no-folder"),
        pytest.param(["--nonsense", "env"], id="unknown"),
        pytest.param(["--prompt"], id="no-prompt"),
        pytest.param(["--symlinks", "--copies", "env"], id="contradiction"),
        pytest.param(["--up", "env"], id="ambiguous"),
        pytest.param(["-x", "env"], id="short"),
        pytest.param(["a", "--clear", "b"], id="folders-apart"),
        pytest.param(["--without-pip=1", "env"], id="value-of-a-switch"),
    ],
)
def test_usage_errors(run: Run, tmp_path: Path, args: list[str]) -> None:
    """Wrong usage is reported as by the version's own ``venv``, with status 2."""
    result = run(sys.executable, "-m", "newvenv", *args, cwd=tmp_path)
    standard = run(sys.executable, "-m", "venv", *args, cwd=tmp_path)

    assert words(result.stderr) == words(standard.stderr)
    assert (result.returncode, result.stdout, os.listdir(tmp_path)) == (2, "", [])


@pytest.mark.parametrize(
    "args",
    [[], ["--nonsense", "env"], ["--symlinks", "--copies", "env"], ["a", "--clear", "b"]],
    ids=["nothing", "unknown", "contradiction", "folders-apart"],
)
def test_usage_errors_in_process(capsys: pytest.CaptureFixture[str], args: list[str]) -> None:
    """Wrong usage ends a program that calls ``main`` as ``argparse`` does."""
    with pytest.raises(SystemExit) as ended:
        newvenv.main(args)

    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: ")


def test_upgrade_with_clear(tmp_path: Path) -> None:
    """An environment can't be upgraded and cleared at once."""
    with pytest.raises(ValueError, match="--upgrade and --clear"):
        newvenv.main(["--upgrade", "--clear", str(tmp_path / "env")])


@pytest.mark.parametrize("option", ["-h", "--help", "--he"])
def test_help(run: Run, option: str) -> None:
    """The help is that of the version's own ``venv``, and what newvenv adds."""
    result = run(sys.executable, "-m", "newvenv", option)
    standard = run(sys.executable, "-m", "venv", option)

    text, heading, added = result.stdout.partition("\nnewvenv adds:\n")
    assert words(text) == words(standard.stdout)
    assert heading
    assert added.startswith("  --force ")
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(("known", "is_told"), [(False, True), (True, False)], ids=["3.12", "3.13"])
def test_help_on_ignore_files(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], known: bool, is_told: bool
) -> None:
    """What newvenv adds is told where the version's own help does not have it."""
    monkeypatch.setattr(_compat, "SCM_OPTION", known)
    with pytest.raises(SystemExit) as ended:
        _cli.run(["--help"])

    added = capsys.readouterr().out.partition("newvenv adds:")[2]
    assert ended.value.code == 0
    assert ("--without-scm-ignore-files" in added) is is_told


def test_help_without_a_standard_venv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An installation that lacks ``venv`` altogether says so."""
    monkeypatch.setattr(os, "__file__", str(tmp_path / "os.py"))

    with pytest.raises((ImportError, OSError), match="venv"):
        _cli.run(["--help"])


# Runs


def test_environment(run: Run, tmp_path: Path) -> None:
    """A plain run prints nothing and makes an environment with links and ignore file."""
    result = run(sys.executable, "-m", "newvenv", "--without-pip", tmp_path / "env")

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert (tmp_path / "env" / ".gitignore").exists()
    assert (tmp_path / "env" / "pyvenv.cfg").exists()


def test_isolated(run: Run, tmp_path: Path) -> None:
    """It runs in isolated mode."""
    result = run(sys.executable, "-I", "-m", "newvenv", "--without-pip", tmp_path / "env")

    assert (result.returncode, result.stderr) == (0, "")


def test_bare_variables(run: Run, tmp_path: Path) -> None:
    """It needs no variable of the environment."""
    needed = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    result = run(sys.executable, "-m", "newvenv", "--without-pip", "env", cwd=tmp_path, env=needed)

    assert (result.returncode, result.stderr) == (0, "")
    assert (tmp_path / "env" / "pyvenv.cfg").exists()


def test_main_in_process(main: Main, tmp_path: Path) -> None:
    """The entry of the console script returns 0 on success."""
    assert main("--without-pip", tmp_path / "env") == 0


@pytest.mark.usefixtures("main")  # which restores signals
def test_main_takes_the_arguments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a list the arguments of the process are taken."""
    monkeypatch.setattr(sys, "argv", ["newvenv", "--without-pip", str(tmp_path / "env")])

    assert __main__.main() == 0
    assert (tmp_path / "env" / "pyvenv.cfg").exists()


def test_api_main(tmp_path: Path) -> None:
    """The function ``main`` of the package returns nothing on success, and raises errors."""
    (tmp_path / "file").touch()
    result: object = newvenv.main(  # type: ignore[func-returns-value]
        ["--without-pip", str(tmp_path / "env")]
    )

    assert result is None
    with pytest.raises(ValueError, match="file"):
        newvenv.main(["--without-pip", str(tmp_path / "file")])


def test_several_folders(main: Main, tmp_path: Path) -> None:
    """Several folders become environments of the same options."""
    names = ["a", "b", "c"]
    status = main("--without-pip", "--prompt=p", *(tmp_path / name for name in names))

    assert status == 0
    assert [config(tmp_path / name)["prompt"] for name in names] == ["'p'"] * 3


def test_first_failure_ends_it(
    main: Main, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first folder that can't be used ends the run; those before it stay."""
    (tmp_path / "file").touch()
    status = main("--without-pip", tmp_path / "a", tmp_path / "file", tmp_path / "b")

    assert status == 1
    assert sorted(os.listdir(tmp_path)) == ["a", "file"]
    assert str(tmp_path / "file") in capsys.readouterr().err


def test_options_reach_the_builder(
    main: Main, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One builder, of the class that the package has then, gets all options."""
    made = []

    class Kept(Diary):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            made.append(self)

    monkeypatch.setattr(newvenv, "EnvBuilder", Kept)
    status = main("--copies", "--upgrade-deps", tmp_path / "a", tmp_path / "b")

    assert (status, len(made)) == (0, 1)
    assert made[0].calls.count("upgrade_dependencies") == 2
    assert made[0].calls.count("_setup_pip") == 2
    assert made[0].symlinks is False


def test_clear_an_environment(main: Main, tmp_path: Path) -> None:
    """An environment is cleared without being asked twice."""
    main("--without-pip", tmp_path / "env")
    (tmp_path / "env" / "old").touch()

    assert main("--without-pip", "--clear", tmp_path / "env") == 0
    assert not (tmp_path / "env" / "old").exists()


def test_clear_no_environment(
    main: Main, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is no environment is not cleared, nor is any folder given before it."""
    for name in ("env", "papers"):
        (tmp_path / name).mkdir()
    (tmp_path / "papers" / "thesis.txt").touch()
    status = main("--without-pip", "--clear", tmp_path / "env", tmp_path / "papers")

    assert status == 1
    assert "--force" in capsys.readouterr().err
    assert os.listdir(tmp_path / "env") == []
    assert os.listdir(tmp_path / "papers") == ["thesis.txt"]


def test_clear_by_force(main: Main, tmp_path: Path) -> None:
    """With ``--force`` any folder is cleared."""
    (tmp_path / "rubbish").touch()

    assert main("--without-pip", "--clear", "--force", tmp_path) == 0
    assert not (tmp_path / "rubbish").exists()


# Errors


class FailingError(Exception):
    """An error with a message of the test's choice."""


@pytest.mark.parametrize(
    ("error", "text"),
    [
        pytest.param(FailingError("the reason"), "Error: the reason\n", id="usual"),
        pytest.param(
            FailingError("two\nlines\r\nor three"), "Error: two lines or three\n", id="lines"
        ),
        pytest.param(FailingError(), "Error: FailingError\n", id="no-message"),
        pytest.param(FailingError("\n"), "Error: FailingError\n", id="blank-message"),
        pytest.param(
            PermissionError(13, "Permission denied"),
            "Error: [Errno 13] Permission denied: {env!r}\n",
            id="no-file-name",
        ),
        pytest.param(
            PermissionError(13, "Permission denied", "/x"),
            "Error: [Errno 13] Permission denied: '/x'\n",
            id="file-name",
        ),
        pytest.param(
            subprocess.CalledProcessError(3, ["x"], b"said \xff\nthis\n"),
            f"said \\xff\nthis\nError: {subprocess.CalledProcessError(3, ['x'])}\n",
            id="bytes",
        ),
        pytest.param(
            subprocess.CalledProcessError(3, ["x"], "said this"),
            f"said this\nError: {subprocess.CalledProcessError(3, ['x'])}\n",
            id="text",
        ),
        pytest.param(
            subprocess.CalledProcessError(3, ["x"], b""),
            f"Error: {subprocess.CalledProcessError(3, ['x'])}\n",
            id="no-output",
        ),
    ],
)
def test_error_text(
    main: Main,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    text: str,
) -> None:
    """An error is one line, below what a failing process had to say; the status is 1."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(newvenv.EnvBuilder, "setup_python", fail)
    env = str(tmp_path / "env")

    assert main("--without-pip", env) == 1
    assert capsys.readouterr() == ("", text.format(env=env))


def test_error_that_stderr_cannot_say(
    main: Main, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A name that the terminal can't show is shown escaped."""
    stderr = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="backslashreplace")
    monkeypatch.setattr(sys, "stderr", stderr)
    (tmp_path / "été").touch()

    assert main("--without-pip", tmp_path / "été") == 1
    stderr.flush()
    assert b"\\xe9t\\xe9" in stderr.buffer.getvalue()


# Interruptions

#: Run the command line; a hook sends this very process the signal that is asked for.
INTERRUPTED = """
import os, sys
import newvenv
from newvenv.__main__ import main

def post_setup(self, context):
    os.kill(os.getpid(), int(sys.argv[1]))

newvenv.EnvBuilder.post_setup = post_setup
sys.exit(main(["--without-pip", sys.argv[2]]))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_interrupted(run: Run, tmp_path: Path, number: int) -> None:
    """A run that is interrupted says so in one line, and nothing is left of it."""
    env = tmp_path / "env"
    result = run(sys.executable, "-c", INTERRUPTED, int(number), env)

    assert (result.returncode, result.stdout) == (128 + number, "")
    assert result.stderr == f"Error: interrupted while making {str(env)!r}\n"
    assert not env.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_interrupted_in_process(
    main: Main,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    number: int,
) -> None:
    """The entry of the console script returns the status that shells give to the signal."""
    monkeypatch.setattr(newvenv.EnvBuilder, "post_setup", lambda *_: os.kill(os.getpid(), number))

    assert main("--without-pip", tmp_path / "env") == 128 + number
    assert capsys.readouterr().err.count("\n") == 1


def test_interrupted_before_the_start(
    main: Main, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that is interrupted before it came to any folder says so, too."""

    def parse(_: list[str]) -> dict[str, Any]:
        raise KeyboardInterrupt

    monkeypatch.setattr(_cli, "parse", parse)

    assert main("--without-pip", "env") == 130
    assert capsys.readouterr().err.startswith("Error: interrupted")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
@pytest.mark.parametrize("is_program", [False, True], ids=["called", "program"])
def test_signals_after_the_run(
    main: Main, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_program: bool
) -> None:
    """When all is done a signal ends a program at once, and means to others what it did."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    before = signal.getsignal(signal.SIGINT)
    args = ["--without-pip", str(tmp_path / "env")]
    monkeypatch.setattr(sys, "argv", ["newvenv", *args])
    run: Main = {False: lambda: main(*args), True: __main__.main}[is_program]

    assert run() == 0
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) == (signal.SIG_DFL if is_program else before)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
def test_signal_handler_of_others(main: Main, tmp_path: Path) -> None:
    """A handler of SIGTERM that somebody else has set stays."""

    def handler(*_: object) -> None:
        """Do nothing."""

    signal.signal(signal.SIGTERM, handler)
    main("--without-pip", tmp_path / "env")

    assert signal.getsignal(signal.SIGTERM) is handler
