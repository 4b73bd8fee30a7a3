"""Which accesses to the platforms have a reason: the care relation, at the joint watermark (pure).

An access is *explained* if its structure dealt with the patient within the horizon before it, through
any other flow or in an earlier access, or if the platform itself knows a relation (`care_context`).
An access is judged when the joint watermark has passed its due time, from all dealings with no later due
time; so the verdict is the same live, in a replay, after a restart and in a back-test, however slices
were cut and flows interleaved (`agents.joint_watermark` states the law and its one condition).

What it misses: dealings that left no event (about one legitimate look in six in the simulated region),
care that is given first and recorded days later, and relations of an account's other structures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from agents.care_relations import NEVER, CareRelations
from agents.detectors.base import NO_STEP, UNKNOWN
from agents.joint_watermark import JointWatermark
from agents.waiting import DUE_FIELDS, DueRows, Waiting, earliest
from streams.digests import NONE, pair_digests, text_digests
from streams.duplicates import parse_ids
from streams.event_time import DAY_MS, HOUR_MS, MINUTE_MS
from streams.topics import EPRESCRIPTIONS, FLOWS, PLATFORM_ACCESSES
from streams.vocabulary import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.checkpoint import Section
    from streams.event_time import BoolArray, Int64Array

PLATFORMS: Final = ("AUTRE", "PREDICE", "VIATRAJECTOIRE", "ROR", "PORTAIL_REGIONAL")
"""Any other platform counts as the first."""

_DIGESTED: Final = {
    "structure": "structure_pid",
    "account": "actor_pid",
    "patient": "patient_pid",
    "session": "session_pid",
    "net": "net_pid",
    "client": "client_pid",
}
_ENUMS: Final = (
    "sector",
    "couloir",
    "auth_method",
    "outcome",
    "action",
    "resource_scope",
    "access_channel",
    "net_class",
    "service_lifecycle",
)
ACCESS: Final = np.dtype(
    [
        *DUE_FIELDS,
        ("time_ms", "<i8"),
        ("id_high", "<u8"),
        ("id_low", "<u8"),
        ("pair", "<u8"),
        *((name, "<u8") for name in _DIGESTED),
        ("directory_step", "<i8"),
        *((name, "u1") for name in _ENUMS),
        ("platform", "u1"),
        ("care_context", "i1"),
    ]
)
"""An access by number: digests of its pseudonyms (`NONE` for null), positions of its enums' symbols in
their schema, `platform` in `PLATFORMS`, `care_context` 1, 0 or -1 for null."""

_DEALING: Final = np.dtype([*DUE_FIELDS, ("pair", "<u8"), ("day", "<u2"), ("is_access", "?")])
_GROUP: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class CareParams:
    """What counts as a relation, and how long is waited for it.

    Attributes:
        horizon_days: how long a dealing explains accesses.
        decision_delay_ms: see `JointWatermark`. A quarter of an hour is longer than a source's clock may
            run ahead (`VIGIE_CLOCK_SKEW_S`), so that one wrong clock makes nobody else late.
        idle_limit_ms: see `JointWatermark`.
        lateness_ms: an access that comes later than this is judged as of this long before it came.
        waiting_max: events that may wait; beyond it those due first are judged early.
    """

    horizon_days: int = 30
    decision_delay_ms: int = 15 * MINUTE_MS
    idle_limit_ms: int = HOUR_MS
    lateness_ms: int = DAY_MS
    waiting_max: int = 262_144


@dataclass(frozen=True, slots=True, eq=False)
class ExplainedAccesses:
    """n judged accesses, in order of due time, then event time, then event id.

    Attributes:
        accesses: rows of `ACCESS`.
        explained: int8, `EXPLAINED`, `UNEXPLAINED`, or `UNKNOWN` where the access names no patient
            (`agents.detectors.base`).
        first_seen: whether no access of the structure to this patient precedes within the horizon.
        care_age_days: int32, days since the structure last dealt with the patient in a flow of care; -1
            where it did not within the horizon.
        access_age_days: the same for accesses.
    """

    accesses: DueRows
    explained: npt.NDArray[np.int8]
    first_seen: BoolArray
    care_age_days: npt.NDArray[np.int32]
    access_age_days: npt.NDArray[np.int32]

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
    """

    def __init__(self, params: CareParams | None = None) -> None:
        self._params = params or CareParams()
        self.watermark = JointWatermark(
            FLOWS,
            decision_delay_ms=self._params.decision_delay_ms,
            idle_limit_ms=self._params.idle_limit_ms,
        )
        self.relations = CareRelations()
        self.judged_early = 0
        self._dealings = Waiting(_DEALING)
        self._accesses = Waiting(ACCESS)

    def __len__(self) -> int:
        return len(self._dealings) + len(self._accesses)

    def take(self, flow: str, frame: pl.DataFrame) -> ExplainedAccesses:
        """Take n accepted events of one flow, in the flow's order; give back what can be judged now."""
        if frame.height:
            due = self.watermark.observe(flow, frame["occurred_at"].to_numpy())
            if flow == PLATFORM_ACCESSES:
                self._accesses.add(_accesses_of(frame, due))
            else:
                self._dealings.add(_dealings_of(flow, frame, due))
        surplus = len(self) - self._params.waiting_max
        if surplus > 0:
            self.judged_early += surplus
            waiting = (self._dealings, self._accesses)
            self.watermark.raise_to(earliest(waiting, surplus) + 1)
        return self._judge(self.watermark.value_ms)

    def finish(self) -> ExplainedAccesses:
        """Judge everything that waits: a recording has come to its end."""
        ends = [one.due_ms.max(initial=0) for one in (self._dealings, self._accesses)]
        self.watermark.raise_to(int(max(ends)) + 1)
        return self._judge(self.watermark.value_ms)

    def _judge(self, before_ms: int) -> ExplainedAccesses:
        dealings = self._dealings.release(before_ms)
        accesses = self._accesses.release(before_ms)
        if not len(accesses):
            self._learn(dealings, accesses)
            return _NOTHING
        accesses = accesses[
            np.lexsort([accesses[name] for name in ("id_low", "id_high", "time_ms", "due_ms")])
        ]
        care, access = self._last_days(dealings, accesses)
        self._learn(dealings, accesses)
        oldest_ms = accesses["due_ms"] - self._params.lateness_ms
        day = np.maximum(accesses["time_ms"], oldest_ms) // DAY_MS
        floor = np.maximum(day - self._params.horizon_days, NEVER + 1)
        by_care, by_access = care >= floor, access >= floor
        explained = np.where((accesses["care_context"] == 1) | by_care | by_access, 1, 0)
        known = accesses["patient"] != NONE
        own_day = accesses["time_ms"] // DAY_MS
        return ExplainedAccesses(
            accesses=accesses,
            explained=np.where(known, explained, UNKNOWN).astype(np.int8),
            first_seen=known & ~by_access,
            care_age_days=np.where(by_care, np.maximum(own_day - care, 0), -1).astype(np.int32),
            access_age_days=np.where(by_access, np.maximum(own_day - access, 0), -1).astype(
                np.int32
            ),
        )

    def _last_days(self, dealings: DueRows, accesses: DueRows) -> tuple[Int64Array, Int64Array]:
        """The last days of care and access of each access's pair, as of that access."""
        known = self.relations.last_days(accesses["pair"])
        same = dealings[np.isin(dealings["pair"], accesses["pair"])]
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
            read = accesses[_relates(accesses)]
            days = (read["time_ms"] // DAY_MS).astype(np.uint16)
            self.relations.learn(read["pair"], days, is_access=np.ones(len(read), np.bool_))
        oldest_ms = self.watermark.value_ms - self._params.lateness_ms
        self.relations.forget_before(oldest_ms // DAY_MS - self._params.horizon_days)

    # -- checkpoint -----------------------------------------------------------------------------

    @property
    def sections(self) -> tuple[Section, ...]:
        """The parts of the state, for a journal; `to_json` belongs into its header."""
        return (self.relations, self._dealings, self._accesses)

    def to_json(self) -> dict[str, Any]:
        """What the header of a checkpoint must hold."""
        return {"watermark": self.watermark.to_json(), "judged_early": self.judged_early}

    def from_json(self, state: Mapping[str, Any]) -> None:
        """Finish a recovery, after the sections were loaded."""
        self.watermark.from_json(state["watermark"])
        self.judged_early = state["judged_early"]
        for waiting in (self._dealings, self._accesses):
            waiting.recovered(self.watermark.value_ms)


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
    relates: BoolArray = (accesses["outcome"] != _FAILURE) & (accesses["pair"] != NONE)
    return relates


def _dealings_of(flow: str, frame: pl.DataFrame, due: Int64Array) -> DueRows:
    """The rows of a flow of care that name a patient."""
    rows = np.zeros(frame.height, _DEALING)
    rows["due_ms"] = due
    rows["pair"] = pair_digests(
        text_digests(frame["structure_pid"]), text_digests(frame["patient_pid"])
    )
    rows["day"] = frame["occurred_at"].to_numpy() // DAY_MS
    if flow == EPRESCRIPTIONS:
        # Looking a prescription up is a look at the patient, not care: it counts as an access.
        rows["is_access"] = (frame["event"] == "CONSULTED").to_numpy()
    named: DueRows = rows[rows["pair"] != NONE]
    return named


def _accesses_of(frame: pl.DataFrame, due: Int64Array) -> DueRows:
    rows = np.zeros(frame.height, ACCESS)
    rows["due_ms"] = due
    rows["time_ms"] = frame["occurred_at"].to_numpy()
    ids = parse_ids(frame["event_id"].to_list())
    rows["id_high"], rows["id_low"] = ids[:, 0], ids[:, 1]
    for name, column in _DIGESTED.items():
        rows[name] = text_digests(frame[column])
    rows["pair"] = pair_digests(rows["structure"], rows["patient"])
    platform = pl.col("platform").cast(_PLATFORM, strict=False).to_physical().fill_null(0)
    numbers = frame.select(
        pl.col(_ENUMS).to_physical().cast(pl.UInt8),
        platform.cast(pl.UInt8),
        pl.col("care_context").cast(pl.Int8).fill_null(UNKNOWN),
        pl.col("directory_step").fill_null(NO_STEP),
    )
    for number in numbers.iter_columns():
        rows[number.name] = number.to_numpy()
    return rows


_FAILURE: Final = OUTCOMES.index("FAILURE")
_PLATFORM: Final = pl.Enum(list(PLATFORMS))
_NOTHING: Final = ExplainedAccesses(
    accesses=np.zeros(0, ACCESS),
    explained=np.zeros(0, np.int8),
    first_seen=np.zeros(0, np.bool_),
    care_age_days=np.zeros(0, np.int32),
    access_age_days=np.zeros(0, np.int32),
)
