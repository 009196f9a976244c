"""The interpreter's files and names on POSIX."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import newvenv
from builders import VERSION
from newvenv import _compat, _posix

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(os.name == "nt", reason="these are files of POSIX")

VERSIONED = f"python{VERSION}"


# Names and paths


@pytest.mark.parametrize(
    ("abiflags", "platlibdir", "paths"),
    [
        pytest.param(
            "",
            "lib",
            [
                "include/python3.X",
                "lib/python3.X/site-packages",
                "lib/python3.X/site-packages",
                "bin",
            ],
            id="usual",
        ),
        pytest.param(
            "t",
            "lib",
            [
                "include/python3.Xt",
                "lib/python3.Xt/site-packages",
                "lib/python3.Xt/site-packages",
                "bin",
            ],
            id="free-threaded",
        ),
        pytest.param(
            "d",
            "lib64",
            [
                "include/python3.Xd",
                "lib/python3.X/site-packages",
                "lib64/python3.X/site-packages",
                "bin",
            ],
            id="debug-lib64",
        ),
    ],
)
def test_paths(
    monkeypatch: pytest.MonkeyPatch, abiflags: str, platlibdir: str, paths: list[str]
) -> None:
    """The folders of an environment follow from the version and the kind of build."""
    monkeypatch.setattr(sys.implementation, "name", "cpython")
    monkeypatch.setattr(sys, "abiflags", abiflags, raising=False)
    monkeypatch.setattr(sys, "platlibdir", platlibdir)
    names = ["include", "purelib", "platlib", "scripts"]

    assert _posix.paths() == {
        name: path.replace("3.X", VERSION) for name, path in zip(names, paths)
    }


def test_paths_of_another_implementation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of another implementation's folders nothing is known here."""
    monkeypatch.setattr(sys.implementation, "name", "other")

    assert _posix.paths() == {}


@pytest.mark.parametrize("name", ["python3", "python3.9", "mypy"])
def test_python_exe(name: str) -> None:
    """The executable keeps the name by which the base was started."""
    assert _posix.python_exe(name) == name


@pytest.mark.parametrize(
    ("path1", "path2", "same"),
    [("/a", "/a", True), ("/a", "/A", False), ("/a", "/a/", False), ("/a/b", "/a/b", True)],
)
def test_same_path(path1: str, path2: str, same: bool) -> None:
    """Paths are the same if they are equal."""
    assert _posix.same_path(path1, path2) is same


def test_env_exec_cmd() -> None:
    """The environment's Python is started by its own path."""
    assert _posix.env_exec_cmd("/env/bin/py") == "/env/bin/py"


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the running Python one that has no names of its own."""
    monkeypatch.setattr(_compat, "PI_NAME", False)
    monkeypatch.setattr(_posix, "_IS_PYPY", False)


@pytest.mark.parametrize(
    ("started_as", "names"),
    [
        pytest.param("python3", ["python", VERSIONED], id="python3"),
        pytest.param("python", ["python3", VERSIONED], id="python"),
        pytest.param(VERSIONED, ["python", "python3"], id="versioned"),
        pytest.param("mypy", ["python", "python3", VERSIONED], id="other"),
        pytest.param("python3.99", ["python", "python3", VERSIONED], id="foreign-version"),
    ],
)
@pytest.mark.usefixtures("plain")
def test_other_names(started_as: str, names: list[str]) -> None:
    """The interpreter is found under each usual name besides its own."""
    assert _posix.other_names("/bin", started_as) == [f"/bin/{name}" for name in names]


@pytest.mark.parametrize(
    ("encoding", "has_name"), [("utf-8", True), ("ascii", False), ("iso8859-1", False)]
)
def test_name_of_one_version(
    monkeypatch: pytest.MonkeyPatch, encoding: str, has_name: bool
) -> None:
    """The one version with an extra name has it where file names can say it."""
    monkeypatch.setattr(_compat, "PI_NAME", True)
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: encoding)

    assert ("/bin/\U0001d70bthon" in _posix.other_names("/bin", "python3")) is has_name


@pytest.mark.parametrize(
    ("name", "outdated"),
    [
        pytest.param("python3.99", True, id="newer"),
        pytest.param("python3.2", True, id="older"),
        pytest.param("python3.99t", True, id="free-threaded"),
        pytest.param(VERSIONED, False, id="own"),
        pytest.param(VERSIONED + "t", False, id="own-free-threaded"),
        pytest.param("python", False, id="unversioned"),
        pytest.param("python3", False, id="major"),
        pytest.param("python3.99-config", False, id="tool"),
        pytest.param("python3.", False, id="no-number"),
        pytest.param("python2.7", False, id="two"),
        pytest.param("pip3.99", False, id="pip"),
    ],
)
def test_outdated_names(name: str, outdated: bool) -> None:
    """Only names of another version's interpreter are outdated."""
    assert (_posix.outdated_names("/bin", [name]) == [f"/bin/{name}"]) is outdated


def test_own_process_is_alive() -> None:
    """The running process is alive."""
    assert _posix.is_alive(os.getpid())


def test_ended_process_is_not_alive() -> None:
    """A process that has ended, and been waited for, is not."""
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()

    assert not _posix.is_alive(process.pid)


def test_foreign_process_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that may not be signalled is alive."""

    def kill(pid: int, signal: int) -> None:
        raise PermissionError(1, f"not {pid}, not {signal}")

    monkeypatch.setattr(os, "kill", kill)

    assert _posix.is_alive(1)


# Locks


@pytest.fixture
def directory(tmp_path: Path) -> str:
    """Return an empty directory."""
    return str(tmp_path)


def test_lock_excludes_others(directory: str) -> None:
    """A directory that is locked can't be locked again, not even by the same process."""
    handle = _posix.lock(directory)
    assert handle is not None

    assert _posix.lock(directory) is None
    _posix.unlock(handle)


def test_lock_can_be_had_again(directory: str) -> None:
    """After unlocking the directory can be locked again."""
    for _ in range(2):
        handle = _posix.lock(directory)
        assert handle is not None
        _posix.unlock(handle)


def test_lock_leaves_nothing(directory: str) -> None:
    """A lock neither adds anything to the directory nor keeps descriptors open."""
    before = os.listdir("/dev/fd")
    handle = _posix.lock(directory)
    assert handle is not None
    assert _posix.lock(directory) is None
    _posix.unlock(handle)

    assert os.listdir(directory) == []
    assert os.listdir("/dev/fd") == before


def test_lock_of_another_process(directory: str) -> None:
    """A lock excludes other processes, and ends with the process that holds it."""
    code = "import sys; from newvenv import _posix; _posix.lock(sys.argv[1]); print(); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        held = _posix.lock(directory)
        process.kill()
    handle = _posix.lock(directory)

    assert held is None
    assert handle is not None
    _posix.unlock(handle)


def test_unlock_despite_a_child(directory: str) -> None:
    """Unlocking gives up the lock even while a duplicate of its descriptor is open."""
    handle = _posix.lock(directory)
    assert handle is not None
    duplicate = os.dup(handle)
    _posix.unlock(handle)
    again = _posix.lock(directory)
    os.close(duplicate)

    assert again is not None
    _posix.unlock(again)


@pytest.mark.parametrize("kind", ["missing", "file", "link"])
def test_lock_of_no_directory(tmp_path: Path, kind: str) -> None:
    """What is no directory can't be locked, and neither can a link to one."""
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path)

    with pytest.raises(OSError, match=kind):
        _posix.lock(str(tmp_path / kind))


def test_no_locks(directory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without locks is an error, and nothing stays open."""

    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, f"not {descriptor}, not {operation}")

    monkeypatch.setattr("fcntl.flock", flock)
    before = os.listdir("/dev/fd")

    with pytest.raises(OSError, match="not"):
        _posix.lock(directory)
    assert os.listdir("/dev/fd") == before


def test_no_locks_in_the_standard_library(directory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python without ``fcntl`` is an error of the same type."""
    monkeypatch.setitem(sys.modules, "fcntl", None)

    with pytest.raises(OSError, match="No locks available"):
        _posix.lock(directory)


# The files


class Place:
    """A base interpreter of a few bytes, and a folder to put it into."""

    def __init__(self, root: Path) -> None:
        self.base = root / "base" / "python3"
        self.bin = root / "env" / "bin"
        for folder in (self.base.parent, self.bin):
            folder.mkdir(parents=True)
        self.base.write_text("interpreter")
        self.base.chmod(0o755)

    def set_up(self, *, symlinks: bool, name: str = "python3") -> None:
        """Put the interpreter there as the hall does."""
        context = types.SimpleNamespace(
            executable=str(self.base),
            bin_path=str(self.bin),
            env_exe=str(self.bin / name),
            python_exe=name,
        )
        builder = newvenv.EnvBuilder(symlinks=symlinks)
        _posix.setup_python(context, symlinks, builder.symlink_or_copy)

    def links(self) -> dict[str, str]:
        """Return what each link says, by name."""
        return {path.name: os.readlink(path) for path in self.bin.iterdir() if path.is_symlink()}

    def copies(self) -> dict[str, str]:
        """Return each plain file's contents and mode, by name."""
        return {
            path.name: f"{path.read_text()} {path.stat().st_mode & 0o7777:o}"
            for path in self.bin.iterdir()
            if not path.is_symlink()
        }


@pytest.fixture
def place(tmp_path: Path, plain: None) -> Place:  # noqa: ARG001 - it sets something up
    """Return a place for a Python that has no names of its own."""
    return Place(tmp_path)


@pytest.fixture(params=[0o022, 0o077, 0o000], ids=["022", "077", "000"])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Set the umask for the time of a test."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


LINKS = {"python": "python3", VERSIONED: "python3"}
COPIES = dict.fromkeys(["python", "python3", VERSIONED], "interpreter 755")


def test_links(place: Place) -> None:
    """The one link leads to the base, the others to the one by its name."""
    place.set_up(symlinks=True)

    assert place.links() == {**LINKS, "python3": str(place.base)}
    assert place.copies() == {}


@pytest.mark.usefixtures("umask")
def test_copies(place: Place) -> None:
    """Copies are for everybody to run, whatever the umask."""
    place.set_up(symlinks=False)

    assert place.copies() == COPIES
    assert place.links() == {}


def test_odd_name(place: Place) -> None:
    """An interpreter of an odd name keeps it, and the usual names lead to it."""
    place.set_up(symlinks=True, name="mypy")

    assert place.links() == {
        "mypy": str(place.base),
        **dict.fromkeys(["python", "python3", VERSIONED], "mypy"),
    }


@pytest.mark.parametrize("before", [False, True], ids=["copies", "links"])
@pytest.mark.parametrize("now", [False, True], ids=["to-copies", "to-links"])
def test_over_an_environment(place: Place, before: bool, now: bool) -> None:
    """Over an environment of either kind the result is that of a new one."""
    place.set_up(symlinks=before)
    place.set_up(symlinks=now)
    again = (place.links(), place.copies())

    assert again == [({}, COPIES), ({**LINKS, "python3": str(place.base)}, {})][now]
    assert place.base.read_text() == "interpreter"


def test_stale_links(place: Place) -> None:
    """Links to another interpreter, and to nothing, are made anew."""
    for name, target in [("python3", "/old/python3"), ("python", "/old/python")]:
        (place.bin / name).symlink_to(target)
    place.set_up(symlinks=True)

    assert place.links() == {**LINKS, "python3": str(place.base)}


def test_copy_does_not_write_through_a_link(place: Place) -> None:
    """A copy takes a link's place and leaves alone what the link leads to."""
    other = place.base.with_name("other")
    other.write_text("other")
    (place.bin / "python3").symlink_to(other)
    place.set_up(symlinks=False)

    assert other.read_text() == "other"
    assert place.copies() == COPIES


def test_names_of_another_version(place: Place) -> None:
    """The interpreter's name of another version goes, and tools' names stay."""
    for name in ("python3.2", "python3.99t", "tool3.2"):
        (place.bin / name).touch()
    place.set_up(symlinks=True)

    assert sorted(os.listdir(place.bin)) == sorted([*COPIES, "tool3.2"])


def test_nothing_left_over(place: Place) -> None:
    """Nothing but the names themselves is left in the folder."""
    place.set_up(symlinks=False)

    assert sorted(os.listdir(place.bin)) == sorted(COPIES)
