"""Wheels that are made for a test, first of all the smallest pip."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

METADATA = "Metadata-Version: 2.1\nName: pip\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: us\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
TEMPLATE = "import sys\nfrom %(module)s import %(import_name)s\nsys.exit(%(func)s())\n"

#: The smallest pip: a module to run, and the places of its script template.
PIP = {
    "pip/__init__.py": "def main():\n    print('tiny')\n",
    "pip/_internal/__init__.py": "",
    "pip/_internal/operations/install/wheel.py": "class PipScriptMaker:\n    pass\n",
    "pip/_vendor/distlib/scripts.py": f"SCRIPT_TEMPLATE = r'''{TEMPLATE}'''\n",
    "pip/_vendor/distlib/t32.exe": "MZ32",
    "pip/_vendor/distlib/t64.exe": "MZ64",
    "pip/_vendor/distlib/t64-arm.exe": "MZ64",
    "pip-1.0.dist-info/METADATA": METADATA,
    "pip-1.0.dist-info/WHEEL": WHEEL,
    "pip-1.0.dist-info/entry_points.txt": "[console_scripts]\npip = pip:main\npip9 = pip:main\n",
}


def row(name: str, text: str) -> str:
    """Return the line of RECORD for a file *name* that holds *text*."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"{name},sha256={digest.rstrip('=')},{len(text.encode())}"


def make_wheel(
    folder: Path,
    files: dict[str, str],
    record: str | None = None,
    name: str = "pip-1.0",
    modes: dict[str, int] | None = None,
) -> str:
    """Write a wheel of *files*; its RECORD is right unless *record* is given.

    :param modes: ``st_mode`` of members that have one.
    """
    own = f"{name}.dist-info/RECORD"
    rows = [row(*pair) for pair in files.items() if not pair[0].endswith("/")] + [f"{own},,"]
    path = folder / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, text in files.items():
            info = zipfile.ZipInfo(member)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (modes or {}).get(member, 0) << 16
            archive.writestr(info, text)
        archive.writestr(own, record or "\n".join(rows) + "\n")
    return str(path)
