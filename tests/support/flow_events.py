"""A simulated region's events as what its flow watch is told: counts and seconds per minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from agents.flow_minutes import SECONDS
from agents.flow_series import ALL_CELLS, CELLS, WIDTH
from agents.series import PAIRS
from simulators.events import OUTCOMES, code
from streams.event_time import MINUTE_MS, SECOND_MS
from streams.topics import FLOWS, MSS_MESSAGES
from streams.vocabulary import COULOIRS, SECTORS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from simulators.events import Events

_PAIR: Final = np.array(
    [
        PAIRS.index((sector, couloir) if (sector, couloir) in PAIRS else (sector, "INCONNU"))
        for sector in SECTORS
        for couloir in COULOIRS
    ]
)
_FAILURE: Final = OUTCOMES.code("FAILURE")


class Minutes(NamedTuple):
    """Whole minutes of a region: the first one's number, counts (n, WIDTH), seconds (n, CELLS)."""

    first: int
    counts: npt.NDArray[np.int64]
    heard: npt.NDArray[np.uint64]


def minutes_of(days: Iterable[Mapping[str, Events]], start_ms: int, end_ms: int) -> Minutes:
    """Count what was recorded in `[start_ms, end_ms)`, as the shards of the region do."""
    first, many = start_ms // MINUTE_MS, (end_ms - start_ms) // MINUTE_MS
    counts = np.zeros((many, WIDTH), np.int64)
    heard = np.zeros(many * CELLS, np.uint64)
    for day in days:
        for flow, events in day.items():
            c = events.columns
            at = c["recorded_at"]
            own = np.flatnonzero((at >= start_ms) & (at < end_ms))
            minute = at[own] // MINUTE_MS - first
            pair = _PAIR[c["sector"][own].astype(np.int64) * len(COULOIRS) + c["couloir"][own]]
            cell = FLOWS.index(flow) * len(PAIRS) + pair
            failed = c["outcome"][own] == _FAILURE
            np.add.at(counts, (minute, cell), 1)
            np.add.at(counts, (minute[failed], ALL_CELLS + cell[failed]), 1)
            if flow == MSS_MESSAGES:
                box = CELLS + c["recipient_box_type"][own].astype(np.int64)
                read = c["direction"][own] == code(MSS_MESSAGES, "direction", "READ")
                np.add.at(counts, (minute, box), 1)
                np.add.at(counts, (minute[read], ALL_CELLS + box[read]), 1)
            second = (at[own] // SECOND_MS % SECONDS).astype(np.uint64)
            np.bitwise_or.at(heard, minute * CELLS + cell, np.uint64(1) << second)
    return Minutes(first, counts, heard.reshape(many, CELLS))
