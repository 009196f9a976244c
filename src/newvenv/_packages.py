"""The environment's own Python as a child process: how it is run, what pip may change in it."""

from __future__ import annotations

import os

from . import _compat, _files

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Collection, Iterator

#: What the packages that ensurepip installs have in site-packages.
_TOP_LEVEL = frozenset(
    ["pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence.pth"]
)


def child_environment(env_dir: str, py_args: tuple[str, ...]) -> dict[str, str]:
    """Return the variables for running the environment's Python on *py_args*.

    A module that is asked for by name is one that is installed, so nothing that lies
    in the environment's directory, where Python runs, may come before it. The stub of a
    framework build leaves a variable that would make the child take itself for the
    parent (macOS, bpo-22490).
    """
    variables = dict(os.environ, VIRTUAL_ENV=env_dir)
    for name in ("PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__"):
        variables.pop(name, None)
    if _compat.SAFE_PATH and py_args[:1] == ("-m",):
        variables["PYTHONSAFEPATH"] = "1"
    return variables


#: Executables of which a copy has been seen to run.
_copied: set[str] = set()


def try_copy(context: types.SimpleNamespace, call_new_python: Callable[..., object]) -> None:
    """Start a copied interpreter, which may not find its libraries: once for each original.

    :raises subprocess.CalledProcessError: it can't run.
    """
    if context.executable not in _copied:
        from . import subprocess

        call_new_python(context, "-c", "", stderr=subprocess.STDOUT)
        _copied.add(context.executable)


def guard(context: types.SimpleNamespace, projects: Collection[str]) -> None:
    """Let the run in *context*'s environment keep what pip may replace there.

    :param projects: what pip may be asked for, beside itself. (What these depend on is
        not known here, and stays when it has been added.)
    """
    if _files.is_in_new_target(os.path.join(context.env_dir, "")):
        return  # All goes with it.
    names = {_normalized(project) for project in (*projects, "pip", "setuptools")}
    directories = {getattr(context, name, "") for name in ("lib_path", "platlib_path")}
    for directory in sorted(filter(None, directories)):
        files = {*_TOP_LEVEL, *_recorded(directory, names)}
        tops = {file.partition("/")[0] for file in files}
        scripts = {os.path.basename(file) for file in files if file.startswith("..")}
        _guard(directory, lambda name, tops=tops: _is_guarded(name, tops, names))  # type: ignore[misc]
        _guard(context.bin_path, lambda name, scripts=scripts: _is_script(name, scripts))  # type: ignore[misc]


def _guard(directory: str, is_guarded: Callable[[str], bool]) -> None:
    run = _files.journal_of(os.path.join(directory, "pip"))
    if run is not None and directory not in run.guarded:
        names = set(filter(is_guarded, _files.names_in(directory)))
        for name in names:
            run.keep(os.path.join(directory, name), _copy)
        run.steps.append((_remove_others, (directory, names, is_guarded)))
        run.guarded.add(directory)


def _remove_others(directory: str, names: set[str], is_guarded: Callable[[str], bool]) -> None:
    for name in _files.names_in(directory):
        if name not in names and is_guarded(name):
            _files.delete(os.path.join(directory, name))


def _copy(path: str, target: str) -> None:
    """Copy *path*; files in packages are linked, as pip replaces them."""
    from shutil import copy2, copytree

    if _files.is_directory(path):
        copytree(path, target, symlinks=True, copy_function=_link, dirs_exist_ok=True)
    else:
        copy2(path, target, follow_symlinks=False)


def _link(path: str, target: str) -> None:
    try:
        os.link(path, target)
    except FileExistsError:
        pass  # It has been kept before.
    except OSError:
        from shutil import copy2

        copy2(path, target)


def recover(kept: str, env_dir: str) -> None:
    """Put back what a killed run has *kept*, where it is missing or left in part by pip.

    pip writes a project's ``.dist-info`` last and removes it first: if each project has one
    then what is there is whole, and stays. Scripts come back where they are missing.
    """
    for copy, directories, _ in os.walk(kept):
        infos = [name for name in directories if name.endswith(".dist-info")]
        if infos:
            _recover_packages(copy, infos, os.path.join(env_dir, os.path.relpath(copy, kept)))
            _files.delete(copy)
            directories.clear()
    _files.move(kept, env_dir)


def _recover_packages(copy: str, infos: list[str], directory: str) -> None:
    there = {
        name.partition("-")[0] for name in _files.names_in(directory) if name.endswith(".dist-info")
    }
    if there.issuperset(name.partition("-")[0] for name in infos):
        return
    copied = os.listdir(copy)
    ends = tuple(name[1:] for name in copied)
    for name in _files.names_in(directory):
        if name in copied or (name.startswith("~") and name.lstrip("~").endswith(ends)):
            _files.delete(os.path.join(directory, name))
    _files.move(copy, directory)


def _normalized(project: str) -> str:
    """Return the name of *project* as the names of files have it (PEP 427)."""
    return project.lower().replace("-", "_").replace(".", "_")


def _recorded(directory: str, names: Collection[str]) -> Iterator[str]:
    """Yield the files of the distributions *names* in *directory*, as their RECORD has them."""
    for name in os.listdir(directory) if os.path.isdir(directory) else ():
        project, dash, rest = name.partition("-")
        if dash and rest.endswith(".dist-info") and _normalized(project) in names:
            try:
                with open(os.path.join(directory, name, "RECORD"), encoding="utf-8") as file:
                    yield from (line.rsplit(",", 2)[0].strip('"') for line in file)
            except (OSError, UnicodeDecodeError):
                continue


def _is_guarded(name: str, tops: Collection[str], names: Collection[str]) -> bool:
    project, dash, rest = name.partition("-")
    if dash and rest.endswith((".dist-info", ".egg-info")) and _normalized(project) in names:
        return True
    # pip renames what it uninstalls: its first characters become "~".
    rest = name.lstrip("~")
    return name in tops or (rest != name and any(top.endswith(rest) for top in tops))


def _is_script(name: str, scripts: Collection[str]) -> bool:
    stem = name[:-4] if name.endswith(".exe") else name
    version = stem[len("pip") :].replace(".", "")
    return name in scripts or (stem.startswith("pip") and (not version or version.isdigit()))
