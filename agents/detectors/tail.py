"""Same-day tail: more patients within an hour or a day than this account would ever see.

What: distinct patients of the last hour and of the last 24 hours against the account's own level, and
those of the last 24 hours whom no care relation explains, against its usual share. Kinds in Sigma's
words: value count.

Why: a stolen account is used to read many identities; whatever the pace, the day on which it begins
differs from all its days before. Volume is judged by the larger of two tail probabilities, negative
binomial and log-normal, because real days scatter more than the former says; the share is judged by a
binomial tail with design effect. An account without history is judged by its peer group's spread.

Misses: what stays within the day's usual scatter (that is `slow_change`'s affair); a thief who reads
only patients whom the structure has just met.

False positives: one-off duties (a vaccination session) whose patients left no trace in any flow; batch
jobs under a personal account.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from agents.detectors.calibration import BUDGET, evidence_at
from agents.distributions import (
    log_normal_log10_tail,
    negative_binomial_log10_tail,
    volume_and_share_log10_tails,
)

if TYPE_CHECKING:
    from agents.baselines import Expected
    from agents.distributions import FloatArray
    from agents.patient_windows import Counted

_HIGHEST_LEVEL: Final = 64.0
"""An alarm is raised below so many times the mean, whatever a day's scatter."""
_HALVINGS: Final = 20


@dataclass(frozen=True, slots=True)
class Params:
    """What is not worth a word.

    Attributes:
        least_patients: distinct patients in 24 hours below which nothing is said (assumption).
        tests: how many tail tests share the probability of a false alert.
    """

    least_patients: int = 6
    tests: int = 3


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """What n accounts did lately, each of shape (n,).

    Attributes:
        patients: distinct patients of the last 24 hours.
        known: those of whom it is known whether a care relation explains them.
        unexplained: those whom none explains.
        hour: distinct patients of the last hour.
    """

    patients: FloatArray
    known: FloatArray
    unexplained: FloatArray
    hour: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Concluded:
    """-log10 of tail probabilities, each of shape (n,); `score` is that of the smallest, times 3."""

    score: FloatArray
    day: FloatArray
    hour: FloatArray
    unexplained: FloatArray


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a day is out of the ordinary.

    Attributes:
        patients: distinct patients of the last 24 hours.
        patients_expected: on a working day, by the baseline.
        hour: distinct patients of the last hour.
        hour_expected: in the busiest hour, by the baseline.
        unexplained: of the 24 hours, without a care relation.
        unexplained_expected: by the baseline's share.
        odds: log10 of one over the probability of so much on an ordinary day.
        baseline_days: working days behind the baseline, older ones counting less.
        baseline_first_day: the first of them, as days since 1970-01-01; 0 for none.
    """

    patients: int
    patients_expected: float
    hour: int
    hour_expected: float
    unexplained: int
    unexplained_expected: float
    odds: float
    baseline_days: int
    baseline_first_day: int


def judge(params: Params, seen: Window | Counted, expected: Expected) -> Concluded:
    """Judge n accounts as they stand."""
    # Hours scatter at least as much as days do.
    size = np.concatenate([expected.patients_size, np.minimum(expected.patients_size, 4.0)])
    count = np.concatenate([seen.patients, seen.hour])
    mean = np.concatenate([expected.patients, expected.peak])
    volume, unexplained = volume_and_share_log10_tails(
        (count, mean, size),
        (
            seen.unexplained,
            np.maximum(seen.known, 1.0),
            expected.unexplained,
            expected.unexplained_concentration,
        ),
    )
    # The larger of two tail probabilities.
    volume = np.minimum(volume, log_normal_log10_tail(count, mean, 1.0 / size + 1.0 / mean))
    day, hour = np.split(volume, 2)
    best = np.maximum(np.maximum(day, hour), unexplained) - np.log10(params.tests)
    score = np.where(seen.patients >= params.least_patients, np.maximum(best, 0.0), 0.0)
    return Concluded(score=score, day=day, hour=hour, unexplained=unexplained)


def judge_each(
    params: Params, seen: Window | Counted, expected: Expected, account: npt.NDArray[np.int64]
) -> FloatArray:
    """Scores of n accesses whose accounts stand at `account` in `expected`.

    Only what can be evidence is worked out: most accesses of most days are below their mean.
    """
    score = np.zeros(len(account))
    unusual = seen.patients > expected.patients[account]
    unusual |= seen.hour > expected.peak[account]
    unusual |= seen.unexplained > expected.unexplained[account] * seen.known
    places = np.flatnonzero(unusual & (seen.patients >= params.least_patients))
    if not places.size:
        return score
    window = Window(
        seen.patients[places], seen.known[places], seen.unexplained[places], seen.hour[places]
    )
    score[places] = judge(params, window, expected.at(account[places])).score
    return score


def alarm_level(params: Params, mean: FloatArray, size: FloatArray) -> FloatArray:
    """Distinct patients of a day from which on their number alone raises an alarm.

    Args:
        params: as of `judge`.
        mean: shape (n,), what is expected of the day.
        size: shape (n,), negative binomial size of the day.
    """
    wanted = evidence_at("tail", BUDGET) + np.log10(params.tests)
    # Most days of an account are expected to be like the day before.
    laws, which = np.unique(np.stack([mean, size]), axis=1, return_inverse=True)
    mean, size = laws
    relative_variance = 1.0 / size + 1.0 / mean
    quiet, alarming = mean, _HIGHEST_LEVEL * (mean + 1.0)
    for _ in range(_HALVINGS):
        middle = (quiet + alarming) / 2.0
        volume = negative_binomial_log10_tail(middle, mean, size)
        volume = np.minimum(volume, log_normal_log10_tail(middle, mean, relative_variance))
        is_alarm = volume >= wanted
        quiet, alarming = np.where(is_alarm, quiet, middle), np.where(is_alarm, middle, alarming)
    levels: FloatArray = np.maximum(np.ceil(alarming), params.least_patients)
    return levels[which.reshape(-1)]


def explain(
    seen: Window | Counted, expected: Expected, place: int, account: int, score: float
) -> Evidence:
    """The reasons behind a score: of the access at `place`, whose account is at `account`."""
    return Evidence(
        patients=int(seen.patients[place]),
        patients_expected=float(expected.patients[account]),
        hour=int(seen.hour[place]),
        hour_expected=float(expected.peak[account]),
        unexplained=int(seen.unexplained[place]),
        unexplained_expected=float(expected.unexplained[account] * seen.known[place]),
        odds=score,
        baseline_days=int(expected.days[account]),
        baseline_first_day=int(expected.first_day[account]),
    )
