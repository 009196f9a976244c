"""Keep images between runs. A cache may only ever make things faster, and is never trusted.

Images lie in a subdirectory of the cache's own, which is opened once, checked, and used by
its descriptor. One run at a time makes an image there, under a lock; to clone takes none:
what is damaged or gone makes a run take another way.
"""

from __future__ import annotations

import errno
import os
import sys

from .. import _files, _lock, _log
from . import image
from .image import Directory, Image, Unusable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: How many images are kept: those that were used last.
KEPT = 12

#: How long another run may take to make an image, in seconds.
_PATIENCE = 60

#: Where images lie in the cache's directory, and what is called so while it is being made.
_OWN, _MAKING = f"newvenv-{image.FORMAT}", ".making"


def directory() -> str | None:
    """Return ``NEWVENV_CACHE_DIR``, or the platform's place; None if there is no home."""
    chosen = os.environ.get("NEWVENV_CACHE_DIR")
    if chosen:
        return os.path.abspath(chosen)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "") or os.path.expanduser("~\\AppData\\Local")
        path = os.path.join(base, "newvenv", "Cache")
    else:
        # A relative path is invalid and to be ignored, says the XDG specification.
        base = os.environ.get("XDG_CACHE_HOME", "").strip()
        default = "~/Library/Caches" if sys.platform == "darwin" else "~/.cache"
        base = base if os.path.isabs(base) else os.path.expanduser(default)
        path = os.path.join(base, "newvenv")
    return path if os.path.isabs(path) else None


def _opened(*, make: bool = False) -> Directory:
    """Open the subdirectory of the images, if it is private; *make* it if need be."""
    base = directory()
    if base is None:
        raise Unusable("there is no home directory for a cache")
    path = os.path.join(base, _OWN)
    try:
        if make and not os.path.lexists(path):
            _make(path)
        root = Directory(path)
    except OSError as error:
        raise Unusable(f"no cache: {error}") from error
    if image.is_private(root.descriptor):
        return root
    root.__exit__()
    raise Unusable(f"the cache {path!r} is not private: others may write to it")


def _make(path: str) -> None:
    """Make a directory and its parents, for this user alone, whatever the umask."""
    parent = os.path.dirname(path)
    if not os.path.lexists(parent):
        _make(parent)
    # With sudo, root must not leave a cache in another user's home.
    if os.name != "nt" and os.stat(parent).st_uid not in (0, os.geteuid()):
        raise PermissionError(errno.EPERM, "Belongs to another user", parent)
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        return  # made by another run
    if os.name != "nt" and os.lstat(path).st_mode & 0o777 != 0o700:
        os.chmod(path, 0o700)
    if os.path.basename(path) == _OWN:
        # Tells backup programs what this is (https://bford.info/cachedir/).
        with open(os.path.join(path, "CACHEDIR.TAG"), "x", encoding="ascii") as file:
            file.write("Signature: 8a477f597d28d172789f06886806bc55\n")


def find(name: str) -> Image:
    """Open the image *name*, or raise :class:`Unusable`, and note that it is in use."""
    with _opened() as root:
        found = image.read(root, name)
        try:
            os.utime(root.prefix + name, dir_fd=root.descriptor)
        except OSError as error:
            _log.debug("%s", error)
        return found


def make(name: str, build: Callable[[str], None], damaged: object) -> Image:
    """Let *build* fill a directory with an image, put that into the cache, and open it.

    An image that another run has made meanwhile is opened, unless it is the *damaged* one.

    :raises Unusable: the cache can't take it.
    """
    try:
        with _opened(make=True) as root, _lock.Lock(root.path, _PATIENCE):
            try:
                with image.read(root, name) as found:
                    is_good = found.signature != damaged
            except Unusable:
                is_good = False
            if not is_good:
                _make_image(root, name, build)
            return image.read(root, name)
    except OSError as error:
        raise Unusable(f"the cache can't take an image: {error}") from error


def _make_image(root: Directory, name: str, build: Callable[[str], None]) -> None:
    path, making = os.path.join(root.path, name), os.path.join(root.path, _MAKING)
    _files.delete(making)
    try:
        os.mkdir(making, 0o700)
        build(making)
        if is_image(path, "site"):
            remove(path)
        _files.remove_directory(path)  # If that was cut short; Windows would not replace it.
        # By descriptors: where the image was made is where it is looked for.
        ours, there = root.prefix + _MAKING, root.prefix + name
        os.rename(ours, there, src_dir_fd=root.descriptor, dst_dir_fd=root.descriptor)
    finally:
        _files.delete(making)
    others = sorted((each for each in images() if each != path), key=os.path.getmtime)
    for each in others[: -KEPT + 1]:
        remove(each)


def images() -> list[str]:
    """Return the paths of all images in the cache."""
    try:
        with _opened() as root:
            names = os.listdir(root.path if root.descriptor is None else root.descriptor)
    except (Unusable, OSError):
        return []
    return [path for name in sorted(names) if is_image(path := os.path.join(root.path, name))]


def is_image(path: str, *parts: str) -> bool:
    """Is *path* named like an image, and has a manifest or one of *parts* in it?"""
    words = os.path.basename(path).split("-")
    if len(words) < 4 or words[0] != "pip" or len(words[-1]) != 16 or os.path.islink(path):
        return False
    found = any(os.path.lexists(f"{path}/{part}") for part in ("manifest", *parts))
    return found and not words[-1].strip("0123456789abcdef")


def remove(path: str) -> None:
    """Remove an image, the manifest last; not by renaming, which overlay file systems refuse."""
    _files.delete(os.path.join(path, "site"))
    _files.delete(path)


def clear() -> None:
    """Remove all images, and what a killed run has left."""
    try:
        with _opened() as root, _lock.Lock(root.path, _PATIENCE):
            for path in [os.path.join(root.path, _MAKING), *images()]:
                remove(path)
    except Unusable:
        pass
