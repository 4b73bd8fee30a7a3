"""What an outage of a source leaves of its recordings."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from simulators.evaluation.plan import Outage, Span
from simulators.evaluation.region import BACKLOG_MS, TrialRegion, outage_ms
from streams.schemas import Schemas
from streams.topics import INSI_CALLS
from streams.vocabulary import SECTORS

# Over midnight: what occurred the day before and is still on its way must not come through either.
OUTAGE = Outage(INSI_CALLS, "PSL", date(2025, 9, 3), 21, 6)
SPAN = Span("festival", date(2025, 9, 2), 0, 3, 0.03, (), is_whole=True)
SCHEMAS = Schemas.load()


def arrivals(*outages: Outage) -> np.ndarray:
    region = TrialRegion(replace(SPAN, outages=outages), 7, SCHEMAS)
    own = [
        piece.events.columns["recorded_at"][piece.events.columns["sector"] == SECTORS.index("PSL")]
        for _, pieces in region.turns()
        for piece in pieces
        if piece.flow == INSI_CALLS
    ]
    return np.concatenate(own)


@pytest.mark.parametrize("comes_late", [False, True])
def test_nothing_of_a_source_that_cannot_send_arrives_whenever_it_occurred(
    comes_late: bool,
) -> None:
    begin_ms, end_ms = outage_ms(OUTAGE)
    whole, left = arrivals(), arrivals(replace(OUTAGE, comes_late=comes_late))
    held = int(((whole >= begin_ms) & (whole < end_ms)).sum())
    assert held > 10
    assert not ((left >= begin_ms) & (left < end_ms)).any()
    assert len(left) == len(whole) - (0 if comes_late else held)
    after = (end_ms, end_ms + BACKLOG_MS)
    burst = [int(((one >= after[0]) & (one < after[1])).sum()) for one in (whole, left)]
    assert burst[1] - burst[0] == (held if comes_late else 0)
    assert (np.diff(left) >= 0).all()
