"""Names of folders and prompts in every shell: exact, and never run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shells import environments, rows
from shells.driver import Named, active, read_report, run
from shells.names import HOSTILE, RAW, SENTINEL
from shells.rows import Shell


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> list[Named]:
    """Return environments with hostile names, each of which also has another's as its prompt."""
    root = tmp_path_factory.mktemp("named")
    (root / "folders").mkdir()
    texts, raw = list(HOSTILE.values()), list(RAW.values())
    pairs = [*zip(texts, texts[7:] + texts[:7]), *zip(raw, reversed(raw))]
    return [_named(root, number, *pair) for number, pair in enumerate(pairs)]


def _named(root: Path, number: int, name: str, prompt: str) -> Named:
    folder = environments.make(root / "folders" / name, prompt)
    link = root / f"n{number}"
    link.symlink_to(folder)
    return Named(os.fsencode(folder), os.fsencode(prompt), str(link / "bin"))


def _in_locales() -> list[object]:
    """Return each shell in a locale of UTF-8, and those that read bytes also in that of C."""
    return [
        pytest.param(shell, locale, id=f"{shell.name}-{locale}", marks=rows.marks(shell))
        for shell in rows.ALL
        for locale in ("C.UTF-8", "C")
        if locale != "C" or (shell.raw and not shell.slow)
    ]


@pytest.mark.parametrize(("shell", "locale"), _in_locales())
def test_names(shell: Shell, locale: str, named: list[Named], tmp_path: Path) -> None:
    """Whatever the name, it is just a name: exact in the variables, and never run."""
    tried = named if shell.raw else named[: len(HOSTILE)]
    # Every other folder still has all the names, half of them as prompts.
    tried = tried[::2] if shell.slow else tried
    lines = [shell.assign.format("PYTHONHOME", "/elsewhere"), shell.report.format("before")]
    for number, each in enumerate(tried):
        lines += [
            shell.source.format(f"{each.scripts}/{shell.script}"),
            shell.report.format(f"on{number}"),
            shell.python.format(f"python{number}"),
            "deactivate",
            shell.report.format(f"off{number}"),
        ]
    assert run(shell, tmp_path, lines, LC_ALL=locale) == ""

    before = read_report(tmp_path / "before", shell)
    for number, each in enumerate(tried):
        assert read_report(tmp_path / f"on{number}", shell) == active(before, each)
        assert (tmp_path / f"python{number}").read_bytes() == each.folder + b"/bin/python"
        assert read_report(tmp_path / f"off{number}", shell) == before
    assert not (tmp_path / SENTINEL).exists()
