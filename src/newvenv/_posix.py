"""The interpreter's files and names on POSIX, macOS included.

macOS needs no rules of its own here: the stub of a framework build tells its own path
through ``sys._base_executable``, and names follow the executable that was started.
"""

from __future__ import annotations

import errno
import os
import sys

from . import _compat, _files

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Iterable

BIN_NAME = "bin"
INCLUDE = "include"
#: Does platlib have a second name, lib64, before 3.15?
LIB64 = sys.maxsize > 2**32 and sys.platform != "darwin"
#: The file in a directory that is its lock: none, as the directory itself is locked.
LOCK_NAME = ""
DEFAULT_SYMLINKS = True

_IS_PYPY = sys.implementation.name == "pypy"

_VERSIONED = f"python{_compat.VERSION}"

#: Links that are followed one after the other, as Linux has it.
_MOST_LINKS = 40


def paths() -> dict[str, str]:
    """Return the directories of an environment by their names in ``sysconfig``'s schemes.

    They are known without asking: ``site`` looks for packages there and nowhere else,
    and so every distribution's scheme ``venv`` says the same. Of an implementation
    other than CPython nothing is known (an empty dictionary).
    """
    if sys.implementation.name != "cpython":
        return {}
    version = _compat.VERSION
    library = f"python{version}{'t' if 't' in sys.abiflags else ''}/site-packages"
    return {
        "include": f"include/python{version}{sys.abiflags}",
        "purelib": f"lib/{library}",
        "platlib": f"{sys.platlibdir}/{library}",
        "scripts": BIN_NAME,
    }


def python_exe(name: str) -> str:
    """Return the name of the environment's executable: the one that the base was started by."""
    return name


def same_path(path1: str, path2: str) -> bool:
    """Tell whether two absolute paths are spellings of one place."""
    return path1 == path2


def env_exec_cmd(env_exe: str) -> str:
    """Return the path to start the environment's Python by."""
    return env_exe


def setup_python(
    context: types.SimpleNamespace, symlinks: bool, symlink_or_copy: Callable[..., object]
) -> None:
    """Put the files of :func:`interpreter_files` in place, and remove names that are outdated.

    :param symlink_or_copy: the builder's method, called as the standard library does.
    """
    outdated = _outdated(context)
    executable, env_exe = _original(context), context.env_exe
    names = [path for path, _, _ in _names(context, executable, symlinks)]
    for path in names:
        if path == env_exe:
            symlink_or_copy(executable, path)
        elif path.lower() != env_exe.lower() or not _is_one_entry(path, env_exe):
            symlink_or_copy(env_exe, path, relative_symlinks_ok=True)
        _make_executable(path)
    for source, path in _libraries(context, executable, symlinks):
        symlink_or_copy(source, path)
        _make_executable(path)
    _remove(outdated, [env_exe, *names])


def interpreter_files(context: types.SimpleNamespace, symlinks: bool) -> list[tuple[str, str, str]]:
    """Return the files that start the environment's Python, as (path, how, source), in order.

    A *source* is what the link says if *how* is ``"link"``, and the file with the same
    contents if it is ``"copy"``. Only the executable itself, if it lies in the
    environment, is not listed.
    """
    executable = _original(context)
    libraries = [
        (path, "link", os.path.realpath(source))
        if _is_linked_instead(source)
        else (path, "copy", source)
        for source, path in _libraries(context, executable, symlinks)
    ]
    return _names(context, executable, symlinks) + libraries


def _names(
    context: types.SimpleNamespace, executable: str, symlinks: bool
) -> list[tuple[str, str, str]]:
    env_exe, bin_path = context.env_exe, context.bin_path
    paths = [env_exe, *other_names(bin_path, env_exe)]
    paths = [path for path in paths if not _is_same_path(path, executable)]
    if not symlinks and _is_linked_instead(executable):
        return [(path, "link", os.path.realpath(executable)) for path in paths]
    is_beside = symlinks and os.path.dirname(env_exe) == bin_path
    alias = os.path.basename(env_exe) if is_beside else env_exe
    how = "link" if symlinks else "copy"
    return [(path, how, executable if path == env_exe else alias) for path in paths]


def _original(context: types.SimpleNamespace) -> str:
    """Return the executable to link to or copy: the context's, or what that leads to.

    An interpreter that runs from the environment itself may be known by one of the links
    that are to be made (Python 3.9 and 3.10): those are followed.
    """
    executable: str = context.executable
    if not _is_in(executable, context.bin_path):
        return executable
    places = _chain(executable)
    outside = (path for path in places if not _is_in(path, context.bin_path))
    return next(outside, places[-1])


def copy(source: str, path: str) -> None:
    """Make *path* a copy of the file or directory *source*, or what serves as one."""
    if _is_linked_instead(source):
        _files.symlink(os.path.realpath(source), path)
    elif not os.path.isdir(source):
        _files.copy(source, path)
    else:
        _files.make_directory(path)
        for name in os.listdir(source):
            copy(os.path.join(source, name), os.path.join(path, name))


def _is_linked_instead(source: str) -> bool:
    """Is a link to the original made where a copy was wanted?

    A copy of a PyPy that is a link would not find its library. PyPy's own ``venv`` does so.
    """
    return _IS_PYPY and os.path.islink(source)


def _libraries(
    context: types.SimpleNamespace, executable: str, symlinks: bool
) -> list[tuple[str, str]]:
    """Return the libraries that a copy of PyPy needs, and where they go.

    Its own lies beside the executable, unless it is a system library. Portable builds
    list more in a file, relative to ``lib``.
    """
    if symlinks or not _IS_PYPY or _is_linked_instead(executable):
        return []
    source = os.path.dirname(executable)
    library = f"libpypy{_compat.VERSION}-c"
    files = [(source, context.bin_path, library + suffix) for suffix in (".so", ".dylib")]
    source = os.path.join(source, os.pardir, "lib")
    lib = os.path.join(context.env_dir, "lib")
    files += [(source, lib, name) for name in _portable_libraries(source)]
    pairs = [(os.path.join(of, name), os.path.join(to, name)) for of, to, name in files]
    return [(source, path) for source, path in pairs if os.path.exists(source)]


def _portable_libraries(lib: str) -> list[str]:
    try:
        with open(os.path.join(lib, "PYPY_PORTABLE_DEPS.txt"), encoding="utf-8") as file:
            return [name for name in file.read().split("\n") if name]
    except OSError:
        return []


def other_names(bin_path: str, env_exe: str) -> list[str]:
    """Return the further paths under which the interpreter *env_exe* is to be found."""
    names = ["python", "python3", _VERSIONED, *(["pypy3", "pypy"] if _IS_PYPY else [])]
    if _compat.PI_NAME and sys.getfilesystemencoding() == "utf-8":
        names.append("\U0001d70bthon")  # mathematical italic small pi
    own = os.path.basename(env_exe)
    if own in names and _is_in(env_exe, bin_path):
        names.remove(own)
    return [os.path.join(bin_path, name) for name in names]


def _outdated(context: types.SimpleNamespace) -> list[str]:
    """Return the names that an environment of another Python version has left.

    They would start this Python, or one that finds no library. ``pyvenv.cfg`` may have
    been rewritten already, so an environment is recognized by its site-packages, and its
    names by being one interpreter with ``python`` and ``python3``.
    """
    bin_path = context.bin_path
    if _files.is_in_new_target(bin_path):
        return []
    own = {context.env_exe, *other_names(bin_path, context.env_exe)}
    return [
        path
        for path in foreign_names(bin_path, os.listdir(bin_path))
        if path not in own and _has_packages(path) and _is_alias(path, own)
    ]


def foreign_names(bin_path: str, present: Iterable[str]) -> list[str]:
    """Return which of the names *present* in *bin_path* promise another Python version."""
    return [
        os.path.join(bin_path, name)
        for name in present
        if name.startswith("python3.")
        and name[len("python3.") :].rstrip("t").isdigit()
        and name.rstrip("t") != _VERSIONED
    ]


def _remove(outdated: list[str], made: list[str]) -> None:
    """Remove *outdated* names, but for those that *made* ones are or lead to."""
    needed = {place for path in made for place in _chain(path)} if outdated else set()
    for path in outdated:
        if path not in needed:
            _files.remove(path)


def _has_packages(path: str) -> bool:
    """Is there site-packages, but no standard library, for the version that *path* names?"""
    bin_path, name = os.path.split(path)
    lib = os.path.join(os.path.dirname(bin_path), "lib")
    version = name[len("python") :]
    libraries = [os.path.join(lib, kind + version) for kind in ("python", "pypy")]
    return any(
        os.path.isdir(os.path.join(library, "site-packages"))
        and not os.path.exists(os.path.join(library, "os.py"))
        for library in libraries
    )


def _is_alias(path: str, own: set[str]) -> bool:
    """Is *path* a link to one of the names *own*, or the same as ``python`` and ``python3``?"""
    bin_path = os.path.dirname(path)
    usual = [os.path.join(bin_path, name) for name in ("python", "python3")]
    if not os.path.islink(path):
        return all(_is_same_file(path, name) for name in usual)
    return not own.isdisjoint(_chain(path)) or all(path in _chain(name) for name in usual)


def _is_same_file(path1: str, path2: str) -> bool:
    """Tell whether two paths are plain files with the same contents."""
    if os.path.islink(path2) or not (os.path.isfile(path1) and os.path.isfile(path2)):
        return False
    from filecmp import cmp

    return cmp(path1, path2, shallow=False)


def _chain(path: str) -> list[str]:
    """Return *path* and, if it is a link, each path that it leads to."""
    places = [path]
    while len(places) < _MOST_LINKS:
        try:
            target = os.readlink(places[-1])
        except OSError:
            break
        places.append(os.path.normpath(os.path.join(os.path.dirname(places[-1]), target)))
    return places


def _is_same_path(path1: str, path2: str) -> bool:
    """Tell whether two paths are one name in one directory; links are not followed."""
    if os.path.basename(path1) != os.path.basename(path2):
        return False
    return path1 == path2 or _is_in(path1, os.path.dirname(path2))


def _is_in(path: str, directory: str) -> bool:
    """Does *path* lie in *directory*, by whatever name?"""
    parent = os.path.dirname(path)
    if parent == directory:
        return True
    if _files.is_in_new_target(parent) or _files.is_in_new_target(directory):
        return False  # It has no other name yet.
    try:
        return os.path.samefile(parent, directory)
    except OSError:
        return False


def _is_one_entry(path1: str, path2: str) -> bool:
    """Are two names that differ one file? So ``Python`` and ``python`` may be on macOS."""
    try:
        return os.path.samestat(os.lstat(path1), os.lstat(path2))
    except OSError:
        return False


def _make_executable(path: str) -> None:
    if os.path.islink(path) or os.path.isdir(path):
        return
    try:
        os.chmod(path, 0o755)  # noqa: S103 - an interpreter is for all users
    except PermissionError:
        # Some file systems have one mode for all files, which can't be changed.
        if not os.access(path, os.X_OK):
            raise


def lock(path: str) -> int | None:
    """Lock the directory *path* itself and return the handle for :func:`unlock`.

    The lock excludes other processes and other threads of this one, and ends with the
    process at the latest.

    :returns: None if another run holds the lock, or has just removed what was locked.
    :raises OSError: there is no such directory, or no lock can be had there.
    """
    try:
        import fcntl
    except ImportError:  # WebAssembly
        raise OSError(errno.ENOLCK, "No locks available", path) from None
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.lstat(path)):
            return descriptor
    except BlockingIOError:
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def unlock(handle: int) -> None:
    """Give up the lock that :func:`lock` returned *handle* for.

    Closing alone would not do: a child process may have a duplicate of the descriptor.
    """
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_UN)
    finally:
        os.close(handle)


def is_locked_by_parent(path: str) -> bool:
    """Does a parent process of this one hold the lock, one of whose hooks waits for this one?

    Only Linux tells, in proc_locks(5) and proc_pid_stat(5).
    """
    try:
        state = os.stat(path)
        device = f"{os.major(state.st_dev):02x}:{os.minor(state.st_dev):02x}:{state.st_ino}"
        with open("/proc/locks", encoding="ascii") as file:
            lines = [line.split() for line in file]
        # A waiting process has an arrow in field 1; one outside of the namespace is 0.
        holders = {line[4] for line in lines if line[1] == "FLOCK" and line[5] == device} - {"0"}
        pid = "self"
        while pid != "0" and pid not in holders:
            with open(f"/proc/{pid}/stat", "rb") as stat:
                pid = stat.read().rpartition(b")")[2].split()[1].decode("ascii")
        return pid != "0"
    except (OSError, ValueError, IndexError):
        return False
