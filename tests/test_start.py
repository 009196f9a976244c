"""``python tests``: what it says if it can't begin."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from conftest import Run

TESTS = Path(__file__).parent

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not (TESTS / "__main__.py").exists(), reason="the program is not there"),
]

#: Runs the program where there is no tox.
WITHOUT_TOX = """
import importlib.util, runpy, sys
importlib.util.find_spec = lambda name: None
program = sys.argv.pop(1)
runpy.run_path(program, run_name="__main__")
"""

#: Stands in for a program that is run by ``python -m``.
PIP = (
    "import sys; sys.exit('ERROR: Could not find x\\nERROR: No matching distribution found for x')"
)
TOX = "import signal; print(signal.getsignal(signal.SIGINT))"

REPORT = """{"testenvs": {
    "py313": {"setup": [{"retcode": 0, "err": "ERROR: x"}], "test": [{"retcode": 1, "err": ""}]},
    "lint": {"setup": [{"retcode": 1, "err": "ERROR: a\\n\\u001b[31mERROR: b\\u001b[0m\\nhint"}]},
    ".pkg": {}
}}"""


def load() -> Any:
    """Return the program as a module."""
    spec = importlib.util.spec_from_file_location("start", TESTS / "__main__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_tox(run: Run, tmp_path: Path) -> None:
    """Offline, and without tox, it ends in one line that says what is missing."""
    (tmp_path / "pip.py").write_text(PIP)
    variables = {**os.environ, "PYTHONPATH": str(tmp_path)}
    result = run(sys.executable, "-c", WITHOUT_TOX, TESTS / "__main__.py", env=variables)

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    assert "tox" in result.stderr
    assert "No matching distribution found for x" in result.stderr


def test_report(tmp_path: Path) -> None:
    """An environment that could not be set up is told, with the reason."""
    (tmp_path / "report").write_text(REPORT)

    assert load().unprepared(tmp_path / "report") == {"lint": "b"}


@pytest.mark.parametrize("text", ["", "{}", "[]"])
def test_no_report(tmp_path: Path, text: str) -> None:
    """Where tox has reported nothing, nothing is told."""
    (tmp_path / "report").write_text(text)

    assert load().unprepared(tmp_path / "report") == {}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
def test_in_the_background(run: Run, tmp_path: Path) -> None:
    """Started in the background, where SIGINT is ignored, tests can be interrupted all the same."""
    (tmp_path / "tox.py").write_text(TOX)
    variables = {**os.environ, "PYTHONPATH": str(tmp_path)}
    words = ["trap '' INT; exec \"$@\"", "sh", sys.executable, TESTS / "__main__.py"]
    result = run("sh", "-c", *words, env=variables)

    assert (result.returncode, result.stderr) == (0, "")
    assert "default_int_handler" in result.stdout
