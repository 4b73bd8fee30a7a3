"""Which accesses to the platforms have a reason: the care relation, at the joint watermark (pure).

An access is *explained* if its structure dealt with the patient within the horizon before it, through
any other flow or in an earlier access, or if the platform itself knows a relation (`care_context`).
An access is judged when the joint watermark has passed its due time, from all dealings with no later due
time; so the verdict is the same live, in a replay, after a restart and in a back-test, however slices
were cut and flows interleaved (`agents.joint_watermark` states the law and its one condition).

Searches of an identity by traits and consultations of a prescription are looks too
(`agents.access_rows`), but no relation is asked of them: they are how one begins. So a person's
search by traits is no dealing with the patient either.

What it misses: dealings that left no event (about one legitimate look in six in the simulated region),
care that is given first and recorded later, and relations of an account's other structures.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from agents.access_rows import ACCESS, looks_of
from agents.care_relations import NEVER, CareRelations
from agents.detectors.base import UNKNOWN
from agents.joint_watermark import JointWatermark
from agents.waiting import DUE_FIELDS, DueRows, Waiting, earliest
from streams.digests import NONE, pair_digests
from streams.event_columns import EventColumns
from streams.event_time import DAY_MS
from streams.packed_rows import rows_at
from streams.topics import EPRESCRIPTIONS, FLOWS, INSI_CALLS, PLATFORM_ACCESSES, VERDICTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from agents.accounts import Accounts
    from streams.checkpoint import Section
    from streams.digests import UInt64Array
    from streams.event_time import BoolArray, Int64Array

_DEALING: Final = np.dtype([*DUE_FIELDS, ("pair", "<u8"), ("day", "<u2"), ("is_access", "?")])
_GROUP: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class CareParams:
    """What counts as a relation, and how much may wait for it.

    Attributes:
        horizon_days: how long a dealing explains accesses.
        lateness_ms: how far behind the newest of its flow an access may be; older relations are kept
            for so much longer.
        waiting_max: events that may wait; beyond it those due first are judged early.
        batch_min: events that must be due before a slice has them judged; fewer wait for
            `pass_time`, since judging costs some milliseconds however few they are. What is concluded
            does not depend on it.
    """

    horizon_days: int = 30
    lateness_ms: int = DAY_MS
    waiting_max: int = 262_144
    batch_min: int = 8192


@dataclass(frozen=True, slots=True, eq=False)
class ExplainedAccesses:
    """n judged looks, in order of due time, then of surface, then of their flow.

    Attributes:
        accesses: rows of `agents.access_rows.ACCESS`.
        explained: int8, `EXPLAINED`, `UNEXPLAINED`, or `UNKNOWN` where no relation is asked for
            (`agents.detectors.base`).
        first_seen: whether no access of the structure to this patient precedes within the horizon.
        days: by due time, the newest day (UTC) of care until then: rows of due time and day, both
            rising; what closes a day in which nobody looks at anything.
    """

    accesses: DueRows
    explained: npt.NDArray[np.int8]
    first_seen: BoolArray
    days: Int64Array

    def __len__(self) -> int:
        return len(self.accesses)


class AccessExplainer:
    """The care relations of one partition and the accesses that wait to be judged by them.

    Args:
        params: horizon and delays.

    Attributes:
        watermark: the joint watermark; its `expected` may be set by whoever reads the flows.
        relations: the pairs known.
        judged_early: rows that left because too many waited.
        judged_ms: what was due before was judged; the joint watermark may be ahead of it.
    """

    def __init__(self, params: CareParams | None = None) -> None:
        self._params = params or CareParams()
        # Verdicts take their places among the events, hence their topic counts.
        self.watermark = JointWatermark((*FLOWS, VERDICTS))
        self.relations = CareRelations()
        self.judged_early = 0
        self.judged_ms = 0
        self._newest_ms = 0
        self._newest_day = 0
        self._dealings = Waiting(_DEALING)
        self._accesses = Waiting(ACCESS)

    def __len__(self) -> int:
        return len(self._dealings) + len(self._accesses)

    def take(
        self,
        flow: str,
        events: EventColumns | pl.DataFrame,
        log_ms: Int64Array,
        accounts: Accounts,
        *,
        symbols: Mapping[str, Int64Array] | None = None,
    ) -> ExplainedAccesses:
        """Take n accepted events of one flow, in the flow's order; give back what can be judged now.

        Args:
            flow: the flow.
            events: the events.
            log_ms: their Kafka timestamps.
            accounts: the partition's table, in which new accounts are entered.
            symbols: the flow's `agents.access_rows.SYMBOLS` as numbers, if somebody has them already.
        """
        events = EventColumns.of(events)
        if events.height:
            due = self.watermark.observe(flow, log_ms)
            looks, places = looks_of(events, flow, accounts, symbols=symbols)
            if len(looks):
                looks["due_ms"] = due[places]
                self._accesses.add(looks)
                self._newest_ms = max(self._newest_ms, int(looks["time_ms"].max()))
            if flow != PLATFORM_ACCESSES:
                self._dealings.add(_dealings_of(flow, events, due))
        surplus = len(self) - self._params.waiting_max
        if surplus > 0:
            self.judged_early += surplus
            waiting = (self._dealings, self._accesses)
            self.watermark.raise_to(earliest(waiting, surplus) + 1)
        elif self._due() < self._params.batch_min:
            return _NOTHING
        return self._judge(self.watermark.value_ms)

    def pass_time(self, read_ms: Mapping[str, int]) -> ExplainedAccesses:
        """Learn how far flows were read in log time; give back what can be judged now."""
        self.watermark.pass_time(read_ms)
        return self._judge(self.watermark.value_ms)

    def finish(self) -> ExplainedAccesses:
        """Judge everything that waits: a recording has come to its end."""
        ends = [one.due_ms.max(initial=0) for one in (self._dealings, self._accesses)]
        self.watermark.raise_to(int(max(ends)) + 1)
        return self._judge(self.watermark.value_ms)

    def _due(self) -> int:
        """How many rows the joint watermark has passed."""
        if len(self) < self._params.batch_min:
            return len(self)
        before_ms = self.watermark.value_ms
        return self._dealings.due_before(before_ms) + self._accesses.due_before(before_ms)

    def _judge(self, before_ms: int) -> ExplainedAccesses:
        self.judged_ms = before_ms
        dealings = self._dealings.release(before_ms)
        accesses = self._accesses.release(before_ms)
        days = self._days_of(dealings)
        if not len(accesses):
            self._learn(dealings, accesses)
            return replace(_NOTHING, days=days) if len(days) else _NOTHING
        order = np.lexsort([accesses[name] for name in ("number", "surface", "due_ms")])
        accesses = rows_at(accesses, order)
        care, access = self._last_days(dealings, accesses)
        self._learn(dealings, accesses)
        day = accesses["time_ms"] // DAY_MS
        floor = np.maximum(day - self._params.horizon_days, NEVER + 1)
        by_care, by_access = care >= floor, access >= floor
        explained = np.where((accesses["care_context"] == 1) | by_care | by_access, 1, 0)
        known = accesses["pair"] != NONE
        return ExplainedAccesses(
            accesses=accesses,
            explained=np.where(known, explained, UNKNOWN).astype(np.int8),
            first_seen=known & ~by_access,
            days=days,
        )

    def _days_of(self, dealings: DueRows) -> Int64Array:
        """When the newest day of care rose, shape (d, 2): due time and day."""
        rising = np.flatnonzero(dealings["day"] > self._newest_day)
        if not rising.size:
            return _NOTHING.days
        due_ms = dealings["due_ms"][rising]
        order = np.argsort(due_ms, kind="stable")
        newest = np.maximum.accumulate(dealings["day"][rising][order].astype(np.int64))
        first = np.flatnonzero(np.diff(newest, prepend=self._newest_day))
        self._newest_day = int(newest[-1])
        days: Int64Array = np.stack([due_ms[order][first], newest[first]], axis=1)
        return days

    def _last_days(self, dealings: DueRows, accesses: DueRows) -> tuple[Int64Array, Int64Array]:
        """The last days of care and access of each access's pair, as of that access."""
        known = self.relations.last_days(accesses["pair"])
        same = rows_at(dealings, _maybe_among(dealings["pair"], accesses["pair"]))
        # Dealings with other pairs, of which a few are among them, stand in runs of their own.
        pair = np.concatenate([same["pair"], accesses["pair"]])
        due = np.concatenate([same["due_ms"], accesses["due_ms"]])
        is_judged = np.arange(len(pair)) >= len(same)
        is_access = np.concatenate([same["is_access"], _relates(accesses)])
        day = np.concatenate([same["day"].astype(np.int64), accesses["time_ms"] // DAY_MS])
        # Pair by pair in order of due time. The sort is stable: a dealing that is due with an access
        # comes before it, and accesses keep the order in which they are judged.
        order = np.lexsort([due, pair])
        of_care = np.where(is_judged | is_access, NEVER, day)[order]
        of_access = np.where(is_access, day, NEVER)[order]
        starts = np.diff(pair[order], prepend=pair[order][:1] ^ np.uint64(1)) != 0
        mine = is_judged[order]
        rows = order[mine] - len(same)
        found = []
        for before, batch in zip(known, (of_care, of_access), strict=True):
            last: Int64Array = before.astype(np.int64)
            last[rows] = np.maximum(last[rows], _running_max(batch, starts)[mine])
            found.append(last)
        return found[0], found[1]

    def _learn(self, dealings: DueRows, accesses: DueRows) -> None:
        self.relations.learn(dealings["pair"], dealings["day"], is_access=dealings["is_access"])
        if len(accesses):
            read = np.flatnonzero(_relates(accesses))
            days = (accesses["time_ms"][read] // DAY_MS).astype(np.uint16)
            is_access = np.ones(len(read), np.bool_)
            self.relations.learn(accesses["pair"][read], days, is_access=is_access)
        oldest_ms = self._newest_ms - self._params.lateness_ms
        self.relations.forget_before(oldest_ms // DAY_MS - self._params.horizon_days)

    # -- checkpoint -----------------------------------------------------------------------------

    @property
    def sections(self) -> tuple[Section, ...]:
        """The parts of the state, for a journal; `to_json` belongs into its header."""
        return (self.relations, self._dealings, self._accesses)

    def to_json(self) -> dict[str, Any]:
        """What the header of a checkpoint must hold."""
        return {
            "watermark": self.watermark.to_json(),
            "judged_early": self.judged_early,
            "judged_ms": self.judged_ms,
            "newest_ms": self._newest_ms,
            "newest_day": self._newest_day,
        }

    def from_json(self, state: Mapping[str, Any]) -> None:
        """Finish a recovery, after the sections were loaded."""
        self.watermark.from_json(state["watermark"])
        self.judged_early = state["judged_early"]
        self.judged_ms = state["judged_ms"]
        self._newest_ms = state["newest_ms"]
        self._newest_day = state["newest_day"]
        for waiting in (self._dealings, self._accesses):
            waiting.recovered(self.judged_ms)


def _maybe_among(pairs: UInt64Array, wanted: UInt64Array) -> Int64Array:
    """Places of n pairs that may be among m > 0 wanted ones: of all that are, and of few others."""
    slots = 1 << (8 * len(wanted)).bit_length()
    is_wanted = np.zeros(slots, np.bool_)
    is_wanted[(wanted & np.uint64(slots - 1)).astype(np.int64)] = True
    return np.flatnonzero(is_wanted[(pairs & np.uint64(slots - 1)).astype(np.int64)])


def _running_max(values: Int64Array, starts: BoolArray) -> Int64Array:
    """The maximum of the values before each one in its group; below 0 at a group's start.

    Args:
        values: n days, `[0, _GROUP)`, group after group.
        starts: n; where a group starts.
    """
    # Each group stands a step higher, so that no earlier group's maximum reaches into it.
    lift = np.cumsum(starts) * _GROUP
    so_far = np.maximum.accumulate(values + lift)
    before: Int64Array = np.concatenate([[0], so_far[:-1]]) - lift
    return before


def _relates(accesses: DueRows) -> BoolArray:
    """Which accesses are themselves a dealing with their patient: those that did not fail."""
    relates: BoolArray = ~accesses["is_failure"] & (accesses["pair"] != NONE)
    return relates


def _dealings_of(flow: str, events: EventColumns, due: Int64Array) -> DueRows:
    """The rows of a flow of care that name a patient."""
    rows = np.zeros(events.height, _DEALING)
    rows["due_ms"] = due
    structures, patients = events.texts("structure_pid"), events.texts("patient_pid")
    rows["pair"] = pair_digests(structures.digests, patients.digests)
    rows["day"] = events.numbers("occurred_at") // DAY_MS
    if flow == EPRESCRIPTIONS:
        # Looking a prescription up is a look at the patient, not care: it counts as an access.
        consulted = events.symbols("event").index("CONSULTED")
        rows["is_access"] = events.numbers("event") == consulted
    is_dealing = rows["pair"] != NONE
    if flow == INSI_CALLS:
        # Who searches by traits needs nobody to be there: else a thief's own searches would explain
        # what is then read. With a card or a known identity, or at an admission, a patient comes.
        search = events.symbols("operation").index("RECHERCHE_TRAITS")
        is_dealing &= (events.numbers("operation") != search) | (
            events.texts("actor_pid").digests == NONE
        )
    return rows if is_dealing.all() else rows_at(rows, np.flatnonzero(is_dealing))


_NOTHING: Final = ExplainedAccesses(
    accesses=np.zeros(0, ACCESS),
    explained=np.zeros(0, np.int8),
    first_seen=np.zeros(0, np.bool_),
    days=np.zeros((0, 2), np.int64),
)
