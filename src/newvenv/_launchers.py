"""What goes into a Windows environment, as names of files: pure functions, for any platform.

Each maps names in the environment to the names of their sources. Which version of Python it
is never matters; what a base installation offers is seen in its directory.
"""

from __future__ import annotations

import ntpath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

#: The interpreter's own DLLs, by the start of their names.
_DLLS = ("python", "vcruntime")

#: Embedded Python has its standard library in a ZIP file, sought beside its DLL.
_ENDS = (".dll", ".zip")

#: The start of the name of PyPy's DLL, which tells that a base installation is PyPy.
_PYPY_DLL = "libpypy"


def names(kind: str, debug: str, tag: str) -> list[str]:
    """Return every name that the environment's interpreter gets.

    :param kind: ``"python"`` or ``"pythonw"``, the one without a console.
    :param debug: ``"_d"`` or ``""``.
    :param tag: for a free-threaded build such as ``"3.13t"``, else ``""``.
    """
    middles, ends = dict.fromkeys(("", tag)), dict.fromkeys(("", debug))
    return [f"{kind}{middle}{end}.exe" for middle in middles for end in ends]


def source_tag(base: Iterable[str], debug: str, tag: str) -> str:
    """Return *tag* if the base's executables carry it, else ``""`` (gh-149786).

    Where both builds share a directory, ``python3.13t.exe`` is the free-threaded one and
    ``python.exe`` the other. One on its own may be called just ``python.exe``.
    """
    return tag if f"python{tag}{debug}.exe" in _normalized(base) else ""


def link_sources(base: Iterable[str], own: str, debug: str, tag: str) -> dict[str, str]:
    """Map the environment's executables to those of the base that they are links to.

    A base without ``pythonw.exe``, as minimal distributions are, gives an environment
    without one, rather than a link to nowhere.

    :param base: the names of the files beside the base interpreter.
    :param own: the base interpreter's own name, for one that is called otherwise.
    """
    present = _normalized(base)
    end = f"{source_tag(present, debug, tag)}{debug}.exe"
    sources: dict[str, str] = {}
    for kind, otherwise in (("python", own), ("pythonw", "")):
        source = kind + end if kind + end in present else otherwise
        if source:
            sources.update(dict.fromkeys(names(kind, debug, tag), source))
    return sources


def companions(base: Iterable[str]) -> dict[str, str]:
    """Map the files that an interpreter, other than a launcher, needs beside it.

    Its DLLs and what they need; for PyPy every executable and DLL, as its own ``venv`` has it.
    """
    files = {name: ntpath.normcase(name) for name in sorted(base)}
    if any(file.startswith(_PYPY_DLL) for file in files.values()):
        return {name: name for name, file in files.items() if file.endswith((".exe", ".dll"))}
    return {
        name: name
        for name, file in files.items()
        if file.startswith(_DLLS) and file.endswith(_ENDS)
    }


def copy_sources(
    launchers: Iterable[str], base: Iterable[str], debug: str, tag: str, *, build: bool
) -> dict[str, str]:
    """Map the environment's executables to the launchers that they are copies of.

    Empty if there is no launcher for ``python.exe``. The one for ``pythonw.exe`` is named
    also if it is missing: then that is found out, and told, by copying it.

    :param launchers: the names of the files in the launchers' directory.
    :param base: the names of the files beside the base interpreter.
    :param build: are these one directory, a build tree's, where ``python.exe`` is no launcher?
    """
    present = _normalized(launchers)
    tagged = bool(source_tag(base, debug, tag))
    sources: dict[str, str] = {}
    for kind, window in (("python", ""), ("pythonw", "w")):
        candidates = _launchers(window, debug, tag, tagged=tagged, build=build)
        source = next((name for name in candidates if name in present), candidates[0])
        sources.update(dict.fromkeys(names(kind, debug, tag), source))
    return sources if sources["python.exe"] in present else {}


def _launchers(window: str, debug: str, tag: str, *, tagged: bool, build: bool) -> list[str]:
    """Return what the wanted launcher may be called, best first.

    A launcher starts the name that it was built for. So one without the ``t`` is of no
    use where the base's names are tagged: it would start the other build.
    """
    plain = [f"venv{window}launcher{debug}.exe"]
    if not build:
        plain.append(f"python{window}{debug}.exe")  # what it was called up to Python 3.12
    if not tag:
        return plain
    return [f"venv{window}launchert{debug}.exe", *([] if tagged else plain)]


def outdated_names(present: Iterable[str], version: str) -> list[str]:
    """Return which names of executables promise another Python than *version*.

    Free-threaded builds leave such a name: once the environment belongs to another
    version, it starts nothing, or what has none of the environment's packages.
    """
    return [name for name in present if _promised(name) not in ("", version)]


def _promised(name: str) -> str:
    """Return ``"3.13"`` for ``pythonw3.13t_d.exe``, ``""`` for a name without a version."""
    stem, extension = ntpath.splitext(ntpath.normcase(name))
    number = stem[len("python") :].lstrip("w")
    for ending in ("_d", "t"):
        number = number[: -len(ending)] if number.endswith(ending) else number
    is_ours = stem.startswith(("python3.", "pythonw3."))
    return number if is_ours and extension == ".exe" and number[2:].isdigit() else ""


def _normalized(listing: Iterable[str]) -> set[str]:
    return {ntpath.normcase(name) for name in listing}
