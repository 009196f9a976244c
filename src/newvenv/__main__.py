"""``python -m newvenv``: run the command line, turn an error into one line and a status."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_SIGINT, _SIGTERM = 2, 15


class _Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a run like Ctrl-C does, so that it is undone."""


def main(args: list[str] | None = None) -> int:
    """Run the command line on *args* or ``sys.argv`` and return the exit status.

    0, or 1 with a line ``Error: ...`` on stderr, or as shells have it 128 + N after
    signal N. Usage errors and ``--help`` raise ``SystemExit``, as argparse does.
    """
    _raise_on_sigterm()
    try:
        from newvenv import main as run

        run(args)
    except KeyboardInterrupt as interrupt:
        signal = _SIGTERM if isinstance(interrupt, _Terminated) else _SIGINT
        making = f" while making {interrupt.args[0]!r}" if interrupt.args else ""
        sys.stderr.write(f"Error: interrupted{making}\n")
        return 128 + signal
    except Exception as error:
        _report(error)
        return 1
    finally:
        _end_by_signals(args is None)
    return 0


def _report(error: Exception) -> None:
    """Say on stderr what went wrong: in one line, after what a failing process had to say."""
    output = getattr(error, "output", None)
    if isinstance(output, bytes):
        output = output.decode("utf-8", "backslashreplace")
    if output:
        sys.stderr.write(output.rstrip() + "\n")
    text = " ".join(str(error).splitlines()).strip() or type(error).__name__
    sys.stderr.write(f"Error: {text}\n")


def _raise_on_sigterm() -> None:
    import _signal  # type: ignore[import-not-found]  # the module signal costs an enum

    if _signal.getsignal(_SIGTERM) == _signal.SIG_DFL:
        _signal.signal(_SIGTERM, _terminate)


def _end_by_signals(is_program: bool) -> None:
    """Let signals end the process again, at once: there is nothing more to be undone.

    :param is_program: Ctrl-C has no other purpose any more, either.
    """
    import _signal

    if _signal.getsignal(_SIGTERM) is _terminate:
        _signal.signal(_SIGTERM, _signal.SIG_DFL)
    if is_program and _signal.getsignal(_SIGINT) is _signal.default_int_handler:
        _signal.signal(_SIGINT, _signal.SIG_DFL)


def _terminate(*_: object) -> NoReturn:
    raise _Terminated


if __name__ == "__main__":
    sys.exit(main())
