"""What stands in scripts, by whichever tool it was written: first lines and literals."""

from __future__ import annotations

import os
import shlex
import subprocess
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newvenv import _activation, _quoting
from newvenv._health import literals, scripts

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX's paths")

#: Directory names that a file system takes, in POSIX's terms.
names = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\0"), min_size=1
).filter(lambda name: name not in (".", ".."))

LONG = "/" + "l" * 200

#: First lines as tools have written them, and the interpreter and options they name.
LINES: dict[str, tuple[bytes, tuple[str, bytes] | None]] = {
    "pip": (b"#!/e/bin/python\n", ("/e/bin/python", b"")),
    "options": (b"#!/e/bin/python3.11 -sE\n", ("/e/bin/python3.11", b" -sE")),
    "blank": (b"#! /e/bin/python\n", ("/e/bin/python", b"")),
    "crlf": (b"#!/e/bin/python\r\n", ("/e/bin/python", b"")),
    "setuptools": (b'#!"/e e/bin/python"\n', ("/e e/bin/python", b"")),
    "setuptools-options": (b'#!"/e e/bin/python" -E\n', ("/e e/bin/python", b" -E")),
    "distlib": (
        b"#!/bin/sh\n'''exec' \"/e e/bin/python\" \"$0\" \"$@\"\n' '''\n",
        ("/e e/bin/python", b""),
    ),
    "distlib-long": (
        b"#!/bin/sh\n'''exec' %b/bin/python \"$0\" \"$@\"\n' '''\n" % LONG.encode(),
        (f"{LONG}/bin/python", b""),
    ),
    "distlib-options": (
        b"#!/bin/sh\n'''exec' /e/bin/python -E \"$0\" \"$@\"\n' '''\n",
        ("/e/bin/python", b" -E"),
    ),
    "uv": (
        b"#!/bin/sh\n'''exec' '/e'\"'\"'s e/bin/python' \"$0\" \"$@\"\n' '''\n",
        ("/e's e/bin/python", b""),
    ),
    "uv-relocatable": (
        b"#!/bin/sh\n'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")\"/'python'"
        b" \"$0\" \"$@\"\n' '''\n",
        None,
    ),
    "newvenv-by-itself": (b"#!/bin/sh\n'''exec' \"${0%/*}/python\" \"$0\" \"$@\"\n' '''\n", None),
    "env": (b"#!/usr/bin/env python\n", ("/usr/bin/env", b" python")),
    "sh": (b"#!/bin/sh\nexec python\n", ("/bin/sh", b"")),
    "relative": (b"#!python\n", None),
    "no-script": (b"\x7fELF", None),
    "empty": (b"", None),
}


@posix
@pytest.mark.parametrize("case", LINES.values(), ids=LINES)
def test_shebang(case: tuple[bytes, tuple[str, bytes] | None]) -> None:
    """The interpreter of a script is read from all forms that tools write."""
    line, expected = case
    found = scripts.shebang(line + b"import sys\n")

    assert (found and (found.interpreter, found.options)) == expected
    assert found is None or (line + b"import sys\n")[found.length :] in (
        b"import sys\n",
        b"exec python\nimport sys\n",
    )


@posix
@given(name=names, options=st.sampled_from([b"", b" -E", b" -s -E"]))
@example(name="it's a \"$v` b", options=b" -E")
@example(name="l" * 200, options=b" -E")
def test_renamed(name: str, options: bytes) -> None:
    """A script can be renamed to any path and back."""
    before = b"#!/e/bin/python%b\nimport sys\n" % options
    found = scripts.shebang(before)
    assert found is not None
    renamed = scripts.renamed(before, found, f"/{name}/bin/python")

    again = scripts.shebang(renamed)
    names_itself = b'"${0%/*}/python"' in renamed
    assert names_itself or (again is not None and again.interpreter == f"/{name}/bin/python")
    assert again is None or scripts.renamed(renamed, again, "/e/bin/python") == before


@posix
@pytest.mark.parametrize("path", ["/e/bin/python", "/e e/bin/python", f"{LONG}/bin/python"])
def test_distlib(path: str, tmp_path: Path) -> None:
    """What pip's distlib writes today is understood."""
    distlib = pytest.importorskip("pip._vendor.distlib.scripts")
    maker = distlib.ScriptMaker(None, str(tmp_path), add_launchers=False)
    maker.executable, maker.variants = distlib.enquote_executable(path), {""}
    (written,) = maker.make("hello = hello:main")

    found = scripts.shebang(Path(written).read_bytes())
    assert found is not None
    assert found.interpreter == path


def test_unfinished() -> None:
    """A file that ends in the first line is no script."""
    assert scripts.shebang(b"#!/e/bin/python") is None


def _launcher(line: bytes) -> bytes:
    """Return a Windows launcher as distlib makes it; the program itself is short."""
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("__main__.py", "import sys\n")
    return b"MZ program #!\n" + line + archive.getvalue()


def test_launcher() -> None:
    """The first line in a Windows launcher is found and replaced; the rest stays."""
    data = _launcher(b'#!"/e e/python.exe"\r\n')
    before, rest = scripts.read(data)
    found = scripts.shebang(rest)

    assert before == b"MZ program #!\n"
    assert found is not None
    assert found.interpreter == "/e e/python.exe"
    new = before + scripts.renamed(rest, found, "/f/python.exe")
    with zipfile.ZipFile(BytesIO(new)) as archive:
        assert archive.read("__main__.py") == b"import sys\n"
    assert scripts.read(new)[1].startswith(b"#!/f/python.exe")


@pytest.mark.parametrize("data", [b"MZ", b"MZ program", b"PK\5\6", _launcher(b"no line")])
def test_no_launcher(data: bytes) -> None:
    """A program that is no launcher is left alone."""
    assert scripts.split_launcher(data) is None


# Literals

#: What stands before and after a path in each script of newvenv's own.
SCRIPTS = [
    ("activate", "    _virtual_env_on ", _quoting.sh),
    ("activate", "export VIRTUAL_ENV=", shlex.quote),
    ("activate.csh", "''set _OLD_VIRTUAL_NEW_ENV = ", _quoting.csh),
    ("activate.elv", "set-env VIRTUAL_ENV ", _quoting.elvish),
    ("activate.fish", "set -gx VIRTUAL_ENV ", _quoting.fish),
    ("activate.nu", "    let virtual_env = ", _quoting.nushell),
    ("activate.nu", "    const virtual_env = ", shlex.quote),
    ("activate.xsh", "    path = ", _quoting.python),
    ("activate_this.py", "virtual_env = ", _quoting.python),
]


@posix
@pytest.mark.parametrize(("script", "before", "quote"), SCRIPTS)
@given(path=names.map("/".__add__))
@example(path="/it's a \"$v` b")
@example(path="/a''b#'c")
def test_said(script: str, before: str, quote: Callable[[str], str], path: str) -> None:
    """The path in an activation script is read back, whatever characters it has."""
    text = f"# comment\n{before}{quote(path)}\nmore 'text'\n"

    assert literals.said(script, text, "/other") == path
    assert literals.said(script, text, path) == path


@pytest.mark.parametrize(
    "text",
    [
        'VIRTUAL_ENV="$(cd "$(dirname "$0")" && pwd)"\n',
        "VIRTUAL_ENV=''\"$(dirname -- \"$SCRIPT_PATH\")\"''\n",
        "unset VIRTUAL_ENV\n",
        "",
    ],
)
def test_computed(text: str) -> None:
    """A path that is computed when the script runs is none that could be wrong."""
    assert literals.said("activate", text, "/here") == ""


def test_several() -> None:
    """Of several assignments the first one that has a path counts."""
    text = 'VIRTUAL_ENV=$(cygpath "/e")\nVIRTUAL_ENV="/e"\n'

    assert literals.said("activate", text, "/e") == "/e"
    assert literals.said("activate", text, "/other") == "/e"


def test_longer_path() -> None:
    """A path that only begins like the expected one is another one."""
    assert literals.said("activate", "VIRTUAL_ENV=/e-old\n", "/e") == "/e-old"


def test_own_templates() -> None:
    """For each of newvenv's templates that has a path it is known where to look."""
    paths = [path for path in Path(_activation.templates()).rglob("*[!c]") if path.is_file()]
    texts = {path.name: path.read_text(encoding="utf-8") for path in paths}  # no bytecode
    texts = {name: text for name, text in texts.items() if "__VENV_DIR__" in text}
    assert len(texts) > 5
    for name, text in texts.items():
        filled = text.replace("__VENV_DIR__", _quoting.for_script(name)("/the path"))
        assert literals.said(name, filled, "/other") == "/the path", name


@posix
def test_real_shell() -> None:
    """A word is read as a shell reads it."""
    words = ['a\'b c\'"d\\"e"\\ f', "'it'\\''s'", '"a\'b"', "plain"]
    for word in words:
        result = subprocess.run(
            ["sh", "-c", f"printf %s {word}"], capture_output=True, text=True, check=True
        )
        assert literals.word(word) == result.stdout
