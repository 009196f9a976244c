"""What people see on a terminal: a sign of life during long work, and how to go on.

All of it goes to stderr, and only if that is a terminal.
"""

from __future__ import annotations

import os
import sys

from . import _config, _log, _quoting, _result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TextIO

#: Seconds after which people begin to wonder.
_PATIENCE = 0.3

#: More environments than this are counted rather than listed.
_MOST_NAMES = 5

#: Characters that mean themselves as an argument in every shell, unlike ``_quoting.HARMLESS``
#: not only to those of the sh family.
_PLAIN = frozenset("-_./")

_ERASE_LINE = b"\r\x1b[K"


def _batch(path: str) -> str:
    return f'"{path}"'


#: By the shell's name: the command that activates, the script, and how its path is quoted.
_POSIX_SHELL = (". {}", "activate", _quoting.sh)
_SHELLS: dict[str, tuple[str, str, Callable[[str], str]]] = {
    **dict.fromkeys(["bash", "zsh"], ("source {}", "activate", _quoting.sh)),
    "fish": ("source {}", "activate.fish", _quoting.fish),
    **dict.fromkeys(["csh", "tcsh", "bsd-csh"], ("source {}", "activate.csh", _quoting.csh)),
    "nu": ("overlay use {}", "activate.nu", _quoting.nushell),
    "xonsh": ("source {}", "activate.xsh", _quoting.python),
    "elvish": ("eval (slurp < {})", "activate.elv", _quoting.elvish),
    **dict.fromkeys(["pwsh", "powershell"], ("& {}", "Activate.ps1", _quoting.powershell)),
    "cmd": ("{}", "activate.bat", _batch),
}


def show_hint(results: list[dict[str, Any]]) -> None:
    """Say what has been made, and how to activate it, in two lines.

    :param results: what ``--json`` prints of each environment, and as ``given`` the
        name by which the user knows it.
    """
    lines = [_summary(results)]
    command = activation(results[0], shell())
    if command:
        pronoun = "it" if len(results) == 1 else "one"
        lines.append(f"Activate {pronoun} with: {_emphasized(command)}")
    sys.stderr.write("\n".join(lines) + "\n")


def _summary(results: list[dict[str, Any]]) -> str:
    """Return a line such as ``Created .venv with CPython 3.13.0 and pip 24.2``."""
    verbs = {_result.action(result) for result in results}
    verb = verbs.pop() if len(verbs) == 1 else "Created or updated"
    names = [_result.shown(result["given"]) for result in results]
    what = _list(names) if len(names) <= _MOST_NAMES else f"{len(names)} environments"
    python = "{implementation} {version}".format(**results[0]["python"])
    seeds = [f"{name} {version}" for name, version in results[0]["seeds"].items()]
    return f"{verb} {what} with {_list([python, *seeds])}"


def _list(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def shell() -> str:
    """Return the name of the user's shell: by SHELL, on Windows by what else a shell sets."""
    path = os.environ.get("SHELL", "").replace("\\", "/")
    name = path.rpartition("/")[2].lower()
    if os.name == "nt" and not name:
        return "cmd" if "PROMPT" in os.environ else "powershell"
    return name[: -len(".exe")] if name.endswith(".exe") else name


def activation(result: dict[str, Any], shell: str) -> str | None:
    """Return the line for *shell* that activates an environment, None if it has none.

    :param shell: a name such as ``zsh``; an unknown one is taken for a POSIX shell's.
    """
    form, script, quote = _SHELLS.get(shell, _POSIX_SHELL)
    if not os.path.exists(os.path.join(result["bin_path"], script)):
        return None
    directory = os.path.relpath(result["bin_path"], result["env_dir"])
    path = os.path.join(result["given"], directory, script)
    if os.name == "nt" and quote is _quoting.sh:
        path = path.replace("\\", "/")
    word = _word(path, quote)
    return word and form.format(word)


def _word(path: str, quote: Callable[[str], str]) -> str | None:
    """Return *path* as an argument in one line; None if there is no way.

    It is no option, and no shell expands its ``~`` (nushell does so even in quotes).
    """
    if path.startswith(("-", "~")):
        path = os.path.join(os.curdir, path)
    if all(char in _PLAIN or (char.isascii() and char.isalnum()) for char in path):
        return path
    if path.isprintable():
        return quote(path)
    return _config.quote(path) if quote is _quoting.sh else None


def _emphasized(text: str) -> str:
    return f"\x1b[1m{text}\x1b[0m" if _has_colour() else text


def _has_colour() -> bool:
    """Does this terminal take escape sequences, and its user want them (no-color.org)?"""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or _can_erase()


def _can_erase() -> bool:
    return os.environ.get("TERM", "dumb" if os.name == "posix" else "") != "dumb"


class _Progress:
    """A line that says what is being done, once that takes long, until it is hidden."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.text = ""
        self.is_waiting = False
        self.is_due = False
        self.is_drawn = False
        self.is_hidden = False

    def show(self, text: str) -> None:
        """Say that work begins: at once if people are wondering already."""
        self.text = text
        if self.is_due or not (self.is_waiting or self._wait()):
            self.draw()

    def draw(self, *_: object) -> None:
        """Draw the line, from a signal's handler, too, where streams can't be used."""
        if self.is_hidden:
            return
        self.is_due = True
        try:
            descriptor = self.stream.fileno()
            width = os.get_terminal_size(descriptor).columns or 80
            line = _result.shown(f"{self.text} ...")[: width - 1]
            os.write(descriptor, _ERASE_LINE + line.encode("utf-8", "replace"))
        except OSError:
            return  # The terminal is gone; the work goes on.
        self.is_drawn = True
        if sys.stderr is self.stream:
            sys.stderr = _Erasing(self)

    def erase(self) -> None:
        """Make place for other output."""
        if self.is_drawn:
            self.is_drawn = False
            try:
                os.write(self.stream.fileno(), _ERASE_LINE)
            except OSError:
                pass
        if isinstance(sys.stderr, _Erasing):
            sys.stderr = self.stream

    def hide(self) -> None:
        """Let the line be gone for good."""
        self.is_hidden = True
        if self.is_waiting:
            import _signal  # type: ignore[import-not-found]

            # The handler stays: without one, an alarm on its way would end the process.
            _signal.setitimer(_signal.ITIMER_REAL, 0)
        self.erase()

    def _wait(self) -> bool:
        """Have the line drawn after some time; tell whether that was possible (setitimer(2))."""
        import _signal  # the module signal costs an enum

        if getattr(_signal, "setitimer", None) is None:
            return False
        if _signal.getsignal(_signal.SIGALRM) not in (_signal.SIG_DFL, self.draw):
            return False
        try:
            _signal.signal(_signal.SIGALRM, self.draw)
        except ValueError:  # This is not the main thread.
            return False
        _signal.setitimer(_signal.ITIMER_REAL, _PATIENCE)
        self.is_waiting = True
        return True


class _Erasing:
    """Stands in for stderr while the line is drawn, and erases that before all else."""

    def __init__(self, progress: _Progress) -> None:
        self._progress = progress

    def __getattr__(self, name: str) -> Any:
        self._progress.erase()
        return getattr(self._progress.stream, name)


_progress: _Progress | None = None


def show_progress() -> None:
    """Show from now on, on stderr, the steps of long work."""
    global _progress  # noqa: PLW0603 - a process has one stderr
    if _can_erase():
        _progress = _Progress(sys.stderr)
        _log.show_step = _progress.show


def hide_progress() -> None:
    """Show no steps any more."""
    global _progress  # noqa: PLW0603
    _log.show_step = None
    if _progress is not None:
        _progress.hide()
        _progress = None
