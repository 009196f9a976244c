"""What a run has made and replaced, and how to take it back.

Before a run changes anything in a folder, what can bring the former state back lies in
that folder itself, under a name that ends in ``.newvenv``: so giving it back is renaming,
on the same file system. The name's first part tells what that is good for:

``new``    nothing: the folder was not there
``empty``  nothing: the folder was there, with nothing in it
``part``   a likeness of what newvenv itself replaces
``pip``    a likeness of the packages that pip replaces
``full``   a likeness of all that pip or a subclass may replace
``clear``  what the folder held, on its way here to be cleared
``all``    everything that the folder held
``good``   nothing: a run has succeeded, while others were at work

In each lie the marks of the runs that need it: empty folders named after process and
thread. There are no locks; what has to be exclusive is one ``mkdir`` or ``rename``:

- Runs that meet in one folder share what is kept there; a later one adds only what the
  earlier did not need. Who was disturbed by another one's clearing goes over its steps
  again, which costs little, as nothing is touched that is as it should be.
- Who succeeds deletes all that is kept, but for the marks of others who are still at work:
  nobody goes back behind a good environment.
- Who fails gives everything back, but not while others are at work, who still need the
  folder, nor when another one has succeeded.
- Who finds marks of dead processes only (they were killed) puts that in order first:
  see :func:`recover`.

Names that belong to one process (``.PID-TID.KIND.newvenv``) are on their way: being
filled (``fill``), given back (``back``, or a kind from above), or deleted (``done``).
"""

from __future__ import annotations

import errno
import os
from _thread import get_ident

from . import _files, _layout, _marks, _platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

#: The entries of an environment that newvenv replaces itself ...
_PART = frozenset(["pyvenv.cfg", ".gitignore", "lib64", _platform.BIN_NAME])

#: ... and those that pip and hooks work in. What else lies in the folder is not ours.
_FULL = _PART | {"lib", "Lib", "include", "Include", "share", "etc"}

#: How the names begin, in site-packages, that pip itself and its companions have.
_PIP = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence")

#: In a likeness, the list of the paths that there were.
_LIST = f".list{_files.TEMPORARY}"

#: How long to wait before trying again, in seconds: when disturbed, 1 s in all; when
#: others are moving things about, 10 s.
_DISTURBED = [0.001 * 2**n for n in range(10)]
_BUSY = [0.001, 0.003, 0.01, 0.03, *(100 * [0.1])]

#: So often a lost race is run again, and so often an interrupted clean-up.
_RACES = 10
_PATIENCE = 5

#: What trying again does not help against.
_HOPELESS = frozenset(
    getattr(errno, name, None)
    for name in ("ENOSPC", "EDQUOT", "EROFS", "EIO", "EMFILE", "ENFILE", "ENOMEM", "ENAMETOOLONG")
)

#: How it shows that another run did at the same moment what this one was about to do.
_OVERTAKEN = frozenset([errno.ENOENT, errno.EEXIST, errno.ENOTEMPTY])


class Undo:
    """Takes back what happens to the folder *env_dir* in a ``with`` block that fails.

    :param kind: what may be replaced: ``part`` or ``full``, see above.
    :param clears: the block clears the folder before it does anything else to it, so
        there is nothing to keep before that.
    :param makes: nobody minds if the folder is made at once.
    """

    def __init__(
        self, env_dir: str, kind: str = "part", *, clears: bool = False, makes: bool = True
    ) -> None:
        self.env_dir = env_dir
        self.kind = kind
        self.clears = clears
        self.makes = makes
        self.missing: list[str] = []
        self.is_secured = self.is_cleared = False

    def __enter__(self) -> Undo:  # noqa: PYI034 - typing.Self is too new
        _marks.running[self.env_dir, get_ident()] = self
        try:
            self.missing = _missing(self.env_dir)
            self.secure()
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._insist(self._take_back if kind else self._forget)
        finally:
            _marks.running.pop((self.env_dir, get_ident()), None)
            for path in _marks.found(self.env_dir):
                if _marks.is_mine(path):  # What is left, the next run shall deal with.
                    _files.finished(path)
                _marks.is_removed(path)

    def run(self, steps: Callable[[], object]) -> None:
        """Run *steps*, and again if others at work in the folder got in their way.

        Steps that are not all newvenv's own (kind ``full``) are not run twice.

        :raises Exception: whatever *steps* raise, when there is no hope, or no end.
        """
        for pause in _DISTURBED if self.kind != "full" else ():
            try:
                steps()
                if not self._is_overtaken():
                    return
            except Exception as error:
                if getattr(error, "errno", None) in _HOPELESS or not self._is_disturbed():
                    raise
            _sleep(pause)
            self.secure()
        steps()

    def secure(self, kind: str | None = None) -> None:
        """Have aside what brings the folder's present state back.

        :param kind: of what is needed, where that is more than :class:`Undo` was told.
        :raises OSError: the folder can't be written, or others occupy it (EBUSY).
        """
        for attempt, pause in enumerate(_BUSY):
            try:
                if self._secure(kind):
                    return
            except OSError as error:
                if error.errno not in _OVERTAKEN or attempt == _RACES:
                    _files.say(error, self.env_dir)
                    raise
            _sleep(pause)
        raise OSError(errno.EBUSY, "Another process is moving things there", self.env_dir)

    def _secure(self, kind: str | None) -> bool:
        """Try once, and tell whether that worked; a lost race may also be an error."""
        if not os.path.isdir(self.env_dir):
            if not self.makes:
                return True  # Its owner's code makes it, and shall find it missing.
            self.missing = self.missing or _missing(self.env_dir)
            os.makedirs(self.env_dir, exist_ok=True)
        found = recover(self.env_dir)
        if _marks.is_moving(found):
            return False
        self.is_secured = True  # or nearly: from here on there may be something to claim
        kept = _marks.kept(found)
        if "clear" in kept:  # Its owner is only about to mark it.
            return False
        for path in kept.values():
            _marks.put_mark(path)
        need = kind or self._need()
        if max([_marks.RANKS[name] for name in kept], default=0) < _marks.RANKS.get(need, 0):
            _keep(self.env_dir, need)
        self.is_cleared = self.is_cleared or "all" in kept
        return True

    def _need(self) -> str:
        if self.missing and not self.makes:
            return "new"
        if not _files.entries(self.env_dir):
            return "new" if self.missing else "empty"
        return "" if self.clears else self.kind

    def clear(self) -> None:
        """Move what the folder holds aside, unless another run has just done so."""
        if not self.is_cleared and _files.entries(self.env_dir):
            self.secure("all")
        self.is_cleared = True

    def _is_overtaken(self) -> bool:
        """Has another run cleared the folder since, or is it about to?"""
        found = _marks.found(self.env_dir)
        kept = _marks.kept(found)
        return _marks.is_moving(found) or ("all" in kept and not _marks.has_own_mark(kept["all"]))

    def _is_disturbed(self) -> bool:
        """Can others be why something failed: are any at work here, or were they?"""
        found = _marks.found(self.env_dir)
        kept = _marks.kept(found)
        return (
            _marks.others(found)
            or "good" in kept
            or not any(map(_marks.has_own_mark, kept.values()))
        )

    def _insist(self, act: Callable[[], object]) -> None:
        """Let *act* put the folder in order: to its end, however impatient the user is.

        What resists is reported and not raised: either there is something more
        important to say, or all is well but for some rubbish.
        """
        interrupt = problem = None
        for _ in range(_PATIENCE):
            try:
                act()
                problem = None
                break
            except KeyboardInterrupt as error:
                interrupt = error
            except OSError as error:
                problem = error
        if problem:
            from . import logger

            logger.warning("Could not put everything in order in %r: %s", self.env_dir, problem)
        if interrupt and act == self._forget:
            raise interrupt

    def _forget(self) -> None:
        """Delete what was kept, but for what another run has cleared after the last step."""
        found = _marks.found(self.env_dir)
        kept = _marks.kept(found)
        has_dead = any(map(_marks.dead_marks, kept.values()))
        for kind, path in kept.items():
            if kind in ("new", "empty", "good") and _marks.is_removed(path):
                continue
            if kind != "good" and (kind not in ("clear", "all") or _marks.has_own_mark(path)):
                _marks.save_marks(path)
                _marks.discard(path)
        _marks.delete_own(found)
        if has_dead:  # Their marks are gone now, by which the next run would have known.
            _sweep(self.env_dir)

    def _take_back(self) -> None:
        """Make the folder what it was, unless others need it as it is."""
        if self.is_secured:
            for path in self._claim():
                _give_back(path)
        elif self.missing and not self.makes and not _marks.others(_marks.found(self.env_dir)):
            _files.delete_all(self.env_dir, _files.contents(self.env_dir))
        _marks.delete_own(_marks.found(self.env_dir))
        _remove_folders(self.missing)

    def _claim(self) -> list[str]:
        """Take what is kept out of the reach of others; return the paths, the latest first.

        None, if others are at work, or when someone has succeeded and deleted it.
        """
        found = _marks.found(self.env_dir)
        kept = _marks.kept(found)
        claimed = [
            path for path in found if _marks.is_mine(path) and _files.kind(path) in _marks.CLAIMED
        ]
        if not claimed and not any(map(_marks.has_own_mark, kept.values())):
            return []
        if not _marks.others(found):
            claimed += [_marks.turn(path, kind) for kind, path in kept.items()]
            if not any(map(_marks.others_marks, claimed)):
                return sorted(claimed, key=lambda path: -_marks.CLAIMED[_files.kind(path)])
        for path in [*claimed, *kept.values()]:
            _marks.remove_mark(path)
        for path in claimed:  # Others came just before this was taken away from them.
            os.rename(path, _marks.place(self.env_dir, _files.kind(path)))
            _files.finished(path)
        return []


def clear(path: str) -> None:
    """Empty the folder *path*: for good, or within :class:`Undo` until that succeeds."""
    undo = _marks.running.get((path, get_ident()))
    if isinstance(undo, Undo):
        undo.clear()
    else:
        _files.delete_all(path, _files.entries(path))


def expect_pip(env_dir: str) -> None:
    """Within :class:`Undo`, be ready for pip to replace packages in *env_dir*."""
    undo = _marks.running.get((env_dir, get_ident()))
    if isinstance(undo, Undo):
        undo.secure("pip")


def _remove_folders(missing: list[str]) -> None:
    for path in missing:
        try:
            os.rmdir(path)
        except FileNotFoundError:
            pass
        except OSError:
            return  # Somebody has begun something there.


def _missing(path: str) -> list[str]:
    """Return *path* and those of its parents that don't exist, the deepest first."""
    missing = []
    while not os.path.lexists(path):
        missing.append(path)
        path = os.path.dirname(path)
    return missing


def _keep(env_dir: str, kind: str) -> None:
    """Keep what is in *env_dir*, in the way of *kind*.

    :raises OSError: among others, one of ``_OVERTAKEN`` when somebody else does the same.
    """
    if kind == "all":
        _move_aside(env_dir)
    elif kind in ("new", "empty"):
        _marks.make_shared(_marks.place(env_dir, kind))
    else:
        _keep_likeness(env_dir, kind)


def _move_aside(env_dir: str) -> None:
    aside = _marks.place(env_dir, "clear")
    _marks.make_shared(aside)
    # Since there was a look around, somebody may have come to the end with a clear, or have
    # begun to give things back. From here on, who looks sees this one.
    found = _marks.found(env_dir)
    if "all" in _marks.kept(found) or _marks.is_moving(found):
        _marks.is_removed(aside)
        raise FileExistsError(errno.EEXIST, "Cleared by another process", env_dir)
    for name in _files.entries(env_dir):
        try:
            os.rename(os.path.join(env_dir, name), os.path.join(aside, name))
        except FileNotFoundError:
            pass  # Somebody deletes something there, too.
    os.rename(aside, _marks.place(env_dir, "all"))


def _keep_likeness(env_dir: str, kind: str) -> None:
    """Make a likeness of what may be replaced; all of it appears at once."""
    fill = _files.temporary(env_dir, "fill")
    try:
        os.mkdir(fill, 0o700)
        _marks.put_mark(fill)
        with open(os.path.join(fill, _LIST), "wb") as file:
            file.write(b"\0".join(map(os.fsencode, _relative(env_dir))))
        from . import _likeness

        for path in _replaceable(env_dir, kind):
            likeness = os.path.join(fill, path[len(env_dir) :].lstrip(os.sep))
            os.makedirs(os.path.dirname(likeness), exist_ok=True)
            _likeness.mirror(path, likeness, copies=kind == "full")
        os.rename(fill, _marks.place(env_dir, kind))
    except BaseException:
        _marks.delete_own([fill])
        raise
    _files.finished(fill)


def _replaceable(env_dir: str, kind: str) -> Iterable[str]:
    """Yield the paths of what is kept a likeness of for *kind*."""
    if kind == "pip":
        for path in _listing(env_dir):
            folder, name = os.path.split(path)
            if os.path.basename(folder) == "site-packages" and name.startswith(_PIP):
                yield path
        return
    folders = _FULL if kind == "full" else _PART
    for name in _files.entries(env_dir):
        path = os.path.join(env_dir, name)
        if name in folders or not os.path.isdir(path):
            yield path


def _relative(env_dir: str) -> list[str]:
    return [path[len(env_dir) :].lstrip(os.sep) for path in _listing(env_dir)]


def _listing(folder: str, depth: int = 0) -> Iterable[str]:
    """Yield the paths at which a run may make something new, a folder before its contents."""
    for name in _files.contents(folder):
        path = os.path.join(folder, name)
        if name.endswith(_files.TEMPORARY) and (depth == 0 or _marks.is_at_work(path)):
            continue
        yield path
        if depth < _layout.PACKAGE_DEPTH and (depth or name in _FULL) and not os.path.islink(path):
            yield from _listing(path, depth + 1)


def _give_back(aside: str) -> None:
    """Make the folder around *aside*, which is this thread's own, what it was before."""
    env_dir, kind = os.path.dirname(aside), _files.kind(aside)
    if kind in ("new", "empty"):
        _files.delete_all(env_dir, _files.entries(env_dir))
    elif kind in ("clear", "all", "back"):
        aside = _move_back(aside)
    elif kind != "good":
        from . import _likeness  # is loaded since there was something to keep

        _delete_new(aside)
        for name in _files.entries(aside):
            _likeness.restore(os.path.join(aside, name), os.path.join(env_dir, name), kind != "pip")
    _marks.discard(aside)
    if kind == "new":
        _remove_folders([env_dir])


def _move_back(aside: str) -> str:
    """Let what was cleared change places with what has been made since; return *aside*.

    First one goes, then the other comes: so, whenever this is cut short, what is missing
    in the folder is here.
    """
    env_dir, kind = os.path.dirname(aside), _files.kind(aside)
    kept = _files.entries(aside)
    if kind != "back":
        for name in _files.entries(env_dir):
            if kind == "all" or name in kept:
                _marks.discard(os.path.join(env_dir, name))
        aside = _marks.turn(aside, "back")
    for name in kept:
        if not os.path.lexists(os.path.join(env_dir, name)):
            os.rename(os.path.join(aside, name), os.path.join(env_dir, name))
    return aside


def _delete_new(aside: str) -> None:
    """Delete what was not there when the likeness *aside* was made."""
    env_dir = os.path.dirname(aside)
    with open(os.path.join(aside, _LIST), "rb") as file:
        listed = {os.fsdecode(name) for name in file.read().split(b"\0")}
    for name in _relative(env_dir):
        if name not in listed and (
            _files.kind(aside) == "full" or name.partition(os.sep)[0] in _FULL
        ):
            path = os.path.join(env_dir, name)
            if os.path.lexists(path):
                _files.delete(path)


def recover(env_dir: str) -> list[str]:
    """Put *env_dir* in order after runs that were killed; return the temporary paths left.

    What such a run was giving back comes back. What it had cleared comes back unless the
    new environment has got so far that somebody may have used it since. Else there is
    nothing to do but to delete what it kept: all that it made is whole, and the steps of
    the next run complete it. (To go back now could undo what the user did since then.)
    """
    found = _marks.found(env_dir)
    if not found:
        return found
    is_alone = not _marks.others(found)
    dead = [path for path in found if _marks.maker(path) and not _marks.is_at_work(path)]
    for kind, path in _marks.kept(found).items():
        if not _marks.has_own_mark(path) and (
            is_alone or (kind == "clear" and not _marks.others_marks(path))
        ):
            dead.append(path)
    if not dead:
        return found
    for path in dead:
        if (
            is_alone
            or _files.kind(path) in ("clear", "back")
            or _files.kind(path) not in _marks.CLAIMED
        ):
            _recover(path)
    _sweep(env_dir)
    return _marks.found(env_dir)


def _sweep(env_dir: str) -> None:
    """Delete what dead processes have left in the folders of *env_dir*."""
    for path in _listing(env_dir):
        if path.endswith(_files.TEMPORARY):
            _files.delete(path)


def _recover(path: str) -> None:
    env_dir, kind = os.path.dirname(path), _files.kind(path)
    if kind not in _marks.CLAIMED:
        _marks.discard(path)
        return
    was_claimed = _marks.maker(path) is not None
    try:
        # What is missing comes back from a clear that was cut short; others may have
        # made the rest anew.
        path = _marks.turn(path, "back" if kind == "clear" else kind)
    except FileNotFoundError:
        return  # Another run is at it.
    if kind in ("clear", "back") or (kind == "all" and not _is_usable(env_dir)):
        _give_back(path)
        return
    if was_claimed and kind in ("part", "pip", "full"):
        from . import _likeness

        _likeness.return_missing(path, env_dir)
    _marks.discard(path)


def _is_usable(env_dir: str) -> bool:
    """Is there an interpreter that knows it is in an environment?"""
    python = os.path.join(env_dir, _platform.BIN_NAME, "python")
    return os.path.exists(os.path.join(env_dir, "pyvenv.cfg")) and (
        os.path.exists(python) or os.path.exists(f"{python}.exe")
    )


def _sleep(seconds: float) -> None:
    from time import sleep

    sleep(seconds)
