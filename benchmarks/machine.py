"""Where and with what was measured; and which interpreters there are."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers import Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

_ASK = (
    "import sys; v = sys.version_info; "
    "print(sys.implementation.name, v.releaselevel, *v[:3], sys._base_executable)"
)
#: The minor versions that newvenv is for.
_MINORS = range(9, 16)

#: How many files are created to find out what that costs.
_FILES = 500


def newest() -> str:
    """Return the newest final CPython among the running one and those on the PATH.

    In an environment, the interpreter that it was made of stands for it.

    :raises Failure: there is none.
    """
    on_path = [shutil.which(f"python3.{minor}") for minor in _MINORS]
    found = [_ask(path) for path in [sys.executable, *on_path] if path]
    final = [(version, path) for name, level, version, path in found if (name, level) == _FINAL]
    if not final:
        raise Failure("no CPython found; name one: --python PATH")
    return max(final)[1]


_FINAL = ("cpython", "final")


def _ask(path: str) -> tuple[str, str, tuple[int, ...], str]:
    """Return the implementation, release level, version and base of an interpreter."""
    try:
        answer = subprocess.check_output(
            [path, "-I", "-c", _ASK], stderr=subprocess.DEVNULL, encoding="utf-8"
        )
    except (OSError, subprocess.CalledProcessError):  # a shim of pyenv's that leads nowhere?
        return "", "", (), path
    name, level, *version, base = answer.rstrip("\n").split(" ", 5)
    return name, level, tuple(map(int, version)), base


def checked(path: str) -> str:
    """Return the path of the CPython that *path* is, or that this environment is made of.

    :raises Failure: it isn't a CPython.
    """
    name, _, _, base = _ask(path)
    if name != "cpython":
        raise Failure(f"not a CPython: {path!r}")
    return base


def check_room(folder: str, needed: int) -> None:
    """Make sure that *needed* MiB are free where *folder* is.

    :raises Failure: they aren't.
    """
    free = shutil.disk_usage(folder).free // 2**20
    if free < needed:
        raise Failure(
            f"{needed} MiB are needed for the environments and {free} are free: name a "
            "folder with more room in TMPDIR, or make fewer: --number"
        )


def facts(folder: Path) -> dict[str, str]:
    """Return what this machine is, and of which type the file system of *folder*."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "file system": f"{_file_system(folder)}, {_creation(folder):.0f} µs to create a file",
        "load at the start": f"{os.getloadavg()[0]:.2f}",
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    model = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return model[1] if model else platform.processor() or platform.machine()


def _file_system(folder: Path) -> str:
    """Return the type of the file system that *folder*, an absolute path, is on."""
    try:
        lines = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "unknown"
    mounts = {line.split(" ")[1]: line.split(" ")[2] for line in lines}
    places = [str(place) for place in (folder, *folder.parents)]
    return next((mounts[place] for place in places if place in mounts), "unknown")


def _creation(folder: Path) -> float:
    """Return the microseconds of CPU time that an empty file in *folder* costs.

    File systems differ by a factor of fifty here, and so do the ratios of the peers then.
    """
    with tempfile.TemporaryDirectory(dir=folder) as place:
        start = time.process_time()
        for number in range(_FILES):
            os.close(os.open(os.path.join(place, str(number)), os.O_CREAT | os.O_WRONLY))
        return (time.process_time() - start) / _FILES * 1e6


def command(arguments: Sequence[str]) -> str:
    """Return the command line that *arguments* make, without this machine's paths."""
    words = [re.sub(r"^((?:--?\w+=)?).*/", r"\1", word) for word in arguments]
    return " ".join(["python benchmarks", *words])
