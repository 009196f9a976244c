"""Clone an image: make a ``site-packages`` as the image has it, by one of the link modes.

Each file is compared with the manifest on its way, what is copied by its contents, too.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from binascii import crc32

from .. import _files, _log
from .image import READ, Directory, Unusable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .image import Entry, Image

#: What NEWVENV_LINK_MODE may say; the first two share blocks (copy-on-write) where possible.
MODES = ("auto", "clone", "hardlink", "copy")

_CREATE = READ & ~getattr(os, "O_NONBLOCK", 0) | os.O_WRONLY | os.O_CREAT | os.O_EXCL


def link_mode() -> str:
    """Return what NEWVENV_LINK_MODE says, if it is a link mode."""
    mode = os.environ.get("NEWVENV_LINK_MODE") or "auto"
    if mode not in MODES:
        raise ValueError(f"invalid NEWVENV_LINK_MODE {mode!r}: must be one of {', '.join(MODES)}")
    return mode


def clone(image: Image, target: str, records: Mapping[str, bytes], mode: str) -> None:
    """Make the new directory *target* a ``site-packages`` as *image* has it.

    :param records: the contents of files that differ by environment, by name.
    :raises Unusable: the image is not what its manifest says.
    """
    os.mkdir(target)
    shares = mode in ("auto", "clone") and sys.platform.startswith("linux")
    with Directory(target) as place:
        for folder, _ in image.folders[1:]:
            os.mkdir(place.prefix + folder, dir_fd=place.descriptor)
        for name, data in records.items():
            _write(place, name, data, image.mtime)
        # Besides the umask, set-group-ID directories and ACLs decide what a new file is like.
        links = mode == "hardlink" and _may_link(image, os.lstat(f"{target}/{name}"))
        for folder, entries in image.folders:
            try:
                source = Directory(folder or ".", image.site)
            except OSError as error:
                raise Unusable(f"{folder!r} is gone: {error}") from error
            with source, Directory(folder or ".", place) as there:
                for entry in _link(source, there, entries, image) if links else entries:
                    shares = _copy(source, there, entry, image, shares)


def _copy(source: Directory, place: Directory, entry: Entry, image: Image, shares: bool) -> bool:
    """Make a file in *place* with the contents of the one in *source*, and its time.

    :returns: whether it *shares* blocks, if that was to be tried.
    """
    try:
        incoming = os.open(source.prefix + entry[0], READ, dir_fd=source.descriptor)
    except OSError as error:
        raise Unusable(f"{entry[0]!r} in {source.path!r} can't be read: {error}") from error
    try:
        image.check(os.fstat(incoming), entry)
        if shares and _share(incoming, place, entry, image.mtime):
            return True
        data = os.read(incoming, entry[1])
        if crc32(data) != entry[2]:
            raise Unusable(f"{entry[0]!r} in {source.path!r} has changed")
    finally:
        os.close(incoming)
    _write(place, entry[0], data, image.mtime, entry[3])
    return False


def _share(incoming: int, place: Directory, entry: Entry, time: int) -> bool:
    """Make a file in *place* that shares its blocks with an open one, if that works."""
    from fcntl import ioctl

    outgoing = os.open(entry[0], _CREATE, 0o666, dir_fd=place.descriptor)
    try:
        ioctl(outgoing, 0x40049409, incoming)  # FICLONE: btrfs, XFS, ...
    except OSError:
        os.unlink(entry[0], dir_fd=place.descriptor)
        return False
    finally:
        os.close(outgoing)
    _finish(place, entry[0], time, entry[3])
    return True


def _write(place: Directory, name: str, data: bytes, time: int, executable: bool = False) -> None:
    """Make the new file *name* in *place*; an error names its path."""
    try:
        descriptor = os.open(place.prefix + name, _CREATE, 0o666, dir_fd=place.descriptor)
        try:
            _files.write_all(descriptor, data)
        finally:
            os.close(descriptor)
        _finish(place, name, time, executable)
    except OSError as error:
        error.filename = f"{place.path}/{name}"
        raise


def _finish(place: Directory, name: str, time: int, executable: bool) -> None:
    """Give a new file its time, and its mode if that is to be another one."""
    name = place.prefix + name
    if executable:
        add_mode(name, 0o111, place.descriptor)
    os.utime(name, (time, time), dir_fd=place.descriptor)


def add_mode(path: str, mode: int, parent: int | None = None) -> None:
    """Add the permissions *mode* to those of *path*, if the file system knows them."""
    try:
        mode |= stat.S_IMODE(os.stat(path, dir_fd=parent).st_mode)
        os.chmod(path, mode, dir_fd=parent)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
            raise
        _log.debug("%s", error)


def _may_link(image: Image, fresh: os.stat_result) -> bool:
    """Are hard links to the files of *image* as good as new files, which are like *fresh*?"""
    if os.name != "nt" and image.owner[0] != os.geteuid():
        reason = "they belong to another user, who could change the environment"
    elif image.owner != (fresh.st_uid, fresh.st_gid) or image.modes[0] != fresh.st_mode:
        reason = "a new file has another owner, group or mode here"
    else:
        return True
    _log.debug("No hard links to the files in %r: %s", image.site.path, reason)
    return False


def _link(source: Directory, place: Directory, entries: list[Entry], image: Image) -> list[Entry]:
    """Make hard links to files in *source*; return those that can't be linked to here."""
    left = []
    for entry in entries:
        name = source.prefix + entry[0]
        try:
            state = os.stat(name, dir_fd=source.descriptor, follow_symlinks=False)
        except OSError as error:
            raise Unusable(f"{name!r} in {source.path!r} is gone: {error}") from error
        image.check(state, entry)
        there = place.prefix + entry[0]
        try:
            os.link(name, there, src_dir_fd=source.descriptor, dst_dir_fd=place.descriptor)
        except OSError as error:
            if error.errno == errno.EMLINK:  # A new image starts from one again.
                raise Unusable(f"{name!r} in {source.path!r} has too many links") from error
            left.append(entry)
    return left
