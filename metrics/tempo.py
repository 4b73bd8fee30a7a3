"""The recent past of the flows, for the live page's small charts (pure).

It is read off the rings of counts that the shards keep anyway, so it survives a restart and a reload,
and every open page draws the same curve.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from metrics.views import RegionView
from streams.event_time import paris_day, start_of_day_ms
from streams.topics import FLOWS
from streams.vocabulary import SECTORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


class Grain(NamedTuple):
    """Counts of equal cells of event time, in this worker's partitions.

    Attributes:
        start_ms: start of the first cell, milliseconds UTC.
        step_ms: width of a cell; 0 where no partition is held.
        counts: events, shaped cell x flow x sector; the last cell is still on its way.
    """

    start_ms: int
    step_ms: int
    counts: NDArray[np.int64]


class PageView(RegionView, Protocol):
    """The region as the live page needs it: the present, and the recent past."""

    @property
    def departments(self) -> Sequence[str]:
        """The region's departments, and HORS_REGION."""

    def tempo(self, now_ms: int) -> Sequence[Grain]:
        """The last minutes, hour and day, the finest grain first."""


def tempo(view: PageView, now_ms: int) -> dict[str, Any]:
    """The recent past, ready for JSON; a sector without any event in a grain is left out.

    `today` counts from midnight in Paris; on the 25-hour day of October its last hour has forgotten the
    first.
    """
    grains = view.tempo(now_ms)
    return {
        "grains": [
            {
                "start_ms": grain.start_ms,
                "step_ms": grain.step_ms,
                "flows": {
                    flow: {
                        sector: grain.counts[:, number, place].tolist()
                        for place, sector in enumerate(SECTORS)
                        if grain.counts[:, number, place].any()
                    }
                    for number, flow in enumerate(FLOWS)
                },
            }
            for grain in grains
        ],
        "today": _today(grains[-1]),
    }


def _today(day: Grain) -> dict[str, int | None]:
    if not day.step_ms:
        return dict.fromkeys(FLOWS)
    last_ms = day.start_ms + (len(day.counts) - 1) * day.step_ms
    midnight_ms = start_of_day_ms(paris_day(last_ms))
    first = max(0, (midnight_ms - day.start_ms) // day.step_ms)
    sums = day.counts[first:].sum(axis=(0, 2))
    return {flow: int(sums[number]) for number, flow in enumerate(FLOWS)}
