"""Counts per minute of a region without its events: a year in seconds, for the flow watch.

Volumes, hours, weekdays and months are the simulated region's own (`simulators.volumes`,
`simulators.calendar`). What varies on top: every day of a cell by 6 %, every hour by 4 %, and in flows
that send in batches a count per minute that clusters.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from agents.flow_series import ALL_CELLS, CELLS
from agents.series import PAIRS
from simulators import volumes
from simulators.calendar import LocalDay, day_weight, days_of_month, month_index
from streams.event_time import MINUTE_MS
from streams.topics import (
    DMP_DEPOSITS,
    EPRESCRIPTIONS,
    FLOWS,
    INSI_CALLS,
    MSS_MESSAGES,
    PLATFORM_ACCESSES,
)
from streams.vocabulary import COULOIRS

Counts = npt.NDArray[np.int64]

_INSI_SHARES: Final = {
    ("PSL", "MEDECINE_VILLE"): 0.35,
    ("PSL", "OFFICINE"): 0.40,
    ("PSL", "LABO_BIOLOGIE"): 0.15,
    ("PSL", "RADIOLOGIE"): 0.08,
    ("PSL", "AUTRE"): 0.02,
}
CLUSTERS: Final = {DMP_DEPOSITS: 2.0, MSS_MESSAGES: 1.6}
"""Variance of a minute in units of its mean, in flows that send in batches (assumption)."""
_FAILURE_RATIO: Final = {
    DMP_DEPOSITS: 0.03,
    MSS_MESSAGES: 0.02,
    INSI_CALLS: 0.11,
    EPRESCRIPTIONS: 0.02,
    PLATFORM_ACCESSES: 0.03,
}
_BOXES: Final = (0.0, 0.90, 0.02, 0.02, 0.01, 0.05)
_READ_RATIO: Final = 0.06
_DAY_SIGMA: Final = 0.06
_HOUR_SIGMA: Final = 0.04


def monthly_volume(flow: str, sector: str, couloir: str, month: int) -> float:
    """Events of a cell in a month."""
    if volumes.SECTOR_OF_COULOIR.get(couloir, sector) != sector and flow != INSI_CALLS:
        return 0.0
    if flow == INSI_CALLS:
        share = _INSI_SHARES.get((sector, couloir), 0.0)
        if sector != "PSL":
            share = 1.0 if PAIRS.index((sector, couloir)) < 9 else 0.0
        return share * volumes.insi_quota(sector, month).calls
    if flow == PLATFORM_ACCESSES:
        base = {"HOPITAL": 180_000, "MEDECINE_VILLE": 90_000, "MEDICO_SOCIAL": 30_000}.get(
            couloir, 0
        )
    elif flow == EPRESCRIPTIONS:
        base = {"MEDECINE_VILLE": 608_000, "HOPITAL": 32_000, "OFFICINE": 900_000}.get(couloir, 0)
    else:
        table = volumes.DMP_SEPTEMBER if flow == DMP_DEPOSITS else volumes.MSS_SEPTEMBER
        base = table.get(couloir, 0)
    return volumes.quota(base, couloir, month) if base else 0.0


class FlowCounts:
    """A region's counts per minute, day after day.

    Args:
        seed: of the noise.
        scale: of all volumes.
    """

    def __init__(self, seed: int, scale: float = 1.0) -> None:
        self._seed = seed
        self._scale = scale
        self._weights: dict[tuple[str, int], dict[date, float]] = {}

    def day(self, day: date) -> tuple[int, Counts]:
        """First minute of a local day, and counts of shape (minutes, 2, ALL_CELLS)."""
        local = LocalDay.of(day)
        rng = np.random.default_rng([self._seed, day.toordinal()])
        hours = local.cumulative.shape[1] - 1
        minutes = hours * 60
        counts = np.zeros((minutes, 2, ALL_CELLS), np.int64)
        month = month_index(day)
        for number, flow in enumerate(FLOWS):
            for pair, (sector, couloir) in enumerate(PAIRS):
                volume = monthly_volume(flow, sector, couloir, month) * self._scale
                if volume <= 0:
                    continue
                per_day = volume * self._share(couloir, day, month)
                shape = np.diff(local.cumulative[COULOIRS.index(couloir)])
                noise = np.exp(rng.normal(0, _DAY_SIGMA) + rng.normal(0, _HOUR_SIGMA, hours))
                mean = np.repeat(per_day * shape * noise / 60.0, 60)
                cluster = CLUSTERS.get(flow, 1.0)
                cell = number * len(PAIRS) + pair
                if cluster > 1:
                    mean = rng.gamma(np.maximum(mean / (cluster - 1.0), 1e-12)) * (cluster - 1.0)
                own = rng.poisson(mean)
                counts[:, 0, cell] = own
                counts[:, 1, cell] = rng.binomial(own, _FAILURE_RATIO[flow])
        first = FLOWS.index(MSS_MESSAGES) * len(PAIRS)
        inflow = counts[:, 0, first : first + len(PAIRS)].sum(axis=1)
        boxes = rng.multinomial(inflow, _BOXES)
        counts[:, 0, CELLS:] = boxes
        counts[:, 1, CELLS:] = rng.binomial(boxes, _READ_RATIO)
        return local.start_ms // MINUTE_MS, counts

    def _share(self, couloir: str, day: date, month: int) -> float:
        key = (couloir, month)
        if key not in self._weights:
            own = {other: day_weight(couloir, other) for other in days_of_month(month)}
            total = sum(own.values())
            self._weights[key] = {other: weight / total for other, weight in own.items()}
        return self._weights[key][day]


def days_from(first: date, count: int) -> list[date]:
    """`count` days in a row."""
    return [first + timedelta(days=n) for n in range(count)]
