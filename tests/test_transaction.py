"""Changing a directory completely or not at all."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import environments
import newvenv
from builders import HOOKS
from newvenv import _files, _kept, _lock, _packages, _platform, _preflight, _transaction
from trees import tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Run

pytestmark = pytest.mark.skipif(os.name == "nt", reason="looks at modes, links and bin")


class Failure(Exception):
    """What a hook raises in these tests."""


def failing(hook: str, error: BaseException, **options: Any) -> newvenv.EnvBuilder:
    """Return a builder that raises *error* after its *hook* has done its work."""

    def fail(self: newvenv.EnvBuilder, *args: Any) -> None:
        getattr(newvenv.EnvBuilder, hook)(self, *args)
        raise error

    builder = type("Failing", (newvenv.EnvBuilder,), {hook: fail})
    made: newvenv.EnvBuilder = builder(symlinks=True, scm_ignore_files={"git"}, **options)
    return made


@pytest.fixture
def occupied(tmp_path: Path) -> Path:
    """Return an environment with things of its user's in it."""
    return occupy(tmp_path / "env")


def occupy(target: Path) -> Path:
    """Make an environment of other settings in *target*, with modes of its own, and return it."""
    environments.occupied(target)
    (target / "bin" / "tool").write_text("#!/bin/sh")
    (target / "bin" / "tool").chmod(0o750)
    (target / "pyvenv.cfg").chmod(0o600)
    return target


def inodes(root: Path) -> dict[str, int]:
    """Return the inode of each path below *root*."""
    return {path.relative_to(root).as_posix(): path.lstat().st_ino for path in root.rglob("*")}


PLAIN_HOOKS = ["ensure_directories", *(hook for hook in HOOKS if "pip" not in hook)]
PLAIN_HOOKS.remove("upgrade_dependencies")


# Rolling back.


@pytest.mark.parametrize("error", [Failure, KeyboardInterrupt, OSError, SystemExit])
@pytest.mark.parametrize("hook", PLAIN_HOOKS)
def test_missing_target(tmp_path: Path, hook: str, error: type[BaseException]) -> None:
    """A target that was not there is not there, nor are its parents; the error is the hook's."""
    raised = error("from the hook")
    with pytest.raises(error) as caught:
        failing(hook, raised).create(tmp_path / "up" / "env")
    assert caught.value is raised
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("hook", PLAIN_HOOKS)
def test_empty_target(tmp_path: Path, hook: str) -> None:
    """A directory that was empty is the same empty directory, of the same mode."""
    target = tmp_path / "env"
    target.mkdir(mode=0o711)
    inode = target.stat().st_ino
    with pytest.raises(Failure):
        failing(hook, Failure()).create(target)
    assert os.listdir(target) == []
    assert (target.stat().st_ino, stat.S_IMODE(target.stat().st_mode)) == (inode, 0o711)


@pytest.mark.parametrize("clear", [False, True], ids=["create", "clear"])
@pytest.mark.parametrize("hook", PLAIN_HOOKS)
def test_occupied_target(occupied: Path, hook: str, clear: bool) -> None:
    """A directory that held something holds the very same files."""
    before, numbers = tree(occupied), inodes(occupied)
    with pytest.raises(Failure):
        failing(hook, Failure(), clear=clear).create(occupied)
    assert tree(occupied) == before
    assert inodes(occupied) == numbers


def test_target_that_a_hook_makes(tmp_path: Path) -> None:
    """A subclass may insist on making the directory itself, and it goes when that fails."""

    class Builder(newvenv.EnvBuilder):
        def ensure_directories(self, env_dir: Any) -> Any:
            os.makedirs(env_dir)
            return super().ensure_directories(env_dir)

        def post_setup(self, context: Any) -> None:
            Path(context.env_dir, "own").touch()
            raise Failure

    with pytest.raises(Failure):
        Builder(symlinks=True).create(tmp_path / "up" / "env")
    assert os.listdir(tmp_path) == []


def test_what_is_written_meanwhile_stays(occupied: Path) -> None:
    """What others do in the directory while a run is at work is not rolled back."""

    class Builder(newvenv.EnvBuilder):
        def post_setup(self, _: Any) -> None:
            (occupied / "notes" / "text").write_text("new")
            (occupied / "notes.md").touch()
            for name in ("bin", "lib", "share"):
                (occupied / name).mkdir(exist_ok=True)
                (occupied / name / "new").touch()
            raise Failure

    with pytest.raises(Failure):
        Builder(symlinks=True, upgrade_deps=True).create(occupied)
    assert (occupied / "notes" / "text").read_text() == "new"
    for name in ("notes.md", "bin/new", "lib/new", "share/new"):
        assert (occupied / name).exists()


#: Runs as an ordinary user, with all modules loaded before: Python may lie in root's home.
_AS_NOBODY = """
import os, sys, tempfile
import logging, shutil, newvenv
with tempfile.TemporaryDirectory() as warm:
    newvenv.create(warm)
    newvenv.create(warm, prompt="x", clear=True)
os.setgid(65534)
os.setuid(65534)
target, *options = sys.argv[1:]
newvenv.EnvBuilder(symlinks=True, **dict.fromkeys(options, True)).create(target)
"""

needs_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs another user"
)


@pytest.fixture
def public() -> Iterator[Path]:
    """Return a directory that every user may enter.

    It is none of pytest's, which closes the one above all of its own to other users
    whenever another suite begins.
    """
    with tempfile.TemporaryDirectory() as directory:
        public = Path(directory).resolve()
        for path in (public, *list(public.parents)[:-1]):
            if not path.stat().st_mode & 0o001:
                path.chmod(path.stat().st_mode | 0o011)
        yield public


@needs_root
@pytest.mark.parametrize("options", [[], ["clear"]], ids=["create", "clear"])
@pytest.mark.parametrize("name", ["fresh", "env"])
def test_umask_that_forbids_all(public: Path, run: Run, name: str, options: list[str]) -> None:
    """A umask that lets nobody into new directories makes a run fail, and leave no trace."""
    for path in [public, occupy(public / "env"), *public.rglob("*")]:
        os.lchown(path, 65534, 65534)
    before = tree(public)
    code = f"{_AS_NOBODY.partition('target, *')[0]}os.umask(0o777)\n"
    code += f"target, *{_AS_NOBODY.partition('target, *')[2]}"
    result = run(sys.executable, "-c", code, public / name, *options)
    assert "Permission denied" in result.stderr
    assert "Could not" not in result.stderr
    assert tree(public) == before


@needs_root
def test_files_of_others_are_not_touched(public: Path, run: Run) -> None:
    """A file that this user may not even read is no reason to fail."""
    target = public / "env"
    target.mkdir()
    (target / "secret").touch(mode=0o600)
    os.chown(target, 65534, 65534)
    result = run(sys.executable, "-c", _AS_NOBODY, target)
    assert result.stderr == ""
    assert (target / "pyvenv.cfg").exists()


def test_hundred_files_are_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A target's other contents are not even listed."""
    (tmp_path / "notes").mkdir()
    listed: list[Any] = []
    listdir = os.listdir

    def note(path: Any = ".") -> list[str]:
        listed.append(path)
        return listdir(path)

    monkeypatch.setattr(os, "listdir", note)
    newvenv.create(tmp_path, symlinks=True)
    assert str(tmp_path) not in listed


def test_same_again_writes_nothing(tmp_path: Path) -> None:
    """A run that finds everything as it should be leaves all as it is."""
    newvenv.create(tmp_path / "env", symlinks=True)
    before = {path: path.lstat() for path in (tmp_path / "env").rglob("*")}
    newvenv.create(tmp_path / "env", symlinks=True)
    after = {path: path.lstat() for path in (tmp_path / "env").rglob("*")}
    assert {path: state.st_ctime_ns for path, state in before.items()} == {
        path: state.st_ctime_ns for path, state in after.items()
    }


def test_gitignore_of_the_user(tmp_path: Path) -> None:
    """An ignore file of the user's own is never replaced; one of venv's is kept up to date."""
    newvenv.create(tmp_path, symlinks=True, scm_ignore_files={"git"})
    standard = (tmp_path / ".gitignore").read_bytes()
    (tmp_path / ".gitignore").write_bytes(b"# Created by venv\n")
    newvenv.create(tmp_path, symlinks=True, scm_ignore_files={"git"})
    assert (tmp_path / ".gitignore").read_bytes() == standard
    (tmp_path / ".gitignore").write_bytes(b"*.pyc\n")
    newvenv.create(tmp_path, symlinks=True, scm_ignore_files={"git"})
    assert (tmp_path / ".gitignore").read_bytes() == b"*.pyc\n"


# What pip replaces.


def _lay_packages(site: Path) -> None:
    for name in ("pip/__init__.py", "pip-1.dist-info/METADATA", "mine/file", "~other"):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text("before")
    record = 'pip/__init__.py,,\n"../../../bin/pip,tool",,\n'
    (site / "pip-1.dist-info" / "RECORD").write_text(record)


_PIP = """
import os, shutil, sysconfig
os.chdir(sysconfig.get_path("purelib"))
shutil.rmtree("pip-1.dist-info")
os.rename("pip", "~ip")
os.mkdir("pip")
open("pip/new", "w").close()
os.mkdir("pip-2.dist-info")
os.mkdir("theirs")
open("../../../bin/pip,tool", "w").close()
open("../../../bin/pip3", "w").close()
"""


def test_packages_that_pip_replaces(tmp_path: Path) -> None:
    """What a child process does to pip's packages is rolled back; other packages stay."""
    target = tmp_path / "env"
    context = newvenv.create(target, symlinks=True)
    site = Path(context.lib_path)
    _lay_packages(site)
    (target / "bin" / "pip,tool").write_text("before")
    before = tree(target)

    class Builder(newvenv.EnvBuilder):
        def post_setup(self, context: Any) -> None:
            self._call_new_python(context, "-c", _PIP)
            raise Failure

    with pytest.raises(Failure):
        Builder(symlinks=True).create(target)
    assert (site / "theirs").exists()
    (site / "theirs").rmdir()
    assert tree(target) == before


def test_context_without_packages(tmp_path: Path) -> None:
    """A context of others need not say where packages are."""
    context: Any = type("Context", (), {"env_dir": str(tmp_path), "bin_path": str(tmp_path)})
    _packages.guard(context, ["pip"])
    assert os.listdir(tmp_path) == []


# Clearing.


def test_clear(occupied: Path) -> None:
    """A clear leaves the directory itself, and what a fresh environment has."""
    inode = occupied.stat().st_ino
    newvenv.create(occupied, clear=True, symlinks=True)
    fresh = occupied.parent / "fresh"
    newvenv.create(fresh, symlinks=True)
    assert tree(occupied).keys() == tree(fresh).keys()
    assert occupied.stat().st_ino == inode


def test_clear_follows_no_link(tmp_path: Path, occupied: Path) -> None:
    """What a link in a cleared directory leads to stays."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (occupied / "link").symlink_to(tmp_path / "precious")
    newvenv.create(occupied, clear=True, symlinks=True)
    assert (tmp_path / "precious" / "file").exists()
    assert not (occupied / "link").exists()


def test_clear_without_a_run(occupied: Path) -> None:
    """Called alone, ``clear_directory`` empties a directory and leaves nothing aside."""
    newvenv.EnvBuilder().clear_directory(str(occupied))
    assert os.listdir(occupied) == []


def test_clear_twice(occupied: Path) -> None:
    """A hook that clears once more clears what the hooks before it have made."""

    class Builder(newvenv.EnvBuilder):
        def setup_scripts(self, context: Any) -> None:
            self.clear_directory(context.env_dir)
            assert [name for name in os.listdir(context.env_dir) if name != ".newvenv"] == []
            Path(context.env_dir, "notes").touch()
            raise Failure

    before = tree(occupied)
    with pytest.raises(Failure):
        Builder(symlinks=True, clear=True).create(occupied)
    assert tree(occupied) == before


def test_deep_tree(tmp_path: Path) -> None:
    """Directories nested deeper than a path may be long are cleared, too."""
    target = tmp_path / "env"
    newvenv.create(target, symlinks=True)
    descriptor = os.open(target, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("deeper", dir_fd=descriptor)
        below = os.open("deeper", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)
    newvenv.create(target, symlinks=True, clear=True)
    assert not (target / "deeper").exists()
    assert not (target / ".newvenv").exists()


def test_directory_swapped_for_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that is replaced by a link while it is being deleted is not followed."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (tmp_path / "doomed" / "inner").mkdir(parents=True)
    scandir = os.scandir

    def swap(path: Any) -> Any:
        with scandir(path) as entries:
            found = list(entries)
        (tmp_path / "doomed" / "inner").rename(tmp_path / "moved")
        (tmp_path / "doomed" / "inner").symlink_to(tmp_path / "precious")
        return nullcontext(found)

    monkeypatch.setattr(os, "scandir", swap)
    with pytest.raises(OSError, match="inner"):
        _files.delete(str(tmp_path / "doomed"))
    assert (tmp_path / "precious" / "file").exists()


def _can_mount() -> bool:
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "x", "/mnt"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


needs_mount = pytest.mark.skipif(not _can_mount(), reason="needs leave to mount a file system")


@needs_mount
@pytest.mark.parametrize("bind", [False, True], ids=["other", "same-file-system"])
def test_mount_in_a_cleared_directory(occupied: Path, run: Run, bind: bool) -> None:
    """What is mounted anywhere below the target is found before anything is moved."""
    place, data = occupied / "notes" / "a b", occupied.parent / "data"
    place.mkdir()
    data.mkdir()
    (data / "file").touch()
    before = tree(occupied)
    mount = ["mount", "--bind", data, place] if bind else ["mount", "-t", "tmpfs", "x", place]
    command = [sys.executable, "-m", "newvenv", "--without-pip", "--clear", occupied]
    words = " ".join(f"'{word}'" for word in mount)
    script = f'{words} && "$@"; echo $?'
    result = run("unshare", "-rm", "sh", "-c", script, "sh", *command)
    assert result.stdout == "1\n"
    assert result.stderr.count("\n") == 1
    assert str(place) in result.stderr
    assert tree(occupied) == before
    assert (data / "file").exists()


_OVERLAY = """
mount -t tmpfs x "$1" && mkdir "$1/upper" "$1/work" "$1/merged" &&
layers=lowerdir=$2,upperdir=$1/upper,workdir=$1/work,userxattr &&
mount -t overlay x -o "$layers" "$1/merged" || exit 77
target=$1/merged/env; shift 2
"$@" "$target"
echo $? $(cd "$target"; find . -name '*newvenv*' -o -name text)
"""


@needs_mount
@pytest.mark.parametrize(("fail", "found"), [(False, "0"), (True, "1 ./notes/text")])
def test_lower_layer(
    occupied: Path, tmp_path_factory: pytest.TempPathFactory, run: Run, fail: bool, found: str
) -> None:
    """In a lower layer of overlayfs, whose directories can't be renamed, a clear works."""
    code = (
        "import sys, newvenv\n"
        "class Builder(newvenv.EnvBuilder):\n"
        "    def post_setup(self, context):\n"
        f"        if {fail}: sys.exit(1)\n"
        "Builder(symlinks=True, clear=True).create(sys.argv[1])"
    )
    words = [tmp_path_factory.mktemp("disk"), occupied.parent, sys.executable, "-c", code]
    result = run("unshare", "-rm", "sh", "-c", _OVERLAY, "sh", *words)
    if result.returncode == 77:
        pytest.skip("needs leave to mount an overlay")
    assert result.stderr == ""
    assert result.stdout.strip() == found


@needs_root
def test_what_cannot_be_deleted(public: Path, run: Run) -> None:
    """A directory of another user's in a cleared environment costs a warning, no more."""
    occupied = occupy(public / "env")
    (occupied / "notes" / "root").mkdir(mode=0o755)
    (occupied / "notes" / "root" / "file").touch()
    for path in [occupied, *occupied.rglob("*")]:
        if path.name not in ("root", "file"):
            os.lchown(path, 65534, 65534)
    for options in (["clear"], [], ["clear"], ["upgrade"]):
        result = run(sys.executable, "-c", _AS_NOBODY, occupied, *options)
        assert result.returncode == 0, result.stderr
        assert "root/file" in result.stderr
        assert result.stderr.count("\n") == 1


# Signals.


_INTERRUPTED = """
import os, signal, sys, time
import newvenv
from newvenv import _files

delete = _files.delete

def slow(path):
    for _ in range(10):
        os.kill(os.getpid(), getattr(signal, sys.argv[2]))
    delete(path)

class Builder(newvenv.EnvBuilder):
    def post_setup(self, context):
        _files.delete = newvenv._transaction._files.delete = slow
        raise ValueError("planned")

from newvenv import _transaction
newvenv._transaction = _transaction
try:
    Builder(symlinks=True, clear=True).create(sys.argv[1])
except ValueError as error:
    print(error)
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signals_while_rolling_back(occupied: Path, run: Run, name: str) -> None:
    """However often it is interrupted, rolling back comes to its end, and says so once."""
    before = tree(occupied)
    result = run(sys.executable, "-c", _INTERRUPTED, occupied, name)
    assert tree(occupied) == before
    assert result.stderr.startswith(f"Rolling back {occupied}, please wait\n")
    assert result.stderr.count("Rolling back") == 1
    assert result.returncode in (1, -signal.SIGINT, -getattr(signal, name))


def test_rolling_back_that_fails(
    occupied: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What can't be rolled back is told, hides the reason not, and the next run goes on."""

    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied", "there")

    def create_configuration(_: Any) -> None:
        monkeypatch.setattr(os, "rename", refuse)
        raise Failure

    before = tree(occupied)
    builder = newvenv.EnvBuilder(symlinks=True, clear=True)
    monkeypatch.setattr(builder, "create_configuration", create_configuration)
    with pytest.raises(Failure):
        builder.create(occupied)
    assert "Could not roll back" in caplog.text
    monkeypatch.undo()
    with pytest.raises(Failure):
        failing("post_setup", Failure()).create(occupied)
    assert tree(occupied) == before


# What is kept is whole before it stands in for anything.


def _refuse(*_: Any, **__: Any) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("name", ["rename", "mkdir"])
def test_directory_that_cannot_be_moved(
    occupied: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A directory that could not be kept is not deleted when the run is rolled back."""
    before = tree(occupied)

    def remove(_: Any) -> None:
        monkeypatch.setattr(os, name, _refuse)
        _files.remove(str(occupied / "notes"))

    with pytest.raises(OSError, match="No space"):
        _transaction.run(str(occupied), remove)
    monkeypatch.undo()
    recover(occupied)
    assert tree(occupied) == before


def test_directory_that_is_moved_in_part(occupied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory of a lower layer, moved entry by entry, is put together again."""
    (occupied / "notes" / "more").write_text("more")
    before, rename = tree(occupied), os.rename

    def fail(source: str, target: str) -> None:
        if source.endswith("notes"):
            raise OSError(18, "Invalid cross-device link")
        if source.endswith(first):
            rename(source, target)
        raise KeyboardInterrupt

    first = os.listdir(occupied / "notes")[0]

    def remove(_: Any) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(os, "rename", fail)
            _files.remove(str(occupied / "notes"))

    with pytest.raises(KeyboardInterrupt):
        _transaction.run(str(occupied), remove)
    assert tree(occupied) == before


def test_packages_that_cannot_be_copied(occupied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages of which a copy could not be completed are left as they are."""
    site = Path(newvenv.EnvBuilder().ensure_directories(str(occupied)).lib_path)
    _lay_packages(site)
    before = tree(occupied)
    monkeypatch.setattr(os, "link", _refuse)
    monkeypatch.setattr(shutil, "copy2", _refuse)
    builder = newvenv.EnvBuilder(symlinks=True)
    monkeypatch.setattr(
        builder, "post_setup", lambda context: builder._call_new_python(context, "-c", "")
    )
    with pytest.raises(OSError, match="No space"):
        builder.create(occupied)
    assert tree(occupied) == before


def test_packages_kept_in_part_before(occupied: Path) -> None:
    """Packages of which this run has replaced a file are guarded as they were before it."""
    site = Path(newvenv.EnvBuilder().ensure_directories(str(occupied)).lib_path)
    _lay_packages(site)
    before = tree(occupied)

    class Builder(newvenv.EnvBuilder):
        def post_setup(self, context: Any) -> None:
            _files.write(str(site / "pip-1.dist-info" / "METADATA"), b"new")
            self._call_new_python(context, "-c", "")
            raise Failure

    with pytest.raises(Failure):
        Builder(symlinks=True).create(occupied)
    assert tree(occupied) == before


def test_place_for_what_is_kept_is_taken_meanwhile(
    occupied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another run sets aside at the same moment is not deleted with this run's."""
    mkdir = os.mkdir

    def overtaken(path: str, *args: Any, **options: Any) -> None:
        if os.path.basename(path) == ".newvenv":
            monkeypatch.setattr(os, "mkdir", mkdir)
            mkdir(path)
            Path(path, "theirs").touch()
        mkdir(path, *args, **options)

    monkeypatch.setattr(os, "mkdir", overtaken)
    with pytest.raises(FileExistsError):
        newvenv.create(occupied, symlinks=True)
    assert (occupied / ".newvenv" / "theirs").exists()


def test_other_way_after_keeping_failed(occupied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that could not be kept at first is kept when it is replaced by another way."""

    def write(_: Any) -> None:
        with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):  # noqa: PT012
            patch.setattr(os, "rename", _refuse)
            patch.setattr(os, "link", _refuse)
            _files.write(str(occupied / "bin" / "tool"), b"new")
        _files.write(str(occupied / "bin" / "tool"), b"new")
        raise Failure

    before = tree(occupied)
    with pytest.raises(Failure):
        _transaction.run(str(occupied), write)
    assert tree(occupied) == before


def test_forked_child_rolls_nothing_back(tmp_path: Path) -> None:
    """A child that a hook forks, and that leaves by an exception, takes nothing away."""
    parent = os.getpid()

    class Builder(newvenv.EnvBuilder):
        def post_setup(self, context: Any) -> None:
            child = os.fork()
            if not child:
                raise Failure
            os.waitpid(child, 0)
            assert _platform.lock(context.env_dir) is None

    try:
        Builder(symlinks=True).create(tmp_path / "env")
    except Failure:
        os._exit(os.getpid() == parent)
    assert (tmp_path / "env" / "bin" / "python").exists()
    assert (tmp_path / "env" / "pyvenv.cfg").exists()


def test_no_descriptor_for_a_lock(occupied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process without a descriptor to spare fails; it does not go on without a lock."""

    def refuse(path: str) -> int:
        raise OSError(24, "Too many open files", path)

    before = tree(occupied)
    monkeypatch.setattr(_platform, "lock", refuse)
    with pytest.raises(OSError, match="Too many open files"):
        newvenv.create(occupied, symlinks=True, clear=True)
    assert tree(occupied) == before


# What killed runs have left.


def _lay(target: Path, *names: str) -> None:
    for name in names:
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("kept")


def recover(target: Path) -> None:
    """Do what a run does first of all."""
    _transaction.run(str(target), lambda _: None)


#: What a killed run has left aside, and what is in the target after the next one began.
LEFT = {
    "scratch": ([".newvenv/1-2-3", "bin/x"], ["bin/x"]),
    "kept": ([".newvenv/kept/bin/gone", ".newvenv/kept/bin/x", "bin/x"], ["bin/gone", "bin/x"]),
    "replaced": ([".newvenv/replaced/bin/gone", "bin/x"], ["bin/x"]),
    "moving": ([".newvenv/moving/bin/x", "own/x"], ["bin/x", "own/x"]),
    "moving-in-part": ([".newvenv/moving/own/a", "own/b"], ["own/a", "own/b"]),
    "cleared": ([".newvenv/cleared/bin/x", "bin/new", "mine"], ["bin/x", "mine"]),
    "outdated": ([".newvenv/outdated/bin/x", "bin/new"], ["bin/new"]),
    "child": ([".newvenv/outdated/x", ".newvenv1/kept/y", "bin/x"], ["bin/x", "y"]),
}


@pytest.mark.parametrize("left", LEFT)
def test_recover(tmp_path: Path, left: str) -> None:
    """What a killed run kept comes back where it is missing; the rest goes."""
    names, after = LEFT[left]
    _lay(tmp_path, *names)
    recover(tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(path.relative_to(tmp_path).as_posix() for path in files) == after
    assert list(tmp_path.glob(".newvenv*")) == []


#: What pip has done when it was killed: what is there, and what is there after the next run.
PIP_KILLED = {
    "untouched": (["pip/old", "pip-1.dist-info/x"], None),
    "removed": (["~ip/old", "~ip-1.dist-info/x"], ["pip-1.dist-info/x", "pip/old"]),
    "half-new": (["pip/new", "~ip/old"], ["pip-1.dist-info/x", "pip/old"]),
    "new": (["pip/new", "pip-2.dist-info/x"], None),
    "put-right": (["mine/x", "pip/new", "pip-3.dist-info/x"], None),
}


@pytest.mark.parametrize("state", PIP_KILLED)
def test_recover_packages(tmp_path: Path, state: str) -> None:
    """The pip before comes back if what is there now is not whole, and only then."""
    there, after = PIP_KILLED[state]
    site = tmp_path / "lib" / "site-packages"
    copies = tmp_path / ".newvenv" / "kept"
    _lay(site, *there)
    _lay(copies / "lib" / "site-packages", "pip/old", "pip-1.dist-info/x")
    _lay(copies / "bin", "pip")
    recover(tmp_path)
    files = [path for path in site.rglob("*") if path.is_file()]
    assert sorted(path.relative_to(site).as_posix() for path in files) == (after or sorted(there))
    assert sorted(os.listdir(tmp_path)) == ["bin", "lib"]
    assert os.listdir(tmp_path / "bin") == ["pip"]


def test_recover_what_has_been_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What has been made anew since a clear was killed stays, and so does what it replaces."""
    _lay(tmp_path, ".newvenv/cleared/notes", ".newvenv/cleared/more")
    (tmp_path / "notes").write_text("newer")
    recover(tmp_path)
    assert (tmp_path / "notes").read_text() == "newer"
    assert (tmp_path / "more").exists()
    assert (tmp_path / ".newvenv" / "moving" / "notes").read_text() == "kept"
    assert str(tmp_path / ".newvenv") in caplog.text


@pytest.mark.parametrize(
    "name", [".newvenv", ".newvenv/cleared", ".newvenv/moving", ".newvenv/kept"]
)
def test_links_are_not_followed(tmp_path: Path, name: str) -> None:
    """A link in the place of what is kept is nothing of newvenv's, and is never followed."""
    (tmp_path / "home" / "docs").mkdir(parents=True)
    (tmp_path / "home" / "docs" / "file").touch()
    home = tree(tmp_path / "home")
    target = tmp_path / "env"
    (target / name).parent.mkdir(parents=True)
    (target / name).symlink_to(tmp_path / "home", target_is_directory=True)
    (target / "pyvenv.cfg").touch()
    newvenv.create(target, symlinks=True)
    newvenv.create(target, symlinks=True, clear=True)
    assert tree(tmp_path / "home") == home
    assert not (target / "docs").exists()


def test_link_in_the_way_is_left_alone(tmp_path: Path) -> None:
    """A link called like the directory for what is kept stays, and the run succeeds."""
    (tmp_path / "home").mkdir()
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / ".newvenv").symlink_to(tmp_path / "home")
    (tmp_path / "env" / "pyvenv.cfg").write_text("to be replaced")
    newvenv.create(tmp_path / "env", symlinks=True)
    assert os.readlink(tmp_path / "env" / ".newvenv") == str(tmp_path / "home")
    assert os.listdir(tmp_path / "env").count(".newvenv1") == 0
    assert os.listdir(tmp_path / "home") == []


# One at a time.

_HOLD = """
import sys, time
from newvenv import _transaction
_transaction.run(sys.argv[1], lambda _: print(flush=True) or input())
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[Any]:
    """Return a process that is at work in ``env`` until it reads a line."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, tmp_path / "env"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdout
        process.stdout.readline()
        yield process
        process.kill()


def test_waiting(tmp_path: Path, holder: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """A second run waits for the first one, and says so."""
    monkeypatch.setattr(_lock, "_NOTICE", 0)
    threading.Timer(0.3, holder.stdin.write, ["\n"]).start()
    threading.Timer(0.4, holder.stdin.close).start()
    newvenv.create(tmp_path / "env", symlinks=True)
    assert holder.wait() == 0
    assert capsys.readouterr().err == f"Waiting for another run in {tmp_path / 'env'}\n"
    assert (tmp_path / "env" / "bin" / "python").exists()


def test_waiting_is_logged(
    tmp_path: Path, holder: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Waiting is a record of level INFO, too, and has an end."""
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(_lock, "_NOTICE", 0)
    monkeypatch.setattr(_lock, "LIMIT", 0.1)
    with pytest.raises(OSError, match="Another run") as caught:
        newvenv.create(tmp_path / "env", symlinks=True)
    assert caught.value.filename == str(tmp_path / "env")
    assert holder.poll() is None
    assert "Waiting for another run" in caplog.text


@pytest.mark.parametrize("name", ["SIGSTOP", "SIGKILL"])
def test_stopped_and_killed_holder(tmp_path: Path, holder: Any, name: str) -> None:
    """A run that is stopped holds others up, who can be interrupted; one that is killed doesn't."""
    holder.send_signal(getattr(signal, name))
    command = [sys.executable, "-m", "newvenv", "--without-pip", str(tmp_path / "env")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8") as other:
        assert other.stderr
        first = other.stderr.readline()
        other.send_signal(signal.SIGINT)
        rest = other.stderr.read()
    expected = {
        "SIGSTOP": (f"Waiting for another run in {tmp_path / 'env'}\n", 130),
        "SIGKILL": ("", 0),
    }
    assert (first, other.returncode) == expected[name]
    assert rest.count("\n") == (name == "SIGSTOP")


def test_place_that_is_removed_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that gets the lock of a directory that is no more makes it anew."""
    target = tmp_path / "up" / "env"
    monkeypatch.setattr(_lock, "_NOTICE", 60)
    other = threading.Thread(target=newvenv.create, args=(target,), kwargs={"symlinks": True})

    def fail(_: Any) -> None:
        other.start()
        time.sleep(0.1)
        raise Failure

    with pytest.raises(Failure):
        _transaction.run(str(target), fail)
    other.join()
    assert (target / "bin" / "python").exists()


def test_made_by_one_and_filled_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that fails leaves what another one has put into the directory that it made."""
    target = tmp_path / "env"
    acquire = _lock.Lock.acquire

    def late(self: _lock.Lock) -> None:
        monkeypatch.setattr(_lock.Lock, "acquire", acquire)
        self.make()  # type: ignore[misc]
        other = threading.Thread(target=newvenv.create, args=(target,), kwargs={"symlinks": True})
        other.start()
        other.join()
        acquire(self)

    monkeypatch.setattr(_lock.Lock, "acquire", late)
    with pytest.raises(Failure):
        failing("post_setup", Failure()).create(target)
    assert (target / "bin" / "python").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(16, "busy")])
def test_interrupted_while_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """A run that never gets its turn removes the directory that it made, if it is empty."""
    acquire = _lock.Lock.acquire

    def fail(self: _lock.Lock) -> None:
        monkeypatch.setattr(_lock.Lock, "acquire", acquire)
        self.make()  # type: ignore[misc]
        raise error

    monkeypatch.setattr(_lock.Lock, "acquire", fail)
    with pytest.raises((KeyboardInterrupt, OSError)):
        newvenv.create(tmp_path / "up" / "env")
    assert os.listdir(tmp_path) == []


def test_interrupted_at_the_very_end(occupied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal that comes with the last system call finds all done, and nothing lying around."""

    def kill(_: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    class Builder(newvenv.EnvBuilder):
        def upgrade_dependencies(self, _: Any) -> None:
            monkeypatch.setattr(_kept, "discard", kill)

    with pytest.raises(KeyboardInterrupt):
        Builder(symlinks=True, upgrade_deps=True, prompt="after").create(occupied)
    assert "after" in (occupied / "pyvenv.cfg").read_text()
    assert _files.journals == {}
    with _lock.Lock(str(occupied), limit=0) as lock:
        assert lock.handle is not None


class _Makes(newvenv.EnvBuilder):
    """Makes its directory by itself, and is overtaken by another run meanwhile."""

    def ensure_directories(self, env_dir: Any) -> Any:
        other = threading.Thread(target=newvenv.create, args=(env_dir,), kwargs={"symlinks": True})
        other.start()
        other.join()
        return super().ensure_directories(env_dir)

    def post_setup(self, _: Any) -> None:
        raise Failure


def test_made_by_another_run_meanwhile(tmp_path: Path) -> None:
    """A subclass that was to make the directory, and fails, leaves what another run made."""
    with pytest.raises(Failure):
        _Makes(symlinks=True).create(tmp_path / "up" / "env")
    assert (tmp_path / "up" / "env" / "bin" / "python").exists()


def test_occupied_by_another_run_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A subclass that was to make the directory, and has to wait, deletes nobody's work."""
    monkeypatch.setattr(_lock, "LIMIT", 0.1)
    with subprocess.Popen([*_HOLDER, tmp_path / "env"], stdin=-1, stdout=-1) as process:

        class Builder(newvenv.EnvBuilder):
            def ensure_directories(self, env_dir: Any) -> Any:
                assert process.stdin
                process.stdin.write(b"\n")
                process.stdin.flush()
                assert process.stdout
                process.stdout.readline()
                return super().ensure_directories(env_dir)

        with pytest.raises(OSError, match="Another run"):
            Builder(symlinks=True).create(tmp_path / "env")
        assert (tmp_path / "env" / "theirs").exists()
        process.kill()


_HOLDER = [
    sys.executable,
    "-c",
    "import sys, newvenv; from newvenv import _transaction\n"
    "def work(run):\n"
    "    open(sys.argv[1] + '/theirs', 'w').close()\n"
    "    print(flush=True)\n"
    "    input()\n"
    "input()\n"
    "_transaction.run(sys.argv[1], work)\n",
]


def test_failing_beside_a_run_that_takes_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failing run that made the parents of another one's target does not wait without end."""
    monkeypatch.setattr(_transaction, "_PATIENCE", 0.1)
    target = tmp_path / "up" / "env"
    with subprocess.Popen([*_HOLDER, target], stdin=-1, stdout=-1) as process:
        end = _transaction.Transaction._end

        def begin(self: Any) -> None:
            monkeypatch.setattr(_transaction.Transaction, "_end", end)
            end(self)
            assert process.stdout
            assert process.stdin
            process.stdin.write(b"\n")
            process.stdin.flush()
            process.stdout.readline()

        monkeypatch.setattr(_transaction.Transaction, "_end", begin)
        with pytest.raises(Failure):
            failing("post_setup", Failure()).create(target)
        assert process.poll() is None
        process.kill()
    assert (target / "theirs").exists()


def test_left_by_a_child(occupied: Path) -> None:
    """What a process that a hook started had cleared comes back, whatever became of the run."""
    _lay(occupied, ".newvenv1/cleared/x", ".newvenv4/moving/y")
    recover(occupied)
    assert (occupied / "x").exists()
    assert (occupied / "y").exists()
    assert list(occupied.glob(".newvenv*")) == []


@pytest.mark.parametrize("names", ["up/and/env", "up/and", "up"])
def test_made_again_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: str) -> None:
    """A run that fails also removes what one that waited has made in its parents since."""
    remove = _files.remove_directory

    def remove_then_make(path: str) -> bool:
        is_gone = remove(path)
        if Path(path) == tmp_path / "up" / "and":
            monkeypatch.setattr(_files, "remove_directory", remove)
            (tmp_path / names).mkdir(parents=True, exist_ok=True)
        return is_gone

    monkeypatch.setattr(_files, "remove_directory", remove_then_make)
    with pytest.raises(Failure):
        failing("post_setup", Failure()).create(tmp_path / "up" / "and" / "env")
    assert os.listdir(tmp_path) == []


def test_locked_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that fails leaves the directory that another one has made since, to work there."""
    target, remove, handles = tmp_path / "up" / "env", _files.remove_directory, []

    def remove_then_lock(path: str) -> bool:
        is_gone = remove(path)
        if Path(path) == target:
            target.mkdir()
            handles.append(_platform.lock(path))
        return is_gone

    monkeypatch.setattr(_files, "remove_directory", remove_then_lock)
    monkeypatch.setattr(_transaction, "_PATIENCE", 0.1)
    with pytest.raises(Failure):
        failing("post_setup", Failure()).create(target)
    assert target.exists()
    (handle,) = filter(None, handles)
    _platform.unlock(handle)


def test_parent_that_is_in_use(tmp_path: Path) -> None:
    """A run that fails leaves a parent that it has made, if there is something else in it."""

    class Builder(newvenv.EnvBuilder):
        def post_setup(self, _: Any) -> None:
            (tmp_path / "up" / "other").mkdir()
            raise Failure

    with pytest.raises(Failure):
        Builder(symlinks=True).create(tmp_path / "up" / "and" / "env")
    assert tree(tmp_path).keys() == {"up", "up/other"}


def test_all_fail(tmp_path: Path) -> None:
    """When all who share a target fail, nothing is left, parents included."""
    errors: list[BaseException] = []

    def create() -> None:
        try:
            failing("post_setup", Failure()).create(tmp_path / "up" / "and" / "env")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=create) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(error) for error in errors] == [Failure] * 24
    assert os.listdir(tmp_path) == []


def test_threads(tmp_path: Path) -> None:
    """Threads of one process may make one environment at the same time."""
    target = tmp_path / "env"
    errors: list[BaseException] = []

    def create(number: int) -> None:
        try:
            newvenv.create(target, symlinks=True, clear=number % 2 == 0)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert (target / "bin" / "python").exists()
    assert not (target / ".newvenv").exists()


def test_run_within_a_run(occupied: Path) -> None:
    """A hook that makes the same environment joins the run, and is rolled back with it."""

    class Builder(newvenv.EnvBuilder):
        def post_setup(self, _: Any) -> None:
            newvenv.create(occupied, symlinks=True, prompt="inner")
            newvenv.create(occupied / "notes" / "inner", symlinks=True)
            raise Failure

    before = tree(occupied)
    with pytest.raises(Failure):
        Builder(symlinks=True, clear=True).create(occupied)
    assert tree(occupied) == before
    assert _files.journals == {}


def test_run_within_a_run_through_a_link(occupied: Path) -> None:
    """A run is joined by whatever name the target is called."""
    (occupied.parent / "way").symlink_to(occupied.parent)

    class Builder(newvenv.EnvBuilder):
        def post_setup(self, _: Any) -> None:
            newvenv.create(occupied.parent / "way" / "env", symlinks=True, prompt="inner")
            raise Failure

    before = tree(occupied)
    with pytest.raises(Failure):
        Builder(symlinks=True).create(occupied)
    assert tree(occupied) == before


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_child_process_does_not_wait(occupied: Path, run: Run) -> None:
    """A hook may start newvenv on the same target: that doesn't wait for its parent."""

    class Builder(newvenv.EnvBuilder):
        def post_setup(self, context: Any) -> None:
            command = [sys.executable, "-m", "newvenv", "--without-pip", "--prompt", "inner"]
            result = run(*command, context.env_dir, timeout=30)
            assert (result.returncode, result.stderr) == (0, "")

    Builder(symlinks=True, clear=True).create(occupied)
    assert "inner" in (occupied / "pyvenv.cfg").read_text()
    assert list(occupied.glob(".newvenv*")) == []


def test_forked_child_does_not_keep_the_lock(tmp_path: Path) -> None:
    """A process that was forked during a run holds nobody up after it."""

    class Builder(newvenv.EnvBuilder):
        def post_setup(self, _: Any) -> None:
            self.child = subprocess.Popen(["sleep", "60"], close_fds=False)

    builder = Builder(symlinks=True)
    builder.create(tmp_path / "env")
    try:
        with _lock.Lock(str(tmp_path / "env"), limit=0):
            pass
    finally:
        builder.child.kill()
        builder.child.wait()


def test_no_locks(occupied: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    """Where there are no locks a run goes on without, and leaves what another may need."""

    def refuse(_: str) -> int:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(_platform, "lock", refuse)
    _lay(occupied, ".newvenv/cleared/x")
    newvenv.create(occupied, symlinks=True)
    assert (occupied / ".newvenv" / "cleared" / "x").exists()
    assert "without locks" in caplog.text
    shutil.rmtree(occupied / ".newvenv")
    newvenv.create(occupied, symlinks=True, prompt="other")
    assert list(occupied.glob(".newvenv*")) == []


# A lock that is a file.


class FileLocks:
    """Locks as Windows has them: files that can be neither moved nor deleted while open."""

    name = "own.lock"

    def __init__(self) -> None:
        self.held: list[str] = []

    def lock(self, path: str) -> str | None:
        """Make the file in *path*, unless another run has."""
        file = os.path.join(path, self.name)
        try:
            with open(file, "x", encoding="utf-8"):
                self.held.append(file)
        except FileExistsError:
            return None
        return file

    def unlock(self, handle: str) -> None:
        """Close the file, which deletes it."""
        self.held.remove(handle)
        _UNLINK(handle)

    def guarded(self, change: Callable[..., object]) -> Callable[..., object]:
        """Return *change* such that it fails for a lock."""

        def guarded(path: str, *args: object, **options: object) -> object:
            if os.path.basename(path) == self.name:
                raise PermissionError(errno.EACCES, "Permission denied", path)
            return change(path, *args, **options)

        return guarded


_UNLINK = os.unlink


@pytest.fixture
def file_locks(monkeypatch: pytest.MonkeyPatch) -> FileLocks:
    """Let runs lock directories as on Windows."""
    locks = FileLocks()
    monkeypatch.setattr(_platform, "LOCK_NAME", locks.name)
    monkeypatch.setattr(_platform, "lock", locks.lock)
    monkeypatch.setattr(_platform, "unlock", locks.unlock)
    for name in ("rename", "replace", "unlink"):
        monkeypatch.setattr(os, name, locks.guarded(getattr(os, name)))
    return locks


def test_lock_that_is_a_file(occupied: Path, file_locks: FileLocks) -> None:
    """A run leaves its lock in the target alone, and nobody finds it there afterwards."""
    newvenv.create(occupied, symlinks=True)
    before = tree(occupied)
    assert "notes" in before
    for target in (occupied, occupied.parent / "up" / "other"):
        with pytest.raises(Failure):
            failing("post_setup", Failure(), clear=True).create(target)
    assert tree(occupied) == before
    assert os.listdir(occupied.parent) == ["env"]
    newvenv.create(occupied, symlinks=True, clear=True)
    newvenv.create(occupied.parent / "other", symlinks=True)
    assert tree(occupied).keys() == tree(occupied.parent / "other").keys()
    assert file_locks.held == []


def test_all_fail_with_locks_that_are_files(tmp_path: Path, file_locks: FileLocks) -> None:
    """When all who share a target fail, nothing is left, though a lock has to go first."""

    def create(_: int) -> None:
        with pytest.raises(Failure):
            failing("post_setup", Failure()).create(tmp_path / "up" / "env")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, range(8)))
    assert os.listdir(tmp_path) == []
    assert file_locks.held == []


def test_clear_beside_a_lock_that_is_a_file(tmp_path: Path, file_locks: FileLocks) -> None:
    """A directory is taken for empty when there is nothing in it but a lock."""
    target = tmp_path / "env"
    target.mkdir()
    handle = file_locks.lock(str(target))
    assert handle
    assert _preflight._may_be_cleared(str(target))
    (target / ".gitignore").touch()
    assert _preflight.is_own_git_ignore(str(target))
    (target / "text").touch()
    assert not _preflight._may_be_cleared(str(target))
    file_locks.unlock(handle)


@pytest.mark.parametrize("fails", [False, True], ids=["success", "failure"])
def test_removing_what_was_changed_before(occupied: Path, fails: bool) -> None:
    """A directory in which a file was replaced goes as a whole, and comes back as it was."""
    expected = tree(occupied)

    def change(_: Any) -> None:
        _files.write(str(occupied / "notes" / "text"), b"replaced")
        _files.write(str(occupied / "notes" / "new"), b"new")
        _files.remove(str(occupied / "notes"))
        assert not (occupied / "notes").exists()
        if fails:
            raise Failure

    with pytest.raises(Failure) if fails else nullcontext():
        _transaction.run(str(occupied), change)
    removed = set() if fails else {"notes", "notes/text"}
    assert tree(occupied) == {name: expected[name] for name in expected.keys() - removed}
