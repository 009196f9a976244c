"""Other things on the way of an import: ``.pth`` files, editable installs, leftovers."""

from __future__ import annotations

import errno
import os

from . import disk, packages
from .interpreter import remedy
from .problem import Problem, mendable, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .environment import Environment


def find_leftovers(env: Environment) -> Iterator[Problem]:
    """Yield what a killed run has left, unless another run is at work there."""
    if not os.path.lexists(os.path.join(env.path, ".newvenv")) or _is_busy(env.path):
        return
    from .. import _kept

    for path in _kept.asides(env.path):
        message = f"a run that was killed has left {os.path.basename(path)}"
        yield mendable("leftovers", path, message, remedy(env), lambda: "")


def _is_busy(path: str) -> bool:
    """Is a run at work in the directory *path*?"""
    from .. import _lock

    try:
        with _lock.Lock(path, 0):
            return False
    except OSError as error:
        return error.errno == errno.EBUSY


def find_pth(env: Environment) -> Iterator[Problem]:
    """Yield the ``.pth`` files, those of editable installs included, whose targets are gone."""
    for site in env.site_packages():
        for name in disk.names_in(site):
            targets = _TARGETS.get(os.path.splitext(name)[1])
            if targets and (name.endswith(".pth") or name.startswith("__editable__")):
                gone = [target for target in targets(site, name) if disk.is_missing(target)]
                if gone:
                    yield _broken(env, site, name, gone)


def _pth(site: str, name: str) -> Iterator[str]:
    """Yield the paths in a ``.pth`` file, as :mod:`site` reads it."""
    for line in _lines(os.path.join(site, name)):
        if line and not line.startswith(("#", "import ", "import\t")):
            yield os.path.normpath(os.path.join(site, line))


def _finder(site: str, name: str) -> Iterator[str]:
    """Yield the paths in the finder that setuptools writes for an editable install."""
    for line in _lines(os.path.join(site, name)):
        head, equals, literal = line.partition(" = ")
        if head.partition(":")[0] == "MAPPING" and equals:
            from ast import literal_eval

            try:
                yield from map(str, literal_eval(literal).values())
            except (ValueError, SyntaxError, AttributeError):
                pass


_TARGETS = {".pth": _pth, ".py": _finder}


def _lines(path: str) -> list[str]:
    text = (disk.contents(path) or b"").decode("utf-8-sig", "surrogateescape")
    return [line.strip() for line in text.splitlines()]


def _broken(env: Environment, site: str, name: str, gone: list[str]) -> Problem:
    project = name.partition("-")[0].replace("__editable__.", "").replace("__editable___", "")
    owner = next((one for one in packages.distributions(env) if _lists(one, name)), None)
    if owner is None:
        message = f"{name} names {packages.listed(gone)}, which does not exist"
        return Problem(
            "pth-broken", os.path.join(site, name), message, "correct or delete the file"
        )
    message = (
        f"{owner.name or project} is installed from {packages.listed(gone)}, which does not exist"
    )
    new = _moved_along(env, owner, gone[0]) or "PATH, where it is now"
    command = f"{packages.pip(env)} install -e {new}"
    return Problem("editable-broken", os.path.join(site, name), message, command)


def _lists(one: packages.Distribution, name: str) -> bool:
    return any(row[0] == name for row in one.rows)


def _moved_along(env: Environment, one: packages.Distribution, gone: str) -> str:
    """Return where a project is now that was moved together with its environment, if it was."""
    from . import activation

    old = packages.source(one) or gone
    for former in activation.former_paths(env):
        relative = os.path.relpath(old, os.path.dirname(former))
        new = os.path.normpath(os.path.join(os.path.dirname(env.path), relative))
        if os.path.isdir(new):
            return quoted(new)
    return ""
