"""Make an image: the seed packages as pip would have installed them, ready to be cloned.

An image is a folder with two things in it. ``site`` holds the packages as they lie in
a ``site-packages``, bytecode included. ``manifest`` says what belongs there, with sizes
and checksums, and holds what differs by environment as parts to put together: the
RECORD files and the scripts.

Building one takes the better part of a second, so this module may import what it likes;
reading one must cost nothing, so what is needed for that is at the top.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import IO, Any

    #: What a wheel holds: the bytes and whether they may be executed, by name.
    Files = Mapping[str, tuple[bytes, bool]]

    #: Name, size in bytes, CRC-32 and executable flag of a file of an image.
    Entry = tuple[str, int, int, bool]

#: The layout of an image. Another number is another image, and the old one goes.
FORMAT = 1

#: Where the packages are and where the description is, in the image's folder.
SITE = "site"
MANIFEST = "manifest"

#: File times below are not accepted by ZIP files: 1980-01-02, in seconds.
_EARLIEST = 315_619_200


class Image:
    """An image as its manifest describes it; nothing of it has been looked at yet."""

    __slots__ = ("directory", "distributions", "folders", "mtime", "scripts")

    #: The folder that holds ``site`` and ``manifest``.
    directory: str
    #: The time of every file, in seconds since the epoch; bytecode repeats it.
    mtime: int
    #: Every folder of ``site``, parents first, with ``/`` between the parts, and what
    #: files are in it. The first is ``""``, ``site`` itself. RECORD is in none.
    folders: list[tuple[str, list[Entry]]]
    #: For each distribution: its ``.dist-info`` folder; what it puts beside that; RECORD
    #: without the lines of its scripts, which come first; the names of the scripts.
    distributions: list[tuple[str, list[str], bytes, list[str]]]
    #: What stands before and after the line that names the interpreter, by script.
    scripts: dict[str, tuple[bytes, bytes]]

    def __init__(self, directory: str, **parts: Any) -> None:
        self.directory = directory
        for name, value in parts.items():
            setattr(self, name, value)


def read(directory: str, identity: object) -> Image:
    """Read the manifest of the image in *directory*.

    :raises OSError: it cannot be read.
    :raises ValueError: it is damaged, or describes an image of something else.
    """
    import marshal
    from binascii import crc32

    with open(os.path.join(directory, MANIFEST), "rb") as file:
        checksum, data = file.read(4), file.read()
    # Checked before it is parsed: marshal trusts what it reads.
    if not data or int.from_bytes(checksum, "little") != crc32(data):
        raise ValueError(f"damaged manifest in {directory!r}")
    found, parts = marshal.loads(data)  # noqa: S302  # ours, and its checksum is right
    if found != identity:
        raise ValueError(f"{directory!r} is an image of something else")
    return Image(directory, **parts)


def build(
    directory: str, seeds: Sequence[tuple[str, Files]], mtime: float, identity: object
) -> None:
    """Make an image in *directory*, an empty folder.

    :param seeds: for each distribution, its ``.dist-info`` folder and its files, as
        :func:`wheel` and :func:`installed` return them.
    :param mtime: the time the files shall have, in seconds since the epoch.
    :param identity: what :func:`read` will be asked for; values that marshal knows.
    :raises ValueError: a distribution is not what pip would install in a plain way.
    """
    for info, files in seeds:
        _check_python(info, files)
    time = max(int(mtime), _EARLIEST) & ~1  # FAT knows even seconds only
    site = os.path.join(directory, SITE)
    contents = {name: file for _, files in seeds for name, file in files.items()}
    _unpack(site, contents, time)
    compiled = _compile(site, [name for name in contents if name.endswith(".py")], time)
    template, launcher = _script_template(contents), _launcher(contents)
    scripts = {info: _scripts(files, template, launcher) for info, files in seeds}
    entries = [_entry(name, *file) for name, file in contents.items()]
    parts = {
        "mtime": time,
        "folders": _folders([*entries, *compiled.values()]),
        "distributions": [
            _distribution(info, files, compiled, scripts[info]) for info, files in seeds
        ],
        "scripts": {name: parts for made in scripts.values() for name, parts in made.items()},
    }
    _write_manifest(directory, identity, parts)


def _unpack(site: str, contents: Files, time: int) -> None:
    """Write *contents* into *site*, which is made, with folders for the bytecode."""
    os.mkdir(site)
    names = [*contents, *(bytecode_name(name) for name in contents if name.endswith(".py"))]
    for folder in {os.path.dirname(name) for name in names}:
        os.makedirs(f"{site}/{folder}", exist_ok=True)
    for name, (data, _) in contents.items():
        _write(f"{site}/{name}", data, time)


def _check_python(info: str, files: Files) -> None:
    """Make sure that a distribution is not for newer Pythons only.

    :raises ValueError: it is.
    """
    from email import message_from_bytes

    metadata = message_from_bytes(files[f"{info}/METADATA"][0])
    for clause in metadata.get("Requires-Python", "").split(","):
        operator, _, version = clause.partition("=")
        numbers = version.strip().split(".")
        if operator.strip() != ">" or not all(map(str.isdecimal, numbers)):
            continue
        if sys.version_info < tuple(map(int, numbers)):
            raise ValueError(f"{info!r} needs Python {clause.strip()}")


def _write_manifest(directory: str, identity: object, parts: dict[str, Any]) -> None:
    import marshal
    from binascii import crc32

    data = marshal.dumps((identity, parts))  # type: ignore[arg-type]  # it knows them all
    with open(os.path.join(directory, MANIFEST), "wb") as file:
        file.write(crc32(data).to_bytes(4, "little") + data)


def _entry(name: str, data: bytes, executable: bool) -> Entry:
    from binascii import crc32

    return name, len(data), crc32(data), executable


def _folders(entries: Iterable[Entry]) -> list[tuple[str, list[Entry]]]:
    """Sort *entries* into the folders they are in; see :attr:`Image.folders`."""
    found: dict[str, list[Entry]] = {"": []}
    for path, size, checksum, executable in entries:
        folder, _, name = path.rpartition("/")
        found.setdefault(folder, []).append((name, size, checksum, executable))
        while folder:
            folder = folder.rpartition("/")[0]
            found.setdefault(folder, [])
    return sorted(found.items())


def _write(path: str, data: bytes, time: int) -> None:
    # Exclusive, so that two names that the file system takes for one are noticed.
    with open(path, "xb", buffering=0) as file:
        file.write(data)
    os.utime(path, (time, time))


# Distributions: what is in a wheel, or in a distribution that is already installed.


def wheel(path: str) -> tuple[str, Files]:
    """Read the wheel at *path*, and check each file against the hash in its RECORD.

    :raises ImportError: ``installer`` is missing.
    :raises Exception: the wheel is damaged, in the many ways a ZIP file can be.
    """
    from installer import install
    from installer.sources import WheelFile

    with WheelFile.open(path) as source:  # type: ignore[arg-type]  # it takes strings
        destination = _Destination()
        install(source, destination, {})  # type: ignore[arg-type]  # it has the methods
        info, record = source.dist_info_dir, source.read_dist_info("RECORD")
    files = _verified(info, destination.files, record)
    missing = {name for name, digest in _hashes(record).items() if digest} - files.keys()
    if missing:
        raise ValueError(f"{path!r} lacks {sorted(missing)[0]!r}")
    return info, _with_marks(info, files)


class _Destination:
    """Where installer puts a wheel: nowhere yet, the files are only collected."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[bytes, bool]] = {}

    def write_script(self, name: str, **_: object) -> object:
        """Ignore a script: its text has to be as pip writes it, not as installer does."""
        return _Destination, name

    def write_file(
        self, scheme: str, path: object, stream: IO[bytes], is_executable: bool
    ) -> object:
        """Collect one file.

        :raises ValueError: it is not for ``site-packages``, or has a dangerous name.
        """
        name = str(path)
        if scheme not in ("purelib", "platlib") or not _harmless(name):
            raise ValueError(f"a seed wheel may not hold {name!r}")
        self.files[name] = stream.read(), is_executable
        return _Destination, name

    def finalize_installation(self, **_: object) -> None:
        """Do nothing: RECORD is written when the bytecode is there."""


def _harmless(name: str) -> bool:
    """Does *name* stay in the folder it is joined to, on every system?"""
    if {"", ".", "..", "__pycache__"}.intersection(name.split("/")):
        return False
    # Names that sort before "../" are legal, but RECORD would be in the wrong order.
    return name > "/" and name.isprintable() and not set(name).intersection('\\:*?"<>|')


def installed(info_path: str) -> tuple[str, Files]:
    """Read the distribution whose ``.dist-info`` folder is *info_path*.

    Its files are those of its RECORD. Some Linux distributions leave RECORD out; then
    they are its metadata and the package of the same name.

    :raises ValueError: a file has another hash than RECORD says.
    """
    site, info = os.path.split(info_path)
    record = _text(os.path.join(info_path, "RECORD"))
    if record:
        names: Iterable[str] = _hashes(record)
    else:
        names = [*_walk(site, info), *_walk(site, info.partition("-")[0])]
    files = {}
    for name in filter(_is_source, names):
        path = os.path.join(site, name)
        with open(path, "rb") as file:
            files[name] = file.read(), os.access(path, os.X_OK)
    return info, _with_marks(info, _verified(info, files, record) if record else files)


def _with_marks(info: str, files: Files) -> Files:
    """Add what pip leaves in a distribution that it was asked for by name."""
    return {**files, f"{info}/INSTALLER": (b"pip\n", False), f"{info}/REQUESTED": (b"", False)}


#: What an installer adds to the files of a wheel.
_ADDED = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})


def _is_source(name: str) -> bool:
    added = os.path.dirname(name).endswith(".dist-info") and os.path.basename(name) in _ADDED
    return _harmless(name) and not added


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _walk(site: str, top: str) -> Iterator[str]:
    for folder, _, names in os.walk(os.path.join(site, top)):
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), site).replace(os.sep, "/")


def _verified(info: str, files: Files, record: str) -> Files:
    """Return *files*, the file *record* itself left out, when all agree with it.

    :raises ValueError: one does not, or is not mentioned.
    """
    import hashlib

    hashes = _hashes(record)
    found = {name: file for name, file in files.items() if name != f"{info}/RECORD"}
    for name, (data, _) in found.items():
        algorithm, _, digest = hashes.get(name, "").partition("=")
        if algorithm not in ("sha256", "sha384", "sha512"):
            raise ValueError(f"{name!r} has no usable hash in the RECORD of {info!r}")
        if _base64(hashlib.new(algorithm, data).digest()) != digest:
            raise ValueError(f"{name!r} is not what the RECORD of {info!r} says")
    return found


def _hashes(record: str) -> dict[str, str]:
    """Return the hash, or ``""``, of each file that *record* lists.

    :raises ValueError: it is no RECORD.
    """
    import csv

    rows = [row for row in csv.reader(record.splitlines()) if row]
    if any(len(row) != 3 for row in rows):
        raise ValueError("a line of RECORD has not three fields")
    return {name: digest for name, digest, _ in rows}


def _base64(digest: bytes) -> str:
    from binascii import b2a_base64

    text = b2a_base64(digest, newline=False).decode("ascii")
    return text.rstrip("=").replace("+", "-").replace("/", "_")


# RECORD, without the lines of the scripts.


def hash_and_size(data: bytes) -> str:
    """Return what RECORD says of a file that holds *data*: its hash and its size."""
    return f"sha256={_base64(_sha256()(data).digest())},{len(data)}"


def _sha256() -> Callable[[bytes], Any]:
    """Return ``hashlib.sha256``, or what does the same and needs no OpenSSL.

    To load that takes 2 ms; once it is there, it is five times as fast.
    """
    for module in ("_sha2", "_sha256"):  # from 3.12 on, before that
        if "hashlib" in sys.modules:
            break
        try:
            return __import__(module).sha256  # type: ignore[no-any-return]
        except ImportError:
            continue
    from hashlib import sha256

    return sha256


def _distribution(
    info: str, files: Files, compiled: Mapping[str, Entry], scripts: Iterable[str]
) -> tuple[str, list[str], bytes, list[str]]:
    """Describe one distribution for the manifest; see :attr:`Image.distributions`."""
    rows = [(name, hash_and_size(data)) for name, (data, _) in files.items()]
    rows += [(compiled[name][0], ",") for name in files if name in compiled]
    rows.append((f"{info}/RECORD", ","))
    return info, _tops(info, files), record_lines(rows), list(scripts)


def _tops(info: str, names: Iterable[str]) -> list[str]:
    """Return what lies in site-packages beside *info*: folders, then files.

    A ``.pth`` file may import from a folder, so the folder has to be there first.
    """
    tops = {(("/" not in name), name.partition("/")[0]) for name in names}
    return [top for _, top in sorted(tops) if top != info]


def record_lines(rows: Iterable[tuple[str, str]]) -> bytes:
    """Return lines of RECORD for pairs of a name and its hash and size, in pip's order."""
    fields = ((f'"{name}"' if "," in name else name, rest) for name, rest in sorted(rows))
    return "".join(f"{name},{rest}\r\n" for name, rest in fields).encode()


# Bytecode. It takes most of the time, so every core has a share of it.

#: What a process that compiles runs. Nothing may be imported from where it happens to
#: be started, and none of the user's settings may change what the compiler makes.
_COMPILER = "import sys; sys.path.append(sys.argv[1]); import _image; _image.compile_share()"


def _compile(site: str, names: Sequence[str], time: int) -> dict[str, Entry]:
    """Write the bytecode of each source in *names*, and describe it for the manifest.

    Sources with syntax errors are left out, as pip does: templates may be like that.

    :raises ValueError: a process that compiles came to grief.
    """
    import marshal

    shares = _shares(site, names, _cores())
    tasks = [os.path.join(os.path.dirname(site), f"share{n}") for n in range(len(shares))]
    processes = [_start_compiler(*pair, site, time) for pair in zip(tasks, shares)]
    entries: dict[str, Entry] = {}
    try:
        for process in processes:
            entries.update(marshal.loads(process.stdout.read()))  # noqa: S302  # our own child
    except (EOFError, ValueError, TypeError) as error:
        raise ValueError("compiling the seed packages failed") from error
    finally:
        for process in processes:
            process.kill()
            with process:  # closes its pipe and waits for its end
                pass
    for task in tasks:
        os.unlink(task)
    return entries


def _shares(site: str, names: Sequence[str], count: int) -> list[list[str]]:
    """Divide *names* into at most *count* lists of about the same number of bytes."""
    shares: list[list[str]] = [[] for _ in range(count)]
    loads = [0] * count
    sizes = {name: os.path.getsize(os.path.join(site, name)) for name in names}
    for name in sorted(names, key=sizes.__getitem__, reverse=True):
        lightest = loads.index(min(loads))
        shares[lightest].append(name)
        loads[lightest] += sizes[name]
    return [share for share in shares if share]


def _cores() -> int:
    try:
        available = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        available = os.cpu_count() or 1
    # Starting a process costs as much as compiling a dozen modules.
    return min(available, 16)


def _start_compiler(task: str, share: list[str], site: str, time: int) -> Any:
    """Start a process that compiles the sources *share*, and prints what it made.

    :param task: where to write down what it has to do. A file rather than a pipe, so
        that a process which dies at once is noticed in one place only.
    """
    import marshal
    import subprocess

    home = os.path.dirname(os.path.abspath(__file__))
    python = getattr(sys, "_base_executable", None) or sys.executable
    with open(task, "w+b") as file:
        file.write(marshal.dumps((sys.implementation.cache_tag, site, time, share)))
        file.seek(0)
        return subprocess.Popen(
            [python, "-I", "-S", "-W", "ignore", "-c", _COMPILER, home],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )


def compile_share() -> None:
    """Compile what standard input asks for, and describe the result on standard output."""
    import marshal

    tag, site, time, names = marshal.loads(sys.stdin.buffer.read())  # noqa: S302  # from our parent
    if tag != sys.implementation.cache_tag:
        raise SystemExit(f"{sys.executable} writes bytecode for {sys.implementation.cache_tag}")
    entries = {}
    for name in names:
        try:
            entries[name] = _compile_one(site, name, time)
        except (SyntaxError, ValueError, RecursionError):
            continue
    sys.stdout.buffer.write(marshal.dumps(entries))


def _compile_one(site: str, name: str, time: int) -> Entry:
    """Write the bytecode of one source, valid as long as that has this time and size."""
    import marshal
    from _frozen_importlib_external import MAGIC_NUMBER

    with open(f"{site}/{name}", "rb", buffering=0) as file:
        source = file.read()
    # The name is relative, as the image is for any place; the import system puts the
    # real one in when it loads the bytecode.
    code = compile(source, name, "exec", dont_inherit=True, optimize=0)
    numbers = (0, time & 0xFFFF_FFFF, len(source) & 0xFFFF_FFFF)
    header = MAGIC_NUMBER + b"".join(number.to_bytes(4, "little") for number in numbers)
    cached = bytecode_name(name)
    data = header + marshal.dumps(code)
    _write(f"{site}/{cached}", data, time)
    return _entry(cached, data, False)


def bytecode_name(name: str) -> str:
    """Return where Python looks for the bytecode of the source *name* (PEP 3147)."""
    folder, slash, base = name.rpartition("/")
    return f"{folder}{slash}__pycache__/{base[:-3]}.{sys.implementation.cache_tag}.pyc"


# Scripts: the text around the line that names the interpreter.


def _scripts(files: Files, template: str, launcher: bytes) -> dict[str, tuple[bytes, bytes]]:
    """Return what stands around the first lines of a distribution's scripts, by name.

    Whatever names pip's own wheel gives, pip makes these three.
    """
    targets = _console_scripts(files)
    if "pip" in targets:
        versions = ("", f"{sys.version_info[0]}", f"{sys.version_info[0]}.{sys.version_info[1]}")
        targets = {f"pip{version}": targets["pip"] for version in versions}
    return {
        name: (launcher, _script_body(template, target, launcher))
        for name, target in targets.items()
    }


def _console_scripts(files: Files) -> dict[str, str]:
    from configparser import ConfigParser

    parser = ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as documented
    for name, (data, _) in files.items():
        if name.endswith(".dist-info/entry_points.txt"):
            parser.read_string(data.decode("utf-8"))
    return dict(parser["console_scripts"]) if parser.has_section("console_scripts") else {}


def _script_body(template: str, target: str, launcher: bytes) -> bytes:
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


def _script_template(files: Files) -> str:
    """Return the text that this very pip would write its scripts with.

    It is distlib's, which pip carries along, unless pip has one of its own (25.2). Both
    are read from the source: importing pip costs more than all the rest of this module.

    :raises ValueError: they are not where they have always been.
    """
    for name, path in _TEMPLATES:
        for value in _assigned(name, files[path][0]):
            return value
    raise ValueError("this pip keeps its script template in another place")


#: Where pip's script template is, the first one found being in force.
_TEMPLATES = (
    ("script_template", "pip/_internal/operations/install/wheel.py"),
    ("SCRIPT_TEMPLATE", "pip/_vendor/distlib/scripts.py"),
)


def _assigned(name: str, source: bytes) -> Iterator[str]:
    """Yield the strings that *source* assigns to *name*, ``dedent`` around them applied."""
    import ast
    from textwrap import dedent

    if name.encode() not in source:
        return  # parsing takes its time
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        if node.targets[0].id == name:
            if isinstance(node.value, ast.Call):
                yield dedent(ast.literal_eval(node.value.args[0]))
            else:
                yield ast.literal_eval(node.value)


def _launcher(files: Files) -> bytes:
    """Return the program that a script needs in front of it: none but on Windows."""
    if os.name != "nt":
        return b""
    import sysconfig

    name = {"win-amd64": "t64", "win-arm64": "t64-arm"}.get(sysconfig.get_platform(), "t32")
    return files[f"pip/_vendor/distlib/{name}.exe"][0]
