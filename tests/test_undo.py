"""Taking back what a run has made and replaced."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import newvenv
from builders import HOOKS
from newvenv import _files, _layout, _marks, _undo
from trees import tree

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    target = tmp_path / "env"
    newvenv.create(target, symlinks=True, prompt="before")
    (target / "bin" / "activate").write_text("the user's own")
    (target / "bin" / "tool").write_text("#!/bin/sh")
    (target / "bin" / "tool").chmod(0o750)
    (target / "notes").mkdir()
    (target / "notes" / "text").write_text("keep me")
    (target / "pyvenv.cfg").chmod(0o600)
    return target


@pytest.fixture
def dead() -> str:
    """Return how the names begin of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return f".{process.pid}-1"


@pytest.fixture
def alive() -> Iterator[str]:
    """Return how the names begin of a process that is at work."""
    code = "print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.readline()
        yield f".{process.pid}-1"
        process.communicate(b"\n")


PLAIN_HOOKS = ["ensure_directories", *(hook for hook in HOOKS if "pip" not in hook)]
PLAIN_HOOKS.remove("upgrade_dependencies")


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
    """A folder that was empty is the same empty folder, of the same mode."""
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
    """A folder that held something holds the same, contents and modes."""
    before = tree(occupied)
    with pytest.raises(Failure):
        failing(hook, Failure(), clear=clear).create(occupied)
    assert tree(occupied) == before


def _append(context: Any) -> None:
    with open(os.path.join(context.bin_path, "tool"), "a") as file:
        file.write("in place")


def _add(context: Any) -> None:
    Path(context.env_dir, "added", "deep").mkdir(parents=True)
    Path(context.bin_path, "added").touch()
    Path(context.lib_path, "added").mkdir()


def _remove(context: Any) -> None:
    os.unlink(os.path.join(context.bin_path, "tool"))
    shutil.rmtree(os.path.join(context.env_dir, "include"))


def _swap(context: Any) -> None:
    os.unlink(os.path.join(context.bin_path, "tool"))
    os.mkdir(os.path.join(context.bin_path, "tool"))
    shutil.rmtree(os.path.join(context.env_dir, "include"))
    Path(context.env_dir, "include").touch()


@pytest.mark.parametrize("act", [_append, _add, _remove, _swap])
def test_what_hooks_do(occupied: Path, act: Any) -> None:
    """What code of others does to an environment's files is taken back, too."""

    class Builder(newvenv.EnvBuilder):
        def post_setup(self, context: Any) -> None:
            act(context)
            raise Failure

    before = tree(occupied)
    with pytest.raises(Failure):
        Builder(symlinks=True).create(occupied)
    assert tree(occupied) == before


def test_clear(occupied: Path) -> None:
    """A clear leaves the folder itself, and what a fresh environment has."""
    inode = occupied.stat().st_ino
    newvenv.create(occupied, clear=True, symlinks=True)
    fresh = occupied.parent / "fresh"
    newvenv.create(fresh, symlinks=True)
    assert tree(occupied).keys() == tree(fresh).keys()
    assert occupied.stat().st_ino == inode


def test_clear_follows_no_link(tmp_path: Path, occupied: Path) -> None:
    """What a link in a cleared folder leads to stays."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (occupied / "link").symlink_to(tmp_path / "precious")
    newvenv.create(occupied, clear=True, symlinks=True)
    assert (tmp_path / "precious" / "file").exists()
    assert not (occupied / "link").exists()


def test_clear_without_a_run(occupied: Path) -> None:
    """Called alone, ``clear_directory`` empties a folder and leaves nothing aside."""
    newvenv.EnvBuilder().clear_directory(str(occupied))
    assert os.listdir(occupied) == []


@pytest.mark.parametrize("times", [1, 2])
def test_interrupted_undoing(occupied: Path, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Ctrl-C while a failed run is undone only lets that take a little longer."""
    before, rename = tree(occupied), os.rename
    interrupts = [KeyboardInterrupt()] * times

    def impatient(*args: Any) -> None:
        rename(*args)
        if interrupts:
            raise interrupts.pop()

    def post_setup(_: Any) -> None:
        monkeypatch.setattr(os, "rename", impatient)
        raise Failure

    builder = newvenv.EnvBuilder(symlinks=True, clear=True)
    monkeypatch.setattr(builder, "post_setup", post_setup)
    with pytest.raises(Failure):
        builder.create(occupied)
    assert not interrupts
    assert tree(occupied) == before


def test_undoing_that_fails(
    occupied: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What can't be undone is told, and hides neither the reason nor the way to the rest."""

    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied", "there")

    def post_setup(_: Any) -> None:
        monkeypatch.setattr(os, "rename", refuse)
        raise Failure

    before = tree(occupied)
    builder = newvenv.EnvBuilder(symlinks=True, clear=True)
    monkeypatch.setattr(builder, "post_setup", post_setup)
    with pytest.raises(Failure):
        builder.create(occupied)
    assert "Could not put everything in order" in caplog.text
    monkeypatch.undo()
    (occupied / "pyvenv.cfg").unlink()  # so that nobody can have used it meanwhile
    _undo.recover(str(occupied))
    assert tree(occupied) == before


# What killed runs have left.


def _lay(target: Path, name: str, *contents: str) -> None:
    for content in contents:
        path = target / name / content
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("kept")
    (target / name).mkdir(exist_ok=True)


#: What a killed run has left aside, and which of its files come back.
LEFT = {
    "fill": ("{}.fill", []),
    "done": ("{}.done", []),
    "part": (".part", []),
    "pip": (".pip", []),
    "full": (".full", []),
    "new": (".new", []),
    "empty": (".empty", []),
    "clear": (".clear", ["bin/kept", "own/kept"]),
    "back": ("{}.back", ["bin/kept", "own/kept"]),
    "part-on-its-way-back": ("{}.part", ["bin/kept", "own/kept"]),
    "all": (".all", ["bin/kept", "own/kept"]),
    "all-on-its-way-back": ("{}.all", ["bin/kept", "own/kept"]),
}


@pytest.mark.parametrize("left", LEFT)
def test_recover(tmp_path: Path, dead: str, left: str) -> None:
    """What a killed run kept comes back where it is missing; the rest goes."""
    pattern, back = LEFT[left]
    _lay(tmp_path, f"{pattern.format(dead)}.newvenv", "bin/kept", "own/kept")
    (tmp_path / "mine").touch()
    _undo.recover(str(tmp_path))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(path.relative_to(tmp_path).as_posix() for path in files) == sorted(
        [*back, *(["mine"] if not left.startswith("all") else [])]
    )
    assert list(tmp_path.rglob("*.newvenv")) == []


def test_recover_keeps_what_is_in_use(occupied: Path, dead: str) -> None:
    """An environment that may have been used since a killed clear is not given up."""
    _lay(occupied, ".all.newvenv", "bin/kept", f"{dead}.mark.newvenv/x")
    before = {name for name in tree(occupied) if ".newvenv" not in name}
    _undo.recover(str(occupied))
    assert tree(occupied).keys() == before


@pytest.mark.parametrize("folder", ["", "bin", "lib/python3.9/site-packages"])
def test_recover_deletes_temporary_files(tmp_path: Path, dead: str, folder: str) -> None:
    """Temporary files of dead processes go, wherever a run may have made them."""
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    (tmp_path / f"{dead}.fill.newvenv").mkdir()
    (tmp_path / folder / f"{dead}.file.newvenv").touch()
    _undo.recover(str(tmp_path))
    assert list(tmp_path.rglob("*.newvenv")) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_number_used_again(tmp_path: Path, alive: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is older than the process of its number was made by an earlier one."""
    (tmp_path / f"{alive}.fill.newvenv").mkdir()
    assert _undo.recover(str(tmp_path)) != []
    monkeypatch.setattr(_marks, "_CLOCKS_DIFFER", -3600)
    assert _undo.recover(str(tmp_path)) == []


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="needs a wait that leaves the process")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_process_that_nobody_has_waited_for(tmp_path: Path) -> None:
    """A process that ended counts as dead also while its parent has not asked how."""
    code = "print(flush=True)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.read()  # to the end of what it prints
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        (tmp_path / f".{process.pid}-1.fill.newvenv").mkdir()
        assert _undo.recover(str(tmp_path)) == []


def test_killed_beside_a_success(occupied: Path, dead: str) -> None:
    """What a killed process left goes, too, if another one succeeds in the same folder."""

    class Builder(newvenv.EnvBuilder):
        def post_setup(self, context: Any) -> None:
            (occupied / ".full.newvenv" / f"{dead}.mark.newvenv").mkdir()
            Path(context.bin_path, f"{dead}.file.newvenv").touch()

    Builder(symlinks=True).create(occupied)
    assert list(occupied.rglob("*.newvenv")) == []


# Others at work.


def test_others_at_work(occupied: Path, alive: str) -> None:
    """While another process is at work in the folder, a failing one takes nothing away."""
    (occupied / ".part.newvenv" / f"{alive}.mark.newvenv").mkdir(parents=True)
    with pytest.raises(Failure):
        failing("post_setup", Failure()).create(occupied)
    assert "before" not in (occupied / "pyvenv.cfg").read_text()
    assert (occupied / ".part.newvenv" / f"{alive}.mark.newvenv").exists()


def test_killed_while_others_are_at_work(occupied: Path, dead: str, alive: str) -> None:
    """A clear that was killed holds nobody up, and what it took away comes back."""
    before = tree(occupied)
    (occupied / ".part.newvenv" / f"{alive}.mark.newvenv").mkdir(parents=True)
    (occupied / ".clear.newvenv" / f"{dead}.mark.newvenv").mkdir(parents=True)
    (occupied / "notes").rename(occupied / ".clear.newvenv" / "notes")
    newvenv.create(occupied, symlinks=True)
    assert before.keys() - tree(occupied).keys() == set()
    assert not (occupied / ".clear.newvenv").exists()


def test_success_meanwhile(tmp_path: Path) -> None:
    """Once somebody has succeeded, a failing run does not go back behind that."""
    target = tmp_path / "env"

    class Builder(newvenv.EnvBuilder):
        def post_setup(self, _: Any) -> None:
            other = threading.Thread(target=newvenv.create, args=(target,))
            other.start()
            other.join()
            raise Failure

    with pytest.raises(Failure):
        Builder(symlinks=True).create(target)
    assert (target / "pyvenv.cfg").exists()
    assert list(target.rglob("*.newvenv")) == []


def test_last_one_out(tmp_path: Path) -> None:
    """When all who share a folder fail, the last one takes everything back."""
    target = tmp_path / "env"

    class Inner(newvenv.EnvBuilder):
        def post_setup(self, _: Any) -> None:
            raise Failure("inner")

    def fail() -> None:
        with pytest.raises(Failure, match="inner"):
            Inner(symlinks=True).create(target)
        assert target.exists()

    class Outer(newvenv.EnvBuilder):
        def post_setup(self, _: Any) -> None:
            other = threading.Thread(target=fail)
            other.start()
            other.join()
            raise Failure("outer")

    with pytest.raises(Failure, match="outer"):
        Outer(symlinks=True).create(target)
    assert os.listdir(tmp_path) == []


def test_steps_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run whose folder somebody clears under it goes over its steps again."""
    target, create = tmp_path / "env", newvenv.EnvBuilder.create_configuration
    others = [newvenv.EnvBuilder(clear=True, symlinks=True)]

    def disturbed(self: newvenv.EnvBuilder, context: Any) -> None:
        if others and self is not others[0]:
            other = threading.Thread(target=others.pop().create, args=(target,))
            other.start()
            other.join()
            shutil.rmtree(target / "bin")
        create(self, context)

    monkeypatch.setattr(newvenv.EnvBuilder, "create_configuration", disturbed)
    newvenv.create(target, symlinks=True)
    assert not others
    assert (target / "bin" / "python").exists()
    assert list(target.rglob("*.newvenv")) == []


def test_busy(occupied: Path, alive: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who never ends moving things about is waited for, but not for ever."""
    (occupied / ".clear.newvenv" / f"{alive}.mark.newvenv").mkdir(parents=True)
    monkeypatch.setattr(_undo, "_BUSY", [0, 0])
    with pytest.raises(OSError, match="Another process"):
        newvenv.create(occupied)


def test_threads(tmp_path: Path) -> None:
    """Threads of one process may make one environment at the same time."""
    target = tmp_path / "env"
    errors: list[BaseException] = []

    def create() -> None:
        try:
            newvenv.create(target, symlinks=True)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert list(target.rglob("*.newvenv")) == []


# What is refused before anything is written.


def _precious(tmp_path: Path) -> dict[str, str]:
    return {
        "root": os.sep,
        "own-home": os.path.expanduser("~"),
        "above-homes": os.path.dirname(os.path.expanduser("~").rstrip(os.sep)) or os.sep,
        "above-current": str(tmp_path),
        "base": sys.base_prefix,
        "library": os.path.dirname(os.__file__),
        "newvenv": os.path.dirname(newvenv.__file__),
        "above-newvenv": os.path.dirname(os.path.dirname(newvenv.__file__)),
    }


@pytest.mark.parametrize("name", _precious(Path()))
def test_precious(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Nothing clears a folder whose loss nobody can have meant."""
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    with pytest.raises(ValueError, match="Refusing to clear"):
        _layout.check(_precious(tmp_path)[name], clear=True)


def test_every_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The home directory of any user is refused, by whatever name it is called."""
    pwd = pytest.importorskip("pwd")
    user = type("User", (), {"pw_dir": str(tmp_path / "home")})
    monkeypatch.setattr(pwd, "getpwall", lambda: [user])
    (tmp_path / "home").mkdir()
    (tmp_path / "link").symlink_to(".")
    with pytest.raises(ValueError, match="a home directory"):
        _layout.check(str(tmp_path / "link" / "home"), clear=True)


def test_link_is_refused(tmp_path: Path, occupied: Path) -> None:
    """A link as the target is refused before anything is deleted."""
    (tmp_path / "link").symlink_to(occupied)
    before = tree(occupied)
    with pytest.raises(ValueError, match="symbolic link"):
        newvenv.create(tmp_path / "link", clear=True)
    assert tree(occupied) == before


@pytest.mark.parametrize("name", ["", " ", "\t"])
def test_empty_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """An empty name never stands for the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="empty"):
        newvenv.create(name, clear=True)
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize(
    ("options", "status"), [([], 1), (["--force"], 0)], ids=["refused", "forced"]
)
def test_clearing_no_environment(tmp_path: Path, options: list[str], status: int, run: Any) -> None:
    """The command line clears a folder that is no environment only when it is forced to."""
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "precious").write_text("keep me")
    command = [sys.executable, "-m", "newvenv", "--without-pip", "--clear", *options]
    result = run(*command, tmp_path / "env")
    assert result.returncode == status
    assert ("--force" in result.stderr) == (status == 1)
    assert (tmp_path / "env" / "precious").exists() == (status == 1)


def test_clearing_the_running_environment(tmp_path: Path, run: Any, package_path: str) -> None:
    """The environment whose Python runs newvenv, from elsewhere, is cleared or refused."""
    target = tmp_path / "env"
    newvenv.create(target, symlinks=True)
    environ = {**os.environ, "PYTHONPATH": package_path}
    command = [target / "bin" / "python", "-m", "newvenv", "--without-pip", "--clear", target]
    result = run(*command, env=environ)
    outcome = (result.returncode, result.stderr.partition(" '")[0])
    assert outcome in [(0, ""), (1, "Error: Refusing to clear")]
    assert run(target / "bin" / "python", "-c", "").returncode == 0


def test_nothing_under_way() -> None:
    """When all is done, this process remembers nothing of it."""
    assert not _files.under_way
    assert not _marks.running
