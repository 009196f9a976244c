"""What a command costs: CPU time of all its processes, and wall time."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.peers import Failure

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import TypeVar

    T = TypeVar("T")


@dataclass(frozen=True)
class Cost:
    """Milliseconds: *cpu* in user and system mode, of a process and all that it waited for."""

    cpu: float
    wall: float

    def __add__(self, other: Cost) -> Cost:
        """Return what both cost when one comes after the other."""
        return Cost(self.cpu + other.cpu, self.wall + other.wall)


@dataclass(frozen=True)
class Figure:
    """What a peer's runs of a scenario cost in the median, in milliseconds."""

    scenario: str
    peer: str
    cpu: float
    wall: float
    least_cpu: float
    runs: int


def run(command: list[str], environment: Mapping[str, str]) -> Cost:
    """Run *command*, which must succeed, without a terminal, and return its cost.

    :raises Failure: it did not succeed; the end of what it printed is in the message.
    """
    with tempfile.TemporaryFile() as output, open(os.devnull, "rb") as nothing:
        actions = [
            (os.POSIX_SPAWN_DUP2, nothing.fileno(), 0),
            (os.POSIX_SPAWN_DUP2, output.fileno(), 1),
            (os.POSIX_SPAWN_DUP2, output.fileno(), 2),
        ]
        start = time.perf_counter()
        pid = os.posix_spawn(command[0], command, dict(environment), file_actions=actions)
        _, status, usage = os.wait4(pid, 0)
        wall = time.perf_counter() - start
        if status:
            output.seek(0)
            raise Failure(_failed(command, output.read().decode("utf-8", "replace")))
    return Cost((usage.ru_utime + usage.ru_stime) * 1000, wall * 1000)


def _failed(command: Sequence[str], output: str) -> str:
    lines = output.strip().splitlines() or ["it printed nothing"]
    return f"this failed: {' '.join(command)}: {' / '.join(lines[-3:])}"


def interleaved(
    steps: Iterable[tuple[T, int, int]], rounds: int, order: random.Random
) -> Iterator[tuple[int, T]]:
    """Yield the number of the round and a step, in random order within each round.

    So whatever slows the machine down for a while slows all peers down.

    :param steps: with each, how often one round has it, and how many rounds do.
    """
    steps = list(steps)
    for number in range(rounds):
        this = [step for step, times, most in steps if number < most for _ in range(times)]
        order.shuffle(this)
        for step in this:
            yield number, step


def figures(costs: Mapping[tuple[str, str], Sequence[Cost]]) -> list[Figure]:
    """Return the medians of *costs*, whose keys are a scenario's and a peer's name."""
    return [_figure(*names, these) for names, these in costs.items() if these]


def _figure(scenario: str, peer: str, costs: Sequence[Cost]) -> Figure:
    return Figure(
        scenario,
        peer,
        cpu=statistics.median(cost.cpu for cost in costs),
        wall=statistics.median(cost.wall for cost in costs),
        least_cpu=min(cost.cpu for cost in costs),
        runs=len(costs),
    )
