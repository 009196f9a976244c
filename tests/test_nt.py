"""The rules of Windows: tables of names, and fake installations on whatever system this runs."""

from __future__ import annotations

import os
import shutil
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import newvenv
from environments import needs_links
from newvenv import _compat, _files, _launchers, _nt

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = "{}.{}".format(*sys.version_info[:2])
TAG = f"{VERSION}t"

DLLS = ["python3.dll", "python313.dll", "vcruntime140.dll", "vcruntime140_1.dll"]
CPYTHON = ["python.exe", "pythonw.exe", *DLLS, "sqlite3.dll", "unins000.exe", "LICENSE.txt"]
DEBUG = ["python_d.exe", "pythonw_d.exe", "python313_d.dll"]
FREE = [f"python{TAG}.exe", f"pythonw{TAG}.exe", "python313t.dll"]
PYPY = ["libpypy3.11-c.dll", "libffi-8.dll", "pypy3.exe", "python.exe", "pythonw.exe", "README.txt"]

NEW_LAUNCHERS = [
    f"venv{window}launcher{free}{debug}.exe"
    for window in ("", "w")
    for free in ("", "t")
    for debug in ("", "_d")
]
OLD_LAUNCHERS = ["python.exe", "pythonw.exe", "python_d.exe", "pythonw_d.exe"]


class Installation:
    """A base installation and an environment under way, both of small text files."""

    def __init__(self, root: Path) -> None:
        self.base = root / "base"
        self.stdlib = self.base / "Lib"
        self.launchers = self.stdlib / "venv" / "scripts" / "nt"
        self.env = root / "env"
        self.bin = self.env / "Scripts"
        self.is_build = False
        self.config_vars: dict[str, object] = {}
        for directory in (self.launchers, self.bin):
            directory.mkdir(parents=True)

    def fill(self, base: Sequence[str] = CPYTHON, launchers: Sequence[str] = OLD_LAUNCHERS) -> None:
        """Put files into the base installation, each of which says where it comes from."""
        for directory, names, label in (
            (self.base, base, "base"),
            (self.launchers, launchers, "launcher"),
        ):
            for name in names:
                (directory / name).write_text(f"{label} {name}")

    def context(
        self, executable: str = "python.exe", name: str | None = None
    ) -> types.SimpleNamespace:
        """Return what an environment of this installation knows of itself."""
        return types.SimpleNamespace(
            env_dir=str(self.env),
            executable=str(self.base / executable),
            python_dir=str(self.base),
            bin_path=str(self.bin),
            env_exe=str(self.bin / (name or _nt.python_exe(executable))),
        )

    def set_up(
        self, executable: str = "python.exe", *, symlinks: bool = False, name: str | None = None
    ) -> None:
        """Put the interpreter into the environment as the builder does."""
        context = self.context(executable, name)
        _nt.setup_python(context, symlinks, newvenv.EnvBuilder.symlink_or_copy)

    def links(self) -> dict[str, str]:
        """Return what each link of the environment points to, by file name."""
        return {
            path.name: os.readlink(path).replace("\\\\?\\", "")  # what Windows puts in front
            for path in self.bin.iterdir()
            if path.is_symlink()
        }

    def copies(self) -> dict[str, str]:
        """Return the contents of each plain file of the environment, by file name."""
        return {path.name: path.read_text() for path in self.bin.iterdir() if not path.is_symlink()}


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """Make an installation that passes for the running one."""
    result = Installation(tmp_path)
    fake = types.SimpleNamespace(
        is_python_build=lambda: result.is_build, get_config_var=result.config_vars.get
    )
    monkeypatch.setattr(newvenv, "sysconfig", fake, raising=False)
    monkeypatch.setattr(os, "__file__", str(result.stdlib / "os.py"))
    return result


def refuse(*_arguments: object) -> None:
    """Stand for an operation that the system does not allow."""
    raise PermissionError(13, "Permission denied")


# Names


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        pytest.param("python.exe", "python.exe", id="plain"),
        pytest.param("PYTHON.EXE", "python.exe", id="upper case"),
        pytest.param("python3.13.exe", "python.exe", id="versioned"),
        pytest.param("python_d.exe", "python_d.exe", id="debug"),
        pytest.param("Python_D.exe", "python_d.exe", id="debug in upper case"),
        pytest.param("python3.13t.exe", "python.exe", id="free-threaded"),
        pytest.param("python3.13t_d.exe", "python_d.exe", id="free-threaded debug"),
        pytest.param("pypy3.exe", "python.exe", id="PyPy"),
        pytest.param("my_data.exe", "python.exe", id="only looks like debug"),
    ],
)
def test_python_exe(base: str, expected: str) -> None:
    """The environment's interpreter has the simplest name that says what matters."""
    assert _nt.python_exe(base) == expected


@pytest.mark.parametrize(
    ("has_scheme", "purelib"),
    [
        pytest.param(True, None, id="scheme"),
        pytest.param(False, r"Lib\site-packages", id="no scheme"),
    ],
)
def test_paths(has_scheme: bool, purelib: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directories are known only where no scheme of ``sysconfig`` knows them better."""
    monkeypatch.setattr(_compat, "VENV_SCHEME", has_scheme)
    assert _nt.paths().get("purelib") == purelib


@pytest.mark.parametrize(
    ("debug", "tag", "expected"),
    [
        pytest.param("", "", ["python.exe"], id="plain"),
        pytest.param("_d", "", ["python.exe", "python_d.exe"], id="debug"),
        pytest.param("", "3.13t", ["python.exe", "python3.13t.exe"], id="free-threaded"),
        pytest.param(
            "_d",
            "3.13t",
            ["python.exe", "python_d.exe", "python3.13t.exe", "python3.13t_d.exe"],
            id="free-threaded debug",
        ),
    ],
)
def test_names(debug: str, tag: str, expected: list[str]) -> None:
    """Special builds are found under their own names and under the plain ones."""
    assert _launchers.names("python", debug, tag) == expected


@pytest.mark.parametrize(
    ("base", "own", "debug", "tag", "python", "pythonw"),
    [
        pytest.param(CPYTHON, "python.exe", "", "", "python.exe", "pythonw.exe", id="plain"),
        pytest.param(
            CPYTHON + DEBUG, "python_d.exe", "_d", "", "python_d.exe", "pythonw_d.exe", id="debug"
        ),
        pytest.param(
            CPYTHON + FREE, FREE[0], "", TAG, FREE[0], FREE[1], id="free-threaded beside the other"
        ),
        pytest.param(
            [f"python{TAG}_d.exe", f"pythonw{TAG}_d.exe"],
            f"python{TAG}_d.exe",
            "_d",
            TAG,
            f"python{TAG}_d.exe",
            f"pythonw{TAG}_d.exe",
            id="free-threaded debug",
        ),
        pytest.param(
            CPYTHON, "python.exe", "", TAG, "python.exe", "pythonw.exe", id="free-threaded, no tag"
        ),
        pytest.param(["python.exe"], "python.exe", "", "", "python.exe", None, id="no pythonw"),
        pytest.param(
            [*CPYTHON, FREE[0]], FREE[0], "", TAG, FREE[0], None, id="pythonw of the other build"
        ),
        pytest.param(["App.exe"], "App.exe", "", "", "App.exe", None, id="named otherwise"),
        pytest.param([], "python.exe", "", "", "python.exe", None, id="unreadable directory"),
        pytest.param(
            ["Python.EXE", "PythonW.exe"],
            "Python.EXE",
            "",
            "",
            "python.exe",
            "pythonw.exe",
            id="case",
        ),
    ],
)
def test_link_sources(
    base: list[str], own: str, debug: str, tag: str, python: str, pythonw: str | None
) -> None:
    """All names link to the base's executable of the same kind and build, if there is one."""
    sources = _launchers.link_sources(base, own, debug, tag)
    assert {sources[name] for name in _launchers.names("python", debug, tag)} == {python}
    assert {sources.get(name) for name in _launchers.names("pythonw", debug, tag)} == {pythonw}


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        pytest.param(CPYTHON, DLLS, id="CPython"),
        pytest.param(["VCRUNTIME140.DLL", "x.pyd"], ["VCRUNTIME140.DLL"], id="case"),
        pytest.param(PYPY, PYPY[:-1], id="PyPy"),
        pytest.param(
            ["python3.dll", "python312._pth", "python312.zip"],
            ["python3.dll", "python312.zip"],
            id="embedded",
        ),
        pytest.param([], [], id="none"),
    ],
)
def test_companions(base: list[str], expected: list[str]) -> None:
    """An interpreter gets its own DLLs for company, and PyPy's gets all there are."""
    assert _launchers.companions(base) == {name: name for name in expected}


@pytest.mark.parametrize(
    ("launchers", "base", "debug", "tag", "is_build", "python", "pythonw"),
    [
        pytest.param(
            NEW_LAUNCHERS, CPYTHON, "", "", False, "venvlauncher.exe", "venvwlauncher.exe", id="new"
        ),
        pytest.param(
            NEW_LAUNCHERS,
            DEBUG,
            "_d",
            "",
            False,
            "venvlauncher_d.exe",
            "venvwlauncher_d.exe",
            id="new debug",
        ),
        pytest.param(
            NEW_LAUNCHERS,
            FREE,
            "",
            TAG,
            False,
            "venvlaunchert.exe",
            "venvwlaunchert.exe",
            id="free-threaded",
        ),
        pytest.param(
            NEW_LAUNCHERS,
            [f"python{TAG}_d.exe"],
            "_d",
            TAG,
            False,
            "venvlaunchert_d.exe",
            "venvwlaunchert_d.exe",
            id="free-threaded debug",
        ),
        pytest.param(
            ["venvlauncher.exe", "venvwlauncher.exe"],
            CPYTHON,
            "",
            TAG,
            False,
            "venvlauncher.exe",
            "venvwlauncher.exe",
            id="free-threaded, no tag anywhere",
        ),
        pytest.param(
            OLD_LAUNCHERS, CPYTHON, "", "", False, "python.exe", "pythonw.exe", id="before 3.13"
        ),
        pytest.param(
            OLD_LAUNCHERS, DEBUG, "_d", "", False, "python_d.exe", "pythonw_d.exe", id="old debug"
        ),
        pytest.param(
            CPYTHON + NEW_LAUNCHERS,
            CPYTHON + NEW_LAUNCHERS,
            "",
            "",
            True,
            "venvlauncher.exe",
            "venvwlauncher.exe",
            id="build tree",
        ),
        pytest.param(
            ["VenvLauncher.exe"],
            CPYTHON,
            "",
            "",
            False,
            "venvlauncher.exe",
            "venvwlauncher.exe",
            id="case, and no pythonw",
        ),
    ],
)
def test_copy_sources(
    launchers: list[str],
    base: list[str],
    debug: str,
    tag: str,
    is_build: bool,
    python: str,
    pythonw: str,
) -> None:
    """All names are copies of the launcher that starts this build, by its name in this version."""
    sources = _launchers.copy_sources(launchers, base, debug, tag, build=is_build)
    assert list(sources) == [
        *_launchers.names("python", debug, tag),
        *_launchers.names("pythonw", debug, tag),
    ]
    assert {sources[name] for name in _launchers.names("python", debug, tag)} == {python}
    assert {sources[name] for name in _launchers.names("pythonw", debug, tag)} == {pythonw}


@pytest.mark.parametrize(
    ("launchers", "base", "tag", "is_build"),
    [
        pytest.param([], CPYTHON, "", False, id="none"),
        pytest.param(["venvwlauncher.exe"], CPYTHON, "", False, id="only for pythonw"),
        pytest.param(CPYTHON, CPYTHON, "", True, id="build tree with the interpreter only"),
        pytest.param(["venvlauncher.exe"], FREE, TAG, False, id="only for the other build"),
        pytest.param(["venvlaunchert.exe"], CPYTHON, "", False, id="only free-threaded"),
        pytest.param(["venvlauncher_d.exe"], CPYTHON, "", False, id="only debug"),
    ],
)
def test_copy_sources_without_a_launcher(
    launchers: list[str], base: list[str], tag: str, is_build: bool
) -> None:
    """Without a launcher for this very build there is nothing to copy."""
    assert _launchers.copy_sources(launchers, base, "", tag, build=is_build) == {}


@pytest.mark.parametrize(
    ("name", "outdated"),
    [
        pytest.param("python3.12t.exe", True, id="free-threaded"),
        pytest.param("pythonw3.12t.exe", True, id="without console"),
        pytest.param("Python3.12T_D.exe", True, id="debug"),
        pytest.param("python3.9.exe", True, id="GIL"),
        pytest.param("python3.13t.exe", False, id="this version"),
        pytest.param("python.exe", False, id="no version"),
        pytest.param("python3.exe", False, id="major version only"),
        pytest.param("python3.12-config.exe", False, id="another program"),
        pytest.param("python3.12.bat", False, id="a script"),
        pytest.param("pip3.12.exe", False, id="pip"),
        pytest.param("jython3.12.exe", False, id="a name that ends alike"),
    ],
)
def test_outdated_names(name: str, outdated: bool) -> None:
    """Names of the interpreter that promise another version are found, and no others."""
    assert _launchers.outdated_names([name], "3.13") == [name] * outdated


# Locations

LONG_NAMES = {
    r"C:\PROGRA~1": r"C:\Program Files",
    r"C:\Program Files": r"C:\Program Files",
    "C:\\": "C:\\",
}


def long_path_name(path: str) -> str:
    r"""Answer as Windows does where just ``C:\Program Files`` exists."""
    try:
        return LONG_NAMES[path]
    except KeyError:
        raise FileNotFoundError(2, "The system cannot find the file specified") from None


@pytest.mark.parametrize(
    ("path1", "path2", "same"),
    [
        pytest.param(r"C:\env", r"C:\env", True, id="equal"),
        pytest.param(r"C:\Env", r"c:\eNV", True, id="case"),
        pytest.param(r"C:\a/b", r"C:\a\b", True, id="slashes"),
        pytest.param(r"C:\PROGRA~1", r"C:\Program Files", True, id="short"),
        pytest.param(r"C:\Program Files", r"C:\PROGRA~1", True, id="short second"),
        pytest.param(r"C:\PROGRA~1\env\x.exe", r"c:\program files\ENV\x.exe", True, id="unmade"),
        pytest.param(r"C:\PROGRA~1\a", r"C:\Program Files\b", False, id="other file"),
        pytest.param(r"C:\a", r"D:\a", False, id="other drive"),
        pytest.param("a", "b", False, id="relative"),
    ],
)
def test_same_path(path1: str, path2: str, same: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Case and 8.3 names make no difference, also where the last parts do not exist yet."""
    monkeypatch.setattr(_nt, "_long_path_name", long_path_name)
    assert _nt.same_path(path1, path2) is same


@pytest.mark.parametrize(
    ("winapi", "expected"),
    [
        pytest.param({"GetLongPathName": long_path_name}, r"C:\Program Files", id="can ask"),
        pytest.param({}, r"C:\PROGRA~1", id="cannot ask"),
    ],
)
def test_long_path_name(
    winapi: dict[str, object], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows is asked for the long name where this Python can ask for it."""
    monkeypatch.setitem(sys.modules, "_winapi", types.SimpleNamespace(**winapi))
    assert _nt._long_path_name(r"C:\PROGRA~1") == expected


@pytest.fixture
def elsewhere(tmp_path: Path) -> tuple[Path, Path]:
    """Make a directory as it is asked for, and the one that it really is."""
    actual, requested = tmp_path / "actual", tmp_path / "requested"
    actual.mkdir()
    requested.symlink_to(actual, target_is_directory=True)
    return requested, actual


@pytest.fixture
def no_short_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every name be its own long name."""
    monkeypatch.setattr(_nt, "_long_path_name", str)


@pytest.mark.usefixtures("no_short_names")
def test_env_exec_cmd_in_its_place(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What lies where it was asked for is started from there, and nothing is said."""
    path = os.path.realpath(tmp_path / "python.exe")
    assert _nt.env_exec_cmd(path) == path
    assert caplog.messages == []


@pytest.mark.usefixtures("no_short_names")
def test_env_exec_cmd_redirected(
    elsewhere: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    """A redirected interpreter is started from where it really is, with a warning."""
    requested, actual = (os.path.join(directory, "python.exe") for directory in elsewhere)
    assert _nt.env_exec_cmd(requested) == os.path.realpath(actual)
    assert caplog.messages == [
        "Actual environment location may have moved due to redirects, links or junctions.\n"
        f'  Requested location: "{requested}"\n'
        f'  Actual location:    "{os.path.realpath(actual)}"'
    ]


@pytest.mark.usefixtures("no_short_names")
def test_env_exec_cmd_of_links(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An interpreter that is a link to the base's is still the environment's."""
    base, link = tmp_path / "base.exe", os.path.realpath(tmp_path / "python.exe")
    base.write_bytes(b"")
    os.symlink(base, link)
    assert _nt.env_exec_cmd(link) == link
    assert caplog.messages == []


def test_env_exec_cmd_asks_whom_it_is_told(elsewhere: tuple[Path, Path]) -> None:
    """Whether two paths are one place is for the caller to say."""
    path = str(elsewhere[0] / "python.exe")
    assert _nt.env_exec_cmd(path, lambda *_paths: True) == path


# Copies


@pytest.mark.parametrize(
    ("launchers", "python", "pythonw"),
    [
        pytest.param(OLD_LAUNCHERS, "python.exe", "pythonw.exe", id="before 3.13"),
        pytest.param(NEW_LAUNCHERS, "venvlauncher.exe", "venvwlauncher.exe", id="from 3.13 on"),
    ],
)
def test_copies(
    launchers: list[str],
    python: str,
    pythonw: str,
    installation: Installation,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Without links the environment gets launchers, from wherever this version has them."""
    installation.fill(launchers=launchers)
    installation.set_up()
    assert installation.copies() == {
        "python.exe": f"launcher {python}",
        "pythonw.exe": f"launcher {pythonw}",
    }
    assert installation.links() == {}
    assert caplog.messages == []


def test_copies_free_threaded(installation: Installation) -> None:
    """A free-threaded base gives launchers that start it, under its own name, too."""
    installation.config_vars["Py_GIL_DISABLED"] = 1
    installation.fill(CPYTHON + FREE, NEW_LAUNCHERS)
    installation.set_up(FREE[0])
    assert installation.copies() == {
        "python.exe": "launcher venvlaunchert.exe",
        f"python{TAG}.exe": "launcher venvlaunchert.exe",
        "pythonw.exe": "launcher venvwlaunchert.exe",
        f"pythonw{TAG}.exe": "launcher venvwlaunchert.exe",
    }


def test_copies_debug(installation: Installation) -> None:
    """A debug base gives launchers that start it, under its own name, too."""
    installation.fill(CPYTHON + DEBUG)
    installation.set_up("python_d.exe")
    assert installation.copies() == {
        "python.exe": "launcher python_d.exe",
        "python_d.exe": "launcher python_d.exe",
        "pythonw.exe": "launcher pythonw_d.exe",
        "pythonw_d.exe": "launcher pythonw_d.exe",
    }


def test_copies_in_a_build_tree(installation: Installation) -> None:
    """In a build tree launchers lie beside the interpreter, and Tcl's start-up file comes along."""
    installation.is_build = True
    installation.fill(CPYTHON + NEW_LAUNCHERS)
    tcl = installation.base / "externals" / "tcl8.6"
    tcl.mkdir(parents=True)
    (tcl / "init.tcl").write_text("tcl")
    installation.set_up()
    assert installation.copies() == {
        "python.exe": "base venvlauncher.exe",
        "pythonw.exe": "base venvwlauncher.exe",
    }
    assert (installation.env / "Lib" / "tcl8.6" / "init.tcl").read_text() == "tcl"


def test_build_tree_without_tcl(installation: Installation) -> None:
    """A build tree without Tcl gives an environment without it."""
    installation.is_build = True
    installation.fill(CPYTHON + NEW_LAUNCHERS)
    installation.set_up()
    assert not (installation.env / "Lib").exists()


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        pytest.param(CPYTHON, ["python.exe", "pythonw.exe", *DLLS], id="embedded"),
        pytest.param(PYPY, PYPY[:-1], id="PyPy"),
    ],
)
def test_copies_without_launchers(
    base: list[str],
    expected: list[str],
    installation: Installation,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Where there are no launchers the interpreter is copied with all that it needs."""
    installation.fill(base, launchers=[])
    installation.set_up()
    assert installation.copies() == {name: f"base {name}" for name in expected}
    assert caplog.messages == []


def test_missing_optional_launcher(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the launcher for ``pythonw.exe`` there is a warning and all the rest."""
    installation.fill(launchers=["venvlauncher.exe"])
    installation.set_up()
    source, path = installation.launchers / "venvwlauncher.exe", installation.bin / "pythonw.exe"
    assert installation.copies() == {"python.exe": "launcher venvlauncher.exe"}
    assert caplog.messages == [f"Unable to copy {str(source)!r} to {str(path)!r}"]


def test_nothing_to_copy(installation: Installation) -> None:
    """With neither a launcher nor an interpreter there is an error that says what to do."""
    with pytest.raises(OSError, match="repair the installation of Python") as error:
        installation.set_up()
    assert str(error.value).startswith(f"Unable to copy {str(installation.base / 'python.exe')!r}")
    assert "\n" not in str(error.value)


def test_unreadable_base(installation: Installation) -> None:
    """A base directory that can't be listed is no obstacle where there are launchers."""
    installation.fill(base=[])
    context = types.SimpleNamespace(
        env_dir=str(installation.env),
        executable="/nowhere/python.exe",
        python_dir="/nowhere",
        bin_path=str(installation.bin),
        env_exe=str(installation.bin / "python.exe"),
    )
    _nt.setup_python(context, False, newvenv.EnvBuilder.symlink_or_copy)
    assert sorted(installation.copies()) == ["python.exe", "pythonw.exe"]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        pytest.param(
            PermissionError(13, "Access is denied"),
            "Access is denied; end the programs that run from the environment",
            id="in use",
        ),
        pytest.param(
            OSError(28, "No space left on device"), "No space left on device", id="disk full"
        ),
        pytest.param(OSError("just so"), "just so", id="no number"),
    ],
)
def test_uncopyable(
    error: OSError, text: str, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interpreter that can't be put in place is an error with its reason and remedy."""

    def fail(*_arguments: object) -> None:
        raise error

    installation.fill()
    monkeypatch.setattr(_files, "write", fail)
    with pytest.raises(OSError, match="Unable to copy") as raised:
        installation.set_up()
    assert str(raised.value).endswith(f"python.exe': {text}")


def test_copies_again(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Launchers that are right already are not touched, as they may be running."""
    installation.fill()
    installation.set_up()
    monkeypatch.setattr(os, "replace", refuse)
    installation.set_up()


def test_copies_over_links(installation: Installation) -> None:
    """Copies replace links, and what those point to stays as it was."""
    installation.fill()
    installation.set_up(symlinks=True)
    installation.set_up()
    assert installation.copies() == {
        "python.exe": "launcher python.exe",
        "pythonw.exe": "launcher pythonw.exe",
    }
    assert (installation.base / "python.exe").read_text() == "base python.exe"


def test_copies_over_stale_files(installation: Installation) -> None:
    """Launchers of another version are replaced, and a link to nowhere, too."""
    installation.fill()
    (installation.bin / "python.exe").write_text("launcher of another version")
    (installation.bin / "pythonw.exe").symlink_to(installation.base / "gone.exe")
    installation.set_up()
    assert installation.copies() == {
        "python.exe": "launcher python.exe",
        "pythonw.exe": "launcher pythonw.exe",
    }


@pytest.mark.parametrize("symlinks", [False, True], ids=["copies", "links"])
def test_outdated_names_go(installation: Installation, symlinks: bool) -> None:
    """The names that an environment of another, free-threaded version has left are gone."""
    installation.fill()
    for name in ("python.exe", "pythonw.exe"):
        (installation.bin / name).write_text(f"launcher {name} of another version")
        twin = installation.bin / name.replace(".exe", "3.1t.exe")
        twin.write_text(f"launcher {name} of another version")
    installation.set_up(symlinks=symlinks)
    assert not [path for path in installation.bin.iterdir() if "3.1" in path.name]


def test_outdated_links_go(installation: Installation) -> None:
    """Links of another version go as well."""
    installation.fill()
    for name in ("python.exe", "python3.1t.exe"):
        (installation.bin / name).symlink_to("/nowhere/python3.1t.exe")
    installation.set_up(symlinks=True)
    assert "python3.1t.exe" not in installation.links()


@pytest.mark.parametrize("has_interpreter", [False, True])
def test_foreign_names_stay(installation: Installation, has_interpreter: bool) -> None:
    """Files and links of the user's that are called like another version stay."""
    installation.fill()
    if has_interpreter:
        installation.set_up()
    (installation.bin / "python3.1.exe").write_text("of the user")
    (installation.bin / "python3.2.exe").symlink_to("/nowhere/python3.2.exe")
    installation.set_up()
    assert installation.copies()["python3.1.exe"] == "of the user"
    assert installation.links()["python3.2.exe"] == "/nowhere/python3.2.exe"


def test_outdated_names_in_use(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that can't be removed stays without a word."""
    installation.fill()
    installation.set_up()
    shutil.copyfile(installation.bin / "python.exe", installation.bin / "python3.1t.exe")
    monkeypatch.setattr(os, "unlink", refuse)
    installation.set_up()
    assert "python3.1t.exe" in installation.copies()


def test_name_of_the_environment(installation: Installation) -> None:
    """The executable that a subclass has put there itself stays, whatever it is called."""
    installation.fill()
    installation.set_up()
    shutil.copyfile(installation.bin / "python.exe", installation.bin / "python3.1.exe")
    installation.set_up(name="python3.1.exe")
    assert "python3.1.exe" in installation.copies()


@pytest.mark.parametrize(
    "symlinks",
    [pytest.param(False, id="copies"), pytest.param(True, id="links", marks=needs_links)],
)
@pytest.mark.parametrize("is_build", [False, True], ids=["installed", "build"])
def test_interpreter_files(installation: Installation, symlinks: bool, is_build: bool) -> None:
    """What is to be made is known before it is, down to contents and links."""
    installation.fill([*CPYTHON, *NEW_LAUNCHERS])
    installation.is_build = is_build
    (installation.base / "tcl8.6").mkdir()
    (installation.base / "tcl8.6" / "init.tcl").write_text("script")
    files = _nt.interpreter_files(installation.context(), symlinks)
    installation.set_up(symlinks=symlinks)
    links = {path: source for path, how, source in files if how == "link"}
    copies = {path: source for path, how, source in files if how == "copy"}
    made = [path for path in installation.env.rglob("*") if not path.is_dir()]

    assert {Path(path).name: source for path, source in links.items()} == installation.links()
    assert all(Path(path).read_text() == Path(copies[path]).read_text() for path in copies)
    assert sorted([*links, *copies]) == sorted(map(str, made))


def test_no_library_file(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where ``os`` does not tell its file, launchers are looked for in the usual place."""
    installation.fill()
    monkeypatch.delattr(os, "__file__")
    monkeypatch.setattr(sys, "base_prefix", str(installation.base))
    installation.set_up()
    assert installation.copies()["python.exe"] == "launcher python.exe"


# Links


@needs_links
def test_links(installation: Installation, caplog: pytest.LogCaptureFixture) -> None:
    """Links go to the base's executables and DLLs, and launchers are not needed."""
    installation.fill(launchers=[])
    installation.set_up(symlinks=True)
    assert installation.links() == {
        name: str(installation.base / name) for name in ["python.exe", "pythonw.exe", *DLLS]
    }
    assert installation.copies() == {}
    assert caplog.messages == []


@needs_links
def test_links_free_threaded(installation: Installation) -> None:
    """All names of a free-threaded environment link to the free-threaded executables."""
    installation.config_vars["Py_GIL_DISABLED"] = 1
    installation.fill(CPYTHON + FREE)
    installation.set_up(FREE[0], symlinks=True)
    links = installation.links()
    assert links["python.exe"] == links[FREE[0]] == str(installation.base / FREE[0])
    assert links["pythonw.exe"] == links[FREE[1]] == str(installation.base / FREE[1])
    assert "python313t.dll" in links


@needs_links
def test_links_over_copies(installation: Installation) -> None:
    """Links replace copies."""
    installation.fill()
    installation.set_up()
    installation.set_up(symlinks=True)
    assert installation.links()["python.exe"] == str(installation.base / "python.exe")


def test_links_over_stale_links(installation: Installation) -> None:
    """A link to another installation is replaced."""
    installation.fill()
    (installation.bin / "python.exe").symlink_to("elsewhere.exe")
    installation.set_up(symlinks=True)
    assert installation.links()["python.exe"] == str(installation.base / "python.exe")


def test_links_fail_at_once(
    installation: Installation, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where links are not allowed there are copies and a warning."""
    installation.fill()
    monkeypatch.setattr(os, "symlink", refuse)
    installation.set_up(symlinks=True)
    assert sorted(installation.copies()) == ["python.exe", "pythonw.exe"]
    source, path = installation.base / "python.exe", installation.bin / "python.exe"
    assert caplog.messages == [
        f"Unable to symlink {str(source)!r} to {str(path)!r}",
        "Retrying with copies",
    ]


@needs_links
def test_links_fail_on_the_way(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    """At the first link that fails those made so far are taken back."""
    installation.fill()
    (installation.bin / DLLS[2]).mkdir()
    installation.set_up(symlinks=True)
    source, path = installation.base / DLLS[2], installation.bin / DLLS[2]
    assert installation.links() == {}
    assert (installation.bin / "python.exe").read_text() == "launcher python.exe"
    assert (installation.bin / "pythonw.exe").read_text() == "launcher pythonw.exe"
    assert caplog.messages == [
        f"Unable to symlink {str(source)!r} to {str(path)!r}",
        "Retrying with copies",
    ]


def test_links_that_can_not_be_taken_back(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    """A link that can't be taken back is told, and the others are taken back all the same."""
    busy, link = installation.bin / "python.exe", installation.bin / "python3.dll"
    busy.mkdir()
    link.symlink_to("python3.dll")
    _nt._unlink([str(busy), str(link)])
    assert caplog.messages == [f"Failed to clean up symlink {str(busy)!r}"]
    assert installation.links() == {}


# Locks


class FakeFiles:
    """Files of Windows that only one handle at a time may be open for."""

    def __init__(self, error: int = 32) -> None:
        self.error = error
        self.open: dict[int, str] = {}
        self.calls: list[tuple[object, ...]] = []

    def CreateFile(self, path: str, *how: int) -> int:
        """Open the file *path*, unless it is open already."""
        self.calls.append((path, *how))
        if path in self.open.values():
            error = PermissionError(13, "The process cannot access the file", path)
            error.winerror = self.error  # type: ignore[attr-defined,unused-ignore]
            raise error
        self.open[len(self.calls)] = path
        return len(self.calls)

    def CloseHandle(self, handle: int) -> None:
        """Close the file."""
        del self.open[handle]


def test_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that is locked can't be locked again, until it is unlocked."""
    files = FakeFiles()
    monkeypatch.setitem(sys.modules, "_winapi", files)
    handles = [_nt.lock(r"C:\env"), _nt.lock(r"C:\env"), _nt.lock(r"C:\other")]
    assert handles == [1, None, 3]
    _nt.unlock(1)
    assert _nt.lock(r"C:\env") == 4


def test_lock_is_a_file_of_one_handle(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock is a file in the directory, open to one handle, that goes when it is closed."""
    files = FakeFiles()
    monkeypatch.setitem(sys.modules, "_winapi", files)
    _nt.lock(r"C:\env")
    path, _access, share_mode, _security, _disposition, flags, _template = files.calls[0]
    assert path == r"C:\env\.newvenv.lock"
    assert share_mode == 0
    assert isinstance(flags, int)
    assert flags & 0x04000000  # FILE_FLAG_DELETE_ON_CLOSE


def test_no_lock_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any other refusal is an error that names the directory."""
    files = FakeFiles(error=5)  # ERROR_ACCESS_DENIED
    monkeypatch.setitem(sys.modules, "_winapi", files)
    _nt.lock(r"C:\env")
    with pytest.raises(PermissionError) as caught:
        _nt.lock(r"C:\env")
    assert caught.value.filename == r"C:\env"
