"""Tools from the package index that make environments by ``venv``, with the alias on."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

import newvenv
from conftest import Run
from environments import BIN

#: A template that newvenv has and the standard library has not.
MARK = "activate.elv"

pytestmark = pytest.mark.tools


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory, package_path: str, run: Run) -> Path:
    """Return the scripts' directory of an environment with the tools and the alias."""
    env = tmp_path_factory.mktemp("tools") / "env"
    newvenv.create(env, symlinks=os.name != "nt", with_pip=True)
    pip = [env / BIN / "pip", "--disable-pip-version-check", "--retries", "0"]
    if run(*pip, "install", "-q", "build", "nox", "pipx").returncode:
        pytest.skip("the package index is out of reach")
    variables = {**os.environ, "PYTHONPATH": package_path}
    assert run(env / BIN / "python", "-m", "newvenv.alias", "on", env=variables).returncode == 0
    return env / BIN


def test_build(tools: Path, run: Run, tmp_path: Path) -> None:
    """``python -m build`` builds in an environment that newvenv has made."""
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (tmp_path / "backend.py").write_text(f"""
import os, sys
def build_wheel(directory, config_settings=None, metadata_directory=None):
    print("made by newvenv:", os.path.exists(os.path.join(sys.prefix, {BIN!r}, {MARK!r})))
    name = "x-1-py3-none-any.whl"
    open(os.path.join(directory, name), "w").close()
    return name
""")
    result = run(tools / "python", "-m", "build", "--wheel", tmp_path)

    assert result.returncode == 0, result.stdout + result.stderr
    assert "made by newvenv: True" in result.stdout


def test_nox(tools: Path, run: Run, tmp_path: Path) -> None:
    """Nox, whose backend is ``venv``, runs its sessions in what newvenv has made."""
    (tmp_path / "noxfile.py").write_text("""
import nox
@nox.session(venv_backend="venv")
def session(session):
    session.run("python", "-m", "pip", "--version")
""")
    result = run(tools / "python", "-m", "nox", cwd=tmp_path)

    assert result.returncode == 0, result.stdout + result.stderr
    assert (tmp_path / ".nox" / "session" / BIN / MARK).exists()


def test_pipx(tools: Path, run: Run, tmp_path: Path) -> None:
    """Pipx, whose backend is pip, installs a program into what newvenv has made."""
    program = tmp_path / "program-1-py3-none-any.whl"
    with zipfile.ZipFile(program, "w") as wheel:
        wheel.writestr("program.py", "def main(): print('it runs')\n")
        info = "program-1.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: program\nVersion: 1\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/entry_points.txt", "[console_scripts]\nprogram = program:main\n")
        wheel.writestr(f"{info}/RECORD", "")
    places = {f"PIPX_{name}": str(tmp_path / name) for name in ("HOME", "BIN_DIR", "MAN_DIR")}
    command = (tools / "pipx", "install", "--backend", "pip", "--python", tools / "python", program)
    result = run(*command, env={**os.environ, **places})

    assert result.returncode == 0, result.stdout + result.stderr
    assert (tmp_path / "HOME" / "venvs" / "program" / BIN / MARK).exists()
    assert run(tmp_path / "BIN_DIR" / "program").stdout == "it runs\n"
