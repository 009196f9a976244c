"""Where everything goes: path arithmetic, what is refused, and making the folders."""

from __future__ import annotations

import os
import sys

from . import _compat, _files, _platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    from collections.abc import Callable

_SimpleNamespace = type(sys.implementation)  # types.SimpleNamespace without its import

#: The variables of an installation scheme that say where the installation begins.
_BASES = ("base", "platbase", "installed_base", "installed_platbase")


def target(env_dir: str | os.PathLike[str]) -> str:
    """Return the absolute path of the folder *env_dir*, its links not resolved.

    :raises TypeError: *env_dir* is no path, or one of bytes.
    :raises ValueError: *env_dir* is empty, which ``os.path.abspath`` would take for
        the current folder, or cannot be a path at all.
    """
    path = os.fspath(env_dir)
    if not isinstance(path, str):
        raise TypeError(f"The environment's folder must be given as str, not {path!r}")
    if not path.strip():
        raise ValueError(
            f"The name of the environment's folder is empty: {path!r}; "
            "write . for the current folder"
        )
    if "\0" in path:
        raise ValueError(f"No path can hold a NUL character: {path!r}")
    return os.path.abspath(path)


def check(env_dir: str, *, clear: bool = False) -> None:
    """Refuse a folder that cannot become an environment, before anything is written.

    :raises ValueError: *env_dir* would break PATH, or is a link or a file.
    :raises OSError: it could not be written, or with *clear* it is no folder.
    """
    if os.pathsep in env_dir:
        raise ValueError(
            f"Refusing to create a venv in {env_dir} because it contains the PATH "
            f"separator {os.pathsep}."
        )
    if os.path.islink(env_dir):
        _refuse_link(env_dir)
    if os.path.isdir(env_dir):
        if clear:
            _refuse_precious(os.path.realpath(env_dir))
    elif os.path.lexists(env_dir):
        if clear:
            raise NotADirectoryError(20, "Not a directory", env_dir)
        raise ValueError(f"Unable to create directory {env_dir!r}: a file is in the way")


def _refuse_link(env_dir: str) -> None:
    if not os.path.exists(env_dir):
        raise FileExistsError(17, "File exists, a link that leads nowhere", env_dir)
    raise ValueError(
        f"Unable to create directory {env_dir!r}: it is a symbolic link; "
        f"name the folder it leads to, {os.path.realpath(env_dir)!r}"
    )


def _refuse_precious(path: str) -> None:
    """Refuse to clear a folder whose loss nobody can have meant.

    :param path: the folder, its links resolved.
    """
    parent = os.path.dirname(path)
    precious = {
        "the root of a file system": parent == path,
        "a home directory": path in _homes(),
        "above the current directory": _is_above(path, os.getcwd()) and path != os.getcwd(),
        "where the running Python is installed": any(
            _is_above(path, os.path.realpath(place))
            for place in (sys.base_prefix, sys.base_exec_prefix, os.__file__)
        ),
        "where newvenv itself runs from": _is_above(path, os.path.realpath(__file__)),
    }
    for reason, is_true in precious.items():
        if is_true:
            raise ValueError(f"Refusing to clear {path!r}: it is {reason}; name another folder")


def _homes() -> set[str]:
    """Return the home directories of all users, links resolved."""
    homes = {os.path.expanduser("~")}
    try:
        from pwd import getpwall
    except ImportError:  # Windows: the user's own will do
        pass
    else:
        homes.update(entry.pw_dir for entry in getpwall())
    return {os.path.realpath(home) for home in homes if os.path.isabs(home)}


def _is_above(folder: str, path: str) -> bool:
    """Is *path* the folder *folder* itself, or in it?"""
    return os.path.join(path, "").startswith(os.path.join(folder, ""))


def check_is_environment(env_dir: str) -> None:
    """Refuse to clear a folder that holds something but is no environment.

    :raises ValueError: it has no ``pyvenv.cfg``, by which environments are known (PEP 405).
    """
    if not os.path.isdir(env_dir) or os.path.islink(env_dir):
        return  # :func:`check` knows what to say of it.
    names = _files.entries(env_dir)
    if names and "pyvenv.cfg" not in names:
        raise ValueError(
            f"Refusing to clear {env_dir!r}: it is no environment, having no pyvenv.cfg; "
            "add --force to delete what is in it"
        )


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
    :param venv_path: finds the folder of a name of ``sysconfig``'s schemes.
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
    result.bin_name = os.path.relpath(result.bin_path, env_dir)
    result.env_exe = os.path.join(result.bin_path, result.python_exe)
    return result


def _include(env_dir: str, venv_path: Callable[[str, str], str]) -> str:
    if _compat.VERSIONED_INCLUDE:
        return venv_path(env_dir, "include")
    return os.path.join(env_dir, _platform.INCLUDE)


def scheme_path(env_dir: str, name: str) -> str:
    """Return the folder *name* of ``sysconfig``'s scheme ``venv``, based in *env_dir*.

    ``sysconfig``, whose import and configuration are dear, is only asked where the
    platform does not know the answer.
    """
    relative = _platform.paths().get(name)
    if relative is not None:
        return os.path.join(env_dir, relative)
    from . import sysconfig

    return sysconfig.get_path(name, scheme="venv", vars=dict.fromkeys(_BASES, env_dir))


def make_directories(context: types.SimpleNamespace) -> None:
    """Make the folders that *context* names.

    :raises ValueError: a file or a link is in a folder's place; nothing was made then.
    """
    folders = [context.env_dir, context.inc_path, context.lib_path, context.bin_path]
    if not _compat.LIB64_LINK:
        folders.append(context.platlib_path)
    for folder in folders:
        if os.path.lexists(folder):
            _files.make_directory(folder)
    for folder in folders:
        _files.make_directory(folder)
    if _compat.LIB64_LINK and _platform.LIB64:
        _link_lib64(context)


def _link_lib64(context: types.SimpleNamespace) -> None:
    """Make ``lib64`` a link to ``lib``, for builds that look there for platlib.

    Where the file system has no links, the folder itself serves (gh-98975). A folder
    that is there already stays.
    """
    lib64 = os.path.join(context.env_dir, "lib64")
    if os.path.exists(lib64):
        return
    try:
        _files.symlink("lib", lib64)
    except OSError:
        _files.make_directory(context.platlib_path)
