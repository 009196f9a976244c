"""Putting a file, a link or a directory in its place."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from environments import needs_links
from newvenv import _files

needs_modes = pytest.mark.skipif(os.name == "nt", reason="there are no modes there")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_write(tmp_path: Path) -> None:
    """A file gets its contents, and nothing else is left in the directory."""
    _files.write(str(tmp_path / "file"), b"data")
    assert (tmp_path / "file").read_bytes() == b"data"
    assert os.listdir(tmp_path) == ["file"]


@needs_modes
@pytest.mark.parametrize(
    ("exact", "mode"), [(False, 0o640), (True, 0o666)], ids=["by-umask", "exact"]
)
def test_write_mode(tmp_path: Path, exact: bool, mode: int) -> None:
    """The umask has its say, unless the mode is exact."""
    umask = os.umask(0o027)
    try:
        _files.write(str(tmp_path / "file"), b"", 0o666, exact_mode=exact)
    finally:
        os.umask(umask)
    assert _mode(tmp_path / "file") == mode


def test_write_leaves_alone_what_is_right(tmp_path: Path) -> None:
    """A file that has the right contents stays the very same file."""
    path = tmp_path / "file"
    path.write_bytes(b"data")
    before = path.stat()
    _files.write(str(path), b"data")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@needs_modes
def test_write_corrects_an_exact_mode(tmp_path: Path) -> None:
    """Another mode makes another file: the old one may be kept under a second name."""
    path, second = tmp_path / "file", tmp_path / "second"
    path.write_bytes(b"data")
    path.chmod(0o600)
    os.link(path, second)
    _files.write(str(path), b"data", 0o644, exact_mode=True)
    assert (_mode(path), _mode(second)) == (0o644, 0o600)


@needs_links
def test_write_replaces_a_link(tmp_path: Path) -> None:
    """A link is replaced, never written through."""
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "file").symlink_to("precious")
    _files.write(str(tmp_path / "file"), b"data")
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert not (tmp_path / "file").is_symlink()


@pytest.mark.parametrize(
    "put",
    [
        lambda path: _files.write(path, b"data"),
        lambda path: _files.symlink("target", path),
        lambda path: _files.copy(__file__, path),
    ],
    ids=["write", "symlink", "copy"],
)
def test_failure_names_the_path(tmp_path: Path, put: object) -> None:
    """An error speaks of the path that was asked for, and of no temporary one."""
    path = tmp_path / "missing" / "file"
    with pytest.raises(OSError, match="file") as caught:
        put(str(path))  # type: ignore[operator]
    assert (caught.value.filename, caught.value.filename2) == (str(path), None)
    # PyPy cannot be told that there is no second name.
    assert str(caught.value).replace(" -> None", "").endswith(f"{str(path)!r}")


def test_failure_leaves_nothing(tmp_path: Path) -> None:
    """When a thing can't take its place, its temporary name is gone, too."""
    (tmp_path / "directory").mkdir()
    with pytest.raises(OSError, match="directory"):
        _files.write(str(tmp_path / "directory"), b"data")
    assert os.listdir(tmp_path) == ["directory"]


@needs_links
def test_symlink(tmp_path: Path) -> None:
    """A link says just what it was told, and replaces what was there."""
    (tmp_path / "link").write_text("file")
    _files.symlink("somewhere", str(tmp_path / "link"))
    assert os.readlink(tmp_path / "link") == "somewhere"


@needs_links
@pytest.mark.parametrize("said", ["C:\\python.exe", "\\\\?\\C:\\python.exe"])
def test_symlink_that_is_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """A link that is right is left alone, also as Windows tells it."""
    (tmp_path / "link").symlink_to("as it was")
    monkeypatch.setattr(os, "readlink", lambda _: said)
    _files.symlink("C:\\python.exe", str(tmp_path / "link"))
    monkeypatch.undo()
    assert os.readlink(tmp_path / "link") == "as it was"


def test_copy(tmp_path: Path) -> None:
    """A copy has the contents, and replaces what was there."""
    (tmp_path / "copy").write_text("before")
    _files.copy(__file__, str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == Path(__file__).read_bytes()


@pytest.mark.parametrize("name", ["new", "a/new", ""], ids=["new", "deep", "there"])
def test_make_directory(tmp_path: Path, name: str) -> None:
    """A directory and its parents are there afterwards, as they may have been before."""
    _files.make_directory(str(tmp_path / name))
    assert (tmp_path / name).is_dir()


def test_make_directory_refuses_a_file(tmp_path: Path) -> None:
    """A file is not a directory: the error is the standard library's."""
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="Unable to create directory"):
        _files.make_directory(str(tmp_path / "file"))


def test_delete_a_directory(tmp_path: Path) -> None:
    """All that a directory holds goes with it."""
    (tmp_path / "directory" / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / "directory" / "deep" / "file").touch()
    _files.delete(str(tmp_path / "directory"))
    assert os.listdir(tmp_path) == []


@needs_links
def test_delete_follows_no_link(tmp_path: Path) -> None:
    """A link in a deleted directory goes; what it leads to stays."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (tmp_path / "directory").mkdir()
    (tmp_path / "directory" / "link").symlink_to(tmp_path / "precious")
    _files.delete(str(tmp_path / "directory"))
    assert (tmp_path / "precious" / "file").exists()
    assert not (tmp_path / "directory").exists()


@needs_modes
def test_delete_a_directory_that_is_not_writable(tmp_path: Path) -> None:
    """A directory without leave to write goes like any other."""
    (tmp_path / "directory" / "locked").mkdir(parents=True)
    (tmp_path / "directory" / "locked" / "file").touch()
    (tmp_path / "directory" / "locked").chmod(0o500)
    _files.delete(str(tmp_path / "directory"))
    assert os.listdir(tmp_path) == []


def test_scratch(tmp_path: Path) -> None:
    """A scratch path is new each time, and on the same file system."""
    first, second = (_files.scratch(str(tmp_path)) for _ in range(2))
    assert first != second
    assert Path(first).parent == tmp_path
    assert os.listdir(tmp_path) == []


def test_rename(tmp_path: Path) -> None:
    """What is at the target is replaced, be it a directory."""
    (tmp_path / "new" / "deep").mkdir(parents=True)
    (tmp_path / "old" / "other").mkdir(parents=True)
    _files.rename(str(tmp_path / "new"), str(tmp_path / "old"))
    assert os.listdir(tmp_path) == ["old"]
    assert os.listdir(tmp_path / "old") == ["deep"]


def test_move_merges_directories(tmp_path: Path) -> None:
    """What is missing in the target comes there; what is there stays."""
    for name in ("a/one", "a/both", "b/both", "b/two"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    _files.move(str(tmp_path / "a"), str(tmp_path / "b"))
    assert sorted(os.listdir(tmp_path / "b")) == ["both", "one", "two"]
    assert (tmp_path / "b" / "both").read_text() == "b/both"
    assert os.listdir(tmp_path / "a") == ["both"]


@needs_modes
def test_short_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that writes less than it was given is followed by another one."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:2]))
    _files.write(str(tmp_path / "file"), b"data!")
    assert (tmp_path / "file").read_bytes() == b"data!"


@needs_modes
def test_delete_what_is_not_readable(tmp_path: Path) -> None:
    """A directory that may not even be read goes like any other."""
    (tmp_path / "directory" / "locked").mkdir(parents=True)
    (tmp_path / "directory" / "locked" / "file").touch()
    (tmp_path / "directory" / "locked").chmod(0)
    _files.delete(str(tmp_path / "directory"))
    assert os.listdir(tmp_path) == []


def test_error_without_a_name() -> None:
    """An error that names nothing, as of a full disk, is made to."""
    error = OSError(errno.ENOSPC, "No space left on device")
    _files.set_filename(error, "/path")
    assert str(error) == f"[Errno {errno.ENOSPC}] No space left on device: '/path'"
