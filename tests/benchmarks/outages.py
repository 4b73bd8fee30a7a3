"""The flows alone: outages of the evaluation's regions, and a new deployment's first days.

    .venv/bin/python -m tests.benchmarks.outages --seeds 101 102 103
    .venv/bin/python -m tests.benchmarks.outages --first-days --seeds 301 302 303

Outages: the evaluation's own regions, outages and limits (`simulators.evaluation`), judged by the flow
watch alone; a minute or so per seed. False outages are counted wherever they fall, in days with
look-alikes too. First days: findings of regions without incidents from their first minute on, each
seed with another first day.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING

from agents.flow_watch import FlowParams, FlowWatch
from simulators.calendar import midnight_ms
from simulators.evaluation.plan import festival
from simulators.evaluation.region import TrialRegion, outage_ms
from simulators.evaluation.report_flows import outage_rows
from simulators.evaluation.results import Silence
from simulators.evaluation.silences import QuietHours
from simulators.traffic import RegionTraffic
from streams.event_time import HOUR_MS
from streams.schemas import Schemas
from tests.support.flow_events import minutes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from agents.flow_suspicion import FlowSuspicion
    from simulators.events import Events
    from tests.support.flow_events import Minutes

_AFTER_MS = 6 * HOUR_MS
_FIRST_DAYS = 14
_BEGINNINGS = (
    date(2025, 9, 8),
    date(2025, 11, 1),
    date(2025, 6, 2),
    date(2025, 1, 6),
    date(2025, 8, 2),
)


def first_told(minutes: Minutes) -> list[FlowSuspicion]:
    """The first word on every incident."""
    watch = FlowWatch(FlowParams(partitions=1))
    first, counts, heard = minutes
    told = (
        one for at in range(len(counts)) for one in watch.judge(first + at, counts[at], heard[at])
    )
    return [one for one in told if one.revision == 0]


def outages(seed: int, scale: float) -> tuple[list[Silence], Counter[str]]:
    """Of one region: its outages, and what was told of sound flows after the enrolment."""
    span = festival(scale)
    region, quiet = TrialRegion(span, seed, Schemas.load()), QuietHours(span)

    def heard() -> Iterator[Mapping[str, Events]]:
        for _, pieces in region.turns():
            for piece in pieces:
                quiet.take(piece.events)
                yield {piece.flow: piece.events}

    start_ms = midnight_ms(span.start)
    told = first_told(
        minutes_of(heard(), start_ms, midnight_ms(span.start + timedelta(days=span.days)))
    )
    silences, explained = [], set()
    for outage, limit in zip(span.outages, quiet.limits(), strict=True):
        begin_ms, end_ms = outage_ms(outage)
        own = [
            one
            for one in told
            if one.series.flow == outage.flow
            and one.series.sector in (outage.sector, "*")
            and begin_ms <= one.told_ms <= end_ms + _AFTER_MS
        ]
        explained |= {one.incident for one in own}
        found = min((one.told_ms for one in own), default=math.inf) - begin_ms
        silences.append(Silence(outage.flow, outage.sector, found, limit.own_ms, limit.single_ms))
        print(f"  {seed} {outage.flow} {outage.sector}: {found / limit.own_ms:.2f} of its limit")
    rest = [one for one in told if one.incident not in explained]
    rest = [one for one in rest if one.told_ms >= midnight_ms(span.test_start)]
    for one in rest:
        if one.kind == "outage":
            print(f"  {seed} false: {one.series} swallowed {one.evidence.expected:.0f}")
    return silences, Counter(one.kind for one in rest)


def first_days(seed: int, scale: float) -> int:
    """Findings of a region without incidents in its first fortnight."""
    start = _BEGINNINGS[seed % len(_BEGINNINGS)]
    days = RegionTraffic(seed, scale).recorded(start, _FIRST_DAYS)
    end_ms = midnight_ms(start + timedelta(days=_FIRST_DAYS))
    told = first_told(minutes_of(days, midnight_ms(start), end_ms))
    for one in told:
        print(f"  {seed} from {start}: {one.kind} {one.series} score {one.score:.1f}")
    return len(told)


def main() -> int:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[201])
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--first-days", action="store_true")
    options = parser.parse_args()
    if options.first_days:
        many = sum(first_days(seed, options.scale) for seed in options.seeds)
        print(f"{many} findings in {_FIRST_DAYS * len(options.seeds)} first region-days")
        return 0
    silences, others = [], Counter[str]()
    for seed in options.seeds:
        own, rest = outages(seed, options.scale)
        silences += own
        others += rest
    for row in outage_rows(silences):
        print(f"{row.name}: {row.measured} {row.interval}")
    print(f"on sound flows, look-alikes included: {dict(others)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
