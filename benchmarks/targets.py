"""What newvenv is to reach, as ratios of the figures of one run."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from benchmarks.peers import DEFAULT_RIVALS, RIVALS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.measure import Figure


@dataclass(frozen=True)
class Target:
    """A bound of newvenv's CPU time: as a ratio to the least one of the rivals'."""

    title: str
    scenario: str
    peer: str
    rivals: tuple[str, ...]
    limit: Fraction
    #: What the rivals do meanwhile, if that's something else.
    rival_scenario: str = ""
    #: Is *limit* the difference in milliseconds rather than a ratio?
    difference: bool = False


@dataclass(frozen=True)
class Verdict:
    """What was measured of a target; ratios are numbers, differences milliseconds."""

    title: str
    measured: str
    to_reach: str
    reached: bool
    #: The rival that newvenv was compared with: the best of them.
    rival: str


TARGETS = (
    Target(
        "`import newvenv` over a bare interpreter",
        "import",
        "newvenv",
        ("python",),
        Fraction(1),
        "start",
        difference=True,
    ),
    Target(
        "`--without-pip`, to a bare interpreter's start",
        "plain",
        "newvenv",
        ("python",),
        Fraction(8, 5),
        "start",
    ),
    Target("with pip, to `python -m venv`", "pip", "newvenv", ("venv",), Fraction(1, 35)),
    Target("with pip, to virtualenv", "pip", "newvenv", ("virtualenv",), Fraction(1, 4)),
    Target(
        "with pip and `NEWVENV_LINK_MODE=hardlink`, to `uv venv --seed --offline`",
        "pip",
        "newvenv, hard links",
        ("uv",),
        Fraction(6, 5),
    ),
    Target(
        "from nothing to the first `pip --version`, to the best peer",
        "version",
        "newvenv",
        RIVALS,
        Fraction(11, 20),
    ),
    Target(
        "from nothing to the first finished `pip install`, to the best peer's default",
        "install",
        "newvenv",
        DEFAULT_RIVALS,
        Fraction(1, 2),
    ),
    Target(
        "with pip and an empty cache, to `python -m venv`",
        "cold",
        "newvenv",
        ("venv",),
        Fraction(2, 5),
        "pip",
    ),
    Target(
        "the same from a checkout, nothing being installed",
        "cold",
        "newvenv, checkout",
        ("venv",),
        Fraction(2, 5),
        "pip",
    ),
    Target(
        "`create(DIR)` in a running process, to the standard library's",
        "create",
        "newvenv",
        ("venv",),
        Fraction(1, 2),
    ),
    Target(
        "`create(DIR, symlinks=True)` in a running process, to the standard library's",
        "create-links",
        "newvenv",
        ("venv",),
        Fraction(1, 2),
    ),
    Target(
        "`--python PATH`, without pip, to a bare interpreter's start",
        "other",
        "newvenv",
        ("python",),
        Fraction(13, 5),
        "start",
    ),
    Target(
        "`--check` of a healthy environment, to a bare interpreter's start",
        "check",
        "newvenv",
        ("python",),
        Fraction(5, 2),
        "start",
    ),
)


def verdicts(figures: Iterable[Figure]) -> list[Verdict]:
    """Return what has become of each target."""
    cpu = {(figure.scenario, figure.peer): figure.cpu for figure in figures}
    return [_verdict(target, cpu) for target in TARGETS]


def _verdict(target: Target, cpu: dict[tuple[str, str], float]) -> Verdict:
    scenario = target.rival_scenario or target.scenario
    best = min(target.rivals, key=lambda rival: cpu[scenario, rival])
    ours, theirs = cpu[target.scenario, target.peer], cpu[scenario, best]
    value = ours - theirs if target.difference else ours / theirs
    show = _milliseconds if target.difference else ratio
    bound = show(float(target.limit))
    return Verdict(target.title, show(value), bound, value <= target.limit, best)


def ratio(value: float) -> str:
    """Return a ratio as people say it: ``0.55``, but ``1/35`` rather than ``0.03``."""
    return f"1/{1 / value:.3g}" if 0 < value <= 0.25 else f"{value:.3g}"


def _milliseconds(value: float) -> str:
    return f"{value:.2f} ms"
