"""Keep images between runs. A cache may only ever make things faster, and is never trusted.

Images lie in a subdirectory of the cache's own, which is opened once, checked, and used by
its descriptor. One run at a time makes an image there, under a lock; runs that clone one
need no lock: whatever they find damaged or gone makes them take another way.
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

#: Where images lie in the cache's directory, which may be anybody's choice.
_OWN = f"newvenv-{image.FORMAT}"

#: The name of an image that is being made: outside of the lock it is a dead run's.
_MAKING = ".making"

#: How long another run may take to make an image, in seconds.
_PATIENCE = 60


def directory() -> str | None:
    r"""Return the cache's directory: ``NEWVENV_CACHE_DIR``, else the platform's place.

    That is ``$XDG_CACHE_HOME/newvenv`` or ``~/.cache/newvenv``; on macOS the default is
    ``~/Library/Caches/newvenv``; on Windows it is ``%LOCALAPPDATA%\newvenv\Cache``.
    None: there is no such place, for instance because there is no home directory.
    """
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


def _own_directory() -> str:
    path = directory()
    if path is None:
        raise Unusable("there is no place for a cache")
    return os.path.join(path, _OWN)


def _opened(*, make: bool = False) -> Directory:
    """Open the subdirectory of the images.

    :param make: make it if need be.
    :raises Unusable: there is none, or it is another's, or others may write to it.
    """
    path = _own_directory()
    try:
        if make and not os.path.lexists(path):
            _make(path)
        root = Directory(path)
    except OSError as error:
        raise Unusable(f"no cache: {error}") from error
    if root.is_private():
        return root
    root.__exit__()
    raise Unusable(f"the cache {path!r} is not private: others may write to it")


def _make(path: str) -> None:
    """Make a directory and its parents, for this user alone, whatever the umask.

    :raises OSError: that can't be, or it would be where neither this user nor the system
        owns the place: root must not leave a cache in another user's home (sudo).
    """
    parent = os.path.dirname(path)
    if not os.path.lexists(parent):
        _make(parent)
    if os.name != "nt" and os.stat(parent).st_uid not in (0, os.geteuid()):
        raise PermissionError(errno.EPERM, "Belongs to another user", parent)
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        return  # Another run was faster.
    if os.name != "nt" and os.lstat(path).st_mode & 0o777 != 0o700:
        os.chmod(path, 0o700)
    if os.path.basename(path) == _OWN:
        # Tells backup programs what this is (https://bford.info/cachedir/).
        with open(os.path.join(path, "CACHEDIR.TAG"), "x", encoding="ascii") as file:
            file.write("Signature: 8a477f597d28d172789f06886806bc55\n")


def find(name: str, identity: object) -> Image:
    """Open the image *name* and note that it is in use.

    :raises Unusable: there is none, or it is damaged or not private.
    """
    with _opened() as root:
        found = image.read(root, name, identity)
        try:
            os.utime(root.prefix + name, dir_fd=root.descriptor)
        except OSError as error:
            _log.debug("%s", error)
        return found


def make(
    name: str, identity: object, build: Callable[[str], None], damaged: tuple[int, ...] | None
) -> Image:
    """Let *build* fill a directory with an image, put that into the cache, and open it.

    If another run has made the image meanwhile, that one is opened.

    :param damaged: the signature of an image that was found and is to be replaced.
    :raises Unusable: the cache can't take it.
    :raises ValueError: raised by *build*.
    """
    try:
        with _opened(make=True) as root, _lock.Lock(root.path, _PATIENCE):
            try:
                found = image.read(root, name, identity)
                if found.signature != damaged:
                    return found
                found.__exit__()
            except Unusable as error:
                _log.debug("%s", error)
            _make_image(root, name, build)
            return image.read(root, name, identity)
    except OSError as error:
        raise Unusable(f"the cache can't take an image: {error}") from error


def _make_image(root: Directory, name: str, build: Callable[[str], None]) -> None:
    path, making = os.path.join(root.path, name), os.path.join(root.path, _MAKING)
    _delete(making)
    try:
        os.mkdir(making, 0o700)
        build(making)
        if is_image(path, "site"):
            remove(path)
        # By descriptors: where the image was made is where it is looked for.
        ours, there = root.prefix + _MAKING, root.prefix + name
        os.rename(ours, there, src_dir_fd=root.descriptor, dst_dir_fd=root.descriptor)
    finally:
        _delete(making)
    others = sorted((each for each in images() if each != path), key=os.path.getmtime)
    for each in others[: -KEPT + 1]:
        remove(each)


def _delete(path: str) -> None:
    if os.path.lexists(path):
        _files.delete(path)


def images() -> list[str]:
    """Return the paths of all images in the cache."""
    try:
        with _opened() as root:
            names = os.listdir(root.path if root.descriptor is None else root.descriptor)
    except (Unusable, OSError):
        return []
    return [path for name in sorted(names) if is_image(path := os.path.join(root.path, name))]


def is_image(path: str, *parts: str) -> bool:
    """Is *path* an image, by the form of its name, and a manifest or one of *parts* in it?"""
    words = os.path.basename(path).split("-")
    if len(words) < 4 or words[0] != "pip" or len(words[-1]) != 8 or os.path.islink(path):
        return False
    is_named = not words[-1].strip("0123456789abcdef")
    return is_named and any(os.path.lexists(f"{path}/{part}") for part in ("manifest", *parts))


def remove(path: str) -> None:
    """Remove the image *path*, the manifest last: what is left of it is removed again.

    Nothing is renamed, which the lower layer of an overlay file system refuses.

    :raises OSError: it can't be removed.
    """
    _delete(os.path.join(path, "site"))
    _delete(path)


def clear() -> None:
    """Remove all images, and what a killed run has left.

    :raises OSError: one can't be removed.
    """
    try:
        root = _opened()
    except Unusable:
        return
    with root, _lock.Lock(root.path, _PATIENCE):
        for path in [os.path.join(root.path, _MAKING), *images()]:
            remove(path)
