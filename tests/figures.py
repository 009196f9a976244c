"""Write what the benchmarks have measured into README.md: ``python tests/figures.py``.

The text between the lines ``<!-- figures -->`` and ``<!-- end -->`` is made here, from
benchmarks/results/results.json.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "README.md"
RESULTS = ROOT / "benchmarks" / "results" / "results.json"

#: The rows of the table: scenarios of the benchmarks, what matters most first.
_ROWS = {
    "install": "from nothing to the first finished `pip install`",
    "pip": "an environment with pip",
    "cold": "the same, with an empty cache",
    "plain": "an environment without pip",
}
_PEERS = {
    "newvenv": "newvenv",
    "venv": "`venv`",
    "virtualenv": "virtualenv",
    "uv": "`uv venv --seed`",
}


def render(text: str) -> str:
    """Return *text*, a page, with its figures made anew."""
    return re.sub(
        r"(?s)<!-- figures -->\n.*?<!-- end -->",
        lambda _: (
            f"<!-- figures -->\n{figures(json.loads(RESULTS.read_text('utf-8')))}<!-- end -->"
        ),
        text,
    )


def figures(results: dict[str, Any]) -> str:
    """Return the sentence and the table on some *results*."""
    facts = results["facts"]
    cpu = {(figure["scenario"], figure["peer"]): figure["cpu"] for figure in results["figures"]}
    names = list(_PEERS.values())
    lines = [
        f"CPU milliseconds with warm caches, medians of one run of `{facts['command']}` on "
        f"{facts['date'][:10]}:",
        f"CPython {facts['CPython']}, virtualenv {facts['virtualenv']}, uv {facts['uv']}, "
        f"{facts['processor']}, {facts['file system'].partition(',')[0]}.",
        "",
        f"| | {' | '.join(names)} |",
        f"| --- |{' ---: |' * len(names)}",
    ]
    for scenario, title in _ROWS.items():
        cells = [_cell(cpu, scenario, peer) for peer in _PEERS]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "".join(f"{line}\n" for line in lines)


def _cell(cpu: dict[tuple[str, str], float], scenario: str, peer: str) -> str:
    """Return the time of a *peer*; one without a cache always needs the same."""
    found = cpu.get((scenario, peer)) or cpu[{"cold": "pip"}.get(scenario, scenario), peer]
    return f"{found:.0f}" if found >= 20 else f"{found:.1f}"


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text("utf-8")), "utf-8")
