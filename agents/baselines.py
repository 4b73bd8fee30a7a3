"""What an account usually does, which nobody can shift unseen (pure).

An account's own closed days, fading with time, are mixed with its peer group's credit (a gamma-Poisson
and a beta-binomial shrinkage), so that there is an expectation from the first day on. Three things keep
an attacker from teaching the baseline:

- *quarantine*: days of an account under suspicion are not learned until the suspicion has passed; if
  it does not pass, they never are;
- *bounded rise*: after enrolment the expectation may rise by `rise_per_month` at most, and within any
  year by `rise_cap` at most, however convincing the days;
- *own uncertainty*: what is compared with is the expectation raised by its standard error, so a short
  history gives no false precision, an account's nor its whole group's (`agents.peer_groups`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

import numpy as np

from agents.account_rows import AccountRows

if TYPE_CHECKING:
    from agents.account_rows import RecordArray
    from agents.distributions import FloatArray
    from agents.peer_groups import PeerGroups, Usual
    from streams.event_time import BoolArray, Int64Array

_VERSION: Final = 1
_MONTH_DAYS: Final = 30.44
_YEAR_DAYS: Final = 365
_CEILING_MARGIN: Final = 0.7
"""Standard errors of the expectation that the first ceiling leaves free."""

_RECORD: Final = np.dtype(
    [
        ("days", "<f4"),
        ("patients", "<f4"),
        ("known", "<f4"),
        ("unexplained", "<f4"),
        ("peak", "<f4"),
        # Days under suspicion, kept apart until it passes.
        ("held_days", "<f4"),
        ("held_patients", "<f4"),
        ("held_known", "<f4"),
        ("held_unexplained", "<f4"),
        ("held_peak", "<f4"),
        # The ceilings of level and share, the day they were set, and those of a year's beginning.
        ("ceiling_patients", "<f4"),
        ("ceiling_unexplained", "<f4"),
        ("year_patients", "<f4"),
        ("year_unexplained", "<f4"),
        ("ceiling_day", "<i4"),
        ("year_day", "<i4"),
        ("first_day", "<i4"),
    ]
)
_SUMS: Final = ("days", "patients", "known", "unexplained", "peak")


@dataclass(frozen=True, slots=True)
class BaselineParams:
    """How fast a baseline learns, and how far it may go.

    Attributes:
        memory_days: working days after which an old one weighs 1/e.
        enrolment_days: working days after which the ceilings are set; few, because an account that
            acts on one day in six has no more than ten in two months, and without a ceiling a slow
            harvest teaches its own share.
        rise_per_month: most that an expectation may rise in a month, as a ratio.
        rise_cap: most that it may rise within a year, as a ratio (1.35: detection reference §4.4).
        errors: how many standard errors of its own the expectation is raised by.
    """

    memory_days: float = 90.0
    enrolment_days: float = 10.0
    rise_per_month: float = 1.03
    rise_cap: float = 1.35
    errors: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """What is expected of n accounts on a working day, each of shape (n,).

    Attributes:
        patients: distinct patients, after shrinkage and ceiling.
        patients_size: negative binomial size of a day, with the baseline's own uncertainty.
        raised_patients: `patients` raised by its standard error, for evidence gathered over days.
        day_size: negative binomial size of a day around a known level.
        unexplained: share of patients without a care relation.
        unexplained_concentration: of the beta law of a day's share, with the baseline's uncertainty;
            days are never taken for more alike than is assumed, for a single day's tail is heavier
            than moments tell.
        raised_unexplained: `unexplained` raised by its standard error.
        share_day_concentration: of the beta law of a day's share around a known share.
        share_sure: of the beta law of what is known of the share.
        peak: distinct patients of the busiest hour.
        days: working days learned, older ones counting less; 0 for an account that nobody knows yet.
        first_day: local day of the first day learned.
        settled: 0 to 1, how far the peer group has shown what its days are like.
    """

    patients: FloatArray
    patients_size: FloatArray
    raised_patients: FloatArray
    day_size: FloatArray
    unexplained: FloatArray
    unexplained_concentration: FloatArray
    raised_unexplained: FloatArray
    share_day_concentration: FloatArray
    share_sure: FloatArray
    peak: FloatArray
    days: FloatArray
    first_day: Int64Array
    settled: FloatArray

    def at(self, places: Int64Array) -> Expected:
        """The same for some of them, in the order asked for."""
        return Expected(*(getattr(self, field.name)[places] for field in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class ClosedDays:
    """n account-days that are over, at most one per account, each of shape (n,).

    Attributes:
        account: rows.
        group: peer groups.
        day: local days.
        patients: distinct patients, at least 1.
        known: those of whom it is known whether a care relation explains them.
        unexplained: those whom none explains.
        peak: most distinct patients within an hour.
    """

    account: Int64Array
    group: Int64Array
    day: Int64Array
    patients: FloatArray
    known: FloatArray
    unexplained: FloatArray
    peak: FloatArray


class Baselines:
    """The baselines of all accounts of one partition.

    Args:
        params: rates and limits.
        groups: the peers' credit; learns along.
    """

    def __init__(self, params: BaselineParams, groups: PeerGroups) -> None:
        self.params = params
        self.groups = groups
        self.rows = AccountRows("baselines", _VERSION, _RECORD, {})
        self._worked_out = _WorkedOut()

    def expected(self, accounts: Int64Array, groups: Int64Array, days: Int64Array) -> Expected:
        """What is expected of these accounts on these local days."""
        if accounts.size:
            self.rows.reserve(int(accounts.max()) + 1)
        own, usual = self.rows.at(accounts), self.groups.usual(groups)
        seen = own["days"].astype(np.float64)
        # A day of a level m tells about m as much as 1 / (1/m + 1/size) of the prior's units.
        worth = 1.0 / (1.0 / usual.patients + 1.0 / usual.day_size)
        weight = usual.weight + seen * worth
        level = (usual.weight * usual.patients + worth * own["patients"]) / weight
        # Quiet days tell less while they are the few that the whole group was seen on.
        less = usual.days_worth * worth
        cautious = usual.weight * usual.patients + less * own["patients"]
        level = np.maximum(level, cautious / (usual.weight + seen * less))
        share, sure = self._share(own["known"], own["unexplained"], usual)
        level_cap, share_cap = self._ceilings(own, days)
        level, share = np.minimum(level, level_cap), np.minimum(share, share_cap)
        across_days = np.minimum(usual.day_concentration, self.groups.params.day_concentration)
        share_error = np.sqrt(share * (1.0 - share) / (sure + 1.0))
        relative = 1.0 / usual.day_size + (1.0 + 1.0 / usual.day_size) / weight
        relative += usual.common_variance
        peak = (usual.weight * usual.peak_ratio * level + worth * own["peak"]) / weight
        return Expected(
            patients=level,
            patients_size=1.0 / relative,
            raised_patients=level
            * (1.0 + self.params.errors * np.sqrt(1.0 / weight + usual.common_variance)),
            day_size=usual.day_size,
            unexplained=share,
            unexplained_concentration=1.0 / (1.0 / across_days + 1.0 / sure),
            raised_unexplained=np.minimum(share + self.params.errors * share_error, 0.97),
            share_day_concentration=usual.day_concentration,
            share_sure=sure,
            peak=np.maximum(np.minimum(peak, level), 1.0),
            days=seen,
            first_day=own["first_day"].astype(np.int64),
            settled=usual.settled,
        )

    def expected_on(self, accounts: Int64Array, groups: Int64Array, day: int) -> Expected:
        """`expected` on one local day, of accounts each named once; kept until anybody learns."""
        known = self._worked_out
        known.begin((self.rows.changes, self.groups.rows.changes, day))
        stale = known.stale(accounts, groups)
        if stale.size:
            rows, own = accounts[stale], groups[stale]
            known.keep(rows, own, self.expected(rows, own, np.full(len(rows), day)))
        return known.of(accounts)

    def _share(
        self, known: FloatArray, unexplained: FloatArray, usual: Usual
    ) -> tuple[FloatArray, FloatArray]:
        """Posterior mean of the share, and its beta law's concentration."""
        # A day's patients are alike: they count as fewer independent ones.
        discount = 1.0 / (1.0 + (usual.patients - 1.0).clip(0.0) / (usual.day_concentration + 1.0))
        prior = usual.share_concentration
        sure = prior + known * discount
        return (prior * usual.unexplained + unexplained * discount) / sure, sure

    def _ceilings(self, own: RecordArray, days: Int64Array) -> tuple[FloatArray, FloatArray]:
        enrolled = own["ceiling_patients"] > 0
        months = np.maximum(days - own["ceiling_day"], 0) / _MONTH_DAYS
        factor = np.exp(np.minimum(months, 12.0) * math.log(self.params.rise_per_month))
        caps = []
        for name in ("patients", "unexplained"):
            free = own["ceiling_" + name] * factor
            cap = np.minimum(free, own["year_" + name] * self.params.rise_cap)
            caps.append(np.where(enrolled, cap, np.inf))
        return caps[0], caps[1]

    def learn(self, closed: ClosedDays, *, suspect: BoolArray) -> None:
        """Take closed days.

        Args:
            closed: the days.
            suspect: whether the account is under suspicion after the day: then the day is held back;
                else it is learned, and with it what was held back before.
        """
        rows, cleared = closed.account, ~suspect
        expected = self.expected(rows, closed.group, closed.day)
        # One plausible day teaches at most what three usual ones would.
        most = np.maximum(3.0 * expected.patients, expected.patients + 5.0)
        shrink = np.minimum(1.0, most / closed.patients)
        day = {
            "days": np.ones(len(rows)),
            "patients": closed.patients * shrink,
            "known": closed.known * shrink,
            "unexplained": closed.unexplained * shrink,
            "peak": closed.peak * shrink,
        }
        table = self.rows.table
        for name in _SUMS:
            held = table["held_" + name]
            held[rows] += day[name]
        take = rows[cleared]
        fading = np.exp(-table["held_days"][take] / self.params.memory_days)
        for name in _SUMS:
            table[name][take] = table[name][take] * fading + table["held_" + name][take]
            table["held_" + name][take] = 0.0
        is_first = table["first_day"][take] == 0
        table["first_day"][take[is_first]] = closed.day[cleared][is_first]
        self._raise_ceilings(closed, cleared)
        self.rows.touch(rows)
        self.groups.learn(
            closed.group[cleared],
            day=closed.day[cleared],
            patients=np.maximum(day["patients"], 1.0)[cleared],
            known=day["known"][cleared],
            unexplained=day["unexplained"][cleared],
            peak=day["peak"][cleared],
            expected=expected.patients[cleared],
            share=expected.unexplained[cleared],
            share_sure=expected.share_sure[cleared],
        )

    def _raise_ceilings(self, closed: ClosedDays, cleared: BoolArray) -> None:
        """Set or move the ceilings of enrolled accounts after a day."""
        table, rows = self.rows.table, closed.account[cleared]
        enough = table["days"][rows] >= self.params.enrolment_days
        rows, days = rows[enough], closed.day[cleared][enough]
        groups = closed.group[cleared][enough]
        expected = self.expected(rows, groups, days)
        margin = _CEILING_MARGIN / self.params.errors
        first = table["ceiling_patients"][rows] == 0
        due = first | (days - table["ceiling_day"][rows] >= _MONTH_DAYS)
        for name, level, raised in (
            ("patients", expected.patients, expected.raised_patients),
            ("unexplained", expected.unexplained, expected.raised_unexplained),
        ):
            # `raised` is so many standard errors higher.
            highest = level + margin * (raised - level)
            # `level` keeps under the present ceiling, so this rises by a month's allowance at most.
            months = np.where(first, 0.0, 1.0) * math.log(self.params.rise_per_month)
            allowed = table["ceiling_" + name][rows] * np.exp(months)
            moved = np.where(first, highest, np.minimum(highest, allowed))
            table["ceiling_" + name][rows[due]] = moved[due]
        table["ceiling_day"][rows[due]] = days[due]
        new_year = first | (days - table["year_day"][rows] >= _YEAR_DAYS)
        for name in ("patients", "unexplained"):
            table["year_" + name][rows[new_year]] = table["ceiling_" + name][rows[new_year]]
        table["year_day"][rows[new_year]] = days[new_year]


class _WorkedOut:
    """What was expected of accounts since the last change of what it follows from."""

    def __init__(self) -> None:
        self._cause: tuple[int, ...] = ()
        self._generation = 0
        self._stamp = np.zeros(0, np.int64)
        self._group = np.zeros(0, np.int64)
        self._values = np.zeros((0, len(fields(Expected))))

    def begin(self, cause: tuple[int, ...]) -> None:
        """Forget everything unless it followed from the same."""
        if cause != self._cause:
            self._cause, self._generation = cause, self._generation + 1

    def stale(self, accounts: Int64Array, groups: Int64Array) -> Int64Array:
        """Positions of those of whom nothing is kept, or in another group."""
        needed, present = int(accounts.max(initial=-1)) + 1, len(self._stamp)
        if needed > present:
            more = max(needed, 2 * present) - present
            self._stamp = np.append(self._stamp, np.zeros(more, np.int64))
            self._group = np.append(self._group, np.zeros(more, np.int64))
            self._values = np.concatenate([self._values, np.zeros((more, self._values.shape[1]))])
        is_kept = self._stamp[accounts] == self._generation
        return np.flatnonzero(~is_kept | (self._group[accounts] != groups))

    def keep(self, accounts: Int64Array, groups: Int64Array, expected: Expected) -> None:
        """Keep what is expected of these accounts."""
        columns = [getattr(expected, field.name) for field in fields(Expected)]
        self._values[accounts] = np.stack(columns, axis=1)
        self._stamp[accounts], self._group[accounts] = self._generation, groups

    def of(self, accounts: Int64Array) -> Expected:
        """What is kept of these accounts."""
        names = (field.name for field in fields(Expected))
        columns = dict(zip(names, self._values[accounts].T, strict=True))
        return Expected(**columns | {"first_day": columns["first_day"].astype(np.int64)})
