"""Where everything goes: paths, what is refused, and the folders that are made."""

from __future__ import annotations

import errno
import os
import sys
import sysconfig
import types
from pathlib import Path
from typing import Any

import pytest

import newvenv
from builders import CONTEXT
from newvenv import _compat, _files, _layout, _platform

posix = pytest.mark.skipif(os.name == "nt", reason="these are paths of POSIX")


def listing(folder: Path) -> list[str]:
    """Return all paths below *folder*, relative to it."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


# The path of the environment


@pytest.mark.parametrize(
    ("env_dir", "path"),
    [
        pytest.param("env", "env", id="relative"),
        pytest.param("env/", "env", id="slash"),
        pytest.param("./a/../env", "env", id="roundabout"),
        pytest.param(Path("a", "env"), "a/env", id="path-like"),
        pytest.param(" env ", " env ", id="blanks"),
        pytest.param(".", "", id="dot"),
    ],
)
def test_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env_dir: Any, path: str) -> None:
    """A folder's name is taken relative to the current folder, without detours."""
    monkeypatch.chdir(tmp_path)

    assert _layout.target(env_dir) == str(tmp_path / path)


@posix
def test_target_of_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links on the way to the folder are not resolved."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)

    assert _layout.target("link/env") == str(tmp_path / "link" / "env")


@pytest.mark.parametrize(
    ("env_dir", "error", "message"),
    [
        pytest.param("", ValueError, "is empty", id="empty"),
        pytest.param("  ", ValueError, "is empty", id="blank"),
        pytest.param("a\0b", ValueError, "NUL", id="nul"),
        pytest.param(b"env", TypeError, "as str", id="bytes"),
        pytest.param(1, TypeError, "int", id="int"),
        pytest.param(None, TypeError, "None", id="none"),
    ],
)
def test_impossible_target(env_dir: Any, error: type[Exception], message: str) -> None:
    """What cannot name a folder is refused with the error type of the standard library."""
    with pytest.raises(error, match=message):
        _layout.target(env_dir)


# What is refused before anything is written


@pytest.mark.parametrize(
    "name", [pytest.param("new", id="missing"), pytest.param("folder", id="folder")]
)
@pytest.mark.parametrize("clear", [False, True], ids=["", "clear"])
def test_possible_folder(tmp_path: Path, name: str, clear: bool) -> None:
    """A folder that is there, or none, will do."""
    (tmp_path / "folder").mkdir()

    _layout.check(str(tmp_path / name), clear=clear)


@posix
def test_link_among_the_parents(tmp_path: Path) -> None:
    """A link on the way to the folder will do."""
    (tmp_path / "real" / "env").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")

    _layout.check(str(tmp_path / "link" / "env"), clear=True)


@pytest.mark.parametrize(
    ("name", "clear", "error", "message"),
    [
        pytest.param(f"a{os.pathsep}b", False, ValueError, "PATH separator", id="separator"),
        pytest.param("file", False, ValueError, "file is in the way", id="file"),
        pytest.param("file", True, NotADirectoryError, "Not a directory", id="file-clear"),
        pytest.param("link", False, ValueError, "symbolic link", id="link"),
        pytest.param("link", True, ValueError, "symbolic link", id="link-clear"),
        pytest.param("dangling", False, FileExistsError, "leads nowhere", id="dangling"),
        pytest.param("dangling", True, FileExistsError, "leads nowhere", id="dangling-clear"),
    ],
)
def test_impossible_folder(
    tmp_path: Path, name: str, clear: bool, error: type[Exception], message: str
) -> None:
    """What is in the folder's place is refused, by name, and stays."""
    (tmp_path / "file").touch()
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real", target_is_directory=True)
    (tmp_path / "dangling").symlink_to("nowhere")
    before = listing(tmp_path)

    with pytest.raises(error, match=message) as caught:
        _layout.check(str(tmp_path / name), clear=clear)
    assert str(tmp_path / name) in str(caught.value)
    assert listing(tmp_path) == before


class Fixed:
    """Paths that the precious folders are found by, all in a folder of the test's own."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        for name in ("home/me", "home/you", "python/lib", "here/below", "house/newvenv", "other"):
            (root / name).mkdir(parents=True)
        monkeypatch.setenv("HOME", str(root / "home" / "me"))
        monkeypatch.setenv("USERPROFILE", str(root / "home" / "me"))
        monkeypatch.setattr(sys, "base_prefix", str(root / "python"))
        monkeypatch.setattr(sys, "base_exec_prefix", str(root / "python"))
        monkeypatch.setattr(_layout, "__file__", str(root / "house" / "newvenv" / "_layout.py"))
        you = types.SimpleNamespace(pw_dir=str(root / "home" / "you"))
        nobody = types.SimpleNamespace(pw_dir="")
        pwd: Any = types.ModuleType("pwd")
        pwd.getpwall = lambda: [you, nobody]
        monkeypatch.setitem(sys.modules, "pwd", pwd)
        monkeypatch.chdir(root / "here" / "below")


@pytest.fixture
def fixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fixed:
    """Return paths of precious folders that are no real ones."""
    return Fixed(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("/", "the root of a file system", id="root"),
        pytest.param("home/me", "a home directory", id="home"),
        pytest.param("home/you", "a home directory", id="home-of-others"),
        pytest.param("home", "a home directory", id="above-homes"),
        pytest.param("here", "above the current directory", id="above"),
        pytest.param("python", "where the running Python", id="installation"),
        pytest.param("python/..", "", id="above-installation"),
        pytest.param("house/newvenv", "newvenv itself", id="newvenv"),
        pytest.param("house", "newvenv itself", id="above-newvenv"),
    ],
)
def test_precious_folders(fixed: Fixed, name: str, reason: str) -> None:
    """No folder is cleared whose loss nobody can have meant."""
    with pytest.raises(ValueError, match=f"Refusing to clear .*{reason}"):
        _layout.check(os.path.abspath(fixed.root / name), clear=True)


@pytest.mark.parametrize("name", ["other", "here/below", "python/lib"])
def test_folders_to_clear(fixed: Fixed, name: str) -> None:
    """Other folders are cleared: the current one, too, and those in an installation."""
    _layout.check(str(fixed.root / name), clear=True)


def test_precious_folder_stays_without_clear(fixed: Fixed) -> None:
    """A home directory may become an environment if nothing is cleared for it."""
    _layout.check(str(fixed.root / "home" / "me"))


def test_home_without_a_list_of_users(fixed: Fixed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no list of users is to be had, the user's own home is known."""
    monkeypatch.setitem(sys.modules, "pwd", None)

    _layout.check(str(fixed.root / "home" / "you"), clear=True)
    with pytest.raises(ValueError, match="a home directory"):
        _layout.check(str(fixed.root / "home" / "me"), clear=True)


@posix
def test_precious_folder_through_a_link(fixed: Fixed) -> None:
    """A precious folder is known under any of its paths."""
    (fixed.root / "way").symlink_to("home")

    with pytest.raises(ValueError, match="a home directory"):
        _layout.check(str(fixed.root / "way" / "me"), clear=True)


@posix
def test_precious_current_folder_is_gone(fixed: Fixed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the current folder has been deleted only the others are precious."""

    def getcwd() -> str:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")

    monkeypatch.setattr(os, "getcwd", getcwd)

    _layout.check(str(fixed.root / "here"), clear=True)


# Whether there is room


class FileSystem:
    """What the operating system says of a file system that has room for everything."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state = types.SimpleNamespace(
            f_flag=0, f_blocks=1 << 20, f_bfree=1 << 20, f_frsize=4096, f_files=9999, f_ffree=9999
        )
        self.limits = {"PC_PATH_MAX": 4096, "PC_NAME_MAX": 255}
        monkeypatch.setattr(os, "statvfs", lambda _: self.state, raising=False)
        monkeypatch.setattr(os, "pathconf", lambda _, name: self.limits[name], raising=False)
        monkeypatch.setattr(os, "access", self.access)
        self.may_write = True

    def access(self, *_: object, **__: object) -> bool:
        """Tell whether everything is allowed."""
        return self.may_write


@pytest.fixture
def file_system(monkeypatch: pytest.MonkeyPatch) -> FileSystem:
    """Return the state of the file system that every path is on."""
    return FileSystem(monkeypatch)


@posix
@pytest.mark.parametrize("with_pip", [False, True], ids=["", "pip"])
@pytest.mark.parametrize(
    "state",
    [
        pytest.param({}, id="empty"),
        pytest.param({"f_blocks": 0, "f_bfree": 0}, id="no-size"),
        pytest.param({"f_files": 0, "f_ffree": 0}, id="no-number-of-files"),
    ],
)
def test_enough_room(
    file_system: FileSystem, tmp_path: Path, state: dict[str, int], with_pip: bool
) -> None:
    """A file system with room, or one that does not tell, will do."""
    vars(file_system.state).update(state)

    _layout.check_room(str(tmp_path / "a" / "b"), with_pip=with_pip)


@posix
@pytest.mark.parametrize(
    ("state", "number", "message"),
    [
        pytest.param({"f_flag": 1}, errno.EROFS, "Read-only", id="read-only"),
        pytest.param({"f_bfree": 1}, errno.ENOSPC, "KiB are needed", id="full"),
        pytest.param({"f_ffree": 1}, errno.ENOSPC, "files are needed", id="no-more-files"),
    ],
)
def test_no_room(
    file_system: FileSystem, tmp_path: Path, state: dict[str, int], number: int, message: str
) -> None:
    """A file system that won't take an environment is known before the first write."""
    vars(file_system.state).update(state)

    with pytest.raises(OSError, match=message) as caught:
        _layout.check_room(str(tmp_path / "env"), with_pip=False)
    assert (caught.value.errno, caught.value.filename) == (number, str(tmp_path))


@posix
def test_pip_needs_more_room(file_system: FileSystem, tmp_path: Path) -> None:
    """With pip more room is needed, unless the environment is there already."""
    file_system.state.f_bfree = 100
    _layout.check_room(str(tmp_path / "env"), with_pip=False)

    with pytest.raises(OSError, match="No space left"):
        _layout.check_room(str(tmp_path / "env"), with_pip=True)
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "pyvenv.cfg").touch()
    _layout.check_room(str(tmp_path / "env"), with_pip=True)


@posix
def test_no_permission(file_system: FileSystem, tmp_path: Path) -> None:
    """A folder that may not be written to is named."""
    file_system.may_write = False

    with pytest.raises(PermissionError) as caught:
        _layout.check_room(str(tmp_path / "a" / "env"), with_pip=False)
    assert caught.value.filename == str(tmp_path)


@posix
@pytest.mark.parametrize(
    ("name", "is_short"),
    [
        pytest.param("x" * 255, True, id="name"),
        pytest.param("x" * 256, False, id="long-name"),
        pytest.param("é" * 128, False, id="long-name-in-bytes"),
        pytest.param("x/" * 1900 + "y", False, id="long-path"),
    ],
)
def test_length(file_system: FileSystem, tmp_path: Path, name: str, is_short: bool) -> None:
    """A name or a path that the file system won't take is known before the first write."""
    file_system.limits["PC_PATH_MAX"] = 1024
    found = True
    try:
        _layout.check_room(str(tmp_path / name), with_pip=False)
    except OSError as error:
        found = error.errno != errno.ENAMETOOLONG

    assert found is is_short


@posix
def test_length_is_not_told(
    file_system: FileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system that tells no limits is believed to have none."""
    file_system.limits.clear()

    def pathconf(*_: object) -> int:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "pathconf", pathconf)

    _layout.check_room(str(tmp_path / ("x" * 256)), with_pip=False)


def test_file_among_the_parents(tmp_path: Path) -> None:
    """A file where a folder should be is named."""
    (tmp_path / "file").touch()

    with pytest.raises(NotADirectoryError) as caught:
        _layout.check_room(str(tmp_path / "file" / "env"), with_pip=False)
    assert caught.value.filename == str(tmp_path / "file")


def test_room_for_no_folder(tmp_path: Path) -> None:
    """A file in the folder's own place is not a matter of room."""
    (tmp_path / "file").touch()

    _layout.check_room(str(tmp_path / "file"), with_pip=False)


def test_room_on_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system can't be asked, there is room."""
    for name in ("statvfs", "pathconf"):
        monkeypatch.delattr(os, name, raising=False)

    _layout.check_room(str(tmp_path / ("x" * 256)), with_pip=True)


# Whether it may be cleared


@pytest.mark.parametrize(
    "names",
    [
        pytest.param([], id="empty"),
        pytest.param(["pyvenv.cfg", "more"], id="environment"),
        pytest.param([f"x{_files.TEMPORARY}"], id="leftovers"),
    ],
)
def test_clearable(tmp_path: Path, names: list[str]) -> None:
    """An environment, or what holds nothing, is cleared without being asked twice."""
    for name in names:
        (tmp_path / name).touch()

    _layout.check_is_environment(str(tmp_path))


def test_clearable_if_missing(tmp_path: Path) -> None:
    """What isn't there need not be an environment."""
    _layout.check_is_environment(str(tmp_path / "missing"))


def test_not_an_environment(tmp_path: Path) -> None:
    """A folder that holds something but isn't an environment is refused by name."""
    (tmp_path / "thesis.txt").touch()

    with pytest.raises(ValueError, match="--force") as caught:
        _layout.check_is_environment(str(tmp_path))
    assert str(tmp_path) in str(caught.value)


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

    assert list(vars(context).items()) == [
        ("env_dir", "/some/env"),
        ("env_name", "env"),
        ("prompt", "env"),
        ("executable", "/base/python"),
        ("python_dir", "/base"),
        ("python_exe", "python"),
        ("inc_path", "/some/env/include"),
        ("lib_path", "/some/env/a purelib"),
        ("platlib_path", "/some/env/a platlib"),
        ("bin_path", "/some/env/a scripts"),
        ("bin_name", "a scripts"),
        ("env_exe", "/some/env/a scripts/python"),
    ]
    assert list(vars(context)) == CONTEXT[: len(vars(context))]


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
    """A file in place of a folder's parent is an error of the operating system."""
    folders.env.mkdir()
    (folders.env / "lib").touch()

    with pytest.raises(OSError, match="lib"):
        folders.make()
