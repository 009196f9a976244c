"""Which pip an environment gets, and how: cloned from an image, or else by ``ensurepip``.

The image holds what ``ensurepip`` would install. Whenever something is unusual, that itself
runs in the environment, as with the standard library, which keeps the fast path simple.
"""

from __future__ import annotations

import os
import sys

from .. import _compat, _files, _layout, _log
from . import cache, image, scripts, sources
from .clone import add_mode
from .clone import clone as _clone_image
from .clone import link_mode as link_mode
from .image import Directory, Unusable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Sequence
    from typing import Union

    from .image import Image

    #: Why an image is not the way to get pip: in words, and the error that was met.
    Refusal = tuple[str, Union[Exception, None]]

#: Settings of the user that change which bytecode pip writes; what a context must hold.
_SETTINGS = "PYTHONPYCACHEPREFIX PYTHONOPTIMIZE PYTHONNODEBUGRANGES SOURCE_DATE_EPOCH"
_ATTRIBUTES = "env_dir executable lib_path bin_path env_exec_cmd"

#: Files that have been compared with the running interpreter.
_compared: dict[str, bool] = {}


def check(executable: str) -> None:
    """Make sure, before anything is written, that there is a pip for the Python *executable*.

    :raises ValueError: there is none, or NEWVENV_LINK_MODE has a bad value.
    """
    link_mode()
    is_known = executable == _layout.base_executable()  # nothing is of another Python
    if not is_known or sources.ensurepip() or sources.find():
        return
    package = "the package of your distribution that has it"
    if os.path.exists("/etc/debian_version"):
        package = "it:\nsudo apt install python{}.{}-venv".format(*sys.version_info)
    raise ValueError(
        f"The Python at {executable!r} comes without ensurepip, and there is no other pip: make "
        "the environment --without-pip, or name a directory that holds pip's wheel in "
        f"NEWVENV_WHEEL_DIR, or install {package}"
    )


def install(
    context: types.SimpleNamespace,
    call_new_python: Callable[..., object],
    refusal: Refusal | None = None,
) -> None:
    """Install pip, and what else this version's ``ensurepip`` brings, in an environment.

    :param context: of an environment whose interpreter is in its place.
    :param call_new_python: runs that on arguments, by ``subprocess.check_output``.
    :param refusal: what :func:`clone` has returned, if that has been tried.
    :raises subprocess.CalledProcessError: ``ensurepip`` failed.
    """
    if refusal is None:
        foreign = _foreign_interpreter(context)
        refusal = _refuse(foreign) if foreign else clone(context)
        if refusal is None:
            return
    reason, problem = refusal
    from .. import subprocess

    command = _command(context)
    if not command:
        raise problem or ValueError(f"there is no ensurepip to install pip: {reason}")
    _log.step("Installing pip")
    try:
        call_new_python(context, *command, stderr=subprocess.STDOUT)
    except subprocess.CalledProcessError as error:
        if problem is None:
            raise
        text = f"Unable to install pip: {reason}; ensurepip failed, too: reinstall this Python, or "
        text += "make the environment --without-pip"
        kind = type("CalledProcessError", (type(error),), {"__str__": lambda _: text})
        raise kind(error.returncode, error.cmd, error.output, error.stderr) from problem


def clone(context: types.SimpleNamespace) -> Refusal | None:
    """Put pip into an environment from an image; its interpreter need not be there.

    :returns: None if that is done, else why it is not the way to do it here.
    :raises OSError: the environment can't be written, whichever the way.
    """
    mode = link_mode()
    reason = _unusual(context)
    seeds = () if reason else sources.find()
    if not seeds:
        return _refuse(reason or "no wheel of pip was found")
    try:
        _clone(context, seeds, mode)
    except Exception as error:
        if getattr(error, "errno", None) in _files.FATAL:
            raise
        return _refuse(str(error) or repr(error), error)
    return None


def _refuse(reason: str, problem: Exception | None = None) -> Refusal:
    _log.info("ensurepip installs pip, which takes seconds: %s", reason)
    return reason, problem


def _command(context: types.SimpleNamespace) -> Sequence[str]:
    """Return how the environment's Python installs pip: by ensurepip, or from pip's wheel."""
    is_base = getattr(context, "executable", None) == _layout.base_executable()
    if not is_base or sources.ensurepip():
        # Isolated, so that nothing is imported from the environment's directory. Since 3.11
        # that can be asked for alone, which keeps the user's other settings (gh-98251).
        isolated = () if _compat.SAFE_PATH else ("-I",)
        return (*isolated, "-m", "ensurepip", "--upgrade", "--default-pip")
    seeds = [seed for seed in sources.find() if seed.endswith(".whl")]
    if not seeds:
        return ()
    pins = ["{}=={}".format(*os.path.basename(seed).split("-")) for seed in seeds]
    options = ("--no-index", "--no-cache-dir", "--upgrade", "-f", os.path.dirname(seeds[0]))
    return ("-I", os.path.join(seeds[0], "pip"), "--isolated", "install", *options, *pins)


def _unusual(context: types.SimpleNamespace) -> str | None:
    """Return, for users, why an image is not the right way here; None if it is."""
    for name in _ATTRIBUTES.split():
        if not isinstance(getattr(context, name, None), str):
            return f"the context has no {name}"
    for name in _SETTINGS.split():
        if os.environ.get(name):
            return f"{name} is set, which changes the bytecode that pip writes"
    if sys.pycache_prefix is not None or sys.implementation.cache_tag is None:
        return "this Python keeps its bytecode elsewhere (-X pycache_prefix), or none"
    if sys.implementation.name not in ("cpython", "pypy"):
        return f"images are not made for {sys.implementation.name}"
    for path in (context.lib_path, context.bin_path, context.env_exec_cmd):
        if not path.startswith(os.path.join(context.env_dir, "")):
            return f"{path!r} is not in the environment"
    if context.executable != _layout.base_executable() or not _is_running(context.executable):
        return f"{context.executable!r} may be another Python than the running one"
    return None


def _foreign_interpreter(context: types.SimpleNamespace) -> str | None:
    """Return why the interpreter in the environment may be another than its base's."""
    if os.name == "nt":  # It is a launcher, which reads pyvenv.cfg.
        return None
    try:
        python, base = context.env_exec_cmd, context.executable
        if os.path.samefile(python, base):
            return None
        is_copy = not os.path.islink(python) and os.path.getsize(python) == os.path.getsize(base)
    except (OSError, AttributeError) as error:
        return f"the environment's interpreter is not known: {error}"
    return None if is_copy else f"{python!r} is neither a link to {base!r} nor a copy of it"


def _is_running(executable: str) -> bool:
    """Is *executable* the interpreter that runs here, or a copy of it?

    What ``sys`` says of it is a guess in a program that embeds Python.
    """
    if os.name == "nt" or not os.path.exists("/proc/self/exe"):  # Its place is the best evidence.
        prefixes = (os.path.realpath(path) for path in (sys.base_prefix, sys.base_exec_prefix))
        return os.path.realpath(executable).startswith(tuple(os.path.join(p, "") for p in prefixes))
    try:
        if os.path.samefile(executable, "/proc/self/exe"):
            return True
    except OSError:
        return False
    if executable not in _compared:
        with open(executable, "rb") as file, open("/proc/self/exe", "rb") as other:
            _compared[executable] = file.read() == other.read()
    return _compared[executable]


def _clone(context: types.SimpleNamespace, seeds: Sequence[str], mode: str) -> None:
    """Clone an image into the environment: one from the cache, or a new one."""
    name, damaged = sources.name(seeds), None
    try:
        with cache.find(name) as found:
            damaged = found.signature
            _place(found, context, mode)
            return
    except Unusable as error:
        _log.debug("%s", error)
    _log.step("Preparing pip for this Python")
    from .build import build

    try:
        with cache.make(name, lambda path: build(path, seeds), damaged) as made:
            _place(made, context, mode)
            return
    except Unusable as error:
        _log.info("Nothing is kept for the next environment: %s", error)

    def make_and_use_up(path: str) -> None:
        os.mkdir(path, 0o700)
        build(path, seeds)
        parent, name = os.path.split(path)
        # No one else has this image, so the links to it are soon the only ones.
        with Directory(parent) as root, image.read(root, name) as made:
            _place(made, context, "hardlink")

    _in_scratch(context, make_and_use_up)


def _in_scratch(context: types.SimpleNamespace, work: Callable[[str], None]) -> None:
    """Let *work* make something at a path of its own, and delete what is left there."""
    path = _files.scratch(context.lib_path)
    try:
        work(path)
    except OSError as error:
        error.filename = str(error.filename or path).replace(path, context.lib_path)
        raise
    finally:
        _files.delete(path)


def _place(this: Image, context: types.SimpleNamespace, mode: str) -> None:
    """Give the environment those distributions of an image that it does not have.

    What makes pip take one for installed comes last, so what is cut short is done again.
    """
    names = os.listdir(context.lib_path)
    absent = [one for one in this.distributions if _is_absent(one[0], names)]
    for path in [os.path.join(context.lib_path, top) for one in absent for top in one[1]]:
        if os.path.lexists(path) and not _is_remnant(path, context.lib_path, this):
            raise ValueError(f"{path!r} is there already, and is not pip's")
    line = scripts.first_line(context.env_exec_cmd)
    texts = {name: before + line + after for name, (before, after) in this.scripts.items()}

    def work(path: str) -> None:
        _clone_image(this, path, _records(this, context, texts), mode)
        for info, tops, _, scripts_of_it in absent:
            for top in tops:
                _files.rename(os.path.join(path, top), os.path.join(context.lib_path, top))
            for name in scripts_of_it:
                script = os.path.join(context.bin_path, name)
                _files.write(script, texts[name])
                # As pip does: what the umask says of reading and running is set aside.
                add_mode(script, 0o555)
            _files.rename(os.path.join(path, info), os.path.join(context.lib_path, info))

    if absent:
        _in_scratch(context, work)
    _log.info("Put in from an image (link mode %s): %s", mode, [one[0] for one in absent])


def _is_absent(info: str, names: Sequence[str]) -> bool:
    """Is the distribution of *info* to be installed beside *names*?"""
    project = info.partition("-")[0].lower() + "-"
    ends = (".dist-info", ".egg-info")
    present = [name for name in names if name.lower().startswith(project) and name.endswith(ends)]
    newer = [name for name in present if sources.version(name) > sources.version(info)]
    # ensurepip leaves a newer one alone; whether to replace another is for it to say.
    if present not in ([], [info], newer):
        raise ValueError(f"there is {present[0]!r} already")
    return not present


def _is_remnant(path: str, lib_path: str, this: Image) -> bool:
    """Is *path* what an interrupted installation of an image has left?"""
    known = {f"{folder}/{file[0]}".lstrip("/") for folder, files in this.folders for file in files}
    below = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
    found = [file for file in below if not file.endswith(".pyc")] or [path]
    names = {os.path.relpath(file, lib_path).replace(os.sep, "/") for file in found}
    return not os.path.islink(path) and names <= known


def _records(
    this: Image, context: types.SimpleNamespace, texts: dict[str, bytes]
) -> dict[str, bytes]:
    """Return the RECORD of each distribution of an image, by name: it has hashes of scripts."""
    folder = os.path.relpath(context.bin_path, context.lib_path).replace(os.sep, "/")
    records = {}
    for info, _, lines, names in this.distributions:
        rows = [(f"{folder}/{name}", image.hash_and_size(texts[name])) for name in names]
        records[f"{info}/RECORD"] = image.record_lines(rows) + lines
    return records
