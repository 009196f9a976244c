"""Real faults: system calls that fail, processes killed or interrupted, disks that fill up.

Faults are injected by strace, where there is one that may trace. What is injected is
found out first, by tracing an undisturbed run: every system call that changes a file is
a place where a run can fail or be killed. Of these places some are tried, other ones by
each version of Python; more with ``NEWVENV_TEST_FAULTS=100`` or ``=all`` in the environment.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import pytest

from builders import copies
from environments import fresh, occupied
from newvenv import _files
from tracing import FAST, STRACE, can_trace
from trees import tree

if TYPE_CHECKING:
    from conftest import Run

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and mounts as POSIX has them")

#: The system calls that change files, those for descriptors left out.
CALLS = [
    "mkdir",
    "openat",
    "write",
    "rename",
    "symlink",
    "link",
    "unlink",
    "rmdir",
    "chmod",
    "utimensat",
]

#: Those of them that take space.
GROWTH = ["mkdir", "write", "symlink", "link"]

#: A fault in these has to be tolerated or undone; what they say is what users see.
ERRORS = ["ENOSPC", "EIO", "EACCES", "EROFS", "EMFILE"]

#: After these nothing else is tried.
FATAL = {name for name in ERRORS if getattr(errno, name) in _files.FATAL}

#: The signals that end a run, and the status by which that is told.
SIGNALS = [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)]

#: How many places of each scenario are tried; if None, so many that the faults take turns.
SAMPLE = int(os.environ.get("NEWVENV_TEST_FAULTS", "0").replace("all", "1000000")) or None

NEWVENV = [sys.executable, "-m", "newvenv"]


needs_strace = pytest.mark.skipif(not can_trace(), reason="needs strace, and leave to trace")


def _occupied(target: Path) -> None:
    occupied(target, scm_ignore_files={"git"})
    (target / "bin" / "tool").write_text("#!/bin/sh\n")
    (target / "bin" / "tool").chmod(0o750)
    (target / "lib" / "kept").mkdir()
    (target / "pyvenv.cfg").chmod(0o600)


def _of_another_python(target: Path) -> None:
    _occupied(target)
    (target / "bin" / "python").unlink()
    (target / "bin" / "python").write_text("a copy")
    (target / "lib64").unlink(missing_ok=True)
    shutil.rmtree(target / "include")


def _empty(target: Path) -> None:
    target.mkdir(mode=0o750)


#: What is in the target before, and with which options it becomes an environment.
SCENARIOS = {
    "fresh": (fresh, ["--without-pip"]),
    "empty": (_empty, ["--without-pip"]),
    "occupied": (_occupied, ["--without-pip"]),
    "another-python": (_of_another_python, ["--without-pip", "--copies"]),
    "fresh-clear": (fresh, ["--without-pip", "--clear"]),
    "clear": (_occupied, ["--without-pip", "--clear"]),
    "pip": (fresh, []),
    "occupied-pip": (_occupied, []),
    "clear-pip": (_occupied, ["--clear"]),
}


class Lab:
    """One scenario in a folder of its own: what is there before and after, and its places."""

    def __init__(self, folder: Path, scenario: str, cache: Path) -> None:
        self.folder = folder
        self.prepare, self.options = SCENARIOS[scenario]
        self.env = {**os.environ, "NEWVENV_CACHE_DIR": str(cache), "PYTHONHASHSEED": "0"}
        self.run(self.place("warm"))
        target = self.place("undisturbed")
        self.before = contents(target)
        self.run(target, *FAST, "-o", folder / "trace", "-e", f"trace={','.join(CALLS)}")
        self.after = contents(target)
        self.places = places((folder / "trace").read_text(errors="replace"), str(target.parent))

    def place(self, name: str) -> Path:
        """Return a target as the scenario wants it; all have paths of the same length."""
        target = self.folder / f"{name:_<24}" / "env"
        target.parent.mkdir()
        self.prepare(target)
        return target

    def run(self, target: Path, *strace: object) -> subprocess.CompletedProcess[str]:
        """Make the environment, under strace if it is given options."""
        tracer = [*STRACE, *map(str, strace)] if strace else []
        command = [*tracer, *NEWVENV, *self.options, str(target)]
        return subprocess.run(
            command, env=self.env, capture_output=True, encoding="utf-8", check=False, timeout=120
        )

    def inject(
        self, target: Path, call: str, number: int, fault: str, *strace: object
    ) -> subprocess.CompletedProcess[str]:
        """Make the environment with *fault* at one place: the *number*-th system call *call*."""
        inject = f"inject={call}:{fault}:when={number}"
        return self.run(target, *strace, "-o", os.devnull, "-e", f"trace={call}", "-e", inject)


def places(trace: str, folder: str) -> list[tuple[str, int]]:
    """Return the calls in *trace* that change something in *folder*: name and number.

    strace counts each system call on its own. Those of child processes do not count: of
    them, no fault is injected into any.
    """
    found, count = [], dict.fromkeys(CALLS, 0)
    process = re.match(r"(?:\d+ +)?", trace)
    for line in trace.splitlines():
        call = re.match(rf"{process[0] if process else ''}(\w+)\(", line)
        if call is None or call[1] not in count:
            continue
        count[call[1]] += 1
        if call[1] == "write" or (folder in line and (call[1] != "openat" or "O_CREAT" in line)):
            found.append((call[1], count[call[1]]))
    return found


def contents(target: Path) -> dict[str, tuple[str, ...]] | None:
    """Return all that is in and beside *target*; None if nothing is."""
    return tree(target.parent) or None


def sample(found: list[tuple[str, int]], faults: list[Any]) -> list[tuple[str, int, Any]]:
    """Return some of *found*, evenly spaced, each with all or some *faults*.

    Each version of Python begins elsewhere, 3.10 and 3.15 at the end.
    """
    step = max(1, len(found) // (SAMPLE or 3))
    turn = sys.version_info[1] % 5
    some = found[-1 - step * turn // 5 :: -step]
    if SAMPLE:
        return [(*place, fault) for place in some for fault in faults]
    return [(*place, faults[(n + turn) % len(faults)]) for n, place in enumerate(some)]


@pytest.fixture(scope="module", params=list(SCENARIOS))
def lab(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, own_cache: Path
) -> Lab:
    """Return each scenario in turn."""
    return Lab(tmp_path_factory.mktemp(request.param), request.param, own_cache)


def each(
    found: list[tuple[str, int]], check: Callable[[tuple[str, int, Any]], str], faults: list[Any]
) -> list[str]:
    """Run *check* for some places and *faults*, two at a time; return what it found wrong."""
    with ThreadPoolExecutor(2) as pool:
        return [text for text in pool.map(check, sample(found, faults)) if text]


@needs_strace
def test_killed(lab: Lab) -> None:
    """A run killed at any system call, run again, gives what an undisturbed run gives."""

    def check(place: tuple[str, int, str]) -> str:
        call, number, fault = place
        target = lab.place(f"{call}-{number}-{fault}")
        killed = lab.inject(target, call, number, f"signal={fault}")
        again = lab.run(target)
        result = (killed.returncode, again.returncode, again.stderr, contents(target))
        shutil.rmtree(target.parent)
        expected = (-signal.SIGKILL, 0, "", lab.after)
        return "" if result == expected else f"{place}: {difference(result, expected)}"

    assert each(lab.places, check, ["SIGKILL"]) == []


@needs_strace
def test_killed_is_whole_or_nothing(lab: Lab) -> None:
    """What a killed run leaves in a new target has no interpreter yet, or is all there."""

    def check(place: tuple[str, int, str]) -> str:
        call, number, fault = place
        target = lab.place(f"{call}-{number}-{fault}-once")
        killed = lab.inject(target, call, number, f"signal={fault}")
        found = contents(target) or {}
        shutil.rmtree(target.parent)
        names = [name for name in found if name in PYTHONS]
        rest = {name: found[name] for name in found if ".newvenv" not in name}
        complete = {name for name in lab.after or {} if name not in names}
        is_good = not names or not complete - {*rest, *PYTHONS}
        is_good &= killed.returncode == -signal.SIGKILL
        return "" if is_good else f"{place}: {difference((found,), (lab.after,))}"

    if lab.before and "env/bin" in lab.before:
        return  # It had an interpreter before.
    assert each(lab.places, check, ["SIGKILL"]) == []


#: The names of the interpreter, which come last and one by one; the last is that of 3.14.
PYTHONS = {
    f"env/bin/{name}{version}"
    for name in ("python", "pypy", "\U0001d70bthon")
    for version in ("", "3", "{}.{}".format(*sys.version_info[:2]))
}


@needs_strace
def test_failing_for_good(lab: Lab) -> None:
    """A disk that takes nothing more, from any moment on, has what it had before."""

    def check(place: tuple[str, int, str]) -> str:
        call, number, error = place
        target = lab.place(f"{call}-{number}-{error}-on")
        inject = [
            word
            for name, first in rest(lab.places, call, number).items()
            for word in ("-e", f"inject={name}:error={error}:when={first}+")
        ]
        run = lab.run(target, *FAST, "-o", os.devnull, "-e", f"trace={','.join(GROWTH)}", *inject)
        found = contents(target)
        shutil.rmtree(target.parent)
        # Of a status of 1 Python makes another one when it can't write to stderr.
        is_good = found == lab.before if run.returncode else matches(found, lab.after)
        return "" if is_good else f"{place}: {run.stderr!r} {difference((found,), (lab.before,))}"

    growing = [place for place in lab.places if place[0] in GROWTH]
    assert each(growing, check, ["ENOSPC", "EROFS"]) == []


def rest(found: list[tuple[str, int]], call: str, number: int) -> dict[str, int]:
    """Return those of GROWTH that come from this place on, and the number of each's first."""
    later = found[found.index((call, number)) :]
    return {name: count for name, count in reversed(later) if name in GROWTH}


@needs_strace
def test_failing(lab: Lab) -> None:
    """A run in which any system call fails succeeds all the same, or leaves all as it was."""

    def check(place: tuple[str, int, str]) -> str:
        call, number, error = place
        target = lab.place(f"{call}-{number}-{error}")
        fast = FAST if error in FATAL else []  # ensurepip, the other way, shall not fail, too
        run = lab.inject(target, call, number, f"error={error}", *fast)
        result = (run.returncode, contents(target))
        shutil.rmtree(target.parent)
        lines = run.stderr.splitlines()
        failed = run.returncode == 1 and len(lines) == 1 and lines[0].startswith("Error: ")
        names_path = failed and str(target) in lines[0]
        if result == (1, lab.before) and names_path:
            return ""
        if run.returncode == 0 and matches(result[1], lab.after):
            return ""
        return f"{place}: {run.stderr!r} {difference(result, (0, lab.after))}"

    assert each(lab.places, check, ERRORS) == []


def matches(found: object, expected: object) -> bool:
    """Are these the same trees, but for links: a copy may stand for one, or none (lib64)?"""
    assert isinstance(found, dict)
    assert isinstance(expected, dict)
    links = {name for name, entry in expected.items() if entry[0] == "link"}
    sorts = [
        {name: tree[name] for name in tree if name not in links and "/site-packages/" not in name}
        for tree in (found, expected)
    ]
    return sorts[0] == sorts[1] and _seeds(found) == _seeds(expected)


def _seeds(found: dict[str, object]) -> list[str]:
    """Return which distributions are in a tree: their files differ by the way they came."""
    return sorted(name for name in found if name.endswith(".dist-info"))


def difference(result: tuple[object, ...], expected: tuple[object, ...]) -> str:
    """Describe where the trees at the ends of both tuples differ."""
    found, wanted = result[-1] or {}, expected[-1] or {}
    assert isinstance(found, dict)
    assert isinstance(wanted, dict)
    names = [name for name in {**found, **wanted} if found.get(name) != wanted.get(name)]
    return f"{result[:-1]} {[(name, found.get(name), wanted.get(name)) for name in names[:6]]}"


@needs_strace
def test_interrupted(lab: Lab) -> None:
    """A signal at any system call ends the run in one line, and all is as it was.

    After the last step, while what was kept is deleted, the environment stays.
    """

    def check(place: tuple[str, int, tuple[str, int]]) -> str:
        call, number, (name, status) = place
        target = lab.place(f"{call}-{number}-{name}")
        run = lab.inject(target, call, number, f"signal={name}")
        found = contents(target)
        shutil.rmtree(target.parent)
        expected = (status, f"Error: interrupted while making {str(target)!r}\n")
        is_good = (run.returncode, run.stderr) == expected and found in (lab.before, lab.after)
        return "" if is_good else f"{place}: {difference((run, found), (0, lab.before))}"

    assert each(lab.places, check, SIGNALS) == []


_INTERRUPTED_CHILD = """
import sys
import newvenv
from newvenv.__main__ import main

code = sys.argv.pop()

class Builder(newvenv.EnvBuilder):
    def _setup_pip(self, context):
        self._call_new_python(context, "-c", code, stderr=newvenv.subprocess.STDOUT)

newvenv.EnvBuilder = Builder
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("import os, signal, time; os.killpg(0, signal.SIGINT); time.sleep(60)", 130),
        ("import os, signal, time; os.kill(os.getppid(), signal.SIGTERM); time.sleep(60)", 143),
    ],
    ids=["ctrl-c", "sigterm"],
)
def test_interrupted_child(tmp_path: Path, run: Run, code: str, status: int) -> None:
    """A signal while the environment's Python runs ends both, and all is undone."""
    target = tmp_path / "env"
    command = [sys.executable, "-c", _INTERRUPTED_CHILD, target, code]
    result = run(*command, start_new_session=True, timeout=50)
    assert result.stderr == f"Error: interrupted while making {str(target)!r}\n"
    assert result.returncode == status
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes in /proc")
def test_terminated_with_all_descendants(tmp_path: Path, run: Run) -> None:
    """SIGTERM ends what the environment's Python has started, too: pip is such a process."""
    target, note = tmp_path / "env", tmp_path / "note"
    grandchild = (
        "import os, time\n"
        f"with open({str(note)!r}, 'w') as file: file.write(str(os.getpid()))\n"
        "time.sleep(60)"
    )
    code = (
        "import os, signal, subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {grandchild!r}])\n"
        f"while not os.path.exists({str(note)!r}) or not open({str(note)!r}).read(): pass\n"
        "os.kill(os.getppid(), signal.SIGTERM); time.sleep(60)"
    )
    result = run(sys.executable, "-c", _INTERRUPTED_CHILD, target, code, timeout=50)
    assert result.returncode == 143
    assert not target.exists()
    deadline = time.monotonic() + 50  # It dies once it gets its turn.
    while is_running(int(note.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    """Is there a process *pid* that is more than an entry in its parent's books?"""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


# Disks.

_MOUNTED = """
place=$2
list() {
    (cd "$place"; find . -exec ls -ld --time-style=+ {} + ; find . -type f -exec cksum {} +) | sort
}
mount -t tmpfs -o "$1" newvenv-test "$place" && (cd "$place"; eval "$3") || exit
list > "$place.before"
[ -z "$4" ] || mount -o "remount,$4" "$place"
shift 4
"$@" >&2
status=$?
list > "$place.after"
diff "$place.before" "$place.after" && echo "same $status"
"""


_TRY_MOUNT = "mount -t tmpfs newvenv-test /mnt && mount -o remount,ro /mnt"


def _can_mount() -> bool:
    command = ["unshare", "-rm", "sh", "-c", _TRY_MOUNT]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


needs_mount = pytest.mark.skipif(not _can_mount(), reason="needs leave to mount a file system")

_MAKE = f"{sys.executable} -m newvenv --without-pip env; echo user > env/bin/activate"

#: A file system's options, what is on it, how it is mounted in the end, options, the reason.
DISKS = {
    "full": ("size=40k", "mkdir env", "", ["--without-pip"], "No space left"),
    "full-without-pip": ("size=68k", ":", "", ["--without-pip", "--copies"], "No space left"),
    "full-in-clear": ("size=1m", _MAKE, "", ["--clear"], "No space left"),
    "full-in-pip": ("size=5m", ":", "", [], "No space left"),
    "full-in-second-pip": ("size=3m", _MAKE, "", [], "No space left"),
    "few-files": ("nr_inodes=9", ":", "", ["--without-pip"], "No space left"),
    "no-files-for-pip": ("nr_inodes=180", ":", "", [], "No space left"),
    "read-only": ("size=1m", ":", "ro", ["--without-pip"], "Read-only file system"),
    "read-only-occupied": ("size=1m", _MAKE, "ro", ["--clear"], "Read-only file system"),
}


@needs_mount
@pytest.mark.parametrize(
    "disk",
    [
        pytest.param(disk, marks=[copies] * ("--copies" in options))
        for disk, (*_, options, _) in DISKS.items()
    ],
)
def test_small_disk(tmp_path: Path, run: Run, disk: str) -> None:
    """A file system that is full or read-only costs one line, and nothing that was on it."""
    size, prepare, remount, options, reason = DISKS[disk]
    place = tmp_path / "disk"
    place.mkdir()
    command = [*NEWVENV, *options, place / "env"]
    result = run(
        "unshare", "-rm", "sh", "-c", _MOUNTED, "sh", size, place, prepare, remount, *command
    )
    assert result.stdout == "same 1\n"
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("Error: ")
    assert reason in result.stderr
    assert str(place) in result.stderr


@needs_strace
@pytest.mark.once
@pytest.mark.parametrize("call", [pytest.param("symlink", marks=copies), "link"])
def test_file_system_without_links(tmp_path: Path, run: Run, call: str) -> None:
    """Where there are no links, like on FAT, copies make a working environment."""
    target = tmp_path / "env"
    tracer = [*STRACE, *FAST, "-o", os.devnull, "-e", f"inject={call}:error=EPERM"]
    assert run(*tracer, *NEWVENV, target).returncode == 0
    assert run(*tracer, *NEWVENV, target).returncode == 0
    assert run(target / "bin" / "pip", "--version").returncode == 0


# Names and what is in the way.

_LONGEST = 255


@pytest.mark.parametrize(
    "name",
    ["x" * _LONGEST, "in/env/itself/env", "a b", "-dash", "'quotes\"", "$(dollar)", "ümläut"],
    ids=["longest", "deep", "blank", "dash", "quotes", "dollar", "umlauts"],
)
def test_unusual_names(tmp_path: Path, run: Run, name: str) -> None:
    """An environment may have any name that its file system takes."""
    target = tmp_path / name
    assert run(*NEWVENV, "--without-pip", "--", target).returncode == 0
    prefix = run(target / "bin" / "python", "-c", "import sys; print(sys.prefix)").stdout
    assert prefix == f"{target}\n"


def test_name_that_is_no_text(tmp_path: Path, run: Run) -> None:
    """An environment may have a name of bytes that are not UTF-8."""
    target = os.path.join(tmp_path, "\udcff")
    assert run(*NEWVENV, target).returncode == 0
    python = os.path.join(target, "bin", "python")
    assert run(python, "-m", "pip", "--version", errors="surrogateescape").returncode == 0


def test_within_another_environment(tmp_path: Path, run: Run) -> None:
    """An environment may lie in another one; neither minds."""
    assert run(*NEWVENV, "--without-pip", tmp_path / "env").returncode == 0
    before = tree(tmp_path / "env")
    assert run(*NEWVENV, "--without-pip", tmp_path / "env" / "inner").returncode == 0
    code = "import sys; print(sys.prefix)"
    inner = tmp_path / "env" / "inner"
    assert run(inner / "bin" / "python", "-c", code).stdout == f"{inner}\n"
    shutil.rmtree(inner)
    assert tree(tmp_path / "env") == before


def _file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("in the way")


def _link(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to("nowhere")


def _folder(path: Path) -> None:
    (path / "something").mkdir(parents=True)


#: What is in the way, where, and which folder is to become an environment.
OBSTACLES = {
    "file": (_file, "env", "env"),
    "dangling": (_link, "env", "env"),
    "file-above": (_file, "up", "up/env"),
    "file-far-above": (_file, "up", "up/and/env"),
    "dangling-above": (_link, "up", "up/and/env"),
    "bin": (_file, "env/bin", "env"),
    "bin-dangling": (_link, "env/bin", "env"),
    "lib": (_file, "env/lib", "env"),
    "include": (_file, "env/include", "env"),
    "activate": (_folder, "env/bin/activate", "env"),
    "config": (_folder, "env/pyvenv.cfg", "env"),
    "too-long-name": (_folder, "x", "y" * (_LONGEST + 1)),
    "too-long-name-below": (_folder, "x", "z/" + "y" * (_LONGEST + 1)),
    "too-long-path": (_folder, "x", "/".join(["y" * 250] * 17)),
}


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_obstacles(tmp_path: Path, run: Run, obstacle: str) -> None:
    """What can't be done is told in one line that names the path, and changes nothing."""
    make, place, name = OBSTACLES[obstacle]
    make(tmp_path / place)
    before = tree(tmp_path)
    result = run(*NEWVENV, "--without-pip", os.path.join(tmp_path, name))
    assert result.returncode == 1
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert str(tmp_path) in result.stderr
    assert tree(tmp_path) == before
