"""The scripts as texts, and what they make the system do."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from newvenv import _activation
from shells import environments, rows
from shells.rows import Shell
from tracing import FAST, STRACE

#: What lies deeper is what an installer has compiled.
_TEMPLATES = list(Path(_activation.templates()).glob("*/*ctivate*"))

_needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="no strace on PATH")

#: A process, not a thread: fish, nu, xonsh and elvish have threads.
_PROCESS = re.compile(r"(v?fork|execve)\(|clone3?\((?!.*CLONE_THREAD)")


def _processes(shell: Shell, folder: Path, lines: list[str]) -> list[str]:
    """Return the calls that start processes while *shell* runs *lines*, its own start included."""
    script = folder / "traced"
    script.write_text("\n".join([shell.begin, *lines, ""]))
    trace = folder / "trace"
    subprocess.run(
        [*STRACE, *(FAST or ["-f"]), "-e", "trace=process", "-o", trace, *shell.argv(str(script))],
        cwd=folder,
        env=rows.base_environment(str(folder)),
        check=True,
    )
    return [
        line for line in trace.read_text(errors="replace").splitlines() if _PROCESS.search(line)
    ]


@_needs_strace
@pytest.mark.parametrize(
    "shell", rows.parameters([*rows.SH, rows.FISH, *rows.CSH, rows.NU, rows.ELVISH])
)
def test_no_process(shell: Shell, tmp_path: Path) -> None:
    """Neither activation nor deactivation starts a process."""
    folder = environments.make(tmp_path / "e", prompt="it's %n!")
    source = shell.source.format(f"{folder}/bin/{shell.script}")
    nothing = _processes(shell, tmp_path, [])
    assert nothing
    assert len(_processes(shell, tmp_path, [source, source, "deactivate"])) == len(nothing)


_CHECKED = [shell for shell in rows.ALL if shell.check]


@pytest.mark.parametrize("shell", rows.parameters(_CHECKED))
def test_syntax(shell: Shell, tmp_path: Path) -> None:
    """Each shell's own check finds nothing to say about its script."""
    folder = environments.make(tmp_path / "e", prompt="it's $(ls) `ls`")
    done = subprocess.run(
        [*(shell.check or ()), f"{folder}/bin/{shell.script}"],
        env=rows.base_environment(str(tmp_path)),
        capture_output=True,
        encoding="utf-8",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


#: Variables by which the script asks what shell it is read by, and the lines they are in.
_ASKED = re.compile(r"possible bashism in .* \(\$(BASH_SOMETHING|SHELLOPTS|RANDOM)\):\n.*\n")


@pytest.mark.shells
@pytest.mark.parametrize("prompt", ["harmless", "it's $(ls) `ls` \\"])
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(command, marks=pytest.mark.skipif(not found, reason="not on PATH"))
        for command in (["shellcheck"], ["checkbashisms", "--force"])
        for found in [shutil.which(command[0])]
    ],
    ids=" ".join,
)
def test_linters(command: list[str], prompt: str, tmp_path: Path) -> None:
    """The linters of sh scripts find nothing to say."""
    folder = environments.make(tmp_path / "e", prompt=prompt)
    done = subprocess.run(
        [*command, f"{folder}/bin/activate"], capture_output=True, encoding="utf-8"
    )
    assert not done.stdout
    assert "possible bashism" not in _ASKED.sub("", done.stderr)


@pytest.mark.shells
@pytest.mark.parametrize(
    "path", sorted(path for path in _TEMPLATES if path.suffix), ids=lambda path: path.name
)
def test_ascii(path: Path) -> None:
    """The templates are ASCII: PowerShell and cmd take other bytes for the local code page's."""
    assert path.read_bytes().isascii()


@pytest.mark.shells
def test_line_ends() -> None:
    """Scripts of cmd have its line ends, and no other script has a carriage return."""
    texts = {path.name: path.read_bytes() for path in _TEMPLATES}
    batch = {name for name, text in texts.items() if text.count(b"\r\n") == text.count(b"\n")}
    assert batch == {"activate.bat", "deactivate.bat"}
    assert not [name for name in texts.keys() - batch if b"\r" in texts[name]]


_ABSENT = sorted({shell.command[0] for shell in rows.ALL if not shell.present})


@pytest.mark.shells
@pytest.mark.skipif(bool(_ABSENT), reason=f"absent, and so not tried: {' '.join(_ABSENT)}")
def test_every_shell_is_tried() -> None:
    """All shells that newvenv has scripts for, and that there are tests of, are there."""
    assert not _ABSENT
