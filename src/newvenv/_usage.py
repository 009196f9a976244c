"""The slow half of the command line: argparse, usage errors, and the help."""

from __future__ import annotations

import os
import sys
from argparse import SUPPRESS, ArgumentParser

from . import _cli, _compat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

_DESCRIPTION = "Makes virtual environments of Python, one in each directory that is named."
_EPILOG = "To use an environment, activate it with the script for your shell in its bin directory."

_MORE_HELP = """
environment variables:
  NEWVENV_CACHE_DIR     where pip is kept, unpacked and compiled
  NEWVENV_LINK_MODE     how it gets from there into environments: auto (default),
                        clone, copy, hardlink
  NEWVENV_WHEEL_DIR     a directory with the wheel of pip, for a Python that has none
  NO_COLOR              no bold text on a terminal

commands:
  python -m newvenv.cache [list | clear]
  python -m newvenv.alias on | off | status

examples:
  newvenv .venv
  newvenv --python 3.12 --clear .venv
"""


def parse(args: list[str], all_args: list[str]) -> dict[str, Any]:
    """Return the options in *args* as argparse understands them, those that are there.

    :param all_args: the whole command line.
    :raises SystemExit: wrong usage (2), or the help was shown (0).
    """
    try:
        return vars(_parser().parse_args(args))
    except SystemExit as end:
        if end.code and _cli.is_on_terminal():
            sys.stderr.write(_advice(all_args))
        raise


def error(message: str) -> NoReturn:
    """Report wrong usage as argparse does.

    :raises SystemExit: always (2).
    """
    _parser().error(message)


def program() -> str:
    """Return what the program is called by its user."""
    main = getattr(sys.modules.get("__main__"), "__spec__", None)
    return "venv" if getattr(main, "name", "") == "venv.__main__" else "newvenv"


def _parser() -> ArgumentParser:
    """Return a parser of the standard library's options.

    What is not given is left out of its results.
    """
    # From 3.14 on, argparse says how Python was called (gh-66436).
    parser = ArgumentParser(
        prog=_compat.PROGRAM and program(),
        argument_default=SUPPRESS,
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument("dirs", metavar="ENV_DIR", nargs="+", help="Made if it is not there.")
    exclusive = parser.add_mutually_exclusive_group()
    for option in _cli.STANDARD:
        group = exclusive if option.switches[0] in _cli.EXCLUSIVE else parser
        _add(group, option)
    parser.print_help = lambda file=None: _print_help(parser)  # type: ignore[method-assign]  # noqa: ARG005
    return parser


def _add(group: Any, option: _cli.Option) -> None:
    """Add *option* to a parser or a group of its options."""
    if option.metavar:
        group.add_argument(
            *option.switches, dest=option.dest, metavar=option.metavar, help=option.help
        )
    else:
        group.add_argument(
            *option.switches,
            dest=option.dest,
            action="store_const",
            const=option.value,
            help=option.help,
        )


# Advice


def _advice(args: list[str]) -> str:
    """Return a line of help for a person at a terminal after wrong *args*, or nothing."""
    if not args:
        return f"Try: {program()} .venv\n"
    from difflib import get_close_matches

    options = args[: args.index("--")] if "--" in args else args
    known = [switch for option in [*_cli.STANDARD, *_cli.ADDED] for switch in option.switches]
    for word in options:
        name = word.partition("=")[0]
        if name.startswith("--") and name not in known:
            close = get_close_matches(name, known, n=1)
            if close:
                return f"Did you mean {close[0]}?\n"
    return ""


# Help


def _print_help(parser: ArgumentParser) -> None:
    """Print the help of the interpreter's own ``venv``, and what newvenv adds."""
    try:
        _standard_help()
    except Exception:  # Some distributions leave venv out, or have put newvenv in its place.
        _write(ArgumentParser.format_help(parser))
    _write("\n" + _added_help() + _MORE_HELP)


def _standard_help() -> None:
    """Print the help of the interpreter's own ``venv``, which is found by path.

    :raises Exception: there is none.
    """
    from importlib.machinery import SourceFileLoader
    from types import ModuleType

    path = os.path.join(os.path.dirname(os.__file__), "venv", "__init__.py")
    module = ModuleType(program())
    SourceFileLoader(program(), path).exec_module(module)
    main = module.main
    if main.__module__ != program() or os.path.samefile(path, _package()):
        raise ImportError("the standard library's venv is newvenv")
    try:
        main(["--help"])
    except SystemExit:
        pass


def _package() -> str:
    from . import __file__

    return str(__file__)


def _added_help() -> str:
    """Return the help on the options that newvenv adds, in argparse's layout."""
    parser = ArgumentParser(usage=SUPPRESS, add_help=False)
    group = parser.add_argument_group("newvenv adds")
    for option in _cli.ADDED:
        if option.help:
            _add(group, option)
    return parser.format_help().lstrip("\n")


def _write(text: str) -> None:
    """Print *text* where argparse prints: on stderr if there is no standard output."""
    file = sys.stdout or sys.stderr
    if file is not None:
        file.write(text)
