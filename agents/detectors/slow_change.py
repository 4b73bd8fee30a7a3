"""Slow change: a little more every day, or the same number of others.

What: over the days of an account, the share of patients whom no care relation explains, and the number
of distinct patients, each grown to 1.25, 1.5, 2, 4 or 8 times what the baseline allows.

Why: a harvest spread over weeks passes every daily limit; summed evidence does not forget. For each
ratio an e-detector of Shiryaev and Roberts' form adds a day's likelihood ratio to all the starts that
an attack may have had (Shin, Ramdas, Rinaldo 2023, arXiv 2203.03532). Under the model, 10 to the score
is at most the number of quiet days until such a score is seen on average; the fusion's calibration
measures what it is on real days. A cumulative sum beside it says since when, and holds the days under
suspicion back from the baseline.

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

_VERSION: Final = 1
RATIOS: Final = (1.25, 1.5, 2.0, 4.0, 8.0)
_STREAMS: Final = ("share", "volume")
_HIGHEST: Final = 200.0

_RECORD: Final = np.dtype(
    [
        # Natural logarithms: the sum over starts, and the largest of one start, per ratio.
        *((f"{stream}_starts", "<f4", (len(RATIOS),)) for stream in _STREAMS),
        *((f"{stream}_sum", "<f4", (len(RATIOS),)) for stream in _STREAMS),
        # The first of the days under suspicion (0: none), and what was seen since.
        ("since_day", "<i4"),
        ("since_days", "<f4"),
        ("since_patients", "<f4"),
        ("since_expected", "<f4"),
        ("since_unexplained", "<f4"),
        ("since_unexplained_expected", "<f4"),
    ]
)
_LOWEST: Final = -30.0


@dataclass(frozen=True, slots=True)
class Params:
    """How evidence is gathered.

    Attributes:
        volume_day_most: most natural-logarithmic evidence of one day's volume; days have heavier tails
            than the model, and a single large day is the same-day tail's affair.
        share_day_most: the same of one day's share.
        suspicion: natural-logarithmic sum above which days are held back from the baseline.
        volume_tolerance: how many times the expected volume is still ordinary life.
        share_weight: part of the prior that goes to the share; the rest goes to the volume, which
            innocent causes move more often.
    """

    volume_day_most: float = 1.5
    share_day_most: float = 8.0
    suspicion: float = 5.0
    volume_tolerance: float = 1.1
    share_weight: float = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Concluded:
    """What was concluded of n account-days, each of shape (n,).

    Attributes:
        score: log10 of the mixture's evidence.
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
        lowest = np.full(len(RATIOS), _LOWEST, np.float32)
        self.rows = AccountRows(
            "slow-change", _VERSION, _RECORD, {f"{stream}_starts": lowest for stream in _STREAMS}
        )

    def close(self, closed: ClosedDays, expected: Expected) -> Concluded:
        """Take n closed days, at most one per account; `expected` is what was so before them."""
        rows, params = closed.account, self.params
        if not rows.size:
            nothing = np.zeros(0)
            return Concluded(nothing, nothing, nothing, np.zeros(0, np.bool_))
        self.rows.reserve(int(rows.max()) + 1)
        gains = {
            "share": np.minimum(_share_gains(closed, expected), params.share_day_most),
            "volume": np.minimum(
                _volume_gains(closed, expected, params.volume_tolerance), params.volume_day_most
            ),
        }
        scores, sums = {}, np.zeros(len(rows))
        for stream, gain in gains.items():
            starts = self.rows.table[stream + "_starts"]
            total = self.rows.table[stream + "_sum"]
            starts[rows] = np.clip(np.logaddexp(starts[rows], 0.0) + gain, _LOWEST, _HIGHEST)
            total[rows] = np.clip(total[rows] + gain, 0.0, _HIGHEST)
            scores[stream] = _log_mean(starts[rows].astype(np.float64))
            sums = np.maximum(sums, total[rows].max(axis=1))
        self._follow(closed, expected, sums)
        self.rows.touch(rows)
        share = scores["share"] + math.log(params.share_weight)
        volume = scores["volume"] + math.log(1.0 - params.share_weight)
        return Concluded(
            score=np.logaddexp(share, volume) / LN10,
            share_score=scores["share"] / LN10,
            volume_score=scores["volume"] / LN10,
            is_suspect=sums > params.suspicion,
        )

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
        for name in self.rows.table.dtype.names or ():
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


def _volume_gains(closed: ClosedDays, expected: Expected, tolerance: float) -> FloatArray:
    """Log-likelihood ratios of the day's distinct patients, shape (n, ratios)."""
    return np.stack(
        [
            negative_binomial_log_ratio(
                closed.patients, tolerance * expected.raised_patients, expected.day_size, ratio
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
