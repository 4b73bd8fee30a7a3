"""Which account first looked at which patient when, day by day: what the peers' rules are told (pure).

Whether a care relation explains a look is asked in batches of six hours, as programs that explain
accesses overnight do: any dealing of the structure with the patient in the month before or in the same
batch counts, and any access in an earlier batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from agents.care_relations import CareRelations
from simulators.events import FIELDS, OUTCOMES, Words
from simulators.pseudonyms import mix
from streams.event_time import DAY_MS, HOUR_MS, paris_days
from streams.topics import EPRESCRIPTIONS, PLATFORM_ACCESSES

if TYPE_CHECKING:
    import numpy.typing as npt

    from simulators.events import Events
    from streams.event_time import Int64Array

    BoolArray = npt.NDArray[np.bool_]

WINDOW_MS: Final = 6 * HOUR_MS
"""Length of a batch; the flows take turns as in `vigie backtest`."""
HORIZON_DAYS: Final = 30
"""As `agents.explaining`."""
_PAIR_SALT: Final = 0x5049


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """First looks at a patient by an account on a local day, ordered by account, day and time.

    Attributes:
        account: shape (n,), places among the accounts that are told of.
        day: shape (n,), days since the span's first.
        patient: shape (n,), numbers.
        time_ms: shape (n,).
        rank: shape (n,), 1 for the account's first patient of the day.
        is_strange: shape (n,), whether no care relation explains the look.
    """

    account: Int64Array
    day: Int64Array
    patient: Int64Array
    time_ms: Int64Array
    rank: Int64Array
    is_strange: BoolArray

    def __len__(self) -> int:
        """Number of looks."""
        return len(self.account)


class LookBook:
    """Gathers looks from the events of a span.

    Args:
        accounts: numbers of the accounts that are told of, ascending.
        first_day: the span's first local day, as days since 1970-01-01.
    """

    def __init__(self, accounts: Int64Array, first_day: int) -> None:
        self._accounts = accounts
        self._first_day = first_day
        self._relations = CareRelations()
        self._parts: list[tuple[np.ndarray, ...]] = []

    def take(self, events: Events) -> None:
        """Take the next batch of one flow; the accesses of a batch come after its other flows."""
        columns = events.columns
        named = columns["patient_pid"] >= 0
        rows = np.flatnonzero(named)
        patient, time_ms = columns["patient_pid"][rows], columns["occurred_at"][rows]
        pair = mix((columns["structure_pid"][rows] << 32) | patient, _PAIR_SALT) | np.uint64(1)
        days = (time_ms // DAY_MS).astype(np.uint16)
        if events.flow != PLATFORM_ACCESSES:
            is_access = np.zeros(len(rows), np.bool_)
            if events.flow == EPRESCRIPTIONS:
                is_access = columns["event"][rows] == _CONSULTED
            self._relations.learn(pair, days, is_access=is_access)
            return
        by_care, by_access = (last.astype(np.int64) for last in self._relations.last_days(pair))
        oldest = days.astype(np.int64) - HORIZON_DAYS
        explained = (np.maximum(by_care, by_access) >= oldest) & (oldest > 0)
        explained |= columns["care_context"][rows] == 1
        went = columns["outcome"][rows] != OUTCOMES.code("FAILURE")
        self._relations.learn(pair[went], days[went], is_access=np.ones(int(went.sum()), np.bool_))
        self._relations.forget_before(int(days.max(initial=0)) - HORIZON_DAYS - 1)
        actor = columns["actor_pid"][rows]
        place = np.minimum(np.searchsorted(self._accounts, actor), len(self._accounts) - 1)
        mine = self._accounts[place] == actor
        day = paris_days(time_ms[mine]) - self._first_day
        self._parts.append((place[mine], day, patient[mine], time_ms[mine], ~explained[mine]))

    def finish(self) -> Looks:
        """Everything gathered."""
        columns = [np.concatenate(part) for part in zip(*self._parts, strict=True)]
        account, day, patient, time_ms, is_strange = columns
        order = np.lexsort((time_ms, patient, day, account))
        same = np.ones(len(order), np.bool_)
        for column in (account, day, patient):
            ordered = column[order]
            same[1:] &= ordered[1:] == ordered[:-1]
        same[:1] = False
        first = order[~same]
        first = first[np.lexsort((time_ms[first], day[first], account[first]))]
        account, day = account[first], day[first]
        fresh = np.ones(len(first), np.bool_)
        fresh[1:] = (account[1:] != account[:-1]) | (day[1:] != day[:-1])
        place = np.arange(len(first))
        rank = place - place[fresh][np.cumsum(fresh) - 1] + 1
        return Looks(account, day, patient[first], time_ms[first], rank, is_strange[first])


_EVENT = FIELDS[EPRESCRIPTIONS]["event"]
_CONSULTED: Final = _EVENT.code("CONSULTED") if isinstance(_EVENT, Words) else -1
