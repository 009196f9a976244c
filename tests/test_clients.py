"""Tools that build on ``venv``, with newvenv in its place."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import newvenv
from conftest import Run
from environments import BIN


def _prefix(python: Path | str) -> str:
    """Return the environment that *python* takes itself to be in."""
    command = [str(python), "-c", "import sys; print(sys.prefix)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """pypa/build makes its isolated environments by the API."""
    env = pytest.importorskip("build.env")
    made = []

    class Builder(newvenv.EnvBuilder):
        """Notes what it makes."""

        def create(self, env_dir: str | os.PathLike[str]) -> SimpleNamespace:
            """Make the environment *env_dir*."""
            made.append(env_dir)
            return super().create(env_dir)

    monkeypatch.setitem(sys.modules, "venv", newvenv)
    monkeypatch.setattr(newvenv, "EnvBuilder", Builder)
    with env.DefaultIsolatedEnv() as isolated:
        assert _prefix(isolated.python_executable) == str(Path(isolated.path))

    assert made


@pytest.mark.skipif(os.name == "nt", reason="names of POSIX's directories")
def test_virtualenv(run: Run, package_path: str, tmp_path: Path) -> None:
    """Virtualenv's creator ``venv`` uses the command line, and seeds what it has made."""
    pytest.importorskip("virtualenv")
    path = os.path.join(package_path, "newvenv", "_alias")
    result = run(
        *(sys.executable, "-m", "virtualenv", "--creator", "venv", "--no-download", tmp_path / "e"),
        env={**os.environ, "PYTHONPATH": path, "VIRTUALENV_OVERRIDE_APP_DATA": str(tmp_path / "a")},
    )

    assert result.returncode == 0, result.stderr
    assert (tmp_path / "e" / BIN / "activate.elv").exists()
    assert _prefix(tmp_path / "e" / BIN / "python") == str(tmp_path / "e")
