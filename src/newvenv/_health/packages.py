"""The distributions in an environment, and the files that their RECORDs list.

What RECORD says is taken for true as long as names and sizes agree; contents are only
read when they are asked to be verified. Format: packaging.python.org, "Recording
installed projects".
"""

from __future__ import annotations

import os
import stat

from . import base, disk
from .problem import Problem, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .environment import Environment

#: A file of a distribution: its path relative to site-packages, hash, and size in bytes.
Row = tuple[str, str, str]


class Distribution:
    """A distribution in a site-packages directory, known by its ``.dist-info``."""

    __slots__ = ("info", "name", "rows", "site", "version")

    def __init__(self, site: str, info: str) -> None:
        self.site = site
        #: The name of the ``.dist-info`` directory.
        self.info = info
        self.name, _, self.version = info[: -len(".dist-info")].partition("-")
        self.rows = rows(os.path.join(site, info, "RECORD"))

    def requirement(self) -> str:
        """Return what to tell pip to install this distribution again."""
        origin = _direct_url(os.path.join(self.site, self.info))
        return origin or f"{self.name}=={self.version}"

    def path(self, row: Row) -> str:
        """Return the absolute path of the file in *row*."""
        return os.path.normpath(os.path.join(self.site, row[0]))


def rows(record: str) -> list[Row]:
    """Return the lines of the file *record*, none if it is missing."""
    text = disk.text(record)
    if '"' in text:
        return _quoted_rows(text)
    split = [line.split(",") for line in text.splitlines()]
    return [(path, digest, size) for path, digest, size in (s for s in split if len(s) == 3)]


def _quoted_rows(text: str) -> list[Row]:
    import csv

    try:
        return [(row[0], row[1], row[2]) for row in csv.reader(text.splitlines()) if len(row) == 3]
    except csv.Error:
        return []


def distributions(env: Environment) -> list[Distribution]:
    """Return the distributions in *env*; they are read once."""
    if env.distributions is None:
        env.distributions = distributions_in(env.site_packages())
    return env.distributions


def distributions_in(sites: list[str]) -> list[Distribution]:
    """Return the distributions in the directories *sites*."""
    return [
        Distribution(site, name)
        for site in sites
        for name in disk.names_in(site)
        if name.endswith(".dist-info") and not name.startswith("~")
    ]


def source(one: Distribution) -> str:
    """Return the directory that *one* was installed from; ``""`` if it was none, or is unknown."""
    words = _direct_url(os.path.join(one.site, one.info))
    if not words:
        return ""
    from .. import shlex

    return shlex.split(words)[-1]


def _direct_url(info_path: str) -> str:
    """Return how to install again what did not come from an index (PEP 610), else ``""``."""
    text = disk.text(os.path.join(info_path, "direct_url.json"))
    if not text:
        return ""
    import json

    from .. import shlex

    try:
        origin = json.loads(text)
        url = str(origin["url"])
    except (ValueError, KeyError, TypeError):
        return ""
    if "dir_info" in origin:
        path = _path_of(url)
        return ("-e " if origin["dir_info"].get("editable") else "") + shlex.quote(path)
    if "vcs_info" in origin:
        vcs = origin["vcs_info"]
        url = f"{vcs.get('vcs')}+{url}@{vcs.get('commit_id')}"
    elif url.startswith("file:") and not os.path.exists(_path_of(url)):
        return ""  # A wheel that is gone: an index may have it.
    return shlex.quote(url)


def _path_of(url: str) -> str:
    """Return the path in a ``file:`` URL."""
    from urllib.parse import unquote, urlsplit

    return unquote(urlsplit(url).path)


def requirements(found: list[Distribution]) -> list[str]:
    """Return what pip has to be told to install *found* again, but for what is there anyway."""
    return [one.requirement() for one in found if one.name.lower() not in _seeds(one.site)]


def _seeds(site: str) -> frozenset[str]:
    """Return what a new environment has anyway, for the Python that *site* belongs to."""
    library = os.path.basename(os.path.dirname(site))
    minor = library.rstrip("t").rpartition(".")[2]
    old = minor.isdigit() and int(minor) < 12
    return frozenset(["pip", "setuptools"] if old else ["pip"])


# What is wrong with them.


def missing(one: Distribution) -> list[str]:
    """Return the files of *one* that are not there, or are empty and should not be.

    Bytecode is left out: Python makes it again, and people delete it to save space. So are
    its directories, which virtualenv lists, too.
    """
    found = []
    for row in one.rows:
        if not row[0].endswith((".pyc", "/__pycache__")) and _is_lost(one, row):
            found.append(row[0])
    return found


def _is_lost(one: Distribution, row: Row) -> bool:
    try:
        status = os.stat(os.path.join(one.site, row[0]))
    except PermissionError:
        return False
    except (OSError, ValueError):  # missing, a link to nothing, or no path at all
        return True
    return not status.st_size and row[2] not in ("0", "") and stat.S_ISREG(status.st_mode)


def altered(one: Distribution) -> list[str]:
    """Return the files of *one* whose contents are not those that RECORD has the hash of."""
    return [row[0] for row in one.rows if row[1] and not _is_true(one.path(row), row)]


def _is_true(path: str, row: Row) -> bool:
    data = disk.contents(path)
    if data is None:
        return True  # It is missing, which is another problem.
    algorithm, _, digest = row[1].partition("=")
    is_sized = not row[2] or row[2] == str(len(data))
    return is_sized and _digest(algorithm, data) in ("", digest)


def _digest(algorithm: str, data: bytes) -> str:
    """Return a hash as RECORD has it; ``""`` if there is no such algorithm here."""
    import hashlib

    from .._seed.image import base64

    try:
        return base64(hashlib.new(algorithm, data).digest())
    except (ValueError, TypeError):
        return ""


def find(env: Environment, verify: bool) -> Iterator[Problem]:
    """Yield the distributions, but for pip, that have lost files."""
    for one in distributions(env):
        if one.name == "pip":
            continue
        lost = missing(one)
        if lost or (not one.rows and _is_empty(one)):
            yield _damaged(env, one, lost)
        elif verify and (changed := altered(one)):
            message = f"{one.name} {one.version} has changed files: {listed(changed)}"
            yield _problem(env, one, "package-altered", message)


def find_invisible(env: Environment) -> Iterator[Problem]:
    """Yield the packages of another version of Python, which an upgrade has left behind."""
    for library in disk.names_in(os.path.join(env.path, "lib")):
        if base.is_library(library) and library != env.library:
            site = os.path.join(env.path, "lib", library, "site-packages")
            words = requirements(distributions_in([site]))
            if words:
                message = (
                    f"this is an environment of {base.spoken(env.library)}, but has packages "
                    f"of {base.spoken(library)}: {listed(words)}"
                )
                remedy = f"{pip(env)} install {' '.join(words)}, then delete lib/{library}"
                yield Problem("packages-invisible", site, message, remedy)


def _is_empty(one: Distribution) -> bool:
    return not os.path.exists(os.path.join(one.site, one.info, "METADATA"))


def _damaged(env: Environment, one: Distribution, lost: list[str]) -> Problem:
    what = f"lacks {listed(lost)}" if lost else "has no metadata"
    return _problem(env, one, "package-damaged", f"{one.name} {one.version} {what}")


def _problem(env: Environment, one: Distribution, code: str, message: str) -> Problem:
    remedy = f"{pip(env)} install --force-reinstall --no-deps {one.requirement()}"
    return Problem(code, os.path.join(one.site, one.info), message, remedy)


def pip(env: Environment) -> str:
    """Return the command that is pip for *env*, to be pasted into a shell."""
    if env.maker() == "uv" and not any(one.name == "pip" for one in distributions(env)):
        return f"uv pip --python {quoted(env.python())}"
    return f"{quoted(env.python())} -m pip"


def listed(names: list[str], most: int = 3) -> str:
    """Return *names* for people: the first few, and how many more there are."""
    if len(names) <= most + 1:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"


# RECORD


def correct_record(path: str, changed: dict[str, bytes]) -> None:
    """Write new hashes and sizes into the RECORD at *path*; all other lines stay as they are.

    :param changed: the new contents, by the name that RECORD has.
    """
    lines = disk.text(path).splitlines(keepends=True)
    text = "".join(_corrected(line, changed) for line in lines)
    disk.rewrite(path, text.encode("utf-8", "surrogateescape"))


def _corrected(line: str, changed: dict[str, bytes]) -> str:
    bare = line.rstrip("\r\n")
    name = bare.rsplit(",", 2)[0]
    plain = name[1:-1].replace('""', '"') if name.startswith('"') else name
    if plain not in changed:
        return line
    from .._seed.image import hash_and_size

    return f"{name},{hash_and_size(changed[plain])}{line[len(bare) :]}"
