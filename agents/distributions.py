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
from typing import Final

import numpy as np
import numpy.typing as npt

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
    front -= log_gamma(a) + log_gamma(b) - log_gamma(a + b) + np.log(a)
    log_small = np.minimum(front + np.log(_beta_fraction(x, a, b)), 0.0)
    with np.errstate(divide="ignore"):
        complement = np.log(-np.expm1(log_small))
    result: FloatArray = np.where(swapped, complement, log_small)
    return result


def _beta_fraction(x: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
    """The continued fraction of the incomplete beta function, by the modified method of Lentz."""
    c = np.ones_like(x)
    d = 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    value = d.copy()
    for m in range(1, _FRACTION_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        change = np.ones_like(x)
        for term in (even, odd):
            d = 1.0 / _away_from_zero(1.0 + term * d)
            c = _away_from_zero(1.0 + term / c)
            change = change * (c * d)
        value *= change
        if not change.size or float(np.abs(change - 1.0).max()) < _CONVERGED:
            break
    return value


def _away_from_zero(values: FloatArray) -> FloatArray:
    return np.where(np.abs(values) < _TINY, _TINY, values)


def negative_binomial_log10_tail(
    count: FloatArray, mean: FloatArray, size: FloatArray
) -> FloatArray:
    """`-log10 P(X >= count)` for a negative binomial X; 0 where `count` is not above the mean."""
    count, mean, size = np.broadcast_arrays(count, mean, size)
    result = np.zeros(count.shape)
    above = np.flatnonzero(count > mean)
    n, m, r = count.flat[above], mean.flat[above], size.flat[above]
    result.flat[above] = -log_beta_tail(m / (m + r), n, r) / LN10
    return result


def log_normal_log10_tail(
    count: FloatArray, mean: FloatArray, relative_variance: FloatArray
) -> FloatArray:
    """`-log10 P(X >= count)` for a log-normal X of this mean; 0 where `count` is not above it."""
    sigma2 = np.log1p(relative_variance)
    z = (np.log(np.maximum(count, 0.5)) - np.log(mean) + 0.5 * sigma2) / np.sqrt(sigma2)
    return np.where(count > mean, -_log_normal_tail(np.maximum(z, 0.0)) / LN10, 0.0)


def _log_normal_tail(z: FloatArray) -> FloatArray:
    """Log of the standard normal law's upper tail, z >= 0.

    Near the middle by Abramowitz and Stegun 7.1.26, far out by Mills' ratio as a continued fraction.
    """
    t = 1.0 / (1.0 + _ERFC_SCALE * z / math.sqrt(2.0))
    near = 0.5 * np.polynomial.polynomial.polyval(t, _ERFC) * np.exp(-0.5 * z * z)
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


def share_log10_tail(
    hits: FloatArray, count: FloatArray, share: FloatArray, concentration: FloatArray
) -> FloatArray:
    """`-log10 P(H >= hits)` out of `count`, whose days' shares scatter around `share`."""
    hits, count, share, concentration = np.broadcast_arrays(hits, count, share, concentration)
    result = np.zeros(count.shape)
    above = np.flatnonzero(hits > share * count)
    n, s = count.flat[above], share.flat[above]
    weight = independent_like(n, concentration.flat[above])
    scaled = hits.flat[above] / n * weight
    result.flat[above] = -log_beta_tail(s, scaled, weight - scaled + 1.0) / LN10
    return result


def negative_binomial_log_ratio(
    count: FloatArray, mean: FloatArray, size: FloatArray, ratio: float
) -> FloatArray:
    """Log-likelihood ratio of a mean `ratio` times as high, at the same size."""
    gain: FloatArray = count * math.log(ratio)
    gain -= (count + size) * (np.log(ratio * mean + size) - np.log(mean + size))
    return gain
