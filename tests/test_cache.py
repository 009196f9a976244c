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

from newvenv import _files, _layout, _lock, _seed, cache
from newvenv._seed import build as _build
from newvenv._seed import bytecode, image, sources
from newvenv._seed import cache as _cache
from trees import tree
from wheels import PIP, make_wheel

#: The module, which the package hides behind its function of that name.
_clone = sys.modules["newvenv._seed.clone"]

POSIX = pytest.mark.skipif(os.name == "nt", reason="owners and modes")
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux")

Make = Callable[[str], Path]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the place of the images, in a cache that does not exist yet."""
    path = tmp_path / "cache"
    monkeypatch.setenv("NEWVENV_CACHE_DIR", str(path))
    monkeypatch.delenv("NEWVENV_LINK_MODE", raising=False)
    return path / "newvenv-2"


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
    monkeypatch.setattr(sources, "_distribution_wheels", lambda: None)

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
        executable=_layout.base_executable(),
        lib_path=str(path / "lib"),
        bin_path=str(path / "bin"),
        env_exec_cmd=str(path / "bin" / "python3"),
    )
    for folder in (context.lib_path, context.bin_path):
        os.makedirs(folder, exist_ok=True)
    if not os.path.lexists(context.env_exec_cmd):
        try:
            os.symlink(context.executable, context.env_exec_cmd)
        except OSError:
            shutil.copyfile(context.executable, context.env_exec_cmd)
    return context


def image_of(root: Path) -> Path:
    """Return the directory of the only image in the cache."""
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
    """Give *path* to another user, which only root can."""
    try:
        os.chown(path, 12345, -1)
    except PermissionError:
        pytest.skip("only root can give files away")


def _file(path: Path) -> None:
    shutil.rmtree(path)
    path.write_text("")


def forge(path: Path) -> None:
    """Let the image at *path* bring other code, with a manifest that says so."""
    source = path / "site" / "pip" / "__init__.py"
    state = source.stat()
    source.write_bytes(b"evil = True\n".ljust(state.st_size))
    os.utime(source, ns=(state.st_mtime_ns, state.st_mtime_ns))
    import marshal
    from binascii import crc32

    parts = marshal.loads((path / "manifest").read_bytes()[4:])  # noqa: S302
    parts["folders"] = [
        (folder, [_forged(entry, source) if folder == "pip" else entry for entry in entries])
        for folder, entries in parts["folders"]
    ]
    data = marshal.dumps(parts)
    (path / "manifest").write_bytes(crc32(data).to_bytes(4, "little") + data)


def _forged(entry: tuple[str, int, int, bool], source: Path) -> tuple[str, int, int, bool]:
    from binascii import crc32

    name, size, _, executable = entry
    return name, size, crc32(source.with_name(name).read_bytes()), executable


def test_forgery_works(make: Make, root: Path) -> None:
    """The forgery of the tests below would be believed in an image that can be trusted."""
    make("one")
    forge(image_of(root))
    assert "evil" in (make("two") / "pip" / "__init__.py").read_text()


@POSIX
@pytest.mark.parametrize("level", ["cache", "image"])
@pytest.mark.parametrize("spoil", [_writable, _linked, _foreign, _file])
def test_cache_that_is_not_safe(
    make: Make, root: Path, level: str, spoil: Callable[[Path], None]
) -> None:
    """A cache or image that others can write to, own, or link elsewhere is not used."""
    first = make("one")
    path = root if level == "cache" else image_of(root)
    forge(image_of(root))
    spoil(path)
    assert tree(make("two")) == tree(first)
    assert "evil" not in (make("three") / "pip" / "__init__.py").read_text()


@POSIX
@pytest.mark.parametrize("name", ["manifest", "site/pip/__init__.py", "site/pip"])
@pytest.mark.parametrize("mode", ["auto", "hardlink"])
def test_file_that_others_may_write_to(
    make: Make, root: Path, name: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image is made anew when others have got the right to write to a part of it."""
    first = make("one")
    monkeypatch.setenv("NEWVENV_LINK_MODE", mode)
    for path in (image_of(root) / name).rglob("*") if name == "site/pip" else []:
        path.chmod(path.stat().st_mode | 0o020)
    (image_of(root) / name).chmod((image_of(root) / name).stat().st_mode | 0o020)
    before = (image_of(root) / "manifest").stat().st_ino
    assert tree(make("two")) == tree(first)
    assert (image_of(root) / "manifest").stat().st_ino != before


@POSIX
@pytest.mark.parametrize("mode", ["auto", "hardlink"])
def test_file_of_another_user(
    make: Make, root: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image whose files have got another owner (chown -R of an environment) is made anew."""
    first = make("one")
    monkeypatch.setenv("NEWVENV_LINK_MODE", mode)
    _foreign(image_of(root) / SOURCE)
    assert {path.stat().st_uid for path in make("two").rglob("*")} == {os.geteuid()}
    assert tree(make("three")) == tree(first)
    assert (image_of(root) / SOURCE).stat().st_uid == os.geteuid()


@POSIX
def test_cache_is_what_was_checked(make: Make, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that is swapped after it was checked is not used: its descriptor is."""
    first, real = make("one"), image.is_private
    shutil.copytree(root, root.with_name("forged"), copy_function=shutil.copy2)
    root.with_name("forged").chmod(0o700)
    forge(image_of(root.with_name("forged")))

    def swapped(descriptor: int | None) -> bool:
        monkeypatch.setattr(image, "is_private", real)
        root.rename(root.with_name("mine"))
        root.with_name("forged").rename(root)
        return real(descriptor)

    monkeypatch.setattr(image, "is_private", swapped)
    assert tree(make("two")) == tree(first)


@POSIX
def test_parents_of_the_cache(make: Make, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directories above a new cache are this user's alone, too, whatever the umask."""
    monkeypatch.setenv("NEWVENV_CACHE_DIR", str(root.parent / "x" / "y"))
    old = os.umask(0)
    try:
        make("one")
    finally:
        os.umask(old)
    made = [root.parent, *(path for path in root.parent.rglob("*") if path.parts[-1] in "xy")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o700}


@POSIX
def test_cache_of_another_user(make: Make, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the home of another user (sudo) no cache is made there."""
    home = root.parents[1] / "home"
    home.mkdir()
    _foreign(home)
    monkeypatch.setenv("NEWVENV_CACHE_DIR", str(home / ".cache" / "newvenv"))
    assert names(make("one")) == ["pip", "pip-1.0.dist-info"]
    assert names(home) == []


@POSIX
@pytest.mark.skipif(os.name != "nt" and os.geteuid() == 0, reason="root may write anywhere")
def test_cache_that_is_read_only(make: Make, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only cache is used as it is; what it lacks is made elsewhere."""
    first = make("one")
    root.chmod(0o500)
    try:
        assert tree(make("two")) == tree(first)
        monkeypatch.setenv("NEWVENV_CACHE_DIR", str(root / "below"))
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


@pytest.mark.parametrize("command", ["make", "clear"])
def test_what_is_not_the_caches_stays(
    make: Make, root: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a directory with other things in it, these are neither listed nor removed."""
    monkeypatch.setattr(_cache, "KEPT", 1)
    digits = "0123456789abcdef"
    foreign = [
        "Photos",
        "project-1.0",
        f"pip-1-cpython-313-{digits}/manifest",
        "newvenv-1/pip-1-cpython-313-0123456789abcdef/manifest",
        "newvenv-2/Photos",
        f"newvenv-2/pip-1-cpython-313-{digits}/thesis",
        f"newvenv-2/pip-{digits}/manifest",
        "newvenv-2/pip-1-cpython-313-0123/manifest",
        f"newvenv-2/environment-1-cpython-313-{digits}/manifest",
        f"newvenv-2/pip-1-cpython-313-{digits}.0/manifest",
    ]
    home = root.parent
    for name in foreign:
        (home / name).mkdir(parents=True)
        (home / name / "mine.txt").write_text("")
        os.utime(home / name, (0, 0))
    root.chmod(0o700)
    make("one")
    assert [path for path, _, _ in cache.images()] == [str(max(root.glob("pip-1.0-*")))]
    {"make": cache.images, "clear": cache.clear}[command]()
    assert [name for name in foreign if not (home / name / "mine.txt").exists()] == []


def test_link_in_an_images_place(make: Make, root: Path) -> None:
    """A link that is called like an image leads nowhere, and what it leads to stays."""
    first = make("one")
    path = image_of(root)
    path.rename(root.parent / "mine")
    path.symlink_to(root.parent / "mine")
    before = tree(root.parent / "mine")
    assert tree(make("two")) == tree(first)
    assert cache.clear() == 0
    assert tree(root.parent / "mine") == before


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
BYTECODE = "site/" + bytecode.path_for("pip/__init__.py")


@POSIX
@pytest.mark.parametrize(
    "mode", ["auto", "copy", "clone", "hardlink"][sys.version_info[1] % 2 :: 2]
)
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
        ("manifest", _plant_pipe),
        ("manifest", _plant_link),
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
    """Whatever happened to an image, the next environment is right, and so is the cache.

    Versions of Python that follow each other try other link modes.
    """
    monkeypatch.setenv("NEWVENV_LINK_MODE", "copy")
    expected = tree(make("one"))
    monkeypatch.setenv("NEWVENV_LINK_MODE", mode)
    damage(image_of(root) / name)
    assert tree(make("two")) == expected
    monkeypatch.setattr(_build, "build", None)
    assert tree(make("three")) == expected


@pytest.mark.parametrize("mode", ["auto", "copy"])
def test_source_that_was_edited_in_secret(
    make: Make, root: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is copied is compared by content: size and time do not tell everything."""
    monkeypatch.setenv("NEWVENV_LINK_MODE", mode)
    first = make("one")
    _edit(image_of(root) / SOURCE)
    assert tree(make("two")) == tree(first)
    monkeypatch.setattr(_build, "build", None)
    assert tree(make("three")) == tree(first)


def test_image_that_vanishes(make: Make, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that is removed while it is being cloned is made again."""
    first, real = make("one"), _clone._write

    def vanish(*args: Any) -> None:
        monkeypatch.setattr(_clone, "_write", real)
        shutil.rmtree(image_of(root))
        real(*args)

    monkeypatch.setattr(_clone, "_write", vanish)
    assert tree(make("two")) == tree(first)


# Making, publishing, letting go.


def test_image_is_made_once(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many environments in one process cost one image."""
    calls, real = [], _build.build

    def build(*args: Any) -> None:
        calls.append(args)
        real(*args)

    monkeypatch.setattr(_build, "build", build)
    for n in range(10):
        make(str(n))
    assert len(calls) == 1


def test_many_want_an_image(make: Make, root: Path, package_path: str) -> None:
    """Of many runs that lack the image one makes it, and the others wait for that."""
    first = make("one")
    shutil.rmtree(image_of(root))
    code = """if True:
        import sys, types
        from newvenv import _layout, _seed
        from newvenv._seed import build, sources
        real = build.build
        def noted(*args):
            print("built")
            real(*args)
        build.build = noted
        sys.modules["ensurepip"] = None
        sources._distribution_wheels = lambda: None
        context = types.SimpleNamespace(**eval(sys.argv[1]))
        context.executable = _layout.base_executable()
        assert _seed.clone(context) is None
    """
    environment_of = {**os.environ, "PYTHONPATH": package_path}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, repr(vars(environment(root.parents[1] / f"{n}")))],
            env=environment_of,
            stdout=subprocess.PIPE,
        )
        for n in range(6)
    ]
    printed = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 6
    assert sorted(printed) == [b""] * 5 + [f"built{os.linesep}".encode()]
    assert tree(root.parents[1] / "5" / "lib") == tree(first)
    assert names(root) == ["CACHEDIR.TAG", image_of(root).name]


def test_lock_that_is_held(make: Make, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another run holds the cache for too long, the image is made in the environment."""
    first = make("one")
    shutil.rmtree(image_of(root))

    monkeypatch.setattr(_cache, "_PATIENCE", 0)
    with _lock.Lock(str(root)):
        second = make("two")
    assert tree(second) == tree(first)
    assert names(root) == ["CACHEDIR.TAG"]


def test_failing_build(make: Make, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that can't be made leaves nothing behind, here or there."""

    def fail(folder: str, *_: object) -> None:
        Path(folder, "half").write_text("")
        raise ValueError("half made")

    monkeypatch.setattr(_build, "build", fail)
    with pytest.raises(AssertionError, match="slow way"):
        make("one")
    assert names(root) == ["CACHEDIR.TAG"]
    assert names(root.parents[1] / "envs" / "one" / "lib") == []


def test_full_cache(make: Make, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the cache's file system is full, the image is made in the environment."""
    build = _build.build

    def full(folder: str, *args: Any) -> None:
        if folder.startswith(str(root)):
            raise OSError(errno.ENOSPC, "No space left on device", folder)
        build(folder, *args)

    monkeypatch.setattr(_build, "build", full)
    first = make("one")
    monkeypatch.setattr(_build, "build", build)
    assert tree(make("two")) == tree(first)
    assert {path.stat().st_nlink for path in first.rglob("*.py")} == {1}


def test_old_images_go(make: Make, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the images that were used last are kept."""
    monkeypatch.setattr(_cache, "KEPT", 3)
    root.mkdir(0o700, parents=True)
    for day in range(5):
        path = root / f"pip-{day}-cpython-313-0123456789abcdef"
        path.mkdir()
        (path / "manifest").write_text("")
        os.utime(path, (day, day))
    make("one")
    assert [name[:5] for name in names(root)] == ["pip-1", "pip-3", "pip-4"]


def test_use_is_noted(make: Make, root: Path) -> None:
    """Using an image makes its directory young again."""
    make("one")
    os.utime(image_of(root), (0, 0))
    make("two")
    assert image_of(root).stat().st_mtime > 0


def test_killed_run_leaves_nothing(make: Make, root: Path) -> None:
    """What a killed run has left of an image goes when the next one is made, or by ``clear``."""
    expected = tree(make("reference"))
    shutil.rmtree(image_of(root))
    (root / ".making" / "site" / "deep").mkdir(parents=True)
    assert tree(make("one")) == expected
    assert names(root) == ["CACHEDIR.TAG", image_of(root).name]
    (root / ".making" / "site" / "deep").mkdir(parents=True)
    cache.clear()
    assert names(root) == ["CACHEDIR.TAG"]


@pytest.mark.parametrize("left", ["empty", "site", "manifest"])
def test_removal_that_was_cut_short(make: Make, root: Path, left: str) -> None:
    """What a killed removal has left of an image does not keep the image from being made."""
    first = make("one")
    path = image_of(root)
    for name in {"empty", "site", "manifest"} - {left, "empty"}:
        _files.delete(str(path / name))
    assert tree(make("two")) == tree(first)
    assert tree(make("three")) == tree(first)
    assert (image_of(root) / "site").is_dir()


def test_replacing_renames_nothing_old(
    make: Make, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged image is replaced where its directory can't be renamed (overlayfs)."""
    first, real = make("one"), os.rename
    old = image_of(root).stat().st_ino
    _truncate(image_of(root) / SOURCE)

    def rename(source: Any, target: Any, **kwargs: Any) -> None:
        state = os.stat(source, dir_fd=kwargs.get("src_dir_fd"))
        if state.st_ino == old:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        real(source, target, **kwargs)

    monkeypatch.setattr(os, "rename", rename)
    assert tree(make("two")) == tree(first)
    assert image_of(root).stat().st_ino != old


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
        ("auto", set()),
        ("clone", set()),
        ("copy", set()),
        ("hardlink", {".pyc", ".py", ".exe", ".txt", ""}),
    ],
)
def test_link_modes(
    make: Make, root: Path, mode: str, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each link mode shares what it says, and all make the same tree."""
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
    message = "invalid NEWVENV_LINK_MODE 'symlink': must be one of auto, clone, hardlink, copy"
    with pytest.raises(ValueError, match=message):
        _seed.check(_layout.base_executable())
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


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EACCES])
def test_links_that_fail(make: Make, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a hard link can't be made, that file is copied."""
    first = make("one")
    monkeypatch.setenv("NEWVENV_LINK_MODE", "hardlink")

    def link(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", link)
    second = make("two")
    assert tree(second) == tree(first)
    assert shared(first, second) == set()


def test_links_that_are_used_up(make: Make, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a file has all the links it can have, a new image takes the old one's place."""
    real = os.link

    def link(source: str, target: str, **kwargs: Any) -> None:
        if os.stat(source, dir_fd=kwargs.get("src_dir_fd")).st_nlink >= 4:
            raise OSError(errno.EMLINK, os.strerror(errno.EMLINK))
        real(source, target, **kwargs)

    monkeypatch.setattr(os, "link", link)
    monkeypatch.setenv("NEWVENV_LINK_MODE", "hardlink")
    made = [make(str(n)) for n in range(8)]
    assert all(tree(one) == tree(made[0]) for one in made)
    assert max(path.stat().st_nlink for one in made for path in one.rglob("*.pyc")) <= 4
    assert ".pyc" in shared(made[0], made[1]) & shared(made[-1], made[-2])
    assert names(root) == ["CACHEDIR.TAG", image_of(root).name]


@POSIX
def test_links_to_files_of_others(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Files that belong to another user are copied, never linked, and a record says why."""
    make("one")
    monkeypatch.setenv("NEWVENV_LINK_MODE", "hardlink")
    real = image.Image.check
    monkeypatch.setattr(image.Image, "__init__", _owned(image.Image.__init__))
    monkeypatch.setattr(
        image.Image, "check", lambda this, state, entry: real(_mine(this), state, entry)
    )
    caplog.set_level("DEBUG", "newvenv")
    assert {path.stat().st_nlink for path in make("two").rglob("*.pyc")} == {1}
    assert "they belong to another user" in caplog.text


def _owned(real: Any) -> Any:
    def init(this: Any, *args: Any) -> None:
        real(this, *args)
        this.owner = (12345, this.owner[1])

    return init


def _mine(this: Any) -> Any:
    this.owner = (os.geteuid(), this.owner[1])
    return this


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
@pytest.mark.parametrize("umask", [0o022, 0o077], ids=oct)
@pytest.mark.parametrize("mode", ["copy", "hardlink", "auto"])
def test_executable_sources(
    make: Make, root: Path, mode: str, umask: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that may be executed in the wheel may be in the environment."""
    wheels = root.parents[1] / "wheels"
    make_wheel(wheels, PIP, modes={"pip/__init__.py": stat.S_IFREG | 0o744})
    monkeypatch.setenv("NEWVENV_LINK_MODE", mode)
    old = os.umask(umask)
    try:
        path = make("one")
    finally:
        os.umask(old)
    assert stat.S_IMODE((path / "pip/__init__.py").stat().st_mode) == 0o666 & ~umask | 0o111


@POSIX
def test_modes_that_cannot_be_set(make: Make, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file system knows no modes, files are as that has them."""
    make_wheel(root.parents[1] / "wheels", PIP, modes={"pip/__init__.py": stat.S_IFREG | 0o744})
    first = make("one")

    def fail(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "chmod", fail)
    assert names(make("two")) == names(first)


@pytest.mark.parametrize("mode", ["auto", "copy"])
def test_writes_that_are_short(make: Make, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a write leaves out is written by the next one."""
    expected, real = tree(make("one")), os.write
    monkeypatch.setenv("NEWVENV_LINK_MODE", mode)
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[:7]))
    assert tree(make("two")) == expected


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


def test_without_directory_descriptors(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where files can't be named relative to a folder, or stamped when open, nothing changes."""
    first = make("one")
    monkeypatch.setenv("NEWVENV_LINK_MODE", "copy")
    monkeypatch.setattr(image, "RELATIVE", False)
    second = make("two")
    assert tree(second) == tree(first)
    assert {path.stat().st_mtime for path in second.rglob("*.py")} == {
        path.stat().st_mtime for path in first.rglob("*.py")
    }


# The command.


def test_command(make: Make, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``python -m newvenv.cache`` shows what is there, and ``clear`` removes it."""
    assert cache.main([]) == 0
    assert capsys.readouterr().out == f"{root.parent}: 0 images, 0.0 MB\n"
    make("one")
    assert cache.main(["list"]) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head.startswith(f"{root.parent}: 1 images, 0.0 MB")
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


def test_command_on_a_cache_that_is_read_only(
    make: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What can't be removed is told in one line."""
    make("one")

    def fail(path: str) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

    monkeypatch.setattr(_files, "delete", fail)
    assert cache.main(["clear"]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("Error: can't empty the cache: [Errno 30] Read-only file system")
    assert (captured.out, captured.err.count("\n")) == ("", 1)


def test_command_imports_nothing_from_here(tmp_path: Path, run: Any, package_path: str) -> None:
    """What lies in the current directory has no part in the command."""
    for name in ("fcntl", "subprocess", "tempfile", "zipfile"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(3)")
    variables = {**os.environ, "PYTHONPATH": package_path}
    done = run(sys.executable, "-m", "newvenv.cache", cwd=tmp_path, env=variables)
    assert (done.returncode, done.stderr) == (0, "")
