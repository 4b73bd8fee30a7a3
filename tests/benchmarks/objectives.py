"""What it costs to evaluate the region's objectives: `python -m tests.benchmarks.objectives`."""

from __future__ import annotations

import time
from datetime import date
from random import Random

from agents.objectives.figures import Sight
from agents.objectives.loading import load_objectives
from agents.objectives.progress import evaluate
from agents.objectives.snapshots import Snapshots
from agents.objectives.usage_cells import UsageMonths
from agents.usages import USAGES, UsageRow
from streams.settings import Settings
from streams.vocabulary import COULOIRS

MONTHS = 25
TODAY = date(2026, 11, 22)


def main() -> None:
    """Print the time to load and, with two years of full months, to evaluate."""
    departments, random = Settings().departments, Random(1)
    start_s = time.perf_counter()
    loaded = load_objectives("", departments)
    assert loaded is not None
    print(f"load      {1000 * (time.perf_counter() - start_s):6.1f} ms")
    present = TODAY.year * 12 + TODAY.month - 1
    usage = {
        month: [
            UsageRow(name, couloir, department, random.randint(1, 50), random.randint(1, 90_000))
            for name in USAGES
            for couloir in COULOIRS
            for department in departments
        ]
        for month in range(present - MONTHS + 1, present + 1)
    }
    sight = Sight(
        grounds=loaded.grounds,
        snapshots=Snapshots(loaded.known),
        usage=UsageMonths.of(usage),
        departments=departments,
        small_cell_min=5,
        today=TODAY,
    )
    for what in ("first", "again", "again"):
        usage[present] = list(usage[present])  # the present month changed
        start_s = time.perf_counter()
        rows = evaluate(sight)
        print(f"{what:9} {1000 * (time.perf_counter() - start_s):6.1f} ms, {len(rows)} objectives")


if __name__ == "__main__":
    main()
