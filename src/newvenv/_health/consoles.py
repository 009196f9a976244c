"""The scripts in ``bin``: do they run under the environment's own interpreter?"""

from __future__ import annotations

import os

from . import activation, disk, packages, scripts
from .environment import EXE, is_interpreter
from .interpreter import commanded, follow, remedy, required_names
from .problem import Problem, mendable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .environment import Environment
    from .scripts import Shebang


def find(env: Environment) -> Iterator[Problem]:
    """Yield the scripts that run under the interpreter of the place the environment was at.

    A user's own script counts only if it names exactly that interpreter.
    """
    suspects = {name: found for name, found in read(env).items() if not _runs(env, found)}
    if not suspects:
        return
    former = former_paths(env, suspects)
    groups: dict[str, list[str]] = {}
    for name, found in suspects.items():
        place = _place(env, found)
        if place in former:
            groups.setdefault(place, []).append(name)
    for place, names in groups.items():
        yield _moved(env, place, names)


def _runs(env: Environment, found: Shebang) -> bool:
    """Does a script run under an interpreter that *env* has, or ought to have?"""
    bin_path, name = os.path.split(found.interpreter)
    return name in (*env.names, *required_names(env)) and (
        bin_path == env.bin_path or env.is_here(os.path.dirname(bin_path))
    )


def _moved(env: Environment, former: str, names: list[str]) -> Problem:
    count = f"{len(names)} scripts run" if len(names) > 1 else "1 script runs"
    bin_name = os.path.basename(env.bin_path)
    message = f"{count} under {os.path.join(former, bin_name)}: {packages.listed(names)}"

    def mend() -> str:
        rename(env, names)
        follow(env, former)
        return f"{packages.listed(names)} now run under {env.bin_path}"

    path = os.path.join(env.bin_path, names[0])
    return mendable("script-moved", path, message, remedy(env), mend)


def read(env: Environment) -> dict[str, Shebang]:
    """Return the interpreter that each script in ``bin`` names, if it names one."""
    found = {}
    for name in env.names:
        if not is_interpreter(name) and not activation.is_activation(name):
            shebang = shebang_of(os.path.join(env.bin_path, name))
            if shebang is not None:
                found[name] = shebang
    return found


def shebang_of(path: str) -> Shebang | None:
    """Return the first line of the script or launcher *path* in its parts, None if it has none."""
    if os.path.islink(path):
        return None  # What it leads to is looked at by itself, or not the environment's.
    data = disk.contents(path, scripts.HEAD)
    if data and data.startswith(b"MZ"):
        data = scripts.read(disk.contents(path) or b"")[1]
    return scripts.shebang(data) if data else None


def _place(env: Environment, found: Shebang) -> str:
    """Return the environment that an interpreter would be in; ``""`` if it can't be in one."""
    bin_path, name = os.path.split(found.interpreter)
    place, bin_name = os.path.split(bin_path)
    is_like = bin_name == os.path.basename(env.bin_path) and is_interpreter(name)
    return place if is_like else ""


def former_paths(env: Environment, shebangs: dict[str, Shebang]) -> set[str]:
    """Return where the environment has been, to go by what was written at that time.

    That is activation scripts, ``command`` in ``pyvenv.cfg``, and the scripts that
    installers have made for the entry points of packages, which can't be meant to run
    under any other interpreter. The
    environment's present path is among them if it has lost an interpreter's name.

    :param shebangs: of the scripts whose interpreter is not in the environment.
    """
    found = set(activation.former_paths(env))
    names = entry_points(env)
    places = {_place(env, shebang) for name, shebang in shebangs.items() if name in names}
    return (found | places | {commanded(env)}) - {""}


def entry_points(env: Environment) -> set[str]:
    """Return the names of the scripts in ``bin`` that were made for entry points."""
    found: set[str] = set()
    for one in packages.distributions(env):
        recorded = [row for row in one.rows if is_in(env, one, row)]
        if recorded:
            declared = declared_scripts(os.path.join(one.site, one.info))
            for row in recorded:
                name = os.path.basename(row[0])
                bare = name[: -len(EXE)] if EXE and name.endswith(EXE) else name
                if bare in declared or one.name == "pip":
                    found.add(name)
    return found


def is_in(env: Environment, one: packages.Distribution, row: packages.Row) -> bool:
    """Is the file in *row* one of ``bin``?"""
    bin_name = os.path.basename(env.bin_path)
    head = os.path.dirname(row[0])
    return head.endswith(bin_name) and os.path.dirname(one.path(row)) == env.bin_path


def declared_scripts(info_path: str) -> dict[str, str]:
    """Return the scripts that ``entry_points.txt`` declares, and what they call."""
    found, is_scripts = {}, False
    lines = disk.text(os.path.join(info_path, "entry_points.txt")).splitlines()
    for line in map(str.strip, lines):
        if line.startswith("["):
            is_scripts = line in ("[console_scripts]", "[gui_scripts]")
        elif is_scripts and "=" in line:
            name, _, target = line.partition("=")
            found[name.strip()] = target.partition("[")[0].strip()
    return found


def rename(env: Environment, names: list[str]) -> None:
    """Let the scripts *names* run under *env*'s interpreter, and correct their RECORDs."""
    changed = {}
    for name in names:
        path = os.path.join(env.bin_path, name)
        launcher, script = scripts.read(disk.contents(path) or b"")
        shebang = scripts.shebang(script)
        if shebang is not None:
            python = os.path.join(env.bin_path, _interpreter(env, shebang))
            changed[path] = launcher + scripts.renamed(script, shebang, python)
            disk.rewrite(path, changed[path])
    correct_records(env, changed)


def _interpreter(env: Environment, found: Shebang) -> str:
    """Return the name of the interpreter to use: the same one, as long as there is one."""
    name = os.path.basename(found.interpreter)
    has_it = os.path.exists(os.path.join(env.bin_path, name))
    return name if has_it else os.path.basename(env.python())


def correct_records(env: Environment, changed: dict[str, bytes]) -> None:
    """Write the hashes and sizes of *changed* files into the RECORDs that list them."""
    for one in packages.distributions(env):
        rows = {row[0]: changed[path] for row in one.rows if (path := one.path(row)) in changed}
        if rows:
            packages.correct_record(os.path.join(one.site, one.info, "RECORD"), rows)
