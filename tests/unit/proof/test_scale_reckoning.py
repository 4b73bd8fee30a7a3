"""What is reckoned of capacity, against what was measured as a whole and against common sense."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.benchmarks.scale import Measured, OfAccounts, OfSlices
from tests.benchmarks.scale_reckoning import AREAS, REGION, capacity, reckoned, ring_bytes, scaled

MEASURED = Measured(
    accounts=[
        OfAccounts(10_000, 5.8, 33e6, 74, 4_000, 0.06, 90),
        OfAccounts(100_000, 6.4, 94e6, 159, 1_100, 0.34, 40),
        OfAccounts(1_000_000, 18.2, 562e6, 321, 900, 4.19, 27),
    ],
    slices=[OfSlices(2_048, 13.97, 7.6, 7.78, 1_702_850), OfSlices(4, 2.59, 734.0, 1.71, 18_301)],
    partition_bytes=5.2e6,
    base_bytes=117e6,
    region_ms=(0.063, 0.193),
)


def test_a_region_comes_to_what_was_measured_of_one() -> None:
    found = capacity(MEASURED, REGION)
    assert found.workers == 2
    assert found.partitions == 8
    assert found.worker_bytes == pytest.approx(1.19e9, rel=0.1)
    assert found.changelog_bytes == pytest.approx(0.523e9, rel=0.1)


def test_more_of_everything_never_takes_less() -> None:
    found = [capacity(MEASURED, scaled(REGION, "", factor, 5)) for factor in (1, 4, 16, 64, 256)]
    for name in ("partitions", "workers", "state_bytes", "changelog_bytes", "cores_busy"):
        figures = [getattr(one, name) for one in found]
        assert figures == sorted(figures), name


def test_no_worker_is_asked_for_more_memory_than_it_has() -> None:
    assert all(capacity(MEASURED, area).worker_bytes <= 4e9 for area in AREAS)


def test_slower_events_ask_for_more_workers() -> None:
    slow = replace(MEASURED, accounts=[replace(one, event_us=4_000.0) for one in MEASURED.accounts])
    assert capacity(slow, AREAS[1]).workers > capacity(MEASURED, AREAS[1]).workers


def test_departments_cost_their_counts() -> None:
    assert ring_bytes(101) > 10 * ring_bytes(5)
    wide = replace(REGION, departments=101)
    more = capacity(MEASURED, wide).state_bytes - capacity(MEASURED, REGION).state_bytes
    assert more == pytest.approx(8 * (ring_bytes(101) - ring_bytes(5)))


def test_the_table_has_a_column_for_each_area() -> None:
    assert len(reckoned(MEASURED).columns) == 1 + len(AREAS)
