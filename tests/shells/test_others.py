"""fish, the csh family, nu, xonsh and elvish: what is restored, and what is drawn."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from shells import environments, rows
from shells.driver import read_report, run
from shells.names import HOSTILE, SENTINEL
from shells.rows import CSH, ELVISH, FISH, NU, XONSH, Shell
from shells.terminal import Terminal

#: Writes all that fish knows to the file $argv[1].
_FISH_DUMP = """
function dump
    set -S > $argv[1]
    builtin functions -a >> $argv[1]
    builtin functions deactivate fish_prompt fish_right_prompt >> $argv[1] 2>/dev/null
    true
end
"""
#: Comments tell where a function is from, and a copy says that it is one.
_FISH_VOLATILE = re.compile(
    r"#|.*\bdump\b|\$(_|argv|status|pipestatus|status_generation|history|CMD_DURATION|version)\b"
)
_CSH_DUMP = "(set; alias; /usr/bin/env) > {}"
_CSH_VOLATILE = re.compile(r"(_|status|SHLVL|shlvl|OLDPWD)\b")


class Case(NamedTuple):
    """Something a user may have done before activating."""

    prelude: str
    #: PATH while ``/e`` is active.
    path: str = "@/e/bin:/usr/bin:/bin"


_FISH_CASES = {
    "nothing": Case(""),
    "PATH empty": Case("set PATH", "@/e/bin"),
    "PATH unset": Case("set -e PATH", "@/e/bin"),
    "PATH with the folder": Case("set PATH /bin $PWD/e/bin /a $PWD/e/bin", "@/e/bin:/bin:/a"),
    "PYTHONHOME": Case("set -gx PYTHONHOME '/a b'"),
    "PYTHONHOME empty": Case("set -gx PYTHONHOME ''"),
    "PYTHONHOME not exported": Case("set -g PYTHONHOME /a"),
    "an environment inherited": Case("set -gx VIRTUAL_ENV /o; set -gx VIRTUAL_ENV_PROMPT ''"),
    "functions": Case(
        "for name in cd printf echo set_color functions contains string_x type emit hash"
        " python; function $name; builtin echo function; end; end"
    ),
    "function deactivate": Case("function deactivate; echo mine; end"),
    "prompt": Case("function fish_prompt; echo -n '> '; end"),
    "no prompt": Case("functions -e fish_prompt"),
    "no prompt wanted": Case("set -g VIRTUAL_ENV_DISABLE_PROMPT 1"),
    "variables of ours": Case("set -g folder 1; set -g folders 2; set -g name 3; set -g lines 4"),
}
_CSH_CASES = {
    "nothing": Case(""),
    "PATH empty": Case("setenv PATH ''", "@/e/bin"),
    "PATH unset": Case("unsetenv PATH", "@/e/bin"),
    "PATH with the folder": Case("setenv PATH /bin:$cwd/e/bin:/a:$cwd/e/bin", "@/e/bin:/bin:/a"),
    "PYTHONHOME": Case("setenv PYTHONHOME '/a b'"),
    "PYTHONHOME empty": Case("setenv PYTHONHOME ''"),
    "an environment inherited": Case("setenv VIRTUAL_ENV '/o t'; setenv VIRTUAL_ENV_PROMPT ''"),
    "prompt": Case("set prompt = '% '"),
    "prompt empty": Case("set prompt = ''"),
    "prompt of code": Case("set prompt = '`date` $x \\! %n \"'"),
    "prompt of two lines": Case("set prompt = 'a\\\nb'"),
    "no prompt wanted": Case("set prompt = '% '; setenv VIRTUAL_ENV_DISABLE_PROMPT 1"),
    "aliases": Case(
        "foreach name (cd python pydoc test hash set unset setenv unsetenv eval rehash source_x)\n"
        "alias $name 'echo alias'\nend"
    ),
    "quotes": Case("set backslash_quote; set histchars = '@#'; set nonomatch; set noglob"),
    "noclobber": Case("set noclobber"),
}


def _cases(shells: list[Shell], cases: dict[str, Case]) -> list[object]:
    return [
        pytest.param(shell, case, id=f"{shell.name}-{name}", marks=rows.marks(shell))
        for shell in shells
        for name, case in cases.items()
    ]


def _lines(path: Path, volatile: re.Pattern[str]) -> list[str]:
    return [line for line in path.read_text().splitlines() if not volatile.match(line)]


@pytest.mark.parametrize(("shell", "case"), _cases([FISH], _FISH_CASES))
def test_fish_restores(shell: Shell, case: Case, tmp_path: Path) -> None:
    """Deactivating leaves fish in the very state it was in; nothing of ours is exported."""
    environments.make(tmp_path / "e", prompt="it's $(touch ran)")
    lines = [
        *(_FISH_DUMP, "builtin functions -q fish_prompt", case.prelude, "dump before"),
        *("source ./e/bin/activate.fish", "source ./e/bin/activate.fish"),
        *('builtin printf "%s" "$PATH" > path', "/usr/bin/env -0 > active"),
        *("deactivate", "dump after"),
    ]
    assert run(shell, tmp_path, lines) == ""
    before, after = (_lines(tmp_path / name, _FISH_VOLATILE) for name in ("before", "after"))
    assert after == before
    assert (tmp_path / "path").read_text() == case.path.replace("@", str(tmp_path))
    assert not [name for name in read_report(tmp_path / "active", shell) if b"_OLD_" in name]


@pytest.mark.parametrize(("shell", "case"), _cases(CSH, _CSH_CASES))
def test_csh_restores(shell: Shell, case: Case, tmp_path: Path) -> None:
    """Deactivating leaves csh in the very state it was in; nothing of ours is exported."""
    environments.make(tmp_path / "e", prompt="it's $(touch ran)")
    lines = [
        *(case.prelude, _CSH_DUMP.format("before")),
        *("source e/bin/activate.csh", "source e/bin/activate.csh"),
        *("/usr/bin/env -0 > active", "deactivate", _CSH_DUMP.format("after")),
    ]
    assert run(shell, tmp_path, lines) == ""
    before, after = (_lines(tmp_path / name, _CSH_VOLATILE) for name in ("before", "after"))
    assert after == before
    active = read_report(tmp_path / "active", shell)
    assert active[b"PATH"].decode() == case.path.replace("@", str(tmp_path))
    assert not [name for name in active if b"_OLD_" in name]


@pytest.mark.parametrize("shell", rows.parameters([CSH[0]]))
def test_csh_exit_on_error(shell: Shell, tmp_path: Path) -> None:
    """A script that stops at the first error is not stopped."""
    environments.make(tmp_path / "e")
    lines = ["source e/bin/activate.csh", "deactivate nondestructive", "deactivate", "echo end"]
    (tmp_path / "script").write_text("\n".join([*lines, ""]))
    errors = rows.Shell(shell.name, (*shell.command, "-e"), shell.script)
    assert run(errors, tmp_path, lines) == "end\n"


_OTHERS = [FISH, *CSH, NU, XONSH, ELVISH]
_WAYS = {
    "twice": (["a", "a"], ["a", None]),
    "another": (["a", "b"], ["b", None]),
    "and back": (["a", "b", "a"], ["a", None]),
}


@pytest.mark.parametrize(("names", "told"), _WAYS.values(), ids=_WAYS)
@pytest.mark.parametrize("shell", rows.parameters([row for row in _OTHERS if row is not ELVISH]))
def test_ways(shell: Shell, names: list[str], told: list[str | None], tmp_path: Path) -> None:
    """Activating again, or another environment, leaves one active, and one step leads out."""
    for name in "ab":
        environments.make(tmp_path / name)
    sources = [shell.source.format(f"{tmp_path}/{name}/bin/{shell.script}") for name in names]
    report = shell.report.format
    lines = [report("before"), *sources, report("active"), "deactivate", report("after")]
    assert run(shell, tmp_path, lines) == ""
    before, active, after = (
        read_report(tmp_path / name, shell) for name in ("before", "active", "after")
    )
    assert active[b"VIRTUAL_ENV"].decode() == f"{tmp_path}/{told[0]}"
    assert active[b"PATH"].decode() == f"{tmp_path}/{told[0]}/bin:/usr/bin:/bin"
    assert after == before


@pytest.mark.parametrize("shell", rows.parameters([row for row in _OTHERS if row is not ELVISH]))
def test_left_in_part(shell: Shell, tmp_path: Path) -> None:
    """Leaving an environment in part restores all but the command."""
    for name in "ab":
        environments.make(tmp_path / name)
    first, second = (shell.source.format(f"{tmp_path}/{name}/bin/{shell.script}") for name in "ab")
    report = shell.report.format
    lines = [shell.assign.format("PYTHONHOME", "/home"), report("before"), first]
    lines += ["deactivate nondestructive", report("left"), "deactivate nondestructive"]
    lines += [second, report("active"), "deactivate nondestructive", "deactivate", report("after")]
    assert run(shell, tmp_path, lines) == ""
    before, left, active, after = (
        read_report(tmp_path / name, shell) for name in ("before", "left", "active", "after")
    )
    assert active[b"PATH"].decode() == f"{tmp_path}/b/bin:/usr/bin:/bin"
    assert left == before
    assert after == before


@pytest.mark.parametrize("shell", rows.parameters(_OTHERS))
def test_child(shell: Shell, tmp_path: Path) -> None:
    """In a child shell, what it has inherited is the state that is restored."""
    folder, other = (environments.make(tmp_path / name) for name in "ab")
    report = shell.report.format
    lines = [report("before"), shell.source.format(f"{other}/bin/{shell.script}")]
    lines += [report("active"), "deactivate", report("after")]
    path = f"{folder}/bin:/usr/bin:/bin"
    inherited = {"VIRTUAL_ENV": folder, "VIRTUAL_ENV_PROMPT": "a", "PATH": path}
    assert run(shell, tmp_path, lines, **inherited) == ""
    active = read_report(tmp_path / "active", shell)
    assert active[b"VIRTUAL_ENV"].decode() == other
    assert active[b"PATH"].decode() in (f"{other}/bin:{path}", f"{other}/bin:/usr/bin:/bin")
    assert read_report(tmp_path / "after", shell) == read_report(tmp_path / "before", shell)


#: All that the directories of an inherited PATH may be called.
_ON_PATH = [f"/x/{text}/bin" for text in HOSTILE.values() if ":" not in text]


@pytest.mark.parametrize("shell", rows.parameters(rows.ALL))
def test_child_of_hostile_names(shell: Shell, tmp_path: Path) -> None:
    """Names that a child shell inherits in PATH are neither run nor expanded there, nor lost."""
    other = environments.make(tmp_path / "b")
    report = shell.report.format
    lines = [report("before"), shell.source.format(f"{other}/bin/{shell.script}")]
    lines += [report("active"), "deactivate", report("after")]
    path = ":".join([*_ON_PATH, "/usr/bin", "/bin"])
    name = "`touch ran` $(touch ran) it's ! *"
    inherited = {"VIRTUAL_ENV": f"/{name}", "VIRTUAL_ENV_PROMPT": name, "PATH": path}
    assert run(shell, tmp_path, lines, **inherited) == ""
    before, active, after = (
        read_report(tmp_path / name, shell) for name in ("before", "active", "after")
    )
    assert active[b"PATH"] == os.fsencode(other) + b"/bin:" + before[b"PATH"]
    assert after == before
    assert not (tmp_path / SENTINEL).exists()


_WITH_STANDARD = [*rows.SH[:1], *rows.SH[2:4], FISH, CSH[0]]


@pytest.mark.parametrize("shell", rows.parameters(_WITH_STANDARD))
def test_beside_standard_library(shell: Shell, tmp_path: Path) -> None:
    """Environments of newvenv and of the standard library can be activated one over another."""
    ours = environments.make(tmp_path / "ours")
    theirs = str(tmp_path / "theirs")
    subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", theirs], check=True)
    steps = [ours, theirs, ours, None, ours, theirs, None, ours, None, theirs, ours, theirs, None]
    # Theirs exports PS1, does not unset VIRTUAL_ENV_PROMPT before 3.10, and has csh prompt.
    lines = ["set prompt = x"] * (shell in CSH) + [shell.report.format("before")]
    for number, folder in enumerate(steps):
        step = shell.source.format(f"{folder}/bin/{shell.script}") if folder else "deactivate"
        lines += [step, shell.report.format(number)]
    assert run(shell, tmp_path, lines, VIRTUAL_ENV_DISABLE_PROMPT="1") == ""
    before = read_report(tmp_path / "before", shell)
    for number, folder in enumerate(steps):
        found = read_report(tmp_path / str(number), shell)
        assert found.get(b"VIRTUAL_ENV", b"").decode() == (folder or "")
        path = f"{folder}/bin:/usr/bin:/bin" if folder else "/usr/bin:/bin"
        assert found[b"PATH"].decode() == path
    assert found.keys() - before.keys() <= {b"VIRTUAL_ENV_PROMPT"}


_ESCAPES = re.compile(r"\x1b(\[[\d;]*m|\(B)")


def _prompts(shell: Shell, folder: Path, show: str, **variables: str) -> dict[str, str]:
    """Return what *show* writes to a file, by the prompt of the active environment."""
    names = [name for name, text in HOSTILE.items() if text.isprintable()]
    lines = []
    for number, name in enumerate(names):
        path = environments.make(folder / str(number), prompt=HOSTILE[name])
        lines += [shell.source.format(f"{path}/bin/{shell.script}"), show.format(f"out{number}")]
    assert run(shell, folder, lines, **variables) == ""
    assert not (folder / SENTINEL).exists()
    texts = ((folder / f"out{number}").read_text() for number in range(len(names)))
    return {HOSTILE[name]: _ESCAPES.sub("", text) for name, text in zip(names, texts)}


@pytest.mark.parametrize("term", ["dumb", "xterm-256color"])
@pytest.mark.parametrize("shell", rows.parameters([FISH]))
def test_fish_prompt(shell: Shell, term: str, tmp_path: Path) -> None:
    """The prompt of fish shows the name, with colours and without, and keeps the status."""
    own = "function fish_prompt; echo $status $pipestatus; echo -n '> '; end"
    row = rows.Shell(**{**vars(shell), "begin": own})
    show = "begin; false | true | false; fish_prompt > {}; end"
    drawn = _prompts(row, tmp_path, show, TERM=term)
    assert drawn == {name: f"({name}) 1 1 0 1\n> \n" for name in drawn}


@pytest.mark.parametrize("shell", rows.parameters([NU]))
def test_nu_prompt(shell: Shell, tmp_path: Path) -> None:
    """The prompt of nu shows the name, once, before the user's own."""
    row = rows.Shell(**{**vars(shell), "begin": "$env.PROMPT_COMMAND = {|| 'BASE> '}"})
    drawn = _prompts(row, tmp_path, "do $env.PROMPT_COMMAND | save --raw {}")
    assert drawn == {name: f"({name}) BASE> " for name in drawn}


@pytest.mark.parametrize("begin", ["", "$env.PROMPT_COMMAND = 'BASE> '"], ids=["none", "text"])
@pytest.mark.parametrize("shell", rows.parameters([NU]))
def test_nu_prompt_of_other_kinds(shell: Shell, begin: str, tmp_path: Path) -> None:
    """A prompt of nu may also be a text, or none at all."""
    row = rows.Shell(**{**vars(shell), "begin": begin})
    drawn = _prompts(row, tmp_path, "do $env.PROMPT_COMMAND | save --raw {}")
    assert drawn == {name: f"({name}) {'BASE> ' if begin else ''}" for name in drawn}


@pytest.mark.parametrize("shell", rows.parameters([ELVISH]))
def test_elvish_command_line(shell: Shell, tmp_path: Path) -> None:
    """At elvish's command line there is deactivate, one environment at a time, and its name."""
    for name, prompt in ("a", "it's"), ("b", '$(touch ran) "x" `ls`'):
        environments.make(tmp_path / name, prompt=prompt)
    tell = "print $E:VIRTUAL_ENV $E:PATH ($edit:prompt) > {0}.new; e:mv {0}.new {0}"
    steps = {
        "zeroth": "set edit:prompt = { put 'BASE> ' }",
        "first": "eval (slurp < a/bin/activate.elv)",
        "second": "eval (slurp < b/bin/activate.elv)",
        "third": "deactivate",
    }
    argv = shell.argv()
    with Terminal(argv, str(tmp_path), rows.base_environment(str(tmp_path)), 100) as terminal:
        terminal.until_quiet(0.5)
        for name, line in steps.items():
            terminal.type(line)
            terminal.type(tell.format(name))
            terminal.until_exists(tmp_path / name)
    told = {name: (tmp_path / name).read_text() for name in ("first", "second", "third")}
    folder = str(tmp_path)
    assert told == {
        "first": f"{folder}/a {folder}/a/bin:/usr/bin:/bin (it's)  BASE> ",
        "second": f'{folder}/b {folder}/b/bin:/usr/bin:/bin ($(touch ran) "x" `ls`)  BASE> ',
        "third": " /usr/bin:/bin BASE> ",
    }
    assert not (tmp_path / SENTINEL).exists()
