"""Run all tests as CI does: ``python tests [ARGUMENTS OF TOX]``.

Needs nothing prepared: tox is installed beside the Python that runs this, if it isn't
there, and finds the interpreters that pyenv has, also where pyenv's shims don't lead.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

TOX = "tox>=4.22"


def main(args: list[str]) -> int:
    """Run tox with *args* on every interpreter found and return its exit status."""
    # A shell that starts this in the background has SIGINT ignored, which would be
    # inherited by all processes that the tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not find_spec("tox") and not _install_tox():
        return 1
    root = Path(__file__).parents[1]
    folders = [*_pyenv_folders(), os.environ.get("PATH", os.defpath)]
    environment = {**os.environ, "PATH": os.pathsep.join(map(str, folders))}
    command = [sys.executable, "-m", "tox", *(args or ["run-parallel", "--parallel", "auto"])]
    with tempfile.TemporaryDirectory() as directory:
        report = environment["TOX_RESULT_JSON"] = os.path.join(directory, "report.json")
        status = subprocess.run(command, cwd=root, env=environment).returncode
        reasons = unprepared(report)
    if reasons:
        reason = next(iter(reasons.values()))
        _complain(f"what {', '.join(reasons)} need could not be installed: {reason}")
    return status


def _install_tox() -> bool:
    """Install tox beside this Python; if that fails, say in one line what is missing."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", TOX]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    if result.returncode:
        _complain(f"{TOX}, which runs the tests, could not be installed: {_reason(result.stderr)}")
    return not result.returncode


def unprepared(report: str) -> dict[str, str]:
    """Return the environments that tox could not set up, and the reason of each.

    :param report: what ``tox --result-json`` has written, maybe nothing.
    """
    try:
        environments = json.loads(Path(report).read_text("utf-8"))["testenvs"]
    except (OSError, ValueError, LookupError, TypeError):
        return {}
    return {
        name: _reason(command["err"])
        for name, environment in environments.items()
        for command in environment.get("setup", [])
        if command["retcode"]
    }


def _reason(text: str) -> str:
    """Return the line in which pip says what is missing."""
    lines = [re.sub(r"\x1b\[\d*m", "", line).strip() for line in text.splitlines()]
    errors = [line for line in lines if line.startswith("ERROR: ")]
    return ([*filter(None, lines), *errors] or ["no reason given"])[-1].replace("ERROR: ", "")


def _complain(text: str) -> None:
    sys.stderr.write(f"Error: {text} (is the package index within reach?)\n")


def _pyenv_folders() -> list[Path]:
    """Return the folders of the interpreters that pyenv has built, the newest first."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = [path for path in root.glob("versions/*/bin") if path.parent.name[:1].isdigit()]
    return sorted(found, key=_version, reverse=True)


def _version(folder: Path) -> list[int]:
    return [int(part) for part in folder.parent.name.split(".") if part.isdigit()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
