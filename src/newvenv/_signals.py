"""Signals that have to wait until something is done."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: SIGINT first, SIGHUP and SIGTERM; the module ``signal`` costs an import of enum.
_NUMBERS = (2, 1, 15)


def is_ignored(number: int) -> bool:
    """Is the signal *number* ignored, be it since before the start, as by ``nohup``?

    :raises ValueError: there is no such signal.
    """
    import _signal  # type: ignore[import-not-found]

    handler = _signal.getsignal(number)
    if sys.implementation.name != "pypy" or handler != _signal.SIG_DFL:
        return bool(handler == _signal.SIG_IGN)
    # What was ignored before the start, PyPy does not know.
    try:
        with open("/proc/self/status", "rb") as file:
            masks = [line.split()[1] for line in file if line.startswith(b"SigIgn:")]
    except OSError:
        return False
    return any(int(mask, 16) >> (number - 1) & 1 for mask in masks)


class Deferred:
    """Let the signals that would end the process wait for the end of the ``with`` block.

    Only the main thread gets signals; in others this does nothing.

    :param notice: said on stderr when the first signal comes; empty for nothing.
    :param again: deliver the signal after the block.
    """

    def __init__(self, notice: str, *, again: bool) -> None:
        self.notice = notice
        self.again = again
        self.handlers: dict[int, Any] = {}
        self.number = 0

    def __enter__(self) -> None:
        import _signal

        for number in _NUMBERS:
            try:
                handler = _signal.getsignal(number)
                if handler is not None and not is_ignored(number):
                    _signal.signal(number, self._note)
                    self.handlers[number] = handler
            except ValueError:  # not in the main thread, or not a signal of Windows
                continue

    def _note(self, number: int, _: object) -> None:
        if self.notice and not self.number and sys.stderr is not None:
            sys.stderr.write(f"{self.notice}\n")
        self.number = number

    def __exit__(self, *exception: object) -> None:
        import _signal

        for number, handler in reversed(list(self.handlers.items())):
            _signal.signal(number, handler)
        if self.number and self.again:
            _signal.raise_signal(self.number)
