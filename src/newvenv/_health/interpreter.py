"""The interpreter of an environment, ``pyvenv.cfg`` that says where its base is, ``lib64``."""

from __future__ import annotations

import os
import stat
import sys

from .. import _config, _files, _log
from . import base, disk, packages
from .environment import WINDOWS
from .problem import Problem, mendable, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .base import Installation
    from .environment import Environment


def remedy(env: Environment) -> str:
    """Return what to do about what :func:`newvenv.repair` mends."""
    return f"newvenv --repair {quoted(env.path)}"


# Is there a base at all?


def find_base(env: Environment) -> Iterator[Problem]:
    """Yield what can't be mended: no Python of the environment's version is installed."""
    if env.base is not None:
        return
    needed = base.spoken(env.library)
    home = (env.config or {}).get("home") or os.path.dirname(env.linked)
    if env.other_base is not None:
        here = f"{base.spoken(env.other_base.library)} is now at {env.other_base.executable}"
        message = f"this is an environment of {needed}, but {here}"
        code = "base-version"
    else:
        message, code = (
            f"its {needed}{home and ' in '}{home} is gone, and no other is found",
            "base-missing",
        )
    yield Problem(code, home or env.path, message, _anew(env, needed))


def _anew(env: Environment, needed: str) -> str:
    """Return how to go on: with the Python that is missing, or with a new environment."""
    repair = f"install {needed} and run: {remedy(env)}"
    words = " ".join(packages.requirements(packages.distributions(env)))
    if not words:
        return f"{repair}, or make it anew: newvenv --clear {quoted(env.path)}"
    new = quoted(env.path + "-new")
    python = quoted(os.path.join(env.path + "-new", os.path.basename(env.bin_path), "python"))
    return f"{repair}, or make another one: newvenv {new} && {python} -m pip install {words}"


# pyvenv.cfg


def find_config(env: Environment) -> Iterator[Problem]:
    """Yield what ``pyvenv.cfg`` lacks, or says of a base that is no longer so."""
    if env.base is None:
        return
    path = os.path.join(env.path, "pyvenv.cfg")
    if env.config is None:
        changes = _expected(env, env.base)
        message, code = "pyvenv.cfg is missing or empty", "config-missing"
    else:
        changes = dict(_outdated(env, env.config, env.base))
        if not changes:
            return
        said = [f"{key} = {env.config.get(key, '(missing)')}" for key in changes]
        message, code = f"pyvenv.cfg is not right any more: {', '.join(said)}", "config-outdated"

    def mend() -> str:
        write_config(path, changes)
        return "pyvenv.cfg: " + ", ".join(f"{key} = {value}" for key, value in changes.items())

    yield mendable(code, path, message, remedy(env), mend)


def _expected(env: Environment, installed: Installation) -> dict[str, str]:
    """Return the values of a new ``pyvenv.cfg``."""
    return {
        "home": os.path.dirname(installed.executable),
        "include-system-site-packages": "false",
        "version": installed.version or base.number(env.library),
        "executable": os.path.realpath(installed.executable),
    }


def _outdated(
    env: Environment, config: dict[str, str], installed: Installation
) -> Iterator[tuple[str, str]]:
    """Yield the keys of *config* that must change, and their values."""
    real = os.path.realpath(installed.executable)
    home = config.get("home", "")
    if not home or not _holds(home, env.library, real):
        yield "home", os.path.dirname(installed.executable)
    for key in ("version", "version_info"):
        if key in config and _is_older(config[key], installed.version):
            yield key, _updated_version(config[key], installed.version)
    for key in ("executable", "base-executable"):
        if key in config and os.path.realpath(config[key]) != real:
            yield key, real
    prefix = os.path.dirname(os.path.dirname(real))
    for key in ("base-prefix", "base-exec-prefix"):
        if key in config and not os.path.isdir(config[key]):
            yield key, prefix


def _holds(home: str, library: str, real: str) -> bool:
    """Is the executable *real* found in the directory *home*, under one of its names?"""
    names = [os.path.basename(real), *base.executable_names(library)]
    return any(os.path.realpath(os.path.join(home, name)) == real for name in names)


def _is_older(said: str, version: str) -> bool:
    """Does *said* name another patch version than *version*? uv may name none."""
    parts = said.split(".")[:3]
    return bool(version) and len(parts) == 3 and parts != version.split(".")


def _updated_version(said: str, version: str) -> str:
    """Return *version* in the form of *said*, which may have a level and serial as well."""
    return ".".join([version, *(["final", "0"] if said.count(".") == 4 else [])])


def write_config(path: str, changes: dict[str, str]) -> None:
    """Change the values of ``pyvenv.cfg``; all else in it stays, in its order.

    :raises ValueError: a value can't be said in one line of text.
    """
    text = _config.updated(disk.text(path), changes)
    _files.write(path, text.encode("utf-8", "surrogateescape"))


def commanded(env: Environment) -> str:
    """Return the path for which ``command`` says that *env* was made; ``""`` if it says none."""
    from . import literals

    command = (env.config or {}).get("command", "")
    words = command.rpartition(" -m ")[2].partition(" ")[2]
    # Options come first; those with a value and a blank in it are not worth the trouble.
    while words.startswith("--"):
        words = words.partition(" ")[2]
    path = words if words[:1] not in ("'", '"', "$") else literals.word(words)
    return path if os.path.isabs(path) else ""


def follow(env: Environment, former: str) -> None:
    """Let ``command`` say that *env* was made where it is, if it says *former*."""
    if commanded(env) == former:
        command = (env.config or {})["command"]
        for form in (_config.quote(former), former):
            if command.endswith(form):
                command = command[: -len(form)] + _config.quote(env.path)
                write_config(os.path.join(env.path, "pyvenv.cfg"), {"command": command})
                return


# The interpreter


def find_interpreter(env: Environment) -> Iterator[Problem]:
    """Yield the interpreter's names that are missing or do not lead to the base."""
    if env.base is None:
        return
    faults = dict(_faults(env, env.base))
    if not faults:
        return
    code = next(iter(faults.values()))[0]
    message = "; ".join(f"{name} {text}" for name, (_, text) in faults.items())
    path = os.path.join(env.bin_path, next(iter(faults)))

    def mend() -> str:
        _put(env, list(faults))
        return f"interpreter: {', '.join(faults)} of {env.base and env.base.executable}"

    is_ours = not WINDOWS or env.base.library == base.running().library
    yield mendable(code, path, message, remedy(env), mend if is_ours else None)


def _faults(env: Environment, installed: Installation) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield each name that is wrong, and the code and the description of what is wrong."""
    real = os.path.realpath(installed.executable)
    for name in dict.fromkeys([*required_names(env), *_present_names(env)]):
        path = os.path.join(env.bin_path, name)
        if not os.path.lexists(path):
            yield name, ("python-missing", "is missing")
        elif not os.path.exists(path):
            yield name, ("python-broken", f"leads to {os.readlink(path)}, which does not exist")
        elif fault := _foreign(env, path, real):
            yield name, fault


def _foreign(env: Environment, path: str, real: str) -> tuple[str, str] | None:
    """Return what is wrong with the interpreter at *path* of an environment of *real*."""
    found = os.path.realpath(path)
    if found == real or WINDOWS or _is_same_file(found, real):
        return None
    if not found.startswith(os.path.join(env.path, "")):
        return "python-foreign", f"is {found}, but the environment belongs to {real}"
    if not os.access(found, os.X_OK):
        return "python-broken", "can't be executed"
    # A copy, or a wrapper of the user's; on macOS signing changes a copy.
    is_equal = os.stat(found).st_size == os.stat(real).st_size
    if sys.platform == "darwin" or is_equal or disk.contents(found, 2) == b"#!":
        return None
    return "python-outdated", f"is a copy of another build than {real}"


def _is_same_file(path1: str, path2: str) -> bool:
    """Is one file there twice, by a hard link (Debian's python3.X and python)?"""
    return os.path.samestat(os.stat(path1), os.stat(path2))


def required_names(env: Environment) -> list[str]:
    """Return the names under which the interpreter must be found."""
    if WINDOWS:
        return ["python.exe"]
    # Up to 3.9 the standard library's venv makes no python3.X.
    versioned = [] if env.library in ("python3.9",) else [env.library.rstrip("t")]
    kind = ["pypy", "pypy3"] if env.library.startswith("pypy") else []
    return ["python", "python3", *([] if kind else versioned), *kind]


def _present_names(env: Environment) -> list[str]:
    """Return the names in ``bin`` that are links to interpreters of this version, maybe dead.

    A link of another version stays as it is: it is not known what it is for.
    """
    kind = env.library.rstrip("t")
    return [
        name
        for name in env.names
        if name in (kind, kind + "t") and os.path.islink(os.path.join(env.bin_path, name))
    ]


def _put(env: Environment, names: list[str]) -> None:
    """Make *names* the interpreter: links, or copies if the others are copies."""
    assert env.base is not None  # noqa: S101  # Otherwise nothing is to be mended.
    _files.make_directory(env.bin_path)
    if WINDOWS:
        _put_on_windows(env)
        return
    copies = any(
        stat.S_ISREG(os.lstat(os.path.join(env.bin_path, name)).st_mode)
        for name in required_names(env)
        if name in env.names
    )
    root = _root(env, names)
    for name in sorted(names, key=lambda name: name != root):
        target = env.base.executable if name == root else root
        _put_one(target, os.path.join(env.bin_path, name), copies, env.base)


def _root(env: Environment, names: list[str]) -> str:
    """Return the name that links to the base itself, while the others link to that name."""
    for name in env.names:
        path = os.path.join(env.bin_path, name)
        is_link = name in (*required_names(env), *names) and os.path.islink(path)
        if is_link and os.sep in os.readlink(path):
            return name
    return "python"


def _put_one(target: str, path: str, copies: bool, installed: Installation) -> None:
    if not copies:
        try:
            _files.symlink(target, path)
        except OSError as error:
            if error.errno in getattr(_files, "FATAL", ()):
                raise
            _log.debug("No link at %s, so a copy: %s", path, error)
        else:
            return
    _files.copy(os.path.realpath(installed.executable), path)
    os.chmod(path, 0o755)  # noqa: S103  # An interpreter is for everybody.


def _put_on_windows(env: Environment) -> None:
    from .. import EnvBuilder, _layout

    context = _layout.context(env.path, None, _layout.scheme_path)
    EnvBuilder().setup_python(context)


# Directories


def find_directories(env: Environment) -> Iterator[Problem]:
    """Yield the directories that are missing: site-packages, and ``lib64`` where it is a rule."""
    if env.base is None:
        return
    for path in env.site_packages()[:1]:
        if not os.path.isdir(path):
            yield _missing_directory(env, path)
    lib64 = os.path.join(env.path, "lib64")
    if _needs_lib64(env) and not os.path.isdir(lib64):

        def mend() -> str:
            _files.symlink("lib", lib64)
            return "lib64: a link to lib"

        yield mendable("lib64-missing", lib64, "lib64 is missing", remedy(env), mend)


def _missing_directory(env: Environment, path: str) -> Problem:
    below = os.path.relpath(path, env.path)

    def mend() -> str:
        _files.make_directory(path)
        return f"{below}: an empty directory"

    return mendable("directory-missing", path, f"{below} is missing", remedy(env), mend)


def _needs_lib64(env: Environment) -> bool:
    """Does the maker of *env* give it the link ``lib64``, as venv does up to Python 3.14?"""
    minor = env.library.rstrip("t").rpartition(".")[2]
    is_wide = os.name == "posix" and sys.maxsize > 2**32 and sys.platform != "darwin"
    return is_wide and minor.isdigit() and int(minor) < 15 and env.maker() != "virtualenv"
