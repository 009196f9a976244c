"""Measure newvenv and its peers side by side: ``python benchmarks --help``."""

from __future__ import annotations

import argparse
import datetime as dt
import random
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:  # run as a folder: python benchmarks
    sys.path[0] = str(Path(__file__).parents[1])

from benchmarks import machine, peers, report, scenarios
from benchmarks.lab import Lab
from benchmarks.measure import Cost, figures, interleaved

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.measure import Figure

_HERE = Path(__file__).parent

#: How many environments are made in a row, and how often at most that is done.
_NUMBERS = {1: 15, 10: 5, 100: 2, 1000: 1}

#: How much room on the disk one environment needs at most.
_MIB_EACH = 16

#: Functions of inprocess.py that make many environments, and how they do.
_WAYS = {"loop": "a loop of `create()`", "folders": "one command with several ENV_DIRs"}


def main(args: Sequence[str]) -> int:
    """Measure, write the results, and return the exit status."""
    options = _parser().parse_args(args)
    try:
        results = run(options, args)
    except peers.Failure as failure:
        print(f"Error: {failure}", file=sys.stderr)
        return 1
    options.output.mkdir(parents=True, exist_ok=True)
    for name, render in report.RENDERERS.items():
        Path(options.output, name).write_text(render(results), encoding="utf-8")
    print(report.as_markdown(results))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python benchmarks", description=__doc__)
    parser.add_argument("--python", help="a CPython; the newest one on the PATH unless given")
    parser.add_argument("--rounds", type=int, default=15, help="how often each row is measured")
    parser.add_argument("--number", type=int, default=1000, help="environments made in a row")
    parser.add_argument(
        "--same-pip", action="store_true", help="all install the pip of the Python's ensurepip"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the random order")
    parser.add_argument("--quick", action="store_true", help="3 rounds, 10 in a row: a trial")
    parser.add_argument("--output", type=Path, default=_HERE / "results", help="a folder")
    return parser


def run(options: argparse.Namespace, args: Sequence[str]) -> report.Results:
    """Measure what *options* say and return the results.

    :raises peers.Failure: a peer is missing, or something that was run failed.
    """
    if options.quick:
        options.rounds, options.number = 3, 10
    versions = peers.versions()
    these = [peers.with_same_pip(peer) if options.same_pip else peer for peer in peers.PEERS]
    base = machine.checked(options.python) if options.python else machine.newest()
    with tempfile.TemporaryDirectory(prefix="newvenv-") as folder:
        machine.check_room(folder, options.number * _MIB_EACH)
        machine_facts = machine.facts(Path(folder).resolve())
        _say("installing newvenv and virtualenv, filling the caches")
        lab = Lab(Path(folder).resolve(), base, versions["virtualenv"], these)
        return report.Results(
            {**_facts(lab, args), **machine_facts, **versions},
            lab.pip,
            [*_processes(lab, options, scenarios.runs(these)), *_calls(lab, options)],
            list(_numbers(lab, options)),
            [lab.usage(peer) for peer in these],
        )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _facts(lab: Lab, args: Sequence[str]) -> dict[str, str]:
    """Return when and how this is measured, and the versions of what is in *lab*."""
    ask = "import newvenv, platform as p; print(p.python_version(), newvenv.__version__)"
    python, newvenv = lab.output(("{python}", "-c", ask)).split()
    now = dt.datetime.now(dt.timezone.utc)
    return {
        "date": now.strftime("%Y-%m-%d %H:%M UTC"),
        "command": machine.command(args),
        "CPython": python,
        "newvenv": newvenv,
    }


def _processes(
    lab: Lab, options: argparse.Namespace, runs: Sequence[scenarios.Run]
) -> list[Figure]:
    """Measure the peers, each as its own process."""
    costs: dict[tuple[str, str], list[Cost]] = {(run.scenario.name, run.name): [] for run in runs}
    steps = [(run, run.scenario.times, run.rounds) for run in runs]
    last = -1
    for number, run in interleaved(steps, options.rounds, random.Random(options.seed)):  # noqa: S311
        if number > last:
            _say(f"round {number + 1} of {options.rounds}")
        last = number
        costs[run.scenario.name, run.name].append(lab.cost(run))
    return figures(costs)


def _calls(lab: Lab, options: argparse.Namespace) -> list[Figure]:
    """Measure newvenv and the standard library in one running interpreter."""
    costs: dict[tuple[str, str], list[Cost]] = {}
    for scenario, (arguments, times) in scenarios.CALLS.items():
        _say(f"{scenario.title}, {options.rounds * times} times")
        found = lab.call(
            "compare",
            modules=["newvenv", "venv"],
            rounds=options.rounds * times,
            options=arguments,
            seed=options.seed,
        )
        for name, these in found.items():
            costs[scenario.name, name] = [Cost(*_milliseconds(*cost)) for cost in these]
    return figures(costs)


def _milliseconds(*seconds: float) -> tuple[float, ...]:
    return tuple(each * 1000 for each in seconds)


def _numbers(lab: Lab, options: argparse.Namespace) -> Iterator[report.Number]:
    """Measure what an environment costs when many are made in a row."""
    for function, way in _WAYS.items():
        for count, most in _NUMBERS.items():
            if count <= options.number:
                _say(f"{count} environments by {way}")
                found = [lab.call(function, count=count) for _ in range(min(most, options.rounds))]
                yield _number(way, count, found)


def _number(way: str, count: int, found: Sequence[dict[str, float]]) -> report.Number:
    median = {name: statistics.median(each[name] for each in found) for name in found[0]}
    cpu, wall = _milliseconds(median["cpu"] / count, median["wall"] / count)
    return report.Number(way, count, cpu, wall, median["memory"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
