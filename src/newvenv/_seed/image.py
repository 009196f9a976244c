"""What an image is: the seed packages as pip would have installed them, ready to be cloned.

It is a directory with two entries. ``site`` holds the packages as they lie in a
``site-packages``, bytecode included. ``manifest`` says what belongs there, and holds what
differs by environment as parts to put together: RECORD files and scripts.
"""

from __future__ import annotations

import os
import stat
from binascii import b2a_base64, crc32

from .. import _compat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from typing_extensions import Self

    #: Name, size in bytes, CRC-32 and executable flag of a file of an image.
    Entry = tuple[str, int, int, bool]

    #: What a wheel holds by name: bytes, executable flag, and what RECORD says of them.
    Files = dict[str, tuple[bytes, bool, str]]

#: The layout of an image and of the cache.
FORMAT = 2

#: How files of an image are opened: a link or a pipe in their place is an error.
READ = os.O_RDONLY
for _flag in ("O_BINARY", "O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK"):
    READ |= getattr(os, _flag, 0)

#: Can a file be named relative to an open directory? (Not on Windows.)
RELATIVE = os.open in os.supports_dir_fd
#: What of a mode counts: on Windows what may be executed is only a matter of its name.
_BITS = ~0o111 if os.name == "nt" else -1


class Unusable(ValueError):
    """The cache, or an image in it, can't be used."""


class Directory:
    """An open directory: what is in it is found there even if its path is swapped.

    It must be no link. A file in it is ``prefix + name``, relative to ``descriptor``.
    """

    def __init__(self, path: str, parent: Directory | None = None) -> None:
        self.path: str = path if parent is None else f"{parent.path}/{path}"
        self.prefix = "" if RELATIVE else f"{self.path}/"
        self.descriptor: int | None = None
        if RELATIVE:
            flags = READ | getattr(os, "O_DIRECTORY", 0)
            self.descriptor = os.open(path, flags, dir_fd=parent.descriptor if parent else None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)


class Image:
    """An image as its manifest describes it, open to be cloned in a ``with`` block."""

    site: Directory
    signature: tuple[int, ...]  # tells this image from the one that replaces it
    mtime: int  # of every file, in seconds since the epoch; bytecode repeats it
    owner: tuple[int, int]  # every file's user and group
    modes: tuple[int, int]  # ``st_mode`` of plain files and of those that may be executed
    #: Every directory, parents first, ``""`` being ``site``, and its files but for RECORD.
    folders: list[tuple[str, list[Entry]]]
    #: ``.dist-info``, what lies beside it, RECORD without scripts' lines, scripts' names.
    distributions: list[tuple[str, list[str], bytes, list[str]]]
    #: What stands before and after the line that names the interpreter, by script.
    scripts: dict[str, tuple[bytes, bytes]]

    def __init__(self, site: Directory, signature: tuple[int, ...], parts: dict[str, Any]) -> None:
        vars(self).update(parts, site=site, signature=signature)

    def check(self, state: os.stat_result, entry: Entry) -> None:
        """Compare the *state* of a file with the manifest, or raise :class:`Unusable`."""
        mode, owner = state.st_mode & _BITS, (state.st_uid, state.st_gid)
        found = (mode, state.st_size, state.st_mtime_ns, owner)
        if found != (self.modes[entry[3]], entry[1], self.mtime * 1_000_000_000, self.owner):
            raise Unusable(f"{entry[0]!r} in {self.site.path!r} has changed")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.site.__exit__()


def read(root: Directory, name: str) -> Image:
    """Open the image *name* in the directory *root*.

    :raises Unusable: it is missing or damaged, or others may write to it.
    """
    import marshal

    try:
        with Directory(name, root) as directory:
            place = directory.prefix + "manifest"
            descriptor = os.open(place, READ, dir_fd=directory.descriptor)
            try:
                state = os.fstat(descriptor)
                if not (is_private(descriptor) and is_private(directory.descriptor)):
                    raise Unusable("others may write to it")
                data = os.read(descriptor, state.st_size)
            finally:
                os.close(descriptor)
            # Checked before it is parsed: marshal trusts what it reads.
            if len(data) < 5 or int.from_bytes(data[:4], "little") != crc32(data[4:]):
                raise Unusable("its manifest is damaged")
            parts = marshal.loads(data[4:])  # noqa: S302  # ours, and its checksum is right
            return Image(Directory("site", directory), (state.st_ino, state.st_mtime_ns), parts)
    except (OSError, ValueError, EOFError, TypeError) as error:
        raise Unusable(f"no image at {root.path + '/' + name!r}: {error}") from error


def is_private(descriptor: int | None) -> bool:
    """Does an open file or directory belong to the user, and may no other write to it?"""
    if descriptor is None or os.name == "nt":  # The profile directory is private there.
        return True
    state = os.fstat(descriptor)
    is_usual = stat.S_ISREG(state.st_mode) or stat.S_ISDIR(state.st_mode)
    return is_usual and state.st_uid == os.geteuid() and not state.st_mode & 0o022


def record_lines(rows: Iterable[tuple[str, str]]) -> bytes:
    """Return lines of RECORD for pairs of a name and its hash and size, in pip's order."""
    fields = ((f'"{name}"' if "," in name else name, rest) for name, rest in sorted(rows))
    return "".join(f"{name},{rest}\r\n" for name, rest in fields).encode()


def hash_and_size(data: bytes) -> str:
    """Return what RECORD says of a file that holds *data*."""
    return f"sha256={base64(sha256(data))},{len(data)}"


def base64(digest: bytes) -> str:
    """Return *digest* in the form that RECORD has (PEP 376)."""
    text = b2a_base64(digest, newline=False).decode("ascii")
    return text.rstrip("=").replace("+", "-").replace("/", "_")


def sha256(data: bytes) -> bytes:
    """Return the digest of *data*, without OpenSSL if possible: that takes 2 ms to load."""
    try:
        return __import__(_compat.SHA256_MODULE).sha256(data).digest()  # type: ignore[no-any-return]
    except ImportError:
        return __import__("hashlib").sha256(data).digest()  # type: ignore[no-any-return]
