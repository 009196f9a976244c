"""What the documents say, held against what is there."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from conftest import Run

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(
    not (ROOT / "README.md").exists(), reason="the documents are not installed"
)


def _code_blocks(text: str) -> list[str]:
    """Return the indented blocks of a Markdown text, without their indentation."""
    found = re.findall(r"(?:^    .*\n(?:\n(?=    ))?)+", text, re.M)
    return [re.sub(r"^    ", "", block, flags=re.M) for block in found]


def _proofs(page: Path) -> list[str]:
    """Return the tests that a page names."""
    return sorted(set(re.findall(r"`(?:\w+\.py::)?(test_\w+)`", page.read_text("utf-8"))))


README = (ROOT / "README.md").read_text("utf-8") if (ROOT / "README.md").exists() else ""


def test_ci_runs_the_commands_of_the_readme() -> None:
    """The two commands that README.md begins with are those that CI runs."""
    commands = _code_blocks(README)[0].splitlines()
    script = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()

    assert len(commands) == 2
    assert script[-2:] == commands


@pytest.mark.skipif(sys.version_info[:2] != (3, 13), reason="the help of 3.13 is recorded")
def test_usage(run: Run) -> None:
    """The usage text in README.md is the program's."""
    result = run(sys.executable, "-m", "newvenv", "--help", env={**os.environ, "COLUMNS": "80"})
    usage = result.stdout.partition("\n\n")[0]

    assert usage in [block.rstrip() for block in _code_blocks(README)]


def test_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python example in README.md works."""
    monkeypatch.chdir(tmp_path)
    code = re.search(r"^import newvenv$.*", _code_blocks(README)[1], re.M | re.S)
    assert code
    exec(compile(code.group(), "README.md", "exec"), {})  # noqa: S102 - our own README

    assert (tmp_path / "DIR" / "pyvenv.cfg").exists()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"NEWVENV_[A-Z]+(?:_[A-Z]+)*", README))))
def test_variable(name: str) -> None:
    """Each variable that README.md names is one that the code reads."""
    sources = [path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py")]

    assert any(f'"{name}"' in source for source in sources)


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", README), ids=str)
def test_link(link: str) -> None:
    """Each page that README.md points to is there."""
    assert (ROOT / link).exists()


@pytest.mark.parametrize(
    ("page", "test"),
    [
        (page.name, test)
        for page in sorted((ROOT / "docs").glob("*.md"))
        for test in sorted(
            set(re.findall(r"`(?:tests/)?(?:\w+\.py::)?(test_\w+)`", page.read_text("utf-8")))
        )
    ],
)
def test_proof(page: str, test: str) -> None:
    """Each test that a page names as a proof exists."""
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py"))

    assert f"def {test}(" in sources or (ROOT / "tests" / f"{test}.py").exists(), page
