"""The cache: where it is, when it is trusted, what damage does (nothing), how files are cloned.

Everything here runs on a pip of a few lines, so that making an image costs next to nothing.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
import types
from pathlib import Path
from typing import Any, Callable

import pytest

from newvenv import _cache, _files, _image, _seed, cache
from test_image import PIP, make_wheel
from trees import tree

POSIX = pytest.mark.skipif(os.name == "nt", reason="owners and modes")
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux")
CPYTHON = pytest.mark.skipif(sys.implementation.name != "cpython", reason="the slow way is taken")

pytestmark = [CPYTHON]

Make = Callable[[str], Path]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the place of a cache that does not exist yet."""
    path = tmp_path / "cache"
    monkeypatch.setenv("NEWVENV_CACHE_DIR", str(path))
    monkeypatch.delenv("NEWVENV_LINK_MODE", raising=False)
    _cache._known.clear()
    return path


@pytest.fixture
def make(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Make:  # noqa: ARG001
    """Return a function that makes a thing like an environment with the tiny pip.

    It says where its site-packages is; the slow way is an error.
    """
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    make_wheel(wheels, PIP)
    monkeypatch.setenv("NEWVENV_WHEEL_DIR", str(wheels))
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    monkeypatch.setattr(_seed, "_distribution_wheels", lambda: None)

    def make(name: str) -> Path:
        context = environment(tmp_path / "envs" / name)
        _seed.install(context, call_new_python)
        return Path(context.lib_path)

    return make


def call_new_python(*_: object, **__: object) -> None:
    """Stand for the slow way."""
    raise AssertionError("the slow way was taken")


def environment(path: Path) -> types.SimpleNamespace:
    """Make what the fast way needs of an environment at *path*."""
    context = types.SimpleNamespace(
        env_dir=str(path),
        executable=_seed._base_executable(),
        lib_path=str(path / "lib"),
        bin_path=str(path / "bin"),
        env_exec_cmd=str(path / "bin" / "python3"),
    )
    for folder in (context.lib_path, context.bin_path):
        os.makedirs(folder, exist_ok=True)
    if not os.path.lexists(context.env_exec_cmd):
        os.symlink(context.executable, context.env_exec_cmd)
    return context


def image_of(root: Path) -> Path:
    """Return the folder of the only image in the cache."""
    [path] = root.glob("pip-*")
    return path


def names(root: Path) -> list[str]:
    """Return what is in the folder *root*."""
    return sorted(path.name for path in root.iterdir())


# Where the cache is.


@POSIX
@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"XDG_CACHE_HOME": "/somewhere/else"},
        {"XDG_CACHE_HOME": ""},
        {"HOME": "/elsewhere"},
        {"HOME": None, "XDG_CACHE_HOME": None},
    ],
    ids=["default", "xdg", "xdg empty", "home", "no home"],
)
def test_directory_is_the_platforms(
    variables: dict[str, str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache is where platformdirs says."""
    platformdirs = pytest.importorskip("platformdirs")
    for name, value in {"NEWVENV_CACHE_DIR": None, **variables}.items():
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert _cache.directory() == platformdirs.user_cache_dir("newvenv", appauthor=False)


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"HOME": "/home/us", "XDG_CACHE_HOME": "relative"}, "/home/us/.cache/newvenv"),
        ("darwin", {"HOME": "/Users/us"}, "/Users/us/Library/Caches/newvenv"),
        ("darwin", {"HOME": "/Users/us", "XDG_CACHE_HOME": "/x"}, "/x/newvenv"),
        ("freebsd14", {"HOME": "/home/us"}, "/home/us/.cache/newvenv"),
        ("win32", {"LOCALAPPDATA": "/C/Local"}, os.path.join("/C/Local", "newvenv", "Cache")),
    ],
)
@POSIX
def test_directory_on_other_platforms(
    platform: str, variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each platform has its own place for caches."""
    monkeypatch.delenv("NEWVENV_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert _cache.directory() == expected


@POSIX
def test_no_place_for_a_cache(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a home there is no cache, and environments are the same."""
    expected = tree(make("one"))
    monkeypatch.delenv("NEWVENV_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert _cache.directory() is None
    assert tree(make("two")) == expected


# When it is trusted.


@POSIX
def test_cache_is_private(make: Make, root: Path) -> None:
    """The cache's folder is this user's alone, whatever the umask."""
    old = os.umask(0)
    try:
        make("one")
    finally:
        os.umask(old)
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    assert stat.S_IMODE(image_of(root).stat().st_mode) == 0o700
    assert (root / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886")


def _writable(path: Path) -> None:
    path.chmod(0o777)


def _linked(path: Path) -> None:
    path.rename(path.with_name("real"))
    path.symlink_to("real")


def _foreign(path: Path) -> None:
    os.chown(path, 12345, -1)


def _file(path: Path) -> None:
    shutil.rmtree(path)
    path.write_text("")


@POSIX
@pytest.mark.parametrize("level", ["cache", "image"])
@pytest.mark.parametrize("spoil", [_writable, _linked, _foreign, _file])
def test_cache_that_is_not_safe(
    make: Make, root: Path, level: str, spoil: Callable[[Path], None]
) -> None:
    """A cache or image that others can write to, own, or link elsewhere is not used."""
    first = make("one")
    path = root if level == "cache" else image_of(root)
    source = image_of(root) / "site" / "pip" / "__init__.py"
    source.write_text("evil = True\n")
    try:
        spoil(path)
    except PermissionError:
        pytest.skip("only root can give files away")
    assert tree(make("two")) == tree(first)
    assert "evil" not in (make("three") / "pip" / "__init__.py").read_text()


@POSIX
def test_cache_of_another_user(make: Make, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the home of another user (sudo) no cache is made there."""
    home = root.parent / "home"
    home.mkdir()
    try:
        _foreign(home)
    except PermissionError:
        pytest.skip("only root can give files away")
    monkeypatch.setenv("NEWVENV_CACHE_DIR", str(home / ".cache" / "newvenv"))
    assert names(make("one")) == ["pip", "pip-1.0.dist-info"]
    assert names(home) == []


@POSIX
@pytest.mark.skipif(os.name != "nt" and os.geteuid() == 0, reason="root may write anywhere")
def test_cache_that_is_read_only(make: Make, root: Path) -> None:
    """A read-only cache is used as it is; what it lacks is made elsewhere."""
    first = make("one")
    root.chmod(0o500)
    try:
        assert tree(make("two")) == tree(first)
        os.environ["NEWVENV_CACHE_DIR"] = str(root / "below")
        assert tree(make("three")) == tree(first)
    finally:
        root.chmod(0o700)


@pytest.mark.parametrize("place", ["file", "file/below", "loop"])
def test_cache_where_none_can_be(
    make: Make, root: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no folder can be made there is no cache, and environments are the same."""
    first = make("one")
    (root.parent / "file").write_text("")
    (root.parent / "loop").symlink_to("loop")
    monkeypatch.setenv("NEWVENV_CACHE_DIR", str(root.parent / place))
    assert tree(make("two")) == tree(first)
    assert names(first.parent) == ["bin", "lib"]


# Damage.


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _edit(path: Path) -> None:
    """Change a file, but neither its size nor its time."""
    state, data = path.stat(), path.read_bytes()
    path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def _swap(path: Path) -> None:
    """Replace a file by one of the same size."""
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(b"#" * len(data))


def _plant_link(path: Path) -> None:
    path.rename(path.with_name("aside"))
    path.symlink_to("aside")


def _plant_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _plant_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


SOURCE = "site/pip/__init__.py"
BYTECODE = "site/" + _image.bytecode_name("pip/__init__.py")


@POSIX
@pytest.mark.parametrize("mode", ["auto", "copy", "clone", "hardlink"])
@pytest.mark.parametrize(
    ("name", "damage"),
    [
        (SOURCE, Path.unlink),
        (SOURCE, _truncate),
        (SOURCE, _swap),
        (SOURCE, _plant_link),
        (SOURCE, _plant_pipe),
        (SOURCE, _plant_folder),
        (BYTECODE, Path.unlink),
        (BYTECODE, _truncate),
        (BYTECODE, _swap),
        (BYTECODE, _plant_link),
        ("site/pip", _plant_link),
        ("site/pip", shutil.rmtree),
        ("site", _plant_link),
        ("site", shutil.rmtree),
        ("manifest", Path.unlink),
        ("manifest", _truncate),
        ("manifest", _edit),
        ("manifest", _plant_folder),
    ],
)
def test_image_that_is_damaged(
    make: Make,
    root: Path,
    name: str,
    damage: Callable[[Path], None],
    mode: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever happened to an image, the next environment is right, and so is the cache."""
    monkeypatch.setenv("NEWVENV_LINK_MODE", "copy")
    expected = tree(make("one"))
    monkeypatch.setenv("NEWVENV_LINK_MODE", mode)
    damage(image_of(root) / name)
    _cache._known.clear()
    assert tree(make("two")) == expected
    _cache._known.clear()
    monkeypatch.setattr(_image, "build", None)
    assert tree(make("three")) == expected


@pytest.mark.parametrize("mode", ["auto", "copy"])
def test_source_that_was_edited_in_secret(
    make: Make, root: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is copied is compared by content: size and time do not tell everything."""
    monkeypatch.setenv("NEWVENV_LINK_MODE", mode)
    monkeypatch.setattr(_cache, "_reflink", lambda: None)
    first = make("one")
    _edit(image_of(root) / SOURCE)
    assert tree(make("two")) == tree(first)
    monkeypatch.setattr(_image, "build", None)
    assert tree(make("three")) == tree(first)


def test_image_that_vanishes(make: Make, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that is removed while it is being cloned is made again."""
    first = make("one")
    real = _cache._write_all

    def vanish(*args: Any) -> os.stat_result:
        monkeypatch.setattr(_cache, "_write_all", real)
        shutil.rmtree(image_of(root))
        return real(*args)

    monkeypatch.setattr(_cache, "_write_all", vanish)
    assert tree(make("two")) == tree(first)


# Making, publishing, letting go.


def test_image_is_made_once(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many environments in one process cost one image, and one reading of its manifest."""
    calls = []

    def noted(real: Callable[..., Any]) -> Callable[..., Any]:
        def note(*args: Any) -> Any:
            calls.append(real)
            return real(*args)

        return note

    functions: list[Any] = [_image.build, _image.read]
    for function in functions:
        monkeypatch.setattr(_image, function.__name__, noted(function))
    for n in range(10):
        make(str(n))
    assert (calls, len(_cache._known)) == (functions, 1)


def test_race_for_an_image(make: Make, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who finds that another process was faster uses that one's image."""
    build, inodes = _image.build, []

    def slow(*args: Any) -> None:
        build(*args)
        monkeypatch.setattr(_image, "build", build)
        make("faster")
        inodes.append(image_of(root).stat().st_ino)

    monkeypatch.setattr(_image, "build", slow)
    # Another thread's name for what is on its way, as another process would have.
    number = iter(range(1, 100))
    monkeypatch.setattr(_cache, "temporary", _numbered(_cache.temporary, number))
    assert tree(make("slower")) == tree(make("third"))
    assert names(root) == ["CACHEDIR.TAG", image_of(root).name]
    assert inodes == [image_of(root).stat().st_ino]


def _numbered(real: Callable[..., str], number: Any) -> Callable[..., str]:
    return lambda parent, word: real(parent, f"{word}{next(number)}")


def test_failing_build(make: Make, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that can't be made leaves nothing behind, here or there."""

    def fail(folder: str, *_: object) -> None:
        Path(folder, "half").write_text("")
        raise ValueError("half made")

    monkeypatch.setattr(_image, "build", fail)
    with pytest.raises(AssertionError, match="slow way"):
        make("one")
    assert names(root) == ["CACHEDIR.TAG"]
    assert names(root.parent / "envs" / "one" / "lib") == []


def test_full_cache(make: Make, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the cache's file system is full, the image is made in the environment."""
    build = _image.build

    def full(folder: str, *args: Any) -> None:
        if folder.startswith(str(root)):
            raise OSError(errno.ENOSPC, "No space left on device", folder)
        build(folder, *args)

    monkeypatch.setattr(_image, "build", full)
    first = make("one")
    monkeypatch.setattr(_image, "build", build)
    assert tree(make("two")) == tree(first)
    assert {path.stat().st_nlink for path in first.rglob("*.py")} == {1}


def test_old_images_go(make: Make, root: Path) -> None:
    """Making an image removes those of older formats and those unused for 60 days."""
    root.mkdir(0o700)
    ages = {
        "pip-0-old.0": 0,
        f"pip-1-used.{_image.FORMAT}": 59,
        f"pip-2-unused.{_image.FORMAT}": 61,
        f"pip-3-future.{_image.FORMAT + 1}": 59,
        f"pip-4-future.{_image.FORMAT + 1}": 61,
    }
    from time import time

    for name, days in ages.items():
        (root / name).mkdir()
        (root / name / "manifest").write_text("")
        os.utime(root / name, (time() - days * 86_400,) * 2)
    make("one")
    assert [name for name in names(root) if name in ages] == [
        f"pip-1-used.{_image.FORMAT}",
        f"pip-3-future.{_image.FORMAT + 1}",
    ]


def test_use_is_noted(make: Make, root: Path) -> None:
    """Using an image makes its folder young again, once a day."""
    make("one")
    path = image_of(root)
    for age in (100 * 86_400, 3_600):
        time = path.stat().st_mtime - age
        os.utime(path, (time, time))
        make(str(age))
        assert (path.stat().st_mtime == time) == (age == 3_600)


def test_dead_processes_leave_nothing(make: Make, root: Path) -> None:
    """What killed runs have left goes; what living ones are at stays."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    expected = tree(make("reference"))
    library = root.parent / "envs" / "one" / "lib"
    shutil.rmtree(image_of(root))
    for folder in (root, library):
        for name in (f".{dead.pid}-1.newvenv", f".{os.getppid()}-1.newvenv", ".x-1.newvenv"):
            (folder / name / "deep").mkdir(parents=True)
    make("one")
    alive = [f".{os.getppid()}-1.newvenv", ".x-1.newvenv"]
    assert [name for name in names(root) if name.endswith(".newvenv")] == alive
    assert [name for name in names(library) if name.endswith(".newvenv")] == alive
    for name in alive:
        shutil.rmtree(library / name)
    assert tree(library) == expected


def test_own_number_of_a_dead_process(
    make: Make, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that an earlier process with our number has left is no obstacle."""
    monkeypatch.setattr(_files, "under_way", set())
    library = root.parent / "envs" / "one" / "lib"
    root.mkdir(0o700)
    for folder in (root, library):
        for word in ("image", "seed", "old"):
            Path(_cache.temporary(str(folder), word), "deep").mkdir(parents=True)
    make("one")
    assert [name for name in names(library) if ".seed." in name] == []
    assert [name for name in names(root) if ".image." in name] == []


# Cloning.


def inodes(path: Path) -> dict[str, int]:
    """Return the number of each file's inode below *path*."""
    files = [file for file in path.rglob("*") if file.is_file()]
    return {file.relative_to(path).as_posix(): file.stat().st_ino for file in files}


def shared(one: Path, other: Path) -> set[str]:
    """Return the suffixes of the files that two folders share."""
    return {Path(name).suffix for name, _ in inodes(one).items() & inodes(other).items()}


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("auto", {".pyc"}),
        ("clone", set()),
        ("copy", set()),
        ("hardlink", {".pyc", ".py", ".exe", ".txt", ""}),
    ],
)
def test_link_modes(
    make: Make, root: Path, mode: str, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each link mode shares what it says, and all make the same tree."""
    monkeypatch.setattr(_cache, "_reflink", lambda: None)
    monkeypatch.setenv("NEWVENV_LINK_MODE", "copy")
    reference = make("reference")
    monkeypatch.setenv("NEWVENV_LINK_MODE", mode)
    one, two = make("one"), make("two")
    assert tree(one) == tree(two) == tree(reference)
    assert shared(one, two) == shared(one, image_of(root) / "site") == expected
    times = {path.stat().st_mtime for path in one.rglob("*") if path.is_file()}
    assert len(times) == 1


def test_link_mode_that_is_none(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad link mode is an error that names the variable and what it can be."""
    monkeypatch.setenv("NEWVENV_LINK_MODE", "symlink")
    message = "NEWVENV_LINK_MODE is 'symlink'; it can be auto, clone, hardlink, copy"
    with pytest.raises(ValueError, match=message):
        _seed.check(_seed._base_executable())
    with pytest.raises(ValueError, match=message):
        make("one")


@pytest.mark.parametrize("mode", ["auto", "clone", "copy"])
def test_sources_are_private(make: Make, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Editing a source in one environment changes no other one, and not the cache."""
    monkeypatch.setenv("NEWVENV_LINK_MODE", mode)
    one, two = make("one"), make("two")
    expected = tree(two)
    for source in one.rglob("*.py"):
        source.write_text("edited = True\n")
    assert tree(two) == expected
    assert tree(make("three")) == expected


@pytest.mark.parametrize(
    "number", [errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EACCES]
)
@pytest.mark.parametrize("mode", ["auto", "hardlink"])
def test_links_that_fail(
    make: Make, number: int, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a hard link can't be made, that file is copied."""
    first = make("one")
    monkeypatch.setenv("NEWVENV_LINK_MODE", mode)

    def link(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", link)
    second = make("two")
    assert tree(second) == tree(first)
    assert shared(first, second) == set()


def test_links_that_are_used_up(make: Make, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a file has all the links it can have, its copy takes its place in the cache."""
    monkeypatch.setattr(_cache, "_reflink", lambda: None)
    real = os.link

    def link(source: str, target: str, **kwargs: Any) -> None:
        if os.stat(source, dir_fd=kwargs.get("src_dir_fd")).st_nlink >= 4:
            raise OSError(errno.EMLINK, os.strerror(errno.EMLINK))
        real(source, target, **kwargs)

    monkeypatch.setattr(os, "link", link)
    made = [make(str(n)) for n in range(8)]
    assert all(tree(one) == tree(made[0]) for one in made)
    assert max(path.stat().st_nlink for one in made for path in one.rglob("*.pyc")) <= 4
    assert shared(made[0], made[1]) == shared(made[-1], made[-2]) == {".pyc"}
    assert not list(root.rglob("*.newvenv"))


@POSIX
@pytest.mark.parametrize(("first", "then"), [(0o077, 0o022), (0o022, 0o077), (0o002, 0o027)])
def test_umask_of_the_moment(make: Make, root: Path, first: int, then: int) -> None:
    """Modes are those of new files here and now, not those of when the image was made."""
    old = os.umask(then)
    try:
        expected = tree(make("expected"))
        shutil.rmtree(root)
        os.umask(first)
        make("one")
        os.umask(then)
        assert tree(make("two")) == expected
    finally:
        os.umask(old)


@POSIX
def test_executable_sources(tmp_path: Path) -> None:
    """A file that may be executed in the wheel may be in the environment."""
    entry = ("run.sh", 3, _image._entry("", b"#!\n", True)[2], True)
    site = tmp_path / "image" / "site"
    site.mkdir(parents=True)
    (site / "run.sh").write_bytes(b"#!\n")
    os.utime(site / "run.sh", (2, 2))
    image = _image.Image(str(site.parent), mtime=2, folders=[("", [entry])])
    for mode in ("copy", "hardlink"):
        _cache.clone(image, str(tmp_path / mode), {"RECORD": b""}, mode)
        assert os.access(tmp_path / mode / "run.sh", os.X_OK)


@LINUX
def test_copy_on_write(make: Make, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where files can share blocks they do, and nothing else is shared."""
    import fcntl

    first, calls = make("one"), []

    def ioctl(target: int, request: int, source: int) -> None:
        calls.append(request)
        os.write(target, os.pread(source, 1 << 20, 0))

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    second = make("two")
    assert tree(second) == tree(first)
    assert shared(first, second) == set()
    assert set(calls) == {0x40049409}
    assert len(calls) == sum(path.is_file() for path in (image_of(root) / "site").rglob("*"))


@POSIX
@pytest.mark.parametrize("works", ["always", "at first", "never"])
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_clonefile(make: Make, works: str, umask: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """MacOS clones whole folders; where that fails, or modes would differ, files are copied."""
    first, left = make("one"), {"always": 99, "at first": 1, "never": 0}[works]

    def clonefile(source: str, target: str) -> bool:
        nonlocal left
        left -= 1
        if left >= 0:
            shutil.copytree(source, target)
        return left >= 0

    monkeypatch.setattr(_cache, "_clonefile", lambda: clonefile)
    monkeypatch.setattr(sys, "platform", "darwin")
    old = os.umask(umask)
    try:
        second = make("two")
        monkeypatch.undo()
    finally:
        os.umask(old)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in second.rglob("*") if path.is_file()}
    assert inodes(second).keys() == inodes(first).keys()
    assert modes == {0o666 & ~umask}


def test_without_folder_descriptors(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where files can't be named relative to a folder, or stamped when open, nothing changes."""
    first = make("one")
    monkeypatch.setattr(_cache, "_RELATIVE", False)
    monkeypatch.setattr(_cache, "_BY_DESCRIPTOR", False)
    second = make("two")
    assert tree(second) == tree(first)
    assert {path.stat().st_mtime for path in second.rglob("*.py")} == {
        path.stat().st_mtime for path in first.rglob("*.py")
    }


# The command.


def test_command(make: Make, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``python -m newvenv.cache`` shows what is there, and ``clear`` removes it."""
    assert cache.main([]) == 0
    assert capsys.readouterr().out == f"{root}: 0 images, 0.0 MB\n"
    make("one")
    assert cache.main(["list"]) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head.startswith(f"{root}: 1 images, 0.0 MB")
    assert image_of(root).name in line
    assert cache.main(["clear"]) == 0
    assert capsys.readouterr().out == "0.0 MB freed\n"
    assert cache.images() == []
    assert cache.clear() == 0
    make("two")


@pytest.mark.parametrize(("arguments", "status"), [(["--help"], 0), (["purge"], 2)])
def test_command_usage(
    arguments: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Help is asked for on standard output, and given on standard error otherwise."""
    assert cache.main(arguments) == status
    assert capsys.readouterr()[status // 2].startswith("usage: python -m newvenv.cache")


def test_command_where_nothing_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a place for a cache there is nothing to list or to clear."""
    monkeypatch.setattr(_cache, "directory", lambda: None)
    assert cache.main([]) == 0
    assert cache.clear() == 0
    assert capsys.readouterr().out == "None: 0 images, 0.0 MB\n"
