"""Write what the benchmarks have measured into the pages: ``python tests/figures.py``.

The text between a line ``<!-- NAME -->`` and the line ``<!-- end -->`` is made here, from
benchmarks/results/results.json. Each page has one such region.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
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
    results = json.loads(RESULTS.read_text("utf-8"))
    return re.sub(
        r"(?s)<!-- (figures|targets) -->\n.*?<!-- end -->",
        lambda region: f"<!-- {region[1]} -->\n{REGIONS[region[1]](results)}<!-- end -->",
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


def targets(results: dict[str, Any]) -> str:
    """Return the table of what was to be reached in some *results*."""
    lines = ["| | peer | measured | to reach | reached |", "| --- | --- | ---: | ---: | ---: |"]
    for one in results["targets"]:
        reached = "yes" if one["reached"] else "**no**"
        cells = (one["title"], one["rival"], one["measured"], one["to_reach"], reached)
        lines.append(f"| {' | '.join(cells)} |")
    return "".join(f"{line}\n" for line in lines)


REGIONS = {"figures": figures, "targets": targets}
PAGES = {ROOT / "README.md": "figures", ROOT / "docs" / "speed.md": "targets"}

if __name__ == "__main__":
    for page in PAGES:
        page.write_text(render(page.read_text("utf-8")), "utf-8")
