"""What all tests share: the interpreters at hand and how a command is run."""

from __future__ import annotations

import compileall
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Callable

import pytest

import newvenv

Run = Callable[..., "subprocess.CompletedProcess[str]"]

#: What makes coverage measure child processes.
_MEASURING = {name: os.environ[name] for name in os.environ if name.startswith("COVERAGE_PROCESS")}

#: Settings of whoever runs the tests that would change what is tested.
_FOREIGN = ("PYTHON", "PIP_", "NEWVENV_", "VIRTUAL_ENV", "XDG_CACHE_HOME", *_MEASURING)


#: Windows' error for a user without the right to make symbolic links.
_NO_LINKS = 1314


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    """Skip a test that needs links, or whose fixtures do, where the user may make none."""
    try:
        yield
    except OSError as error:
        if getattr(error, "winerror", None) == _NO_LINKS:
            pytest.skip("symbolic links need a right that this user lacks")
        raise


pytest_runtest_setup = pytest_runtest_call


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep the user's cache and settings out of the tests, and the tests out of them."""
    # A shell that starts the tests in the background has SIGINT ignored, nohup SIGHUP, and so
    # would all that the tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    needed = ("PYTHONPATH", "PIP_INDEX", "PIP_EXTRA", "PIP_CERT", "PIP_FIND")
    kept = {name for name in os.environ if name.startswith(needed)}
    for name in [name for name in os.environ if name.startswith(_FOREIGN) and name not in kept]:
        del os.environ[name]
    cache = tmp_path_factory.mktemp("cache")
    os.environ["NEWVENV_CACHE_DIR"] = str(cache)
    return cache


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure the child processes of a test, too, if it is measured: that makes them slow."""
    for name, value in _MEASURING.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def base_python() -> str:
    """Return the interpreter that the running one, maybe of an environment, is based on."""
    if sys.prefix == sys.base_prefix:
        return sys.executable
    folders = [Path(sys.base_prefix, "bin"), Path(sys.base_prefix), Path("/usr/bin")]
    kind = {"cpython": "python"}.get(sys.implementation.name, sys.implementation.name)
    names = ["{}{}.{}".format(kind, *sys.version_info[:2]), "python.exe"]
    places = [folder / name for folder in folders for name in names]
    return next(str(place) for place in places if place.exists())


@pytest.fixture(scope="session")
def package_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a folder for PYTHONPATH that has newvenv and what it needs, and nothing else."""
    folder = tmp_path_factory.mktemp("packages")
    for package in (newvenv,):
        source = Path(str(package.__file__)).parent
        shutil.copytree(
            source, folder / source.name, ignore=shutil.ignore_patterns("*.pyc", "__pycache__")
        )
    scripts = Path(newvenv.__file__).parents[2] / "scripts_templates"
    if not (folder / "newvenv" / "scripts").exists():
        shutil.copytree(scripts, folder / "newvenv" / "scripts")
    # Up to 3.13 Python would leave half of the bytecode where a test limits the size of files.
    compileall.compile_dir(folder, quiet=2, rx=re.compile(r"[/\\]scripts[/\\]"))
    return str(folder)


@pytest.fixture(scope="session")
def run() -> Run:
    """Return a function that runs a command and captures what it prints, as text."""

    def run(*command: object, **kwargs: object) -> subprocess.CompletedProcess[str]:
        # What is not Python's own output has another encoding on Windows.
        errors = "backslashreplace" if os.name == "nt" else "strict"
        usual = {"capture_output": True, "encoding": "utf-8", "errors": errors, "check": False}
        options = {**usual, **kwargs}
        words = [os.fspath(word) if isinstance(word, Path) else str(word) for word in command]
        return subprocess.run(words, **options)  # type: ignore[call-overload,no-any-return]

    return run
