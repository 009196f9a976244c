"""The command line: from arguments to environments.

The standard library's options, their order and their abbreviations are as in the running
version's ``venv``. Options of newvenv's own are known by their whole names only, so that
every abbreviation means what it means there.
"""

from __future__ import annotations

import os
import sys

from . import _compat, _platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, NoReturn

    from . import EnvBuilder

_WITHOUT_SCM = "--without-scm-ignore-files"
_SCM_IGNORE_FILES = frozenset(["git"])


class Option:
    """A row of the table of options: all that the parser and the help need to know.

    :param switches: how it is written, the first one being its name in messages.
    :param dest: the parameter of :class:`newvenv.EnvBuilder`, or of this module, it sets.
    :param value: what it sets the parameter to; unless it has a *metavar*, which stands
        for a value on the command line.
    :param default: the parameter's value without the option; the same in each row of a *dest*.
    :param help: a sentence for ``--help``.
    """

    __slots__ = ("default", "dest", "help", "metavar", "switches", "value")

    def __init__(
        self,
        switches: str,
        dest: str,
        value: object = True,
        default: object = False,
        metavar: str | None = None,
        help: str = "",  # noqa: A002 - argparse's name for it
    ) -> None:
        self.switches = switches.split()
        self.dest = dest
        self.value = value
        self.default = default
        self.metavar = metavar
        self.help = help


_SCM_DEFAULT = _SCM_IGNORE_FILES if _compat.SCM_OPTION else frozenset()
_SCM_OPTION = Option(
    *(_WITHOUT_SCM, "scm_ignore_files", frozenset(), _SCM_DEFAULT),
    help="Write no .gitignore to keep the environment out of Git.",
)

#: The options of the standard library, in the order of its usage line.
STANDARD = [
    Option(
        *("--system-site-packages", "system_site_packages"),
        help="Let the environment see what is installed in the base installation.",
    ),
    Option(
        *("--symlinks", "symlinks", True, _platform.DEFAULT_SYMLINKS),
        help="Link to the interpreter, which is the default everywhere but on Windows.",
    ),
    Option(
        *("--copies", "symlinks", False, _platform.DEFAULT_SYMLINKS),
        help="Copy the interpreter instead.",
    ),
    Option("--clear", "clear", help="Empty ENV_DIR first."),
    Option(
        *("--upgrade", "upgrade"),
        help="ENV_DIR is an environment already: make it one of the Python that runs this.",
    ),
    Option("--without-pip", "with_pip", False, True, help="Do not install pip."),
    Option(
        *("--prompt", "prompt", None, None, "PROMPT"),
        help="What the shell shows while the environment is active, instead of its name.",
    ),
    Option(
        *("--upgrade-deps", "upgrade_deps"),
        help=f"Upgrade {' and '.join(_compat.CORE_VENV_DEPS)} from the package index.",
    ),
    *([_SCM_OPTION] if _compat.SCM_OPTION else []),
]

#: Those of newvenv.
ADDED = [
    Option(
        *("-p --python", "python", None, None, "PYTHON"),
        help="Make an environment of that Python: a path, a command, or a version such as 3.12.",
    ),
    Option("--check", "check", help="Only say what is wrong with the environment in ENV_DIR."),
    Option("--repair", "repair", help="Mend what can be mended in the environment in ENV_DIR."),
    Option("--force", "force", help="Let --clear empty a directory that is no environment."),
    Option("--no-pip --no-seed", "with_pip", False, True, help="The same as --without-pip."),
    Option("--seed", "seed", help="Install pip, which is the default."),
    Option("--json", "json", help="Print one JSON object per ENV_DIR on standard output."),
    Option("-q --quiet", "quiet", help="Say nothing about success, not even on a terminal."),
    Option("-v --verbose", "verbose", 1, 0, help="Say what is decided and why; -vv: in detail."),
    Option("-vv", "verbose", 2, 0),
    Option("-V --version", "version", help="Print the version of newvenv and of Python."),
    *([] if _compat.SCM_OPTION else [_SCM_OPTION]),
    Option(
        *("--with-scm-ignore-files", "scm_ignore_files", _SCM_IGNORE_FILES, _SCM_DEFAULT),
        help="Write a .gitignore that keeps the environment out of Git; the default from "
        "Python 3.13 on.",
    ),
]

#: Only one of them may be given.
EXCLUSIVE = ("--symlinks", "--copies")

#: Options that cannot be combined with others, named by their *dest*.
_CONTRADICTIONS = {
    "check": ("repair", "force", "seed", *(option.dest for option in STANDARD)),
    "repair": ("force", "seed", *(option.dest for option in STANDARD)),
    "seed": ("with_pip",),
}

#: The parameters of :class:`newvenv.EnvBuilder`.
_OF_BUILDER = {option.dest for option in STANDARD} | {_SCM_OPTION.dest}

_STANDARD = {option.switches[0]: option for option in STANDARD if not option.metavar}
_ADDED = {switch: option for option in ADDED for switch in option.switches}
_DEFAULTS = {option.dest: option.default for option in [*STANDARD, *ADDED]}


class Listener:
    """Hears how a run goes, and does nothing about it; see :class:`newvenv._result.Teller`."""

    def __enter__(self) -> None:
        """Hear that the run begins."""

    def __exit__(self, *exception: object) -> None:
        """Hear that it has ended."""

    def begin(self, env_dir: str) -> None:
        """Hear that work on *env_dir* begins."""

    def made(self, env_dir: str, builder: EnvBuilder, context: object) -> None:
        """Hear that *builder* has made the environment *env_dir*.

        :param context: what ``create`` has returned; ``venv``'s own returns None.
        """

    def failed(self, env_dir: str | None, error: BaseException) -> None:
        """Hear that work on *env_dir*, if it came to that, has ended in *error*."""


def run(args: Iterable[str], *, is_program: bool = False) -> None:
    """Do what the command line *args* asks for, for one ENV_DIR after the other.

    :param is_program: the process is newvenv's alone, so it may speak to people on a
        terminal, and become another interpreter for ``--python``.
    :raises SystemExit: wrong usage (2), help or version shown (0), problems found by
        ``--check`` or left by ``--repair`` (1), or the status of the other interpreter.
    :raises ValueError: options contradict each other, or a directory can't be used.
    :raises KeyboardInterrupt: the run was interrupted; its argument says while doing what,
        such as ``"making '.venv'"``.
    """
    options = parse(list(args))
    if options["python"] is not None:
        from . import _python

        _python.run(options, is_program=is_program)
        return
    if options["version"]:
        from . import _result

        _result.print_line(_result.version())
        return
    listener = _listener(options, is_program=is_program)
    with listener:
        _work(options, listener)


def _listener(options: dict[str, Any], *, is_program: bool) -> Listener:
    """Return what tells people and programs about the run, if any of them want to know."""
    is_terminal = is_program and not options["quiet"] and is_on_terminal()
    if not (is_terminal or options["json"] or options["verbose"]):
        return Listener()
    from . import _result

    return _result.Teller(options, is_terminal=is_terminal)


def is_on_terminal() -> bool:
    """Is there a terminal, and so probably a person, to read error messages?"""
    try:
        return sys.stderr is not None and sys.stderr.isatty()
    except ValueError:  # It is closed.
        return False


def _work(options: dict[str, Any], listener: Listener) -> None:
    """Make, check or repair the environments."""
    if options["check"] or options["repair"]:
        from . import _result

        _result.examine(options, listener)
    else:
        _create(options, listener)


def _create(options: dict[str, Any], listener: Listener) -> None:
    """Make an environment in each directory.

    :raises ValueError: a directory that is no environment was to be cleared, or options
        contradict each other; nothing has been made then.
    """
    from . import _preflight

    if options["upgrade"] and options["clear"]:
        with Naming(None, listener):
            raise ValueError("you cannot supply --upgrade and --clear together.")
    if options["clear"] and not options["force"]:
        for env_dir in options["dirs"]:
            with Naming(env_dir, listener):
                _preflight.check_is_environment(_preflight.target(env_dir))
    parameters = _parameters(options)
    builder = _builder(parameters)
    for env_dir in options["dirs"]:
        with Naming(env_dir, listener):
            listener.begin(env_dir)
            if options["upgrade"]:
                builder = _builder(_remembering(env_dir, parameters))
            context: object = builder.create(env_dir)
        listener.made(env_dir, builder, context)


class Naming:
    """Lets errors and interruptions in a ``with`` block name the directory *env_dir*.

    :param doing: what is being done to it, such as ``"making"``.
    """

    def __init__(self, env_dir: str | None, listener: Listener, doing: str = "making") -> None:
        self.env_dir = env_dir
        self.listener = listener
        self.doing = doing

    def __enter__(self) -> None:
        """There is nothing to begin with."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, OSError) and not os.path.isabs(str(error.filename or "")):
            error.filename = self.env_dir
        if isinstance(error, KeyboardInterrupt):
            error.args = (f"{self.doing} {self.env_dir!r}",)
        if error is not None:
            self.listener.failed(self.env_dir, error)


def _parameters(options: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of :class:`newvenv.EnvBuilder` among *options*."""
    parameters = {name: options[name] for name in _OF_BUILDER}
    if not (_compat.SCM_OPTION or parameters["scm_ignore_files"]):
        # Below 3.13 the class that a client has put there may not know it.
        del parameters["scm_ignore_files"]
    return parameters


def _builder(parameters: dict[str, Any]) -> EnvBuilder:
    """Return a builder of the class that is there now: clients replace it."""
    from . import EnvBuilder

    return EnvBuilder(**parameters)


def _remembering(env_dir: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return *parameters*, completed by what *env_dir*'s ``pyvenv.cfg`` says of others."""
    from . import _config, _log, _preflight

    prompt, system = _config.recall(_preflight.target(env_dir))
    remembered: dict[str, Any] = {}
    if parameters["prompt"] is None and prompt is not None:
        remembered["prompt"] = prompt
    if system and not parameters["system_site_packages"]:
        remembered["system_site_packages"] = True
    for name, value in remembered.items():
        _log.info("Keeping %s = %r, which %s was made with.", name, value, env_dir)
    return {**parameters, **remembered}


# Understanding arguments


def parse(args: list[str]) -> dict[str, Any]:
    """Return the values of all options that *args* stand for, and as ``dirs`` the ENV_DIRs.

    With ``--python``, ``others`` are the arguments for the other interpreter.

    argparse costs as much as a bare interpreter's start, and what people mostly write
    can be understood without. It has the word on everything else.
    """
    found, rest, others = _take_added(args)
    if "python" in found:
        # Abbreviations differ between versions, so the rest is for the other one to parse.
        return {**_DEFAULTS, **found, "others": others}
    if "version" in found:
        return {**_DEFAULTS, **found}
    given = _parse_plain(rest)
    if given is None:
        from . import _usage

        given = _usage.parse(rest, args)
    found = {**given, **found}
    _refuse_contradictions(found)
    return {**_DEFAULTS, **found}


def _take_added(args: list[str]) -> tuple[dict[str, Any], list[str], list[str]]:
    """Return the added options in *args*, *args* without them, and without ``--python`` only."""
    found: dict[str, Any] = {}
    rest: list[str] = []
    others: list[str] = []
    for words, option, value in _scan(args):
        if option is None:
            rest += words
        elif option.dest == "verbose":
            found["verbose"] = found.get("verbose", 0) + option.value
        else:
            found[option.dest] = value if option.metavar else option.value
        if option is None or option.dest != "python":
            others += words
    return found, rest, others


def _scan(args: list[str]) -> Iterator[tuple[list[str], Option | None, str | None]]:
    """Yield *args* piece by piece: its words, the added option that it is, and its value.

    Of the standard library's options, and of directories, the option is None.
    """
    rest = iter(args)
    before = ""
    for word in rest:
        if word == "--":
            yield [word, *rest], None, None
            return
        option, value = (None, None) if _is_prompt(before) else _added(word)
        words = [word]
        if option is not None and option.metavar and value is None:
            value = next(rest, None)
            if value is None or value.startswith("-"):
                _refuse(option, "expected one argument")
            words.append(value)
        elif option is not None and not option.metavar and value is not None:
            _refuse(option, f"ignored explicit argument {value!r}")
        yield words, option, value
        before = word


def _is_prompt(word: str) -> bool:
    """Is *word* the switch ``--prompt``, maybe abbreviated, so that the next is its value?"""
    return len(word) > 2 and "--prompt".startswith(word)


def _added(word: str) -> tuple[Option | None, str | None]:
    """Return the added option that *word* stands for, and the value that is in it."""
    if word in _ADDED:
        return _ADDED[word], None
    name, equals, value = word.partition("=")
    if equals and name in _ADDED:
        return _ADDED[name], value
    short = _ADDED.get(word[:2])
    if short is not None and short.metavar:
        return short, word[2:]
    return None, None


def _refuse_contradictions(found: dict[str, Any]) -> None:
    """Refuse options that can't be combined.

    :raises SystemExit: there are such (2).
    """
    for dest, others in _CONTRADICTIONS.items():
        other = next((other for other in others if dest in found and other in found), None)
        if other:
            _refuse(_ADDED[f"--{dest}"], f"not allowed with argument {_switch(other, found)}")


def _switch(dest: str, found: dict[str, Any]) -> str:
    """Return how the option was written, more or less, that has set *dest*."""
    options = [option for option in [*STANDARD, *ADDED] if option.dest == dest]
    return next(o.switches[0] for o in options if o.metavar or o.value == found[dest])


def _refuse(option: Option, reason: str) -> NoReturn:
    from . import _usage

    _usage.error(f"argument {'/'.join(option.switches)}: {reason}")


def _parse_plain(args: list[str]) -> dict[str, Any] | None:
    """Return the options in *args*, or None if not all of it is directories and whole switches.

    The directories must stand together, as argparse would have them.
    """
    dirs = [arg for arg in args if not arg.startswith("-")]
    switches = [arg for arg in args if arg.startswith("-")]
    if not dirs or not _STANDARD.keys() >= set(switches) or {*EXCLUSIVE} <= set(switches):
        return None
    first = args.index(dirs[0])
    if args[first : first + len(dirs)] != dirs:
        return None
    return {"dirs": dirs, **{_STANDARD[word].dest: _STANDARD[word].value for word in switches}}
