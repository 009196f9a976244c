"""Environments for tests that break them: by every maker, or with things of its user's."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any, Callable

import pytest

import newvenv
from newvenv._seed import sources


def _can_link() -> bool:
    with tempfile.TemporaryDirectory() as directory:
        try:
            os.symlink("nowhere", os.path.join(directory, "link"))
        except OSError:
            return False
    return True


needs_links = pytest.mark.skipif(
    not _can_link(), reason="symbolic links need a right that this user lacks"
)

#: For what ``site`` spoils on Windows.
not_on_path = pytest.mark.skipif(
    os.name == "nt", reason="an environment's directory is on sys.path there, before its packages"
)

BIN = "Scripts" if os.name == "nt" else "bin"
VERSION = "python{}.{}".format(*sys.version_info[:2])


def make_wheel(directory: Path) -> Path:
    """Make a wheel of ``hello`` 1.0, whose command of that name prints ``sys.prefix``."""
    info = "hello-1.0.dist-info"
    files = {
        "hello.py": "import sys\n\ndef main():\n    print(sys.prefix)\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: hello\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nhello = hello:main\n",
    }
    lines = [f"{name},{hash_of(data.encode())},{len(data)}\n" for name, data in files.items()]
    files[f"{info}/RECORD"] = "".join([*lines, f"{info}/RECORD,,\n"])
    path = directory / "hello-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


#: A project's own build backend: a wheel with nothing but the path of its directory.
BACKEND = """
import os, zipfile

def build_editable(directory, config_settings=None, metadata_directory=None):
    info = "thing-1.dist-info"
    files = {
        "thing.pth": os.getcwd() + "\\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\\nName: thing\\nVersion: 1\\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    lines = [f"{name},,\\n" for name in [*files, f"{info}/RECORD"]]
    with zipfile.ZipFile(os.path.join(directory, "thing-1-py3-none-any.whl"), "w") as archive:
        for name, data in {**files, f"{info}/RECORD": "".join(lines)}.items():
            archive.writestr(name, data)
    return "thing-1-py3-none-any.whl"
"""


def make_project(path: Path) -> None:
    """Make a project ``thing`` in *path* that can be installed as editable, without a network."""
    path.mkdir()
    (path / "thing.py").touch()
    (path / "backend.py").write_text(BACKEND)
    (path / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "thing"\nversion = "1"\n'
    )


def hash_of(data: bytes) -> str:
    """Return the hash of *data* as RECORD has it."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
    return f"sha256={digest.decode().rstrip('=')}"


def fresh(target: Path) -> None:
    """Leave *target* missing."""


def occupied(target: Path, **options: Any) -> None:
    """Make an environment of other settings, with things of its user's in it."""
    newvenv.create(target, symlinks=True, prompt="before", **options)
    (target / "bin" / "activate").write_text("the user's own\n")
    (target / "notes").mkdir()
    (target / "notes" / "text").write_text("keep me")


def _tool(name: str) -> str:
    path = shutil.which(name, path=os.path.dirname(sys.executable))
    if path is None:
        pytest.skip(f"{name} is not installed beside the tests")
    return path


def _virtualenv(python: str, path: Path) -> list[str]:
    return [_tool("virtualenv"), "--python", python, "--no-download", str(path)]


#: The commands by which an environment of a base's executable is made.
MAKERS: dict[str, Callable[[str, Path], list[str]]] = {
    "newvenv": lambda python, path: [python, "-m", "newvenv", str(path)],
    "venv": lambda python, path: [python, "-m", "venv", str(path)],
    "venv-copies": lambda python, path: [
        *(python, "-m", "venv", "--copies", "--without-pip", str(path))
    ],
    "virtualenv": _virtualenv,
    "uv": lambda python, path: [_tool("uv"), "venv", "-q", "--seed", "-p", python, str(path)],
    "uv-without-pip": lambda python, path: [_tool("uv"), "venv", "-q", "-p", python, str(path)],
}

#: The packages of the distributions that come with an environment.
SEEDS = ("pip", "setuptools", "pkg_resources")

#: Those that are tested on this version of Python: the others take turns.
TESTED = ["newvenv", "venv", *list(MAKERS)[2 + sys.version_info[1] % 2 :: 2]]

#: Those of them that have a pip. (That of ``venv --copies`` is the same as that of ``venv``.)
WITH_PIP = [maker for maker in ("newvenv", "venv", "virtualenv", "uv") if maker in TESTED]


def make(maker: str, python: str, path: Path, package_path: str, wheel: Path) -> None:
    """Make an environment in *path* with ``hello`` installed, or skip the test."""
    variables = {**os.environ, "PYTHONPATH": package_path, "VIRTUALENV_NO_PERIODIC_UPDATE": "1"}
    variables["UV_CACHE_DIR"] = str(path.parent / "uv")
    _run([*MAKERS[maker](python, path)], variables)
    del variables["PYTHONPATH"]
    python = str(path / BIN / "python")
    options = ["--no-index", "--no-deps", "--find-links", str(wheel.parent), "hello"]
    if maker == "uv-without-pip":
        _run([_tool("uv"), "pip", "install", "-q", "--python", python, *options], variables)
    else:
        _run([python, *_pip(maker), "install", "-q", *options], variables)


def _pip(maker: str) -> list[str]:
    """Return the arguments by which an environment's Python runs a pip: its own, or a wheel's."""
    if maker in WITH_PIP:
        return ["-m", "pip"]
    (wheel,) = (seed for seed in sources.find() if os.path.basename(seed).startswith("pip-"))
    return [os.path.join(wheel, "pip")]


def _run(command: list[str], variables: dict[str, str]) -> None:
    result = subprocess.run(command, env=variables, capture_output=True, text=True)
    if result.returncode:
        assert "newvenv" not in command, result.stderr
        pytest.skip(f"{command[:3]} failed: {result.stderr}")


def copy(source: Path, target: Path) -> None:
    """Copy an environment; seed packages' many files are linked: no test may write into them."""
    seeds = tuple(f"site-packages{os.sep}{name}{os.sep}" for name in SEEDS)

    def copy_file(source: str, target: str) -> None:
        if any(seed in source for seed in seeds):
            os.link(source, target)
        else:
            shutil.copy2(source, target, follow_symlinks=False)

    shutil.copytree(source, target, symlinks=True, copy_function=copy_file)


def snapshot(root: Path) -> dict[str, tuple[int, ...]]:
    """Return all that could change below *root*, times and inodes included."""
    found: dict[str, tuple[int, ...]] = {}
    for directory, directories, names in os.walk(root):
        for name in [".", *directories, *names]:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            what = status.st_ino, status.st_mode, status.st_size, status.st_uid
            found[path] = *what, status.st_mtime_ns, status.st_ctime_ns
    return found


def false_records(env: Path) -> list[str]:
    """Return the files in *env* whose size or hash is not what a RECORD says."""
    return [
        name
        for record in env.glob("lib/*/site-packages/*.dist-info/RECORD")
        for name, digest, size in (line.rsplit(",", 2) for line in record.read_text().splitlines())
        if digest
        and not name.endswith(".pyc")
        and not _is_true(record.parents[1] / name, digest, size)
    ]


def _is_true(path: Path, digest: str, size: str) -> bool:
    data = path.read_bytes()
    return hash_of(data) == digest and str(len(data)) == size
