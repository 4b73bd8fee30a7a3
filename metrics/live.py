"""One moment of the region as the live page shows it."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

from metrics.labels import GROUPS, SEVERITIES
from metrics.worker import program_version
from streams.event_time import WINDOWS
from streams.topics import FLOWS
from streams.vocabulary import SECTORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metrics.tempo import PageView
    from metrics.views import FindingsFeed, PartitionView, RateRow, RegionView
    from metrics.worker import WorkerMetrics


FEED_MAX: Final = 50
"""Findings on the page: more than anybody looks at."""


def snapshot(
    view: PageView, worker: WorkerMetrics, now_ms: int, findings: FindingsFeed | None = None
) -> dict[str, Any]:
    """The page's state, ready for JSON.

    Rates are events per second, summed over couloirs and departments; totals are those of confirmed
    checkpoints; times are milliseconds UTC. What is not known is `None`, never zero.

    Args:
        view: the region as this worker knows it.
        worker: the worker's own counts.
        now_ms: the moment, milliseconds UTC.
        findings: the present findings; only how many they are stands here, see `feed`.
    """
    parts = list(view.partitions())
    lag = worker.lag()
    rates = view.rates(now_ms)
    return {
        "now_ms": now_ms,
        "ready": worker.ready,
        "phase": worker.phase,
        "version": program_version(),
        "windows": [window.name for window in WINDOWS],
        "sectors": list(SECTORS),
        "flows": _flows(view, rates, parts, lag, now_ms),
        "departments": _departments(view.departments, rates),
        "auth": [row._asdict() for row in view.auth_ratios(now_ms)],
        "ins_results": [row._asdict() for row in view.ins_results(now_ms)],
        "ins_statuses": [row._asdict() for row in view.ins_statuses(now_ms)],
        "active": [row._asdict() for row in view.active(now_ms)],
        "findings": _findings(findings),
        "dead_letters": _dead_letters(parts),
        "partitions": [_partition(part, lag) for part in parts],
        "assigned": worker.held(),
        "checkpoint_age_s": max(worker.checkpoint_age_s(group) for group in GROUPS),
    }


def feed(findings: FindingsFeed | None) -> dict[str, Any]:
    """The findings' feed, ready for JSON: open ones by priority, then the newest of the others."""
    if findings is None or not findings.is_whole:
        return {"version": None, "findings": []}
    rows = [row._asdict() for row in findings.rows(FEED_MAX)]
    return {"version": findings.version, "findings": rows}


def _findings(findings: FindingsFeed | None) -> dict[str, Any]:
    if findings is None or not findings.is_whole:
        return {"version": None, "open": {}}
    counts: Counter[str] = Counter()
    for (_, severity), count in findings.open_counts().items():
        counts[severity] += count
    return {"version": findings.version, "open": {name: counts[name] for name in SEVERITIES}}


def _flows(
    view: RegionView,
    rows: Sequence[RateRow],
    parts: list[PartitionView],
    lag: dict[tuple[str, int], int],
    now_ms: int,
) -> list[dict[str, Any]]:
    rates: defaultdict[tuple[str, str, str], float] = defaultdict(float)
    for row in rows:
        rates[row.flow, row.sector, row.window] += row.events_per_second
    failures: defaultdict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for share in view.failure_ratios(now_ms):
        failures[share.flow, share.sector][share.window] = share.ratio
    events = _summed(parts)
    flows = []
    for flow in FLOWS:
        newest = [part.newest_ms[flow] for part in parts if flow in part.newest_ms]
        watermarks = [part.watermark_ms[flow] for part in parts if flow in part.watermark_ms]
        behind = [n for (topic, _), n in lag.items() if topic == flow]
        flows.append(
            {
                "flow": flow,
                "events": sum(events[flow, sector] for sector in SECTORS),
                "late": sum(part.late.get(flow, 0) for part in parts),
                "duplicates": sum(part.duplicates.get(flow, 0) for part in parts),
                "dead_letters": sum(
                    count
                    for part in parts
                    for (origin, _), count in part.dead_letters.items()
                    if origin == flow
                ),
                "lag": sum(behind) if behind else None,
                "newest_ms": max(newest, default=None),
                # The partition that is furthest behind says how complete the flow is.
                "watermark_ms": min(watermarks, default=None),
                "sectors": {
                    sector: {
                        "events": events[flow, sector],
                        "rates": {
                            window.name: rates[flow, sector, window.name] for window in WINDOWS
                        },
                        "failures": failures.get((flow, sector), {}),
                    }
                    for sector in SECTORS
                },
            }
        )
    return flows


def _departments(names: Sequence[str], rows: Sequence[RateRow]) -> list[dict[str, Any]]:
    """Rates by department and flow, summed over sectors; a department that is silent has zeros."""
    rates: defaultdict[tuple[str, str, str], float] = defaultdict(float)
    for row in rows:
        rates[row.department, row.flow, row.window] += row.events_per_second
    return [
        {
            "department": department,
            "flow": flow,
            "rates": {window.name: rates[department, flow, window.name] for window in WINDOWS},
        }
        for department in names
        for flow in FLOWS
    ]


def _summed(parts: list[PartitionView]) -> Counter[tuple[str, str]]:
    events: Counter[tuple[str, str]] = Counter()
    for part in parts:
        for (flow, sector, _), count in part.totals.items():
            events[flow, sector] += count
    return events


def _dead_letters(parts: list[PartitionView]) -> list[dict[str, Any]]:
    counts: Counter[tuple[str, str]] = Counter()
    for part in parts:
        counts.update(part.dead_letters)
    return [
        {"flow": flow, "reason": reason, "count": count}
        for (flow, reason), count in counts.most_common()
        if count
    ]


def _partition(part: PartitionView, lag: dict[tuple[str, int], int]) -> dict[str, Any]:
    behind = [
        n for (topic, number), n in lag.items() if number == part.partition and topic in FLOWS
    ]
    return {
        "partition": part.partition,
        "events": sum(part.totals.values()),
        "lag": sum(behind) if behind else None,
        "newest_ms": max(part.newest_ms.values(), default=None),
    }
