"""An environment that is not where its scripts say: nothing is changed, and one line says so."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from shells import environments, rows, state
from shells.driver import read_report, run
from shells.names import SENTINEL
from shells.rows import CSH, FISH, SH, Shell

_LINE = "activate: this environment was moved or copied; to mend it, run: newvenv --repair DIR"
_KNOWING = [*SH[:2], *SH[3:5], FISH]


def _source(shell: Shell, place: str) -> str:
    return shell.source.format(f"{place}/bin/{shell.script}")


def _run(shell: Shell, folder: Path, lines: list[str]) -> subprocess.CompletedProcess[str]:
    script = folder / "script"
    script.write_text("\n".join([shell.begin, *lines, ""]))
    return subprocess.run(
        shell.argv(str(script)),
        cwd=folder,
        env=rows.base_environment(str(folder)),
        capture_output=True,
        encoding="utf-8",
    )


#: How a script goes on after a command that may fail, and tells whether it has.
_GUARDS = {
    **{shell.name: "set -eu\nif {}; then echo good; else echo bad; fi" for shell in SH},
    "fish": "if {}; echo good; else; echo bad; end",
    **{shell.name: "{}\nif ($status) echo bad" for shell in CSH},
    "nu": "try {{ {}; print good }} catch {{|error| print --stderr $error.msg; print bad }}",
    "xonsh": "if not !({}):\n    print('bad')",
    "elvish": "try {{ {}; echo good }} catch e {{ echo $e[reason][content] >&2; echo bad }}",
}
#: xonsh says more than one line about whatever fails.
_SAID = {"xonsh": f"RuntimeError: {_LINE}\n"}


@pytest.mark.parametrize("name", ["new", "it's $(touch ran) *\nendif"])
@pytest.mark.parametrize("shell", rows.parameters(rows.ALL))
def test_moved(shell: Shell, name: str, tmp_path: Path) -> None:
    """A moved environment is not activated; the script that has tried goes on, and knows."""
    folder = Path(environments.make(tmp_path / name))
    folder.rename(tmp_path / "moved")
    report = shell.report.format
    guarded = _GUARDS[shell.name].format(_source(shell, "./moved"))
    done = _run(shell, tmp_path, [report("before"), guarded, report("after")])
    assert done.stdout == "bad\n"
    assert _SAID.get(shell.name, f"{_LINE}\n") in done.stderr
    assert done.stderr.count("\n") == 1 + 2 * (shell.name in _SAID)
    assert read_report(tmp_path / "after", shell) == read_report(tmp_path / "before", shell)
    assert not (tmp_path / SENTINEL).exists()


_COPIES = {
    "a copy": ("cp -R e copy", "./copy", "bad"),
    "a copy, by another way": ("cp -R e copy; cd copy/bin", "../../copy", "bad"),
    "the same by a link": ("ln -s e link", "./link", "good"),
    "the same by a link of its scripts": ("mkdir x; ln -s ../e/bin x/bin", "./x", "good"),
    "a link to the script alone": (
        "mkdir -p x/bin; ln -s $PWD/e/bin/activate $PWD/e/bin/activate.fish x/bin",
        "./x",
        "good",
    ),
    "the script alone": ("mkdir x; cp -R e/bin x/bin", "./x", "good"),
}


@pytest.mark.parametrize(("made", "place", "told"), _COPIES.values(), ids=_COPIES)
@pytest.mark.parametrize("shell", rows.parameters(_KNOWING))
def test_copied(shell: Shell, made: str, place: str, told: str, tmp_path: Path) -> None:
    """Shells that know where the script lies refuse that of a copy, and only that."""
    environments.make(tmp_path / "e")
    guard = _GUARDS[shell.name].format(_source(shell, place))
    assert run(shell, tmp_path, [made, guard]).splitlines()[-1] == told


@pytest.mark.parametrize("shell", rows.parameters(SH))
def test_refused_in_an_environment(shell: Shell, tmp_path: Path) -> None:
    """Refusing leaves the shell in the very state it was in, be an environment active or not."""
    for name in "ab":
        environments.make(tmp_path / name, prompt="it's")
    (tmp_path / "b").rename(tmp_path / "moved")
    refused = ". ./moved/bin/activate 2>/dev/null || :"
    lines = [state.dumper(shell.name), "set -e; PS1='$ '", "deactivate () { echo mine; }"]
    lines += ["dump zero", refused, "dump one", ". ./a/bin/activate", "dump two", refused]
    lines += ["dump three", "deactivate", "dump four"]
    assert run(shell, tmp_path, lines) == ""
    zero, one, two, three = (state.read(tmp_path, name) for name in ("zero", "one", "two", "three"))
    assert one == zero
    assert three == two


@pytest.mark.parametrize("shell", rows.parameters([SH[0], SH[2], SH[3], FISH]))
def test_no_process(shell: Shell, tmp_path: Path) -> None:
    """To find out needs no program: nothing is on PATH."""
    Path(environments.make(tmp_path / "e")).rename(tmp_path / "moved")
    guard = _GUARDS[shell.name].format(_source(shell, "./moved"))
    lines = {"fish": "set -gx PATH"}.get(shell.name, "PATH=")
    assert run(shell, tmp_path, [lines, guard]) == f"{_LINE}\nbad\n"
