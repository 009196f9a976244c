"""Many runs in one directory: some fail, some are killed, some are in other containers.

With ``NEWVENV_TEST_FAULTS=100`` in the environment there are a hundred rounds with random
kills, and with random delays, instead of two.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from environments import fresh, occupied
from newvenv import _lock
from newvenv._seed.cache import images
from trees import tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Run

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(os.name == "nt", reason="signals and namespaces of POSIX"),
]

#: How many rounds there are of what is left to chance.
ROUNDS = int(os.environ.get("NEWVENV_TEST_FAULTS", "0").replace("all", "100")) or 2

NEWVENV = [sys.executable, "-m", "newvenv"]
BARE = [*NEWVENV, "--without-pip"]


def _may(*unshare: str) -> bool:
    """May this user run something in namespaces of its own?"""
    try:
        return not subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode
    except OSError:
        return False


CONTAINER = ["unshare", "-p", "-f", "--kill-child"]
if not _may(*CONTAINER):
    CONTAINER.insert(1, "-r")

needs_container = pytest.mark.skipif(not _may(*CONTAINER), reason="needs PID namespaces")


def start(*command: object, **options: Any) -> subprocess.Popen[str]:
    """Start *command*, of which nothing but stderr is of interest."""
    words = [str(word) for word in command]
    return subprocess.Popen(words, stderr=subprocess.PIPE, encoding="utf-8", **options)


def ends(running: list[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    """Return the statuses and the last lines on stderr; waiting is nothing to wonder about."""
    found = []
    for process in running:
        text = process.communicate()[1]
        lines = [line for line in text.splitlines() if not line.startswith("Waiting for")]
        found.append((process.returncode, "\n".join(lines[-1:])))
    return found


#: What is there, and with which options sixteen processes come.
CROWDS: dict[str, tuple[Callable[[Path], None], list[list[str]]]] = {
    "fresh": (fresh, [["--without-pip"]]),
    "pip": (fresh, [[]]),
    "occupied": (occupied, [["--without-pip"], []]),
    "clear": (occupied, [["--clear", "--without-pip"]]),
    "clear-beside-create": (occupied, [["--clear"], []]),
}


@pytest.mark.parametrize("crowd", CROWDS)
def test_sixteen_processes(tmp_path: Path, run: Run, crowd: str) -> None:
    """Processes that make one environment at the same time all succeed."""
    prepare, options = CROWDS[crowd]
    target = tmp_path / "env"
    prepare(target)
    found = ends([start(*NEWVENV, *options[n % len(options)], target) for n in range(16)])
    assert found == [(0, "")] * 16
    assert run(target / "bin" / "python", "-c", "").returncode == 0
    assert (target / "pyvenv.cfg").is_file()
    assert list(target.rglob("*newvenv*")) == []
    has_pip = "--without-pip" not in options[-1]
    command = "import pip._internal.cli.main" if has_pip else "import sys"
    assert run(target / "bin" / "python", "-c", command).returncode == 0


# Killed.


@pytest.mark.parametrize("number", range(ROUNDS))
def test_killed_at_random(tmp_path: Path, run: Run, number: int) -> None:
    """However many runs were killed, the next one makes what it makes anywhere."""
    chance = random.Random(number)  # noqa: S311
    target = tmp_path / "env"
    [fresh, occupied][number % 2](target)
    options = [[], ["--clear"], ["--upgrade"], ["--prompt=other"], ["--copies"]]
    running = [start(*BARE, *chance.choice(options), target) for _ in range(32)]
    while any(process.poll() is None for process in running):
        time.sleep(chance.expovariate(100))
        chance.choice(running).kill()
    assert {status for status, _ in ends(running)} <= {0, -signal.SIGKILL}
    result = run(*BARE, "--clear", target)
    assert (result.returncode, result.stderr) == (0, "")
    other = tmp_path / "els"
    run(*BARE, "--clear", other)
    expected = {name: _without(entry, other) for name, entry in tree(other).items()}
    assert {name: _without(entry, target) for name, entry in tree(target).items()} == expected
    assert sorted(os.listdir(tmp_path)) == ["els", "env"]


def _without(entry: tuple[str, ...], target: Path) -> tuple[str, ...]:
    return tuple(part.replace(str(target), "<target>") for part in entry)


@pytest.mark.parametrize("number", range(ROUNDS))
def test_nothing_of_the_users_is_lost(tmp_path: Path, run: Run, number: int) -> None:
    """What kills interrupt does not cost the user a file that was not to be cleared."""
    chance = random.Random(number)  # noqa: S311
    target = tmp_path / "env"
    occupied(target)
    options = [[], ["--upgrade"], ["--prompt=other"], ["--copies"]]
    running = [start(*BARE, *chance.choice(options), target) for _ in range(16)]
    while any(process.poll() is None for process in running):
        time.sleep(chance.expovariate(100))
        chance.choice(running).kill()
    ends(running)
    assert run(*BARE, target).returncode == 0
    assert (target / "notes" / "text").read_text() == "keep me"
    assert list(target.rglob("*newvenv*")) == []


# Delayed.

_DELAYED = """
import fcntl, os, random, sys, time
import newvenv

chance = random.Random(int(sys.argv.pop()))

def delayed(call):
    def wrapper(*args, **kwargs):
        time.sleep(chance.random() / 50 * (chance.random() < 0.2))
        try:
            return call(*args, **kwargs)
        finally:
            time.sleep(chance.random() / 50 * (chance.random() < 0.2))
    return wrapper

for name in ("listdir", "lstat", "mkdir", "open", "rename", "rmdir", "symlink", "unlink"):
    setattr(os, name, delayed(getattr(os, name)))
fcntl.flock = delayed(fcntl.flock)

class Builder(newvenv.EnvBuilder):
    def post_setup(self, context):
        if "fail" in sys.argv:
            sys.exit("planned")

Builder(symlinks=True, clear="clear" in sys.argv).create(sys.argv[1])
"""


@pytest.mark.parametrize("number", range(ROUNDS))
def test_delayed_at_random(tmp_path: Path, run: Run, number: int) -> None:
    """Whichever run is held up before or after whatever it does, none gets in another's way."""
    chance = random.Random(number)  # noqa: S311
    target = tmp_path / "up" / "and" / "env"
    may_succeed = number % 2
    modes = [chance.choice(["fail", "clear", "none"][: 1 + 2 * may_succeed]) for _ in range(6)]
    command = [sys.executable, "-c", _DELAYED, target]
    found = ends([start(*command, mode, 100 * number + n) for n, mode in enumerate(modes)])
    assert found == [(1, "planned") if mode == "fail" else (0, "") for mode in modes]
    if may_succeed:
        run(*command[:-1], tmp_path / "other", "none", number)
        assert tree(target).keys() == tree(tmp_path / "other").keys()
    else:
        assert os.listdir(tmp_path) == []


# Failing.

_FAILING = """
import sys, newvenv
class Builder(newvenv.EnvBuilder):
    def post_setup(self, context):
        sys.exit("planned")
Builder(symlinks=True).create(sys.argv[1])
"""


@pytest.mark.parametrize(
    "prefixes",
    [[[]], pytest.param([[], CONTAINER], marks=needs_container)],
    ids=["alone", "containers"],
)
def test_all_fail(tmp_path: Path, prefixes: list[list[str]]) -> None:
    """When 24 runs fail at once nothing is left, be half of them in containers of their own."""
    target = tmp_path / "up" / "and" / "env"
    command = [sys.executable, "-c", _FAILING, target]
    found = ends([start(*prefixes[n % len(prefixes)], *command) for n in range(24)])
    assert found == [(1, "planned")] * 24
    assert os.listdir(tmp_path) == []


def test_all_but_one_fail(tmp_path: Path, run: Run) -> None:
    """Of many runs one succeeds: its environment stays, whole."""
    target = tmp_path / "up" / "env"
    command = [sys.executable, "-c", _FAILING, target]
    running = [start(*command) for _ in range(8)]
    running += [start(*BARE, target)]
    running += [start(*command) for _ in range(8)]
    assert ends(running)[8] == (0, "")
    assert run(*BARE, tmp_path / "other").returncode == 0
    assert tree(target).keys() == tree(tmp_path / "other").keys()


# Containers, clocks, stopped processes.

_HELD = """
import sys, newvenv
class Builder(newvenv.EnvBuilder):
    def create_configuration(self, context):
        print(flush=True)
        input()
        super().create_configuration(context)
Builder(symlinks=True, clear=True).create(sys.argv[1])
"""


@pytest.fixture
def hold() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return a function that starts a run and waits until it has cleared its target."""
    running = []

    def hold(target: Path, *prefix: str) -> subprocess.Popen[str]:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        process = start(*prefix, sys.executable, "-c", _HELD, target, **pipes)
        running.append(process)
        assert process.stdout
        assert process.stdout.readline() == "\n"
        return process

    yield hold
    for process in running:
        process.kill()
        process.communicate()


@needs_container
def test_container_that_is_killed(tmp_path: Path, run: Run, hold: Any) -> None:
    """What a container had cleared when it was killed comes back with the host's next run."""
    target = tmp_path / "env"
    occupied(target)
    process = hold(target, *CONTAINER)
    assert not (target / "notes").exists()
    process.kill()
    process.wait()
    _until_free(target)
    result = run(*BARE, target)
    assert (result.returncode, result.stderr) == (0, "")
    assert (target / "notes" / "text").read_text() == "keep me"
    assert list(target.rglob("*newvenv*")) == []


def _until_free(target: Path) -> None:
    """Wait for the end of a process in another container, which is no child of this one."""
    with _lock.Lock(str(target), limit=60):
        pass


_AHEAD = """
import time
for name in ("time", "monotonic"):
    setattr(time, name, lambda now=getattr(time, name): now() + 3600)
"""


def test_clock_that_is_ahead(tmp_path: Path, hold: Any) -> None:
    """A run whose clock is an hour ahead waits like any other, and takes nothing for old."""
    (tmp_path / "clock").mkdir()
    (tmp_path / "clock" / "sitecustomize.py").write_text(_AHEAD)
    path = os.pathsep.join([str(tmp_path / "clock"), *filter(None, [os.environ.get("PYTHONPATH")])])
    target = tmp_path / "env"
    occupied(target)
    process = hold(target)
    ahead = start(*BARE, target, env={**os.environ, "PYTHONPATH": path})
    assert ahead.stderr
    assert ahead.stderr.readline() == f"Waiting for another run in {target}\n"
    assert ahead.poll() is None
    process.communicate("\n")
    assert process.returncode == 0
    assert ends([ahead]) == [(0, "")]
    assert (target / "bin" / "python").exists()
    assert list(target.rglob("*newvenv*")) == []


def test_stopped_run(tmp_path: Path, hold: Any) -> None:
    """A run that is stopped in the middle of a clear goes on, and the others after it."""
    target = tmp_path / "env"
    occupied(target)
    process = hold(target)
    process.send_signal(signal.SIGSTOP)
    others = [start(*BARE, target) for _ in range(2)]
    for other in others:
        assert other.stderr
        assert other.stderr.readline() == f"Waiting for another run in {target}\n"
    process.send_signal(signal.SIGCONT)
    process.communicate("\n")
    assert [process.returncode, *ends(others)] == [0, (0, ""), (0, "")]
    assert list(target.rglob("*newvenv*")) == []


# What it costs.

_DISK = """
mount -t tmpfs -o size=$1 newvenv-test "$2" || exit 77
place=$2; shift 2
for number in 1 2 3 4 5 6; do "$@" "$place/env" & jobs="$jobs $!"; done
for job in $jobs; do wait $job || echo failed; done
find "$place" -name '*newvenv*'
"""


@pytest.mark.parametrize("options", [["--without-pip"], []], ids=["bare", "pip"])
def test_disk_with_room_for_one(tmp_path: Path, run: Run, options: list[str]) -> None:
    """Six runs at once take no more space than one."""
    assert run(*NEWVENV, *options, tmp_path / "one").returncode == 0
    pages = sum(1 + path.lstat().st_size // 4096 for path in (tmp_path / "one").rglob("*"))
    place = tmp_path / "disk"
    place.mkdir()
    size = f"{4 * pages + 64}k"
    command = ["unshare", "-rm", "sh", "-c", _DISK, "sh", size, place, *NEWVENV, *options]
    result = run(*command)
    if result.returncode == 77:
        pytest.skip("needs leave to mount a file system")
    lines = [line for line in result.stderr.splitlines() if not line.startswith("Waiting")]
    assert (result.stdout, lines) == ("", [])


def test_image_of_many(tmp_path: Path, run: Run) -> None:
    """Runs that clear one target at once take what disappears there for no damage of the image."""
    command = [*NEWVENV, "--clear", tmp_path / "env"]
    assert run(*command).returncode == 0
    before = {path: os.stat(f"{path}/manifest").st_ino for path in images()}
    assert before
    assert ends([start(*command) for _ in range(16)]) == [(0, "")] * 16
    assert {path: os.stat(f"{path}/manifest").st_ino for path in images()} == before
