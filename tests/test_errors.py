"""What the command line says of input that it can't use; none of it leaves a trace."""

from __future__ import annotations

import contextlib
import os
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

import newvenv
from conftest import Run
from environments import BIN, needs_links, not_on_path
from newvenv import __main__
from trees import tree

NEWVENV = [sys.executable, "-m", "newvenv", "--without-pip"]

#: Runs the command line after a statement that changes what Python is like.
CHANGED = "import sys; from newvenv.__main__ import main; {}; sys.exit(main(sys.argv[1:]))"

Result = Any  # a CompletedProcess; the class can't be subscripted everywhere


posix = pytest.mark.skipif(os.name == "nt", reason="Windows has words, and functions, of its own")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder that holds things which can't become environments."""
    folder = tmp_path / "folder"
    (folder / "real").mkdir(parents=True)
    (folder / "real" / "mine").write_text("x")
    (folder / "file").write_text("x")
    with contextlib.suppress(OSError):  # Tests of them have a mark.
        (folder / "link").symlink_to("real", target_is_directory=True)
        (folder / "dangling").symlink_to("nowhere")
    (folder / "blocked").mkdir()
    (folder / "blocked" / BIN).write_text("x")
    return folder


def check(result: Result, *words: str) -> None:
    """Check that the result is one line of an error that has these *words*.

    It says paths as they are, or as a literal: with two backslashes on Windows.
    """
    lines = [line.replace("\\\\", "\\") for line in result.stderr.splitlines()]

    assert (result.returncode, result.stdout) == (1, "")
    assert [line[:7] for line in lines] == ["Error: "]
    assert [word for word in words if word not in lines[0]] == []


@pytest.mark.parametrize(
    ("args", "words"),
    [
        pytest.param([""], ["is empty", "''"], id="empty"),
        pytest.param(["  "], ["is empty", "'  '"], id="blank"),
        pytest.param(["file"], ["{folder}{sep}file", "file is in the way"], id="file"),
        pytest.param(
            ["--clear", "file"], ["{folder}{sep}file", "Not a directory"], id="file-clear"
        ),
        pytest.param(["--upgrade", "file"], ["{folder}{sep}file"], id="file-upgrade"),
        pytest.param(
            ["link"],
            ["{folder}{sep}link", "{folder}{sep}real", "link"],
            id="link",
            marks=needs_links,
        ),
        pytest.param(
            ["--clear", "link"],
            ["{folder}{sep}link", "symbolic link"],
            id="link-clear",
            marks=needs_links,
        ),
        pytest.param(
            ["dangling"],
            ["{folder}{sep}dangling", "leads nowhere"],
            id="dangling",
            marks=needs_links,
        ),
        pytest.param(
            ["--clear", "dangling"],
            ["{folder}{sep}dangling"],
            id="dangling-clear",
            marks=needs_links,
        ),
        pytest.param(["file/env"], ["{folder}{sep}file"], id="file-above"),
        pytest.param([f"a{os.pathsep}b"], ["{folder}{sep}a", "PATH separator"], id="separator"),
        pytest.param(["x" * 300], ["x" * 300, "too long"], id="long-name", marks=posix),
        pytest.param(
            ["/".join(["x" * 200] * 30)], ["xxx", "too long"], id="long-path", marks=posix
        ),
        pytest.param(["blocked"], ["{folder}{sep}blocked{sep}" + BIN], id="blocked"),
        pytest.param(
            ["--upgrade", "--clear", "env"], ["--upgrade", "--clear", "together"], id="both"
        ),
        pytest.param(["--clear", "real"], ["{folder}{sep}real", "--force"], id="no-environment"),
        pytest.param(
            ["--clear", "--force", ".."], ["current directory", "name another"], id="above"
        ),
        pytest.param(
            ["--clear", "--force", "/"],
            [repr(os.path.abspath("/")).replace("\\\\", "\\"), "root"],
            id="root",
        ),
    ],
)
def test_bad_folder(run: Run, folder: Path, args: list[str], words: list[str]) -> None:
    """A folder that can't become an environment is named in one line, and nothing is written."""
    before = tree(folder)
    result = run(*NEWVENV, *args, cwd=folder)

    check(result, *(word.format(folder=folder, sep=os.sep) for word in words))
    assert tree(folder) == before


def test_home_directory(run: Run, folder: Path) -> None:
    """A home directory is not cleared, not even by force."""
    variables = {**os.environ, "HOME": str(folder), "USERPROFILE": str(folder)}
    before = tree(folder)
    result = run(*NEWVENV, "--clear", "--force", folder, env=variables)

    check(result, str(folder), "a home directory")
    assert tree(folder) == before


def test_nul(run: Run, folder: Path) -> None:
    """A name with a NUL in it, which no shell can pass, is refused as any other."""
    before = tree(folder)
    result = run(sys.executable, "-c", CHANGED.format("sys.argv[1] = 'a\\0b'"), "x", cwd=folder)

    check(result, "'a\\x00b'", "NUL")
    assert tree(folder) == before


@pytest.mark.parametrize("path", ["None", "''"], ids=["none", "empty"])
def test_unknown_interpreter(run: Run, folder: Path, path: str) -> None:
    """A Python that does not know its own path says so."""
    before = tree(folder)
    program = CHANGED.format(f"sys._base_executable = {path}")
    result = run(sys.executable, "-c", program, "--without-pip", "env", cwd=folder)

    check(result, "Unable to determine path to the running Python")
    assert tree(folder) == before


@pytest.mark.skipif(
    os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may all"
)
def test_no_permission(run: Run, folder: Path) -> None:
    """A folder that may not be written is named."""
    (folder / "real").chmod(0o555)
    before = tree(folder)
    result = run(*NEWVENV, folder / "real" / "env")

    check(result, "Permission denied", str(folder / "real"))
    assert tree(folder) == before


@posix
@pytest.mark.parametrize("function", ["makedirs", "symlink", "replace"])
@pytest.mark.parametrize("file_name", [True, False], ids=["named", "unnamed"])
def test_refusing_system(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    folder: Path,
    function: str,
    file_name: bool,
) -> None:
    """Whatever the operating system refuses, the error says where, and all is undone."""

    def refuse(*args: Any, **_: object) -> None:
        raise PermissionError(13, "Permission denied", *[os.fspath(args[-1])][:file_name])

    monkeypatch.setattr(os, function, refuse)
    monkeypatch.setattr(__main__, "_catch_signals", lambda: None)
    monkeypatch.setattr(newvenv.EnvBuilder, "symlink_or_copy", refuse)
    before = tree(folder)
    status = __main__.main(["--without-pip", str(folder / "env")])
    stderr = capsys.readouterr().err

    assert status == 1
    assert stderr.startswith("Error: [Errno 13] Permission denied: ")
    assert stderr.count("\n") == 1
    assert str(folder / "env") in stderr
    assert tree(folder) == before


@pytest.mark.skipif(
    os.name == "nt" or not os.path.isdir("/proc/self"), reason="there is no such file system"
)
def test_unwritable_system_folder(run: Run) -> None:
    """A file system that takes no folders is an error, also for root."""
    result = run(*NEWVENV, "/proc/newvenv-test")

    check(result, "/proc")


# pip

FAILING_PIP = """
import newvenv, subprocess
def _setup_pip(self, context):
    program = "print('first reason'); print('second reason'); raise SystemExit(3)"
    self._call_new_python(context, "-c", program, stderr=subprocess.STDOUT)
newvenv.EnvBuilder._setup_pip = _setup_pip
"""


def test_failing_pip(run: Run, folder: Path) -> None:
    """What a failing installer of pip has to say is shown above the error, all undone."""
    before = tree(folder)
    program = f"exec({FAILING_PIP!r})"
    result = run(sys.executable, "-c", CHANGED.format(program), folder / "env")
    lines = result.stderr.splitlines()

    assert lines[:2] == ["first reason", "second reason"]
    assert [line[:15] for line in lines[2:]] == ["Error: Command "]
    assert (result.returncode, result.stdout) == (1, "")
    assert tree(folder) == before


def test_failing_upgrade(run: Run, folder: Path) -> None:
    """A failing upgrade of pip fails the run and leaves nothing behind."""
    before = tree(folder)
    program = "import newvenv; newvenv.CORE_VENV_DEPS = ('./no-such-project',)"
    variables = {**os.environ, "PIP_NO_INDEX": "1"}
    result = run(
        sys.executable,
        "-c",
        CHANGED.format(program),
        "--upgrade-deps",
        folder / "env",
        env=variables,
    )

    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("Error: Command ")
    assert "no-such-project" in result.stderr
    assert tree(folder) == before


@pytest.mark.skipif(
    bool(sysconfig.get_config_var("WHEEL_PKG_DIR")), reason="the distribution has wheels of its own"
)
def test_no_pip_to_be_had(run: Run, folder: Path) -> None:
    """Without anything to install pip from, the run ends before it begins."""
    before = tree(folder)
    program = (
        "sys.modules['ensurepip'] = None; "
        "sys.path[:] = [path for path in sys.path if not path.endswith('-packages')]"
    )
    result = run(sys.executable, "-c", CHANGED.format(program), folder / "env", cwd=folder)

    check(result, "ensurepip", "install")
    assert tree(folder) == before


@not_on_path
def test_modules_in_the_target(run: Run, folder: Path) -> None:
    """Modules that lie in the target, called like those that are needed, do no harm."""
    names = ["pip.py", "ensurepip.py", "random.py", "subprocess.py", "site.py", "newvenv.py"]
    for name in names:
        (folder / "real" / name).write_text("raise SystemExit('imported from the target')")
    result = run(sys.executable, "-m", "newvenv", folder / "real")
    pip = run(folder / "real" / BIN / "python", "-m", "pip", "--version", cwd=folder)

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert str(folder / "real") in pip.stdout


@not_on_path
def test_modules_beside_ensurepip(run: Run, folder: Path) -> None:
    """The same holds where ``ensurepip`` itself is run in the environment, which installs pip."""
    for name in ("pip.py", "ensurepip.py", "random.py"):
        (folder / "real" / name).write_text("raise SystemExit('imported from the target')")
    variables = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "elsewhere")}
    result = run(sys.executable, "-m", "newvenv", folder / "real", env=variables)
    pip = run(folder / "real" / BIN / "python", "-m", "pip", "--version", cwd=folder)

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert str(folder / "real") in pip.stdout
