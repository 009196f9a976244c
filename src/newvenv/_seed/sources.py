"""Where a pip comes from, and what an image of it is known by."""

from __future__ import annotations

import os
import sys
from binascii import crc32

from .. import _compat
from . import image

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    #: The paths of the wheels of the seed packages, or of their ``.dist-info``
    #: directories where they are installed; pip comes first.
    Seeds = Sequence[str]


def find() -> Seeds:
    """Return the seeds from the first of the four places that has a pip; else nothing.

    While there is an ensurepip, the environment gets what that would install: a place of
    its own that has not exactly that, and a pip that is installed here, are passed by.
    """
    return next(filter(None, _places()), ())


def _places() -> Iterator[Seeds]:
    bundle = ensurepip()
    if bundle is not None:
        yield _newest(os.path.join(bundle, "_bundled"), exact=True)
    yield _newest(_distribution_wheels(), exact=bundle is not None)
    yield _newest(os.environ.get("NEWVENV_WHEEL_DIR"))
    if bundle is None:
        for folder in sys.path:
            yield _newest(folder, ".dist-info")


def ensurepip() -> str | None:
    """Return the directory of ``ensurepip``, or None if it can't be imported.

    All finders are asked, as it may be blocked; but only for the standard library's. It is
    not imported: that loads subprocess, tempfile and more.
    """
    if sys.modules.get("ensurepip", sys) is None:
        return None
    library = os.path.dirname(getattr(os, "__file__", None) or "")
    if not library:  # In a frozen program modules have no file.
        from .. import sysconfig

        library = sysconfig.get_path("stdlib")
    for finder in sys.meta_path:
        try:
            spec = finder.find_spec("ensurepip", [library])
        except ImportError:
            return None
        except AttributeError:
            continue  # a finder of the kind that there was before 3.4
        if spec is not None:
            return os.path.dirname(spec.origin or "")
    return None


def _distribution_wheels() -> str | None:
    """Return the directory in which a Linux distribution keeps the wheels of its seeds."""
    from .. import sysconfig

    return sysconfig.get_config_var("WHEEL_PKG_DIR")  # type: ignore[no-any-return]


def _newest(folder: str | None, end: str = "-none-any.whl", *, exact: bool = False) -> Seeds:
    """Return the newest of each seed in *folder*, if there is a pip; *exact*: one of each."""
    try:
        names = [name for name in os.listdir(folder) if name.endswith(end)] if folder else []
    except OSError:
        return ()
    found = {
        seed: sorted((name for name in names if name.startswith(f"{seed}-")), key=version)
        for seed in _compat.CORE_VENV_DEPS
    }
    if not found["pip"] or (exact and any(len(several) != 1 for several in found.values())):
        return ()
    paths = [os.path.join(folder or "", several[-1]) for several in found.values() if several]
    # Without RECORD it can't be known what belongs to a distribution.
    is_known = end != ".dist-info" or all(os.path.exists(f"{path}/RECORD") for path in paths)
    return paths if is_known else ()


def version(name: str) -> list[int]:
    """Return a key that sorts file names of one project by version, well enough."""
    version = name.split("-")[1].replace(".dist", "")
    return [int(part) if part.isdecimal() else -1 for part in version.split(".")]


def name(seeds: Seeds) -> str:
    """Return the name of an image of *seeds*, like ``pip-24.2-cpython-313-1a2b3c4d5e6f7a8b``."""
    from _frozen_importlib_external import MAGIC_NUMBER

    tag = sys.implementation.cache_tag
    identity = (image.FORMAT, tag, MAGIC_NUMBER, *map(_fingerprint, seeds))
    checksum = image.sha256(repr(identity).encode()).hex()[:16]
    project, version = os.path.basename(seeds[0]).replace(".dist-info", "").split("-")[:2]
    return f"{project}-{version}-{tag}-{checksum}"


def _fingerprint(path: str) -> tuple[str, int, int]:
    """Tell one seed from another: name, size in bytes, checksum."""
    # The end of a ZIP file has the checksums of all that is in it, as RECORD has.
    is_wheel = path.endswith(".whl")
    with open(path if is_wheel else f"{path}/RECORD", "rb", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 65_536) if is_wheel else 0)
        return os.path.basename(path), size, crc32(file.read())
