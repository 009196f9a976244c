"""The command line: arguments to builder options.

The options, their order and their spelling are the standard library's. So is the help,
to the letter: it is asked of the interpreter's own ``venv`` when someone wants to read
it, so it is always the running version's.
"""

from __future__ import annotations

import os
import sys

from . import _compat, _platform, _preflight

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from typing import Any

_WITHOUT_SCM = "--without-scm-ignore-files"
_SCM_IGNORE_FILES = frozenset(["git"])

#: Every switch, in the order of the usage line: which option it gives which value.
_SWITCHES: dict[str, tuple[str, object]] = {
    "--system-site-packages": ("system_site_packages", True),
    "--symlinks": ("symlinks", True),
    "--copies": ("symlinks", False),
    "--clear": ("clear", True),
    "--upgrade": ("upgrade", True),
    "--without-pip": ("with_pip", False),
    "--upgrade-deps": ("upgrade_deps", True),
    _WITHOUT_SCM: ("scm_ignore_files", frozenset()),
    "--force": ("force", True),
}
_EXCLUSIVE = ("--symlinks", "--copies")

#: What the standard library's help does not know.
_ADDED_HELP = """
newvenv adds:
  --force               Let --clear empty a folder that is no environment.
"""
_ADDED_SCM_HELP = """\
  --without-scm-ignore-files
                        Do not write the .gitignore file that keeps the
                        environment out of Git.
"""


def run(args: list[str]) -> None:
    """Make the environments that the command line *args* asks for, one after the other.

    :raises SystemExit: the arguments are wrong (2), or the help was shown (0).
    :raises ValueError: options contradict each other, or a folder can't be used.
    :raises KeyboardInterrupt: the run was interrupted; its argument is the folder that
        was being made an environment.
    """
    from . import EnvBuilder

    options = parse(args)
    dirs, force = options.pop("dirs"), options.pop("force")
    if options["upgrade"] and options["clear"]:
        raise ValueError("you cannot supply --upgrade and --clear together.")
    if options["clear"] and not force:
        for env_dir in dirs:
            _preflight.check_is_environment(_preflight.target(env_dir))
    builder = EnvBuilder(**options)
    for env_dir in dirs:
        try:
            builder.create(env_dir)
        except OSError as error:
            if not os.path.isabs(str(error.filename or "")):
                error.filename = env_dir
            raise
        except KeyboardInterrupt as interrupt:
            interrupt.args = (env_dir,)
            raise


def parse(args: list[str]) -> dict[str, Any]:
    """Return the builder's parameters, and ``dirs`` and ``force``, that *args* stand for.

    argparse costs as much as a bare interpreter's start, and what people mostly write
    can be understood without. It has the word on everything else.
    """
    options: dict[str, Any] = {
        "dirs": [],
        "system_site_packages": False,
        "symlinks": _platform.DEFAULT_SYMLINKS,
        "clear": False,
        "upgrade": False,
        "with_pip": True,
        "prompt": None,
        "upgrade_deps": False,
        "scm_ignore_files": _SCM_IGNORE_FILES,
        "force": False,
    }
    found = _parse_plain(args)
    options.update(_parse_all(args) if found is None else found)
    return options


def _parse_plain(args: list[str]) -> dict[str, Any] | None:
    """Return the options in *args*, or None if not all of it is folders and whole switches.

    The folders must stand together, as argparse would have them.
    """
    dirs = [arg for arg in args if not arg.startswith("-")]
    switches = [arg for arg in args if arg.startswith("-")]
    if not dirs or not _SWITCHES.keys() >= set(switches) or {*_EXCLUSIVE} <= set(switches):
        return None
    first = args.index(dirs[0])
    if args[first : first + len(dirs)] != dirs:
        return None
    return {"dirs": dirs, **dict(_SWITCHES[switch] for switch in switches)}


def _parse_all(args: list[str]) -> dict[str, Any]:
    """Return the options in *args*, as argparse understands them."""
    added: dict[str, Any] = {}
    if not _compat.SCM_OPTION:
        # As an option of the parser it would make abbreviations of --without-pip
        # ambiguous that are known to work here.
        rest = [arg for arg in args if not _stands_for_without_scm(arg)]
        if len(rest) < len(args):
            args, added = rest, dict([_SWITCHES[_WITHOUT_SCM]])
    return {**vars(_parser().parse_args(args)), **added}


def _stands_for_without_scm(arg: str) -> bool:
    return _WITHOUT_SCM.startswith(arg) and arg.startswith("--without-s")


def _parser() -> ArgumentParser:
    """Return a parser that leaves out of its result what is not said."""
    from argparse import SUPPRESS, ArgumentParser

    parser = ArgumentParser(prog=_compat.PROGRAM, argument_default=SUPPRESS)
    parser.add_argument("dirs", metavar="ENV_DIR", nargs="+")
    exclusive = parser.add_mutually_exclusive_group()
    for switch, (dest, value) in _SWITCHES.items():
        if switch == "--upgrade-deps":
            parser.add_argument("--prompt")
        if switch == _WITHOUT_SCM and not _compat.SCM_OPTION:
            continue
        (exclusive if switch in _EXCLUSIVE else parser).add_argument(
            switch,
            dest=dest,
            action="store_const",
            const=value,
            # The usage line is the standard library's; the help tells of the rest.
            help=SUPPRESS if switch == "--force" else None,
        )
    parser.print_help = _print_help  # type: ignore[method-assign]
    return parser


def _print_help(file: object = None) -> None:  # noqa: ARG001
    """Print the help of the interpreter's own ``venv``, and what newvenv adds."""
    standard = _standard_venv()
    try:
        standard.main(["--help"])
    except SystemExit:
        pass
    text = _ADDED_HELP if _compat.SCM_OPTION else _ADDED_HELP + _ADDED_SCM_HELP
    sys.stdout.write(text)


def _standard_venv() -> Any:
    """Return the interpreter's own ``venv``, found by path.

    By its name it might be newvenv, where somebody put that in its place.
    """
    from importlib.machinery import SourceFileLoader
    from types import ModuleType

    path = os.path.join(os.path.dirname(os.__file__), "venv", "__init__.py")
    module = ModuleType("venv")
    SourceFileLoader("venv", path).exec_module(module)
    return module
