"""The last four weeks of every account, day by day, for the chart in a finding (pure).

A closed day leaves what was read, how much of it nothing explains, and what the account's own baseline
made of such a day before it learned it: six bytes. Levels are kept in steps of some percent, since they
are drawn and not reckoned with. What is usual among peers is kept once per peer group.

A day is noted as it is closed, which depends on the order of events alone, so the series is the same
however the stream was cut (beyond 256 patients in 24 hours counts are estimates, good to a percent or
so). Only the present day's point is of the moment at which a finding is told.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from agents.account_rows import AccountRows
from agents.detectors import tail
from agents.finding_history import FindingHistory, HistoryMeasure
from streams.event_time import DAY_MS, start_of_day_ms

if TYPE_CHECKING:
    import numpy.typing as npt

    from agents.account_watch import AccountWatch
    from agents.baselines import ClosedDays, Expected
    from agents.distributions import FloatArray
    from agents.peer_groups import PeerGroups, Usual
    from streams.event_time import Int64Array

DAYS: Final = 28
"""Days that are kept: four of each day of the week."""

_VERSION: Final = 1
_OF_DAY: Final = (DAYS,)
_ACCOUNT: Final = np.dtype(
    [
        # Day d stands at d % DAYS; days on which an account did nothing are zeros.
        ("newest", "<i4"),
        ("patients", "<u2", _OF_DAY),
        ("unexplained", "<u2", _OF_DAY),
        ("expected", "u1", _OF_DAY),
        ("size", "u1", _OF_DAY),
    ]
)
_GROUP: Final = np.dtype(
    [("newest", "<i4"), ("usual", "<f4", _OF_DAY), ("high", "<f4", _OF_DAY)],
)
_MOST: Final = 0xFFFE
_NOT_KNOWN: Final = 0xFFFF
"""Nothing is known of the relations of any patient of the day."""
_LEAST_LEVEL: Final = 0.05
_LEVEL_STEP: Final = math.log(1.045)
_LEVELS: Final = 255
_HUNDREDTH: Final = 2.326
"""Standard normal quantile that one in a hundred exceeds."""


class AccountHistory:
    """Closed days of the accounts of one partition, and of their peer groups."""

    def __init__(self) -> None:
        self.rows = AccountRows("account-history", _VERSION, _ACCOUNT, {})
        self.groups = AccountRows("peer-history", _VERSION, _GROUP, {})

    @property
    def sections(self) -> tuple[AccountRows, ...]:
        """What a checkpoint holds of it, in an order that must not change; accounts first."""
        return (self.rows, self.groups)

    def note(self, closed: ClosedDays, expected: Expected, peers: PeerGroups) -> None:
        """Take account-days of one local day as they are closed, before anything learns them."""
        if not len(closed.account):
            return
        day = int(closed.day[0])
        unexplained = np.where(closed.known > 0, np.minimum(closed.unexplained, _MOST), _NOT_KNOWN)
        _enter(
            self.rows,
            closed.account,
            day,
            {
                "patients": np.minimum(closed.patients, _MOST),
                "unexplained": unexplained,
                "expected": _codes(expected.patients),
                "size": _codes(expected.patients_size),
            },
        )
        groups = np.unique(closed.group)
        usual = peers.usual(groups)
        _enter(self.groups, groups, day, {"usual": usual.patients, "high": _hundredth(usual)})


def history_of(watch: AccountWatch, account: int, last_day: int) -> FindingHistory | None:
    """The days of an account that end with `last_day`, the present one if it is still open.

    Args:
        watch: what is known of the partition's accounts.
        account: row.
        last_day: the last local day of the series.

    Returns:
        From the first day on which the account did anything; `None` if it did nothing.
    """
    history = watch.history
    for rows in (history.rows, watch.days):
        rows.reserve(account + 1)
    days = np.arange(last_day - DAYS + 1, last_day + 1)
    own = _window(history.rows, account, days)
    present = watch.days.table[account]
    group = int(present["group"])
    levels, sizes = _levels(own["expected"]), _levels(own["size"])
    usual = _window(history.groups, group, days)
    if days[0] <= present["day"] <= last_day:
        place = int(present["day"]) - int(days[0])
        _put_present(watch, account, place, own, usual, levels=levels, sizes=sizes)
    worked = np.flatnonzero(own["patients"])
    if not worked.size:
        return None
    # What is expected of a working day does not change on days off.
    last_worked = np.maximum.accumulate(np.where(own["patients"] > 0, np.arange(DAYS), 0))
    levels, sizes = levels[last_worked], sizes[last_worked]
    shown = slice(int(worked[0]), DAYS)
    return FindingHistory(
        measure=HistoryMeasure.PATIENTS,
        start_ms=start_of_day_ms(int(days[shown][0])),
        step_ms=DAY_MS,
        observed=tuple(own["patients"][shown].tolist()),
        unexplained=tuple(
            None if count == _NOT_KNOWN else count for count in own["unexplained"][shown].tolist()
        ),
        expected=_told(levels[shown]),
        high=_told(tail.alarm_level(watch.params.tail, levels[shown], sizes[shown])),
        peers=_told(_carried(usual["usual"])[shown]),
        peers_high=_told(_carried(usual["high"])[shown]),
    )


def _put_present(
    watch: AccountWatch,
    account: int,
    place: int,
    own: dict[str, Any],
    usual: dict[str, Any],
    *,
    levels: FloatArray,
    sizes: FloatArray,
) -> None:
    """The day that is not closed yet, as it stands."""
    day = watch.days.table[account]
    rows, groups = np.array([account]), np.array([int(day["group"])])
    expected = watch.baselines.expected(rows, groups, np.array([int(day["day"])]))
    own["patients"][place] = min(max(int(day["patients"]), 1), _MOST)
    own["unexplained"][place] = min(int(day["unexplained"]), _MOST) if day["known"] else _NOT_KNOWN
    levels[place], sizes[place] = expected.patients[0], expected.patients_size[0]
    among = watch.groups.usual(groups)
    usual["usual"][place], usual["high"][place] = among.patients[0], _hundredth(among)[0]


def _window(rows: AccountRows, which: int, days: Int64Array) -> dict[str, Any]:
    """What is kept of these days, zeros where nothing is."""
    rows.reserve(which + 1)
    own = rows.table[which]
    newest = int(own["newest"])
    is_kept = (days <= newest) & (days > newest - DAYS)
    names = [name for name in own.dtype.names or () if name != "newest"]
    return {
        name: np.where(is_kept, own[name][days % DAYS], own.dtype[name].base.type(0))
        for name in names
    }


def _carried(values: npt.NDArray[np.float32]) -> FloatArray:
    """Each value, or where there is none (0) the one before, or the first; NaN if there is none.

    On a day on which nobody of a group worked, what is usual in it stays what it was.
    """
    known = np.flatnonzero(values > 0)
    if not known.size:
        return np.full(len(values), np.nan)
    last = np.maximum.accumulate(np.where(values > 0, np.arange(len(values)), known[0]))
    carried: FloatArray = values[last].astype(np.float64)
    return carried


def _told(values: FloatArray) -> tuple[float | None, ...]:
    return tuple(None if math.isnan(value) else round(value, 2) for value in values.tolist())


def _enter(rows: AccountRows, which: Int64Array, day: int, values: dict[str, Any]) -> None:
    """Write a day's values; the days since the newest one become zeros."""
    rows.reserve(int(which.max()) + 1)
    table = rows.table
    place = np.arange(DAYS)
    day_of_place = day - (day - place) % DAYS
    is_stale = day_of_place > table["newest"][which][:, np.newaxis]
    for name, value in values.items():
        kept = np.where(is_stale, 0, table[name][which])
        kept[:, day % DAYS] = value
        table[name][which] = kept
    table["newest"][which] = day
    rows.touch(which)


def _codes(values: FloatArray) -> npt.NDArray[np.uint8]:
    """Levels in steps of 4.5 %; 0 stands for none."""
    steps = np.log(np.maximum(values, _LEAST_LEVEL) / _LEAST_LEVEL) / _LEVEL_STEP
    codes: npt.NDArray[np.uint8] = np.minimum(np.rint(steps) + 1, _LEVELS).astype(np.uint8)
    return codes


def _levels(codes: npt.NDArray[np.uint8]) -> FloatArray:
    """The reverse of `_codes`, within 2.3 %."""
    return _LEAST_LEVEL * np.exp((codes.astype(np.float64) - 1.0) * _LEVEL_STEP)


def _hundredth(usual: Usual) -> FloatArray:
    """Patients that one in a hundred working days of a group's members exceeds (log-normal law)."""
    level = 1.0 / usual.weight
    scatter = 1.0 / usual.day_size + 1.0 / usual.patients
    variance = np.log1p(level + scatter + level / usual.day_size)
    high: FloatArray = usual.patients * np.exp(_HUNDREDTH * np.sqrt(variance) - 0.5 * variance)
    return high
