"""Compile the sources of an image on all cores: it takes most of the time.

Each core gets a process that imports this module alone, without the package, and nothing
from where it happens to be started; none of the user's settings change what it makes.
"""

from __future__ import annotations

import errno
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .image import Entry

#: What such a process runs (with ``-I -S``); the argument is this module's directory.
_PROGRAM = "import sys; sys.path.append(sys.argv[1]); import bytecode; bytecode.compile_share()"


def compile_all(site: str, names: list[str], time: int, python: str) -> dict[str, Entry]:
    """Write the bytecode of each source in *names*, and describe it for the manifest.

    Sources with syntax errors are left out, as pip does: templates may be like that.

    :param python: the interpreter to compile with, of the running version.
    """
    import marshal

    # The largest first: what they took is used again for the others, at half the page faults.
    names = sorted(names, key=lambda name: -os.path.getsize(f"{site}/{name}"))
    # Starting a process costs as much as compiling a dozen modules.
    count = max(1, min(_cores(), 16, len(names)))
    processes: list[Any] = []
    entries: dict[str, Entry] = {}
    try:
        for n in range(count):
            processes.append(_start(python, site, time, names[n::count]))
        for process in processes:
            number, found = marshal.loads(process.stdout.read())  # noqa: S302  # our own child
            if number:
                raise OSError(number, os.strerror(number), site)
            entries.update(found)
    except (EOFError, ValueError, TypeError) as damage:
        raise ValueError("a process that compiles the packages failed") from damage
    finally:
        for process in processes:
            process.kill()
            with process:  # closes its pipes and waits for its end
                pass
    return entries


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start(python: str, site: str, time: int, names: list[str]) -> Any:
    """Start a process that runs :func:`compile_share`."""
    import marshal
    from subprocess import DEVNULL, PIPE, Popen

    home = os.path.dirname(os.path.abspath(__file__))
    command = [python, "-I", "-S", "-W", "ignore", "-c", _PROGRAM, home]
    process: Any = Popen(command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
    try:
        with process.stdin as pipe:
            pipe.write(marshal.dumps((sys.implementation.cache_tag, site, time, names)))
    except BrokenPipeError:
        pass  # It has died at once, which its missing result tells.
    return process


def compile_share() -> None:
    """Compile what standard input asks for, and describe the result on standard output."""
    import marshal

    tag, site, time, names = marshal.loads(sys.stdin.buffer.read())  # noqa: S302  # from our parent
    if tag != sys.implementation.cache_tag:
        raise SystemExit(f"{sys.executable} writes bytecode for {sys.implementation.cache_tag}")
    number, entries = 0, {}
    for name in names:
        try:
            entries[name] = _compile(site, name, time)
        except (SyntaxError, ValueError, RecursionError):
            continue
        except OSError as error:
            number = error.errno or errno.EIO
            break
    sys.stdout.buffer.write(marshal.dumps((number, entries)))


def _compile(site: str, name: str, time: int) -> Entry:
    """Write the bytecode of one source, valid as long as that has this time and size."""
    import marshal
    from _frozen_importlib_external import MAGIC_NUMBER
    from binascii import crc32

    with open(f"{site}/{name}", "rb", buffering=0) as file:
        source = file.read()
    # The name is relative, as the image is for any place; the import system puts the
    # real one in when it loads the bytecode.
    code = compile(source, name, "exec", dont_inherit=True, optimize=0)
    numbers = (0, time & 0xFFFF_FFFF, len(source) & 0xFFFF_FFFF)
    header = MAGIC_NUMBER + b"".join(number.to_bytes(4, "little") for number in numbers)
    path, data = path_for(name), header + marshal.dumps(code)
    write(f"{site}/{path}", data, time)
    return path, len(data), crc32(data), False


def path_for(name: str) -> str:
    """Return where Python looks for the bytecode of the source *name* (PEP 3147)."""
    folder, slash, base = name.rpartition("/")
    return f"{folder}{slash}__pycache__/{base[:-3]}.{sys.implementation.cache_tag}.pyc"


def write(path: str, data: bytes, time: int, mode: int = 0o644) -> None:
    """Write the new file *path* of an image, with this time and, whatever the umask, mode."""
    with open(path, "xb", buffering=0) as file:
        while data:
            data = data[file.write(data) :]
    os.utime(path, (time, time))
    os.chmod(path, mode)
