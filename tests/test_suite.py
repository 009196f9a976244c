"""The interpreter's own test suite of ``venv``, run on newvenv."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from conftest import Run


def _suite(base_python: str, path: str, run: Run) -> tuple[str, str]:
    """Run ``test.test_venv``; return its report and the file that ``venv`` came from."""
    found = run(base_python, "-c", "import test.test_venv")
    if found.returncode:
        pytest.skip("this Python was installed without its test suite")
    environment = {**os.environ, "PYTHONPATH": path}
    where = run(base_python, "-c", "import venv; print(venv.__file__)", env=environment)
    result = run(base_python, "-m", "unittest", "-v", "test.test_venv", env=environment)
    return result.stderr, where.stdout.strip()


def test_own_suite(base_python: str, package_path: str, run: Run) -> None:
    """What the running version's own tests demand of ``venv`` holds for newvenv."""
    report, file = _suite(base_python, os.path.join(package_path, "newvenv", "_alias"), run)

    assert Path(file).parent.name == "newvenv"
    assert re.search(r"^Ran (?!0 )\d+ tests", report, re.M), report
    assert re.search(r"^OK", report, re.M), report
