"""What an environment of PyPy has beside that of CPython, tried with files made up."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from newvenv import EnvBuilder, _posix

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the room of POSIX")

LIBRARY = "libpypy{}.{}-c.so".format(*sys.version_info[:2])


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a portable installation of PyPy, with a library and data beside it."""
    monkeypatch.setattr(_posix, "_IS_PYPY", True)
    base = tmp_path / "base"
    (base / "bin").mkdir(parents=True)
    (base / "lib" / "tk8.6").mkdir(parents=True)
    (base / "bin" / "pypy3").write_text("interpreter")
    (base / "bin" / LIBRARY).write_text("library")
    (base / "lib" / "libz.so").write_text("other library")
    (base / "lib" / "tk8.6" / "tk.tcl").write_text("script")
    (base / "lib" / "PYPY_PORTABLE_DEPS.txt").write_text("libz.so\ntk8.6\nmissing.so\n")
    return base


def _set_up(executable: Path, env: Path, symlinks: bool) -> None:
    (env / "bin").mkdir(parents=True)
    (env / "lib").mkdir()
    context = SimpleNamespace(
        executable=str(executable),
        env_dir=str(env),
        bin_path=str(env / "bin"),
        python_exe=executable.name,
        env_exe=str(env / "bin" / executable.name),
    )
    _posix.setup_python(context, symlinks, EnvBuilder(symlinks=symlinks).symlink_or_copy)


def test_names(base: Path, tmp_path: Path) -> None:
    """PyPy is found by its own names, too."""
    _set_up(base / "bin" / "pypy3", tmp_path / "env", symlinks=True)
    names = {path.name for path in (tmp_path / "env" / "bin").iterdir()}

    assert names >= {"pypy", "pypy3", "python", "python3"}
    assert not (tmp_path / "env" / "bin" / LIBRARY).exists()


def test_copies(base: Path, tmp_path: Path) -> None:
    """A copy of PyPy has its library and what a portable build lists beside it."""
    env = tmp_path / "env"
    _set_up(base / "bin" / "pypy3", env, symlinks=False)

    assert (env / "bin" / "python").read_text() == "interpreter"
    assert (env / "bin" / LIBRARY).read_text() == "library"
    assert (env / "lib" / "libz.so").read_text() == "other library"
    assert (env / "lib" / "tk8.6" / "tk.tcl").read_text() == "script"


def test_copies_of_a_link(base: Path, tmp_path: Path) -> None:
    """Instead of a copy of a linked PyPy there are links to the original."""
    link = tmp_path / "pypy3"
    link.symlink_to(base / "bin" / "pypy3")
    _set_up(link, tmp_path / "env", symlinks=False)

    assert {
        path.resolve() for path in (tmp_path / "env" / "bin").iterdir()
    } == {base / "bin" / "pypy3"}  # fmt: skip
