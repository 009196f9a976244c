"""Run all tests as CI does: ``python tests [ARGUMENTS OF TOX]``.

Needs nothing prepared: tox is installed beside the Python that runs this, if it isn't
there, and finds the interpreters that pyenv has, also where pyenv's shims don't lead.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path


def main(args: list[str]) -> int:
    """Run tox with *args* on every interpreter found and return its exit status."""
    root = Path(__file__).parents[1]
    if not find_spec("tox"):
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "tox>=4.22"], check=True)
    folders = [*_pyenv_folders(), os.environ.get("PATH", os.defpath)]
    environment = {**os.environ, "PATH": os.pathsep.join(map(str, folders))}
    command = [sys.executable, "-m", "tox", *(args or ["run-parallel", "--parallel", "auto"])]
    return subprocess.run(command, cwd=root, env=environment).returncode


def _pyenv_folders() -> list[Path]:
    """Return the folders of the interpreters that pyenv has built, the newest first."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = [path for path in root.glob("versions/*/bin") if path.parent.name[:1].isdigit()]
    return sorted(found, key=_version, reverse=True)


def _version(folder: Path) -> list[int]:
    return [int(part) for part in folder.parent.name.split(".") if part.isdigit()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
