"""Ctrl-C at each line of newvenv that a run in this process comes to."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import newvenv
from environments import fresh, occupied
from newvenv import _files, _lock
from trees import tree

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(
    os.name == "nt" or sys.implementation.name != "cpython", reason="traces lines; raises signals"
)

#: Every how many lines a run is interrupted.
STEP = 3 if os.environ.get("NEWVENV_TEST_FAULTS") else 43

PACKAGE = os.path.dirname(newvenv.__file__)


class Failure(Exception):
    """What a hook raises."""


class Interrupter:
    """Counts the lines of newvenv that are run, and raises SIGINT at one of them."""

    def __init__(self, number: int = 0) -> None:
        self.number = number
        self.count = 0
        self.place = ""

    def trace(self, frame: Any, event: str, _: Any) -> Any:
        """Follow what newvenv runs (sys.settrace)."""
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line":
            self.count += 1
            if self.count == self.number:
                self.place = f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
                signal.raise_signal(signal.SIGINT)
        return self.trace

    def run(self, act: Callable[[], object]) -> BaseException | None:
        """Return what *act* raises."""
        before = sys.gettrace()
        sys.settrace(self.trace)
        try:
            act()
        except (KeyboardInterrupt, Failure) as error:
            return error
        finally:
            sys.settrace(before)
        return None


class Failing(newvenv.EnvBuilder):
    """Fails at the end."""

    def post_setup(self, context: Any) -> None:
        """Fail."""
        assert os.path.exists(context.env_exe)
        raise Failure


#: What is there, and what is done there.
SCENARIOS: dict[str, tuple[Callable[[Path], None], newvenv.EnvBuilder]] = {
    "fresh": (fresh, newvenv.EnvBuilder(symlinks=True)),
    "occupied": (occupied, newvenv.EnvBuilder(symlinks=True)),
    "clear": (occupied, newvenv.EnvBuilder(symlinks=True, clear=True)),
    "fresh-failing": (fresh, Failing(symlinks=True)),
    "occupied-failing": (occupied, Failing(symlinks=True)),
    "clear-failing": (occupied, Failing(symlinks=True, clear=True)),
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # Files are left to be collected.
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_interrupted_at_each_line(tmp_path: Path, scenario: str) -> None:
    """Afterwards all is as it was, or as the run was to make it, and the lock is free."""
    prepare, builder = SCENARIOS[scenario]

    def place(name: str) -> Path:
        target = tmp_path / f"{name:_<12}" / "up" / "env"
        target.parent.parent.mkdir()
        prepare(target)
        return target

    counter = Interrupter()
    target = place("undisturbed")
    before = tree(target.parent.parent)
    counter.run(lambda: builder.create(target))
    good = (before, tree(target.parent.parent))
    wrong = []
    for number in range(1, counter.count + 1, STEP):
        target = place(str(number))
        interrupter = Interrupter(number)
        interrupter.run(lambda target=target: builder.create(target))  # type: ignore[misc]
        found = tree(target.parent.parent)
        if found not in good or _files.journals or not _is_free(target):
            wrong.append((interrupter.place, sorted(found.keys() ^ before.keys())))
        _files.journals.clear()
    assert wrong == [], len(wrong)


def _is_free(target: Path) -> bool:
    try:
        with _lock.Lock(str(target), limit=0):
            return True
    except OSError:
        return False
