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
    _catch_signals()
    try:
        if __package__:  # "newvenv", or "venv" where that is an alias
            from . import main as run
        else:  # started by its path
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
        _release_signals(args is None)
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


def _catch_signals() -> None:
    import _signal  # type: ignore[import-not-found]  # the module signal costs an enum

    if _signal.getsignal(_SIGTERM) == _signal.SIG_DFL:
        _signal.signal(_SIGTERM, _interrupt)
    if _signal.getsignal(_SIGINT) is _signal.default_int_handler:
        _signal.signal(_SIGINT, _interrupt)


def _release_signals(is_program: bool) -> None:
    """Let signals do again what they did: there is nothing more to be undone.

    :param is_program: nobody here waits for Ctrl-C any more; it ends the process at once.
    """
    import _signal

    if _signal.getsignal(_SIGTERM) is _interrupt:
        _signal.signal(_SIGTERM, _signal.SIG_DFL)
    if _signal.getsignal(_SIGINT) is _interrupt:
        handler = _signal.SIG_DFL if is_program else _signal.default_int_handler
        _signal.signal(_SIGINT, handler)


def _interrupt(signal: int, _: object) -> NoReturn:
    """End what runs in the environment, then this run.

    subprocess ends its own child only, and pip is a child of that: it would go on.
    """
    import os

    for pid in _descendants(os.getpid()):
        try:
            os.kill(pid, _SIGTERM)
        except OSError:
            pass
    raise _Terminated if signal == _SIGTERM else KeyboardInterrupt


def _descendants(pid: int) -> list[int]:
    """Return the children of the process *pid*, their children, and so on.

    Only Linux tells (proc_pid_task_tid_children(5)).
    """
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = [int(child) for child in file.read().split()]
    except (OSError, ValueError):
        return []
    return [*children, *(pid for child in children for pid in _descendants(child))]


if __name__ == "__main__":
    sys.exit(main())
