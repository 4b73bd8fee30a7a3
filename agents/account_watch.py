"""All account detectors over the accesses of one partition, in the order of their log (pure).

Event times never fall within an account, nor local days (Paris) over all; nothing more is relied on.
The accesses of a local day are counted and judged one by one; when the first access of a later day
comes, or time passes the day's end, the day is closed: slow change takes its evidence, and baselines and
habits learn the day unless the account is under suspicion. So what is concluded depends on the events
alone, not on how they were cut into slices, nor on when they were read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from agents.account_history import AccountHistory
from agents.account_rows import AccountRows
from agents.account_verdicts import confirm, find_nothing, forget_learning
from agents.baselines import BaselineParams, Baselines, ClosedDays
from agents.detectors import (
    decoys,
    enumeration,
    identity_only,
    recurrence,
    slow_change,
    tail,
    takeover,
)
from agents.detectors.base import NO_PATIENT, Runs
from agents.detectors.calibration import BUDGET, SUSPICION, calibrated
from agents.detectors.registry import ACCOUNT_DETECTORS
from agents.patient_windows import PatientWindows
from agents.peer_groups import GroupParams, PeerGroups
from agents.reported import Reported
from streams.event_time import paris_day, paris_days, start_of_day_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agents.baselines import Expected
    from agents.detectors.base import Accesses
    from agents.detectors.registry import Evidence
    from agents.distributions import FloatArray
    from agents.patient_windows import Counted
    from streams.checkpoint import Section
    from streams.event_time import Int64Array

_VERSION: Final = 2
_OWN_PART: Final = 0.3
"""The past raises a score by this part of it at most, so that it is never the whole reason."""

_RECORD: Final = np.dtype(
    [
        ("day", "<i4"),
        ("group", "<u4"),
        ("patients", "<f4"),
        ("known", "<f4"),
        ("unexplained", "<f4"),
        ("peak", "<f4"),
        # The strongest evidence of the day, in the common currency: with what the past adds, and bare.
        ("highest", "<f4"),
        ("bare", "<f4"),
        ("last_day", "<i4"),
        # First local day of an incident that an analyst has confirmed; 0 for none.
        ("confirmed_day", "<i4"),
    ]
)

LeftOut = Callable[[npt.NDArray[np.int64], npt.NDArray[np.int64]], npt.NDArray[np.bool_]]
"""`(accounts, days)` -> which of these account-days are not to be looked at."""


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
    takeover: takeover.Params = field(default_factory=takeover.Params)
    decoys: decoys.Params = field(default_factory=decoys.Params)
    recurrence: recurrence.Params = field(default_factory=recurrence.Params)
    report_from: float = BUDGET


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What one detector concludes of one account.

    Attributes:
        detector: its name in the registry.
        account: row.
        time_ms: event time at which the score became worth a word.
        day: local day of the evidence, as days since 1970-01-01.
        score: -log10 of quiet incidents per account and day with as much evidence; the highest of the
            accesses looked at together.
        evidence: the figures behind it.
        past: why the score was raised for what the account was suspected of before, if it was.
    """

    detector: str
    account: int
    time_ms: int
    day: int
    score: float
    evidence: Evidence
    past: recurrence.Past | None = None


class AccountWatch:
    """The detectors and what they remember of the accounts of one partition.

    Args:
        params: of all detectors.
        left_out: account-days that are not looked at and teach nothing, as in a replay from the day on
            which an account was compromised; must say the same of the same days every time.
    """

    def __init__(self, params: WatchParams | None = None, left_out: LeftOut | None = None) -> None:
        self.params = params = params or WatchParams()
        self._left_out = left_out
        self.windows = PatientWindows()
        self.groups = PeerGroups(params.groups)
        self.baselines = Baselines(params.baselines, self.groups)
        self.slow_change = slow_change.SlowChange(params.slow_change)
        self.enumeration = enumeration.Enumeration(params.enumeration)
        self.identity_only = identity_only.IdentityOnly(params.identity_only)
        self.takeover = takeover.Takeover(params.takeover)
        self.decoys = decoys.Decoys(params.decoys)
        self.recurrence = recurrence.Recurrence(params.recurrence)
        self.reported = Reported(tuple(ACCOUNT_DETECTORS))
        self.history = AccountHistory()
        self.days = AccountRows("account-days", _VERSION, _RECORD, {})
        self._day = 0

    @property
    def sections(self) -> tuple[Section, ...]:
        """What a checkpoint holds of it, `history` apart, in an order that must not change."""
        return (
            self.days,
            self.windows.sets,
            self.groups.rows,
            self.baselines.rows,
            self.slow_change.rows,
            self.enumeration.rows,
            self.identity_only.rows,
            self.takeover.rows,
            self.takeover.habits.rows,
            self.takeover.habits.groups,
            self.takeover.habits.popular,
            self.decoys.rows,
            self.recurrence.rows,
            self.reported.rows,
        )

    @property
    def newest_day(self) -> int:
        """The newest local day of which anything was observed."""
        return int(self.days.table["last_day"].max())

    def recovered(self) -> None:
        """Finish a recovery from a checkpoint."""
        self._day = int(self.days.table["day"].max())

    def observe(self, accesses: Accesses) -> list[Suspicion]:
        """Take n accesses in the order of their log."""
        accesses = accesses[accesses.patient != NO_PATIENT]
        days = paris_days(accesses.time_ms)
        if self._left_out is not None and len(days):
            kept = ~self._left_out(accesses.account, days)
            accesses, days = accesses[kept], days[kept]
        found: list[Suspicion] = []
        cuts = np.flatnonzero(np.diff(days)) + 1
        for part in np.split(np.arange(len(days)), cuts):
            if part.size:
                day = int(days[part[0]])
                found += self._close(day)
                found += self._observe_day(accesses[part], day)
        return found

    def pass_time(self, watermark_ms: int) -> list[Suspicion]:
        """Close the days that ended before this time."""
        return self._close(paris_day(watermark_ms))

    def judged(self, account: int, *, benign: bool, since_ms: int | None = None) -> None:
        """Take an analyst's verdict on an account.

        Benign: evidence is cleared, what the account does is its habit from now on, quarantine ends.
        Confirmed: nothing that the account does is learned until it is judged benign, and its past
        raises its scores for a year. Days that were learned before the verdict stay learned; only a
        replay with these days left out takes them back.

        Args:
            account: row.
            benign: nothing is wrong; else the incident is confirmed.
            since_ms: when a confirmed incident began, milliseconds UTC; `None` for its last day.
        """
        self.days.reserve(account + 1)
        if benign:
            find_nothing(self, account)
        else:
            confirm(self, account, 0 if since_ms is None else paris_day(since_ms))

    def _observe_day(self, accesses: Accesses, day: int) -> list[Suspicion]:
        ordered = accesses[accesses.by_account()]
        runs = Runs.of_accounts(ordered.account)
        counted = self.windows.observe(ordered, runs)
        self._count(ordered, runs, counted, day)
        group = self.days.table["group"][runs.account].astype(np.int64)
        expected = self.baselines.expected_on(runs.account, group, day)
        judged: dict[str, tuple[FloatArray, Callable[[int, float], Evidence]]] = {
            "tail": (
                tail.judge_each(self.params.tail, counted, expected, runs.of),
                lambda at, odds: tail.explain(counted, expected, at, int(runs.of[at]), odds),
            ),
            "enumeration": (
                self.enumeration.observe(ordered, runs, day),
                lambda at, odds: self.enumeration.evidence(int(ordered.account[at]), odds),
            ),
            "identity_only": (
                self.identity_only.observe(ordered, runs, day),
                lambda at, odds: self.identity_only.evidence(int(ordered.account[at]), odds),
            ),
            "takeover": (
                self.takeover.observe(
                    ordered,
                    runs,
                    day,
                    group=group,
                    new_today=counted.new_today,
                    unexplained=expected.raised_unexplained,
                ),
                lambda at, odds: self.takeover.evidence(
                    int(ordered.account[at]), float(expected.unexplained[runs.of[at]]), odds
                ),
            ),
            "decoys": (
                self.decoys.observe(ordered, day),
                lambda at, odds: self.decoys.evidence(int(ordered.account[at]), odds),
            ),
        }
        raises = self.recurrence.raises(runs.account, day)
        found: list[Suspicion] = []
        for name, (evidence, explain) in judged.items():
            found += self._suspicions(name, ordered, runs, evidence, raises=raises, explain=explain)
        return found

    def _count(self, ordered: Accesses, runs: Runs, counted: Counted, day: int) -> None:
        """Add to the open day of each account."""
        self.days.reserve(int(runs.account[-1]) + 1)
        table = self.days.table
        is_fresh = table["day"][runs.account] != day
        fresh = runs.account[is_fresh]
        for name in ("patients", "known", "unexplained", "peak", "highest", "bare"):
            table[name][fresh] = 0.0
        table["day"][runs.account] = day
        table["last_day"][runs.account] = day
        # The day's group is that of its first access, so that a cut changes nothing.
        table["group"][fresh] = ordered.group[runs.start[is_fresh]]
        for name, patients in (
            ("patients", counted.new_today),
            ("known", counted.new_today * (ordered.explained >= 0)),
            ("unexplained", counted.new_today * (ordered.explained == 0)),
        ):
            table[name][runs.account] += np.add.reduceat(patients, runs.start).astype(np.float32)
        peak = np.maximum.reduceat(counted.hour, runs.start)
        table["peak"][runs.account] = np.maximum(table["peak"][runs.account], peak)
        self.days.touch(runs.account)
        self._day = max(self._day, day)

    def _suspicions(
        self,
        name: str,
        ordered: Accesses,
        runs: Runs,
        evidence: FloatArray,
        *,
        raises: FloatArray,
        explain: Callable[[int, float], Evidence],
    ) -> Iterator[Suspicion]:
        # Higher evidence means a higher score, so an account's highest tells whether any is enough.
        bare = calibrated(name, np.maximum.reduceat(evidence, runs.start))
        highest = _raised(bare, raises)
        table = self.days.table
        for column, values in (("bare", bare), ("highest", highest)):
            table[column][runs.account] = np.maximum(table[column][runs.account], values)
        reached = np.flatnonzero(highest >= self.params.report_from)
        if not reached.size:
            return
        accounts, day = runs.account[reached], paris_day(int(ordered.time_ms[0]))
        least = self.reported.least(name, accounts, day, self.params.report_from)
        for run, enough in zip(reached.tolist(), least.tolist(), strict=True):
            if highest[run] < enough:
                continue
            own = slice(int(runs.start[run]), int(runs.start[run] + runs.length[run]))
            score = _raised(calibrated(name, evidence[own]), raises[run])
            best = int(runs.start[run] + np.argmax(score))
            account = int(runs.account[run])
            self.reported.note(name, account, day, float(highest[run]))
            yield Suspicion(
                detector=name,
                account=account,
                time_ms=int(ordered.time_ms[own][np.argmax(score >= enough)]),
                day=day,
                score=float(highest[run]),
                evidence=explain(best, float(evidence[best])),
                past=self.recurrence.past(account, day),
            )

    def _close(self, day: int) -> list[Suspicion]:
        """Close every day before `day`."""
        if self._day == 0 or self._day >= day:
            return []
        table = self.days.table
        open_rows: Int64Array = np.flatnonzero((table["day"] > 0) & (table["day"] < day))
        self._day = 0
        found: list[Suspicion] = []
        # One local day after the other: local days never fall, so there is one at most.
        for own_day in np.unique(table["day"][open_rows]).tolist():
            found += self._close_day(open_rows[table["day"][open_rows] == own_day], own_day)
        return found

    def _close_day(self, rows: Int64Array, day: int) -> list[Suspicion]:
        own = self.days.at(rows)
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
        self.history.note(closed, expected, self.groups)
        concluded = self.slow_change.close(closed, expected)
        bare = calibrated("slow_change", concluded.score)
        score = _raised(bare, self.recurrence.raises(rows, day))
        is_confirmed = (own["confirmed_day"] > 0) & (own["confirmed_day"] <= day)
        suspect = concluded.is_suspect | (own["highest"] >= SUSPICION) | is_confirmed
        self.baselines.learn(closed, suspect=suspect)
        self.takeover.close(
            rows,
            day=day,
            group=closed.group,
            unexplained=expected.raised_unexplained,
            held=suspect | (score >= SUSPICION),
        )
        forget_learning(self, rows[is_confirmed])
        least = self.reported.least("slow_change", rows, day, self.params.report_from)
        found = [
            self._slow(rows, at, day, score=score, odds=concluded.score, expected=expected)
            for at in np.flatnonzero(score >= least).tolist()
        ]
        self.recurrence.note(rows, day, np.maximum(bare, own["bare"]))
        self.days.table["day"][rows] = 0
        self.days.touch(rows)
        return found

    def _slow(
        self,
        rows: Int64Array,
        at: int,
        day: int,
        *,
        score: FloatArray,
        odds: FloatArray,
        expected: Expected,
    ) -> Suspicion:
        account = int(rows[at])
        self.reported.note("slow_change", account, day, float(score[at]))
        return Suspicion(
            detector="slow_change",
            account=account,
            time_ms=start_of_day_ms(day + 1),
            day=day,
            score=float(score[at]),
            evidence=self.slow_change.evidence(
                account,
                float(odds[at]),
                baseline_days=int(expected.days[at]),
                baseline_first_day=int(expected.first_day[at]),
            ),
            past=self.recurrence.past(account, day),
        )


def _raised(score: FloatArray, raises: FloatArray) -> FloatArray:
    """Scores with what the past adds."""
    return score + np.minimum(raises, _OWN_PART * score)
