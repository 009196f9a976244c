"""Keep images between runs, and clone them: the part that must never be trusted.

A cache may only ever make things faster. So an image is used only from folders that
belong to this user and that nobody else can write to; every file is compared with the
manifest on its way into an environment; and whatever is wrong makes :class:`Unusable`,
upon which the caller makes a new image or does without.

There are no locks. An image is made under a name of its own and renamed; who finds the
place taken uses what is there. Names on the way carry the number of their process, so
that what a dead one has left can be told from the work of a living one.
"""

from __future__ import annotations

import errno
import os
import stat
import sys

from . import _files, _image

TEMPORARY = ".newvenv"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Union

    from typing_extensions import Self

    from ._image import Entry, Image

    #: Makes the second descriptor's file share the blocks of the first one's.
    Reflink = Union[Callable[[int, int], bool], None]

#: An image that no run has used for so long goes: 60 days, in seconds.
UNUSED = 60 * 86_400

#: Using an image is written down (as its folder's time) once in so many seconds.
_TOUCH = 86_400

_READ = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)  # a link that somebody planted
    | getattr(os, "O_NONBLOCK", 0)  # a pipe that somebody planted
)
_CREATE = (
    os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
)

#: The request that makes a file share another one's blocks (Linux: btrfs, XFS, ...).
_FICLONE = 0x40049409


class Unusable(ValueError):
    """The cache, or an image in it, is not as it should be."""


# Where the cache is.


def directory() -> str | None:
    r"""Return the cache's folder: ``NEWVENV_CACHE_DIR``, else the platform's place.

    That is ``$XDG_CACHE_HOME/newvenv`` or ``~/.cache/newvenv``; on macOS the default is
    ``~/Library/Caches/newvenv``; on Windows it is ``%LOCALAPPDATA%\newvenv\Cache``.
    None: there is no such place, for instance because nobody has a home here.
    """
    chosen = os.environ.get("NEWVENV_CACHE_DIR")
    if chosen:
        return os.path.abspath(chosen)
    path = _places.get(sys.platform, _xdg)()
    return path if os.path.isabs(path) else None


def _xdg(default: str = "~/.cache") -> str:
    # A relative path is invalid and to be ignored, says the XDG specification.
    chosen = os.environ.get("XDG_CACHE_HOME", "").strip()
    base = chosen if os.path.isabs(chosen) else os.path.expanduser(default)
    return os.path.join(base, "newvenv")


def _macos() -> str:
    return _xdg("~/Library/Caches")


def _windows() -> str:
    base = os.environ.get("LOCALAPPDATA", "") or os.path.expanduser("~\\AppData\\Local")
    return os.path.join(base, "newvenv", "Cache")


_places: Mapping[str, Callable[[], str]] = {"darwin": _macos, "win32": _windows}


def _trusted(path: str) -> bool:
    """Is *path* a real folder of this user's that nobody else can write to?"""
    try:
        state = os.lstat(path)
    except OSError:
        return False
    if not stat.S_ISDIR(state.st_mode):
        return False
    # Windows has neither owners nor modes worth the name; the profile folder is private.
    return os.name == "nt" or (state.st_uid == os.geteuid() and not state.st_mode & 0o022)


def _prepared() -> str:
    """Return the cache's folder, made if need be.

    :raises Unusable: there can't be one, or not a good one.
    """
    path = directory()
    if path is None:
        raise Unusable("there is no place for a cache")
    if not os.path.lexists(path) and _may_make(path):
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.mkdir(path, 0o700)
            _tag(path)
        except FileExistsError:
            pass  # somebody was faster, and may still be at it
        except OSError as error:
            raise Unusable(f"there can't be a cache at {path!r}: {error}") from error
    if not _trusted(path):
        raise Unusable(f"the cache at {path!r} is not safe")
    return path


def _may_make(path: str) -> bool:
    """Is the nearest existing parent of *path* this user's, or nobody's in particular?

    Otherwise root, with the home of another user (sudo), would leave a cache there
    that this user could neither use nor remove.
    """
    while not os.path.lexists(path):
        path, last = os.path.dirname(path), path
        if path == last:
            return False
    return os.name == "nt" or os.stat(path).st_uid in (0, os.geteuid())


def _tag(path: str) -> None:
    """Tell backup programs what this is (https://bford.info/cachedir/)."""
    with open(os.path.join(path, "CACHEDIR.TAG"), "x", encoding="ascii") as file:
        file.write("Signature: 8a477f597d28d172789f06886806bc55\n")


# Images: find one, put one there, let old ones go.

#: Images that this process has read, by folder: many environments cost one reading.
_known: dict[str, tuple[object, tuple[int, ...], Image]] = {}


def key(identity: tuple[object, ...], name: str) -> str:
    """Return a short folder name for the image with this *identity*; *name* begins it."""
    import marshal
    from binascii import crc32

    # Version 2 knows no references, so equal values give equal bytes.
    checksum = crc32(marshal.dumps(identity, 2))  # type: ignore[arg-type]  # it knows them all
    return f"{name}-{checksum:08x}.{_image.FORMAT}"


def find(identity: tuple[object, ...], name: str) -> Image:
    """Return the image with this *identity* from the cache.

    :raises Unusable: there is none, or it is damaged or not to be trusted.
    """
    root = directory()
    path = os.path.join(root or "", key(identity, name))
    if root is None or not (_trusted(root) and _trusted(path)):
        raise Unusable(f"no image at {path!r}")
    image = _read(path, identity)
    _touch(path)
    return image


def _read(path: str, identity: object) -> Image:
    try:
        state = os.lstat(os.path.join(path, _image.MANIFEST))
        signature = (state.st_ino, state.st_size, state.st_mtime_ns)
        if path in _known and _known[path][:2] == (identity, signature):
            return _known[path][2]
        image = _image.read(path, identity)
    except (OSError, ValueError, EOFError, TypeError, AttributeError) as error:
        raise Unusable(f"{path!r} is unusable: {error}") from error
    _known[path] = (identity, signature, image)
    return image


def _touch(path: str) -> None:
    """Note that the image at *path* is in use, so that nobody takes it for forgotten."""
    from time import time

    try:
        if time() - os.stat(path).st_mtime > _TOUCH:
            os.utime(path)
    except OSError as error:
        debug("%s", error)


def make(identity: tuple[object, ...], name: str, build: Callable[[str], None]) -> Image:
    """Let *build* fill a folder with an image and put that into the cache.

    What is in its place goes, unless it is a good image. Images that nobody uses go, too.

    :raises Unusable: the cache has no place for it.
    :raises Exception: whatever else *build* raises.
    """
    root = _prepared()
    try:
        sweep(root)
        path, aside = os.path.join(root, key(identity, name)), temporary(root, "image")
        os.mkdir(aside, 0o700)
        try:
            build(aside)
            _publish(aside, path, identity)
        finally:
            remove(aside)
    except OSError as error:
        raise Unusable(f"can't put an image into {root!r}: {error}") from error
    _forget(root, path)
    return _read(path, identity)


def _publish(aside: str, path: str, identity: object) -> None:
    """Rename the finished image *aside* to *path*, unless a good one got there first."""
    try:
        os.rename(aside, path)
        return
    except OSError:
        if not os.path.lexists(path):
            raise
    try:
        if _trusted(path):
            _verify(_read(path, identity), contents=True)
            return
    except Unusable:
        pass
    remove(path)
    os.rename(aside, path)


def _forget(root: str, used: str) -> None:
    """Remove images that are of an older format or that nobody has used for long."""
    from time import time

    for path in images(root):
        number = path.rpartition(".")[2]
        old = number.isdecimal() and int(number) < _image.FORMAT
        try:
            if path != used and (old or time() - os.lstat(path).st_mtime > UNUSED):
                remove(path)
        except OSError as error:  # another run is at it, as a rule
            debug("%s", error)


def images(root: str) -> list[str]:
    """Return the folders of all images in the cache's folder *root*."""
    names = sorted(os.listdir(root)) if _trusted(root) else []
    paths = [os.path.join(root, name) for name in names if not name.endswith(TEMPORARY)]
    return [path for path in paths if os.path.isdir(path) and not os.path.islink(path)]


# Names on the way to another one.


def temporary(parent: str, kind: str) -> str:
    """Return the path of something of a *kind* that is soon made in the folder *parent*.

    To be given to :func:`remove` in the end, whatever has become of it.
    """
    path = _files.scratch(parent)
    if os.path.lexists(path):  # left by an earlier process that had our number
        _files.delete(path)
    return path


def sweep(parent: str) -> list[str]:
    """Remove from the folder *parent* what dead processes have left, and list the rest."""
    names = os.listdir(parent)
    left: list[str] = []
    for name in left:
        try:
            _files.delete(os.path.join(parent, name))
        except OSError as error:  # another run is at it, as a rule
            debug("%s", error)
    return [name for name in names if name not in left]


def remove(path: str) -> None:
    """Remove *path*, whatever it is; a folder is renamed first, so that it goes at once.

    Who is reading it gets an error, and makes do without.
    """
    doomed = path
    if os.path.isdir(path) and not (os.path.islink(path) or path.endswith(TEMPORARY)):
        doomed = temporary(os.path.dirname(path), "old")
        os.rename(path, doomed)
    if os.path.lexists(doomed):
        _files.delete(doomed)


# Cloning.

#: What NEWVENV_LINK_MODE may say: which files to make share blocks with the image's,
#: if the file system can, and whether to hard-link sources and bytecode if it can't.
MODES: Mapping[str, tuple[bool, bool, bool]] = {
    "auto": (True, False, True),
    "clone": (True, False, False),
    "hardlink": (False, True, True),
    "copy": (False, False, False),
}


def link_mode() -> str:
    """Return what NEWVENV_LINK_MODE says.

    :raises ValueError: it says something that is no link mode.
    """
    mode = os.environ.get("NEWVENV_LINK_MODE") or "auto"
    if mode not in MODES:
        raise ValueError(f"NEWVENV_LINK_MODE is {mode!r}; it can be {', '.join(MODES)}")
    return mode


def clone(image: Image, target: str, records: Mapping[str, bytes], mode: str) -> None:
    """Make the new folder *target* a ``site-packages`` as *image* has it.

    Sources are read, checked and written again: 20 µs each. (One large file with all
    of them, ``sendfile``, and names relative to folder descriptors gain nothing.)
    People edit sources, so they must be private. Bytecode is only ever replaced, by
    Python and by pip, so a hard link does and costs a third of a copy.

    :param records: the contents of files that differ by environment, by name.
    :param mode: one of :data:`MODES`.
    :raises Unusable: the image is not what its manifest says.
    :raises OSError: *target* can't be written.
    """
    shares, link_sources, link_bytecode = MODES[mode]
    site = os.path.join(image.directory, _image.SITE)
    os.mkdir(target)
    if shares and _clone_folders(image, site, target):
        _write_all(target, records, image.mtime)
        return
    for folder, _ in image.folders[1:]:
        os.mkdir(f"{target}/{folder}")
    fresh = _write_all(target, records, image.mtime)
    reflink = _reflink() if shares else None
    for folder, entries in image.folders:
        is_bytecode = folder.endswith("__pycache__")
        link = link_bytecode and reflink is None if is_bytecode else link_sources
        with _Folder(f"{site}/{folder}") as source, _Folder(f"{target}/{folder}") as place:
            left = _link(source, place, entries, image.mtime, fresh) if link else entries
            for entry in left:
                reflink = _copy(source, place, entry, image.mtime, reflink)


#: Can a file be named relative to an open folder? (Not on Windows.)
_RELATIVE = os.open in os.supports_dir_fd

_OPEN_FOLDER = getattr(os, "O_DIRECTORY", 0) | _READ


class _Folder:
    """A folder in which files are about to be opened: long paths take time to resolve.

    A file in it is called ``prefix + name``, relative to ``descriptor``, which is None
    where there is no such thing.
    """

    __slots__ = ("descriptor", "path", "prefix")

    def __init__(self, path: str) -> None:
        self.path = path
        self.prefix = "" if _RELATIVE else f"{path}/"
        self.descriptor: int | None = None

    def __enter__(self) -> Self:
        if _RELATIVE:
            try:
                self.descriptor = os.open(self.path, _OPEN_FOLDER)
            except OSError as error:
                raise Unusable(f"{self.path!r} can't be opened: {error}") from error
        return self

    def __exit__(self, *exception: object) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)


def _write_all(target: str, records: Mapping[str, bytes], time: int) -> os.stat_result:
    """Write the files *records*, and return what a new file is like in this place.

    That can't be computed: besides the umask there are set-group-ID folders and ACLs.
    """
    for name, data in records.items():
        path = f"{target}/{name}"
        descriptor = os.open(path, _CREATE, 0o666)
        try:
            _fill(descriptor, data)
        except OSError as error:
            error.filename = path
            raise
        finally:
            os.close(descriptor)
        os.utime(path, (time, time))
    return os.lstat(path)


def _check(folder: _Folder, state: os.stat_result, entry: Entry, time: int) -> None:
    """Compare the *state* of an image's file with the manifest.

    :raises Unusable: it is another file.
    """
    regular = stat.S_ISREG(state.st_mode)
    if not regular or state.st_size != entry[1] or state.st_mtime_ns != time * 10**9:
        raise Unusable(f"{entry[0]!r} in {folder.path!r} has changed")


def _link(
    source: _Folder, target: _Folder, entries: list[Entry], time: int, fresh: os.stat_result
) -> list[Entry]:
    """Make hard links to files in *source*, where these are as good as new files.

    :returns: the files for which they are not, or can't be made: another file system,
        a limit, no links there, ...
    """
    like = (fresh.st_uid, fresh.st_gid, fresh.st_dev)
    left = []
    for entry in entries:
        name = source.prefix + entry[0]
        try:
            state = os.stat(name, dir_fd=source.descriptor, follow_symlinks=False)
        except OSError as error:
            raise Unusable(f"{name!r} in {source.path!r} is gone: {error}") from error
        _check(source, state, entry, time)
        mode = fresh.st_mode | 0o111 if entry[3] else fresh.st_mode
        if state.st_mode != mode or (state.st_uid, state.st_gid, state.st_dev) != like:
            left.append(entry)
            continue
        try:
            os.link(
                name,
                target.prefix + entry[0],
                src_dir_fd=source.descriptor,
                dst_dir_fd=target.descriptor,
            )
        except OSError as error:
            if error.errno != errno.EMLINK or not _link_anew(source, target, entry, time):
                left.append(entry)
    return left


def _link_anew(source: _Folder, target: _Folder, entry: Entry, time: int) -> bool:
    """Replace a file of the image, which has all the links it can have, by its copy.

    :returns: False if that failed; then nothing has changed.
    """
    here, there = f"{source.path}/{entry[0]}", f"{target.path}/{entry[0]}"
    copy = temporary(source.path, "copy")
    try:
        _copy(source, target, entry, time, None)
        os.link(there, copy)
        os.replace(copy, here)
    except OSError as error:
        debug("%s", error)
    finally:
        remove(copy)
    return os.path.lexists(there)


#: Windows knows files by name only when it comes to their times.
_BY_DESCRIPTOR = os.utime in os.supports_fd


def _copy(source: _Folder, target: _Folder, entry: Entry, time: int, reflink: Reflink) -> Reflink:
    """Make a file in *target* with the contents of the one in *source*, and its time.

    :returns: *reflink*, or None when it turned out not to work.
    """
    try:
        incoming = os.open(source.prefix + entry[0], _READ, dir_fd=source.descriptor)
    except OSError as error:
        raise Unusable(f"{entry[0]!r} in {source.path!r} can't be read: {error}") from error
    try:
        return _write_copy(source, target, entry, time, incoming, reflink)
    except OSError as error:
        error.filename = f"{target.path}/{entry[0]}"
        raise
    finally:
        os.close(incoming)


def _write_copy(
    source: _Folder, target: _Folder, entry: Entry, time: int, incoming: int, reflink: Reflink
) -> Reflink:
    outgoing = os.open(target.prefix + entry[0], _CREATE, 0o666, dir_fd=target.descriptor)
    try:
        if reflink is not None:
            _check(source, os.fstat(incoming), entry, time)
            reflink = reflink if reflink(incoming, outgoing) else None
        if reflink is None:
            _fill(outgoing, _contents(source.path, incoming, entry))
        if entry[3] and os.name != "nt":
            os.fchmod(outgoing, stat.S_IMODE(os.fstat(outgoing).st_mode) | 0o111)
        if _BY_DESCRIPTOR:
            os.utime(outgoing, (time, time))
    finally:
        os.close(outgoing)
    if not _BY_DESCRIPTOR:
        os.utime(target.prefix + entry[0], (time, time))
    return reflink


def _contents(folder: str, descriptor: int, entry: Entry) -> bytes:
    """Read an image's file and compare it with the manifest.

    :raises Unusable: the file is not the one that was put there.
    """
    from binascii import crc32

    name, size, checksum, _ = entry
    try:
        data = os.read(descriptor, size + 1)
    except OSError as error:
        raise Unusable(f"{name!r} in {folder!r} can't be read: {error}") from error
    if len(data) != size or crc32(data) != checksum:
        raise Unusable(f"{name!r} in {folder!r} has changed")
    return data


def _fill(descriptor: int, data: bytes) -> None:
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, data[written:])


def _reflink() -> Reflink:
    """Return what makes one file share the blocks of another, if this system can."""
    if not sys.platform.startswith("linux"):
        return None
    from fcntl import ioctl

    def reflink(incoming: int, outgoing: int) -> bool:
        try:
            ioctl(outgoing, _FICLONE, incoming)
        except OSError:
            return False
        return True

    return reflink


def _clone_folders(image: Image, site: str, target: str) -> bool:
    """Let macOS clone the image's folders into *target*, each in one call.

    :returns: False if it can't, or what comes out is not what a new file is like here;
        then *target* is empty.
    """
    clonefile = _clonefile() if sys.platform == "darwin" else None
    if clonefile is None or any(entry[3] for _, entries in image.folders for entry in entries):
        return False
    _verify(image)
    tops = os.listdir(site)
    modes = {os.lstat(f"{site}/{folder}").st_mode for folder, _ in image.folders[1:]}
    if modes == {os.lstat(target).st_mode} and all(
        clonefile(f"{site}/{top}", f"{target}/{top}") for top in tops
    ):
        return True
    for top in tops:
        remove(f"{target}/{top}")
    return False


def _clonefile() -> Callable[[str, str], bool] | None:
    """Return macOS' way to clone a file or a folder; it says whether it succeeded."""
    import ctypes

    try:
        function = ctypes.CDLL(None).clonefile
    except (OSError, AttributeError):
        return None
    return lambda source, target: function(os.fsencode(source), os.fsencode(target), 0) == 0


def _verify(image: Image, *, contents: bool = False) -> None:
    """Compare every name, size and time in *image* with its manifest.

    :param contents: read each file and compare that, too.
    :raises Unusable: something is different, missing, or not mentioned.
    """
    site = os.path.join(image.directory, _image.SITE)
    mentioned = {f"{folder}/{one[0]}".lstrip("/") for folder, many in image.folders for one in many}
    try:
        found = {*_files_below(site)}
    except OSError as error:
        raise Unusable(f"{site!r} can't be read: {error}") from error
    if found != mentioned:
        raise Unusable(f"{site!r} has other files than its manifest says")
    for folder, entries in image.folders:
        with _Folder(f"{site}/{folder}") as source:
            for entry in entries:
                _verify_file(source, entry, image.mtime, contents)


def _verify_file(source: _Folder, entry: Entry, time: int, contents: bool) -> None:
    try:
        descriptor = os.open(source.prefix + entry[0], _READ, dir_fd=source.descriptor)
    except OSError as error:
        raise Unusable(f"{entry[0]!r} in {source.path!r} can't be read: {error}") from error
    try:
        _check(source, os.fstat(descriptor), entry, time)
        if contents:
            _contents(source.path, descriptor, entry)
    finally:
        os.close(descriptor)


def same(path: str, other: str) -> bool:
    """Has the folder *other* all the files of *path*, by size and time?"""
    try:
        return all(
            _likeness(f"{path}/{name}") == _likeness(f"{other}/{name}")
            for name in _files_below(path)
        )
    except OSError:
        return False


def _likeness(path: str) -> tuple[int, int, int]:
    state = os.lstat(path)
    return stat.S_IFMT(state.st_mode), state.st_size, state.st_mtime_ns


def _files_below(path: str, prefix: str = "") -> Iterator[str]:
    with os.scandir(path) as found:
        entries = list(found)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files_below(entry.path, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name


def debug(message: str, *values: object) -> None:
    """Log what made a run take a slower way, and nothing worse."""
    from . import logger

    logger.debug(message, *values)
