"""Console scripts, byte for byte as pip writes them: first line, body, launcher."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    from collections.abc import Mapping

    from .image import Files

#: The longest first line that a kernel reads in whole, in bytes, as pip has it.
_LONGEST = 512 if sys.platform == "darwin" else 127

#: The bytes that are nothing but themselves to a shell, and in a Python string.
_PLAIN = frozenset(
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:@%="
    + bytes(range(0x80, 0x100))
)

#: Where pip writes scripts.
_WHEEL = "pip/_internal/operations/install/wheel.py"


def first_line(python: str, system: str = os.name) -> bytes:
    """Return the lines that make a script run under the interpreter *python*.

    They are those that pip writes: the interpreter's name, or, where that is long or has
    blanks, a command that both Python and ``sh`` can read. Where that does not work, as the
    name means something to these, the script looks in its own directory.
    """
    path = os.fsencode(python)
    is_text = python.encode("utf-8", "replace").decode("utf-8") == python
    if system == "nt":
        return b'#!"%b"\n\r\n' % path if b" " in path else b"#!%b\n\r\n" % path
    # The kernel splits at blanks, and an encoding can be declared in this line (PEP 263).
    declares = b"coding:" in path or b"coding=" in path or not is_text
    is_split = any(byte <= 32 or byte == 127 for byte in path)
    if len(path) + 3 <= _LONGEST and not declares and not is_split:
        return b"#!%b\n" % path
    quoted = b'"%b"' % path if b" " in path else path
    if not is_text or not _PLAIN.issuperset(path.replace(b" ", b"")):
        name = os.path.basename(path)
        quoted = b'"${0%%/*}/%b"' % (name if _PLAIN.issuperset(name) else b"python3")
    return b"#!/bin/sh\n'''exec' %b \"$0\" \"$@\"\n' '''\n" % quoted


def around(
    distributions: Mapping[str, Files], contents: Files
) -> dict[str, dict[str, tuple[bytes, bytes]]]:
    """Return what stands before and after the first line, by distribution and script's file.

    Whatever names pip's own wheel gives, pip makes ``pip``, ``pip3`` and ``pip3.X``.
    """
    text, program = _template(contents), _launcher(contents)
    end = ".exe" if program else ""
    found = {}
    for info, files in distributions.items():
        targets = _console_scripts(info, files)
        if "pip" in targets:
            names = ["pip", "pip3", "pip{}.{}".format(*sys.version_info)]
            if rb"pip(\d(\.\d)?)?$" in files[_WHEEL][0]:  # Until 22.3 two digits are no version.
                names += [name for name in targets if len(name) > len("pip3.9")]
            targets = dict.fromkeys(names, targets["pip"])
        bodies = {name: _body(text, target, program) for name, target in targets.items()}
        found[info] = {name + end: (program, body) for name, body in bodies.items()}
    return found


def _console_scripts(info: str, files: Files) -> dict[str, str]:
    """Return the distribution's own scripts: vendored ones have entry points, too."""
    from configparser import ConfigParser

    parser = ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as documented
    text = files.get(f"{info}/entry_points.txt", (b"",))[0].decode("utf-8")
    parser.read_string(f"[console_scripts]\n{text}")
    return dict(parser["console_scripts"])


def _body(template: str, target: str, launcher: bytes) -> bytes:
    """Return what follows the first lines; behind a Windows launcher that is a ZIP file."""
    module, _, function = target.partition(":")
    words = {"module": module, "import_name": function.partition(".")[0], "func": function}
    text = (template % words).encode()
    if not launcher:
        return text
    from io import BytesIO
    from zipfile import ZipFile, ZipInfo

    archive = BytesIO()
    with ZipFile(archive, "w") as file:
        file.writestr(ZipInfo("__main__.py"), text)
    return archive.getvalue()


def _template(files: Files) -> str:
    """Return the text of this very pip's scripts: distlib's, or from 25.2 on its own."""
    from textwrap import dedent

    own = "\n    script_template = ", _WHEEL
    for start, path in (own, ("\nSCRIPT_TEMPLATE = ", "pip/_vendor/distlib/scripts.py")):
        source = "\n" + files.get(path, (b"",))[0].decode("utf-8")
        code = _expression(source.partition(start)[2].splitlines(keepends=True)[:40])
        text = next((each for each in code.co_consts if isinstance(each, str)), None)
        if text is not None:
            return dedent(text) if code.co_names else text
    raise ValueError("this pip keeps its script template in another place")


def _expression(lines: list[str]) -> types.CodeType:
    """Return the code, never to be run, of what *lines* begin with; ``ast`` would take longer."""
    for end in range(1, len(lines) + 1):
        try:
            return compile("".join(lines[:end]), "", "eval", dont_inherit=True)
        except SyntaxError:
            continue
    return compile("None", "", "eval")


def _launcher(files: Files) -> bytes:
    """Return the program that a script needs in front of it: none but on Windows."""
    if os.name != "nt":
        return b""
    import sysconfig

    name = {"win-amd64": "t64", "win-arm64": "t64-arm"}.get(sysconfig.get_platform(), "t32")
    return files[f"pip/_vendor/distlib/{name}.exe"][0]
