"""What is known of groups from earlier days: their usual, their evidence, the region's rates (pure)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from agents.account_rows import AccountRows
from agents.distributions import LN10
from agents.finding_history import FindingHistory, HistoryMeasure
from streams.event_time import DAY_MS, start_of_day_ms

if TYPE_CHECKING:
    from agents.account_cells import CellArray
    from agents.detectors.base import UInt64Array
    from agents.distributions import FloatArray
    from streams.event_time import Int64Array

GROUPS_MAX: Final = 65_536
KEEP_DAYS: Final = 60
_HELD_BACK: Final = 3.0
"""log10 of the odds from which a group's days are not learned."""
MEMORY: Final = 0.8
"""What yesterday's evidence weighs: so a quiet group's expected odds are at most 1 / (1 - MEMORY) = 5 on
any day, and one in 10^s / 5 of them at most stands at s (Markov's inequality)."""
ODDS_MAX: Final = 10.0
"""log10 of the odds at most: so that a group that stops has no evidence left after some quiet days."""

_VERSION: Final = 1
_NO_ODDS: Final = -30.0
_GATHERING: Final = 1.0
"""log10 of the odds from which a group's evidence is more than that of quiet ones."""
_QUIET_LOG: Final = math.log(10.0)
"""Evidence of a day above which it is not learned as usual."""
_FADING: Final = math.exp(-1.0 / 60.0)
_CREDIT: Final = 30.0
"""Expected patients' worth of a group being as its members are elsewhere."""
_RATIO_BOUNDS: Final = (0.7, 3.0)
_RATIO_SPREAD: Final = 0.2
"""Relative variance of what a group without a past shows of what its members show (assumption: people on
call see more strangers than at their desks)."""

_GROUP: Final = np.dtype(
    [
        ("key", "<u8"),
        ("kind", "<u4"),
        ("last_day", "<i4"),
        ("since_day", "<i4"),
        ("odds", "<f4"),
        ("observed", "<f4"),
        ("expected", "<f4"),
    ]
)

DAYS_SHOWN: Final = 28
_DAYS: Final = np.dtype(
    [
        # Day d stands at d % DAYS_SHOWN.
        ("day", "<i4", (DAYS_SHOWN,)),
        ("observed", "<u2", (DAYS_SHOWN,)),
        ("expected", "<f4", (DAYS_SHOWN,)),
    ]
)


class GroupHistory:
    """Per group: what it has shown of its expectation, and its evidence so far."""

    def __init__(self) -> None:
        self.rows = AccountRows("collusion-groups", _VERSION, _GROUP, {"odds": _NO_ODDS})
        self.days = GroupDays()
        self._row: dict[tuple[int, int], int] = {}
        self._free: list[int] = []
        self._end = 0

    def recovered(self) -> None:
        """Finish a recovery from a checkpoint."""
        table = self.rows.table
        used = np.flatnonzero(table["last_day"] > 0)
        self._row = {
            (int(table["kind"][row]), int(table["key"][row])): row for row in used.tolist()
        }
        self._end = int(used.max(initial=-1)) + 1
        self._free = sorted(set(range(self._end)) - set(used.tolist()), reverse=True)

    def rows_of(self, kind: int, keys: UInt64Array, day: int) -> Int64Array:
        """The rows of m groups; new ones get one, for which long unseen ones may have to go."""
        if len(self._row) + len(keys) > GROUPS_MAX or day % KEEP_DAYS == 0:
            self._forget(day)
        named = [(kind, key) for key in keys.tolist()]
        missing = [name for name in named if name not in self._row]
        for name in missing:
            row = self._free.pop() if self._free else self._end
            self._end = max(self._end, row + 1)
            self.rows.reserve(self._end)
            self.rows.table[row] = self.rows.blank
            self.days.forget(row)
            self.rows.table["kind"][row], self.rows.table["key"][row] = name
            self._row[name] = row
        rows = np.array([self._row[name] for name in named], np.int64)
        self.rows.table["last_day"][rows] = day
        self.rows.touch(rows)
        return rows

    def _forget(self, day: int) -> None:
        table = self.rows.table
        old = np.flatnonzero((table["last_day"] > 0) & (table["last_day"] < day - KEEP_DAYS))
        for row in old.tolist():
            del self._row[int(table["kind"][row]), int(table["key"][row])]
        self.rows.clear(old)
        self.rows.touch(old)
        self._free = sorted([*self._free, *old.tolist()], reverse=True)

    def usual_ratio(self, rows: Int64Array) -> FloatArray:
        """What groups usually show of what their members show elsewhere."""
        own = self.rows.at(rows)
        ratio = (own["observed"] + _CREDIT) / (own["expected"] + _CREDIT)
        result: FloatArray = np.clip(ratio.astype(np.float64), *_RATIO_BOUNDS)
        return result

    def ratio_spread(self, rows: Int64Array) -> FloatArray:
        """Relative variance of `usual_ratio`, less with every day."""
        known = self.rows.table["expected"][rows].astype(np.float64)
        spread: FloatArray = _RATIO_SPREAD * _CREDIT / (known + _CREDIT)
        return spread

    def add(self, rows: Int64Array, logs: FloatArray, day: int) -> FloatArray:
        """Add a day's evidence, natural logarithms of e-values; gives log10 of the odds so far."""
        table = self.rows.table
        before = table["odds"][rows].astype(np.float64)
        table["since_day"][rows[before < _GATHERING]] = day
        odds = np.log10(1.0 + MEMORY * 10.0**before) + logs / LN10
        odds = np.clip(odds, _NO_ODDS, ODDS_MAX)
        table["odds"][rows] = odds
        return odds

    def gathering(self, rows: Int64Array) -> Int64Array:
        """Positions of groups whose evidence is more than that of quiet ones."""
        return np.flatnonzero(self.rows.table["odds"][rows] >= _GATHERING)

    def since(self, row: int) -> int:
        """The day from which on a group's evidence has been gathering."""
        return int(self.rows.table["since_day"][row])

    def learn(
        self, rows: Int64Array, observed: FloatArray, expected: FloatArray, logs: FloatArray
    ) -> None:
        """Take a day of groups as usual, but for those with evidence."""
        quiet = (logs < _QUIET_LOG) & (self.rows.table["odds"][rows] < _HELD_BACK)
        rows = rows[quiet]
        for name, values in (("observed", observed), ("expected", expected)):
            column = self.rows.table[name]
            column[rows] = column[rows] * _FADING + values[quiet]


class GroupDays:
    """What groups did on each day on which their evidence was gathering, for the chart in a finding.

    Quiet groups leave nothing here, so it is empty but for a few.
    """

    def __init__(self) -> None:
        self.rows = AccountRows("collusion-days", _VERSION, _DAYS, {})

    def note(self, row: int, day: int, observed: float, expected: float) -> None:
        """Take a group's day: unexplained patients of all members, and what was expected of them."""
        self.rows.reserve(row + 1)
        own, place = self.rows.table[row], day % DAYS_SHOWN
        own["day"][place] = day
        own["observed"][place] = min(observed, 0xFFFF)
        own["expected"][place] = expected
        self.rows.touch(np.array([row]))

    def forget(self, row: int) -> None:
        """Another group gets the row."""
        if row < len(self.rows.table) and self.rows.table["day"][row].any():
            self.rows.table[row] = self.rows.blank
            self.rows.touch(np.array([row]))

    def of(self, row: int, last_day: int) -> FindingHistory | None:
        """A group's days since its evidence began to gather, with gaps where it did not show."""
        self.rows.reserve(row + 1)
        own = self.rows.table[row]
        days = np.arange(last_day - DAYS_SHOWN + 1, last_day + 1)
        is_kept = own["day"][days % DAYS_SHOWN] == days
        if not is_kept.any():
            return None
        first = int(is_kept.argmax())
        observed = np.where(is_kept, own["observed"][days % DAYS_SHOWN], 0)[first:].tolist()
        expected = own["expected"][days % DAYS_SHOWN].astype(np.float64)
        return FindingHistory(
            measure=HistoryMeasure.PATIENTS,
            start_ms=start_of_day_ms(int(days[first])),
            step_ms=DAY_MS,
            observed=tuple(observed),
            unexplained=tuple(observed),
            expected=tuple(
                round(float(value), 2) if kept else None
                for value, kept in zip(expected[first:], is_kept[first:], strict=True)
            ),
        )


_RATE: Final = np.dtype([("count", "<f8"), ("cells", "<f8"), ("closed_day", "<i4"), ("_", "<i4")])


class Rates:
    """How often accounts act in step by chance, and how much structures vary.

    Args:
        traces: number of traces that are counted.
    """

    def __init__(self, traces: int) -> None:
        self.rows = AccountRows("collusion-rates", _VERSION, _RATE, {})
        self._traces = traces
        self.rows.reserve(traces + 1)

    @property
    def closed_day(self) -> int:
        """The last closed local day."""
        return int(self.rows.table["closed_day"][self._traces])

    def set_closed(self, day: int) -> None:
        """Note the last closed local day."""
        self.rows.table["closed_day"][self._traces] = day
        self.rows.touch(np.array([self._traces]))

    def per_cell(self, windows: int) -> FloatArray:
        """Accounts with each trace per cell; of windows of the day, no less than around them."""
        own = self.rows.table[: self._traces]
        rate = (own["count"] + _TRACE_CREDIT * _TRACE_RATE) / (own["cells"] + _TRACE_CREDIT)
        around = _ring_mean(own["count"][:windows], _AROUND)
        around = (around + _TRACE_CREDIT * _TRACE_RATE) / (own["cells"][:windows] + _TRACE_CREDIT)
        rate[:windows] = np.maximum(rate[:windows], around)
        result: FloatArray = rate
        return result

    def learn(self, count: FloatArray, expected: FloatArray, cells: int, logs: FloatArray) -> None:
        """Take a day; where there is evidence, only as much as is usual."""
        taken = np.where(logs < _QUIET_LOG, count, np.minimum(count, expected))
        own = self.rows.table[: self._traces]
        own["count"] = own["count"] * _FADING + taken
        own["cells"] = own["cells"] * _FADING + cells
        self.rows.touch(np.arange(self._traces))

    @property
    def structure_spread(self) -> float:
        """Relative variance of a structure's day around what its accounts usually show."""
        own = self.rows.table[self._traces]
        spread = (own["count"] + _SPREAD_CREDIT * _SPREAD) / (own["cells"] + _SPREAD_CREDIT)
        return float(np.clip(spread, 0.01, 2.0))

    def learn_scatter(self, cells: CellArray, usual: FloatArray) -> None:
        """Take how far the structures of a day lie from their expectations."""
        _, of = np.unique(cells["structure"], return_inverse=True)
        of = of.reshape(-1)
        expected = np.bincount(of, usual)
        observed = np.bincount(of, cells["unexplained"])
        beyond = np.clip((observed - expected) ** 2 - expected, -np.inf, (3.0 * expected) ** 2)
        own = self.rows.table[self._traces]
        own["count"] = own["count"] * _FADING + float(beyond.sum())
        own["cells"] = own["cells"] * _FADING + float((expected**2).sum())
        self.rows.touch(np.array([self._traces]))


_TRACE_RATE: Final = 2e-4
_TRACE_CREDIT: Final = 2_000.0
_AROUND: Final = 6
_SPREAD: Final = 0.1
_SPREAD_CREDIT: Final = 200.0


def _ring_mean(values: FloatArray, reach: int) -> FloatArray:
    """The mean of each value and `reach` neighbours on both sides, around midnight too."""
    wide = np.concatenate([values[-reach:], values, values[:reach]])
    total = np.cumsum(np.concatenate([[0.0], wide]))
    width = 2 * reach + 1
    mean: FloatArray = (total[width:] - total[:-width]) / width
    return mean
