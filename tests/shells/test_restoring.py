"""What activation changes in the sh family, and that deactivation takes it back."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from newvenv import _activation
from shells import environments, rows, state
from shells.driver import run
from shells.names import SENTINEL
from shells.rows import Shell


class Case(NamedTuple):
    """Something a user may have done before activating."""

    prelude: str
    #: What PATH is after the environment's folder; None means just as before.
    rest: str | None = None
    #: Shells that cannot do it, or do not tell.
    without: tuple[str, ...] = ()


_NAMES = "cd hash python pydoc test echo printf"
_NO_ALIASES = ("posh",)
_BEFORE = {
    "nothing": Case(":"),
    "errexit, nounset": Case("set -eu"),
    "pipefail": Case("set -eu; set -o pipefail", without=("dash", "posh", "yash", "bash-posix")),
    "noclobber, noglob": Case("set -Cf"),
    "allexport": Case("A=1; set -a"),
    "everything": Case("set -euCfa"),
    "IFS of path characters": Case("IFS=/:"),
    "IFS of letters": Case("IFS=abcdefghimnostuvx_"),
    "IFS empty": Case("IFS="),
    "IFS unset": Case("unset IFS"),
    "PATH empty": Case("PATH=", rest=""),
    "PATH unset": Case("unset PATH", rest=""),
    "PATH unset, strict": Case("unset PATH; set -euf", rest=""),
    "PATH with empty elements": Case("PATH=:/bin::/usr/bin:"),
    "PATH with the folder": Case('PATH="/bin:$PWD/e/bin:/usr/bin:$PWD/e/bin"', "/bin:/usr/bin"),
    "PATH with the folder first": Case('PATH="$PWD/e/bin:/usr/bin"', "/usr/bin"),
    "PATH of the folder alone": Case('PATH="$PWD/e/bin"', ""),
    "PATH not exported": Case(
        "p=$PATH; unset PATH; PATH=$p; set +a",
        without=("dash", "ksh93", "mksh", "busybox", "yash", "posh"),
    ),
    "PATH not exported, of zsh": Case(
        "typeset +x PATH", without=tuple(s.name for s in rows.SH if s.name != "zsh")
    ),
    "PYTHONHOME": Case("export PYTHONHOME='/a b'"),
    "PYTHONHOME empty": Case("export PYTHONHOME="),
    "PYTHONHOME not exported": Case(
        "PYTHONHOME=x", without=("dash", "ksh93", "mksh", "busybox", "yash", "posh")
    ),
    "PS1": Case("PS1='$ '"),
    "PS1 of code": Case("PS1='`date` $(date) \\u %n ${A-}\"'"),
    "PS1 of two lines": Case("PS1='a\nb\n'"),
    "PS1 empty": Case("PS1="),
    "PS1 unset": Case("unset PS1"),
    "PS1 exported": Case("export PS1='> '"),
    "no prompt wanted": Case("PS1='$ '; VIRTUAL_ENV_DISABLE_PROMPT=1"),
    "an environment inherited": Case(
        "export VIRTUAL_ENV=/other VIRTUAL_ENV_PROMPT=other PATH=/other/bin:/bin"
    ),
    "an environment inherited, without prompt": Case("export VIRTUAL_ENV='/o t'"),
    "the same environment inherited": Case(
        'export VIRTUAL_ENV="$PWD/e" VIRTUAL_ENV_PROMPT=e PATH="$PWD/e/bin:/bin"', "/bin"
    ),
    "a prompt inherited": Case("export VIRTUAL_ENV_PROMPT=''"),
    "aliases": Case(
        f"for n in {_NAMES} set unset export typeset alias; do alias $n='echo alias'; done",
        without=_NO_ALIASES,
    ),
    "alias of deactivate": Case("alias deactivate='echo \"it'\\''s\" $mine'", without=_NO_ALIASES),
    "functions": Case("".join(f"{n} () {{ echo function; }}; " for n in _NAMES.split())),
    "functions of bash": Case(
        "".join(f"function {n} {{ echo function; }}; " for n in ("unset", "export", "command_x")),
        without=tuple(shell.name for shell in rows.SH if shell.name not in ("bash", "zsh")),
    ),
    "function deactivate": Case(
        'deactivate () { echo "it\'s" $mine; }', without=("dash", "ksh93", "busybox", "posh")
    ),
    "trap": Case("trap 'echo trap' EXIT INT"),
    "psvar": Case("psvar=(a '' b)", without=tuple(s.name for s in rows.SH if s.name != "zsh")),
    "zsh options": Case(
        "setopt warn_create_global ksh_arrays sh_word_split glob_subst rc_quotes typeset_silent"
        " null_glob no_prompt_percent prompt_subst prompt_bang posix_builtins err_return",
        without=tuple(s.name for s in rows.SH if s.name != "zsh"),
    ),
}
_BASH_BEGIN = {"bash": "shopt -s expand_aliases"}


def _restoring() -> list[object]:
    """Return each shell with each case it can do."""
    return [
        pytest.param(shell, case, id=f"{shell.name}-{name}", marks=rows.marks(shell))
        for shell in rows.SH
        for name, case in _BEFORE.items()
        if shell.name not in case.without
    ]


@pytest.mark.parametrize(("shell", "case"), _restoring())
def test_restores(shell: Shell, case: Case, tmp_path: Path) -> None:
    """Deactivating leaves the shell in the very state it was in, whatever that was."""
    if case.rest == "" and subprocess.run(shell.argv("-c", "PATH=; test x")).returncode:
        pytest.skip("what is built into newer yash is found only if PATH has it, too")
    folder = environments.make(tmp_path / "e", prompt="it's $(touch ran)")
    lines = [
        _BASH_BEGIN.get(shell.name, ":"),
        state.dumper(shell.name),
        case.prelude,
        "dump before",
        ". ./e/bin/activate",
        "dump active",
        "deactivate",
        "dump after",
        "trap - EXIT INT",
    ]
    assert run(shell, tmp_path, lines) == ""
    before, during, after = (state.read(tmp_path, name) for name in ("before", "active", "after"))
    assert after == before
    assert not [line for line in during["exported"] if "_OLD_" in line]
    assert during["aliases"] == [line for line in before["aliases"] if "deactivate" not in line]
    rest = before["path"][0] if case.rest is None else case.rest
    assert during["path"] == [":".join([f"{folder}/bin", *([rest] if rest else [])])]
    assert during["options"] == before["options"]
    assert not (tmp_path / SENTINEL).exists()


class Way(NamedTuple):
    """A way of using environments ``a`` and ``b``, and what is so in between."""

    lines: list[str]
    #: PATH, VIRTUAL_ENV and VIRTUAL_ENV_PROMPT where ``tell`` is said, ``@`` for the folder.
    told: list[str]


_SAY = 'echo "$PATH|${VIRTUAL_ENV-unset}|${VIRTUAL_ENV_PROMPT-unset}|${PYTHONHOME-unset}"'
_OUT = "/usr/bin:/bin|unset|unset|/home"
_A = "@/a/bin:/usr/bin:/bin|@/a|A|unset"
_B = "@/b/bin:/usr/bin:/bin|@/b|B|unset"
_SH_WAYS = {
    "relative": Way([". ./a/bin/activate", "tell", "deactivate", "tell"], [_A, _OUT]),
    "by a link": Way(
        ["ln -s a link", "cd link", ". ./bin/activate", "tell", "deactivate", "tell"], [_A, _OUT]
    ),
    "twice": Way(
        [". ./a/bin/activate", ". ./a/bin/activate", "tell", "deactivate", "tell"], [_A, _OUT]
    ),
    "another": Way(
        [". ./a/bin/activate", ". ./b/bin/activate", "tell", "deactivate", "tell"], [_B, _OUT]
    ),
    "and back": Way(
        [f". ./{name}/bin/activate" for name in "abab"] + ["tell", "deactivate", "tell"],
        [_B, _OUT],
    ),
    "left twice": Way(
        [". ./a/bin/activate", "deactivate", "tell", "deactivate 2>/dev/null || tell"],
        [_OUT, _OUT],
    ),
    "left in part": Way(
        [". ./a/bin/activate", "deactivate nondestructive", "tell", "deactivate", "tell"],
        [_OUT, _OUT],
    ),
    "in a function": Way(
        ["go () { . ./a/bin/activate; }", "go", "tell", "deactivate", "tell"], [_A, _OUT]
    ),
    "left in a function": Way(
        [". ./a/bin/activate", "leave () { deactivate; }", "leave", "tell"], [_OUT]
    ),
    "in a subshell": Way(["(. ./a/bin/activate; tell)", "tell"], [_A, _OUT]),
    "left in a subshell": Way([". ./a/bin/activate", "(deactivate; tell)", "tell"], [_OUT, _A]),
    "environment deleted": Way(
        [". ./a/bin/activate", "/bin/rm -r a", "tell", "deactivate", "tell"], [_A, _OUT]
    ),
    "in a child": Way([". ./a/bin/activate", "child tell", "tell"], [_A, _A]),
    "again in a child": Way(
        [". ./a/bin/activate", "child '. ./a/bin/activate; tell; deactivate; tell'", "tell"],
        [_A, _A, _A],
    ),
    "another in a child": Way(
        [". ./a/bin/activate", "child '. ./b/bin/activate; tell; deactivate; tell'", "tell"],
        [_B.replace("b/bin", "b/bin:@/a/bin"), _A, _A],
    ),
    "and back in a grandchild": Way(
        [
            ". ./a/bin/activate",
            "child '. ./b/bin/activate; child \". ./a/bin/activate; tell; deactivate; tell\"'",
        ],
        [_A.replace("a/bin", "a/bin:@/b/bin"), _B.replace("b/bin", "b/bin:@/a/bin")],
    ),
}


@pytest.mark.parametrize("way", _SH_WAYS.values(), ids=_SH_WAYS)
@pytest.mark.parametrize("shell", rows.parameters(rows.SH))
def test_ways(shell: Shell, way: Way, tmp_path: Path) -> None:
    """However environments are entered and left, the shell knows which one it is in."""
    environments.make(tmp_path / "a", prompt="A")
    environments.make(tmp_path / "b", prompt="B")
    again = " ".join(shell.argv())
    common = f"tell () {{ {_SAY}; }}\nchild () {{ {again} -c '. ./common; '\"$1\"; }}\n"
    (tmp_path / "common").write_text(common)
    begin = ["set -eu", ". ./common", "export PYTHONHOME=/home"]
    told = run(shell, tmp_path, [*begin, *way.lines]).splitlines()
    assert told == [line.replace("@", str(tmp_path)) for line in way.told]


@pytest.mark.parametrize("options", [":", "shopt -u promptvars", "setopt nopromptpercent"])
@pytest.mark.parametrize("shell", rows.parameters(rows.SH))
def test_prompt_exported(shell: Shell, options: str, tmp_path: Path) -> None:
    """A prompt that other shells inherit does not hold a name that is code to them."""
    environments.make(tmp_path / "e", prompt="a `touch ran` $(touch ran)")
    lines = [
        f"{options} 2>/dev/null || :",
        *("export PS1='> '", ". e/bin/activate", 'echo "$PS1"', "deactivate", 'echo "$PS1"'),
    ]
    active, after = run(shell, tmp_path, lines).splitlines()
    assert "touch" not in active
    assert after == "> "


@pytest.mark.parametrize("shell", rows.parameters(rows.SH))
def test_prompt_unset(shell: Shell, tmp_path: Path) -> None:
    """Where there is no prompt, as in most scripts, activating makes one, for this shell alone."""
    environments.make(tmp_path / "e", prompt="a name")
    tell = 'echo "${PS1-unset}"'
    lines = ["unset PS1", "set -eu", ". e/bin/activate", tell, "/usr/bin/env > active"]
    lines += ["deactivate", tell, "VIRTUAL_ENV_DISABLE_PROMPT=1"]
    lines += [". e/bin/activate", tell, "deactivate", tell]
    told = run(shell, tmp_path, lines).splitlines()
    assert told == ["(a name) ", "unset", "unset", "unset"]
    assert "PS1=" not in (tmp_path / "active").read_text()


@pytest.mark.parametrize("shell", rows.parameters([rows.SH[0], rows.SH[3], rows.SH[6]]))
def test_function_after_leaving_in_part(shell: Shell, tmp_path: Path) -> None:
    """The user's own command comes back even if ours was kept while nothing was active."""
    for name in "ab":
        environments.make(tmp_path / name)
    lines = ["deactivate () { echo mine; }", ". a/bin/activate", "deactivate nondestructive"]
    lines += [". b/bin/activate", "deactivate", "deactivate"]
    assert run(shell, tmp_path, lines) == "mine\n"


_CYGPATH = '#!/bin/sh\necho "@/a b"\n'


@pytest.mark.parametrize("shell", rows.parameters([*rows.SH, rows.FISH]))
@pytest.mark.parametrize(
    ("tool", "found"),
    [
        pytest.param("cygpath", "@/a b|@/a b/Scripts:", id="converted"),
        pytest.param("other", "C:\\a b|C:\\a b/Scripts:", id="no program for it"),
    ],
)
def test_windows_path(shell: Shell, tool: str, found: str, tmp_path: Path) -> None:
    """In a shell of Cygwin or MSYS, a Windows path becomes one that the shell can use."""
    facts = environments.context(tmp_path)
    # There, such a path is also one of a file; here, it is one below the working directory.
    facts.env_dir, facts.bin_name = "C:\\a b", "Scripts"
    facts.bin_path = str(tmp_path / facts.env_dir / "Scripts")
    Path(facts.bin_path).mkdir(parents=True)
    (tmp_path / facts.env_dir / "pyvenv.cfg").touch()
    _activation.install(_activation.templates(), facts, _activation.render)
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / tool).write_text(_CYGPATH.replace("@", str(tmp_path)))
    (tools / tool).chmod(0o755)
    tell = '/usr/bin/printf \'%s|%s\' "$VIRTUAL_ENV" "$PATH"'
    source = shell.source.format(f"'./C:\\a b/Scripts/{shell.script}'")
    lines = [source, tell, "deactivate"]
    path = f"{tools}:/usr/bin:/bin"
    printed = run(shell, tmp_path, ["set -e"] * (shell in rows.SH) + lines, PATH=path)
    assert printed == found.replace("@", str(tmp_path)) + path
