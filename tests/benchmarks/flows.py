"""The flow watch on a simulated region: quiet years, injected incidents, delays, speed.

    .venv/bin/python -m tests.benchmarks.flows --days 365 --seeds 1 2
    .venv/bin/python -m tests.benchmarks.flows --incidents --seeds 1

Quiet: every alert is false, and every outage is counted apart. Incidents: after 28 days of learning,
one incident an hour or so on days of all kinds; the region is restored in between by going back to a
copy of the watch, so that incidents do not teach each other.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from agents.flow_minutes import MinuteCells
from agents.flow_series import SERIES, WIDTH
from agents.flow_watch import FlowParams, FlowWatch
from agents.series import PAIRS, Coded, SeriesCodes
from streams.topics import FLOWS
from tests.support.flow_counts import CLUSTERS, FlowCounts, days_from
from tests.support.flow_region import cells_of, change

if TYPE_CHECKING:
    from agents.flow_suspicion import FlowSuspicion
    from tests.support.flow_counts import Counts

FIRST = date(2025, 2, 1)
LEARNED_DAYS = 28
KINDS = {"outage": 0.0, "drop": 0.4, "spike": 3.0, "shift": 1.6}
DURATIONS = {"outage": 240, "drop": 240, "spike": 60, "shift": 1440}
WHERE = (
    ("insi-calls", "PSL", "OFFICINE"),
    ("insi-calls", "PSL", "LABO_BIOLOGIE"),
    ("insi-calls", "ESMS", "MEDICO_SOCIAL"),
    ("dmp-deposits", "PSL", "OFFICINE"),
    ("dmp-deposits", "ES", "HOPITAL"),
    ("mss-messages", "PSL", "MEDECINE_VILLE"),
    ("mss-messages", "ESMS", "MEDICO_SOCIAL"),
    ("eprescriptions", "ES", "HOPITAL"),
    ("platform-accesses", "PSL", "MEDECINE_VILLE"),
    ("platform-accesses", "*", "*"),
    ("eprescriptions", "*", "*"),
    ("*", "ES", "*"),
)


@dataclass
class Tally:
    """Of one kind of incident."""

    incidents: int = 0
    found: int = 0
    extra: int = 0
    delays: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)


def judge(watch: FlowWatch, minute: int, counts: Counts) -> list[tuple[int, FlowSuspicion]]:
    rows = counts.reshape(len(counts), WIDTH)
    return [(at, told) for at, row in enumerate(rows) for told in watch.judge(minute + at, row)]


def quiet(days: int, seed: int) -> None:
    watch, region = FlowWatch(FlowParams(partitions=1)), FlowCounts(seed)
    seconds, alerts, outages, alert_minutes = 0.0, 0, 0, 0
    for day in days_from(FIRST, days):
        minute, counts = region.day(day)
        start = time.perf_counter()
        told = judge(watch, minute, counts)
        seconds += time.perf_counter() - start
        for _, one in told:
            if one.revision == 0:
                alerts += 1
                outages += one.kind == "outage"
                print(f"  {day} {one.kind} {one.series} score {one.score:.1f}")
            if one.ended and one.end_ms is not None:
                alert_minutes += (one.end_ms - one.begin_ms) // 60_000
    print(
        f"seed {seed}: {days} days, {len(SERIES)} series: {alerts} alerts "
        f"({alerts / days / len(SERIES):.2g} per series and day), {outages} false outages, "
        f"{alert_minutes / 60:.0f} h alerting, {1000 * seconds / days / 1440:.2f} ms a minute"
    )


def incidents(seed: int) -> None:
    watch, region = FlowWatch(FlowParams(partitions=1)), FlowCounts(seed)
    for day in days_from(FIRST, LEARNED_DAYS):
        judge(watch, *region.day(day))
    rng = np.random.default_rng(seed)
    tallies = {kind: Tally() for kind in KINDS}
    days = days_from(date.fromordinal(FIRST.toordinal() + LEARNED_DAYS), 8)
    for number, day in enumerate(days):
        for kind, factor in KINDS.items():
            flow, sector, couloir = WHERE[int(rng.integers(len(WHERE)))]
            hour = int(rng.integers(7, 17)) if kind != "outage" else int(rng.integers(0, 19))
            _one(
                deepcopy(watch),
                region.day(day),
                (flow, sector, couloir),
                hour,
                kind,
                factor,
                tallies[kind],
            )
        if number < len(days) - 1:
            judge(watch, *region.day(day))
    for kind, tally in tallies.items():
        delays, ratios, after = (
            sorted(x) or [math.nan] for x in (tally.delays, tally.ratios, tally.after)
        )
        print(
            f"seed {seed} {kind:7} {tally.found}/{tally.incidents} found, {tally.extra} others told, "
            f"delay min: median {np.median(delays):.0f} most {delays[-1]:.0f}; "
            f"of t*: median {np.median(ratios):.2f} most {ratios[-1]:.2f}; "
            f"ends after: median {np.median(after):.0f} min"
        )


def _one(watch, today, labels, hour, kind, factor, tally) -> None:  # type: ignore[no-untyped-def]  # noqa: PLR0917 - a measurement's own steps
    minute, counts = today
    start, end = hour * 60, min(hour * 60 + DURATIONS[kind], len(counts))
    cells = cells_of(*labels)
    # Silence of a flow that comes in clusters is likelier: (1 + c)^(-mean / c) for clusters of 1 + c.
    clusters = np.array([CLUSTERS.get(FLOWS[cell // len(PAIRS)], 1.0) for cell in cells])
    weights = np.where(clusters > 1, np.log(clusters) / np.maximum(clusters - 1, 1e-9), 1.0)
    mass = counts[start:end, 0][:, cells] @ weights
    change(counts, start, end, cells, factor)
    told = judge(watch, minute, counts)
    swallowed = np.cumsum(mass)
    if kind == "outage" and swallowed[-1] < 3 * math.log(1e6):
        return
    tally.incidents += 1
    wanted = [(at, one) for at, one in told if at >= start and _fits(one, labels)]
    names = {one.incident for _, one in told}
    if not wanted:
        tally.extra += len(names)
        print(f"  missed {kind} {labels} at {hour} h")
        return
    at, found = wanted[0]
    tally.found += 1
    tally.extra += len(names - {found.incident})
    tally.delays.append(at - start + 1)
    if kind == "outage":
        # A judged minute is the grain: time counts in whole minutes.
        limit = int(np.searchsorted(swallowed, math.log(1e6))) + 1
        tally.ratios.append((at - start + 1) / limit)
        print(f"  outage {labels} at {hour} h: {at - start + 1} min, t* {limit} min")
    ends = [one for _, one in wanted if one.incident == found.incident and one.ended]
    if ends and ends[0].end_ms is not None and end < len(counts):
        tally.after.append(ends[0].end_ms / 60_000 - (minute + end))


def _fits(one: FlowSuspicion, labels: tuple[str, str, str]) -> bool:
    own = (one.series.flow, one.series.sector, one.series.couloir)
    return one.series.measure == "rate" and all(
        "*" in (wanted, has) or wanted == has for wanted, has in zip(labels, own, strict=True)
    )


def cells_speed() -> None:
    codes = SeriesCodes(("02", "59", "60", "62", "80"))
    rng = np.random.default_rng(1)
    cells = MinuteCells(codes)
    count, rounds = 2_000, 200
    place = rng.integers(0, int(np.prod(codes.shape)), count)
    coded = Coded(place % 5, place % 4, [place])
    start = time.perf_counter()
    for turn in range(rounds):
        cells.add(1_700_000_000_000 + turn * 1000 + np.sort(rng.integers(0, 1000, count)), coded)
    print(f"cells: {1e6 * (time.perf_counter() - start) / count / rounds:.3f} µs an event")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--incidents", action="store_true")
    options = parser.parse_args()
    cells_speed()
    for seed in options.seeds:
        if options.incidents:
            incidents(seed)
        else:
            quiet(options.days, seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
