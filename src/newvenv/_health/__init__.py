"""What is wrong with an environment, and mending it.

:func:`check` only reads. :func:`repair` makes what is wrong right, in one transaction,
for environments that newvenv, venv, virtualenv or uv have made. Both judge an
environment by its own Python, which need not be the one that is running.

The modules: ``environment`` and ``base`` read what there is, ``literals`` and
``scripts`` what is written in scripts; ``interpreter``, ``activation``, ``consoles``,
``seeds``, ``packages`` and ``paths`` compare that with what should be there.
"""

from __future__ import annotations

from .. import _log
from . import activation, consoles, environment, interpreter, packages, paths, seeds
from .problem import Problem, one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from .environment import Environment

__all__ = ["Problem", "check", "left_behind", "renew", "repair"]

#: What finds problems, in the order in which they have to be mended.
_FIND: tuple[Callable[[Environment], Iterator[Problem]], ...] = (
    paths.find_leftovers,
    interpreter.find_base,
    interpreter.find_config,
    interpreter.find_interpreter,
    interpreter.find_directories,
    consoles.find,
    activation.find,
    seeds.find,
    packages.find_invisible,
    paths.find_pth,
)


def check(env_dir: str | os.PathLike[str], *, verify: bool = False) -> list[Problem]:
    """Return what is wrong with the environment *env_dir*; nothing is changed.

    :param verify: compare the contents of all installed files with their hashes.
    :raises OSError: *env_dir* does not exist, or can't be read.
    :raises ValueError: it is no environment.
    """
    env = environment.read(env_dir)
    found = [problem for find in _FIND for problem in find(env)]
    return found + list(packages.find(env, verify))


def repair(
    env_dir: str | os.PathLike[str], report: Callable[[str], object] | None = None
) -> list[Problem]:
    """Mend the environment *env_dir*, completely or not at all, and return what is left.

    :param report: called with a line for each thing that was mended, when all is done.
    :raises OSError: *env_dir* does not exist, or can't be read or written.
    :raises ValueError: it is no environment.
    :raises subprocess.CalledProcessError: pip could not be installed.
    """
    problems = check(env_dir)
    if not any(problem._mend for problem in problems):
        return problems
    from .. import _transaction

    path = environment.read(env_dir).path
    # Beginning the transaction has put in order what a killed run has left.
    lines = [f"{one.path} removed" for one in problems if one.code == "leftovers"]
    lines += _transaction.run(path, lambda _: _mend_all(path))
    if report is not None:
        for line in lines:
            report(one_line(line))
    return check(path)


def _mend_all(path: str) -> list[str]:
    return [line for find in _FIND[1:] for line in _mend(path, find)]


def _mend(path: str, find: Callable[[Environment], Iterator[Problem]]) -> list[str]:
    """Mend what *find* finds, and return what was done.

    The environment is read again for each, since what was mended before may change it.
    """
    mends = [problem._mend for problem in find(environment.read(path))]
    return [mend() for mend in mends if mend is not None]


def renew(env_dir: str) -> None:
    """Mend what a run over an environment mends by the way: scripts of a moved one, and pip.

    To be called within that run's transaction, when all else is done. What is mended is
    logged.
    """
    for find in (consoles.find, seeds.find):
        for line in _mend(env_dir, find):
            _log.info("%s", line)


def left_behind(env_dir: str) -> str:
    """Return what a run that makes *env_dir* an environment of the running Python leaves behind.

    To be called before the run: it compares the running Python's version with the one in
    ``pyvenv.cfg``, and reads no more than that if they agree.

    :return: one line, for a warning after the run has succeeded: how many packages of the
        former version are not visible any more, and how to install them again. ``""`` if
        there are none.
    """
    from . import minor

    return minor.left_behind(env_dir)
