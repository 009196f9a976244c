"""Where everything goes: path arithmetic, what is refused, and making the folders."""

from __future__ import annotations

import errno
import os
import stat
import sys

from . import _compat, _files, _platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    from collections.abc import Callable

#: ``types.SimpleNamespace`` without its import.
_SimpleNamespace: type[types.SimpleNamespace] = type(sys.implementation)  # type: ignore[assignment]

#: So many levels below the target lie the packages (``lib/python3.X/site-packages/NAME``).
PACKAGE_DEPTH = 3

#: The folders of an environment, as far as the platform knows them.
_PATHS = _platform.paths()

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
    try:
        mode = os.lstat(env_dir).st_mode
    except OSError:
        return  # It is missing; whether it can be made will show.
    if stat.S_ISLNK(mode):
        _refuse_link(env_dir)
    elif not stat.S_ISDIR(mode):
        if clear:
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory", env_dir)
        raise ValueError(f"Unable to create directory {env_dir!r}: a file is in the way")
    elif clear:
        _refuse_precious(os.path.realpath(env_dir))


def _refuse_link(env_dir: str) -> None:
    if not os.path.exists(env_dir):
        raise FileExistsError(errno.EEXIST, "File exists, a link that leads nowhere", env_dir)
    raise ValueError(
        f"Unable to create directory {env_dir!r}: it is a symbolic link; "
        f"name the folder it leads to, {os.path.realpath(env_dir)!r}"
    )


def _refuse_precious(path: str) -> None:
    """Refuse to clear a folder whose loss nobody can have meant.

    :param path: the folder, its links resolved.
    """
    homes, current = _homes(), _current()
    # Up to Python 3.10 an environment's Python takes itself for the base.
    base = os.path.dirname(base_executable())
    installed = (sys.base_prefix, sys.base_exec_prefix, os.__file__, base)
    precious = {
        "the root of a file system": os.path.dirname(path) == path,
        "a home directory": any(_is_above(path, home) for home in homes),
        "above the current directory": current != path and _is_above(path, current),
        "where the running Python is installed": any(_is_above(path, one) for one in installed),
        "where newvenv itself runs from": _is_above(path, __file__),
    }
    for reason, is_true in precious.items():
        if is_true:
            raise ValueError(f"Refusing to clear {path!r}: it is {reason}; name another folder")


def _homes() -> set[str]:
    """Return the home directories of all users."""
    homes = {os.path.expanduser("~")}
    try:
        from pwd import getpwall
    except ImportError:  # Windows: the user's own will do
        pass
    else:
        homes.update(entry.pw_dir for entry in getpwall())
    return {home for home in homes if os.path.isabs(home)}


def _current() -> str:
    try:
        return os.getcwd()
    except OSError:  # It has been deleted.
        return os.sep


def _is_above(folder: str, path: str) -> bool:
    """Is *path* the folder *folder* itself, or in it, by whatever name?"""
    path, parent = os.path.realpath(path), ""
    while path != parent:
        try:
            if os.path.samefile(folder, path):
                return True
        except OSError:
            pass  # A home that does not exist.
        path, parent = os.path.dirname(path), path
    return False


#: What an environment takes at the very least, with pip and without: bytes, files, and
#: characters that its paths have beyond its own.
_LEAST = {True: (1 << 22, 64, 160), False: (1 << 16, 16, 64)}


def check_room(env_dir: str, *, with_pip: bool) -> None:
    """Refuse a place of which it is known before the first write that it won't do.

    :raises OSError: it can't be written to, is full, or its path is too long.
    """
    place = env_dir
    while not os.path.lexists(place):
        place = os.path.dirname(place)
    if not os.path.isdir(place):
        if place != env_dir:
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory", place)
        return  # :func:`check` knows what to say of it.
    # What is there already, or linked, needs no room.
    needs_pip = with_pip and not os.path.exists(os.path.join(env_dir, "pyvenv.cfg"))
    size, files, length = _LEAST[needs_pip and not os.environ.get("NEWVENV_LINK_MODE")]
    _check_length(env_dir, place, length)
    if hasattr(os, "statvfs"):
        _check_file_system(place, size, files)
    if not os.access(place, os.W_OK | os.X_OK, effective_ids=_BY_EFFECTIVE_ID):
        raise PermissionError(errno.EACCES, "Permission denied", place)


_BY_EFFECTIVE_ID = os.access in os.supports_effective_ids


def _check_length(env_dir: str, place: str, length: int) -> None:
    """Refuse a path or a name in it that is longer than the file system of *place* takes."""
    try:
        longest_path = os.pathconf(place, "PC_PATH_MAX")
        longest_name = os.pathconf(place, "PC_NAME_MAX")
    except (AttributeError, ValueError, OSError):
        return  # Windows, or a file system that does not tell
    names = os.fsencode(env_dir[len(place) :]).split(b"/")
    too_long = len(os.fsencode(env_dir)) + length >= longest_path > 0
    if too_long or max(map(len, names)) > longest_name > 0:
        raise OSError(errno.ENAMETOOLONG, "File name too long", env_dir)


def _check_file_system(place: str, size: int, files: int) -> None:
    """Refuse a file system that is mounted read-only, or that has no room for so much."""
    state = os.statvfs(place)
    if state.f_flag & getattr(os, "ST_RDONLY", 1):
        raise OSError(errno.EROFS, "Read-only file system", place)
    # Those that can't tell say 0 of 0.
    if state.f_blocks and state.f_bfree * state.f_frsize < size:
        raise OSError(errno.ENOSPC, f"No space left on device: {size >> 10} KiB are needed", place)
    if state.f_files and state.f_ffree < files:
        raise OSError(errno.ENOSPC, f"No space left on device: {files} files are needed", place)


def check_is_environment(env_dir: str) -> None:
    """Refuse to clear a folder that holds something but is no environment.

    :raises ValueError: it has no ``pyvenv.cfg``, by which environments are known (PEP 405).
    """
    if not os.path.isdir(env_dir) or os.path.islink(env_dir):
        return  # :func:`check` knows what to say of it.
    seen: list[str] = []
    while not _may_be_cleared(env_dir, names := sorted(os.listdir(env_dir))):
        if names == seen:  # Otherwise another run is at work there, and has just ended maybe.
            raise ValueError(
                f"Refusing to clear {env_dir!r}: it is no environment, having no pyvenv.cfg; "
                "add --force to delete what is in it"
            )
        seen = names


def _may_be_cleared(env_dir: str, names: list[str]) -> bool:
    """Is *env_dir*, holding *names*, empty, an environment, or was it before a run began?"""
    aside = [name for name in names if name.endswith(_files.TEMPORARY)]
    return (
        len(aside) == len(names)
        or "pyvenv.cfg" in names
        or any(_files.kind(name) in ("new", "empty") for name in aside)
        or any(os.path.isfile(os.path.join(env_dir, name, "pyvenv.cfg")) for name in aside)
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
    result.bin_name = _below(result.bin_path, env_dir)
    result.env_exe = os.path.join(result.bin_path, result.python_exe)
    return result


def _below(path: str, folder: str) -> str:
    """Return *path* relative to *folder*, in which it usually is."""
    prefix = os.path.join(folder, "")
    return path[len(prefix) :] if path.startswith(prefix) else os.path.relpath(path, folder)


def _include(env_dir: str, venv_path: Callable[[str, str], str]) -> str:
    if _compat.VERSIONED_INCLUDE:
        return venv_path(env_dir, "include")
    return os.path.join(env_dir, _platform.INCLUDE)


def scheme_path(env_dir: str, name: str) -> str:
    """Return the folder *name* of ``sysconfig``'s scheme ``venv``, based in *env_dir*.

    ``sysconfig``, whose import and configuration are dear, is only asked where the
    platform does not know the answer.
    """
    if name in _PATHS:
        return os.path.join(env_dir, _PATHS[name])
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
