"""The documented example runs, and is clean for strict type checkers."""

from __future__ import annotations

import os
import re
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import newvenv
from conftest import Run

PAGE = Path(__file__).parents[1] / "docs" / "command-line.md"

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not PAGE.exists(), reason="the documents are not installed"),
]

IMPORTS = "from pathlib import Path\nfrom types import SimpleNamespace\n\n"


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """Return a file with the example."""
    section = PAGE.read_text("utf-8").partition("## In Python")[2]
    code = re.sub(r"^    ", "", section[section.index("    import newvenv") :], flags=re.M)
    path = tmp_path / "example.py"
    path.write_text(IMPORTS + code)
    return path


def test_example(example: Path, run: Run) -> None:
    """The example works."""
    result = run(sys.executable, example, cwd=example.parent)

    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == f"made {example.parent / 'OTHER'}"


def test_mypy(example: Path, run: Run) -> None:
    """It is clean for mypy."""
    if not find_spec("mypy"):
        pytest.skip("mypy is not installed")
    source = Path(newvenv.__file__).parents[1]
    # mypy finds by itself what is installed, and refuses to be told.
    path = {} if source.name == "site-packages" else {"MYPYPATH": str(source)}
    result = run(
        *(sys.executable, "-m", "mypy", "--strict", "--cache-dir", example.parent / "c", example),
        env={**os.environ, **path},
        cwd=example.parent,
    )

    assert result.returncode == 0, result.stdout


def test_pyright(example: Path, run: Run) -> None:
    """It is clean for pyright."""
    pyright = shutil.which("pyright", path=os.path.dirname(sys.executable))
    if pyright is None:
        pytest.skip("pyright is not installed")
    source = str(Path(newvenv.__file__).parents[1])
    settings = f'{{"typeCheckingMode": "strict", "extraPaths": ["{source}"]}}'
    (example.parent / "pyrightconfig.json").write_text(settings)
    result = run(pyright, "-p", example.parent, cwd=example.parent)

    assert result.returncode == 0, result.stdout
