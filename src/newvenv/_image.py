"""Make an image: the seed packages as pip would have installed them, ready to be cloned.

An image is a folder with two things in it. ``site`` holds the packages as they lie in
a ``site-packages``, bytecode included. ``manifest`` says what belongs there, with sizes
and checksums, and holds what differs by environment as parts to put together: the
RECORD files and the scripts.

Building one takes the better part of a second, so this module may import what it likes;
reading one must cost nothing, so what is needed for that is at the top.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import IO, Any

    #: What a wheel holds: the bytes and whether they may be executed, by name.
    Files = Mapping[str, tuple[bytes, bool]]

#: The layout of an image. Another number is another image, and the old one goes.
FORMAT = 1

#: Where the packages are and where the description is, in the image's folder.
SITE = "site"
MANIFEST = "manifest"

#: File times below are not accepted by ZIP files: 1980-01-02, in seconds.
_EARLIEST = 315_619_200

_BINARY = getattr(os, "O_BINARY", 0)


class Image:
    """An image as its manifest describes it; nothing of it has been looked at yet."""

    __slots__ = ("bytecode", "directory", "distributions", "folders", "mtime", "scripts", "sources")

    #: The folder that holds ``site`` and ``manifest``.
    directory: str
    #: The time of every file, in seconds since the epoch; bytecode repeats it.
    mtime: int
    #: Every folder below ``site``, parents first, with ``/`` between the parts.
    folders: list[str]
    #: Name, size, CRC-32 and executable flag of each file that is no bytecode.
    sources: list[tuple[str, int, int, bool]]
    #: The same of the bytecode files.
    bytecode: list[tuple[str, int, int, bool]]
    #: For each distribution: its ``.dist-info`` folder; what it puts beside that; the
    #: lines of RECORD before and after those of the scripts; its scripts' names.
    distributions: list[tuple[str, list[str], bytes, bytes, list[str]]]
    #: What stands before and after the line that names the interpreter, by script.
    scripts: dict[str, tuple[bytes, bytes]]

    def __init__(self, directory: str, **parts: Any) -> None:
        self.directory = directory
        for name, value in parts.items():
            setattr(self, name, value)


def read(directory: str, identity: object) -> Image:
    """Read the manifest of the image in *directory*.

    :raises OSError: it cannot be read.
    :raises ValueError: it is damaged, or describes an image of something else.
    """
    import marshal
    from binascii import crc32

    with open(os.path.join(directory, MANIFEST), "rb") as file:
        checksum, data = file.read(4), file.read()
    # Checked before it is parsed: marshal trusts what it reads.
    if int.from_bytes(checksum, "little") != crc32(data):
        raise ValueError(f"damaged manifest in {directory!r}")
    found, parts = marshal.loads(data)  # noqa: S302  # ours, and its checksum is right
    if found != identity:
        raise ValueError(f"{directory!r} is an image of something else")
    return Image(directory, **parts)


def build(
    directory: str, seeds: Sequence[tuple[str, Files]], mtime: float, identity: object
) -> None:
    """Make an image in *directory*, an empty folder.

    :param seeds: for each distribution, its ``.dist-info`` folder and its files, as
        :func:`wheel` and :func:`installed` return them.
    :param mtime: the time the files shall have, in seconds since the epoch.
    :param identity: what :func:`read` will be asked for; values that marshal knows.
    :raises ValueError: a distribution is not what pip would install in a plain way.
    """
    time = max(int(mtime), _EARLIEST)
    site = os.path.join(directory, SITE)
    os.mkdir(site)
    contents = {name: file for _, files in seeds for name, file in files.items()}
    folders = _folders(contents)
    for folder in folders:
        os.mkdir(os.path.join(site, folder))
    for name, (data, _) in contents.items():
        _write(os.path.join(site, name), data, time)
    compiled = _compile(site, [name for name in contents if name.endswith(".py")], time)
    template = _script_template(contents)
    parts = {
        "mtime": time,
        "folders": folders + sorted({os.path.dirname(entry[0]) for entry in compiled.values()}),
        "sources": [_entry(name, *file) for name, file in contents.items()],
        "bytecode": list(compiled.values()),
        "distributions": [_distribution(info, files, compiled) for info, files in seeds],
        "scripts": {
            name: _script(template, target, contents)
            for info, files in seeds
            for name, target in _console_scripts(info, files).items()
        },
    }
    _write_manifest(directory, identity, parts)


def _write_manifest(directory: str, identity: object, parts: dict[str, Any]) -> None:
    import marshal
    from binascii import crc32

    data = marshal.dumps((identity, parts))
    with open(os.path.join(directory, MANIFEST), "wb") as file:
        file.write(crc32(data).to_bytes(4, "little") + data)


def _entry(name: str, data: bytes, executable: bool) -> tuple[str, int, int, bool]:
    from binascii import crc32

    return name, len(data), crc32(data), executable


def _folders(names: Iterable[str]) -> list[str]:
    """Return every folder that is needed for files of these *names*, parents first."""
    found: set[str] = set()
    for name in names:
        parent = os.path.dirname(name)
        while parent and parent not in found:
            found.add(parent)
            parent = os.path.dirname(parent)
    return sorted(found)


def _write(path: str, data: bytes, time: int) -> None:
    # Exclusive, so that two names that the file system takes for one are noticed.
    with open(path, "xb", buffering=0) as file:
        file.write(data)
    os.utime(path, (time, time))


# Distributions: what is in a wheel, or in a distribution that is already installed.


def wheel(path: str) -> tuple[str, Files]:
    """Read the wheel at *path*, and check each file against the hash in its RECORD.

    :raises ImportError: ``installer`` is missing.
    :raises Exception: the wheel is damaged, in the many ways a ZIP file can be.
    """
    from installer import install
    from installer.sources import WheelFile

    with WheelFile.open(path) as source:  # type: ignore[arg-type]  # it takes strings
        source.validate_record(validate_contents=False)
        destination = _Destination()
        install(source, destination, {})  # type: ignore[arg-type]  # it has the methods
        info, record = source.dist_info_dir, source.read_dist_info("RECORD")
    return info, _verified(info, destination.files, record)


class _Destination:
    """Where installer puts a wheel: nowhere yet, the files are only collected."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[bytes, bool]] = {}

    def write_script(self, name: str, **_: object) -> object:
        """Ignore a script: its text has to be as pip writes it, not as installer does."""
        return _Destination, name

    def write_file(
        self, scheme: str, path: object, stream: IO[bytes], is_executable: bool
    ) -> object:
        """Collect one file.

        :raises ValueError: it is not for ``site-packages``, or has a dangerous name.
        """
        name = str(path)
        if scheme not in ("purelib", "platlib") or not _harmless(name):
            raise ValueError(f"a seed wheel may not hold {name!r}")
        self.files[name] = stream.read(), is_executable
        return _Destination, name

    def finalize_installation(self, **_: object) -> None:
        """Do nothing: RECORD is written when the bytecode is there."""


def _harmless(name: str) -> bool:
    """Does *name* stay in the folder it is joined to, on every system?"""
    parts = name.split("/")
    if {"", ".", "..", "__pycache__"}.intersection(parts):
        return False
    return name.isprintable() and not set(name).intersection('\\:*?"<>|')


def installed(info_path: str) -> tuple[str, Files]:
    """Read the distribution whose ``.dist-info`` folder is *info_path*.

    Its files are those of its RECORD. Some Linux distributions leave RECORD out; then
    they are its metadata and the package of the same name.

    :raises ValueError: a file has another hash than RECORD says.
    """
    import csv

    site, info = os.path.split(info_path)
    record = _text(os.path.join(info_path, "RECORD"))
    if record:
        names: Iterable[str] = [row[0] for row in csv.reader(record.splitlines()) if row]
    else:
        names = [*_walk(site, info), *_walk(site, info.partition("-")[0])]
    files = {}
    for name in filter(_is_source, names):
        path = os.path.join(site, name)
        with open(path, "rb") as file:
            files[name] = file.read(), os.access(path, os.X_OK)
    return info, _verified(info, files, record) if record else files


#: What an installer adds to the files of a wheel.
_ADDED = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})


def _is_source(name: str) -> bool:
    added = os.path.dirname(name).endswith(".dist-info") and os.path.basename(name) in _ADDED
    return _harmless(name) and not added


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _walk(site: str, top: str) -> Iterator[str]:
    for folder, _, names in os.walk(os.path.join(site, top)):
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), site).replace(os.sep, "/")


def _verified(info: str, files: Files, record: str) -> Files:
    """Return *files*, the file *record* itself left out, when all agree with it.

    :raises ValueError: one does not, or is not mentioned.
    """
    import csv
    import hashlib

    hashes = {row[0]: row[1] for row in csv.reader(record.splitlines()) if row}
    found = {name: file for name, file in files.items() if name != f"{info}/RECORD"}
    for name, (data, _) in found.items():
        algorithm, _, digest = hashes.get(name, "").partition("=")
        if algorithm not in ("sha256", "sha384", "sha512"):
            raise ValueError(f"{name!r} has no usable hash in the RECORD of {info!r}")
        if _base64(hashlib.new(algorithm, data).digest()) != digest:
            raise ValueError(f"{name!r} is not what the RECORD of {info!r} says")
    return found


def _base64(digest: bytes) -> str:
    from binascii import b2a_base64

    text = b2a_base64(digest, newline=False).decode("ascii")
    return text.rstrip("=").replace("+", "-").replace("/", "_")


# RECORD, with a gap where the lines of the scripts come.


def hash_and_size(data: bytes) -> str:
    """Return what RECORD says of a file that holds *data*: its hash and its size."""
    try:
        from _sha2 import sha256  # hashlib loads OpenSSL: 2 ms
    except ImportError:
        from hashlib import sha256
    return f"sha256={_base64(sha256(data).digest())},{len(data)}"


def _distribution(
    info: str, files: Files, compiled: Mapping[str, tuple[str, int, int, bool]]
) -> tuple[str, list[str], bytes, bytes, list[str]]:
    """Describe one distribution for the manifest; see :attr:`Image.distributions`."""
    tops = {name.partition("/")[0] for name in files} - {info}
    pyc = [compiled[name][0] for name in files if name in compiled]
    rows = [(name, hash_and_size(data)) for name, (data, _) in files.items()]
    rows += [(name, ",") for name in [*pyc, f"{info}/RECORD"]]
    lines = [(f"../{name}", rest) for name, rest in rows]
    return info, sorted(tops), b"", _lines(rows), list(_console_scripts(info, files)) if lines else []


def _lines(rows: Iterable[tuple[str, str]]) -> bytes:
    return "".join(f"{_field(name)},{rest}\r\n" for name, rest in sorted(rows)).encode()


def _field(name: str) -> str:
    return f'"{name}"' if "," in name else name
