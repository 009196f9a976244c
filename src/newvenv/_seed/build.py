"""Build an image from verified files: unpack, compile, describe."""

from __future__ import annotations

import os
import sys
from binascii import crc32

from .. import _layout
from . import bytecode, image, scripts, wheel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from .image import Entry, Files

_EARLIEST = 315_619_200  # 1980-01-02, in seconds: ZIP files accept no times before that


def build(directory: str, seeds: Sequence[str]) -> None:
    """Build an image in *directory*, an empty one.

    :raises ValueError: a seed is not what pip would install in a plain way.
    """
    import marshal

    # FAT knows even seconds only.
    time = max(_EARLIEST, *(int(os.stat(seed).st_mtime) for seed in seeds)) & ~1
    distributions = dict(map(wheel.read, seeds))
    for info, files in distributions.items():
        _check_python(info, files)
    contents = {name: file for files in distributions.values() for name, file in files.items()}
    site = os.path.join(directory, "site")
    _unpack(site, contents, time)
    sources = [name for name in contents if name.endswith(".py")]
    compiled = bytecode.compile_all(site, sources, time, _layout.base_executable())
    parts = {"mtime": time, **_described(distributions, contents, compiled), **_state(site)}
    data = marshal.dumps(parts)
    checksum = crc32(data).to_bytes(4, "little")
    bytecode.write(f"{directory}/manifest", checksum + data, time, 0o600)


def _check_python(info: str, files: Files) -> None:
    """Make sure that a distribution is not for newer Pythons only."""
    requires = wheel.headers_of(files[f"{info}/METADATA"][0]).get("requires-python", "")
    for clause in requires.split(","):
        operator, _, version = clause.replace(" ", "").partition("=")
        numbers = version.split(".")
        is_bound = operator == ">" and all(map(str.isdecimal, numbers))
        if is_bound and sys.version_info < tuple(map(int, numbers)):
            raise ValueError(f"{info!r} needs Python {clause.strip()}")


def _unpack(site: str, contents: Files, time: int) -> None:
    """Write *contents* into *site*, which is made, with directories for the bytecode."""
    caches = [bytecode.path_for(name) for name in contents if name.endswith(".py")]
    for folder in _parents([*contents, *caches]):
        os.mkdir(f"{site}/{folder}")
        os.chmod(f"{site}/{folder}", 0o755)  # noqa: S103  # in a private directory
    for name, (data, executable, _) in contents.items():
        bytecode.write(f"{site}/{name}", data, time, 0o755 if executable else 0o644)


def _parents(names: Iterable[str]) -> list[str]:
    """Return all directories that files called *names* are in, outer ones first from ``""`` on."""
    folders = {name.rpartition("/")[0] + "/" for name in names}
    parents = (path[:end] for path in folders for end, char in enumerate(path) if char == "/")
    return sorted({"", *parents})


def _described(
    distributions: Mapping[str, Files], contents: Files, compiled: Mapping[str, Entry]
) -> dict[str, Any]:
    """Return parts of the manifest; see :class:`image.Image`."""
    sources = [(name, len(data), crc32(data), x) for name, (data, x, _) in contents.items()]
    entries = [*sources, *compiled.values()]
    folders: dict[str, list[Entry]] = {path: [] for path in _parents(path for path, *_ in entries)}
    for path, *rest in entries:
        folder, _, name = path.rpartition("/")
        folders[folder].append((name, *rest))  # type: ignore[arg-type]
    made = scripts.around(distributions, contents)
    described = []
    for info, files in distributions.items():
        # Directories first, as a ``.pth`` file may import from them.
        tops = {(("/" not in name), name.partition("/")[0]) for name in files} - {(False, info)}
        rows = [(name, row) for name, (_, _, row) in files.items()]
        rows += [(compiled[name][0], ",") for name in files if name in compiled]
        record = image.record_lines([*rows, (f"{info}/RECORD", ",")])
        described.append((info, [top for _, top in sorted(tops)], record, list(made[info])))
    return {
        "folders": list(folders.items()),
        "distributions": described,
        "scripts": {name: parts for each in made.values() for name, parts in each.items()},
    }


def _state(site: str) -> dict[str, Any]:
    """Find out, by trying, what owner and modes the image's files have got."""
    modes = []
    for mode in (0o644, 0o755):
        bytecode.write(f"{site}/{mode:o}", b"", 0, mode)
        state = os.lstat(f"{site}/{mode:o}")
        os.unlink(f"{site}/{mode:o}")
        modes.append(state.st_mode)
    return {"owner": (state.st_uid, state.st_gid), "modes": tuple(modes)}
