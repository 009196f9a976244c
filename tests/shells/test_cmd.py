"""The scripts of cmd, in the one that Wine has."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from newvenv import _activation
from shells import environments
from shells.names import HOSTILE, SENTINEL

pytestmark = [
    pytest.mark.shells,
    pytest.mark.skipif(shutil.which("wine") is None, reason="no wine on PATH"),
]

#: Stands in for another tool's script: the same variables, saved and restored in its manner.
_THEIR_ACTIVATE = r"""
@if defined _OLD_VIRTUAL_PATH set "PATH=%_OLD_VIRTUAL_PATH%"
@if defined _OLD_VIRTUAL_PROMPT set "PROMPT=%_OLD_VIRTUAL_PROMPT%"
@if defined _OLD_VIRTUAL_PYTHONHOME set "PYTHONHOME=%_OLD_VIRTUAL_PYTHONHOME%"
@if not defined PROMPT set "PROMPT=$P$G"
@set "_OLD_VIRTUAL_PATH=%PATH%"
@set "_OLD_VIRTUAL_PROMPT=%PROMPT%"
@if defined PYTHONHOME set "_OLD_VIRTUAL_PYTHONHOME=%PYTHONHOME%"
@set "PYTHONHOME="
@set "VIRTUAL_ENV=<theirs>"
@set "VIRTUAL_ENV_PROMPT=theirs"
@set "PROMPT=(theirs) %PROMPT%"
@set "PATH=<theirs>\Scripts;%PATH%"
"""
_THEIR_DEACTIVATE = """
@if defined _OLD_VIRTUAL_PATH set "PATH=%_OLD_VIRTUAL_PATH%"
@if defined _OLD_VIRTUAL_PROMPT set "PROMPT=%_OLD_VIRTUAL_PROMPT%"
@if defined _OLD_VIRTUAL_PYTHONHOME set "PYTHONHOME=%_OLD_VIRTUAL_PYTHONHOME%"
@set "_OLD_VIRTUAL_PATH="
@set "_OLD_VIRTUAL_PROMPT="
@set "_OLD_VIRTUAL_PYTHONHOME="
@set "VIRTUAL_ENV="
@set "VIRTUAL_ENV_PROMPT="
"""
_LINE = "activate: this environment was moved or copied; to mend it, run: newvenv --repair DIR"
_TOLD = ("PATH", "PROMPT", "PYTHONHOME", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT")
_OUT = {"PATH": "C:\\windows\\system32", "PROMPT": "$G", "PYTHONHOME": "C:\\home"}


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Return the variables with which Wine runs in a configuration of its own."""
    variables = {
        "HOME": str(tmp_path_factory.mktemp("home")),
        "LC_ALL": "C.UTF-8",
        "PATH": "/usr/bin:/bin",
        "WINEDEBUG": "-all",
        "WINEDLLOVERRIDES": "mscoree,mshtml=",
        "WINEPREFIX": str(tmp_path_factory.mktemp("wine")),
    }
    subprocess.run(["wine", "wineboot", "-i"], env=variables, capture_output=True, timeout=300)
    yield variables
    subprocess.run(["wineserver", "-k"], env=variables, capture_output=True)


def _make(folder: Path, prompt: str) -> str:
    """Make an environment for cmd; return its directory, as Windows calls it."""
    (folder / "Scripts").mkdir(parents=True)
    (folder / "pyvenv.cfg").touch()
    facts = environments.context(folder, prompt)
    facts.env_dir = "Z:" + str(folder).replace("/", "\\")
    facts.bin_name = "Scripts"
    facts.script_path = "activate.bat"
    templates = Path(_activation.templates(), "nt")
    for template in templates.glob("*.bat"):
        text = template.read_bytes().decode()
        (folder / "Scripts" / template.name).write_bytes(_activation.render(text, facts).encode())
    return str(facts.env_dir)


def _make_theirs(folder: Path) -> str:
    (folder / "Scripts").mkdir(parents=True)
    directory = "Z:" + str(folder).replace("/", "\\")
    texts = {"activate.bat": _THEIR_ACTIVATE, "deactivate.bat": _THEIR_DEACTIVATE}
    for name, text in texts.items():
        said = text.replace("\n", "\r\n").replace("<theirs>", directory)
        (folder / "Scripts" / name).write_bytes(said.encode())
    return directory


def _run(wine: dict[str, str], folder: Path, lines: list[str]) -> tuple[str, str]:
    """Return what a batch file of *lines* prints, and what it says on stderr."""
    begin = ["@echo off", *(f'set "{name}={value}"' for name, value in _OUT.items())]
    (folder / "script.bat").write_bytes("\r\n".join([*begin, *lines, ""]).encode())
    done = subprocess.run(
        ["wine", "cmd", "/d", "/c", "script.bat"],
        cwd=folder,
        env=wine,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
    )
    return done.stdout.decode(), done.stderr.decode()


def _tell(name: str) -> str:
    """Return the command that writes all variables into the file *name*."""
    return f"set > {name}"


def _told(folder: Path, name: str) -> dict[str, str]:
    """Return the variables that activation is about."""
    pairs = (line.partition("=") for line in (folder / name).read_text().splitlines())
    return {key: value for key, _, value in pairs if key in _TOLD}


#: The environments that are activated, or None where one is left; one after another, because
#: it takes long to start Wine.
_STEPS = [
    *("a", None, "a", "a", None),
    *("a", "b", "a", None),
    *("a", "theirs", None, "b", None),
    *("theirs", "a", None),
    *("theirs", "a", "theirs", "b", "theirs", None, "a", None),
]


@pytest.mark.parametrize("home", ["C:\\home", ""], ids=["PYTHONHOME", "no PYTHONHOME"])
def test_ways(wine: dict[str, str], home: str, tmp_path: Path) -> None:
    """However environments of ours and of the standard library are mixed, one is active."""
    places = {name: _make(tmp_path / name, f"{name} & $(it's)") for name in "ab"}
    places["theirs"] = _make_theirs(tmp_path / "theirs")
    lines = [f'set "PYTHONHOME={home}"', _tell("before")]
    for number, name in enumerate(_STEPS):
        lines += [f"call {f'{name}/Scripts/activate.bat' if name else 'deactivate'}"]
        lines += [_tell(f"told{number}")]
    assert _run(wine, tmp_path, lines) == ("", "")
    before = _told(tmp_path, "before")
    for number, name in enumerate(_STEPS):
        assert _told(tmp_path, f"told{number}") == _expected(before, places, name)


def _expected(before: dict[str, str], places: dict[str, str], name: str | None) -> dict[str, str]:
    """Return the variables while the environment *name* is active, if it is one."""
    if name is None:
        return before
    shown = {"theirs": "theirs"}.get(name, f"{name} & $(it's)")
    changes = {
        "PATH": f"{places[name]}\\Scripts;{before['PATH']}",
        "PROMPT": f"({shown.replace('$', '$$')}) {before['PROMPT']}",
        "VIRTUAL_ENV": places[name],
        "VIRTUAL_ENV_PROMPT": shown,
    }
    active = {**before, **changes}
    active.pop("PYTHONHOME", None)
    return active


#: What cmd would take for a variable, were it in quotes or not, and other names, which Wine's
#: files can have and tell: no line ends, and ASCII.
_NAMES = ["%PATH%", "%CD%x", "50%", "%0", "%~dp0", "!PATH!", *HOSTILE.values()]
_NAMES = [name for name in _NAMES if name.isascii() and name.isprintable()]


def _is_directory_name(name: str) -> bool:
    """May an environment be called so on Windows? A semicolon separates PATH's elements."""
    return not set('<>:"/\\|?*;').intersection(name) and not name.endswith((" ", "."))


def test_names(wine: dict[str, str], tmp_path: Path) -> None:
    """Whatever the names of the environment and of its prompt, they are just names."""
    lines, expected = [_tell("before")], []
    for number, prompt in enumerate(_NAMES):
        folder = tmp_path / "folders" / (prompt if _is_directory_name(prompt) else f"x{number}")
        expected.append((_make(folder, prompt), prompt.replace('"', "'")))
        (tmp_path / f"n{number}").symlink_to(folder)
        lines += [f"call n{number}/Scripts/activate.bat", _tell(f"on{number}")]
        lines += ["call deactivate", _tell(f"off{number}")]
    assert _run(wine, tmp_path, lines) == ("", "")
    before = _told(tmp_path, "before")
    for number, said in enumerate(expected):
        told = _told(tmp_path, f"on{number}")
        assert (told["VIRTUAL_ENV"], told["VIRTUAL_ENV_PROMPT"]) == said
        assert told["PROMPT"] == f"({said[1].replace('$', '$$')}) {before['PROMPT']}"
        assert _told(tmp_path, f"off{number}") == before
    assert not (tmp_path / SENTINEL).exists()


def test_moved(wine: dict[str, str], tmp_path: Path) -> None:
    """A moved environment is not activated: one line on stderr says so, and an error level."""
    _make(tmp_path / "old", "p & q")
    (tmp_path / "old").rename(tmp_path / "new")
    lines = [_tell("before"), "call new/Scripts/activate.bat", "if errorlevel 1 echo bad"]
    printed, said = _run(wine, tmp_path, [*lines, _tell("after")])
    assert printed.split() == ["bad"]
    assert said.strip() == _LINE
    assert _told(tmp_path, "after") == _told(tmp_path, "before")


def test_deleted(wine: dict[str, str], tmp_path: Path) -> None:
    """Another environment can be activated when the active one has been deleted."""
    for name in "ab":
        _make(tmp_path / name, name)
    lines = [_tell("before"), "call a/Scripts/activate.bat", "rmdir /s /q a"]
    lines += ["call b/Scripts/activate.bat", "call deactivate", _tell("after")]
    assert _run(wine, tmp_path, lines) == ("", "")
    assert _told(tmp_path, "after") == _told(tmp_path, "before")
