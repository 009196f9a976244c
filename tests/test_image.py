"""What becomes of a wheel: which are refused, what an image says, what scripts look like."""

from __future__ import annotations

import errno
import io
import marshal
import os
import stat
import subprocess
import sys
import warnings
import zipfile
from binascii import crc32
from configparser import ParsingError
from pathlib import Path
from typing import Any

import pytest

from newvenv._seed import build, bytecode, image, scripts, wheel
from wheels import METADATA, PIP, TEMPLATE, WHEEL, make_wheel, row

POSIX = pytest.mark.skipif(os.name == "nt", reason="modes")
NO_SEPARATOR = pytest.mark.skipif(os.name == "nt", reason="zipfile writes it as a slash there")
END = ".exe" if os.name == "nt" else ""


def opened(folder: Path) -> image.Image:
    """Open the image in *folder*."""
    with image.Directory(str(folder)) as root:
        return image.read(root, "image")


def built(folder: Path, files: dict[str, str], mtime: float = 1_600_000_000) -> image.Image:
    """Make an image of a wheel of *files* and open it."""
    (folder / "image").mkdir(mode=0o700)
    path = make_wheel(folder, files)
    os.utime(path, (mtime, mtime))
    build.build(str(folder / "image"), [path])
    return opened(folder)


# Wheels.


def test_wheel_gives_files(tmp_path: Path) -> None:
    """A plain wheel gives its files, what RECORD says of them, and what pip adds."""
    info, files = wheel.read(make_wheel(tmp_path, {**PIP, "pip/": ""}))
    assert info == "pip-1.0.dist-info"
    assert set(files) == {*PIP, f"{info}/INSTALLER", f"{info}/REQUESTED"}
    assert {name: data.decode() for name, (data, _, _) in files.items() if name in PIP} == PIP
    assert f"pip/__init__.py,{files['pip/__init__.py'][2]}" == row(*next(iter(PIP.items())))


@pytest.mark.parametrize(
    "name",
    [
        "../evil.py",
        "pip/../../evil.py",
        "/evil.py",
        "pip//evil.py",
        "pip/./evil.py",
        pytest.param("pip\\evil.py", marks=NO_SEPARATOR),
        "C:evil.py",
        "pip/new\nline.py",
        "pip/__pycache__/evil.cpython-399.pyc",
        "pip-1.0.data/scripts/evil",
        "pip-1.0.data/data/evil",
        "pip-2.0.dist-info/METADATA",
        ".hidden.py",
        "-rf.py",
        "pip/dot.",
        "pip/blank ",
        "../evil/",
        "/",
        "pip/__INIT__.py",
        "PIP/__init__.py",
        f"pip/{'x' * 256}.py",
        f"pip/{'long/' * 300}x.py",
    ],
)
def test_wheel_refuses_names(tmp_path: Path, name: str) -> None:
    """No member of a wheel gets out of the image, into its bytecode, or hides another one."""
    path = make_wheel(tmp_path, {**PIP, name: "evil = True\n"})
    with pytest.raises(ValueError, match=r"may not hold|twice|and no data"):
        wheel.read(path)


def test_wheel_with_a_name_twice(tmp_path: Path) -> None:
    """Two members of one name, of which only one could win, make a wheel unusable."""
    path = make_wheel(tmp_path, PIP)
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("pip/__init__.py", "evil = True\n")
    with pytest.raises(ValueError, match="twice"):
        wheel.read(path)


@pytest.mark.parametrize("mode", [stat.S_IFLNK | 0o777, stat.S_IFIFO, stat.S_IFCHR], ids=oct)
def test_wheel_with_what_is_no_file(tmp_path: Path, mode: int) -> None:
    """Symbolic links and devices are not unpacked."""
    path = make_wheel(tmp_path, PIP, modes={"pip/__init__.py": mode})
    with pytest.raises(ValueError, match="not stored as a plain file"):
        wheel.read(path)


@pytest.mark.parametrize("bound", ["_MOST_BYTES", "_MOST_FILES"])
def test_wheel_that_is_too_large(
    tmp_path: Path, bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a wheel unpacks to is bounded, and known before anything is read."""
    monkeypatch.setattr(wheel, bound, 9)
    monkeypatch.setattr(zipfile.ZipFile, "read", None)
    with pytest.raises(ValueError, match=r"more than|too many"):
        wheel.read(make_wheel(tmp_path, PIP))


@pytest.mark.parametrize(
    "text", ["Wheel-Version: 1.0\nRoot-Is-Purelib: false\n", WHEEL.replace("1.0", "2.0"), ""]
)
def test_wheel_that_is_not_pure(tmp_path: Path, text: str) -> None:
    """Only pure wheels of the known format are read."""
    with pytest.raises((ValueError, KeyError), match=r"no plain wheel|wheel-version"):
        wheel.read(make_wheel(tmp_path, {**PIP, "pip-1.0.dist-info/WHEEL": text}))


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
    with pytest.raises(ValueError, match=r"RECORD|lacks"):
        wheel.read(path)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_wheel_that_is_damaged(tmp_path: Path, damage: str) -> None:
    """A wheel that is cut short or changed is refused, by name."""
    path = Path(make_wheel(tmp_path, PIP))
    data = bytearray(path.read_bytes())
    data[60] ^= 255
    path.write_bytes({"cut": bytes(data[:-100]), "flipped": bytes(data), "empty": b""}[damage])
    with pytest.raises(ValueError, match=r"pip-1.0-py3-none-any.whl' is damaged"):
        wheel.read(str(path))


def test_wheel_for_newer_python(tmp_path: Path) -> None:
    """A wheel for newer Pythons is refused by name, not by a pip that does not start."""
    metadata = METADATA + "Requires-Python: !=3.0.*, >=3.99\n"
    with pytest.raises(ValueError, match=r"'pip-1.0.dist-info' needs Python >=3.99"):
        built(tmp_path, {**PIP, "pip-1.0.dist-info/METADATA": metadata})


# Images.


def test_image_describes_every_file(tmp_path: Path) -> None:
    """The manifest has each file of the image, with its size, time and mode."""
    with built(tmp_path, PIP) as found:
        site = Path(found.site.path)
    described = {
        f"{folder}/{name}".lstrip("/"): size
        for folder, entries in found.folders
        for name, size, _, _ in entries
    }
    files = {path for path in site.rglob("*") if path.is_file()}
    assert described == {path.relative_to(site).as_posix(): path.stat().st_size for path in files}
    assert {path.stat().st_mtime for path in files} == {found.mtime}
    if os.name != "nt":  # where a mode depends on the end of the name
        assert {path.stat().st_mode for path in files} == {found.modes[0]}
    assert sum(name.endswith(".pyc") for name in described) == 4


@POSIX
@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777], ids=oct)
def test_image_does_not_depend_on_the_umask(tmp_path: Path, umask: int) -> None:
    """Files of an image have the modes that most environments have, under any umask."""
    old = os.umask(umask)
    try:
        (tmp_path / "image").mkdir()
        (tmp_path / "image").chmod(0o700)
        path = tmp_path / "pip-1.0-py3-none-any.whl"
        path.touch()
        path.chmod(0o600)
        make_wheel(tmp_path, PIP, modes={"pip/__init__.py": stat.S_IFREG | 0o755})
        build.build(str(tmp_path / "image"), [str(path)])
    finally:
        os.umask(old)
    with opened(tmp_path) as found:
        site = Path(found.site.path)
    assert [stat.S_IMODE(mode) for mode in found.modes] == [0o644, 0o755]
    assert stat.S_IMODE((site / "pip/__init__.py").stat().st_mode) == 0o755
    assert {stat.S_IMODE(path.stat().st_mode) for path in site.rglob("*.pyc")} == {0o644}
    assert {stat.S_IMODE(path.stat().st_mode) for path in site.rglob("*") if path.is_dir()} == {
        0o755
    }
    assert stat.S_IMODE((tmp_path / "image" / "manifest").stat().st_mode) == 0o600


def test_image_times_are_legal(tmp_path: Path) -> None:
    """A wheel from 1970 gives files that can be put into a ZIP file, on any file system."""
    with built(tmp_path, PIP, mtime=1) as found:
        assert found.mtime % 2 == 0
    zipfile.ZipInfo.from_file(os.path.join(found.site.path, "pip", "__init__.py"))


def test_bytecode_is_valid(tmp_path: Path) -> None:
    """Bytecode carries the time and size of its source and runs; broken sources have none."""
    with built(tmp_path, {**PIP, "pip/template.py": "def {{ name }}:\n"}) as found:
        site = Path(found.site.path)
    data = (site / bytecode.path_for("pip/__init__.py")).read_bytes()
    source = (site / "pip/__init__.py").stat()
    assert [int.from_bytes(data[n : n + 4], "little") for n in (4, 8, 12)] == [
        0,
        int(source.st_mtime),
        source.st_size,
    ]
    names: dict[str, Any] = {}
    exec(marshal.loads(data[16:]), names)  # noqa: S102, S302
    assert callable(names["main"])
    assert not (site / bytecode.path_for("pip/template.py")).exists()


def test_record_is_in_order(tmp_path: Path) -> None:
    """RECORD lists sources, bytecode and itself, in pip's order."""
    with built(tmp_path, PIP) as found:
        [(info, tops, record, names)] = found.distributions
    lines = record.decode().split("\r\n")
    assert (info, tops, lines[-1]) == ("pip-1.0.dist-info", ["pip"], "")
    assert lines[:-1] == sorted(lines[:-1])
    assert f"{info}/RECORD,," in lines
    assert f"{info}/REQUESTED,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0" in lines
    assert f"{bytecode.path_for('pip/__init__.py')},," in lines
    version = "{}.{}".format(*sys.version_info)
    assert names == [f"pip{END}", f"pip3{END}", f"pip{version}{END}"]


@pytest.mark.parametrize("change", ["flip", "cut", "empty"])
def test_manifest_that_is_damaged(tmp_path: Path, change: str) -> None:
    """A manifest with a flipped byte, cut short, or empty is refused."""
    with built(tmp_path, PIP):
        path = tmp_path / "image" / "manifest"
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(
        {
            "flip": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
            "cut": data[:middle],
            "empty": b"",
        }[change]
    )
    with pytest.raises(image.Unusable, match="damaged"):
        opened(tmp_path)


def test_compiler_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that compiles and fails makes no image."""
    monkeypatch.setattr(bytecode, "_PROGRAM", "raise SystemExit(1)")
    with pytest.raises(ValueError, match="compiles the packages failed"):
        built(tmp_path, PIP)
    assert not list(tmp_path.rglob("manifest"))


@POSIX
def test_compiler_that_cannot_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What keeps a process that compiles from writing is told by its number."""
    program = (
        "import resource, sys; sys.path.append(sys.argv[1]); import bytecode;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8, 8)); bytecode.compile_share()"
    )
    monkeypatch.setattr(bytecode, "_PROGRAM", program)
    with pytest.raises(OSError, match="File too large") as caught:
        built(tmp_path, PIP)
    assert caught.value.errno == errno.EFBIG
    assert caught.value.filename == str(tmp_path / "image" / "site")


def test_compiler_that_cannot_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the second process can't be started, the first one is ended and waited for."""
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def popen(*args: Any, **kwargs: Any) -> Any:
        if started:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        started.append(real(*args, **kwargs))
        return started[0]

    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr(bytecode, "_cores", lambda: 2)
    with pytest.raises(BlockingIOError):
        built(tmp_path, PIP)
    assert started[0].returncode is not None


def test_compiler_imports_nothing_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies in the current directory or on PYTHONPATH has no part in compiling."""
    for name in ("bytecode", "image", "os", "marshal", "sitecustomize", "encodings"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with built(tmp_path, PIP) as found:
        assert found.distributions


def share(monkeypatch: pytest.MonkeyPatch, *request: Any) -> Any:
    """Return what a process that compiles answers to *request*, in this process."""
    asked, answered = io.BytesIO(marshal.dumps(request)), io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(asked))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(answered))
    bytecode.compile_share()
    return marshal.loads(answered.getvalue())  # noqa: S302


def test_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A share is compiled but for what has syntax errors; each entry describes its file."""
    (tmp_path / "__pycache__").mkdir()
    for name, source in (("good.py", "x = 1\n"), ("bad.py", "x = = 1\n")):
        (tmp_path / name).write_text(source)
    tag = sys.implementation.cache_tag
    number, entries = share(monkeypatch, tag, str(tmp_path), 1_000_000_000, ["bad.py", "good.py"])
    path = bytecode.path_for("good.py")
    data = (tmp_path / path).read_bytes()
    assert (number, entries) == (0, {"good.py": (path, len(data), crc32(data), False)})
    assert (tmp_path / path).stat().st_mtime == 1_000_000_000


def test_share_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first error ends it, and is told by its number."""
    tag = sys.implementation.cache_tag
    answer = share(monkeypatch, tag, str(tmp_path), 0, ["gone.py", "gone too.py"])
    assert answer == (errno.ENOENT, {})
    with pytest.raises(SystemExit, match="writes bytecode for"):
        share(monkeypatch, "another-1", str(tmp_path), 0, [])


# Scripts.


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
    with built(tmp_path, {**PIP, path: source}) as found:
        launcher, body = found.scripts["pip.exe" if os.name == "nt" else "pip"]
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


def around(files: dict[str, str]) -> dict[str, tuple[bytes, bytes]]:
    """Return what stands around the first lines of the scripts of a wheel of *files*."""
    contents = {name: (text.encode(), False, "") for name, text in files.items()}
    return scripts.around({"pip-1.0.dist-info": contents}, contents)["pip-1.0.dist-info"]


def test_template_that_is_not_text() -> None:
    """A name for another template is not the template: distlib's is taken."""
    path = "pip/_internal/operations/install/wheel.py"
    for source in ("    script_template = OTHER\n", "    # script_template = 'text'\n"):
        assert around({**PIP, path: f"class Maker:\n{source}"}) == around(PIP)


def test_entry_points() -> None:
    """Only what stands in its own section is a console script; comments and blanks are not."""
    text = (
        "# pip = comment:main\n[gui_scripts]\npip = gui:main\n\n"
        "[console_scripts]\n; pip = comment:main\n  pip=pip:main  \n\n"
        "[other]\npip = other:main\n"
    )
    assert around({**PIP, "pip-1.0.dist-info/entry_points.txt": text}) == around(PIP)
    text = text.replace("pip", "tool")
    assert [*around({**PIP, "pip-1.0.dist-info/entry_points.txt": text})] == [f"tool{END}"]
    text = text.replace("[other]", "hello\n[other]")
    with pytest.raises(ParsingError):
        around({**PIP, "pip-1.0.dist-info/entry_points.txt": text})


def test_scripts_of_an_old_pip(tmp_path: Path) -> None:
    """Up to 22.3 pip keeps scripts of its wheel that are named for versions like 3.10."""
    changes = {
        "pip/_internal/operations/install/wheel.py": r'r"pip(\d(\.\d)?)?$"',
        "pip-1.0.dist-info/entry_points.txt": "[console_scripts]\n"
        + "".join(f"{name} = pip:main\n" for name in ("pip", "pip3", "pip3.8", "pip3.99")),
    }
    with built(tmp_path, {**PIP, **changes}) as found:
        version = "{}.{}".format(*sys.version_info)
        names = {"pip", "pip3", "pip3.99", f"pip{version}"}
        assert set(found.scripts) == {f"{name}{END}" for name in names}


def test_scripts_of_vendored_packages(tmp_path: Path) -> None:
    """What a vendored distribution says of its scripts is not the distribution's own word."""
    vendored = {
        "pip/_vendor/wheel-0.43.0.dist-info/entry_points.txt": "[console_scripts]\nwheel = w:m\n",
        "pip/_vendor/wheel-0.43.0.dist-info/INSTALLER": "pip\n",
    }
    with built(tmp_path, {**PIP, **vendored}) as found:
        assert {name[:3] for name in found.scripts} == {"pip"}
        [(_, _, record, _)] = found.distributions
    assert all(name.encode() in record for name in vendored)


def test_scripts_on_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows a script is a launcher and, behind the interpreter's name, a ZIP file."""
    monkeypatch.setattr(scripts, "_launcher", lambda _: b"MZ64")
    before, after = around(PIP)["pip.exe"]
    path = tmp_path / "pip.exe"
    path.write_bytes(before + b"#!python.exe\r\n" + after)
    with zipfile.ZipFile(path) as archive:
        assert archive.read("__main__.py").startswith(b"import sys\nfrom pip import main\n")


# Distributions that are installed.


def installed(tmp_path: Path) -> Path:
    """Return the ``.dist-info`` of an installed distribution, with its RECORD."""
    with built(tmp_path, PIP) as found:
        [(info, _, record, _)] = found.distributions
        folder = Path(found.site.path, info)
    (folder / "RECORD").write_bytes(b"../../../bin/pip,sha256=x,1\r\n" + record)
    return folder


def test_installed_distribution(tmp_path: Path) -> None:
    """An installed distribution gives the files of its wheel, without what pip added."""
    folder = installed(tmp_path)
    (folder / "direct_url.json").write_text("{}")
    assert wheel.read(str(folder)) == wheel.read(make_wheel(tmp_path, PIP))


def test_installed_distribution_that_was_edited(tmp_path: Path) -> None:
    """An installed pip that was edited is not what its RECORD says, and refused."""
    folder = installed(tmp_path)
    (folder.parent / "pip" / "__init__.py").write_text("evil = True\n")
    with pytest.raises(ValueError, match=r"'pip/__init__.py' is not what the RECORD"):
        wheel.read(str(folder))
