"""Which pip an environment gets, from where, and by which way.

The fast way clones an image of the packages that ``ensurepip`` would install. The slow
way runs ``ensurepip`` in the environment, as the standard library does; it is taken
whenever anything is out of the ordinary, so the fast way need not know of it.
"""

from __future__ import annotations

import errno
import os
import sys

from . import _cache, _compat, _files, _image

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ._image import Image

    #: Where seeds come from: the paths of wheels, or of one ``.dist-info`` folder.
    Seeds = Sequence[str]

#: What goes wrong with the target goes wrong by any way, and is not to be hidden.
_FATAL = frozenset(
    getattr(errno, name, -1)
    for name in (
        *("ENOSPC", "EDQUOT", "EROFS", "EIO", "EMFILE", "ENFILE", "ENOMEM", "ENAMETOOLONG"),
        "ENOENT",  # somebody has cleared it
    )
)

#: Settings of the user that change which bytecode pip writes, or where to.
_BYTECODE_SETTINGS = ("PYTHONPYCACHEPREFIX", "PYTHONOPTIMIZE", "PYTHONNODEBUGRANGES")


def copies() -> bool:
    return not os.environ.get("NEWVENV_LINK_MODE")


def clone(context: types.SimpleNamespace) -> bool:
    try:
        _install_image(context, _cache.link_mode())
    except _cache.Unusable:
        return False
    return True


def check(executable: str) -> None:
    """Make sure that there is a pip to install, before anything is written.

    :param executable: the Python that the environment is for. If it is not the running
        one, nothing can be known about it here.
    :raises ValueError: there is none, or NEWVENV_LINK_MODE has a bad value.
    """
    _cache.link_mode()
    if executable == _base_executable() and _ensurepip() is None and not _seeds():
        version = "{}.{}".format(*sys.version_info)
        raise ValueError(
            f"Python {version} at {executable!r} comes without pip and ensurepip: install "
            f"them (on Debian and Ubuntu the package python{version}-venv), or name a "
            "folder with pip's wheel in NEWVENV_WHEEL_DIR"
        )


def install(context: types.SimpleNamespace, call_new_python: Callable[..., object]) -> None:
    """Install pip, and what else this version's ``ensurepip`` brings, in an environment.

    :param context: of an environment whose interpreter is in its place.
    :param call_new_python: runs that; called for the slow way as
        ``call_new_python(context, *arguments, stderr=STDOUT)``.
    :raises OSError: the environment can't be written.
    :raises subprocess.CalledProcessError: the slow way failed.
    """
    mode = _cache.link_mode()
    command = _ensurepip_command()
    if _is_ordinary(context):
        try:
            _install_image(context, mode)
            return
        except Exception as error:
            command = command if _ensurepip() is not None else _pip_command(_seeds())
            if getattr(error, "errno", None) in _FATAL or not command:
                raise
            _cache.debug("Installing pip the slow way: %r", error)
    from . import subprocess

    call_new_python(context, *command, stderr=subprocess.STDOUT)


def _ensurepip_command() -> Sequence[str]:
    # Isolated, so that nothing is imported from the environment's folder. Since 3.11 the
    # interpreter can be told just that, and keeps the user's other settings (gh-98251).
    isolated = () if _compat.SAFE_PATH else ("-I",)
    return (*isolated, "-m", "ensurepip", "--upgrade", "--default-pip")


def _pip_command(seeds: Seeds) -> Sequence[str]:
    """Return how a pip that is still in its wheel installs *seeds*, as ensurepip does.

    That pip can run from its wheel is promised nowhere, but ensurepip relies on it, too.
    """
    if not seeds or not seeds[0].endswith(".whl"):
        return ()
    folder, pins = os.path.dirname(seeds[0]), []
    for seed in seeds:
        project, version = os.path.basename(seed).split("-")[:2]
        pins.append(f"{project}=={version}")
    options = ("--no-index", "--no-cache-dir", "--upgrade", "--find-links", folder)
    return ("-I", os.path.join(seeds[0], "pip"), "--isolated", "install", *options, *pins)


# Is the fast way right here?


def _base_executable() -> str:
    return getattr(sys, "_base_executable", None) or sys.executable


def _is_ordinary(context: types.SimpleNamespace) -> bool:
    """Will the environment run this very Python, and keep its packages as usual?"""
    return (
        sys.implementation.name == "cpython"
        and sys.implementation.cache_tag is not None
        and sys.pycache_prefix is None
        and not any(map(os.environ.get, _BYTECODE_SETTINGS))
        and context.executable == _base_executable()
        and _runs(context.env_exec_cmd, context)
        and _is_below(context.lib_path, context.env_dir)
        and _is_below(context.bin_path, context.env_dir)
    )


def _runs(command: str, context: types.SimpleNamespace) -> bool:
    """Is *command* in the environment, and a link to, or a copy of, its base's Python?"""
    if not _is_below(command, context.env_dir):
        return False
    if os.name == "nt":  # a launcher, which reads pyvenv.cfg
        return True
    found, expected = os.stat(command), os.stat(context.executable)
    return os.path.samestat(found, expected) or (
        not os.path.islink(command) and found.st_size == expected.st_size
    )


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(os.path.join(folder, ""))


# Where the seeds come from.


def _ensurepip() -> str | None:
    """Return the folder of ``ensurepip``, or None if it can't be imported.

    All finders are asked, as an import would, for it may be blocked; but only for the
    standard library's, as a file of that name in the current folder counts for nothing.
    It is not imported: that loads subprocess, tempfile and more.
    """
    if sys.modules.get("ensurepip", sys) is None:
        return None
    library = [os.path.dirname(os.__file__)]
    for finder in sys.meta_path:
        try:
            spec = finder.find_spec("ensurepip", library)
        except ImportError:
            return None
        except AttributeError:
            continue  # a finder of the kind that there was before 3.4
        if spec is not None:
            return os.path.dirname(spec.origin or "")
    return None


def _seeds() -> Seeds:
    """Return the seeds from the first of the four places that has a pip."""
    for seeds in _found():
        if seeds:
            return seeds
    return ()


def _found() -> Iterator[Seeds]:
    """Yield what each place has to offer, the place that comes first first.

    While there is an ensurepip, what it would install is what the environment gets: a
    place of its own that has not exactly that is passed by, and so is the pip that
    happens to be installed here.
    """
    ensurepip = _ensurepip()
    if ensurepip is not None:
        yield _wheels(os.path.join(ensurepip, "_bundled"), exact=True)
    yield _wheels(_distribution_wheels(), exact=ensurepip is not None)
    yield _wheels(os.environ.get("NEWVENV_WHEEL_DIR"))
    if ensurepip is None:
        yield _installed_pip()


def _distribution_wheels() -> str | None:
    """Return the folder in which a Linux distribution keeps the wheels of its seeds."""
    import sysconfig

    folder: str | None = sysconfig.get_config_var("WHEEL_PKG_DIR")
    return folder


def _wheels(folder: str | None, *, exact: bool = False) -> Seeds:
    """Return the newest wheel of each seed in *folder*; nothing without a pip.

    :param exact: nothing, unless there is just one wheel of every seed.
    """
    names = [name for name in _names(folder) if name.endswith("-none-any.whl")]
    return _newest(folder, names, exact)


def _installed_pip() -> Seeds:
    """Return the ``.dist-info`` folders of the seeds that the running Python can import."""
    for folder in sys.path:
        names = [name for name in _names(folder) if name.endswith(".dist-info")]
        found = _newest(folder, names, False)
        if found:
            return found
    return ()


def _names(folder: str | None) -> list[str]:
    try:
        return os.listdir(folder) if folder else []
    except OSError:
        return []


def _newest(folder: str | None, names: Sequence[str], exact: bool) -> Seeds:
    found = {
        seed: sorted((name for name in names if name.startswith(f"{seed}-")), key=_version)
        for seed in _compat.CORE_VENV_DEPS
    }
    if not found["pip"] or (exact and any(len(several) != 1 for several in found.values())):
        return ()
    return [os.path.join(folder or "", several[-1]) for several in found.values() if several]


def _version(name: str) -> list[int]:
    """Return a key that sorts file names of one project by version, well enough."""
    version = name.split("-")[1].replace(".dist", "")
    return [int(part) if part.isdecimal() else -1 for part in version.split(".")]


def _identity(seeds: Seeds) -> tuple[object, ...]:
    """Return what an image made of *seeds* depends on, as values that marshal knows."""
    from _frozen_importlib_external import MAGIC_NUMBER

    tag = sys.implementation.cache_tag
    return _image.FORMAT, tag, MAGIC_NUMBER, tuple(map(_fingerprint, seeds))


def _title(seeds: Seeds) -> str:
    """Return the readable part of an image's name, like ``pip-24.2-cpython-313``."""
    project, version = os.path.basename(seeds[0]).replace(".dist-info", "").split("-")[:2]
    return f"{project}-{version}-{sys.implementation.cache_tag}"


def _fingerprint(path: str) -> tuple[str, int, int]:
    """Tell one seed from another: name, size in bytes, checksum.

    The directory of a ZIP file, at its end, has the checksums of all that is in it; the
    RECORD of a distribution has the hashes.
    """
    from binascii import crc32

    name = os.path.basename(path)
    if name.endswith(".dist-info"):
        parts = [os.path.join(path, part) for part in ("RECORD", "METADATA")]
        path = next(filter(os.path.exists, parts), path)
    with open(path, "rb", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 65_536) if name.endswith(".whl") else 0)
        return name, size, crc32(file.read())


def _build(seeds: Seeds, identity: object, folder: str) -> None:
    read = {seed: _image.wheel if seed.endswith(".whl") else _image.installed for seed in seeds}
    mtime = max(os.stat(seed).st_mtime for seed in seeds)
    _image.build(folder, [read[seed](seed) for seed in seeds], mtime, identity)


# The fast way.


def _install_image(context: types.SimpleNamespace, mode: str) -> None:
    """Clone an image into the environment: the one there is, else a new one.

    :raises Exception: that can't be done; the environment is as it was, or nearly.
    """
    names = os.listdir(context.lib_path)
    seeds = _seeds()
    if not seeds:
        raise ValueError("no wheel of pip was found")
    identity, title = _identity(seeds), _title(seeds)

    def build(folder: str) -> None:
        _build(seeds, identity, folder)

    ways: tuple[Callable[[], Image], ...] = (
        lambda: _cache.find(identity, title),
        lambda: _cache.make(identity, title, build),
    )
    for way in ways:
        try:
            _place(way(), context, names, mode)
            return
        except _cache.Unusable as error:
            problem = error
    _cache.debug("%s", problem)
    _install_private_image(context, names, identity, build)


def _install_private_image(
    context: types.SimpleNamespace,
    names: Sequence[str],
    identity: object,
    build: Callable[[str], None],
) -> None:
    """Make an image in the environment and use it up, since there can be no cache."""
    folder = _files.scratch(context.lib_path)
    try:
        os.mkdir(folder, 0o700)
        build(folder)
        # Nobody else has this image, so the links to it are soon the only ones.
        _place(_image.read(folder, identity), context, names, "hardlink")
    finally:
        _cache.remove(folder)


def _place(image: Image, context: types.SimpleNamespace, names: Sequence[str], mode: str) -> None:
    """Give the environment those distributions of *image* that it does not have.

    Packages come first, by one rename each, then the scripts, and last what makes pip
    take a distribution for installed. So what is cut short can be done again.

    :param names: what is in the environment's ``site-packages``.
    """
    absent = [one for one in image.distributions if _is_absent(one[0], names)]
    if not absent:
        return
    scripts = _scripts(image, context.env_exec_cmd)
    aside = _files.scratch(context.lib_path)
    try:
        _cache.clone(image, aside, _records(image, context, scripts), mode)
        for info, tops, _, script_names in absent:
            for top in tops:
                _move(os.path.join(aside, top), os.path.join(context.lib_path, top))
            for name in script_names:
                _write_script(os.path.join(context.bin_path, _file_name(name)), scripts[name])
            _move(os.path.join(aside, info), os.path.join(context.lib_path, info))
    except OSError as error:
        if isinstance(error.filename, str):  # Nobody else knows of the folder aside.
            error.filename = error.filename.replace(aside, context.lib_path)
        raise
    finally:
        _cache.remove(aside)


def _is_absent(info: str, names: Sequence[str]) -> bool:
    """Is the distribution of *info* to be installed beside *names*?

    :raises ValueError: there is another version, and whether to replace that is for
        ``ensurepip`` to say.
    """
    project = info.partition("-")[0].lower() + "-"
    present = [
        name
        for name in names
        if name.lower().startswith(project) and name.endswith((".dist-info", ".egg-info"))
    ]
    if present not in ([], [info]):
        raise ValueError(f"there is {present[0]!r} already")
    return not present


def _move(source: str, target: str) -> None:
    """Give *source* its place *target*, unless the very same got there first.

    :raises OSError: something else is there.
    """
    try:
        _files.rename(source, target)
    except OSError as error:
        if not _cache.same(source, target):
            _files.set_filename(error, target)
            raise


# Scripts, and RECORD, which has their hashes.


def _file_name(script: str) -> str:
    return f"{script}.exe" if os.name == "nt" else script


def _scripts(image: Image, python: str) -> dict[str, bytes]:
    """Return the contents of all scripts of *image* for the interpreter *python*."""
    line = first_line(python)
    return {name: before + line + after for name, (before, after) in image.scripts.items()}


def _records(
    image: Image, context: types.SimpleNamespace, scripts: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Return the RECORD of each distribution of *image*, by name."""
    folder = os.path.relpath(context.bin_path, context.lib_path).replace(os.sep, "/")
    records = {}
    for info, _, lines, names in image.distributions:
        rows = [
            (f"{folder}/{_file_name(name)}", _image.hash_and_size(scripts[name])) for name in names
        ]
        records[f"{info}/RECORD"] = _image.record_lines(rows) + lines
    return records


def _write_script(path: str, data: bytes) -> None:
    _files.write(path, data)
    if os.name != "nt":
        # As pip does: what the umask says of reading and running is set aside.
        mode = os.stat(path).st_mode | 0o555
        os.chmod(path, mode & 0o7777)


#: The longest first line that a kernel reads in whole, in bytes, as pip has it.
_LONGEST = 512 if sys.platform == "darwin" else 127

#: The bytes that are nothing but themselves to a shell, and in a Python string.
_PLAIN = frozenset(
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:@%="
    + bytes(range(0x80, 0x100))
)


def first_line(python: str, system: str = os.name) -> bytes:
    """Return the lines that make a script run under the interpreter *python*.

    They are those that pip writes, as long as these work: the interpreter's name, or,
    where that is long or has blanks, a command that both Python and ``sh`` can read.
    For names that mean something to one of the two, the script looks for the
    interpreter in its own folder.
    """
    path = os.fsencode(python)
    if system == "nt":
        return b'#!"%b"\r\n' % path if b" " in path else b"#!%b\r\n" % path
    if len(path) + 3 <= _LONGEST and not _breaks_first_line(path):
        return b"#!%b\n" % path
    quoted = b'"%b"' % path if b" " in path else path
    if not _is_text(path) or not _PLAIN.issuperset(path.replace(b" ", b"")):
        name = os.path.basename(path)
        quoted = b'"${0%%/*}/%b"' % (name if _PLAIN.issuperset(name) else b"python3")
    return b"#!/bin/sh\n'''exec' %b \"$0\" \"$@\"\n' '''\n" % quoted


def _breaks_first_line(path: bytes) -> bool:
    """Would the kernel split *path*, or Python read more than a comment in it?

    An encoding can be declared in the first line (PEP 263).
    """
    declares = b"coding:" in path or b"coding=" in path
    return declares or not _is_text(path) or any(byte <= 32 or byte == 127 for byte in path)


def _is_text(path: bytes) -> bool:
    try:
        path.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
