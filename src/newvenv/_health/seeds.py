"""pip in an environment: is it whole, and putting it back.

Unlike other packages, pip can be installed again without a network and without a pip.
"""

from __future__ import annotations

import os

from .. import _files, _layout
from . import base, consoles, disk, packages, scripts
from .environment import WINDOWS
from .interpreter import remedy
from .packages import Distribution
from .problem import Problem, mendable, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    from collections.abc import Iterator

    from .environment import Environment


def find(env: Environment) -> Iterator[Problem]:
    """Yield what is wrong with pip, if there is any of it."""
    if env.base is None:
        return
    for site in env.site_packages():
        names = disk.names_in(site)
        remains = [name for name in names if _is_pip(name)]
        message = _fault(env, site, remains)
        lost = _lost_scripts(env, site, remains) if message else {}
        if lost:
            yield _without_scripts(env, lost, message)
        elif message:
            yield _damaged(env, site, remains, message)
            return
        for info in _infos(remains)[:1]:
            yield from _stale(env, _distribution(env, site, info))


def _is_pip(name: str) -> bool:
    """Is *name*, in site-packages, a part of pip, or left over from one that was removed?

    pip renames what it removes: the first letter gives way to a tilde.
    """
    project = name.partition("-")[0].lower()
    is_metadata = name.endswith((".dist-info", ".virtualenv", ".egg-info"))
    return (
        name == "pip"
        or (project == "pip" and is_metadata)
        or name == "~ip"
        or (project == "~ip" and is_metadata)
    )


def _infos(remains: list[str]) -> list[str]:
    return [name for name in remains if name.endswith(".dist-info") and name[:1] != "~"]


def _fault(env: Environment, site: str, remains: list[str]) -> str:
    """Return what is wrong with pip; ``""`` if it is whole or was never installed."""
    infos = _infos(remains)
    if not remains:
        present = [name for name in ("pip", "pip3") if name in env.names]
        orphans = [name for name in present if _is_ours(env, name)]
        return f"bin/{orphans[0]} is there, but pip is not" if orphans else ""
    if any(name.startswith("~") for name in remains):
        return f"pip was only half removed: {packages.listed(remains)}"
    if not infos or "pip" not in remains:
        return f"pip is only half there: {packages.listed(remains)}"
    if len(infos) > 1:
        return f"pip is there twice: {packages.listed(infos)}"
    lost = packages.missing(_distribution(env, site, infos[0]))
    return f"pip lacks {packages.listed(lost)}" if lost else ""


def _is_ours(env: Environment, name: str) -> bool:
    """Does the script *name* run under *env*'s interpreter?"""
    found = consoles.shebang_of(os.path.join(env.bin_path, name))
    return found is not None and os.path.dirname(found.interpreter) == env.bin_path


def _distribution(env: Environment, site: str, info: str) -> Distribution:
    for one in packages.distributions(env):
        if (one.site, one.info) == (site, info):
            return one
    return Distribution(site, info)


# Scripts

_BODY = """\
import sys

from {module} import {function}

if __name__ == "__main__":
    sys.exit({function}())
"""


def _lost_scripts(env: Environment, site: str, remains: list[str]) -> dict[str, Distribution]:
    """Return the scripts that pip lacks, if it lacks nothing else, by path."""
    infos = _infos(remains)
    if WINDOWS or len(infos) != 1 or "pip" not in remains or len(remains) > 3:
        return {}
    one = _distribution(env, site, infos[0])
    missing = set(packages.missing(one))
    lost = [row for row in one.rows if row[0] in missing]
    if not all(consoles.is_in(env, one, row) for row in lost):
        return {}
    return {one.path(row): one for row in lost}


def _without_scripts(env: Environment, lost: dict[str, Distribution], message: str) -> Problem:
    def mend() -> str:
        one = next(iter(lost.values()))
        data = scripts.first_line(env.python()) + _body(one)
        for path in lost:
            _files.write(path, data, 0o777)
        consoles.correct_records(env, dict.fromkeys(lost, data))
        return f"{packages.listed([os.path.basename(path) for path in lost])} written"

    return mendable("pip-damaged", next(iter(lost)), message, remedy(env), mend)


def _body(one: Distribution) -> bytes:
    """Return what follows the first line of pip's scripts."""
    target = consoles.declared_scripts(os.path.join(one.site, one.info)).get("pip", "")
    module, _, function = target.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), function)):
        module, function = "pip._internal.cli.main", "main"
    return _BODY.format(module=module, function=function).encode("utf-8")


# The whole of it


def _damaged(env: Environment, site: str, remains: list[str], message: str) -> Problem:
    def mend() -> str:
        for name in remains:
            _files.remove(os.path.join(site, name))
        install(env)
        return _installed(remains, [name for name in disk.names_in(site) if _is_pip(name)])

    path = os.path.join(site, remains[0] if remains else "pip")
    if _can_install(env):
        return mendable("pip-damaged", path, message, remedy(env), mend)
    python = quoted(env.python())
    return Problem("pip-damaged", path, message, f"{python} -m ensurepip --upgrade --default-pip")


def _installed(old: list[str], new: list[str]) -> str:
    """Return which version was installed, and which one it replaces."""
    before, after = _version(old), _version(new)
    return f"pip {after} installed" + (f", it was {before}" if before not in ("", after) else "")


def _version(names: list[str]) -> str:
    """Return the version that the first ``.dist-info`` among *names* is of, else ``""``."""
    infos = [name for name in names if name.endswith(".dist-info")]
    return infos[0][: -len(".dist-info")].partition("-")[2] if infos else ""


def _can_install(env: Environment) -> bool:
    """Is there a pip to put into *env*? That of another Python is only known when it is run."""
    from .._seed import sources

    return not _is_running(env) or bool(sources.find())


def _is_running(env: Environment) -> bool:
    this = base.running()
    real = os.path.realpath(this.executable)
    return env.base is not None and os.path.realpath(env.base.executable) == real


def install(env: Environment) -> None:
    """Install pip in *env*, which has none: from an image if its base is the running Python.

    :raises OSError: *env* can't be written.
    :raises subprocess.CalledProcessError: the environment's Python has no working ensurepip.
    """
    from .. import EnvBuilder, _seed

    _seed.install(_context(env), EnvBuilder()._call_new_python)


def _context(env: Environment) -> types.SimpleNamespace:
    """Return what installing pip asks of a context."""
    context = _layout.context(env.path, None, _layout.scheme_path)
    context.python_exe = os.path.basename(env.python())
    context.env_exe = context.env_exec_cmd = env.python()
    if env.base is not None and not _is_running(env):
        context.executable = env.base.executable
    context.lib_path = context.platlib_path = env.site_packages()[0]
    return context


# Bytecode


def _stale(env: Environment, one: Distribution) -> Iterator[Problem]:
    """Yield the bytecode of pip that Python would compile again each time, or wrongly use.

    It goes stale as a whole, when files are copied without their times. So one module of
    each directory is looked at, and all of them only if one is stale.
    """
    kind = "pypy" if env.library.startswith("pypy") else "cpython-"
    tag = f".{kind}{base.number(env.library).replace('.', '')}.pyc"
    sources = [row[0] for row in one.rows if row[0].endswith(".py")]
    sample = {os.path.dirname(source): source for source in reversed(sources)}
    if not any(_is_stale(one, source, tag) for source in sample.values()):
        return
    stale = [source for source in sources if _is_stale(one, source, tag)]

    def mend() -> str:
        for source in stale:
            _files.remove(_compiled(one, source, tag))
        return f"pip: {len(stale)} stale bytecode files removed; Python writes them anew"

    count = f" and of {len(stale) - 1} more" if stale[1:] else ""
    message = f"the bytecode of {stale[0]}{count} does not belong to the source"
    path = _compiled(one, stale[0], tag)
    yield mendable("pip-bytecode", path, message, remedy(env), mend)


def _compiled(one: Distribution, source: str, tag: str) -> str:
    directory, name = os.path.split(source)
    return os.path.join(one.site, directory, "__pycache__", name[: -len(".py")] + tag)


def _is_stale(one: Distribution, source: str, tag: str) -> bool:
    """Does the bytecode of *source*, if there is any, name another time or size (PEP 552)?"""
    head = disk.contents(_compiled(one, source, tag), 16)
    if head is None:
        return False
    if len(head) < 16:
        return True
    if head[4:8] != b"\0\0\0\0":
        return False  # checked by hash, or not at all
    try:
        status = os.stat(os.path.join(one.site, source))
    except OSError:
        return False
    written = int.from_bytes(head[8:12], "little"), int.from_bytes(head[12:16], "little")
    return written != (int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF)
