"""Tails and likelihoods of over-dispersed counts, vectorised (pure).

Counts of an account's patients vary more than a Poisson law allows, so a volume is judged by the
negative binomial law (mean, size: variance `mean + mean² / size`) and a share by the binomial law with
a design effect (Rao and Scott 1981): a day of n patients weighs like
`n / (1 + (n - 1) common)` independent ones, `common` being what the patients of one day have in common.

Everything is a function of arrays of one shape (or scalars) and gives back natural or decimal
logarithms, because the probabilities that matter here are far below what a float can tell from zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from streams.event_time import Int64Array

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

LN10: Final = math.log(10.0)

_HALF_LOG_TWO_PI: Final = 0.5 * math.log(2.0 * math.pi)
_SHIFT: Final = 7
_FRACTION_TERMS: Final = 60
_TINY: Final = 1e-300
_CONVERGED: Final = 1e-7
_NEAR: Final = 2.0
_ERFC_SCALE: Final = 0.3275911
_ERFC: Final = (0.0, 0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)


def log_gamma(values: FloatArray) -> FloatArray:
    """Natural logarithm of the gamma function of positive numbers (Stirling's series, shifted)."""
    product = np.ones_like(values)
    for step in range(_SHIFT):
        product *= values + step
    far = values + _SHIFT
    square = far * far
    series = (1 / 12 - (1 / 360 - (1 / 1260 - 1 / (1680 * square)) / square) / square) / far
    result: FloatArray = (far - 0.5) * np.log(far) - far + _HALF_LOG_TWO_PI + series
    result -= np.log(product)
    return result


def log_beta_tail(quantile: FloatArray, first: FloatArray, second: FloatArray) -> FloatArray:
    """Natural logarithm of the regularised incomplete beta function `I_quantile(first, second)`.

    Meant for the far side, where it is small; where `quantile` lies above the law's mean it gives back
    the complement's logarithm.

    Args:
        quantile: in (0, 1).
        first: positive.
        second: positive.
    """
    quantile, first, second = np.broadcast_arrays(quantile, first, second)
    swapped = quantile * (first + second + 2.0) > first + 1.0
    x = np.where(swapped, 1.0 - quantile, quantile)
    a = np.where(swapped, second, first)
    b = np.where(swapped, first, second)
    with np.errstate(divide="ignore"):
        front = a * np.log(x) + b * np.log1p(-x)
    gammas = log_gamma(np.stack([a, b, a + b]))
    front -= gammas[0] + gammas[1] - gammas[2] + np.log(a)
    log_small = np.minimum(front + np.log(_beta_fraction(x, a, b)), 0.0)
    with np.errstate(divide="ignore"):
        complement = np.log(-np.expm1(log_small))
    result: FloatArray = np.where(swapped, complement, log_small)
    return result


def _beta_fraction(x: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
    """The continued fraction of the incomplete beta function, by the modified method of Lentz."""
    c = np.ones_like(x)
    ab = a + b
    d = 1.0 / _away_from_zero(1.0 - ab * x / (a + 1.0))
    value = d.copy()
    for m in range(1, _FRACTION_TERMS):
        a2m = a + 2 * m
        even = m * (b - m) * x / ((a2m - 1.0) * a2m)
        odd = -(a + m) * (ab + m) * x / (a2m * (a2m + 1.0))
        d = 1.0 / _away_from_zero(1.0 + even * d)
        c = _away_from_zero(1.0 + even / c)
        change = c * d
        d = 1.0 / _away_from_zero(1.0 + odd * d)
        c = _away_from_zero(1.0 + odd / c)
        change *= c * d
        value *= change
        if not change.size or float(np.abs(change - 1.0).max()) < _CONVERGED:
            break
    return value


def _away_from_zero(values: FloatArray) -> FloatArray:
    values[np.abs(values) < _TINY] = _TINY
    return values


@dataclass(frozen=True, slots=True, eq=False)
class _BetaTails:
    """Tails of n counts that are regularised incomplete beta functions.

    Attributes:
        total: n.
        above: shape (m,), positions of those above their mean; the others are no evidence.
        laws: quantile, first and second argument, shape (3, m).
    """

    total: int
    above: Int64Array
    laws: FloatArray

    def log10_tails(self, log_tails: FloatArray | None = None) -> FloatArray:
        """Shape (n,), from natural logarithms of shape (m,) where these are known."""
        if log_tails is None:
            log_tails = log_beta_tail(*self.laws)
        tails = np.zeros(self.total)
        tails[self.above] = -log_tails / LN10
        return tails


def _negative_binomial(count: FloatArray, mean: FloatArray, size: FloatArray) -> _BetaTails:
    above = np.flatnonzero(count > mean)
    n, m, r = count[above], mean[above], size[above]
    return _BetaTails(len(count), above, np.stack([m / (m + r), n, r]))


def _share(
    hits: FloatArray, count: FloatArray, share: FloatArray, concentration: FloatArray
) -> _BetaTails:
    above = np.flatnonzero(hits > share * count)
    n, s = count[above], share[above]
    weight = independent_like(n, concentration[above])
    scaled = hits[above] / n * weight
    return _BetaTails(len(count), above, np.stack([s, scaled, weight - scaled + 1.0]))


def negative_binomial_log10_tail(
    count: FloatArray, mean: FloatArray, size: FloatArray
) -> FloatArray:
    """`-log10 P(X >= count)` for a negative binomial X; 0 where `count` is not above the mean."""
    return _negative_binomial(count, mean, size).log10_tails()


def share_log10_tail(
    hits: FloatArray, count: FloatArray, share: FloatArray, concentration: FloatArray
) -> FloatArray:
    """`-log10 P(H >= hits)` out of `count`, whose days' shares scatter around `share`."""
    return _share(hits, count, share, concentration).log10_tails()


def volume_and_share_log10_tails(
    volume: tuple[FloatArray, FloatArray, FloatArray],
    share: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
) -> tuple[FloatArray, FloatArray]:
    """What `negative_binomial_log10_tail` and `share_log10_tail` say, in one pass over both.

    A pass takes some hundred operations, whatever the number of elements.

    Args:
        volume: counts, means and sizes, each of shape (n,).
        share: hits, counts, shares and concentrations, each of shape (m,).
    """
    one, other = _negative_binomial(*volume), _share(*share)
    logs = log_beta_tail(*np.concatenate([one.laws, other.laws], axis=1))
    return one.log10_tails(logs[: len(one.above)]), other.log10_tails(logs[len(one.above) :])


def log_normal_log10_tail(
    count: FloatArray, mean: FloatArray, relative_variance: FloatArray
) -> FloatArray:
    """`-log10 P(X >= count)` for a log-normal X of this mean; 0 where `count` is not above it."""
    above = np.flatnonzero(count > mean)
    n, m = count[above], mean[above]
    sigma2 = np.log1p(relative_variance[above])
    z = (np.log(np.maximum(n, 0.5)) - np.log(m) + 0.5 * sigma2) / np.sqrt(sigma2)
    tails = np.zeros(len(count))
    tails[above] = -_log_normal_tail(np.maximum(z, 0.0)) / LN10
    return tails


def _log_normal_tail(z: FloatArray) -> FloatArray:
    """Log of the standard normal law's upper tail, z >= 0.

    Near the middle by Abramowitz and Stegun 7.1.26, far out by Mills' ratio as a continued fraction.
    """
    t = 1.0 / (1.0 + _ERFC_SCALE * z / math.sqrt(2.0))
    powers = t * (_ERFC[1] + t * (_ERFC[2] + t * (_ERFC[3] + t * (_ERFC[4] + t * _ERFC[5]))))
    near = 0.5 * powers * np.exp(-0.5 * z * z)
    fraction = z + 1.0
    for term in range(20, 0, -1):
        fraction = z + term / fraction
    far = -0.5 * z * z - _HALF_LOG_TWO_PI - np.log(fraction)
    return np.where(z < _NEAR, np.log(np.maximum(near, _TINY)), far)


def independent_like(count: FloatArray, concentration: FloatArray) -> FloatArray:
    """How many independent ones a day's `count` alike ones weigh.

    Args:
        count: at least 0.
        concentration: of the beta law from which each day's share is drawn.
    """
    weight: FloatArray = count / (1.0 + np.maximum(count - 1.0, 0.0) / (concentration + 1.0))
    return weight


def negative_binomial_log_ratio(
    count: FloatArray, mean: FloatArray, size: FloatArray, ratio: float
) -> FloatArray:
    """Log-likelihood ratio of a mean `ratio` times as high, at the same size."""
    gain: FloatArray = count * math.log(ratio)
    gain -= (count + size) * (np.log(ratio * mean + size) - np.log(mean + size))
    return gain
