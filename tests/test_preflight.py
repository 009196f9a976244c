"""What is refused before anything is written."""

from __future__ import annotations

import errno
import os
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import newvenv
from newvenv import _preflight

posix = pytest.mark.skipif(os.name == "nt", reason="these are paths of POSIX")


def listing(directory: Path) -> list[str]:
    """Return all paths below *directory*, relative to it."""
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*"))


# The path of the environment


@pytest.mark.parametrize(
    ("env_dir", "path"),
    [
        pytest.param("env", "env", id="relative"),
        pytest.param("env/", "env", id="slash"),
        pytest.param("./a/../env", "env", id="roundabout"),
        pytest.param(Path("a", "env"), "a/env", id="path-like"),
        pytest.param(" env ", " env ", id="blanks", marks=posix),
        pytest.param(".", "", id="dot"),
    ],
)
def test_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env_dir: Any, path: str) -> None:
    """A directory's name is taken relative to the current directory, without detours."""
    monkeypatch.chdir(tmp_path)

    assert _preflight.target(env_dir) == str(tmp_path / path)


@posix
def test_target_of_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links on the way to the directory are not resolved."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)

    assert _preflight.target("link/env") == str(tmp_path / "link" / "env")


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
    """What cannot name a directory is refused with the error type of the standard library."""
    with pytest.raises(error, match=message):
        _preflight.target(env_dir)


# What is refused before anything is written


@pytest.mark.parametrize(
    "name", [pytest.param("new", id="missing"), pytest.param("directory", id="directory")]
)
@pytest.mark.parametrize("clear", [False, True], ids=["", "clear"])
def test_possible_directory(tmp_path: Path, name: str, clear: bool) -> None:
    """A directory that is there, or none, will do."""
    (tmp_path / "directory").mkdir()

    _preflight.check(str(tmp_path / name), clear=clear)


@posix
def test_link_among_the_parents(tmp_path: Path) -> None:
    """A link on the way to the directory will do."""
    (tmp_path / "real" / "env").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")

    _preflight.check(str(tmp_path / "link" / "env"), clear=True)


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
def test_impossible_directory(
    tmp_path: Path, name: str, clear: bool, error: type[Exception], message: str
) -> None:
    """What is in the directory's place is refused, by name, and stays."""
    (tmp_path / "file").touch()
    (tmp_path / "real").mkdir()
    if name in ("link", "dangling"):
        (tmp_path / "link").symlink_to("real", target_is_directory=True)
        (tmp_path / "dangling").symlink_to("nowhere")
    before = listing(tmp_path)

    with pytest.raises(error, match=message) as caught:
        _preflight.check(str(tmp_path / name), clear=clear)
    assert str(tmp_path / name) in str(caught.value).replace("\\\\", "\\")
    assert listing(tmp_path) == before


def lay(directory: Path, names: list[str]) -> None:
    """Make files in *directory*, and directories for names that end in a slash."""
    for name in names:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            (directory / name).mkdir(exist_ok=True)
        else:
            (directory / name).touch()


class Fixed:
    """Paths that the protected directories are found by, all in a directory of the test's own."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        for name in ("home/me", "home/you", "python/lib", "here/below", "house/newvenv", "other"):
            (root / name).mkdir(parents=True)
        monkeypatch.setenv("HOME", str(root / "home" / "me"))
        monkeypatch.setenv("USERPROFILE", str(root / "home" / "me"))
        monkeypatch.setattr(sys, "base_prefix", str(root / "python"))
        monkeypatch.setattr(sys, "base_exec_prefix", str(root / "python"))
        monkeypatch.setattr(
            _preflight, "__file__", str(root / "house" / "newvenv" / "_preflight.py")
        )
        you = types.SimpleNamespace(pw_dir=str(root / "home" / "you"))
        nobody = types.SimpleNamespace(pw_dir="")
        pwd: Any = types.ModuleType("pwd")
        pwd.getpwall = lambda: [you, nobody]
        monkeypatch.setitem(sys.modules, "pwd", pwd)
        monkeypatch.chdir(root / "here" / "below")


@pytest.fixture
def fixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fixed:
    """Return paths of protected directories that are no real ones."""
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
def test_protected(fixed: Fixed, name: str, reason: str) -> None:
    """No directory is cleared whose loss nobody can have meant."""
    with pytest.raises(ValueError, match=f"Refusing to clear .*{reason}"):
        _preflight.check(os.path.abspath(fixed.root / name), clear=True)


@pytest.mark.parametrize("name", ["other", "here/below", "python/lib"])
def test_directories_to_clear(fixed: Fixed, name: str) -> None:
    """Other directories are cleared: the current one, too, and those in an installation."""
    _preflight.check(str(fixed.root / name), clear=True)


def test_protected_stays_without_clear(fixed: Fixed) -> None:
    """A home directory may become an environment if nothing is cleared for it."""
    _preflight.check(str(fixed.root / "home" / "me"))


def test_home_without_a_list_of_users(fixed: Fixed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no list of users is to be had, the user's own home is known."""
    monkeypatch.setitem(sys.modules, "pwd", None)

    _preflight.check(str(fixed.root / "home" / "you"), clear=True)
    with pytest.raises(ValueError, match="a home directory"):
        _preflight.check(str(fixed.root / "home" / "me"), clear=True)


@posix
def test_protected_through_a_link(fixed: Fixed) -> None:
    """A protected directory is known under any of its paths."""
    (fixed.root / "way").symlink_to("home")

    with pytest.raises(ValueError, match="a home directory"):
        _preflight.check(str(fixed.root / "way" / "me"), clear=True)


@posix
def test_protected_current_directory_is_gone(fixed: Fixed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the current directory has been deleted only the others are protected."""

    def getcwd() -> str:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")

    monkeypatch.setattr(os, "getcwd", getcwd)

    _preflight.check(str(fixed.root / "here"), clear=True)


# Whether there is room


class FileSystem:
    """What the operating system says of a file system that has room for everything."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state = types.SimpleNamespace(
            f_flag=0, f_blocks=1 << 20, f_bfree=1 << 20, f_frsize=4096, f_files=9999, f_ffree=9999
        )
        self.state.f_namemax = 255
        self.limits = {"PC_PATH_MAX": 4096}
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

    _preflight.check_space(str(tmp_path / "a" / "b"), with_pip=with_pip)


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
        _preflight.check_space(str(tmp_path / "env"), with_pip=False)
    assert (caught.value.errno, caught.value.filename) == (number, str(tmp_path / "env"))


@posix
def test_pip_needs_more_room(file_system: FileSystem, tmp_path: Path) -> None:
    """With pip more room is needed, unless the environment is there already."""
    file_system.state.f_bfree = 100
    _preflight.check_space(str(tmp_path / "env"), with_pip=False)

    with pytest.raises(OSError, match="No space left"):
        _preflight.check_space(str(tmp_path / "env"), with_pip=True)
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "pyvenv.cfg").touch()
    _preflight.check_space(str(tmp_path / "env"), with_pip=True)


@posix
def test_no_permission(file_system: FileSystem, tmp_path: Path) -> None:
    """A directory that may not be written to is named."""
    file_system.may_write = False

    with pytest.raises(PermissionError) as caught:
        _preflight.check_space(str(tmp_path / "a" / "env"), with_pip=False)
    assert caught.value.filename == str(tmp_path / "a" / "env")
    assert repr(str(tmp_path)) in str(caught.value)


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
        _preflight.check_space(str(tmp_path / name), with_pip=False)
    except OSError as error:
        found = error.errno != errno.ENAMETOOLONG

    assert found is is_short


@posix
def test_length_is_not_told(
    file_system: FileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system that tells no limits is believed to have none."""
    file_system.state.f_namemax = 0

    def pathconf(*_: object) -> int:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "pathconf", pathconf)

    _preflight.check_space(str(tmp_path / ("x" * 256)), with_pip=False)


def test_file_among_the_parents(tmp_path: Path) -> None:
    """A file where a directory should be is named."""
    (tmp_path / "file").touch()

    with pytest.raises(NotADirectoryError) as caught:
        _preflight.check_space(str(tmp_path / "file" / "env"), with_pip=False)
    assert caught.value.filename == str(tmp_path / "file")


def test_room_for_no_directory(tmp_path: Path) -> None:
    """A file in the directory's own place is not a matter of room."""
    (tmp_path / "file").touch()

    _preflight.check_space(str(tmp_path / "file"), with_pip=False)


def test_drive_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not even the root exists, as that of a drive on Windows, nobody waits for one."""

    def fail(path: str, *_: object) -> None:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)

    monkeypatch.setattr(os, "lstat", fail)
    monkeypatch.setattr(os, "mkdir", fail)
    with pytest.raises(FileNotFoundError) as caught:
        newvenv.create(os.path.join(os.sep, "none", "env"))
    assert caught.value.filename == os.path.abspath(os.sep)


def test_room_on_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system can't be asked, there is room."""
    for name in ("statvfs", "pathconf"):
        monkeypatch.delattr(os, name, raising=False)

    _preflight.check_space(str(tmp_path / ("x" * 256)), with_pip=True)


@pytest.mark.parametrize("name", ["lstat", "access"])
def test_made_again_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A directory that other runs remove and make again meanwhile is not refused."""
    place = tmp_path / "up"
    place.mkdir()
    called = getattr(os, name)

    def remake(path: Any, *args: Any, **options: Any) -> Any:
        if os.fspath(path) != str(place):
            return called(path, *args, **options)
        monkeypatch.setattr(os, name, called)
        place.rmdir()
        try:
            return called(path, *args, **options)
        finally:
            (tmp_path / "other").mkdir()  # It may take the inode.
            place.mkdir()

    monkeypatch.setattr(os, name, remake)
    _preflight.check_space(str(place / "env"), with_pip=False)
    assert getattr(os, name) is called


# Whether it may be cleared


@posix
def test_cleared_by_a_killed_run(tmp_path: Path) -> None:
    """An environment whose clearing was cut short is still one."""
    lay(tmp_path, [".newvenv/cleared/pyvenv.cfg", "notes"])

    _preflight.check_is_environment(str(tmp_path))


@posix
def test_no_look_at_homes(fixed: Fixed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Homes of others are compared by name before the disk is asked: autofs would mount them."""
    asked: list[str] = []
    samefile = os.path.samefile

    def note(path: str, other: str) -> bool:
        asked.extend([path, other])
        return samefile(path, other)

    monkeypatch.setattr(os.path, "samefile", note)
    _preflight.check(str(fixed.root / "other"), clear=True)

    assert not [path for path in asked if path.endswith("you")]


@pytest.mark.parametrize(
    "names",
    [
        pytest.param([], id="empty"),
        pytest.param(["pyvenv.cfg", "more"], id="environment"),
        pytest.param([".newvenv/", "lib/", "bin/"], id="leftovers"),
    ],
)
def test_clearable(tmp_path: Path, names: list[str]) -> None:
    """An environment, or what holds nothing, is cleared without being asked twice."""
    lay(tmp_path, names)

    _preflight.check_is_environment(str(tmp_path))


def test_clearable_if_missing(tmp_path: Path) -> None:
    """What isn't there need not be an environment."""
    _preflight.check_is_environment(str(tmp_path / "missing"))


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["thesis.txt"], id="file"),
        pytest.param(["bin/tool"], id="tool"),
        pytest.param(["x.newvenv/pyvenv.cfg"], id="directory-of-a-similar-name"),
        pytest.param([".gitignore", "src/"], id="ignore-file"),
        pytest.param(["lib"], id="file-called-lib"),
    ],
)
def test_not_an_environment(tmp_path: Path, names: list[str]) -> None:
    """A directory that holds something but isn't an environment is refused by name."""
    lay(tmp_path, names)

    with pytest.raises(ValueError, match="--force") as caught:
        _preflight.check_is_environment(str(tmp_path))
    assert repr(str(tmp_path)) in str(caught.value)
