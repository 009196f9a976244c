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
    from collections.abc import Callable

BIN_NAME = "bin"
INCLUDE = "include"
#: Does platlib have a second name, lib64, before 3.15?
LIB64 = sys.maxsize > 2**32 and sys.platform != "darwin"
DEFAULT_SYMLINKS = True

_IS_PYPY = sys.implementation.name == "pypy"

#: How the directory to lock is opened: a link in its place is refused.
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def paths() -> dict[str, str]:
    """Return the folders of an environment by their names in ``sysconfig``'s schemes.

    They are known without asking: ``site`` looks for packages there and nowhere else,
    and so every distribution's scheme ``venv`` says the same. Of an implementation
    other than CPython nothing is known (an empty dictionary).
    """
    if sys.implementation.name != "cpython":
        return {}
    version = "{}.{}".format(*sys.version_info[:2])
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
    context: types.SimpleNamespace, symlinks: bool, symlink_or_copy: Callable[..., None]
) -> None:
    """Put the interpreter into ``context.bin_path``, under all of its names.

    The file itself is called as the base was started; the other names point to it.
    """
    put = symlink_or_copy
    if not symlinks and _IS_PYPY:
        if os.path.islink(context.executable):
            put = _link_to_original
        for source, path in companions(context.executable, context.env_dir):
            _copy_companion(source, path)
    put(context.executable, context.env_exe)
    _make_executable(context.env_exe)
    for path in other_names(context.bin_path, context.python_exe):
        put(context.env_exe, path, relative_symlinks_ok=True)
        _make_executable(path)
    for path in outdated_names(context.bin_path, os.listdir(context.bin_path)):
        os.unlink(path)


def _link_to_original(src: str, dst: str, relative_symlinks_ok: bool = False) -> None:  # noqa: ARG001
    """Stand in for a copy of a linked PyPy, which would not find its library."""
    _files.symlink(os.path.realpath(src), dst)


def companions(executable: str, env_dir: str) -> list[tuple[str, str]]:
    """Return what a copy of PyPy wants beside it: sources, and where they go.

    Its library lies beside the executable, unless it is a system library. Portable
    builds list more in a file, relative to ``lib``.
    """
    bin_path, lib = os.path.split(executable)[0], os.path.join(env_dir, "lib")
    base_lib = os.path.join(bin_path, os.pardir, "lib")
    library = "libpypy{}.{}-c".format(*sys.version_info[:2])
    pairs = [
        (
            os.path.join(bin_path, library + suffix),
            os.path.join(env_dir, BIN_NAME, library + suffix),
        )
        for suffix in (".so", ".dylib")
    ]
    try:
        with open(os.path.join(base_lib, "PYPY_PORTABLE_DEPS.txt"), encoding="utf-8") as file:
            names = file.read().split("\n")
    except OSError:
        names = []
    pairs += [(os.path.join(base_lib, name), os.path.join(lib, name)) for name in names if name]
    return [(source, path) for source, path in pairs if os.path.exists(source)]


def _copy_companion(source: str, path: str) -> None:
    if os.path.isdir(source):
        from . import shutil

        shutil.copytree(source, path, copy_function=shutil.copyfile, dirs_exist_ok=True)
    else:
        _files.copy(source, path)
        os.chmod(path, 0o755)  # noqa: S103 - libraries are for everybody


def other_names(bin_path: str, python_exe: str) -> list[str]:
    """Return the further paths under which the interpreter *python_exe* is to be found."""
    names = ["python", "python3", _versioned_name(), *(["pypy3", "pypy"] if _IS_PYPY else [])]
    if _compat.PI_NAME and sys.getfilesystemencoding() == "utf-8":
        names.append("\U0001d70bthon")  # mathematical italic small pi
    return [os.path.join(bin_path, name) for name in names if name != python_exe]


def outdated_names(bin_path: str, present: list[str]) -> list[str]:
    """Return which of the names *present* in *bin_path* promise another Python version.

    They come from an environment that belonged to another version before, and would
    now start this one, or one that finds no library.
    """
    return [
        os.path.join(bin_path, name)
        for name in present
        if name.startswith("python3.")
        and name[len("python3.") :].rstrip("t").isdigit()
        and name.rstrip("t") != _versioned_name()
    ]


def _versioned_name() -> str:
    return "python{}.{}".format(*sys.version_info[:2])


def _make_executable(path: str) -> None:
    if not os.path.islink(path):
        os.chmod(path, 0o755)  # noqa: S103 - an interpreter is for everybody


def lock(path: str) -> int | None:
    """Lock the directory *path* itself and return the handle for :func:`unlock`.

    The lock excludes other processes and other threads of this one, and ends with the
    process at the latest.

    :returns: None if another run holds the lock.
    :raises OSError: there is no such directory, or no lock can be had there.
    """
    try:
        import fcntl
    except ImportError:  # WebAssembly
        raise OSError(errno.ENOLCK, "No locks available", path) from None
    descriptor = os.open(path, _DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            return None
        raise
    return descriptor


def unlock(handle: int) -> None:
    """Give up the lock that :func:`lock` returned *handle* for.

    Closing alone would not do: a child process may have a duplicate of the descriptor.
    """
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_UN)
    finally:
        os.close(handle)
