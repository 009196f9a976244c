"""What programs learn about a run (``--json``), ``-v``, and ``--check`` and ``--repair``."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import types
from pathlib import Path
from typing import Any, Callable

import pytest

import newvenv
from conftest import Run
from newvenv import __main__, _log

Main = Callable[..., int]

VERSION = "{}.{}.{}".format(*sys.version_info[:3])
IMPLEMENTATION = {"cpython": "CPython", "pypy": "PyPy"}[sys.implementation.name]

#: The keys of an environment's object, in order: this is API.
KEYS = [
    "env_dir",
    "env_exe",
    "bin_path",
    "lib_path",
    "prompt",
    "python",
    "seeds",
    "created",
    "upgraded",
    "cleared",
    "activation",
]


@pytest.fixture
def main() -> Main:
    """Return the command line's entry, as another program calls it."""
    return lambda *args: __main__.main([str(arg) for arg in args])


Tell = Callable[..., "list[dict[str, Any]]"]


@pytest.fixture
def tell(main: Main, capsys: pytest.CaptureFixture[str]) -> Tell:
    """Return a function that runs the command line and returns the objects it prints."""

    def tell(*args: object, status: int = 0) -> list[dict[str, Any]]:
        assert main("--json", "--without-pip", *args) == status
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return tell


# Environments


def test_object(tell: Tell, tmp_path: Path) -> None:
    """The object tells all that is needed to use the environment."""
    env = tmp_path / "env"
    context = newvenv.EnvBuilder().ensure_directories(tmp_path / "env")
    [found] = tell("--prompt", "p", env)

    assert list(found) == KEYS
    assert found == {
        "env_dir": str(env),
        "env_exe": context.env_exe,
        "bin_path": context.bin_path,
        "lib_path": context.lib_path,
        "prompt": "p",
        "python": {"implementation": IMPLEMENTATION, "version": VERSION},
        "seeds": {},
        "created": True,
        "upgraded": False,
        "cleared": False,
        "activation": newvenv.activation_environment(env),
    }


def test_seeds(run: Run, tmp_path: Path) -> None:
    """The seed packages are told with their versions."""
    result = run(sys.executable, "-m", "newvenv", "--json", tmp_path / "env")
    found = json.loads(result.stdout)
    command = [found["env_exe"], "-m", "pip", "--version"]

    assert list(found["seeds"]) == list(newvenv.CORE_VENV_DEPS)
    assert run(*command).stdout.split()[1] == found["seeds"]["pip"]


@pytest.mark.parametrize(
    ("options", "created", "upgraded", "cleared"),
    [([], 0, 0, 0), (["--upgrade"], 0, 1, 0), (["--clear"], 1, 0, 1)],
    ids=str,
)
def test_existing_environment(
    tell: Tell, tmp_path: Path, options: list[str], created: int, upgraded: int, cleared: int
) -> None:
    """It tells what has happened to an environment that was there."""
    tell(tmp_path / "env")
    [found] = tell(*options, tmp_path / "env")

    assert [found[key] for key in ("created", "upgraded", "cleared")] == [
        *(bool(created), bool(upgraded), bool(cleared))
    ]


@pytest.mark.parametrize("option", ["--clear", "--upgrade"])
def test_new_environment(tell: Tell, tmp_path: Path, option: str) -> None:
    """Nothing is cleared or upgraded where there was nothing."""
    [found] = tell(option, tmp_path / "env")

    assert (found["created"], found["upgraded"], found["cleared"]) == (True, False, False)


def test_several(tell: Tell, tmp_path: Path) -> None:
    """There is one line for each directory, up to the one that fails."""
    (tmp_path / "file").touch()
    names = ["a", "b", "file", "c"]
    found = tell(*(tmp_path / name for name in names), status=1)

    assert [Path(one["env_dir"]).name for one in found] == ["a", "b", "file"]
    assert [sorted(one) for one in found[2:]] == [["env_dir", "error"]]


def test_error(main: Main, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An error is an object, and the usual line on stderr."""
    (tmp_path / "file").touch()
    status = main("--json", tmp_path / "file")
    out, err = capsys.readouterr()
    found = json.loads(out)

    assert status == 1
    assert found["env_dir"] == str(tmp_path / "file")
    assert err == f"Error: {found['error']}\n"


def test_error_before_all_directories(tell: Tell, tmp_path: Path) -> None:
    """An error that is no directory's says so."""
    [found] = tell("--upgrade", "--clear", tmp_path / "env", status=1)

    assert found["env_dir"] is None
    assert "--upgrade and --clear" in found["error"]


def test_interruption(tell: Tell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An interruption is told, too."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(newvenv.EnvBuilder, "setup_scripts", interrupt)

    assert tell(tmp_path / "env", status=130) == [
        {"env_dir": str(tmp_path / "env"), "error": "interrupted"}
    ]


def test_builder_that_returns_nothing(
    tell: Tell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A class that has taken the place of the builder may return None, as ``venv``'s does."""

    class Builder(newvenv.EnvBuilder):
        def create(self, env_dir: Any) -> Any:
            super().create(env_dir)

    monkeypatch.setattr(newvenv, "EnvBuilder", Builder)
    [found] = tell("--prompt=p", tmp_path / "env")

    assert (list(found), found["prompt"]) == (KEYS, "p")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_name_that_is_not_text(run: Run, tmp_path: Path) -> None:
    """Every name can be told, in ASCII."""
    env = os.path.join(os.fsencode(tmp_path), b"\xff\xe9")
    program = "import os, sys; sys.argv[-1] = os.fsdecode(bytes.fromhex(sys.argv[-1]))"
    program += "; from newvenv.__main__ import main; sys.exit(main())"
    words = ["--json", "--without-pip", "--prompt=p", env.hex()]
    result = run(sys.executable, "-c", program, *words)

    assert result.returncode == 0, result.stderr
    assert result.stdout.isascii()
    assert os.fsencode(json.loads(result.stdout)["env_dir"]) == env


# More to read


@pytest.mark.parametrize(
    ("options", "expected"),
    [([], []), (["-v"], ["decision"]), (["-vv"], ["decision", "detail"])],
    ids=str,
)
def test_verbose(
    main: Main,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    options: list[str],
    expected: list[str],
) -> None:
    """Decisions are shown on request, details at the second one, all on stderr."""

    def setup_scripts(*_: object) -> None:
        _log.info("a %s", "decision")
        _log.debug("a %s", "detail")

    monkeypatch.setattr(newvenv.EnvBuilder, "setup_scripts", setup_scripts)
    main("--without-pip", *options, tmp_path / "env")
    out, err = capsys.readouterr()
    words = [line.partition(" ")[2] for line in err.splitlines() if line.startswith("a ")]

    assert (out, words) == ("", expected)


def test_what_is_decided(main: Main, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At least the Python, the result and the time are told."""
    main("--without-pip", "-v", tmp_path / "env")
    err = capsys.readouterr().err

    assert f"Using {IMPLEMENTATION} {VERSION} at {sys.executable}." in err
    assert f"Created {tmp_path / 'env'} in " in err


def test_what_is_kept(main: Main, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What an upgrade remembers is told."""
    main("--without-pip", "--prompt=p", tmp_path / "env")
    main("--without-pip", "--upgrade", "-v", tmp_path / "env")

    assert "Keeping prompt = 'p'" in capsys.readouterr().err


@pytest.mark.parametrize("args", [[], ["file"]], ids=["success", "failure"])
def test_logger_afterwards(main: Main, tmp_path: Path, args: list[str]) -> None:
    """The logger is afterwards as it was before."""
    (tmp_path / "file").touch()
    logger = logging.getLogger("newvenv")
    before = logger.level, logger.handlers[:]
    main("-vv", "--without-pip", tmp_path / "env", *(tmp_path / arg for arg in args))

    assert (logger.level, logger.handlers) == before


# Health


class Problem:
    """Stands in for what ``newvenv.check`` finds."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.path = "/x/bin/python"
        self.message = "bin/python leads nowhere"
        self.remedy = "newvenv --repair x"


Health = Callable[..., None]


@pytest.fixture
def health(monkeypatch: pytest.MonkeyPatch) -> Health:
    """Return a function that sets what is found, mended and left in each directory."""

    def health(found: dict[str, list[Any]], mended: dict[str, list[str]] | None = None) -> None:
        def check(env_dir: str) -> list[Any]:
            return found[os.path.basename(env_dir)]

        def repair(env_dir: str, report: Callable[[str], object]) -> list[Any]:
            for line in (mended or {}).get(os.path.basename(env_dir), []):
                report(line)
            return found[os.path.basename(env_dir)]

        module: Any = types.ModuleType("newvenv._health")
        module.check, module.repair = check, repair
        monkeypatch.setitem(sys.modules, "newvenv._health", module)
        monkeypatch.setattr(newvenv, "_health", module, raising=False)
        monkeypatch.setattr(newvenv, "check", check, raising=False)

    return health


def _end(*args: str) -> object:
    """Run the command line and return the status that it ends with."""
    with pytest.raises(SystemExit) as ended:
        __main__.main(args)
    return ended.value.code


def test_check(health: Health, capsys: pytest.CaptureFixture[str]) -> None:
    """Each problem is a line with its remedy, and the status is 1."""
    health({"a": [Problem("x"), Problem("y")], "b": [], "c": [Problem("x")]})
    status = _end("--check", "a", "b", "c")
    line = "bin/python leads nowhere; newvenv --repair x\n"

    assert status == 1
    assert capsys.readouterr() == (f"a: {line}a: {line}c: {line}", "")


def test_check_without_problems(
    main: Main, health: Health, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing is wrong nothing is said."""
    health({"a": []})

    assert main("--check", "a") == 0
    assert capsys.readouterr() == ("", "")


def test_repair(main: Main, health: Health, capsys: pytest.CaptureFixture[str]) -> None:
    """What was mended is told; the status is 0 if nothing is left."""
    health({"a": []}, {"a": ["bin/python leads to /usr/bin/python3 again"]})

    assert main("--repair", "a") == 0
    assert capsys.readouterr() == ("a: bin/python leads to /usr/bin/python3 again\n", "")


def test_repair_in_part(health: Health, capsys: pytest.CaptureFixture[str]) -> None:
    """What can't be mended is a problem still."""
    health({"a": [Problem("x")]}, {"a": ["done"]})
    status = _end("--repair", "a")

    assert status == 1
    assert capsys.readouterr().out.splitlines() == [
        "a: done",
        "a: bin/python leads nowhere; newvenv --repair x",
    ]


@pytest.mark.parametrize("option", ["--check", "--repair"])
def test_health_as_json(
    health: Health, capsys: pytest.CaptureFixture[str], option: str, tmp_path: Path
) -> None:
    """Programs get one object for each directory."""
    health({"a": [Problem("x")], "b": []}, {"a": ["done"]})
    status = _end(option, "--json", str(tmp_path / "a"), str(tmp_path / "b"))
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    repaired: dict[str, list[Any]] = {
        "--check": [{}, {}],
        "--repair": [{"repaired": ["done"]}, {"repaired": []}],
    }

    assert status == 1
    assert found == [
        {
            "env_dir": str(tmp_path / "a"),
            "problems": [vars(Problem("x"))],
            **repaired[option][0],
        },
        {"env_dir": str(tmp_path / "b"), "problems": [], **repaired[option][1]},
    ]


@pytest.mark.parametrize("option", ["--check", "--repair"])
def test_health_of_nothing(
    main: Main,
    monkeypatch: pytest.MonkeyPatch,
    health: Health,
    capsys: pytest.CaptureFixture[str],
    option: str,
) -> None:
    """What can't be looked at is an error, and an object for programs."""
    health({})
    module: Any = newvenv

    def fail(env_dir: str, **_: object) -> None:
        raise FileNotFoundError(2, "No such file or directory", env_dir)

    monkeypatch.setattr(module, "check", fail)
    monkeypatch.setattr(module._health, "repair", fail)
    status = main(option, "--json", "nowhere")
    out, err = capsys.readouterr()

    assert status == 1
    assert err == f"Error: {json.loads(out)['error']}\n"
    assert repr(os.path.abspath("nowhere")) in err


@pytest.mark.parametrize(("option", "doing"), [("--check", "checking"), ("--repair", "repairing")])
def test_interrupted_health(
    main: Main,
    monkeypatch: pytest.MonkeyPatch,
    health: Health,
    capsys: pytest.CaptureFixture[str],
    option: str,
    doing: str,
) -> None:
    """An interruption says what has been interrupted."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    health({})
    module: Any = newvenv
    monkeypatch.setattr(module, "check", interrupt)
    monkeypatch.setattr(module._health, "repair", interrupt)

    assert main(option, "env") == 130
    assert capsys.readouterr() == ("", f"Error: interrupted while {doing} 'env'\n")


@pytest.mark.parametrize("name", ["a\nb", "a\x1bb"], ids=ascii)
def test_check_of_an_odd_name(
    health: Health, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """A problem is one line, whatever the name is."""
    health({name: [Problem("x")]})
    _end("--check", name)
    out = capsys.readouterr().out

    assert out.count("\n") == 1
    assert out[:-1].isprintable()


PAGE = Path(__file__).parents[1] / "docs" / "command-line.md"


@pytest.mark.skipif(not PAGE.exists(), reason="the documents are not installed")
def test_documented_keys() -> None:
    """The keys of an environment's object are those that the document lists, in their order."""
    table = PAGE.read_text("utf-8").partition("| key | value |")[2].partition("\n\n")[0]

    assert re.findall(r"^\| `(\w+)`", table, re.M) == KEYS
