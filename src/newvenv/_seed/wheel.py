"""Read a wheel, or a distribution that is installed already, to verified files.

Only what is plain counts: pure Python, nothing outside of ``site-packages``. All else is
an error, upon which pip itself does the work.
"""

from __future__ import annotations

import os
import stat

from .image import base64, hash_and_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from zipfile import ZipFile, ZipInfo

    from .image import Files

#: Bounds of what a wheel may unpack to: some ten times pip's; and of names, in bytes.
_MOST_FILES, _MOST_BYTES, _LONGEST_NAME, _LONGEST_PART = 10_000, 128 << 20, 1024, 255

#: What an installer adds to the metadata of a wheel.
_ADDED = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")


def read(path: str) -> tuple[str, Files]:
    """Return the ``.dist-info`` of a distribution, and its files as pip leaves them.

    :param path: of its wheel, or of the ``.dist-info`` directory where it is installed.
    :raises ValueError: it is damaged, not plain, or not what its RECORD says.
    """
    from zipfile import BadZipFile, ZipFile
    from zlib import error as ZlibError

    try:
        if path.endswith(".whl"):
            with ZipFile(path) as archive:
                info, files = _unpacked(path, archive)
        else:
            info, files = _installed(path)
    except (BadZipFile, ZlibError, EOFError) as error:
        raise ValueError(f"the wheel {path!r} is damaged: {error}") from error
    _verify(info, files)
    for name, data in (("INSTALLER", b"pip\n"), ("REQUESTED", b"")):
        files[f"{info}/{name}"] = data, False, hash_and_size(data)
    return info, files


def _unpacked(path: str, archive: ZipFile) -> tuple[str, Files]:
    """Return the contents of a wheel (PEP 427)."""
    members = archive.infolist()
    _check_names([member.filename for member in members])
    if sum(member.file_size for member in members) > _MOST_BYTES:
        raise ValueError(f"the wheel {path!r} unpacks to more than {_MOST_BYTES >> 20} MiB")
    tops = {member.filename.partition("/")[0] for member in members}
    info, *others = [top for top in tops if top.endswith((".dist-info", ".data"))] or [""]
    expected = "-".join(os.path.basename(path).split("-")[:2]) + ".dist-info"
    if others or info.lower() != expected.lower():
        raise ValueError(f"the wheel {path!r} should hold {expected!r}, and no data")
    files = [member for member in members if not member.is_dir()]
    if not all(map(_is_plain, files)):
        raise ValueError(f"the wheel {path!r} holds what is not stored as a plain file")
    data = {file.filename: archive.read(file) for file in files}
    rows = _rows(data.pop(f"{info}/RECORD").decode("utf-8"))
    headers = headers_of(data[f"{info}/WHEEL"])
    if headers.get("root-is-purelib", "").lower() != "true" or headers["wheel-version"][:2] != "1.":
        raise ValueError(f"{path!r} says that it is no plain wheel")
    for name in sorted(name for name, row in rows.items() if row != "," and name not in data):
        raise ValueError(f"the wheel {path!r} lacks {name!r}")
    runs = {file.filename for file in files if file.external_attr >> 16 & 0o111}
    return info, {name: (data[name], name in runs, rows.get(name, "")) for name in data}


def _check_names(names: Sequence[str]) -> None:
    """Make sure that each name stays below the target, on any system, and is there once."""
    for name in names:
        if not _is_harmless(name[:-1] if name.endswith("/") else name):
            raise ValueError(f"a wheel of a seed package may not hold {name!r}")
    if len({name.casefold() for name in names}) < len(names) or len(names) > _MOST_FILES:
        raise ValueError("a wheel of a seed package holds too many files, or one name twice")


def _is_harmless(name: str) -> bool:
    parts = name.split("/")
    if {"", ".", "..", "__pycache__"}.intersection(parts) or len(os.fsencode(name)) > _LONGEST_NAME:
        return False
    if any(len(os.fsencode(part)) > _LONGEST_PART or part[-1] in ". " for part in parts):
        return False
    # Names that sort before "../" are legal, but RECORD would be in the wrong order.
    return name > "/" and name.isprintable() and not set(name).intersection('\\:*?"<>|')


def _is_plain(member: ZipInfo) -> bool:
    """Is a member of an archive a plain file, neither encrypted nor packed in a rare way?"""
    kind, is_encrypted = stat.S_IFMT(member.external_attr >> 16), member.flag_bits & 0x1
    return kind in (0, stat.S_IFREG) and not is_encrypted and member.compress_type in (0, 8)


def headers_of(text: bytes) -> dict[str, str]:
    """Return the fields of METADATA or WHEEL, by name in lower case."""
    head = text.decode("utf-8").replace("\r\n", "\n").partition("\n\n")[0]
    fields = [line.partition(":") for line in head.splitlines()]
    return {name.strip().lower(): value.strip() for name, _, value in fields}


def _installed(path: str) -> tuple[str, Files]:
    """Read the distribution whose ``.dist-info`` is *path*: the files in its RECORD."""
    site, info = os.path.split(path)
    with open(os.path.join(path, "RECORD"), encoding="utf-8", newline="") as file:
        rows = _rows(file.read())
    files, added = {}, {f"{info}/{name}" for name in _ADDED}
    for name in rows:
        if name not in added and _is_harmless(name):  # no script, and no bytecode
            with open(os.path.join(site, name), "rb") as data:
                executable = bool(os.fstat(data.fileno()).st_mode & 0o100)
                files[name] = data.read(), executable, rows[name]
    return info, files


def _rows(record: str) -> dict[str, str]:
    """Return hash and size of each file that *record* lists, as they stand there (PEP 376)."""
    import csv

    rows = [row for row in csv.reader(record.splitlines()) if row]
    if any(len(row) != 3 for row in rows):
        raise ValueError("a line of RECORD has not three fields")
    return {name: f"{digest},{size}" for name, digest, size in rows}


def _verify(info: str, files: Files) -> None:
    """Make sure that the files have the hashes that are in RECORD."""
    import hashlib

    for name, (data, _, row) in files.items():
        algorithm, _, digest = row.partition(",")[0].partition("=")
        if algorithm not in ("sha256", "sha384", "sha512"):
            raise ValueError(f"{name!r} has no usable hash in the RECORD of {info!r}")
        if base64(hashlib.new(algorithm, data).digest()) != digest:
            raise ValueError(f"{name!r} is not what the RECORD of {info!r} says")
