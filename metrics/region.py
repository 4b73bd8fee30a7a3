"""The region's state as Prometheus families, computed when they are scraped."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from prometheus_client.registry import Collector

from metrics.families import family, histogram
from metrics.labels import DEAD_LETTER_REASONS
from streams.topics import FLOWS
from streams.vocabulary import OUTCOMES, SECTORS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from prometheus_client.metrics_core import Metric

    from metrics.views import PartitionView, RegionView

_NO_EVENTS = dict.fromkeys(product(FLOWS, SECTORS, OUTCOMES), 0)
_NO_DEAD_LETTERS = dict.fromkeys(product(FLOWS, DEAD_LETTER_REASONS), 0)
_NONE = dict.fromkeys(FLOWS, 0)


class RegionCollector(Collector):
    """Exports a `RegionView`.

    Counters come from confirmed checkpoints: what a scrape has shown once, no restart takes back.
    Every series of a held partition is exported from zero on, so that `rate` and `increase` see the
    first event as well.

    Args:
        view: the region as this worker knows it.
        clock: now, milliseconds UTC.
    """

    def __init__(self, view: RegionView, clock: Callable[[], int]) -> None:
        self._view = view
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """All families of the region, each exactly once."""
        now_ms = self._clock()
        view = self._view
        yield from _durable(list(view.partitions()))
        yield family("event_rate", ((row[:5], row.events_per_second) for row in view.rates(now_ms)))
        yield family("failure_ratio", ((row[:3], row.ratio) for row in view.failure_ratios(now_ms)))
        yield family(
            "auth_method_ratio", ((row[:3], row.ratio) for row in view.auth_ratios(now_ms))
        )
        yield family("ins_result_ratio", ((row[:2], row.ratio) for row in view.ins_results(now_ms)))
        yield family(
            "ins_status_ratio", ((row[:2], row.ratio) for row in view.ins_statuses(now_ms))
        )
        active = list(view.active(now_ms))
        yield family(
            "active_accounts",
            ((row[:3], row.accounts) for row in active if row.accounts is not None),
        )
        yield family(
            "active_structures",
            ((row[:3], row.structures) for row in active if row.structures is not None),
        )
        yield histogram(
            "event_delay_seconds", (((flow,), delays) for flow, delays in view.delays().items())
        )


def _durable(partitions: list[PartitionView]) -> Iterator[Metric]:
    numbered = [(str(part.partition), part) for part in partitions]
    # The zeros come first and the partition's own entries win; an entry that the catalogue does not
    # know is an error of ours and raises instead of vanishing.
    yield family(
        "events_total",
        (
            ((*series, number), count)
            for number, part in numbered
            for series, count in {**_NO_EVENTS, **part.totals}.items()
        ),
    )
    yield family(
        "dead_letters_total",
        (
            ((*series, number), count)
            for number, part in numbered
            for series, count in {**_NO_DEAD_LETTERS, **part.dead_letters}.items()
        ),
    )
    yield family(
        "late_events_total",
        (
            ((flow, number), count)
            for number, part in numbered
            for flow, count in {**_NONE, **part.late}.items()
        ),
    )
    yield family(
        "duplicate_events_total",
        (
            ((flow, number), count)
            for number, part in numbered
            for flow, count in {**_NONE, **part.duplicates}.items()
        ),
    )
    yield family("watched_account_days", (((n,), p.account_days) for n, p in numbered))
    yield family("findings_expected_false", (((n,), p.expected_false) for n, p in numbered))
    yield family("verdicts_taken", (((n,), p.verdicts) for n, p in numbered))
    yield family("verdicts_unknown", (((n,), p.stray_verdicts) for n, p in numbered))
    yield family("newest_event_timestamp_seconds", _seconds((n, p.newest_ms) for n, p in numbered))
    yield family("watermark_timestamp_seconds", _seconds((n, p.watermark_ms) for n, p in numbered))
    yield family(
        "duplicate_horizon_seconds", _seconds((n, p.duplicate_horizon_ms) for n, p in numbered)
    )


def _seconds(
    parts: Iterable[tuple[str, Mapping[str, int]]],
) -> Iterator[tuple[tuple[str, str], float]]:
    for number, by_flow in parts:
        for flow, value_ms in by_flow.items():
            yield (flow, number), value_ms / 1000
