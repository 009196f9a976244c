"""Measure what the alias saves in other tools: ``python -m benchmarks.tools [ROUNDS]``.

Needs the package index, once, for the tools. Everything else is local: the wheel and the
project that they work on are empty, so what is measured is the tool and its environment.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.lab import without_settings
from benchmarks.measure import figures, interleaved, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.measure import Cost

_ROOT = Path(__file__).parents[1]
_PEERS = ("venv", "newvenv")
_TOOLS = ("build", "nox", "pipx")

#: What each tool is asked to do; ``{new}`` is a new directory, and the project is the current one.
_COMMANDS: dict[str, tuple[str, ...]] = {
    "build": ("{bin}/python", "-m", "build", "--wheel", "--outdir", "{new}"),
    "nox": ("{bin}/nox", "--envdir", "{new}"),
    "pipx": ("{bin}/pipx", "install", "--backend", "pip", "--python", "{bin}/python", "{wheel}"),
}

_PROJECT = {
    "pyproject.toml": '[build-system]\nrequires=[]\nbuild-backend="backend"\nbackend-path=["."]\n',
    "backend.py": (
        "def build_wheel(directory, config_settings=None, metadata_directory=None):\n"
        "    open(directory + '/x-1-py3-none-any.whl', 'w').close()\n"
        "    return 'x-1-py3-none-any.whl'\n"
    ),
    "noxfile.py": (
        "import nox\n@nox.session(venv_backend='venv')\ndef session(session):\n"
        "    session.run('python', '-c', '')\n"
    ),
}
_WHEEL = {
    "program.py": "def main(): pass\n",
    "program-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: program\nVersion: 1\n",
    "program-1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n",
    "program-1.dist-info/entry_points.txt": "[console_scripts]\nprogram = program:main\n",
    "program-1.dist-info/RECORD": "",
}


def main(args: Sequence[str]) -> int:
    """Measure, print a table in Markdown, and return the exit status."""
    rounds = int(args[0]) if args else 5
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(_project(Path(folder)))
        variables = {**without_settings(os.environ), "PIPX_HOME": f"{folder}/pipx"}
        variables["NEWVENV_CACHE_DIR"] = f"{folder}/cache"
        for peer in _PEERS:
            _install(Path(folder, peer), variables, alias=peer == "newvenv")
        print(_table(_measure(Path(folder), variables, rounds)))
    return 0


def _project(folder: Path) -> Path:
    """Make the project and the wheel in *folder*, and return the project's directory."""
    (folder / "project").mkdir()
    for name, text in _PROJECT.items():
        Path(folder, "project", name).write_text(text, encoding="utf-8")
    with zipfile.ZipFile(folder / "program-1-py3-none-any.whl", "w") as wheel:
        for name, text in _WHEEL.items():
            wheel.writestr(name, text)
    return folder / "project"


def _install(env: Path, variables: dict[str, str], *, alias: bool) -> None:
    """Make an environment of the running Python with the tools, and with the alias or not."""
    subprocess.run([sys.executable, "-m", "venv", str(env)], check=True)
    subprocess.run([f"{env}/bin/pip", "install", "-q", *_TOOLS, str(_ROOT)], check=True)
    if alias:
        command = [f"{env}/bin/python", "-m", "newvenv.alias", "on"]
        subprocess.run(command, check=True, env=variables, stdout=subprocess.DEVNULL)


def _measure(
    folder: Path, variables: dict[str, str], rounds: int
) -> dict[tuple[str, str], list[Cost]]:
    """Return the costs by tool and peer; the first round, which fills caches, is left out."""
    costs: dict[tuple[str, str], list[Cost]] = {(t, p): [] for t in _TOOLS for p in _PEERS}
    steps = [(names, 1, rounds + 1) for names in costs]
    for number, (tool, peer) in interleaved(steps, rounds + 1, random.Random(0)):  # noqa: S311
        with tempfile.TemporaryDirectory(dir=folder) as new:
            words = {"bin": folder / peer / "bin", "new": new}
            words["wheel"] = folder / "program-1-py3-none-any.whl"
            own = {"PIPX_HOME": f"{folder}/pipx-{peer}", "PIPX_BIN_DIR": new}
            cost = run([word.format(**words) for word in _COMMANDS[tool]], {**variables, **own})
            if tool == "pipx":
                uninstall = [str(folder / peer / "bin/pipx"), "uninstall", "program"]
                run(uninstall, {**variables, **own})
        if number:
            costs[tool, peer].append(cost)
    return costs


def _table(costs: dict[tuple[str, str], list[Cost]]) -> str:
    found = {(figure.scenario, figure.peer): figure.cpu for figure in figures(costs)}
    lines = ["| CPU ms | `venv` | newvenv | |", "| --- | ---: | ---: | ---: |"]
    for tool in _TOOLS:
        old, new = (found[tool, peer] for peer in _PEERS)
        lines.append(f"| {tool} | {old:.0f} | {new:.0f} | {new / old:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
