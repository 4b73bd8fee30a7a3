"""Takeover: the account works as much as ever, but from elsewhere, with other means, on other patients.

What: how much a day's network, client, class of network, means of authentication, hour and service
surprise by the account's habits; and, of the patients read in so unfamiliar a context only, how many are
unexplained, are read for the first time by the structure, or are read for their identity alone,
accumulated over days.

Why: whoever bought a password works from his own machine. A new machine by itself is innocent a
hundred times more often; so the context's evidence is bounded, however long it lasts, and raises the
odds that the patients' evidence starts from. That is a sum over starts of likelihood ratios (Shiryaev
and Roberts; see `slow_change`), which the owner's own patients on a new telephone bring down again.
Context by likelihood ratios with smoothing: Freeman et al. (NDSS 2016), Wiefling et al. (TOPS 2022).

Misses: a thief at the owner's machine (volume and share are `tail`'s and `slow_change`'s affair); one
who reads the owner's kind of patients; one who first makes his machine a habit with such patients.

False positives: a new post with a new machine and patients whom no flow of care has told yet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from agents.account_rows import AccountRows
from agents.detectors.base import Act
from agents.detectors.context_habits import (
    PARTS,
    STRENGTH,
    Context,
    ContextHabits,
    HabitParams,
    hours_of_week,
)
from agents.detectors.patient_mix import ALTERNATIVES, COUNTS, MixParams, gains, usual_share
from agents.detectors.takeover_memory import RECORD, Strangest, context_keys, log_mean
from agents.distributions import LN10
from streams.vocabulary import LIFECYCLES

if TYPE_CHECKING:
    from agents.detectors.base import Accesses, Runs
    from agents.distributions import BoolArray, FloatArray
    from streams.event_time import Int64Array

_VERSION: Final = 1
_LOWEST: Final = -30.0
_ACCEPTED_DAYS: Final = 5
"""Working days that a context counts for once an analyst has found nothing wrong with it."""
_HIGHEST: Final = 200.0
_GRAIN: Final = 2.0**-20
"""Of surprises: kept in 4 bytes without loss."""


@dataclass(frozen=True, slots=True)
class Params:
    """What is unfamiliar, and what the patients say (assumptions where no source is named).

    Attributes:
        habits: how habits form and how much each surprise weighs.
        unfamiliar: surprise from which the patients of a context count.
        fade_per_day: of the context's evidence, in decimal logarithms.
        mix: what is usual of an account's patients.
        memory_patients: patients after which own history is halved.
        least_patients: patients read in an unfamiliar context before anything is said.
        learn_below: evidence up to which a day becomes habit.
    """

    habits: HabitParams = field(default_factory=HabitParams)
    unfamiliar: float = 0.8
    fade_per_day: float = 0.1
    mix: MixParams = field(default_factory=MixParams)
    memory_patients: float = 1500.0
    least_patients: int = 3
    learn_below: float = 2.5


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why an account seems to be in other hands.

    Attributes:
        since_day: first local day of the unfamiliar context, as days since 1970-01-01.
        patients: distinct patients read in it, day by day summed.
        unexplained: those whom no care relation explains.
        unexplained_expected: by the account's baseline.
        identities: those of whom the identity was read first.
        identities_expected: by the account's habit.
        network: how much the network surprises, decimal logarithm of the odds.
        client: the client.
        net_class: the network's class.
        auth: means of authentication weaker than the account's habit.
        hour: the hour.
        lifecycle: a service that is winding down or closed.
        auth_method: position in `AUTH_METHODS` of the means used.
        usual_auth_method: of those that the account uses most.
        is_auth_weaker: whether they are weaker than the account's habit.
        service_lifecycle: position in `LIFECYCLES`.
        is_service_closing: whether the service is winding down or decommissioned.
        odds: log10 of all the evidence.
        baseline_days: working days behind the habits, older ones counting less.
        baseline_first_day: the first of them; 0 for none.
    """

    since_day: int
    patients: int
    unexplained: int
    unexplained_expected: float
    identities: int
    identities_expected: float
    network: float
    client: float
    net_class: float
    auth: float
    hour: float
    lifecycle: float
    auth_method: int
    usual_auth_method: int
    is_auth_weaker: bool
    service_lifecycle: int
    is_service_closing: bool
    odds: float
    baseline_days: int
    baseline_first_day: int


class Takeover:
    """The habits and changes of all accounts of one partition."""

    def __init__(self, params: Params) -> None:
        self.params = params
        self.habits = ContextHabits(params.habits)
        lowest = np.full(ALTERNATIVES, _LOWEST, np.float32)
        self.rows = AccountRows("takeover", _VERSION, RECORD, {"sums": lowest})

    def observe(
        self,
        accesses: Accesses,
        runs: Runs,
        day: int,
        *,
        group: Int64Array,
        new_today: FloatArray,
        unexplained: FloatArray,
    ) -> FloatArray:
        """Take n accesses to patients of one local day, ordered by account.

        Args:
            accesses: the accesses.
            runs: where each account's lie.
            day: the local day.
            group: shape (runs,), the day's peer groups.
            new_today: shape (n,), how many patients of the day each access adds.
            unexplained: shape (runs,), expected share of patients without a care relation.

        Returns:
            log10 of the evidence, at each access.
        """
        if not len(accesses):
            return np.zeros(0)
        self.rows.reserve(int(runs.account[-1]) + 1)
        self._begin(runs.account, day)
        surprise, peak = self._contexts(accesses, runs, day, group)
        strange = surprise >= self.params.unfamiliar
        table, ends = self.rows.table, runs.start + runs.length - 1
        added = {
            "patients": new_today,
            "unexplained": new_today * (accesses.explained == 0),
            "first": new_today * accesses.first_seen,
            "identities": new_today * (accesses.act == Act.IDENTITY),
        }
        seen = {}
        for name, values in added.items():
            sums = np.add.reduceat(values, runs.start)
            table["all_" + name][runs.account] += sums.astype(np.float32)
            of_strange = runs.running(np.where(strange, values, 0.0))
            seen[name] = table[name][runs.account][runs.of] + of_strange
            table[name][runs.account] = seen[name][ends]
        score = np.zeros(len(accesses))
        before = table["since_patients"][runs.account][runs.of]
        enough = before + seen["patients"] >= self.params.least_patients
        places = np.flatnonzero(strange & enough & (seen["patients"] > 0))
        if places.size:
            gains = self._gains(
                accesses.account[places],
                {name: values[places] for name, values in seen.items()},
                unexplained[runs.of[places]],
            )
            sums = np.logaddexp(table["sums"][accesses.account[places]].astype(np.float64), 0.0)
            evidence = peak[places] + log_mean(sums + gains) / LN10
            score[places] = np.maximum(evidence, 0.0)
        table["highest"][runs.account] = score[ends]
        self.rows.touch(runs.account)
        return score

    def _contexts(
        self, accesses: Accesses, runs: Runs, day: int, group: Int64Array
    ) -> tuple[FloatArray, FloatArray]:
        """How much the context of each access surprises, and the most of any so far."""
        table = self.rows.table
        seen = Context(
            account=accesses.account,
            group=group[runs.of],
            network=accesses.network,
            client=accesses.client,
            net_class=accesses.net_class,
            auth_method=accesses.auth_method,
            lifecycle=accesses.lifecycle,
            hour=hours_of_week(accesses.time_ms),
        )
        key = context_keys(seen)
        before = np.concatenate([key[:1], key[:-1]])
        before[runs.start] = table["context"][runs.account]
        changes = np.flatnonzero(key != before)
        changed = seen.at(changes)
        total, parts = self.habits.surprises(changed, day)
        self.habits.note(changed)
        # The last change of the account up to each access, or what stood before the slice.
        last = np.full(len(key), -1)
        last[changes] = np.arange(len(changes))
        last = np.maximum.accumulate(last)
        own_first = np.searchsorted(changes, runs.start)
        is_own = last >= own_first[runs.of]
        surprise = np.where(
            is_own, 0.0, table["surprise"][runs.account].astype(np.float64)[runs.of]
        )
        if len(changes):
            surprise = np.where(is_own, total[last], surprise)
        # Sums of whole grains and whole lifts are exact, so that a maximum per account is one over all.
        lift = 8.0 * runs.of
        before_now = table["peak"][runs.account].astype(np.float64)[runs.of]
        peak = np.maximum.accumulate(np.maximum(surprise, before_now) + lift) - lift
        ends = runs.start + runs.length - 1
        usual = self.habits.usual_means(changed.account)
        strangest = Strangest(changed, total, parts, usual)
        strangest.remember(table, least=self.params.unfamiliar, day=day)
        table["context"][runs.account] = key[ends]
        table["surprise"][runs.account] = surprise[ends]
        return surprise, peak

    def _faded_peak(self, accounts: Int64Array, day: int) -> FloatArray:
        table = self.rows.table
        age = np.maximum(day - table["last_day"][accounts], 0)
        faded = table["peak"][accounts].astype(np.float64) - self.params.fade_per_day * age
        grains: FloatArray = np.round(np.maximum(faded, 0.0) / _GRAIN) * _GRAIN
        return grains

    def _begin(self, accounts: Int64Array, day: int) -> None:
        """Forget changes whose evidence has faded, and take note of the day."""
        table = self.rows.table
        faded = self._faded_peak(accounts, day)
        self._end_change(accounts[(faded < self.params.unfamiliar) & (table["peak"][accounts] > 0)])
        mine = accounts[table["peak"][accounts] > 0]
        table["peak"][mine] = self._faded_peak(mine, day)
        table["last_day"][accounts] = day

    def _gains(
        self, accounts: Int64Array, seen: dict[str, FloatArray], unexplained: FloatArray
    ) -> FloatArray:
        """Log-likelihood ratios of a day's patients in an unfamiliar context."""
        mix = self.params.mix
        usual = {
            "unexplained": unexplained,
            "first": self._usual(accounts, "first", mix.first_ratio),
            "identities": self._usual(accounts, "identities", mix.identity_ratio),
        }
        return gains(mix, seen, usual)

    def _usual(self, accounts: Int64Array, name: str, prior: float) -> FloatArray:
        own = self.rows.table[accounts]
        count, hits = own["usual_patients"].astype(float), own["usual_" + name].astype(float)
        return usual_share(self.params.mix, count, hits, prior)

    def close(
        self,
        rows: Int64Array,
        *,
        day: int,
        group: Int64Array,
        unexplained: FloatArray,
        held: BoolArray,
    ) -> None:
        """End the open days of these accounts, all of one local day.

        Args:
            rows: shape (n,), the accounts.
            day: the local day.
            group: shape (n,), the day's peer groups.
            unexplained: shape (n,), as in `observe`.
            held: shape (n,), days that must not become habit.
        """
        if not rows.size:
            return
        self.rows.reserve(int(rows.max()) + 1)
        table, params = self.rows.table, self.params
        strange = table["patients"][rows] > 0
        mine = rows[strange]
        gains = self._gains(
            mine,
            {name: table[name][mine].astype(np.float64) for name in COUNTS},
            unexplained[strange],
        )
        sums = np.logaddexp(table["sums"][mine].astype(np.float64), 0.0) + gains
        table["sums"][mine] = np.clip(sums, _LOWEST, _HIGHEST)
        for name in COUNTS:
            table["since_" + name][mine] += table[name][mine]
        learned = rows[~held & (table["highest"][rows] < params.learn_below)]
        for name in COUNTS:
            table["usual_" + name][learned] += table["all_" + name][learned]
        long = learned[table["usual_patients"][learned] > params.memory_patients]
        for name in COUNTS:
            table["usual_" + name][long] /= 2.0
        kept = np.isin(rows, learned)
        self.habits.learn(rows[kept], group[kept], day)
        self._end_day(rows)
        self.rows.touch(rows)

    def _end_day(self, rows: Int64Array) -> None:
        self.habits.end_day(rows)
        for name in ("context", "surprise", "highest", *COUNTS):
            self.rows.table[name][rows] = 0
        for name in COUNTS:
            self.rows.table["all_" + name][rows] = 0

    def _end_change(self, rows: Int64Array) -> None:
        blank = self.rows.blank
        for name in ("sums", "since_day", "peak", "parts", *(f"since_{name}" for name in COUNTS)):
            self.rows.table[name][rows] = blank[name]

    def accept(self, account: int, *, group: int, day: int) -> None:
        """What an account came with is its owner's: make it habit, and start anew."""
        rows = np.array([account])
        self.rows.reserve(account + 1)
        self.habits.rows.reserve(account + 1)
        row = self.rows.table[account]
        if row["since_day"] > 0:
            seen = Context(
                account=rows,
                group=np.array([group]),
                network=row["network"].reshape(1),
                client=row["client"].reshape(1),
                net_class=row["net_class"].reshape(1),
                auth_method=row["auth"].reshape(1),
                lifecycle=row["lifecycle"].reshape(1),
                hour=np.array([row["hour"]], np.int64),
            )
            for _ in range(_ACCEPTED_DAYS):
                self.habits.note(seen)
                self.habits.learn(rows, seen.group, day)
        self._end_day(rows)
        self._end_change(rows)
        self.rows.touch(rows)

    def evidence(self, account: int, unexplained: float, score: float) -> Evidence:
        """The reasons behind an account's present score."""
        row, habits = self.rows.table[account], self.habits.rows.table[account]
        count = {name: float(row["since_" + name] + row[name]) for name in COUNTS}
        identity = self._usual(np.array([account]), "identities", self.params.mix.identity_ratio)
        parts = dict(zip(PARTS, row["parts"].astype(float).tolist(), strict=True))
        return Evidence(
            since_day=int(row["since_day"]),
            patients=round(count["patients"]),
            unexplained=round(count["unexplained"]),
            unexplained_expected=unexplained * count["patients"],
            identities=round(count["identities"]),
            identities_expected=float(identity[0]) * count["patients"],
            **parts,
            auth_method=int(row["auth"]),
            usual_auth_method=int(row["usual_auth"]),
            is_auth_weaker=parts["auth"] > 0.0
            and bool(STRENGTH[row["auth"]] < STRENGTH[row["usual_auth"]]),
            service_lifecycle=int(row["lifecycle"]),
            is_service_closing=int(row["lifecycle"]) >= LIFECYCLES.index("WINDING_DOWN"),
            odds=score,
            baseline_days=int(habits["days"]),
            baseline_first_day=int(habits["first_day"]),
        )
