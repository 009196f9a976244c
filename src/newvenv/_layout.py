"""Where everything goes: path arithmetic, and making the directories."""

from __future__ import annotations

import os
import sys

from . import _compat, _files, _platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    from collections.abc import Callable

#: ``types.SimpleNamespace`` without its import.
_SimpleNamespace: type[types.SimpleNamespace] = type(sys.implementation)  # type: ignore[assignment]

#: The directories of an environment, as far as the platform knows them.
_PATHS = _platform.paths()

#: The variables of an installation scheme that say where the installation begins.
_BASES = ("base", "platbase", "installed_base", "installed_platbase")


def base_executable() -> str:
    """Return the path of the interpreter that environments are made of.

    :raises ValueError: Python does not know it (gh-96861).
    """
    executable: str | None = getattr(sys, "_base_executable", sys.executable)
    if not executable:
        raise ValueError(
            "Unable to determine path to the running Python interpreter. Provide an "
            "explicit path or check that your PATH environment variable is correctly set."
        )
    return executable


def context(
    env_dir: str, prompt: object, venv_path: Callable[[str, str], str]
) -> types.SimpleNamespace:
    """Return what the hooks work from: the paths and names of one environment.

    :param prompt: None for the environment's name.
    :param venv_path: finds the directory of a name of ``sysconfig``'s schemes.
    """
    executable = base_executable()
    python_dir, python_exe = os.path.split(os.path.abspath(executable))
    env_name = os.path.basename(env_dir)
    prompt = env_name if prompt is None else prompt
    result = _SimpleNamespace(
        env_dir=env_dir,
        env_name=env_name,
        prompt=f"({prompt}) " if _compat.DECORATED_PROMPT else prompt,
        executable=executable,
        python_dir=python_dir,
        python_exe=_platform.python_exe(python_exe),
        inc_path=_include(env_dir, venv_path),
        lib_path=venv_path(env_dir, "purelib"),
        platlib_path=venv_path(env_dir, "platlib"),
        bin_path=venv_path(env_dir, "scripts"),
    )
    result.bin_name = _below(result.bin_path, env_dir)
    result.env_exe = os.path.join(result.bin_path, result.python_exe)
    return result


def _below(path: str, directory: str) -> str:
    """Return *path* relative to *directory*, in which it usually is."""
    prefix = os.path.join(directory, "")
    return path[len(prefix) :] if path.startswith(prefix) else os.path.relpath(path, directory)


def _include(env_dir: str, venv_path: Callable[[str, str], str]) -> str:
    if _compat.VERSIONED_INCLUDE:
        return venv_path(env_dir, "include")
    return os.path.join(env_dir, _platform.INCLUDE)


def scheme_path(env_dir: str, name: str) -> str:
    """Return the directory *name* of ``sysconfig``'s scheme ``venv``, based in *env_dir*.

    ``sysconfig``, whose import and configuration are expensive, is only asked where the
    platform does not know the answer.
    """
    if name in _PATHS:
        return os.path.join(env_dir, _PATHS[name])
    from . import sysconfig

    return sysconfig.get_path(name, scheme="venv", vars=dict.fromkeys(_BASES, env_dir))


def make_directories(context: types.SimpleNamespace) -> None:
    """Make the directories that *context* names.

    :raises ValueError: a file or a link is in a directory's place; nothing was made then.
    """
    directories = [context.inc_path, context.lib_path, context.bin_path]
    if not _compat.LIB64_LINK:
        directories.append(context.platlib_path)
    if _files.journal_of(context.bin_path) is None:  # Nothing would be rolled back.
        directories.insert(0, context.env_dir)
        for directory in filter(os.path.lexists, directories):
            _files.make_directory(directory)
    for directory in directories:
        _files.make_directory(directory)
    if _compat.LIB64_LINK and _platform.LIB64:
        _link_lib64(context)


def _link_lib64(context: types.SimpleNamespace) -> None:
    """Make ``lib64`` a link to ``lib``, for builds that look there for platlib.

    Where the file system has no links, the directory itself serves (gh-98975). A directory
    that is there already stays, and so does what a link leads to.
    """
    lib64 = os.path.join(context.env_dir, "lib64")
    if os.path.exists(lib64):
        return
    try:
        _files.symlink("lib", lib64)
    except OSError as error:
        if error.errno in _files.FATAL:
            raise
        _files.make_directory(context.platlib_path)
