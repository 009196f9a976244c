"""What a run keeps in the target until it has succeeded, and putting it back after a kill.

It is kept in a directory ``.newvenv``, on the same file system; a target in which nothing
is replaced gets none. In it are scratch files and

``kept``     what was replaced or removed, or may be by pip, under its path in the target
``moving``   what belongs at the top of the target: a clear, or its undoing, is under way
``cleared``  the contents of a target that is being cleared

Its presence, while no other run holds the lock, shows that a run was killed. Once the new
environment can be used what is cleared is ``outdated``; once all has succeeded what is kept
is ``replaced``: neither comes back then.
"""

from __future__ import annotations

import os

from . import _files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._lock import Lock

ASIDE = ".newvenv"
#: What an environment has at its top, so that a killed run may have made it.
OWN = ("pyvenv.cfg", "bin", "Scripts", "include", "Include", "lib64", "lib", "Lib", ".gitignore")

#: The names under which cleared contents are kept.
_CONTENTS = ("moving", "cleared", "outdated")


def recover(env_dir: str, lock: Lock) -> None:
    """Put *env_dir* in order after a run that was killed.

    What it had cleared comes back, unless the new environment had become usable; what it
    had replaced or removed comes back where it is missing. The rest of what it did is
    whole, and stays: to roll it back might undo what has been done since.
    """
    for aside in asides(env_dir):
        if lock.handle is not None:
            give_back(aside, False)
            kept = os.path.join(aside, "kept")
            if _files.is_directory(kept):
                from . import _packages

                _packages.recover(kept, env_dir)
            if _files.names_in(os.path.join(aside, "moving")):
                warn("Some of the former contents, in %r, have been replaced since", aside)
            else:
                discard(aside)
        elif lock.is_missing:
            warn("Leaving %r alone: without locks, another run may be at work", aside)


def give_back(aside: str, is_alone: bool) -> None:
    """Return what was cleared to the top of the target.

    :param is_alone: nothing is there but what this run has made.
    """
    cleared, moving = os.path.join(aside, "cleared"), os.path.join(aside, "moving")
    env_dir = os.path.dirname(aside)
    if _files.is_directory(cleared):
        for name in {*OWN, *(_files.names_in(cleared) if is_alone else ())}:
            _files.delete(os.path.join(env_dir, name))
        os.rename(cleared, moving)
    for name in _files.names_in(moving):
        _files.move(os.path.join(moving, name), os.path.join(env_dir, name))


def was_environment(env_dir: str) -> bool:
    """Has a run that cleared the environment *env_dir* been killed?"""
    paths = (os.path.join(aside, name) for aside in asides(env_dir) for name in _CONTENTS)
    return any(os.path.isfile(os.path.join(path, "pyvenv.cfg")) for path in paths)


def asides(env_dir: str) -> Iterator[str]:
    """Yield the directories for what was kept: only real ones, of this user's own."""
    for path in paths(env_dir):
        if _files.is_directory(path) and _files.is_own(path):
            yield path


def paths(env_dir: str) -> list[str]:
    """Return all paths for them: a hook may start another run, as a process."""
    return [os.path.join(env_dir, f"{ASIDE}{number or ''}") for number in range(10)]


def discard(aside: str) -> None:
    """Delete *aside*; a warning says what can't be."""
    try:
        try:
            _files.delete(aside)
        except OSError:
            _files.delete(aside)
    except OSError as error:
        warn("Could not delete what is left of the former contents: %s", error)


def warn(message: str, *values: object) -> None:
    from . import logger

    logger.warning(message, *values)
