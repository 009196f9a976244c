"""The interpreter's own test suite of ``venv``, run on newvenv."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Callable

import pytest

from conftest import Run

Report = Callable[..., str]


@pytest.fixture
def report(base_python: str, run: Run) -> Report:
    """Return a function that runs tests of the standard library and returns what they print.

    They make their files below *directory*, and import ``venv`` from *path*.
    """
    found = run(base_python, "-c", "import test.test_venv")
    if found.returncode:
        pytest.skip(f"its own tests can't be imported: {found.stderr.splitlines()[-1]}")

    def report(tests: str, directory: Path, path: str = "") -> str:
        directory.mkdir(exist_ok=True)
        variables = {"PYTHONPATH": path, **dict.fromkeys(["TMPDIR", "TEMP", "TMP"], str(directory))}
        command = [base_python, "-m", "unittest", "-v", tests]
        return run(*command, env={**os.environ, **variables}).stderr

    return report


def _failures(report: str) -> set[str]:
    return set(re.findall(r"^(?:ERROR|FAIL): (\w+)", report, re.M))


@pytest.fixture
def path(base_python: str, package_path: str, run: Run) -> str:
    """Return a value of PYTHONPATH by which ``venv`` is newvenv."""
    path = os.path.join(package_path, "newvenv", "_alias")
    environment = {**os.environ, "PYTHONPATH": path}
    result = run(base_python, "-c", "import venv; print(venv.__file__)", env=environment)
    assert Path(result.stdout.strip()).parent.name == "newvenv"
    return path


def test_own_suite(report: Report, path: str, tmp_path: Path) -> None:
    """What the running version's own tests demand of ``venv`` holds for newvenv."""
    text = report("test.test_venv", tmp_path, path)

    assert re.search(r"^Ran (?!0 )\d+ tests", text, re.M), text
    assert re.search(r"^OK", text, re.M), text


@pytest.mark.once
def test_own_suite_with_a_blank(report: Report, path: str, tmp_path: Path) -> None:
    """In a directory with a blank no test fails but those that fail for ``venv`` itself."""
    ours = report("test.test_venv", tmp_path / "a b", path)
    theirs = report("test.test_venv.BasicTest", tmp_path / "a b")

    assert re.search(r"^Ran (?!0 )\d+ tests", ours, re.M), ours
    assert _failures(ours) <= _failures(theirs), ours
