"""The results as JSON, as Markdown and as a chart."""

from __future__ import annotations

import importlib
import io
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from benchmarks.peers import PEERS
from benchmarks.scenarios import TITLES
from benchmarks.targets import verdicts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from benchmarks.disk import Disk
    from benchmarks.measure import Figure

#: The panels of the chart, what matters most first: scenarios and their titles.
_CHARTED = {
    "install": "to the first finished pip install (warm cache)",
    "pip": "with pip (warm cache)",
    "cold": "with pip (empty cache)",
    "plain": "without pip",
}


_NOTES = """\
Medians: CPU time of all processes / wall time. The peers take turns in random order, with
caches of their own, which are warm unless said otherwise; each environment is checked to
work after it was measured. Only uv may have to download pip, when its cache is empty; else it
runs with `--offline`, as virtualenv does with `--no-periodic-update`.
What pip costs later differs by its version, too: see above which one each peer installs."""


@dataclass(frozen=True)
class Number:
    """What one of *count* environments costs: milliseconds, and the process's MiB at most."""

    way: str
    count: int
    cpu: float
    wall: float
    memory: float


@dataclass(frozen=True)
class Results:
    """Everything that one run of the benchmarks has found out."""

    #: When, by which command, on which machine, with which versions.
    facts: dict[str, str]
    #: The pip that each peer installs.
    pip: dict[str, str]
    figures: list[Figure]
    numbers: list[Number]
    disk: list[Disk]


def as_json(results: Results) -> str:
    """Return the results, and what follows from them, as JSON."""
    everything = asdict(results)
    everything["targets"] = [asdict(verdict) for verdict in verdicts(results.figures)]
    return json.dumps(_rounded(everything), indent=2) + "\n"


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(value, 3) if isinstance(value, float) else value


def as_markdown(results: Results) -> str:
    """Return the results as tables."""
    parts = [
        "# newvenv and its peers\n",
        _facts(results),
        "## To reach\n\nRatios of CPU time; the peer is the best one of those that count.\n",
        _targets(results.figures),
        f"## Milliseconds\n\n{_NOTES}\n",
        _figures(results.figures),
        "## By number\n\nWhat one environment with pip costs when newvenv makes many, without "
        "the interpreter's start.\n",
        _numbers(results.numbers),
        "## On the disk\n\nKiB of an environment with pip; what is hard-linked counts once.\n",
        _disk(results.disk),
    ]
    return "\n".join(parts)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; all columns but the first are numbers, at the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _facts(results: Results) -> str:
    pips = ", ".join(f"{pip} by {peer}" for peer, pip in results.pip.items())
    facts = {**results.facts, "installed": pips}
    return "".join(f"- {name}: {value}\n" for name, value in facts.items())


def _targets(figures: Iterable[Figure]) -> str:
    rows = [
        (verdict.title, verdict.rival, verdict.measured, verdict.to_reach, _yes(verdict.reached))
        for verdict in verdicts(figures)
    ]
    return table(("", "peer", "measured", "to reach", "reached"), rows)


def _yes(value: bool) -> str:
    return "yes" if value else "**no**"


def _figures(figures: Iterable[Figure]) -> str:
    cells = {(figure.scenario, figure.peer): _cell(figure) for figure in figures}
    names = ("python", *(peer.name for peer in PEERS))
    peers = [name for name in names if any(name == peer for _, peer in cells)]
    scenarios = dict.fromkeys(scenario for scenario, _ in cells)
    rows = [
        (TITLES[scenario], *(cells.get((scenario, peer), "") for peer in peers))
        for scenario in scenarios
    ]
    return table(("", *peers), rows)


def _cell(figure: Figure) -> str:
    return f"{_short(figure.cpu)} / {_short(figure.wall)}"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def _numbers(numbers: Iterable[Number]) -> str:
    rows = [
        (each.way, str(each.count), _short(each.cpu), _short(each.wall), f"{each.memory:.1f}")
        for each in numbers
    ]
    return table(("", "environments", "CPU ms each", "wall ms each", "memory, MiB"), rows)


def _disk(disk: Iterable[Disk]) -> str:
    rows = [
        (each.peer, *(f"{x:.0f}" for x in (each.own, each.shared, each.cache)), str(each.entries))
        for each in disk
    ]
    return table(("", "its own", "shared with the cache", "the cache", "files and folders"), rows)


def as_svg(results: Results) -> str:
    """Return a chart of the CPU time that environments cost."""
    matplotlib = importlib.import_module("matplotlib")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "newvenv"})
    figure = importlib.import_module("matplotlib.figure").Figure((10, 6), layout="constrained")
    for (scenario, title), axis in zip(_CHARTED.items(), figure.subplots(2, 2).flat):
        _panel(axis, title, bars(results.figures, scenario))
    figure.suptitle("To make an environment: CPU time in milliseconds")
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def bars(figures: Iterable[Figure], scenario: str) -> list[tuple[str, float, str]]:
    """Return name, CPU time and colour of each peer in *scenario*, the quickest first.

    Who has no cache needs the same time whether or not caches are empty.
    """
    cpu = {(figure.scenario, figure.peer): figure.cpu for figure in figures}
    found = []
    for peer in PEERS:
        asked = "pip" if scenario == "cold" and peer.cache is None else scenario
        if (asked, peer.name) in cpu:
            found.append((peer.name, cpu[asked, peer.name], peer.color))
    return sorted(found, key=lambda bar: bar[1])


def _panel(axis: Any, title: str, these: Sequence[tuple[str, float, str]]) -> None:
    names, values, colors = zip(*these)
    drawn = axis.barh(names, values, color=colors)
    axis.bar_label(drawn, [_short(value) for value in values], padding=3)
    axis.set_title(title, loc="left", fontsize=11)
    axis.invert_yaxis()
    axis.margins(x=0.12)
    axis.xaxis.set_visible(False)
    axis.spines[["top", "right", "bottom"]].set_visible(False)
    axis.tick_params(left=False)


RENDERERS = {"results.json": as_json, "results.md": as_markdown, "chart.svg": as_svg}
