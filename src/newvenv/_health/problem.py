"""One thing that is wrong with an environment."""

from __future__ import annotations

import os

from .. import _quoting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Problem:
    """What is wrong in an environment, and what can be done about it.

    ``code`` is a stable name for the kind of problem, ``path`` the file or directory
    concerned; ``message`` and ``remedy`` are for people and may be reworded.
    docs/repair.md lists the codes.
    """

    __slots__ = ("_mend", "code", "message", "path", "remedy")

    def __init__(self, code: str, path: str, message: str, remedy: str) -> None:
        self.code = code
        self.path = path
        self.message = one_line(message)
        self.remedy = one_line(remedy)
        #: Mends it, within a transaction, and returns what was done in one line. None
        #: if newvenv can't.
        self._mend: Callable[[], str] | None = None

    def _key(self) -> tuple[str, str, str, str]:
        return self.code, self.path, self.message, self.remedy

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Problem):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return "Problem(code={!r}, path={!r}, message={!r}, remedy={!r})".format(*self._key())

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}"


def mendable(
    code: str, path: str, message: str, remedy: str, mend: Callable[[], str] | None
) -> Problem:
    """Return a problem that *mend* mends: within a transaction, returning what was done."""
    problem = Problem(code, path, message, remedy)
    problem._mend = mend
    return problem


def one_line(text: str) -> str:
    """Return *text* with escapes for what would not be shown as it is, as in line breaks."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def quoted(path: str) -> str:
    """Return *path* as a word of a command, to be pasted into a shell."""
    if os.name == "nt":
        return f'"{path}"' if " " in path else path
    return _quoting.sh(path)
