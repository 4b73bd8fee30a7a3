"""Event times as those who watch accounts need them: never falling (pure).

Accesses are judged in the order of the log, and sources are a little late, or upload what they held
back. What is watched per account must not go back in time: an access counts no earlier than the one
before it of the same account, and no earlier than the day that is open in its partition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from agents.account_rows import AccountRows
from streams.event_time import paris_days, start_of_day_ms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.event_time import Int64Array

_VERSION: Final = 1
_RECORD: Final = np.dtype([("last_ms", "<i8")])
_TIME_BITS: Final = 42
"""Milliseconds until the year 2109."""


class EventOrder:
    """The clocks of one partition's accounts."""

    def __init__(self) -> None:
        self.rows = AccountRows("account-clocks", _VERSION, _RECORD, {})
        self._open_day = 0
        self._open_ms = 0
        self._next_ms = 0

    @property
    def open_day(self) -> int:
        """The local day that is open, as days since 1970-01-01."""
        return self._open_day

    def begin_day(self, day: int) -> None:
        """Let nothing count before a local day any more."""
        if day > self._open_day:
            self._open_day = day
            self._open_ms = start_of_day_ms(day)
            self._next_ms = start_of_day_ms(day + 1)

    def settle(self, accounts: Int64Array, times_ms: Int64Array) -> Int64Array:
        """The times at which n accesses, in the order of judgement, count.

        They never fall for one account, and their local days never fall over all of them.
        """
        if not len(times_ms):
            return times_ms
        times = self._in_open_days(times_ms)
        self.rows.reserve(int(accounts.max()) + 1)
        order = np.argsort(accounts, kind="stable")
        rows = accounts[order]
        last = self.rows.table["last_ms"]
        own = np.maximum(times[order], last[rows])
        begins = np.diff(rows, prepend=-1) != 0
        # Each account stands a step higher, so that no other's time reaches into it.
        lift = np.cumsum(begins) << _TIME_BITS
        settled = np.maximum.accumulate(own + lift) - lift
        times[order] = settled
        ends = np.concatenate([begins[1:], [True]])
        last[rows[ends]] = settled[ends]
        self.rows.touch(rows[ends])
        return times

    def _in_open_days(self, times_ms: Int64Array) -> Int64Array:
        """Move what lies before the day that was open at its place to that day's start."""
        if int(times_ms.max()) < self._next_ms:
            return np.maximum(times_ms, self._open_ms)
        days = paris_days(times_ms)
        opened = np.maximum.accumulate(np.maximum(days, self._open_day))
        starts_ms = {day: start_of_day_ms(day) for day in np.unique(opened).tolist()}
        behind = np.flatnonzero(days < opened)
        times: Int64Array = times_ms.copy()
        times[behind] = [starts_ms[day] for day in opened[behind].tolist()]
        self.begin_day(int(opened[-1]))
        return times

    def to_json(self) -> dict[str, Any]:
        """What a restart must know beside the rows."""
        return {"open_day": self._open_day}

    def from_json(self, state: Mapping[str, Any]) -> None:
        """Go on from a header."""
        self.begin_day(state["open_day"])
