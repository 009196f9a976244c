"""The measure of images: what the releases of pip themselves make of their wheels.

By default each version of Python compares one release, and all together several; all that
the index offers are compared with ``NEWVENV_TEST_RELEASES=all``.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from typing import TYPE_CHECKING, Callable

import pytest

import newvenv
from newvenv import _seed
from newvenv._seed import sources
from trees import tree

if TYPE_CHECKING:
    import types
    from pathlib import Path

    from conftest import Run

pytestmark = pytest.mark.skipif(os.name == "nt", reason="pip makes launchers there")

#: The first pip that can start, from which Python on.
_STARTS = {(3, 9): (22, 0), (3, 12): (23, 2), (3, 15): (25, 2)}
FIRST_PIP = next(_STARTS[since] for since in reversed(_STARTS) if sys.version_info >= since)

EVERYTHING = os.environ.get("NEWVENV_TEST_RELEASES") == "all"

Download = Callable[[str], str]


@pytest.fixture(scope="module")
def download(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Download:
    """Return a function that downloads the wheel of a requirement, and returns its path."""

    def download(requirement: str) -> str:
        folder = tmp_path_factory.mktemp("wheel")
        command = ["download", "-q", "--no-deps", "--only-binary", ":all:", "-d", folder]
        done = run(sys.executable, "-m", "pip", *command, requirement)
        if done.returncode != 0:
            pytest.skip(f"the index has no {requirement} for this Python")
        return str(next(folder.glob("*.whl")))

    return download


@pytest.fixture(scope="module")
def releases(run: Run) -> Callable[[str], list[str]]:
    """Return a function that lists which releases of a project the index offers."""

    def releases(project: str) -> list[str]:
        done = run(sys.executable, "-m", "pip", "index", "versions", project)
        if done.returncode != 0:
            pytest.skip("there is no index")
        line = next(line for line in done.stdout.splitlines() if "versions:" in line)
        return re.findall(r"(?<= )\d[\d.]*(?=,|$)", line)

    return releases


def some(found: list[str], first: tuple[int, ...], last: tuple[int, ...]) -> list[str]:
    """Return those between two releases that are to be tested: an extreme or a middle one, or all.

    Python 3.11 and 3.14 compare the newest one, 3.9 and 3.12 one in the middle.
    """
    found = [one for one in found if first <= tuple(map(int, one.split("."))) < last]
    turn = (sys.version_info[1] + 1) % 3
    return found if EVERYTHING else [found[(len(found) - 1) * turn // 2]]


def context_of(path: Path) -> types.SimpleNamespace:
    """Return the context of an environment without pip, made anew."""
    shutil.rmtree(path, ignore_errors=True)
    return newvenv.EnvBuilder(symlinks=True).create(path)


def compare(wheels: list[str], pip: str, path: Path, run: Run, patch: pytest.MonkeyPatch) -> None:
    """Compare what the wheel of *pip* makes of *wheels* with the clone of an image of them."""
    context = context_of(path)
    pins = ["{}=={}".format(*os.path.basename(wheel).split("-")) for wheel in wheels]
    links = [word for wheel in wheels for word in ("-f", os.path.dirname(wheel))]
    command = ["-I", f"{pip}/pip", "--isolated", "install", "-q", "--no-index", "--no-deps"]
    # From its wheel pip 22.1 takes itself for installed.
    options = ["--no-cache-dir", "--ignore-installed", *links, *pins]
    done = run(context.env_exe, *command, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    expected = tree(path)
    context = context_of(path)
    patch.setattr(sources, "find", lambda: wheels)
    assert _seed.clone(context) is None
    assert tree(path) == expected


def test_pip(
    download: Download,
    releases: Callable[[str], list[str]],
    tmp_path: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An image of pip is what that pip installs of itself, file by file."""
    for release in some(releases("pip"), FIRST_PIP, (26, 4)):
        wheel = download(f"pip=={release}")
        compare([wheel], wheel, tmp_path / "env", run, monkeypatch)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="pip alone is installed")
def test_setuptools(
    download: Download,
    releases: Callable[[str], list[str]],
    tmp_path: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An image of setuptools is what a pip of its days installs, file by file."""
    pip = download("pip==23.3.2")
    for release in some(releases("setuptools"), (65,), (81,)):
        wheels = [pip, download(f"setuptools=={release}")]
        compare(wheels, pip, tmp_path / "env", run, monkeypatch)
