"""What becomes of a wheel: which are refused, what an image says, what scripts look like."""

from __future__ import annotations

import base64
import hashlib
import marshal
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from installer.records import InvalidRecordEntry

from newvenv import _image

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


def make_wheel(folder: Path, files: dict[str, str], record: str | None = None) -> str:
    """Write a wheel of *files*; its RECORD is right unless *record* is given."""
    rows = [row(*pair) for pair in files.items()] + ["pip-1.0.dist-info/RECORD,,"]
    path = folder / "pip-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr("pip-1.0.dist-info/RECORD", record or "\n".join(rows) + "\n")
    return str(path)


def built(folder: Path, files: dict[str, str], mtime: float = 1_600_000_000) -> _image.Image:
    """Make an image of a wheel of *files* and read it back."""
    directory = folder / "image"
    directory.mkdir()
    seed = _image.wheel(make_wheel(folder, files))
    _image.build(str(directory), [seed], mtime, ("tiny", 1))
    return _image.read(str(directory), ("tiny", 1))


@pytest.mark.parametrize(
    "name",
    [
        "../evil.py",
        "pip/../../evil.py",
        "/evil.py",
        "pip//evil.py",
        "pip/./evil.py",
        "pip\\evil.py",
        "C:evil.py",
        "pip/new\nline.py",
        "pip/__pycache__/evil.cpython-399.pyc",
        "pip-1.0.data/scripts/evil",
        "pip-1.0.data/data/evil",
        ".hidden.py",
        "-rf.py",
    ],
)
@pytest.mark.filterwarnings("ignore:Skip installing")
def test_wheel_refuses_names(tmp_path: Path, name: str) -> None:
    """No entry of a wheel gets out of the image, into its bytecode, or elsewhere."""
    path = make_wheel(tmp_path, {**PIP, name: "evil = True\n"})
    try:
        _, files = _image.wheel(path)
    except Exception:  # refused, by us or by installer
        return
    assert set(files) == {*PIP, "pip-1.0.dist-info/INSTALLER", "pip-1.0.dist-info/REQUESTED"}


@pytest.mark.parametrize(
    "record",
    [
        "\n".join(row(name, text + "#") for name, text in PIP.items()),
        "\n".join(row(*pair) for pair in list(PIP.items())[1:]),
        "\n".join(f"{name},md5=0123456789abcdef,1" for name in PIP),
        "\n".join(f"{name},," for name in PIP),
        "no record at all",
        "\n".join(row(*pair) for pair in [*PIP.items(), ("pip/gone.py", "")]),
    ],
    ids=["other contents", "one missing", "weak hash", "no hash", "garbage", "one too many"],
)
def test_wheel_checks_hashes(tmp_path: Path, record: str) -> None:
    """A wheel whose RECORD does not vouch for every file is refused."""
    path = make_wheel(tmp_path, PIP, record + "\npip-1.0.dist-info/RECORD,,\n")
    with pytest.raises((ValueError, InvalidRecordEntry)):
        _image.wheel(path)


def test_wheel_that_is_damaged(tmp_path: Path) -> None:
    """A truncated wheel is refused."""
    path = Path(make_wheel(tmp_path, PIP))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(zipfile.BadZipFile):
        _image.wheel(str(path))


def test_wheel_for_newer_python(tmp_path: Path) -> None:
    """A wheel for newer Pythons is refused by name, not by a pip that does not start."""
    metadata = METADATA + "Requires-Python: !=3.0.*, >=3.99\n"
    with pytest.raises(ValueError, match=r"'pip-1.0.dist-info' needs Python >=3.99"):
        built(tmp_path, {**PIP, "pip-1.0.dist-info/METADATA": metadata})


def test_image_describes_every_file(tmp_path: Path) -> None:
    """The manifest has each file of the image, with its size and its time."""
    image = built(tmp_path, PIP)
    site = Path(image.directory, "site")
    described = {
        f"{folder}/{name}".lstrip("/"): size
        for folder, entries in image.folders
        for name, size, _, _ in entries
    }
    found = {path for path in site.rglob("*") if path.is_file()}
    assert described == {path.relative_to(site).as_posix(): path.stat().st_size for path in found}
    assert {path.stat().st_mtime for path in found} == {image.mtime}
    assert sum(name.endswith(".pyc") for name in described) == 4


def test_image_times_are_legal(tmp_path: Path) -> None:
    """A wheel from 1970 gives files that can be put into a ZIP file, on any file system."""
    image = built(tmp_path, PIP, mtime=1)
    assert image.mtime % 2 == 0
    zipfile.ZipInfo.from_file(os.path.join(image.directory, "site", "pip", "__init__.py"))


def test_bytecode_is_valid(tmp_path: Path) -> None:
    """Bytecode carries the time and size of its source and runs; broken sources have none."""
    image = built(tmp_path, {**PIP, "pip/template.py": "def {{ name }}:\n"})
    site = Path(image.directory, "site")
    cached = site / _image.bytecode_name("pip/__init__.py")
    data = cached.read_bytes()
    source = (site / "pip/__init__.py").stat()
    assert [int.from_bytes(data[n : n + 4], "little") for n in (4, 8, 12)] == [
        0,
        int(source.st_mtime),
        source.st_size,
    ]
    names: dict[str, Any] = {}
    exec(marshal.loads(data[16:]), names)  # noqa: S102, S302
    assert callable(names["main"])
    assert not (site / _image.bytecode_name("pip/template.py")).exists()


def test_record_is_in_order(tmp_path: Path) -> None:
    """RECORD lists sources, bytecode and itself, in pip's order."""
    [(info, tops, record, scripts)] = built(tmp_path, PIP).distributions
    lines = record.decode().split("\r\n")
    assert (info, tops, lines[-1]) == ("pip-1.0.dist-info", ["pip"], "")
    assert lines[:-1] == sorted(lines[:-1])
    assert f"{info}/RECORD,," in lines
    assert f"{info}/REQUESTED,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0" in lines
    assert f"{_image.bytecode_name('pip/__init__.py')},," in lines
    assert scripts == ["pip", "pip3", "pip{}.{}".format(*sys.version_info)]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("pip/_vendor/distlib/scripts.py", f"SCRIPT_TEMPLATE = r'''{TEMPLATE}'''\n"),
        (
            "pip/_internal/operations/install/wheel.py",
            f"import textwrap\nclass Maker:\n    script_template = {TEMPLATE!r}\n",
        ),
        (
            "pip/_internal/operations/install/wheel.py",
            "from textwrap import dedent\nclass Maker:\n    script_template = dedent('''\\\n"
            + "".join(f"        {line}\n" for line in TEMPLATE.splitlines())
            + "        ''')\n",
        ),
    ],
    ids=["distlib", "pip", "pip dedented"],
)
def test_scripts_have_pips_text(tmp_path: Path, path: str, source: str) -> None:
    """The text of scripts is that of the pip in the image, wherever that keeps it."""
    image = built(tmp_path, {**PIP, path: source})
    launcher, body = image.scripts["pip"]
    assert launcher == (b"MZ64" if os.name == "nt" else b"")
    assert os.name == "nt" or body.decode() == TEMPLATE % {
        "module": "pip",
        "import_name": "main",
        "func": "main",
    }


def test_scripts_without_a_template(tmp_path: Path) -> None:
    """A pip that keeps its script template elsewhere makes no image."""
    with pytest.raises(ValueError, match="script template"):
        built(tmp_path, {**PIP, "pip/_vendor/distlib/scripts.py": "TEXT = ''\n"})


def test_scripts_on_windows(tmp_path: Path) -> None:
    """On Windows a script is a launcher and, behind the interpreter's name, a ZIP file."""
    files = {name: (text.encode(), False) for name, text in PIP.items()}
    launcher = _image._launcher(files) if os.name == "nt" else b"MZ64"
    path = tmp_path / "pip.exe"
    before, after = _image._scripts(files, TEMPLATE, launcher)["pip"]
    path.write_bytes(before + b"#!python.exe\r\n" + after)
    with zipfile.ZipFile(path) as archive:
        assert archive.read("__main__.py").startswith(b"import sys\nfrom pip import main\n")


@pytest.mark.parametrize(
    ("change", "message"),
    [("flip", "damaged"), ("cut", "damaged"), ("empty", "damaged"), ("other", "something else")],
)
def test_manifest_that_is_damaged(tmp_path: Path, change: str, message: str) -> None:
    """A manifest with a flipped byte, cut short, empty, or of another image is refused."""
    image = built(tmp_path, PIP)
    path = Path(image.directory, "manifest")
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(
        {
            "flip": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
            "cut": data[:middle],
            "empty": b"",
            "other": data,
        }[change]
    )
    with pytest.raises(ValueError, match=message):
        _image.read(image.directory, ("other", 1))


def test_installed_distribution(tmp_path: Path) -> None:
    """An installed distribution gives the files of its wheel, without what pip added."""
    image = built(tmp_path, PIP)
    [(info, _, record, _)] = image.distributions
    folder = Path(image.directory, "site", info)
    (folder / "RECORD").write_bytes(b"../../../bin/pip,sha256=x,1\r\n" + record)
    (folder / "direct_url.json").write_text("{}")
    assert _image.installed(str(folder)) == _image.wheel(make_wheel(tmp_path, PIP))


def test_installed_distribution_without_record(tmp_path: Path) -> None:
    """Where a Linux distribution leaves RECORD out, the package is taken as it is."""
    image = built(tmp_path, PIP)
    folder = Path(image.directory, "site", "pip-1.0.dist-info")
    assert _image.installed(str(folder)) == _image.wheel(make_wheel(tmp_path, PIP))


def test_installed_distribution_that_was_edited(tmp_path: Path) -> None:
    """An installed pip that somebody edited is not what its RECORD says, and refused."""
    image = built(tmp_path, PIP)
    [(info, _, record, _)] = image.distributions
    site = Path(image.directory, "site")
    (site / info / "RECORD").write_bytes(record)
    (site / "pip" / "__init__.py").write_text("evil = True\n")
    with pytest.raises(ValueError, match=r"'pip/__init__.py' is not what the RECORD"):
        _image.installed(str(site / info))


def test_compiler_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that compiles and comes to grief makes no image."""
    monkeypatch.setattr(_image, "_COMPILER", "raise SystemExit(1)")
    with pytest.raises(ValueError, match="compiling"):
        built(tmp_path, PIP)
    assert not list(tmp_path.rglob("manifest"))
