"""Slow change: a little more every day, or the same number of others.

What: over the days of an account, the share of patients whom no care relation explains, and the number
of distinct patients, each grown to 1.25, 1.5, 2, 4 or 8 times what the baseline allows.

Why: a harvest spread over weeks passes every daily limit; summed evidence does not forget. For each
ratio a cumulative sum multiplies the likelihood ratios of the days since the change most likely began
(Page 1954); their mean is an e-detector (Shin, Ramdas, Rinaldo 2023, arXiv 2203.03532): under the model
10 to the evidence is at most the number of quiet days until so much is seen on average. The sum over
all starts, as Shiryaev and Roberts have it, is not used: of accounts whose days say nothing it grows
by one a day, and on a region whose accounts see three patients a day that alone hid what was less
than a hundred to one.

How often quiet accounts pass a low level of evidence differs thirtyfold between populations, whose
shares are steadier or less so. So each partition counts its own crossings, and evidence is set lower
where they are frequent (an empirical null, Efron 2004), within a bound, so that many accounts that
change together cannot hide what they do. What moves everybody's volume, an epidemic or the end of
August, is told by the peers of the day and excused as far as they share it.

In the first days of a new region a whole peer group's level is known from days of one kind, so a day's
evidence counts by the square of how far the group has settled (`agents.peer_groups`): against a
reference of a quiet weekend, every working week would be a change.

Misses: what stays below a quarter more than usual, or below the noise of accounts with few patients;
a thief whose victims all have a care relation with the structure.

False positives: work that really changes (a new ward, a new duty) without care relations that show it;
a source of care relations that falls silent makes everybody's patients unexplained.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from agents.account_rows import AccountRows
from agents.distributions import LN10, independent_like, negative_binomial_log_ratio

if TYPE_CHECKING:
    from agents.baselines import ClosedDays, Expected
    from agents.distributions import BoolArray, FloatArray
    from streams.event_time import Int64Array

_VERSION: Final = 2
RATIOS: Final = (1.25, 1.5, 2.0, 4.0, 8.0)
_STREAMS: Final = ("share", "volume")
_HIGHEST: Final = 200.0

_RECORD: Final = np.dtype(
    [
        # Natural logarithms, of the likeliest start per ratio.
        *((f"{stream}_sum", "<f4", (len(RATIOS),)) for stream in _STREAMS),
        # The first of the days under suspicion (0: none), and what was seen since.
        ("since_day", "<i4"),
        ("since_days", "<f4"),
        ("since_patients", "<f4"),
        ("since_expected", "<f4"),
        ("since_unexplained", "<f4"),
        ("since_unexplained_expected", "<f4"),
        # For the partition's own null: how often a low level was passed, in how many calendar days.
        ("crossings", "<i4"),
        ("calendar_days", "<i4"),
        ("last_day", "<i4"),
    ]
)
_LONGEST_GAP: Final = 45
"""Calendar days that an account was away for and that still count as watched."""


@dataclass(frozen=True, slots=True)
class Params:
    """How evidence is gathered.

    Attributes:
        volume_day_most: most natural-logarithmic evidence of one day's volume; days have heavier tails
            than the model, and a single large day is the same-day tail's affair.
        share_day_most: the same of one day's share.
        suspicion: natural-logarithmic sum above which days are held back from the baseline.
        volume_tolerance: how many times the expected volume is still ordinary life.
        rise_weight: patients that say a rise is not shared, against those that peers see.
        most_rise: highest rise that peers can excuse.
        share_weight: part of the prior that goes to the share; the rest goes to the volume, which
            innocent causes move more often.
        crossing: log10 evidence whose crossings are counted.
        usual_crossings: of quiet accounts, per account and calendar day: the simulated region's (seeds
            1 to 3); the counted population of tests/support has thirty times as many.
        prior_crossings: how many the usual rate weighs.
        discount_slope: evidence that crossings ten times as frequent cost; above 1, because where
            low evidence is frequent high evidence is more frequent still: so many that the counted
            population has no more incidents than the region (seeds 201 and 202 of the one, 201 to 204
            of the other).
        most_discount: most that evidence is set lower, log10.
    """

    volume_day_most: float = 2.0
    share_day_most: float = 3.0
    suspicion: float = 5.0
    volume_tolerance: float = 1.1
    rise_weight: float = 30.0
    most_rise: float = 2.0
    share_weight: float = 0.95
    crossing: float = 0.5
    usual_crossings: float = 1e-3
    prior_crossings: float = 3.0
    discount_slope: float = 1.6
    most_discount: float = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Concluded:
    """What was concluded of n account-days, each of shape (n,).

    Attributes:
        score: log10 of the mixture's evidence, less the partition's discount.
        share_score: log10 of the share's part, by its best ratio.
        volume_score: the same of the volume.
        is_suspect: whether the days are to be kept from the baseline.
    """

    score: FloatArray
    share_score: FloatArray
    volume_score: FloatArray
    is_suspect: BoolArray


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why an account is suspected of a slow change.

    Attributes:
        since_day: first local day of the change, as days since 1970-01-01.
        days: working days since then.
        patients: distinct patients of those days, one by one summed.
        patients_expected: what the baseline would have seen.
        unexplained: patients without a care relation.
        unexplained_expected: what the baseline would have seen out of `patients`.
        odds: how many times likelier the days are under a change than without, as log10.
        baseline_days: working days behind the baseline, older ones counting less.
        baseline_first_day: the first of them, as days since 1970-01-01; 0 for none.
    """

    since_day: int
    days: int
    patients: int
    patients_expected: float
    unexplained: int
    unexplained_expected: float
    odds: float
    baseline_days: int = 0
    baseline_first_day: int = 0


class SlowChange:
    """The evidence of slow change, for all accounts of one partition."""

    def __init__(self, params: Params) -> None:
        self.params = params
        self.rows = AccountRows("slow-change", _VERSION, _RECORD, {})

    def close(self, closed: ClosedDays, expected: Expected) -> Concluded:
        """Take n closed days, at most one per account; `expected` is what was so before them."""
        rows, params = closed.account, self.params
        if not rows.size:
            nothing = np.zeros(0)
            return Concluded(nothing, nothing, nothing, np.zeros(0, np.bool_))
        self.rows.reserve(int(rows.max()) + 1)
        tolerated = params.volume_tolerance * _shared_rise(params, closed, expected)
        gains = {
            "share": np.minimum(_share_gains(closed, expected), params.share_day_most),
            "volume": np.minimum(
                _volume_gains(closed, expected, tolerated), params.volume_day_most
            ),
        }
        # Early days tell least: what they are compared with was learned from days of another kind.
        trust = (expected.settled**2)[:, np.newaxis]
        before, discount = self._evidence(rows), self._discount()
        sums = np.zeros(len(rows))
        for stream, gain in gains.items():
            total = self.rows.table[stream + "_sum"]
            total[rows] = np.clip(total[rows] + trust * gain, 0.0, _HIGHEST)
            sums = np.maximum(sums, total[rows].max(axis=1))
        after = self._evidence(rows)
        self._count_crossings(closed, expected, before, after)
        self._follow(closed, expected, sums)
        self.rows.touch(rows)
        return Concluded(
            score=np.maximum(after - discount, 0.0),
            share_score=_log_mean(self.rows.table["share_sum"][rows].astype(np.float64)) / LN10,
            volume_score=_log_mean(self.rows.table["volume_sum"][rows].astype(np.float64)) / LN10,
            is_suspect=sums > params.suspicion,
        )

    def _evidence(self, rows: Int64Array) -> FloatArray:
        """Log10 of the mixture's evidence, as the model has it."""
        share, volume = (
            _log_mean(self.rows.table[stream + "_sum"][rows].astype(np.float64))
            for stream in _STREAMS
        )
        weight = self.params.share_weight
        mixed: FloatArray = np.logaddexp(share + math.log(weight), volume + math.log(1.0 - weight))
        return mixed / LN10

    def _discount(self) -> float:
        """What is taken from evidence: the more, the oftener it begins in this partition."""
        params, table = self.params, self.rows.table
        crossings = int(table["crossings"].sum()) + params.prior_crossings
        days = int(table["calendar_days"].sum()) + params.prior_crossings / params.usual_crossings
        discount = params.discount_slope * math.log10(crossings / (params.usual_crossings * days))
        return min(max(discount, 0.0), params.most_discount)

    def _count_crossings(
        self, closed: ClosedDays, expected: Expected, before: FloatArray, after: FloatArray
    ) -> None:
        table, rows = self.rows.table, closed.account
        full = expected.settled >= 1.0
        passed = (before < self.params.crossing) & (after >= self.params.crossing)
        gap = np.minimum(closed.day - table["last_day"][rows], _LONGEST_GAP)
        # Days whose evidence counts in part cross less often, so they say nothing of how often it does.
        table["crossings"][rows] += passed & full
        table["calendar_days"][rows] += np.where(table["last_day"][rows] > 0, gap, 1) * full
        table["last_day"][rows] = closed.day

    def _follow(self, closed: ClosedDays, expected: Expected, sums: FloatArray) -> None:
        """Keep account of what was seen since each suspicion began."""
        table, rows = self.rows.table, closed.account
        ended = rows[sums <= 0.0]
        begins = (sums > 0.0) & (table["since_day"][rows] == 0)
        table["since_day"][rows[begins]] = closed.day[begins]
        for name, values in (
            ("since_days", np.ones(len(rows))),
            ("since_patients", closed.patients),
            ("since_expected", expected.patients),
            ("since_unexplained", closed.unexplained),
            ("since_unexplained_expected", expected.unexplained * closed.known),
        ):
            column = table[name]
            column[rows] += values
            column[ended] = 0.0
        table["since_day"][ended] = 0

    def evidence(
        self, account: int, score: float, *, baseline_days: int = 0, baseline_first_day: int = 0
    ) -> Evidence:
        """The reasons behind an account's present score."""
        row = self.rows.table[account]
        return Evidence(
            since_day=int(row["since_day"]),
            days=int(row["since_days"]),
            patients=round(float(row["since_patients"])),
            patients_expected=float(row["since_expected"]),
            unexplained=round(float(row["since_unexplained"])),
            unexplained_expected=float(row["since_unexplained_expected"]),
            odds=score,
            baseline_days=baseline_days,
            baseline_first_day=baseline_first_day,
        )

    def forget(self, accounts: Int64Array) -> None:
        """Start anew for these accounts, as after an analyst's verdict."""
        counted = ("crossings", "calendar_days", "last_day")
        for name in set(self.rows.table.dtype.names or ()).difference(counted):
            self.rows.table[name][accounts] = self.rows.blank[name]
        self.rows.touch(accounts)


def _share_gains(closed: ClosedDays, expected: Expected) -> FloatArray:
    """Log-likelihood ratios of the day's unexplained patients, shape (n, ratios)."""
    share = expected.raised_unexplained
    weight = independent_like(closed.known, expected.share_day_concentration)
    hits = weight * closed.unexplained / np.maximum(closed.known, 1.0)
    gains = np.empty((len(share), len(RATIOS)))
    for place, ratio in enumerate(RATIOS):
        raised = np.minimum(share * ratio, 0.5 + 0.5 * share)
        gains[:, place] = hits * np.log(raised / share)
        gains[:, place] += (weight - hits) * (np.log1p(-raised) - np.log1p(-share))
    return gains


def _shared_rise(params: Params, closed: ClosedDays, expected: Expected) -> FloatArray:
    """How many times its usual patients each account's peers see on the day, the account left out.

    An epidemic or the end of August moves everybody, and a theft does not. A peer counts with three
    times its usual patients at most, so that no single harvest excuses others.
    """
    usual = expected.patients
    seen = np.minimum(closed.patients, 3.0 * usual)
    weight = params.rise_weight
    everywhere = (seen.sum() - seen + weight) / (usual.sum() - usual + weight)
    groups, of = np.unique(closed.group, return_inverse=True)
    of = of.reshape(-1)
    seen_there = np.bincount(of, seen, len(groups))[of] - seen
    usual_there = np.bincount(of, usual, len(groups))[of] - usual
    rise = (seen_there + weight * everywhere) / (usual_there + weight)
    return np.asarray(np.clip(rise, 1.0, params.most_rise), np.float64)


def _volume_gains(closed: ClosedDays, expected: Expected, tolerated: FloatArray) -> FloatArray:
    """Log-likelihood ratios of the day's distinct patients, shape (n, ratios)."""
    return np.stack(
        [
            negative_binomial_log_ratio(
                closed.patients, tolerated * expected.raised_patients, expected.day_size, ratio
            )
            for ratio in RATIOS
        ],
        axis=1,
    )


def _log_mean(logs: FloatArray) -> FloatArray:
    """Log of the mean of exponentials along the last axis."""
    highest = logs.max(axis=1)
    mean: FloatArray = highest + np.log(np.exp(logs - highest[:, None]).mean(axis=1))
    return mean
