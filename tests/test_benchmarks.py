"""The benchmarks: that they measure, and what they make of given figures."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import __main__, disk, lab, machine, measure, peers, report, scenarios, targets

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(
        not hasattr(os, "wait4"), reason="the benchmarks measure with CPython, on POSIX"
    ),
]

START = measure.Figure("start", "python", cpu=10.0, wall=12.0, least_cpu=9.0, runs=3)


@pytest.fixture
def results() -> report.Results:
    """Return results in which every CPU time is 10 ms, and no two wall times are equal."""
    names = [(run.scenario.name, run.name) for run in scenarios.runs(peers.PEERS)]
    names += [(call.name, name) for call in scenarios.CALLS for name in ("newvenv", "venv")]
    return report.Results(
        facts={"date": "2030-01-01", "command": "python benchmarks"},
        pip={"newvenv": "pip 1", "uv": "pip 2"},
        figures=[
            dataclasses.replace(START, scenario=scenario, peer=peer, wall=1000.0 + number)
            for number, (scenario, peer) in enumerate(names)
        ],
        numbers=[report.Number("a loop", 1000, cpu=1.5, wall=2.25, memory=13.25)],
        disk=[disk.Disk("newvenv", own=6000.0, shared=5000.0, cache=11000.0, entries=975)],
    )


# Measuring


def test_cost_counts_grandchildren() -> None:
    """What a command's children and theirs use of the processor is in its cost."""
    spin = "import time\nwhile time.process_time() < 0.2: pass"
    child = f"import subprocess, sys; subprocess.check_call([sys.executable, '-c', {spin!r}])"
    cost = measure.run([sys.executable, "-c", child], dict(os.environ))
    assert cost.cpu >= 200


def test_cost_adds() -> None:
    """The costs of two steps that come one after the other are added."""
    assert measure.Cost(1, 10) + measure.Cost(2, 20) == measure.Cost(3, 30)


def test_failing_command_is_loud() -> None:
    """A command that fails ends the measuring, with the end of what it printed."""
    with pytest.raises(peers.Failure, match="no such luck"):
        measure.run([sys.executable, "-c", "raise SystemExit('no such luck')"], dict(os.environ))


def test_medians() -> None:
    """A figure is the median of its costs, CPU and wall time each on its own."""
    costs = [measure.Cost(3, 10), measure.Cost(1, 30), measure.Cost(8, 20)]
    assert measure.figures({("pip", "uv"): costs, ("cold", "uv"): []}) == [
        measure.Figure("pip", "uv", cpu=3, wall=20, least_cpu=1, runs=3)
    ]


def test_rounds_hold_every_step() -> None:
    """Each round has each step as often as asked, and those that are rare only at first."""
    steps = [("often", 3, 9), ("once", 1, 9), ("rare", 1, 1)]
    first = [(0, "often")] * 3 + [(0, "once"), (0, "rare")]
    second = [(1, "often")] * 3 + [(1, "once")]
    found = list(measure.interleaved(steps, 2, random.Random(1)))  # noqa: S311
    assert [sorted(found[:5]), sorted(found[5:])] == [sorted(first), sorted(second)]
    assert found != first + second


def test_disk_counts_hard_links_once(tmp_path: Path) -> None:
    """What has a second name in the environment is its own, what has one outside is shared."""
    env, cache = tmp_path / "env", tmp_path / "cache"
    for folder, name in [(env, "own"), (cache, "shared")]:
        folder.mkdir()
        Path(folder, name).write_bytes(os.urandom(100_000))
    os.link(env / "own", env / "again")
    alone = disk.usage("newvenv", env, tmp_path / "none")
    os.link(cache / "shared", env / "shared")
    both = disk.usage("newvenv", env, cache)
    assert (alone.shared, alone.cache, alone.entries) == (0, 0, 3)
    assert (both.own, both.entries) == (alone.own, 4)
    assert 0 < both.shared <= both.cache


# Who takes part, and how


def test_missing_peer_is_loud(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is measured without all peers: one line says how to install what is missing."""
    monkeypatch.setattr(peers, "REQUIRED", ("pytest", "no-such-peer", "nor-this"))
    assert __main__.main([]) == 1
    assert capsys.readouterr() == (
        "",
        "Error: not installed here: no-such-peer nor-this; "
        "run: python -m pip install no-such-peer nor-this\n",
    )


def test_every_peer_has_its_rows() -> None:
    """Each peer does all that it can, and none has a cold cache that has no cache."""
    found = {(run.scenario.name, run.name) for run in scenarios.runs(peers.PEERS)}
    names = {peer.name for peer in peers.PEERS}
    assert {name for scenario, name in found if scenario == "install"} == names
    assert names - {name for scenario, name in found if scenario == "cold"} == {"venv"}
    assert ("plain", "newvenv, hard links") not in found


def test_same_pip() -> None:
    """With the same pip for all nobody asks an index, and the options stay otherwise."""
    same = [peers.with_same_pip(peer) for peer in peers.PEERS]
    found = {run.name: run for run in scenarios.runs(same) if run.scenario.name == "cold"}
    assert found["newvenv"].command == ("{python}", "-m", "newvenv", "{env}")
    assert found["uv"].command[-4:] == ("--no-index", "--find-links", "{bundle}", "{env}")
    assert found["uv"].rounds == found["virtualenv"].rounds


def test_settings_are_not_measured() -> None:
    """The user's settings are taken away, but for those that say where packages are."""
    kept = {"HOME": "/", "PIP_INDEX_URL": "a", "UV_DEFAULT_INDEX": "b"}
    taken = {"PYTHONDONTWRITEBYTECODE": "1", "PIP_FIND_LINKS": "c", "NEWVENV_LINK_MODE": "copy"}
    assert lab.without_settings({**kept, **taken}) == kept


def test_command_names_no_place() -> None:
    """The command that the results tell has no path of this machine in it."""
    words = ["--rounds", "5", "--python", "/usr/bin/python3", "--output=/home/me/out"]
    expected = "python benchmarks --rounds 5 --python python3 --output=out"
    assert machine.command(words) == expected


# What follows from the figures


@pytest.mark.parametrize(
    ("ours", "theirs", "reached"),
    [
        pytest.param(0.5, 1.0, True, id="at the bound"),
        pytest.param(0.51, 1.0, False, id="above"),
        pytest.param(0.4, 0.7, False, id="the best default counts"),
    ],
)
def test_verdict(ours: float, theirs: float, reached: bool) -> None:
    """A target is reached if the ratio to the best of the peers is at most its limit."""
    cpu = {"newvenv": ours, "uv": theirs, "virtualenv": 1.0, "virtualenv, symbolic links": 0.1}
    figures = [
        dataclasses.replace(START, scenario=scenario, peer=peer, cpu=cpu.get(peer, 2.0))
        for scenario in scenarios.TITLES
        for peer in ("python", *(peer.name for peer in peers.PEERS))
    ]
    found = {verdict.title: verdict for verdict in targets.verdicts(figures)}
    title = "from nothing to the first finished `pip install`, to the best peer's default"
    assert found[title].reached is reached


def test_difference_is_no_ratio(results: report.Results) -> None:
    """A difference of 0 is within its bound, which is in milliseconds."""
    found = {
        (verdict.measured, verdict.to_reach): verdict.reached
        for verdict in targets.verdicts(results.figures)
    }
    assert found["0.00 ms", "1.00 ms"] is True


@pytest.mark.parametrize(
    ("value", "text"),
    [(1 / 35, "1/35"), (0.25, "1/4"), (0.55, "0.55"), (1.6, "1.6"), (0.4044, "0.404")],
)
def test_ratio(value: float, text: str) -> None:
    """Small ratios are fractions, others decimals."""
    assert targets.ratio(value) == text


def test_json(results: report.Results) -> None:
    """JSON holds the figures and what follows from them."""
    found = json.loads(report.as_json(results))
    assert found["figures"][0] == dataclasses.asdict(results.figures[0])
    assert {"facts", "pip", "figures", "numbers", "disk", "targets"} == set(found)
    assert len(found["targets"]) == len(targets.TARGETS)


def test_table() -> None:
    """A Markdown table has its numbers at the right."""
    found = report.table(("", "ms"), [("newvenv", "10"), ("uv", "20")])
    assert found == "|  | ms |\n| --- | ---: |\n| newvenv | 10 |\n| uv | 20 |\n"


def test_markdown(results: report.Results) -> None:
    """Markdown tells when, where and by which command, and has a row for everything."""
    found = report.as_markdown(results).splitlines()
    assert "- command: python benchmarks" in found
    assert "| a bare interpreter starts | 10.0 / 1000 |" + "  |" * 7 in found
    assert "| a loop | 1000 | 1.5 | 2.2 | 13.2 |" in found
    assert "| newvenv | 6000 | 5000 | 11000 | 975 |" in found


def test_bars(results: report.Results) -> None:
    """The chart has a bar for each peer of a scenario, the shortest one first."""
    others = [figure for figure in results.figures if figure.scenario != "plain"]
    plain = [dataclasses.replace(START, scenario="plain", peer="uv", cpu=1.0)]
    plain += [dataclasses.replace(START, scenario="plain", peer="venv", cpu=3.0)]
    found = report.bars([*reversed(plain), *others], "plain")
    assert [(name, cpu) for name, cpu, _ in found] == [("uv", 1.0), ("venv", 3.0)]


def test_svg(results: report.Results) -> None:
    """The chart is an SVG with every peer's name, and the same for the same figures."""
    pytest.importorskip("matplotlib")
    chart = report.as_svg(results)
    assert "<svg" in chart
    assert all(f"{peer.name}</text>" in chart for peer in peers.PEERS)
    assert chart == report.as_svg(results)
