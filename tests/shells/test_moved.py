"""An environment that is not where its scripts say: nothing is changed, and one line says so."""

from __future__ import annotations

import shutil
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
    **{shell.name: "if {}; then echo good; else echo bad; fi" for shell in SH},
    "fish": "if {}; echo good; else; echo bad; end",
    **{shell.name: "{}\nif ($status) echo bad" for shell in CSH},
    "elvish": "try {{ {}; echo good }} catch error {{ echo $error[reason][content] >&2; echo bad }}",
}


@pytest.mark.parametrize("name", ["new", "it's $(touch ran) *"])
@pytest.mark.parametrize("shell", rows.parameters([row for row in rows.ALL if row.name in _GUARDS]))
def test_moved(shell: Shell, name: str, tmp_path: Path) -> None:
    """A moved environment is not activated; the script that has tried goes on, and knows."""
    folder = Path(environments.make(tmp_path / name))
    folder.rename(tmp_path / "moved")
    report = shell.report.format
    guarded = _GUARDS[shell.name].format(_source(shell, "./moved"))
    done = _run(shell, tmp_path, [report("before"), guarded, report("after")])
    assert (done.stdout, done.stderr) == ("bad\n", f"{_LINE}\n")
    assert read_report(tmp_path / "after", shell) == read_report(tmp_path / "before", shell)
    assert not (tmp_path / SENTINEL).exists()
