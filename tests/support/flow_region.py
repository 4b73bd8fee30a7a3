"""A flow watch that has learned a small region for fifteen days, and minutes to go on with."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from agents.flow_series import CELLS, WIDTH
from agents.flow_watch import FlowParams, FlowWatch
from agents.series import PAIRS
from streams.topics import FLOWS
from tests.support.flow_counts import FlowCounts, days_from

if TYPE_CHECKING:
    from agents.declared_changes import DeclaredChange
    from agents.flow_suspicion import FlowSuspicion
    from tests.support.flow_counts import Counts

FIRST = date(2025, 3, 3)
DAYS = 15
NEXT = date(2025, 3, 18)
"""A Tuesday."""


@lru_cache(maxsize=1)
def _trained() -> FlowWatch:
    watch = FlowWatch(FlowParams(partitions=1))
    region = FlowCounts(5)
    for day in days_from(FIRST, DAYS):
        minute, counts = region.day(day)
        for at, row in enumerate(counts.reshape(len(counts), WIDTH)):
            watch.judge(minute + at, row)
    return watch


def trained(calendar: tuple[DeclaredChange, ...] = ()) -> FlowWatch:
    """A watch of its own that knows the region."""
    watch = deepcopy(_trained())
    watch.declare(calendar)
    return watch


def next_day(day: date = NEXT) -> tuple[int, Counts]:
    """First minute, and counts until 17 h of shape (minutes, 2, ALL_CELLS)."""
    minute, counts = FlowCounts(5).day(day)
    return minute, counts[: 17 * 60]


def cells_of(flow: str = "*", sector: str = "*", couloir: str = "*") -> list[int]:
    """The cells with these labels."""
    return [
        FLOWS.index(own) * len(PAIRS) + pair
        for own in FLOWS
        for pair, (its_sector, its_couloir) in enumerate(PAIRS)
        if flow in ("*", own) and sector in ("*", its_sector) and couloir in ("*", its_couloir)
    ]


def change(counts: Counts, start: int, end: int, cells: list[int], factor: float) -> None:
    """Multiply the counts of some minutes and cells, by chance."""
    rng = np.random.default_rng(11)
    part = counts[start:end]
    for cell in cells:
        own, failed = part[:, 0, cell].copy(), part[:, 1, cell].copy()
        if factor <= 1:
            part[:, 0, cell] = rng.binomial(own, factor)
            part[:, 1, cell] = np.minimum(rng.binomial(failed, factor), part[:, 0, cell])
        else:
            part[:, 0, cell] = rng.poisson(own * factor)
            part[:, 1, cell] = np.minimum(rng.poisson(failed * factor), part[:, 0, cell])
    assert max(cells) < CELLS


def judge(watch: FlowWatch, minute: int, counts: Counts) -> list[FlowSuspicion]:
    """Everything that a day's minutes tell."""
    rows = counts.reshape(len(counts), WIDTH)
    return [told for at, row in enumerate(rows) for told in watch.judge(minute + at, row)]
