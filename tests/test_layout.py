"""Where everything goes: paths, and the directories that are made."""

from __future__ import annotations

import errno
import os
import sys
import sysconfig
import types
from pathlib import Path

import pytest

import newvenv
from builders import CONTEXT, in_order
from newvenv import _compat, _layout, _platform

posix = pytest.mark.skipif(os.name == "nt", reason="these are paths of POSIX")


def listing(folder: Path) -> list[str]:
    """Return all paths below *folder*, relative to it."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


# The interpreter


@pytest.mark.parametrize("path", ["", None])
def test_unknown_interpreter(monkeypatch: pytest.MonkeyPatch, path: object) -> None:
    """A Python that does not know its own path can't be put into an environment."""
    monkeypatch.setattr(sys, "_base_executable", path, raising=False)

    with pytest.raises(ValueError, match="Unable to determine path"):
        _layout.base_executable()


def test_interpreter_without_a_base(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Python tells no base executable, the running one is taken."""
    monkeypatch.delattr(sys, "_base_executable", raising=False)
    monkeypatch.setattr(sys, "executable", "/py")

    assert _layout.base_executable() == "/py"


# The context


def venv_path(env_dir: str, name: str) -> str:
    """Answer as a scheme whose folders are called like its names."""
    return os.path.join(env_dir, f"a {name}")


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the running version one that has no answer of its own."""
    monkeypatch.setattr(_compat, "DECORATED_PROMPT", False)
    monkeypatch.setattr(_compat, "VERSIONED_INCLUDE", False)
    base = os.path.abspath(os.path.join(os.sep, "base", "python"))
    monkeypatch.setattr(sys, "_base_executable", base, raising=False)


@posix
@pytest.mark.usefixtures("plain")
def test_context() -> None:
    """The context has its attributes in order, all derived from a few values."""
    context = _layout.context("/some/env", None, venv_path)

    assert vars(context) == {
        "env_dir": "/some/env",
        "env_name": "env",
        "prompt": "env",
        "executable": "/base/python",
        "python_dir": "/base",
        "python_exe": "python",
        "inc_path": "/some/env/include",
        "lib_path": "/some/env/a purelib",
        "platlib_path": "/some/env/a platlib",
        "bin_path": "/some/env/a scripts",
        "bin_name": "a scripts",
        "env_exe": "/some/env/a scripts/python",
    }
    assert in_order(vars(context)) == in_order(CONTEXT[: len(vars(context))])


@posix
@pytest.mark.usefixtures("plain")
def test_relative_interpreter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An interpreter that knows its path from the current folder is recorded absolutely."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "_base_executable", "bin/py")
    context = _layout.context("/env", None, venv_path)

    assert (context.executable, context.python_dir) == ("bin/py", str(tmp_path / "bin"))


@pytest.mark.parametrize(
    ("prompt", "bare"),
    [
        pytest.param(None, "env", id="none"),
        pytest.param("", "", id="empty"),
        pytest.param("a b", "a b", id="text"),
    ],
)
@pytest.mark.usefixtures("plain")
def test_bare_prompt(prompt: object, bare: str) -> None:
    """The context's prompt is the given one, or else the environment's name."""
    assert _layout.context("/some/env", prompt, venv_path).prompt == bare


@pytest.mark.parametrize(
    ("prompt", "decorated"),
    [
        pytest.param(None, "(env) ", id="none"),
        pytest.param("", "() ", id="empty"),
        pytest.param("p", "(p) ", id="text"),
        pytest.param(True, "(True) ", id="no-string"),
    ],
)
@pytest.mark.usefixtures("plain")
def test_decorated_prompt(monkeypatch: pytest.MonkeyPatch, prompt: object, decorated: str) -> None:
    """Up to 3.12 the context's prompt has parentheses and a blank around it."""
    monkeypatch.setattr(_compat, "DECORATED_PROMPT", True)

    assert _layout.context("/some/env", prompt, venv_path).prompt == decorated


@pytest.mark.usefixtures("plain")
def test_versioned_include(monkeypatch: pytest.MonkeyPatch) -> None:
    """From 3.11 to 3.13 the scheme says where the headers go."""
    monkeypatch.setattr(_compat, "VERSIONED_INCLUDE", True)
    context = _layout.context("/env", None, venv_path)

    assert context.inc_path == os.path.join("/env", "a include")


# The scheme

scheme = pytest.mark.skipif(sys.version_info < (3, 11), reason="sysconfig has no scheme venv")
NAMES = ["purelib", "platlib", "scripts", "include", "data", "stdlib", "platstdlib"]


@scheme
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("env_dir", [os.path.join(os.sep, "some", "env"), "{odd} %"])
def test_scheme_path(name: str, env_dir: str) -> None:
    """Each path is what ``sysconfig`` answers for the scheme, based in the environment."""
    bases = ("base", "platbase", "installed_base", "installed_platbase")
    expected = sysconfig.get_path(name, "venv", dict.fromkeys(bases, env_dir))

    assert _layout.scheme_path(env_dir, name) == expected


@scheme
def test_scheme_of_another_implementation(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a Python other than CPython ``sysconfig`` is asked for everything."""
    expected = _layout.scheme_path(os.path.join(os.sep, "env"), "purelib")
    monkeypatch.setattr(sys.implementation, "name", "other")

    assert _layout.scheme_path(os.path.join(os.sep, "env"), "purelib") == expected


@posix
@pytest.mark.skipif(sys.implementation.name != "cpython", reason="only CPython's are known")
@pytest.mark.parametrize("name", ["purelib", "platlib", "scripts", "include"])
def test_known_paths(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The paths that an environment needs are known without ``sysconfig``."""
    monkeypatch.setattr(newvenv, "sysconfig", None, raising=False)

    assert _layout.scheme_path("/env", name).startswith("/env/")


# Making the folders


class Folders:
    """An environment under way, in a folder of the test's own."""

    def __init__(self, env: Path) -> None:
        self.env = env
        self.context = types.SimpleNamespace(
            env_dir=str(env),
            inc_path=str(env / "include"),
            lib_path=str(env / "lib" / "site"),
            platlib_path=str(env / "lib64" / "site"),
            bin_path=str(env / "bin"),
        )

    def make(self) -> list[str]:
        """Make them and return what there is then."""
        _layout.make_directories(self.context)
        return listing(self.env)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """Return folders to be made, on a version and a platform that have lib64."""
    monkeypatch.setattr(_compat, "LIB64_LINK", True)
    monkeypatch.setattr(_platform, "LIB64", True)
    return Folders(tmp_path / "env")


@posix
def test_make_directories(folders: Folders) -> None:
    """Exactly the context's folders are made, and ``lib64`` as a link to ``lib``."""
    assert folders.make() == ["bin", "include", "lib", "lib/site", "lib64"]
    assert os.readlink(folders.env / "lib64") == "lib"


def test_platforms_without_lib64(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the platform has no ``lib64`` there is none."""
    monkeypatch.setattr(_platform, "LIB64", False)

    assert folders.make() == ["bin", "include", "lib", "lib/site"]


def test_platlib_folder(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    """From 3.15 on a ``lib64`` that the scheme names is a folder of its own."""
    monkeypatch.setattr(_compat, "LIB64_LINK", False)

    assert folders.make() == ["bin", "include", "lib", "lib/site", "lib64", "lib64/site"]
    assert not (folders.env / "lib64").is_symlink()


def test_file_system_without_links(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no link can be made the folder itself is."""

    def symlink(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "symlink", symlink)

    assert folders.make() == ["bin", "include", "lib", "lib/site", "lib64", "lib64/site"]


@posix
@pytest.mark.parametrize("target", ["lib", "elsewhere"])
def test_dangling_lib64(folders: Folders, target: str) -> None:
    """A ``lib64`` that leads nowhere is made anew."""
    folders.env.mkdir()
    (folders.env / "lib64").symlink_to(target)
    folders.make()

    assert os.readlink(folders.env / "lib64") == "lib"


def test_existing_lib64(folders: Folders) -> None:
    """A ``lib64`` that is a folder stays one."""
    (folders.env / "lib64" / "mine").mkdir(parents=True)

    assert "lib64/mine" in folders.make()


def test_made_twice(folders: Folders) -> None:
    """Folders that are there stay, with what is in them."""
    folders.make()
    (folders.env / "lib" / "site" / "mine").touch()

    assert "lib/site/mine" in folders.make()


@pytest.mark.parametrize("kind", ["file", "link"])
@pytest.mark.parametrize("name", ["include", "bin", "lib/site"])
def test_folder_in_the_way(folders: Folders, name: str, kind: str) -> None:
    """A file or a link in a folder's place is refused by name, and nothing is made."""
    path = folders.env / name
    path.parent.mkdir(parents=True)
    (folders.env.parent / "real").mkdir()
    make = {"file": path.touch, "link": lambda: path.symlink_to(folders.env.parent / "real")}
    make[kind]()
    before = listing(folders.env)

    with pytest.raises(ValueError, match="Unable to create directory") as caught:
        folders.make()
    assert repr(str(path)) in str(caught.value)
    assert listing(folders.env) == before


def test_parent_in_the_way(folders: Folders) -> None:
    """A file in place of a folder's parent is an error of the operating system, on POSIX."""
    folders.env.mkdir()
    (folders.env / "lib").touch()

    with pytest.raises(ValueError if os.name == "nt" else OSError, match="lib"):
        folders.make()
