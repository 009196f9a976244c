"""The shells, one row each: how it runs a script, and how that script says things."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field

import pytest

#: By its path, because the tests take PATH away.
ENV = shutil.which("env") or "/usr/bin/env"


@dataclass(frozen=True)
class Shell:
    """A shell, or a manner of running one."""

    name: str
    #: Runs the script whose path is put behind it; without one, reads the terminal.
    command: tuple[str, ...]
    #: The file in the environment's folder of scripts.
    script: str = "activate"
    #: Activates by the script at ``{}``, a path of harmless characters.
    source: str = ". {}"
    #: Puts the exported variables into the file ``{}``, each followed by NUL.
    report: str = ENV + " -0 > {}"
    #: Runs the python that is first on PATH; its output goes to the file ``{}``.
    python: str = "python > {}"
    #: Exports the variable ``{0}`` with the value ``{1}``, of harmless characters.
    assign: str = "export {0}={1}"
    #: Begins a script, before anything is activated.
    begin: str = ""
    #: Only checks the syntax of the script whose path is put behind it.
    check: tuple[str, ...] | None = None
    #: The function of newvenv._quoting that writes its literals.
    language: str = "sh"
    #: Is it so slow to start that it is spared every other test of many?
    slow: bool = False
    #: Can it say a path that is not text?
    raw: bool = True
    #: Variables that the shell itself changes all the time.
    volatile: frozenset[str] = field(default=frozenset({"_", "SHLVL", "OLDPWD", "_AST_FEATURES"}))

    @property
    def present(self) -> bool:
        """Is this shell installed?"""
        return shutil.which(self.command[0]) is not None

    def argv(self, *arguments: str) -> list[str]:
        """Return the command line that runs this shell."""
        return [shutil.which(self.command[0]) or self.command[0], *self.command[1:], *arguments]


def _sh(name: str, *command: str, raw: bool = True) -> Shell:
    return Shell(name, command or (name,), check=(*(command or (name,)), "-n"), raw=raw)


SH = [
    _sh("bash", "bash", "--norc", "--noprofile"),
    _sh("bash-posix", "bash", "--norc", "--noprofile", "--posix"),
    _sh("dash"),
    _sh("zsh", "zsh", "-f"),
    _sh("zsh-sh", "zsh", "--emulate", "sh", "-f"),
    _sh("ksh93"),
    _sh("mksh"),
    _sh("busybox", "busybox", "ash"),
    _sh("yash", "yash", "--norcfile", "--noprofile", raw=False),
    _sh("posh"),
]

FISH = Shell(
    "fish",
    ("fish", "--no-config"),
    script="activate.fish",
    language="fish",
    source="source {}",
    assign="set -gx {0} {1}",
    check=("fish", "--no-config", "-n"),
)

#: Without a check for bsd-csh, which takes ``$?name`` for a pattern of files then.
CSH = [
    Shell(
        name,
        (name, "-f"),
        "activate.csh",
        "source {}",
        assign="setenv {0} {1}",
        language="csh",
        check=("tcsh", "-f", "-n") if name == "tcsh" else None,
    )
    for name in ("tcsh", "bsd-csh")
]

NU = Shell(
    "nu",
    ("nu", "--no-config-file"),
    script="activate.nu",
    language="nushell",
    source="overlay use {}",
    assign="$env.{0} = '{1}'",
    report="^" + ENV + " -0 | save --raw {}",
    python="^python | save --raw {}",
    raw=False,
    volatile=frozenset({"CURRENT_FILE", "FILE_PWD", "LAST_EXIT_CODE", "PROCESS_PATH"}),
)

XONSH = Shell(
    "xonsh",
    ("xonsh", "--no-rc"),
    script="activate.xsh",
    language="python",
    slow=True,
    source="source {}",
    assign="${0} = '{1}'",
)

ELVISH = Shell(
    "elvish",
    ("elvish", "-norc"),
    script="activate.elv",
    language="elvish",
    source="eval &on-end={{|ns| set deactivate~ = $ns[deactivate~] }} (slurp < {})",
    assign="set-env {0} {1}",
    begin="var deactivate~ = $nop~",
    check=("elvish", "-norc", "-compileonly"),
)

ALL = [*SH, FISH, *CSH, NU, XONSH, ELVISH]


def marks(shell: Shell) -> list[pytest.MarkDecorator]:
    """Return the marks of a test that runs *shell*: skipped if it is absent."""
    absent = pytest.mark.skipif(not shell.present, reason=f"no {shell.command[0]} on PATH")
    return [pytest.mark.shells, absent]


def parameters(shells: list[Shell]) -> list[object]:
    """Return the rows for ``pytest.mark.parametrize``."""
    return [pytest.param(shell, id=shell.name, marks=marks(shell)) for shell in shells]


def base_environment(home: str) -> dict[str, str]:
    """Return the variables that every shell of these tests starts with."""
    return {
        "HOME": home,
        "LC_ALL": "C.UTF-8",
        # Not in the other order, which Debian's zsh takes for unset.
        "PATH": "/usr/bin:/bin",
        "TERM": "dumb",
        "XDG_CONFIG_HOME": home,
        "XDG_DATA_HOME": home,
    }
