"""``python -m newvenv``: run the command line, turn an error into one line and a status."""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn

_SIGHUP, _SIGINT, _SIGTERM = 1, 2, 15


class _Signalled(KeyboardInterrupt):
    """A signal that ends a run like Ctrl-C does, so that it is rolled back."""

    number = _SIGINT


def main(args: "Iterable[str] | None" = None) -> int:
    """Run the command line on *args*, or as the program newvenv on ``sys.argv``.

    Only the program, in the main thread, handles signals, shows people on a terminal what
    is going on, and becomes another interpreter for ``--python``.

    :returns: the exit status: 0, or 1 with a line ``Error: ...`` on stderr, or as shells
        have it 128 + N after signal N.
    :raises SystemExit: usage errors, ``--help``, and ``--check``, as argparse does.
    """
    is_program = args is None and _catch_signals()
    try:
        if __package__:  # "newvenv", or "venv" where that is an alias
            from . import _cli
        else:  # started by its path
            from newvenv import _cli
        _cli.run(sys.argv[1:] if args is None else args, is_program=is_program)
    except KeyboardInterrupt as interrupt:
        doing = f" while {interrupt.args[0]}" if interrupt.args else ""
        _print_error(f"Error: interrupted{doing}\n")
        return 128 + getattr(interrupt, "number", _SIGINT)
    except Exception as error:
        _report(error)
        return 1
    finally:
        if is_program:
            _release_signals()
    return 0


def _report(error: "Exception") -> None:
    """Say on stderr what went wrong: in one line, after what a failing process had to say."""
    output = getattr(error, "output", None)
    if isinstance(output, bytes):
        output = output.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
    if output:
        _print_error(output.rstrip() + "\n")
    text = " ".join(str(error).splitlines()).strip() or type(error).__name__
    _print_error(f"Error: {text}\n")


def _print_error(text: str) -> None:
    """Print *text* on stderr, if there still is one: the terminal may be gone."""
    try:
        if sys.stderr is not None:
            sys.stderr.write(text)
            sys.stderr.flush()
    except (OSError, ValueError):
        pass


# Signals


def _catch_signals() -> bool:
    """Let signals that would end the program interrupt it; ignored ones stay ignored.

    :returns: False where that is impossible, and a host program runs this one: not in the
        main thread of the main interpreter.
    """
    import _signal  # type: ignore[import-not-found]  # the module signal costs an enum

    if __package__:
        from ._signals import is_ignored
    else:
        from newvenv._signals import is_ignored
    try:
        for number in (_SIGTERM, _SIGHUP) if sys.platform != "win32" else (_SIGTERM,):
            if _signal.getsignal(number) == _signal.SIG_DFL and not is_ignored(number):
                _signal.signal(number, _interrupt)
        if _signal.getsignal(_SIGINT) is _signal.default_int_handler:
            _signal.signal(_SIGINT, _interrupt)
    except ValueError:
        return False
    return True


def _release_signals() -> None:
    """Let signals end the process at once: there is nothing more to be rolled back."""
    import _signal

    for number in (_SIGHUP, _SIGINT, _SIGTERM):
        try:
            if _signal.getsignal(number) is _interrupt:
                _signal.signal(number, _signal.SIG_DFL)
        except ValueError:
            pass  # Windows has no SIGHUP.


def _interrupt(number: int, _: object) -> "NoReturn":
    """End what runs in the environment, then this run.

    subprocess ends its own child only, and pip is a child of that: it would go on.
    """
    import os

    for pid in _descendants(os.getpid()):
        try:
            os.kill(pid, _SIGTERM)
        except OSError:
            pass
    signalled = _Signalled()
    signalled.number = number
    raise signalled


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


def _run_module() -> "NoReturn":
    """Run the program as ``python -m newvenv``, and import nothing from the current directory.

    Python has put that first on ``sys.path``, unless told not to.
    """
    import os

    put = not (sys.flags.isolated or getattr(sys.flags, "safe_path", False))
    try:
        here = sys.path[:1] if put and sys.path[0] in ("", os.getcwd()) else []
    except OSError:  # It has been deleted.
        here = []
    del sys.path[: len(here)]
    try:
        sys.exit(main())
    finally:
        sys.path[:0] = here  # for a program that runs this one by runpy


if __name__ == "__main__":
    _run_module()
