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
from newvenv import _compat, _posix
from newvenv._compat import VERSION

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
    """The directories of an environment follow from the version and the kind of build."""
    monkeypatch.setattr(sys.implementation, "name", "cpython")
    monkeypatch.setattr(sys, "abiflags", abiflags, raising=False)
    monkeypatch.setattr(sys, "platlibdir", platlibdir)
    names = ["include", "purelib", "platlib", "scripts"]

    assert _posix.paths() == {
        name: path.replace("3.X", VERSION) for name, path in zip(names, paths)
    }


def test_paths_of_another_implementation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of another implementation's directories nothing is known here."""
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
    assert _posix.other_names("/bin", f"/bin/{started_as}") == [f"/bin/{name}" for name in names]


@pytest.mark.parametrize(
    ("encoding", "has_name"), [("utf-8", True), ("ascii", False), ("iso8859-1", False)]
)
def test_name_of_one_version(
    monkeypatch: pytest.MonkeyPatch, encoding: str, has_name: bool
) -> None:
    """The one version with an extra name has it where file names can say it."""
    monkeypatch.setattr(_compat, "PI_NAME", True)
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: encoding)

    assert ("/bin/\U0001d70bthon" in _posix.other_names("/bin", "/bin/python3")) is has_name


@pytest.mark.parametrize(
    ("name", "foreign"),
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
def test_foreign_names(name: str, foreign: bool) -> None:
    """Only names of another version's interpreter are foreign."""
    assert (_posix.foreign_names("/bin", [name]) == [f"/bin/{name}"]) is foreign


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
    """A base interpreter of a few bytes, and a directory to put it into."""

    def __init__(self, root: Path) -> None:
        self.base = root / "base" / "python3"
        self.bin = root / "env" / "bin"
        for directory in (self.base.parent, self.bin):
            directory.mkdir(parents=True)
        self.base.write_text("interpreter")
        self.base.chmod(0o755)

    def context(
        self, name: str | None = None, executable: Path | None = None
    ) -> types.SimpleNamespace:
        """Return a context with nothing but what the standard library needs."""
        executable = executable or self.base
        return types.SimpleNamespace(
            executable=str(executable),
            bin_path=str(self.bin),
            env_exe=str(self.bin / (name or executable.name)),
        )

    def set_up(
        self, *, symlinks: bool, name: str | None = None, executable: Path | None = None
    ) -> None:
        """Put the interpreter there as the builder does."""
        builder = newvenv.EnvBuilder(symlinks=symlinks)
        context = self.context(name, executable)
        _posix.setup_python(context, symlinks, builder.symlink_or_copy)

    def make_packages(self, version: str) -> None:
        """Make the directory that an environment of *version* has for its packages."""
        lib = self.bin.parent / "lib" / f"python{version}" / "site-packages"
        lib.mkdir(parents=True)

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


# Names that are not the usual ones


NAMES = ["python", "python3", VERSIONED, "python3.1", "mypy"]


@pytest.mark.parametrize("name", NAMES)
def test_interpreter_files_of_links(place: Place, name: str) -> None:
    """What links say is known before they are made."""
    wanted = _posix.interpreter_files(place.context(name), symlinks=True)
    place.set_up(symlinks=True, name=name)

    assert [(path, "link", os.readlink(path)) for path, _, _ in wanted] == wanted
    assert {os.path.basename(path) for path, _, _ in wanted} == {*COPIES, name}


@pytest.mark.parametrize("name", NAMES)
def test_interpreter_files_of_copies(place: Place, name: str) -> None:
    """What is copied is known before it is, and from where."""
    env_exe = str(place.bin / name)
    others = [(path, "copy", env_exe) for path in _posix.other_names(str(place.bin), env_exe)]

    assert _posix.interpreter_files(place.context(name), symlinks=False) == [
        (env_exe, "copy", str(place.base)),
        *others,
    ]


@pytest.mark.parametrize("symlinks", [False, True], ids=["copies", "links"])
@pytest.mark.parametrize("executable", ["python3.1", "python3.99", "mypy"])
@pytest.mark.parametrize("name", NAMES)
def test_every_name_works(place: Place, symlinks: bool, executable: str, name: str) -> None:
    """Whatever a subclass makes of the names, each usual one leads to the interpreter."""
    original = place.base.with_name(executable)
    place.base.rename(original)
    place.set_up(symlinks=symlinks, name=name, executable=original)
    usual = {"python", "python3", VERSIONED, name}

    assert {path.name: path.read_text() for path in place.bin.iterdir()} == dict.fromkeys(
        usual, "interpreter"
    )


@pytest.mark.parametrize("symlinks", [False, True], ids=["copies", "links"])
def test_executable_elsewhere(place: Place, symlinks: bool) -> None:
    """Where a subclass has the executable in another directory, the usual names lead there."""
    (place.bin.parent / "other").mkdir()
    place.set_up(symlinks=symlinks, name="../other/python")
    names = ["python", "python3", VERSIONED]

    assert [(place.bin / name).read_text() for name in names] == ["interpreter"] * 3


@pytest.mark.parametrize("started_as", ["python", "python3", VERSIONED])
@pytest.mark.parametrize("before", [False, True], ids=["copies", "links"])
@pytest.mark.parametrize("now", [False, True], ids=["to-copies", "to-links"])
def test_over_the_running_environment(
    place: Place, started_as: str, before: bool, now: bool
) -> None:
    """An environment made again by its own interpreter keeps working, under each name."""
    place.set_up(symlinks=before)
    place.set_up(symlinks=now, executable=place.bin / started_as)

    assert {path.name: path.read_text() for path in place.bin.iterdir()} == dict.fromkeys(
        COPIES, "interpreter"
    )


def test_running_environment_by_another_path(place: Place, tmp_path: Path) -> None:
    """The environment's own interpreter is recognized if its path has another spelling."""
    (tmp_path / "other").symlink_to(place.bin)
    place.set_up(symlinks=True)
    place.set_up(symlinks=True, executable=tmp_path / "other" / "python")

    assert {path.name: path.read_text() for path in place.bin.iterdir()} == dict.fromkeys(
        COPIES, "interpreter"
    )


def test_name_in_two_cases(place: Place) -> None:
    """Where two names are one file, no link to itself is made of it."""
    place.set_up(symlinks=True, name="Python")
    (place.bin / "python").unlink()
    os.link(place.bin / "Python", place.bin / "python", follow_symlinks=False)
    place.set_up(symlinks=True, name="Python")

    assert (place.bin / "Python").samefile(place.base)
    assert place.links()["python"] == str(place.base)


# Names of another version


def _names(place: Place) -> list[str]:
    return sorted(path.name for path in place.bin.iterdir())


@pytest.mark.parametrize("now", [False, True], ids=["to-copies", "to-links"])
@pytest.mark.parametrize("before", [False, True], ids=["copies", "links"])
@pytest.mark.parametrize("main", ["python", "python3", "python3.2"])
def test_environment_of_another_version(
    place: Place, monkeypatch: pytest.MonkeyPatch, main: str, before: bool, now: bool
) -> None:
    """Of the names that an environment of another version had, those that tell it go."""
    with monkeypatch.context() as patch:
        patch.setattr(_posix, "_VERSIONED", "python3.2")
        place.set_up(symlinks=before, name=main)
    place.make_packages("3.2")
    (place.bin / "tool3.2").touch()
    place.set_up(symlinks=now)

    assert _names(place) == sorted([*COPIES, "tool3.2"])


def test_half_upgraded_environment(place: Place) -> None:
    """A name that ``venv --upgrade`` has left, and would start this version, goes."""
    place.set_up(symlinks=True)
    (place.bin / "python3.2").symlink_to("python")
    place.make_packages("3.2")
    place.set_up(symlinks=True)

    assert _names(place) == sorted(COPIES)


def test_no_environment(place: Place) -> None:
    """In a directory that is no environment nothing is removed."""
    place.set_up(symlinks=True)
    (place.bin / "python3.2").symlink_to("python3")
    place.set_up(symlinks=True)

    assert _names(place) == sorted([*COPIES, "python3.2"])


def test_installation(place: Place) -> None:
    """A whole Python installation of another version keeps its interpreter."""
    place.make_packages("3.2")
    (place.bin.parent / "lib" / "python3.2" / "os.py").touch()
    (place.bin / "python3.2").write_text("interpreter of 3.2")
    for name in ("python3", "python"):
        (place.bin / name).symlink_to("python3.2")
    place.set_up(symlinks=True)

    assert (place.bin / "python3.2").read_text() == "interpreter of 3.2"


def test_script_of_the_user(place: Place) -> None:
    """A program of the user's that is called like another version stays."""
    place.make_packages("3.2")
    place.set_up(symlinks=True)
    (place.bin / "python3.2").write_text("#!/bin/sh")
    place.set_up(symlinks=True)

    assert (place.bin / "python3.2").read_text() == "#!/bin/sh"


def test_link_of_the_user(place: Place) -> None:
    """A link to an interpreter of another version, as installers make it, stays."""
    place.make_packages("3.2")
    place.set_up(symlinks=True)
    (place.bin / "python3.2").symlink_to("/somewhere/python3.2")
    place.set_up(symlinks=True)

    assert place.links()["python3.2"] == "/somewhere/python3.2"


def test_name_that_is_needed(place: Place) -> None:
    """A name of another version stays if the interpreter that was just made leads to it."""
    place.make_packages("3.2")
    (place.bin / "python3.2").write_text("wrapper")
    for name in ("python", "python3"):
        (place.bin / name).write_text("wrapper")
    place.set_up(symlinks=True, name="python3", executable=place.bin / "python3.2")

    assert (place.bin / "python").read_text() == "wrapper"
    assert _names(place) == sorted([*COPIES, "python3.2"])


def test_failing_upgrade(place: Place) -> None:
    """A name of another version is back if the environment could not be made."""
    place.make_packages("3.2")
    (place.bin / "python3").symlink_to(place.base)
    (place.bin / "python3.2").symlink_to("python3")

    class Failing(newvenv.EnvBuilder):
        """Fails after the interpreter has been put in place."""

        def post_setup(self, context: types.SimpleNamespace) -> None:
            """Fail, once the name has gone."""
            assert "python3.2" not in os.listdir(context.bin_path)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Failing(symlinks=True).create(place.bin.parent)

    assert place.links() == {"python3": str(place.base), "python3.2": "python3"}


# Modes


@pytest.fixture
def fixed_modes(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Return a place on a file system that has one mode for all files."""

    def chmod(path: str, mode: int) -> None:
        raise PermissionError(1, f"not {mode:o}", path)

    monkeypatch.setattr(os, "chmod", chmod)
    return place


def test_modes_that_can_not_be_changed(fixed_modes: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where modes can't be changed, a file that can be run already will do."""
    monkeypatch.setattr(os, "access", lambda _path, _mode: True)
    fixed_modes.set_up(symlinks=False)

    assert sorted(os.listdir(fixed_modes.bin)) == sorted(COPIES)


def test_file_systems_without_programs(fixed_modes: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where modes can't be changed, a file that can't be run is an error."""
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)

    with pytest.raises(PermissionError, match="not 755"):
        fixed_modes.set_up(symlinks=False)


def test_nothing_left_over(place: Place) -> None:
    """Nothing but the names themselves is left in the directory."""
    place.set_up(symlinks=False)

    assert sorted(os.listdir(place.bin)) == sorted(COPIES)
