"""What the distributions hold, to the file, and the ways of running without one."""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import newvenv
from conftest import Run

pytestmark = pytest.mark.once

CHECKOUT = Path(__file__).parents[1]
NAME = f"newvenv-{newvenv.__version__}"

MODULES = [
    "__init__.py",
    "__main__.py",
    "_activation.py",
    "_alias/venv/__init__.py",
    "_cli.py",
    "_compat.py",
    "_config.py",
    "_deletion.py",
    "_files.py",
    "_kept.py",
    "_health/__init__.py",
    "_health/activation.py",
    "_health/base.py",
    "_health/consoles.py",
    "_health/disk.py",
    "_health/environment.py",
    "_health/interpreter.py",
    "_health/literals.py",
    "_health/minor.py",
    "_health/packages.py",
    "_health/paths.py",
    "_health/problem.py",
    "_health/scripts.py",
    "_health/seeds.py",
    "_launchers.py",
    "_layout.py",
    "_launchers.py",
    "_lock.py",
    "_log.py",
    "_nt.py",
    "_packages.py",
    "_platform.py",
    "_posix.py",
    "_preflight.py",
    "_python.py",
    "_quoting.py",
    "_result.py",
    "_seed/__init__.py",
    "_seed/build.py",
    "_seed/bytecode.py",
    "_seed/cache.py",
    "_seed/clone.py",
    "_seed/image.py",
    "_seed/scripts.py",
    "_seed/sources.py",
    "_seed/wheel.py",
    "_signals.py",
    "_terminal.py",
    "_transaction.py",
    "_usage.py",
    "alias.py",
    "cache.py",
    "py.typed",
]

TEMPLATES = [
    "common/Activate.ps1",
    "common/activate",
    "common/activate.elv",
    "common/activate.fish",
    "common/activate.nu",
    "common/activate.xsh",
    "common/activate_this.py",
    "nt/activate.bat",
    "nt/deactivate.bat",
    "posix/activate.csh",
]

METADATA = ["METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"]

WHEEL = {
    *(f"newvenv/{name}" for name in MODULES),
    *(f"newvenv/scripts/{name}" for name in TEMPLATES),
    *(f"{NAME}.dist-info/{name}" for name in METADATA),
}

#: What an sdist holds beside the package, its templates, tests and documents.
SDIST_FILES = {
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "PKG-INFO",
    "README.md",
    "SECURITY.md",
    "pyproject.toml",
    "tox.ini",
}
SDIST_FOLDERS = {"benchmarks", "docs", "scripts_templates", "src", "tests"}

#: What lies about in a checkout that is worked in, and belongs in no distribution.
JUNK = [
    "src/newvenv/__pycache__/_cli.cpython-39.pyc",
    "src/newvenv/_old.pyc",
    "scripts_templates/common/__pycache__/activate_this.cpython-39.pyc",
    "tests/__pycache__/conftest.cpython-39.pyc",
    ".hypothesis/examples",
    ".coverage.host",
    "dist/old.whl",
    ".venv/pyvenv.cfg",
]


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the checkout, littered as a used one is."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in SDIST_FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__", ".*")
        shutil.copytree(CHECKOUT / name, copy / name, ignore=ignored)
    for name in SDIST_FILES - {"PKG-INFO"}:
        shutil.copyfile(CHECKOUT / name, copy / name)
    for name in JUNK:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).touch()
    return copy


def build(run: Run, kind: str, source: Path, folder: Path) -> Path:
    """Build a distribution of this *kind* from *source* into *folder*; return its path."""
    pytest.importorskip("hatchling.build", reason="hatchling builds the distributions")
    program = f"import sys, hatchling.build; print(hatchling.build.build_{kind}(sys.argv[1]))"
    folder.mkdir()
    result = run(sys.executable, "-c", program, folder, cwd=source)
    assert result.returncode == 0, result.stderr
    return folder / result.stdout.split()[-1]


def unpack(sdist: Path, folder: Path) -> Path:
    """Unpack an sdist into *folder*, and return the folder that is in it."""
    with tarfile.open(sdist) as archive:
        for member in archive.getmembers():
            path = folder / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.extractfile(member).read())  # type: ignore[union-attr]
    return folder / NAME


def names(wheel: Path) -> set[str]:
    """Return the names in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def files(folder: Path) -> set[str]:
    """Return the paths of the files below *folder*, without what Python left there."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }


# The distributions


def test_wheel(run: Run, checkout: Path, tmp_path: Path) -> None:
    """The wheel holds exactly the modules, the templates and its metadata."""
    assert names(build(run, "wheel", checkout, tmp_path / "dist")) == WHEEL


def test_sdist(run: Run, checkout: Path, tmp_path: Path) -> None:
    """The sdist holds all that is needed to build and to test, and nothing else."""
    root = unpack(build(run, "sdist", checkout, tmp_path / "dist"), tmp_path)
    found = files(root)

    assert {name for name in found if "/" not in name} == SDIST_FILES
    assert {name.split("/")[0] for name in found if "/" in name} == SDIST_FOLDERS
    assert files(root / "src" / "newvenv") == set(MODULES)
    assert files(root / "scripts_templates") == set(TEMPLATES)
    assert files(root / "tests") == files(checkout / "tests")


def test_wheel_from_sdist(run: Run, checkout: Path, tmp_path: Path) -> None:
    """The wheel that is built from the sdist is the same, to the byte."""
    wheel = build(run, "wheel", checkout, tmp_path / "dist")
    root = unpack(build(run, "sdist", checkout, tmp_path / "sdist"), tmp_path)
    again = build(run, "wheel", root, tmp_path / "again")

    with zipfile.ZipFile(wheel) as first, zipfile.ZipFile(again) as second:
        assert {name: first.read(name) for name in first.namelist()} == {
            name: second.read(name) for name in second.namelist()
        }


def test_console_script(run: Run, checkout: Path, tmp_path: Path) -> None:
    """The wheel brings one console script, ``newvenv``."""
    wheel = build(run, "wheel", checkout, tmp_path / "dist")
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"{NAME}.dist-info/entry_points.txt").decode()

    assert text.split() == ["[console_scripts]", "newvenv", "=", "newvenv.__main__:main"]


def test_metadata(run: Run, checkout: Path, tmp_path: Path) -> None:
    """The metadata name the Python versions and the one dependency."""
    wheel = build(run, "wheel", checkout, tmp_path / "dist")
    with zipfile.ZipFile(wheel) as archive:
        lines = archive.read(f"{NAME}.dist-info/METADATA").decode().splitlines()

    assert "Requires-Python: >=3.9" in lines
    assert [line for line in lines if line.startswith("Requires-Dist: ")] == [
        "Requires-Dist: python-discovery>=1"
    ]


def test_line_ends(run: Run, checkout: Path, tmp_path: Path) -> None:
    """Templates have the line ends that their shells need: those of Windows only for cmd."""
    wheel = build(run, "wheel", checkout, tmp_path / "dist")
    with zipfile.ZipFile(wheel) as archive:
        texts = {name: archive.read(f"newvenv/scripts/{name}") for name in TEMPLATES}

    expected = {name: name.endswith(".bat") for name in TEMPLATES}
    assert {name: b"\r\n" in text for name, text in texts.items()} == expected


# Running from a wheel, an editable installation, a checkout

#: Tells where the templates are, and makes an environment.
USE = """
import os, sys, newvenv
from newvenv import _activation
newvenv.create(sys.argv[1], symlinks=True)
print(os.path.realpath(_activation.templates()))
"""


def activators(env: Path) -> set[str]:
    """Return which activation scripts an environment has."""
    bin_path = env / ("Scripts" if os.name == "nt" else "bin")
    return {path.name for path in bin_path.iterdir() if "activate" in path.name.lower()}


EXPECTED = {
    os.path.basename(name) for name in TEMPLATES if name.startswith(("common/", f"{os.name}/"))
}


def use(run: Run, base_python: str, folder: Path, path: Path) -> tuple[Path, set[str]]:
    """Use newvenv from *path*; return where its templates are, and what became of them."""
    variables = {**os.environ, "PYTHONPATH": str(path)}
    result = run(base_python, "-S", "-c", USE, folder / "env", env=variables, cwd=folder)
    assert result.stderr == ""
    return Path(result.stdout.strip()), activators(folder / "env")


def test_run_from_wheel(run: Run, base_python: str, checkout: Path, tmp_path: Path) -> None:
    """An unpacked wheel has its templates beside the package."""
    wheel = build(run, "wheel", checkout, tmp_path / "dist")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")  # noqa: S202 - it is our own
    found = use(run, base_python, tmp_path, tmp_path / "site")

    assert found == ((tmp_path / "site" / "newvenv" / "scripts").resolve(), EXPECTED)


def test_run_editable(run: Run, base_python: str, checkout: Path, tmp_path: Path) -> None:
    """An editable installation is a path to the checkout, and its templates are used."""
    wheel = build(run, "editable", checkout, tmp_path / "dist")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")  # noqa: S202 - it is our own
    (path_file,) = (tmp_path / "site").glob("*.pth")
    found = use(run, base_python, tmp_path, Path(path_file.read_text().strip()))

    assert not (tmp_path / "site" / "newvenv").exists()
    assert found == ((checkout / "scripts_templates").resolve(), EXPECTED)


def test_run_from_checkout(run: Run, base_python: str, checkout: Path, tmp_path: Path) -> None:
    """A checkout needs no installation."""
    found = use(run, base_python, tmp_path, checkout / "src")

    assert found == ((checkout / "scripts_templates").resolve(), EXPECTED)


def test_command_from_checkout(run: Run, base_python: str, checkout: Path, tmp_path: Path) -> None:
    """``python -m newvenv`` runs from a checkout without any library but the standard one."""
    variables = {**os.environ, "PYTHONPATH": "src", "NEWVENV_CACHE_DIR": str(tmp_path / "cache")}
    env = tmp_path / "env"
    result = run(base_python, "-S", "-m", "newvenv", env, cwd=checkout, env=variables)
    python = env / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = run(python, "-m", "pip", "--version")

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert str(env) in pip.stdout
