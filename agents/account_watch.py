"""All account detectors over the accesses of one partition, in event time (pure).

Accesses come in the order of event time, after the joint watermark. Those of one local day (Paris) are
counted and judged at each access; when the first access of a later day comes, or the watermark passes
the day's end, the day is closed: slow change takes its evidence, and the baseline learns the day unless
the account is under suspicion. So what is concluded depends on the events alone, not on how they were
cut into slices, nor on when they were read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np

from agents.account_rows import AccountRows
from agents.baselines import BaselineParams, Baselines, ClosedDays
from agents.detectors import enumeration, identity_only, slow_change, tail
from agents.detectors.base import NO_PATIENT, Runs
from agents.detectors.calibration import BUDGET, SUSPICION, calibrated
from agents.patient_windows import PatientWindows
from agents.peer_groups import GroupParams, PeerGroups
from streams.event_time import DAY_MS, PARIS, paris_day, paris_days

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agents.detectors.base import Accesses
    from agents.detectors.registry import Evidence
    from agents.distributions import FloatArray
    from agents.patient_windows import Counted
    from streams.checkpoint import Section
    from streams.event_time import Int64Array

_VERSION: Final = 1

_RECORD: Final = np.dtype(
    [
        ("day", "<i4"),
        ("group", "<u4"),
        ("patients", "<f4"),
        ("known", "<f4"),
        ("unexplained", "<f4"),
        ("peak", "<f4"),
        # The strongest evidence of the day, in the common currency.
        ("highest", "<f4"),
    ]
)


@dataclass(frozen=True, slots=True)
class WatchParams:
    """The parameters of everything that watches accounts.

    Attributes:
        report_from: score from which a suspicion is handed on; the alarm is at `BUDGET`.
    """

    groups: GroupParams = field(default_factory=GroupParams)
    baselines: BaselineParams = field(default_factory=BaselineParams)
    tail: tail.Params = field(default_factory=tail.Params)
    slow_change: slow_change.Params = field(default_factory=slow_change.Params)
    enumeration: enumeration.Params = field(default_factory=enumeration.Params)
    identity_only: identity_only.Params = field(default_factory=identity_only.Params)
    report_from: float = BUDGET


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What one detector concludes of one account.

    Attributes:
        detector: its name in the registry.
        account: row.
        time_ms: event time at which `report_from` was reached.
        day: local day of the evidence, as days since 1970-01-01.
        score: -log10 of quiet incidents per account and day with as much evidence; the highest of the
            accesses looked at together.
        evidence: the figures behind it.
    """

    detector: str
    account: int
    time_ms: int
    day: int
    score: float
    evidence: Evidence


class AccountWatch:
    """The detectors and what they remember of the accounts of one partition."""

    def __init__(self, params: WatchParams | None = None) -> None:
        self.params = params = params or WatchParams()
        self.windows = PatientWindows()
        self.groups = PeerGroups(params.groups)
        self.baselines = Baselines(params.baselines, self.groups)
        self.slow_change = slow_change.SlowChange(params.slow_change)
        self.enumeration = enumeration.Enumeration(params.enumeration)
        self.identity_only = identity_only.IdentityOnly(params.identity_only)
        self.days = AccountRows("account-days", _VERSION, _RECORD, {})
        self._day = 0

    @property
    def sections(self) -> tuple[Section, ...]:
        """What a checkpoint holds of it, in an order that must not change."""
        return (
            self.days,
            self.windows.sets,
            self.groups.rows,
            self.baselines.rows,
            self.slow_change.rows,
            self.enumeration.rows,
            self.identity_only.rows,
        )

    def recovered(self) -> None:
        """Finish a recovery from a checkpoint."""
        self._day = int(self.days.table["day"].max())

    def observe(self, accesses: Accesses) -> list[Suspicion]:
        """Take n accesses, none earlier than any before."""
        accesses = accesses[accesses.patient != NO_PATIENT]
        found: list[Suspicion] = []
        days = paris_days(accesses.time_ms)
        cuts = np.flatnonzero(np.diff(days)) + 1
        for part in np.split(np.arange(len(days)), cuts):
            if part.size:
                day = int(days[part[0]])
                found += self._close(day)
                found += self._observe_day(accesses[part], day)
        return found

    def pass_time(self, watermark_ms: int) -> list[Suspicion]:
        """Close the days that ended before the joint watermark."""
        return self._close(paris_day(watermark_ms))

    def _observe_day(self, accesses: Accesses, day: int) -> list[Suspicion]:
        ordered = accesses[accesses.by_account()]
        runs = Runs.of_accounts(ordered.account)
        counted = self.windows.observe(ordered, runs)
        self._count(ordered, runs, counted, day)
        group = self.days.table["group"][runs.account].astype(np.int64)
        expected = self.baselines.expected(runs.account, group, np.full(len(group), day))
        judged = tail.judge_each(self.params.tail, counted, expected, runs.of)
        walks = self.enumeration.observe(ordered, runs, day)
        shares = self.identity_only.observe(ordered, runs, day)
        found: list[Suspicion] = []
        for name, evidence, explain in (
            (
                "tail",
                judged,
                lambda at, odds: tail.explain(counted, expected, at, int(runs.of[at]), odds),
            ),
            (
                "enumeration",
                walks,
                lambda at, odds: self.enumeration.evidence(int(ordered.account[at]), odds),
            ),
            (
                "identity_only",
                shares,
                lambda at, odds: self.identity_only.evidence(int(ordered.account[at]), odds),
            ),
        ):
            found += self._suspicions(name, ordered, runs, evidence, explain)
        return found

    def _count(self, ordered: Accesses, runs: Runs, counted: Counted, day: int) -> None:
        """Add to the open day of each account."""
        self.days.reserve(int(runs.account[-1]) + 1)
        table, rows = self.days.table, ordered.account
        fresh = runs.account[table["day"][runs.account] != day]
        for name in ("patients", "known", "unexplained", "peak", "highest"):
            table[name][fresh] = 0.0
        table["day"][runs.account] = day
        # The day's group is that of its first access, so that a cut changes nothing.
        is_fresh = np.isin(runs.account, fresh)
        table["group"][fresh] = ordered.group[runs.start[is_fresh]]
        np.add.at(table["patients"], rows, counted.new_today)
        np.add.at(table["known"], rows, counted.new_today * (ordered.explained >= 0))
        np.add.at(table["unexplained"], rows, counted.new_today * (ordered.explained == 0))
        np.maximum.at(table["peak"], rows, counted.hour)
        self.days.touch(runs.account)
        self._day = max(self._day, day)

    def _suspicions(
        self,
        name: str,
        ordered: Accesses,
        runs: Runs,
        evidence: FloatArray,
        explain: Callable[[int, float], Evidence],
    ) -> Iterator[Suspicion]:
        score = calibrated(name, evidence)
        np.maximum.at(self.days.table["highest"], ordered.account, score)
        reached = np.flatnonzero(score >= self.params.report_from)
        for run in np.unique(runs.of[reached]).tolist():
            own = slice(int(runs.start[run]), int(runs.start[run] + runs.length[run]))
            first = int(runs.start[run] + np.argmax(score[own] >= self.params.report_from))
            best = int(runs.start[run] + np.argmax(score[own]))
            yield Suspicion(
                detector=name,
                account=int(runs.account[run]),
                time_ms=int(ordered.time_ms[first]),
                day=paris_day(int(ordered.time_ms[first])),
                score=float(score[best]),
                evidence=explain(best, float(evidence[best])),
            )

    def _close(self, day: int) -> list[Suspicion]:
        """Close every day before `day`."""
        if self._day == 0 or self._day >= day:
            return []
        table = self.days.table
        rows: Int64Array = np.flatnonzero((table["day"] > 0) & (table["day"] < day))
        own = table[rows]
        closed = ClosedDays(
            account=rows,
            group=own["group"].astype(np.int64),
            day=own["day"].astype(np.int64),
            patients=np.maximum(own["patients"].astype(np.float64), 1.0),
            known=own["known"].astype(np.float64),
            unexplained=own["unexplained"].astype(np.float64),
            peak=own["peak"].astype(np.float64),
        )
        expected = self.baselines.expected(rows, closed.group, closed.day)
        concluded = self.slow_change.close(closed, expected)
        score = calibrated("slow_change", concluded.score)
        suspect = concluded.is_suspect | (own["highest"] >= SUSPICION)
        self.baselines.learn(closed, suspect=suspect)
        table["day"][rows] = 0
        self.days.touch(rows)
        self._day = 0
        return [
            Suspicion(
                detector="slow_change",
                account=int(rows[at]),
                time_ms=_end_of_day_ms(int(closed.day[at])),
                day=int(closed.day[at]),
                score=float(score[at]),
                evidence=self.slow_change.evidence(int(rows[at]), float(concluded.score[at])),
            )
            for at in np.flatnonzero(score >= self.params.report_from).tolist()
        ]


def _end_of_day_ms(day: int) -> int:
    """The first instant after a local day, milliseconds UTC."""
    date = datetime.fromtimestamp((day + 1) * DAY_MS / 1000, tz=UTC)
    return int(date.replace(tzinfo=PARIS).timestamp()) * 1000
