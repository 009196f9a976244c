"""What an environment of PyPy has beside that of CPython, tried with files made up."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from newvenv import EnvBuilder, _posix

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="rules of POSIX")

VERSIONED = "python{}.{}".format(*sys.version_info[:2])
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


class Builder(EnvBuilder):
    """Notes what it is asked to link or copy."""

    def __init__(self, symlinks: bool) -> None:
        super().__init__(symlinks=symlinks)
        self.calls: list[tuple[str, str, bool]] = []

    def symlink_or_copy(self, src: str, dst: str, relative_symlinks_ok: bool = False) -> None:
        """Note the call, then do as usual."""
        self.calls.append((src, dst, relative_symlinks_ok))
        super().symlink_or_copy(src, dst, relative_symlinks_ok)


def _context(executable: Path, env: Path) -> SimpleNamespace:
    return SimpleNamespace(
        executable=str(executable),
        env_dir=str(env),
        bin_path=str(env / "bin"),
        env_exe=str(env / "bin" / executable.name),
    )


def _set_up(executable: Path, env: Path, symlinks: bool) -> Builder:
    (env / "bin").mkdir(parents=True)
    (env / "lib").mkdir()
    builder = Builder(symlinks)
    _posix.setup_python(_context(executable, env), symlinks, builder.symlink_or_copy)
    return builder


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


@pytest.mark.parametrize("symlinks", [False, True], ids=["copies", "links"])
@pytest.mark.parametrize("is_link", [False, True], ids=["file", "link"])
def test_calls(base: Path, tmp_path: Path, symlinks: bool, is_link: bool) -> None:
    """The builder's method is called for each name, as PyPy's own ``venv`` does."""
    (tmp_path / "pypy3").symlink_to(base / "bin" / "pypy3")
    executable = [base / "bin", tmp_path][is_link] / "pypy3"
    bin_path = tmp_path / "env" / "bin"
    builder = _set_up(executable, tmp_path / "env", symlinks)

    assert builder.calls[:5] == [
        (str(executable), str(bin_path / "pypy3"), False),
        *(
            (str(bin_path / "pypy3"), str(bin_path / name), True)
            for name in ("python", "python3", VERSIONED, "pypy")
        ),
    ]


def test_calls_for_libraries(base: Path, tmp_path: Path) -> None:
    """The builder's method is called for each library of a copy, too, but not of a link."""
    (tmp_path / "pypy3").symlink_to(base / "bin" / "pypy3")
    names = ["libz.so", "tk8.6"]
    copies = _set_up(base / "bin" / "pypy3", tmp_path / "copies", symlinks=False).calls
    links = _set_up(tmp_path / "pypy3", tmp_path / "links", symlinks=False).calls

    assert [path for source, path, _ in copies[1:] if source != copies[0][1]] == [
        str(tmp_path / "copies" / "bin" / LIBRARY),
        *(str(tmp_path / "copies" / "lib" / name) for name in names),
    ]
    assert [path for source, path, _ in links[1:] if source != links[0][1]] == []


@pytest.mark.parametrize("is_link", [False, True], ids=["file", "link"])
def test_interpreter_files(base: Path, tmp_path: Path, is_link: bool) -> None:
    """The libraries that a copy needs are listed, and so is a link in a copy's place."""
    links = tmp_path / "links"
    links.mkdir()
    (links / "pypy3").symlink_to(base / "bin" / "pypy3")
    executable = [base / "bin", links][is_link] / "pypy3"
    files = _posix.interpreter_files(_context(executable, tmp_path / "env"), symlinks=False)
    library = (str(tmp_path / "env" / "bin" / LIBRARY), "copy", str(base / "bin" / LIBRARY))
    link = (str(tmp_path / "env" / "bin" / "pypy3"), "link", str(base / "bin" / "pypy3"))

    assert [library in files, link in files] == [not is_link, is_link]
