"""What ``create()`` costs in a running interpreter; run by the measured one, as a script.

It prints JSON: seconds of CPU time, child processes included, and of wall time.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import resource
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def main(name: str, arguments: str) -> None:
    """Call the function *name* with *arguments*, a JSON object, and print its result."""
    print(json.dumps(_FUNCTIONS[name](**json.loads(arguments))))


def compare(
    folder: str, modules: list[str], rounds: int, options: dict[str, bool], seed: int
) -> dict[str, list[tuple[float, float]]]:
    """Return the costs of ``create(..., **options)`` of *modules*, in random order."""
    order = random.Random(seed)  # noqa: S311
    costs: dict[str, list[tuple[float, float]]] = {name: [] for name in modules}
    for number in range(rounds + 1):
        for name in order.sample(modules, len(modules)):
            create = importlib.import_module(name).create
            cost = _cost(create, os.path.join(folder, "env"), **options)
            if number:  # the first time, modules are loaded
                costs[name].append(cost)
            shutil.rmtree(os.path.join(folder, "env"))
    return costs


def loop(folder: str, count: int) -> dict[str, float]:
    """Return the cost of calling newvenv's ``create()`` with pip *count* times.

    Each environment is deleted before the next one is made.
    """
    import newvenv

    total = [0.0, 0.0]
    for number in range(count):
        path = os.path.join(folder, str(number))
        cost = _cost(newvenv.create, path, symlinks=True, with_pip=True)
        total = [a + b for a, b in zip(total, cost)]
        shutil.rmtree(path)
    return {"cpu": total[0], "wall": total[1], "memory": _memory()}


def folders(folder: str, count: int) -> dict[str, float]:
    """Return the cost of giving newvenv's command line *count* folders."""
    import newvenv

    paths = [os.path.join(folder, str(number)) for number in range(count)]
    cpu, wall = _cost(newvenv.main, paths)
    return {"cpu": cpu, "wall": wall, "memory": _memory()}


def _cost(function: Callable[..., object], *args: Any, **options: Any) -> tuple[float, float]:
    cpu, wall = _cpu(), time.perf_counter()
    function(*args, **options)
    return _cpu() - cpu, time.perf_counter() - wall


def _cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _memory() -> float:
    """Return the most memory that this process has had, in MiB.

    On Linux ``ru_maxrss`` may be the parent's, of before the program was loaded.
    """
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as lines:
            peak = next(line for line in lines if line.startswith("VmHWM"))
        return int(peak.split()[1]) / 1024
    except (OSError, StopIteration):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


_FUNCTIONS: dict[str, Callable[..., object]] = {
    function.__name__: function for function in (compare, loop, folders)
}

if __name__ == "__main__":
    main(*sys.argv[1:])
