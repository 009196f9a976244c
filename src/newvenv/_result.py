"""What a run tells programs (``--json``), and people who want to know more (``-v``)."""

from __future__ import annotations

import os
import sys

from . import _cli, _layout, _log, _preflight

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    from typing import Any, Protocol

    from . import EnvBuilder

    class Problem(Protocol):
        """What is wrong with an environment, as ``newvenv.check`` tells it."""

        code: str
        path: str
        message: str
        remedy: str


#: Names that implementations give themselves.
_IMPLEMENTATIONS = {"cpython": "CPython", "pypy": "PyPy", "graalpy": "GraalPy"}


class Teller(_cli.Listener):
    """Tells a terminal, the logger and standard output about a run, as *options* want it.

    :param is_terminal: a person may be looking at stderr.
    """

    def __init__(self, options: dict[str, Any], *, is_terminal: bool) -> None:
        self.options = options
        self.is_terminal = is_terminal
        self.made_here: list[dict[str, Any]] = []
        self._records = Records(options["verbose"])
        self._begun = 0.0
        self._before: dict[str, bool] = {}

    def __enter__(self) -> None:
        self._records.__enter__()
        _log.info("Using %s %s at %s.", *_python().values(), sys.executable)
        if self.is_terminal and not self.options["verbose"]:
            from . import _terminal

            _terminal.show_progress()

    def __exit__(self, *exception: object) -> None:
        self._records.__exit__()
        if self.is_terminal:
            from . import _terminal

            _terminal.hide_progress()
            if exception[0] is None and self.made_here and not self.options["json"]:
                _terminal.show_hint(self.made_here)

    def begin(self, env_dir: str) -> None:
        """Note the time, and what there is of the environment already."""
        from time import perf_counter

        self._begun = perf_counter()
        target = _preflight.target(env_dir)
        dirs = self.options["dirs"]
        if len(dirs) > 1:
            _log.step(f"making {env_dir} ({len(self.made_here) + 1} of {len(dirs)})")
        is_old = os.path.lexists(os.path.join(target, "pyvenv.cfg"))
        is_filled = os.path.isdir(target) and bool(os.listdir(target))
        cleared = self.options["clear"] and is_filled
        upgraded = self.options["upgrade"] and is_old
        self._before = {
            "created": cleared or not is_old,
            "upgraded": upgraded,
            "cleared": cleared,
        }

    def made(self, env_dir: str, builder: EnvBuilder, context: object) -> None:
        """Tell what has been made."""
        from time import perf_counter

        known: Any = context if hasattr(context, "env_exe") else _context(env_dir, builder)
        result = {**_environment(known), **self._before}
        self.made_here.append({**result, "given": env_dir})
        verb = action(result)
        seconds = perf_counter() - self._begun
        _log.info("%s %s in %.2f seconds.", verb, known.env_dir, seconds)
        if self.options["json"]:
            print_json({**result, "activation": _activation(known.env_dir)})

    def failed(self, env_dir: str | None, error: BaseException) -> None:
        """Tell programs; people read it on stderr."""
        if self.options["json"]:
            path = env_dir and os.path.abspath(env_dir)
            print_json({"env_dir": path, "error": error_text(error)})


def action(result: dict[str, Any]) -> str:
    """Return in a word what has happened to an environment."""
    if result["upgraded"]:
        return "Upgraded"
    return "Created" if result["created"] else "Updated"


def _context(env_dir: str, builder: EnvBuilder) -> types.SimpleNamespace:
    """Return the context of an environment whose builder's ``create`` has returned none."""
    return _layout.context(_preflight.target(env_dir), builder.prompt, builder._venv_path)


def _environment(context: Any) -> dict[str, Any]:
    from . import _activation

    return {
        "env_dir": context.env_dir,
        "env_exe": context.env_exe,
        "bin_path": context.bin_path,
        "lib_path": context.lib_path,
        "prompt": _activation._bare_prompt(context),
        "python": _python(),
        "seeds": _seeds(context.lib_path),
    }


def _activation(env_dir: str) -> dict[str, str | None]:
    from . import activation_environment

    return activation_environment(env_dir)


def _python() -> dict[str, str]:
    name = sys.implementation.name
    return {
        "implementation": _IMPLEMENTATIONS.get(name, name),
        "version": "{}.{}.{}".format(*sys.version_info[:3]),
    }


def _seeds(lib_path: str) -> dict[str, str]:
    """Return the versions of the seed packages that are installed in *lib_path*."""
    from . import CORE_VENV_DEPS

    try:
        names = os.listdir(lib_path)
    except OSError:
        return {}
    pairs = [name[: -len(".dist-info")].split("-") for name in names if name.endswith(".dist-info")]
    versions = {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
    return {name: versions[name] for name in CORE_VENV_DEPS if name in versions}


def version() -> str:
    """Return the line that ``--version`` prints."""
    from . import __version__

    return "newvenv {} ({implementation} {version} at {executable})".format(
        __version__, **_python(), executable=sys.executable
    )


def error_text(error: BaseException) -> str:
    """Return what *error* says, in one line."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return " ".join(str(error).splitlines()).strip() or type(error).__name__


# Checking and repairing


def examine(options: dict[str, Any], listener: _cli.Listener) -> None:
    """Check or repair each directory and print what is wrong with it, a line for a problem.

    :raises SystemExit: something is wrong, or has remained so (1).
    """
    found = [_examine(env_dir, options, listener) for env_dir in options["dirs"]]
    if any(found):
        raise SystemExit(1)


def _examine(env_dir: str, options: dict[str, Any], listener: _cli.Listener) -> list[Problem]:
    mended: list[str] = []
    doing = "repairing" if options["repair"] else "checking"
    with _cli.Naming(env_dir, listener, doing):
        target = _preflight.target(env_dir)
        verify = bool(options["verbose"])
        problems = _repair(target, mended) if options["repair"] else _check(target, verify)
    if options["json"]:
        repaired = {"repaired": mended} if options["repair"] else {}
        print_json({"env_dir": target, "problems": [_problem(one) for one in problems], **repaired})
        return problems
    lines = [*mended, *(f"{problem.message}; {problem.remedy}" for problem in problems)]
    for line in lines:
        print_line(f"{env_dir}: {line}")
    if not lines and isinstance(listener, Teller) and listener.is_terminal:
        sys.stderr.write(f"Nothing is wrong with {shown(env_dir)}\n")
    return problems


def _check(target: str, verify: bool) -> list[Problem]:
    from . import check

    find: Any = check
    return list(find(target, verify=True) if verify else find(target))


def _repair(target: str, mended: list[str]) -> list[Problem]:
    from . import _health

    health: Any = _health
    return list(health.repair(target, report=mended.append))


def _problem(problem: Problem) -> dict[str, str]:
    return {name: getattr(problem, name) for name in ("code", "path", "message", "remedy")}


# Output


def print_json(value: dict[str, Any]) -> None:
    """Print *value* as one line of ASCII on standard output, at once."""
    from json import dumps

    print_line(dumps(value))


def print_line(text: str) -> None:
    """Print a line on standard output, at once: another program may be waiting for it."""
    print(shown(text), flush=True)  # noqa: T201


def shown(text: str) -> str:
    """Return *text* without control characters, and without what no output can say."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


class Records:
    """Prints the logger's records on stderr for the time of a ``with`` block.

    :param verbose: how much: 0 for no more than ever, 1 for decisions, 2 for details, too.
    """

    def __init__(self, verbose: int) -> None:
        self.verbose = verbose

    def __enter__(self) -> None:
        if not self.verbose:
            return
        import logging

        from . import logger

        self.before = logger.level
        self.handler = logging.StreamHandler()
        logger.addHandler(self.handler)
        logger.setLevel(logging.INFO if self.verbose == 1 else logging.DEBUG)

    def __exit__(self, *exception: object) -> None:
        if self.verbose:
            from . import logger

            logger.removeHandler(self.handler)
            logger.setLevel(self.before)
