"""The command line: what arguments mean, what is printed, and the exit status."""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest

import newvenv
from builders import Diary, config
from conftest import Run
from newvenv import __main__, _cli, _platform

GIT = frozenset(["git"])

#: What no option at all means.
PLAIN: dict[str, Any] = {
    "dirs": ["env"],
    "system_site_packages": False,
    "symlinks": _platform.DEFAULT_SYMLINKS,
    "clear": False,
    "upgrade": False,
    "with_pip": True,
    "prompt": None,
    "upgrade_deps": False,
    "scm_ignore_files": {True: GIT, False: frozenset()}[sys.version_info >= (3, 13)],
    "python": None,
    "check": False,
    "repair": False,
    "force": False,
    "seed": False,
    "json": False,
    "quiet": False,
    "verbose": 0,
    "version": False,
}

#: Neither in isolated mode nor without variables is PYTHONPATH read.
INSTALLED = pytest.mark.skipif(
    not [*importlib.metadata.distributions(name="newvenv")],
    reason="newvenv is not installed beside the tests",
)

Main = Callable[..., int]


def words(text: str) -> list[str]:
    """Return what *text* says; from 3.14 on the module's name is in it, and moves the lines."""
    return text.replace("newvenv", "venv").split()


@pytest.fixture
def main() -> Main:
    """Return the command line's entry, as another program calls it."""
    return lambda *args: __main__.main([str(arg) for arg in args])


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
        pytest.param(["--no-pip", "env"], {"with_pip": False}, id="no-pip"),
        pytest.param(["--no-seed", "env"], {"with_pip": False}, id="no-seed"),
        pytest.param(["--seed", "env"], {"seed": True}, id="seed"),
        pytest.param(["--with-scm-ignore-files", "env"], {"scm_ignore_files": GIT}, id="with-scm"),
        pytest.param(["--json", "env", "-q"], {"json": True, "quiet": True}, id="json-quiet"),
        pytest.param(["-v", "env"], {"verbose": 1}, id="v"),
        pytest.param(["-v", "env", "--verbose"], {"verbose": 2}, id="v-twice"),
        pytest.param(["-vv", "env"], {"verbose": 2}, id="vv"),
        pytest.param(["--check", "env"], {"check": True}, id="check"),
        pytest.param(["env", "--repair"], {"repair": True}, id="repair"),
        pytest.param(["-V"], {"dirs": [], "version": True}, id="version"),
        pytest.param(["--prompt", "p", "-v", "env"], {"prompt": "p", "verbose": 1}, id="mixed"),
        pytest.param(["--pr=-v", "env"], {"prompt": "-v"}, id="prompt-like-an-option"),
        pytest.param(["a", "-v", "b"], {"dirs": ["a", "b"], "verbose": 1}, id="between"),
        pytest.param(["--", "-v"], {"dirs": ["-v"]}, id="option-as-directory"),
        pytest.param(["a", "--", "--without-s"], {"dirs": ["a", "--without-s"]}, id="behind"),
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
    ],
)
def test_parse(args: list[str], meaning: dict[str, Any]) -> None:
    """Each option changes one parameter of the builder."""
    assert {"dirs": [], **_cli.parse(args)} == {**PLAIN, **meaning}


@pytest.mark.parametrize(
    ("args", "python", "others"),
    [
        (["-p", "x", "env"], "x", ["env"]),
        (["-px", "env"], "x", ["env"]),
        (["-p=x", "env"], "x", ["env"]),
        (["env", "--python", "x", "--clear"], "x", ["env", "--clear"]),
        (["--python=a=b", "-v", "--wi", "env"], "a=b", ["-v", "--wi", "env"]),
        (["-p", "x", "--", "-p", "y"], "x", ["--", "-p", "y"]),
        (["--prompt", "p", "-p", "x", "--p=y"], "x", ["--prompt", "p", "--p=y"]),
        (["-p", "x", "-p", "y"], "y", []),
    ],
    ids=" ".join,
)
def test_parse_python(args: list[str], python: str, others: list[str]) -> None:
    """With ``--python`` all else is left to the interpreter that it names."""
    found = _cli.parse(args)

    assert (found["python"], found["others"]) == (python, others)


#: Prints for each command line what builder a module's ``main`` makes, or the exit status.
UNDERSTAND = """
import importlib, json, sys
module = importlib.import_module(sys.argv[1])
class Builder:
    def __init__(self, **options):
        self.options = {name: str(value) for name, value in options.items()}
    def create(self, env_dir):
        print(sorted(self.options.items()), env_dir)
module.EnvBuilder = Builder
for args in json.loads(sys.argv[2]):
    try:
        module.main(args)
    except SystemExit as error:
        print(error.code)
"""

ABBREVIATED = [
    *("--p=x", "--pr=x", "--prom=x", "--c", "--cl", "--co", "--s", "--sy", "--w", "--without"),
    *("--without-p", "--without-s", "--without-scm", "--u", "--upgrade-", "--f", "--forc", "--j"),
    *("--js", "--ch", "--chec", "--r", "--rep", "--v", "--verb", "--vers", "--q", "--see", "--no"),
    *("--pyth", "--pyth=x", "--with", "--with-s", "-pr", "-x", "--without-scm-ignore-file"),
]


def test_abbreviations(run: Run, tmp_path: Path) -> None:
    """Every abbreviation means what it means to the version's own ``venv``, or nothing."""
    lines = [[option, "--copies", "env"] for option in ABBREVIATED if option != "-pr"]
    lines += [["--p", "-v", "env"], ["--pr", "env"], ["a", "--", "--without-s"], ["--prompt", "--"]]
    ours, theirs = (
        run(sys.executable, "-c", UNDERSTAND, module, json.dumps(lines), cwd=tmp_path)
        for module in ("newvenv", "venv")
    )

    assert ours.stdout.splitlines() == theirs.stdout.splitlines()
    assert words(ours.stderr) == words(theirs.stderr)


def test_iterator_of_arguments(tmp_path: Path) -> None:
    """``main`` takes any iterable."""
    args: Any = map(str, ["--without-pip", tmp_path / "env"])
    newvenv.main(args)

    assert (tmp_path / "env" / "pyvenv.cfg").exists()


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
    assert added.startswith("  -p")
    assert (result.returncode, result.stderr) == (0, "")


ADDED = ["-p", "--python", "--check", "--repair", "--force", "--no-pip", "--no-seed", "--seed"]
ADDED += ["--json", "-q", "--quiet", "-v", "--verbose", "-V", "--version"]
ADDED += ["--with-scm-ignore-files", "newvenv.cache", "newvenv.alias"]
ADDED += ["NEWVENV_CACHE_DIR", "NEWVENV_LINK_MODE", "NEWVENV_WHEEL_DIR"]


@pytest.mark.parametrize("name", ADDED)
def test_help_on_additions(capsys: pytest.CaptureFixture[str], name: str) -> None:
    """The help tells of each option and variable that newvenv adds."""
    with pytest.raises(SystemExit) as ended:
        newvenv.main(["--help"])

    assert ended.value.code == 0
    assert name in capsys.readouterr().out.partition("newvenv adds:")[2].replace(",", " ").split()


def _described(text: str) -> list[str]:
    """Return what a help is about: its usage, headings and options, without its sentences."""
    usage = text[: text.index("\n\n")].split()
    items = re.findall(r"^(?:\S.*:|  \S+(?: [A-Z]\S*|, \S+)*)(?=$|  )", text, re.M)
    return [*usage, *items]


NO_VENV = {
    "missing": "os.__file__ = os.path.join(sys.argv[1], 'os.py')",
    "newvenv": "os.__file__ = os.path.join(sys.argv[1], 'replaced', 'os.py')",
    "alias": "os.__file__ = os.path.join(sys.argv[1], 'alias', 'os.py')",
}


@pytest.mark.parametrize("case", NO_VENV)
def test_own_help(run: Run, tmp_path: Path, case: str) -> None:
    """Without the standard library's ``venv``, newvenv describes the same options itself."""
    package = Path(newvenv.__file__).parent
    shutil.copytree(package, tmp_path / "replaced" / "venv")
    (tmp_path / "alias" / "venv").mkdir(parents=True)
    (tmp_path / "alias" / "venv" / "__init__.py").write_text("from newvenv import *")
    program = f"import os, sys, newvenv; {NO_VENV[case]}; newvenv.main(['--help'])"
    result = run(sys.executable, "-c", program, tmp_path)
    standard = run(sys.executable, "-m", "venv", "--help")
    # From 3.14 on, argparse says how Python was called.
    expected = re.sub(r"^usage: \S+ -m venv ", "usage: -c ", standard.stdout)

    own, _, added = result.stdout.partition("\nnewvenv adds:\n")
    assert words(" ".join(_described(own))) == words(" ".join(_described(expected)))
    assert own.count("\n") > len(_described(own)) - 10
    assert added
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.skipif(os.name == "nt", reason="POSIX's way to close a stream")
def test_help_without_output(run: Run) -> None:
    """Without standard output the help goes where argparse puts it."""
    command = '"$0" -m newvenv --help >&-'
    result = run("sh", "-c", command, sys.executable)

    assert result.returncode == 0
    assert "newvenv adds:" in result.stderr
    assert "Error" not in result.stderr


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_version(run: Run, option: str) -> None:
    """The version names newvenv's, and the Python that runs it."""
    result = run(sys.executable, "-m", "newvenv", option)
    name = {"cpython": "CPython", "pypy": "PyPy"}[sys.implementation.name]
    version = "{}.{}.{}".format(*sys.version_info[:3])

    assert (
        result.stdout == f"newvenv {newvenv.__version__} ({name} {version} at {sys.executable})\n"
    )
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="argparse names the program there")
@pytest.mark.parametrize("name", ["newvenv", "venv"])
def test_name_of_the_program(run: Run, package_path: str, name: str) -> None:
    """Usage and errors call the program as its user does."""
    path = os.pathsep.join([str(Path(__file__).parent / "alias"), package_path])
    result = run(
        *(sys.executable, "-m", name, "--nonsense"), env={**os.environ, "PYTHONPATH": path}
    )

    assert result.stderr.startswith(f"usage: {name} [-h]")
    assert f"\n{name}: error: " in result.stderr


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["-p"], "argument -p/--python: expected one argument"),
        (["--python", "--clear", "env"], "argument -p/--python: expected one argument"),
        (["--json=1", "env"], "argument --json: ignored explicit argument '1'"),
        (["--check", "--clear", "env"], "argument --check: not allowed with argument --clear"),
        (["--check", "--repair", "e"], "argument --check: not allowed with argument --repair"),
        (["--repair", "--prompt=x", "e"], "argument --repair: not allowed with argument --prompt"),
        (["--repair", "--copies", "e"], "argument --repair: not allowed with argument --copies"),
        (["--seed", "--no-pip", "e"], "argument --seed: not allowed with argument --without-pip"),
        (["--check"], "the following arguments are required: ENV_DIR"),
    ],
    ids=" ".join,
)
def test_usage_errors_of_additions(run: Run, tmp_path: Path, args: list[str], reason: str) -> None:
    """Wrong use of newvenv's own options is reported in the same way."""
    result = run(sys.executable, "-m", "newvenv", *args, cwd=tmp_path)

    assert result.stderr.startswith("usage: ")
    assert result.stderr.endswith(f": error: {reason}\n")
    assert (result.returncode, result.stdout, os.listdir(tmp_path)) == (2, "", [])


# Runs


def test_environment(run: Run, tmp_path: Path) -> None:
    """A plain run prints nothing and makes an environment."""
    result = run(sys.executable, "-m", "newvenv", "--without-pip", tmp_path / "env")

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert (tmp_path / "env" / "pyvenv.cfg").exists()


@pytest.mark.parametrize(
    ("options", "is_written"),
    [
        ([], sys.version_info >= (3, 13)),
        (["--with-scm-ignore-files"], True),
        (["--without-scm-ignore-files"], False),
    ],
    ids=str,
)
def test_ignore_file(main: Main, tmp_path: Path, options: list[str], is_written: bool) -> None:
    """There is a ``.gitignore`` if the version's own ``venv`` has one, or one is asked for."""
    main("--without-pip", *options, tmp_path / "env")

    assert (tmp_path / "env" / ".gitignore").exists() is is_written


def test_started_by_its_path(run: Run, tmp_path: Path) -> None:
    """The program can also be started by its path, where it can import newvenv."""
    program = Path(newvenv.__file__).parent / "__main__.py"
    result = run(sys.executable, program, "--without-pip", "--prompt=p", tmp_path / "env")

    assert (result.returncode, result.stderr) == (0, "")


@INSTALLED
def test_isolated(run: Run, tmp_path: Path) -> None:
    """It runs in isolated mode."""
    result = run(sys.executable, "-I", "-m", "newvenv", "--without-pip", tmp_path / "env")

    assert (result.returncode, result.stderr) == (0, "")


@INSTALLED
def test_bare_variables(run: Run, tmp_path: Path) -> None:
    """It needs no variable of the environment."""
    needed = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    result = run(sys.executable, "-m", "newvenv", "--without-pip", "env", cwd=tmp_path, env=needed)

    assert (result.returncode, result.stderr) == (0, "")
    assert (tmp_path / "env" / "pyvenv.cfg").exists()


def test_main_in_process(main: Main, tmp_path: Path) -> None:
    """The entry of the console script returns 0 on success."""
    assert main("--without-pip", tmp_path / "env") == 0


def test_main_takes_the_arguments(run: Run, tmp_path: Path) -> None:
    """Without a list the arguments of the process are taken."""
    program = "import sys; from newvenv.__main__ import main; sys.exit(main())"
    result = run(sys.executable, "-c", program, "--without-pip", tmp_path / "env")

    assert result.returncode == 0
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
    assert repr(str(tmp_path / "file")) in capsys.readouterr().err


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


# What is remembered


@pytest.mark.parametrize(
    ("made", "upgraded", "prompt", "system"),
    [
        ([], [], None, "false"),
        (["--prompt=p", "--system-site-packages"], [], "'p'", "true"),
        (["--prompt=p"], ["--prompt=q", "--system-site-packages"], "'q'", "true"),
    ],
    ids=["plain", "remembered", "told"],
)
def test_upgrade_remembers(
    main: Main,
    tmp_path: Path,
    made: list[str],
    upgraded: list[str],
    prompt: object,
    system: str,
) -> None:
    """An upgrade keeps what the environment was made with, unless it is told otherwise."""
    main("--without-pip", *made, tmp_path / "env")
    status = main("--without-pip", "--upgrade", *upgraded, tmp_path / "new", tmp_path / "env")
    found = config(tmp_path / "env")

    assert status == 0
    assert (found.get("prompt"), found["include-system-site-packages"]) == (prompt, system)
    assert config(tmp_path / "new").get("prompt") == [None, "'q'"][bool(upgraded)]


@pytest.mark.parametrize("text", ["", "home = /usr/bin\n", "include-system-site"])
def test_upgrade_of_a_damaged_file(main: Main, tmp_path: Path, text: str) -> None:
    """An upgrade does not open an environment to the base's packages of itself."""
    main("--without-pip", tmp_path / "env")
    (tmp_path / "env" / "pyvenv.cfg").write_text(text)

    assert main("--without-pip", "--upgrade", tmp_path / "env") == 0
    assert config(tmp_path / "env")["include-system-site-packages"] == "false"


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="the version's venv has the parameter")
def test_builder_of_older_versions(main: Main, monkeypatch: pytest.MonkeyPatch) -> None:
    """A class with the parameters of the version's own ``EnvBuilder`` can take its place."""
    made = []

    class Builder:
        def __init__(self, **options: object) -> None:
            assert "scm_ignore_files" not in options

        def create(self, env_dir: str) -> None:
            made.append(env_dir)

    monkeypatch.setattr(newvenv, "EnvBuilder", Builder)

    assert main("env") == 0
    assert made == ["env"]


# What is imported

#: Options of Python that keep the current directory off ``sys.path``, and none.
PYTHON_OPTIONS = [[], *([["-P"]] if sys.version_info >= (3, 11) else [])]

#: What newvenv, argparse and others import, and what has been found to be imported.
MODULES = ["__future__", "argparse", "binascii", "difflib", "fcntl", "gettext", "json", "logging"]
MODULES += ["re", "shutil", "signal", "subprocess", "tempfile", "time", "zipfile", "_signal"]


@pytest.mark.parametrize("options", PYTHON_OPTIONS, ids=str)
def test_modules_in_the_current_directory(
    run: Run, tmp_path: Path, package_path: str, options: list[str]
) -> None:
    """Nothing that lies in the current directory is imported, whatever it is called."""
    (tmp_path / "probe.py").write_text("import sys; print(*sys.modules)")
    # What Python itself loads to run a module is beyond our reach.
    loaded = run(sys.executable, *options, "-S", tmp_path / "probe.py").stdout.split()
    loaded += run(sys.executable, "-S", "-m", "probe", cwd=tmp_path).stdout.split()
    for name in sorted({*MODULES} - {*loaded}):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('from the directory')")
    words = ["-m", "newvenv", "--prompt=p", "--json", "-v", "--without-pip", "env"]
    result = run(
        *(sys.executable, *options, "-S", *words),
        env={**os.environ, "PYTHONPATH": package_path},
        cwd=tmp_path,
    )

    assert "from the directory" not in result.stderr
    assert result.returncode == 0


def test_inside_of_the_package(run: Run, package_path: str, tmp_path: Path) -> None:
    """It runs in the very directory that it is imported from."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = run(
        *(sys.executable, "-m", "newvenv", "--without-pip", "--prompt=p", tmp_path / "env"),
        cwd=package_path,
        env=variables,
    )

    assert (result.returncode, result.stderr) == (0, "")


PATH_OF_A_HOST = """
import runpy, sys
sys.path.insert(0, "")
before = sys.path[:]
try:
    runpy.run_module("newvenv", run_name="__main__", alter_sys=True)
except SystemExit as error:
    print(error.code, sys.path == before)
"""


def test_path_of_a_host(run: Run, tmp_path: Path) -> None:
    """A program that runs the module by ``runpy`` has its ``sys.path`` afterwards."""
    result = run(sys.executable, "-c", PATH_OF_A_HOST, "--without-pip", "env", cwd=tmp_path)

    assert (result.stdout, result.stderr) == ("0 True\n", "")


# Interruptions

SIGNALS = {"SIGINT": 2, "SIGTERM": 15, "SIGHUP": 1}

#: Runs the program; a hook sends this very process the signal that is asked for. A shell
#: that starts the tests in the background has SIGINT ignored, also here.
INTERRUPTED = """
import os, signal, sys
import newvenv
from newvenv.__main__ import main

number = int(sys.argv.pop())

def setup_scripts(self, context):
    os.kill(os.getpid(), number)

signal.signal(signal.SIGINT, signal.default_int_handler)
newvenv.EnvBuilder.setup_scripts = setup_scripts
sys.exit(main())
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
@pytest.mark.parametrize("name", SIGNALS)
def test_interrupted(run: Run, tmp_path: Path, name: str) -> None:
    """A run that is interrupted says so in one line, and nothing is left of it."""
    env, number = tmp_path / "env", SIGNALS[name]
    result = run(sys.executable, "-c", INTERRUPTED, "--without-pip", env, number)

    assert (result.returncode, result.stdout) == (128 + number, "")
    assert result.stderr == f"Error: interrupted while making {str(env)!r}\n"
    assert not env.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
def test_ignored_signal(run: Run, tmp_path: Path) -> None:
    """A signal that is ignored stays so: ``nohup`` works."""
    words = [sys.executable, "-c", INTERRUPTED, "--without-pip", tmp_path / "env", 1]
    result = run("sh", "-c", "trap '' HUP; exec \"$@\"", "sh", *words)

    assert (result.returncode, result.stderr) == (0, "")
    assert (tmp_path / "env" / "pyvenv.cfg").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
def test_interrupted_without_a_terminal(run: Run, tmp_path: Path) -> None:
    """The status is right, too, if there is no stderr any more."""
    words = [sys.executable, "-c", INTERRUPTED, "--without-pip", tmp_path / "env", 1]
    result = run("sh", "-c", 'exec "$@" 2>&-', "sh", *words)

    assert result.returncode == 129


def test_interrupted_before_the_start(
    main: Main, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that is interrupted before it came to any directory says so, too."""

    def parse(_: list[str]) -> dict[str, Any]:
        raise KeyboardInterrupt

    monkeypatch.setattr(_cli, "parse", parse)

    assert main("--without-pip", "env") == 130
    assert capsys.readouterr().err.startswith("Error: interrupted")


#: Runs the program, then prints what signals do.
AFTER = """
import signal
from newvenv.__main__ import main
signal.signal(signal.SIGINT, signal.default_int_handler)
status = main()
print([signal.getsignal(number) == signal.SIG_DFL for number in (1, 2, 15)], status)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
def test_signals_after_the_program(run: Run, tmp_path: Path) -> None:
    """When all is done a signal ends the program at once."""
    result = run(sys.executable, "-c", AFTER, "--without-pip", tmp_path / "env")

    assert result.stdout == "[True, True, True] 0\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
@pytest.mark.parametrize("number", SIGNALS.values(), ids=SIGNALS)
def test_signals_of_a_host(
    main: Main, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int
) -> None:
    """Called by another program, the command line leaves that program's signals alone."""
    before = signal.getsignal(number)
    seen = []

    def setup_scripts(*_: object) -> None:
        seen.append(signal.getsignal(number))

    monkeypatch.setattr(newvenv.EnvBuilder, "setup_scripts", setup_scripts)
    main("--without-pip", tmp_path / "env")

    assert seen == [before]
    assert signal.getsignal(number) == before


#: Starts a process, then has Ctrl-C end the command line; is that process still there?
CHILD_OF_A_HOST = """
import os, signal, subprocess, sys
import newvenv
from newvenv.__main__ import main

def setup_scripts(self, context):
    os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
newvenv.EnvBuilder.setup_scripts = setup_scripts
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
status = main(["--without-pip", sys.argv[1]])
child.communicate(b"end")
print(status, child.returncode)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
def test_children_of_a_host(run: Run, tmp_path: Path) -> None:
    """An interruption ends the command line, but no process that the host has started."""
    result = run(sys.executable, "-c", CHILD_OF_A_HOST, tmp_path / "env")

    assert result.stdout == "130 0\n"


#: Runs the program as ``python -m`` does, wherever this is run.
RUNPY = """
import runpy, sys
try:
    runpy.run_module("newvenv", run_name="__main__", alter_sys=True)
except SystemExit as error:
    assert not error.code, error.code
"""

THREAD = """
import sys, threading
thread = threading.Thread(target=exec, args=[sys.argv.pop()])
thread.start()
thread.join()
"""

SUBINTERPRETER = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
run = getattr(interpreters, "exec", None) or interpreters.run_string
state = f"import sys; sys.argv, sys.path[:] = {sys.argv[:-1]!r}, {sys.path!r}"
interpreter = interpreters.create()
assert run(interpreter, state + sys.argv[-1]) is None
interpreters.destroy(interpreter)  # From 3.14 on, one that is left costs a warning.
"""


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(THREAD, id="thread"),
        pytest.param(
            SUBINTERPRETER,
            id="subinterpreter",
            marks=pytest.mark.skipif(
                sys.implementation.name != "cpython" or sys.version_info < (3, 10),
                reason="there are none, or they crash",
            ),
        ),
    ],
)
def test_where_no_signals_are_handled(run: Run, tmp_path: Path, program: str) -> None:
    """The program runs where no handlers may be installed."""
    result = run(sys.executable, "-c", program, "--without-pip", tmp_path / "env", RUNPY)

    assert (result.returncode, result.stderr) == (0, "")
    assert (tmp_path / "env" / "pyvenv.cfg").exists()
