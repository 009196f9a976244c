"""Who is measured, by which command: tables, and what must be installed for them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What must be installed beside the Python that runs the benchmarks.
REQUIRED = ("virtualenv", "uv", "matplotlib")


class Failure(Exception):
    """Nothing can be measured; the text says why and what to do, in one line."""


@dataclass(frozen=True)
class Peer:
    """A program that makes environments, used in one certain way.

    In *command* and the options, ``{python}`` is the measured interpreter, which has
    newvenv and virtualenv installed, ``{base}`` the one that environments are made of,
    ``{bundle}`` the folder of the wheels of its ``ensurepip``, whose pip is ``{pip}``, and
    ``{uv}`` the binary of uv. The path of the new environment comes last.
    """

    name: str
    command: tuple[str, ...]
    #: The options by which it installs pip, does without, and installs pip when its
    #: cache is empty, as far as these are not ``with_pip``.
    with_pip: tuple[str, ...] = ()
    without_pip: tuple[str, ...] | None = ("--without-pip",)
    with_cold_cache: tuple[str, ...] | None = None
    #: The options by which the pip that it installs is the one of ``ensurepip``.
    with_same_pip: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    #: The variable that names its cache; None if it has no cache.
    cache: str | None = None
    #: Is this what its users get unless they ask for something else?
    default: bool = True
    #: Does a run with an empty cache ask the package index?
    downloads: bool = False
    color: str = "#888888"


_NEWVENV = ("{python}", "-m", "newvenv")
_SOURCES = str(Path(__file__).parents[1] / "src")
_VIRTUALENV = ("{python}", "-m", "virtualenv", "--no-periodic-update")
_VIRTUALENV_SAME_PIP = ("--extra-search-dir", "{bundle}", "--pip", "{pip}")

PEERS = (
    Peer("newvenv", _NEWVENV, cache="NEWVENV_CACHE_DIR", color="#1f77b4"),
    Peer(
        "newvenv, hard links",
        _NEWVENV,
        settings={"NEWVENV_LINK_MODE": "hardlink"},
        without_pip=None,
        cache="NEWVENV_CACHE_DIR",
        default=False,
        color="#7fb2d9",
    ),
    Peer(
        "newvenv, checkout",
        ("{base}", "-m", "newvenv"),
        settings={"PYTHONPATH": _SOURCES},
        without_pip=None,
        cache="NEWVENV_CACHE_DIR",
        default=False,
        color="#aec7e8",
    ),
    Peer("venv", ("{python}", "-m", "venv"), color="#666666"),
    Peer(
        "virtualenv",
        _VIRTUALENV,
        with_same_pip=_VIRTUALENV_SAME_PIP,
        cache="VIRTUALENV_OVERRIDE_APP_DATA",
        color="#d98c3f",
    ),
    Peer(
        "virtualenv, symbolic links",
        (*_VIRTUALENV, "--symlink-app-data"),
        without_pip=None,
        with_same_pip=_VIRTUALENV_SAME_PIP,
        cache="VIRTUALENV_OVERRIDE_APP_DATA",
        default=False,
        color="#ebc196",
    ),
    Peer(
        "uv",
        ("{uv}", "venv", "--python", "{base}"),
        with_pip=("--seed", "--offline"),
        without_pip=("--offline",),
        with_cold_cache=("--seed",),
        with_same_pip=("--no-index", "--find-links", "{bundle}"),
        cache="UV_CACHE_DIR",
        downloads=True,
        color="#9467bd",
    ),
)

#: The names of those that newvenv is compared with.
RIVALS = tuple(peer.name for peer in PEERS if "newvenv" not in peer.name)
DEFAULT_RIVALS = tuple(peer.name for peer in PEERS if peer.name in RIVALS and peer.default)


def with_same_pip(peer: Peer) -> Peer:
    """Return *peer* as it installs the pip that the interpreter's ``ensurepip`` has."""
    cold = peer.with_pip if peer.with_cold_cache is None else peer.with_cold_cache
    return replace(
        peer,
        with_pip=(*peer.with_pip, *peer.with_same_pip),
        with_cold_cache=(*cold, *peer.with_same_pip),
        downloads=False,
    )


def versions() -> dict[str, str]:
    """Return the versions of the :data:`REQUIRED` distributions.

    :raises Failure: some of them are not installed; it says how to install them.
    """
    found, missing = {}, []
    for name in REQUIRED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        these = " ".join(missing)
        raise Failure(f"not installed here: {these}; run: python -m pip install {these}")
    return found
