"""What pip, in a child process, may replace, remove and add when it installs packages."""

from __future__ import annotations

import os

from . import _files

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    from collections.abc import Collection, Iterator

#: What the packages that ensurepip installs have in site-packages.
_TOP_LEVEL = frozenset(
    ["pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence.pth"]
)


def guard(context: types.SimpleNamespace, projects: Collection[str]) -> None:
    """Let the run in *context*'s environment keep what pip may replace there.

    :param projects: what pip may be asked for, beside itself. (What these depend on is
        not known here, and stays when it has been added.)
    """
    names = {_normalized(project) for project in (*projects, "pip", "setuptools")}
    directories = {getattr(context, name, "") for name in ("lib_path", "platlib_path")}
    for directory in sorted(filter(None, directories)):
        run = _files.journal_of(os.path.join(directory, "pip"))
        if run is not None:
            files = {*_TOP_LEVEL, *_recorded(directory, names)}
            tops = {file.partition("/")[0] for file in files}
            run.guard(directory, lambda name, tops=tops: _is_guarded(name, tops, names))  # type: ignore[misc]
            scripts = {os.path.basename(file) for file in files if file.startswith("..")}
            run.guard(context.bin_path, lambda name, scripts=scripts: _is_script(name, scripts))  # type: ignore[misc]


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
                    yield from (line.partition(",")[0].strip('"') for line in file)
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
