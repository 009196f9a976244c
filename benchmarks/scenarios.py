"""What is measured: tables of scenarios, and the runs that they and the peers make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.peers import Peer

#: What needs the network is done no more often than this.
_DOWNLOADS = 3

_ALWAYS = 1_000_000

_IS_ENVIRONMENT = (
    "{env}/bin/python",
    "-c",
    "import sys; sys.exit(sys.prefix == sys.base_prefix)",
)
PIP_VERSION = ("{env}/bin/pip", "--version")
_PIP_INSTALL = ("{env}/bin/pip", "install", "--no-index", "--no-deps", "{wheel}")
_IMPORT_INSTALLED = ("{env}/bin/python", "-c", "import benchmarked")


@dataclass(frozen=True)
class Scenario:
    """Something that every peer is asked to do."""

    name: str
    title: str
    #: The attribute of :class:`Peer` with the options for it.
    options: str = ""
    #: What the user does next, which is measured too.
    then: tuple[str, ...] = ()
    #: What must succeed afterwards, and is not measured.
    check: tuple[str, ...] = ()
    #: How often a round has it: what costs little is measured more often.
    times: int = 1


@dataclass(frozen=True)
class Run:
    """One peer doing what one scenario says."""

    scenario: Scenario
    peer: Peer | None
    name: str
    command: tuple[str, ...]
    rounds: int = _ALWAYS


START = Scenario("start", "a bare interpreter starts", times=4)
IMPORT = Scenario("import", "an interpreter starts and imports the package", times=4)
PLAIN = Scenario("plain", "an environment without pip", "without_pip", (), _IS_ENVIRONMENT, 4)
PIP = Scenario("pip", "an environment with pip", "with_pip", (), PIP_VERSION)
COLD = Scenario("cold", "the same with an empty cache", "with_cold_cache", (), PIP_VERSION)
VERSION = Scenario("version", "from nothing to the first `pip --version`", "with_pip", PIP_VERSION)
INSTALL = Scenario(
    "install",
    "from nothing to the first finished `pip install`",
    "with_pip",
    _PIP_INSTALL,
    _IMPORT_INSTALLED,
)

OTHER = Scenario("other", "`--python PATH`, without pip", "", (), _IS_ENVIRONMENT, 4)
CHECK = Scenario("check", "`--check` of a healthy environment with pip", times=4)

#: What one program does, as its own process.
SCENARIOS = (START, IMPORT, PLAIN, PIP, COLD, VERSION, INSTALL, OTHER, CHECK)

#: What newvenv alone does.
_NEWVENV = ("{python}", "-m", "newvenv")
_ALONE = (
    Run(OTHER, None, "newvenv", (*_NEWVENV, "--python", "{base}", "--without-pip", "{env}")),
    Run(CHECK, None, "newvenv", (*_NEWVENV, "--check", "{healthy}")),
)

#: What is called in one running interpreter: the options of ``create()``, and how
#: often a round has it.
CALLS: dict[Scenario, tuple[dict[str, bool], int]] = {
    Scenario("create", "`create(DIR)` in a running process"): ({}, 10),
    Scenario("create-links", "`create(DIR, symlinks=True)`"): ({"symlinks": True}, 10),
    Scenario("create-pip", "`create(DIR, symlinks=True, with_pip=True)`"): (
        {"symlinks": True, "with_pip": True},
        1,
    ),
}

TITLES = {scenario.name: scenario.title for scenario in (*SCENARIOS, *CALLS)}


def runs(peers: Iterable[Peer]) -> list[Run]:
    """Return all runs of *peers* that a round has."""
    python = ("{python}", "-c")
    imports = [Run(IMPORT, None, name, (*python, f"import {name}")) for name in ("newvenv", "venv")]
    start = Run(START, None, "python", (*python, "pass"))
    creating = [_creating(scenario, peer) for scenario in SCENARIOS[2:-2] for peer in peers]
    return [start, *imports, *(run for run in creating if run), *_ALONE]


def _creating(scenario: Scenario, peer: Peer) -> Run | None:
    """Return how *peer* does *scenario*, or None if that's not one of its abilities."""
    options = getattr(peer, scenario.options)
    if scenario is COLD:
        if peer.cache is None:
            return None
        options = peer.with_pip if options is None else options
    if options is None:
        return None
    downloads = scenario is COLD and peer.downloads
    command = (*peer.command, *options, "{env}")
    return Run(scenario, peer, peer.name, command, _DOWNLOADS if downloads else _ALWAYS)
