from __future__ import annotations

import math

import numpy as np
import pytest

from agents.distributions import (
    independent_like,
    log_beta_tail,
    log_gamma,
    log_normal_log10_tail,
    negative_binomial_log10_tail,
    negative_binomial_log_ratio,
    share_log10_tail,
)


def one(value: float) -> np.ndarray:
    return np.array([value])


def summed_tail(count: int, mean: float, size: float) -> float:
    logs = [
        math.lgamma(n + size)
        - math.lgamma(size)
        - math.lgamma(n + 1)
        + size * math.log(size / (mean + size))
        + n * math.log(mean / (mean + size))
        for n in range(count, count + 20_000)
    ]
    return -math.log10(math.fsum(math.exp(value) for value in logs))


def test_the_gamma_functions_logarithm_is_that_of_the_standard_library() -> None:
    values = np.array([0.05, 0.5, 1.0, 2.3, 10.0, 100.5, 1e4, 1e6])
    expected = [math.lgamma(value) for value in values]
    assert np.allclose(log_gamma(values), expected, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize(
    ("count", "mean", "size"),
    [(10, 3.0, 2.0), (80, 20.0, 6.0), (500, 50.0, 3.0), (5, 0.2, 0.5), (21, 20.0, 50.0)],
)
def test_the_negative_binomial_tail_is_the_sum_of_its_terms(
    count: int, mean: float, size: float
) -> None:
    tail = negative_binomial_log10_tail(one(count), one(mean), one(size))
    assert tail[0] == pytest.approx(summed_tail(count, mean, size), rel=1e-6)


def test_a_count_that_is_not_above_the_mean_is_no_evidence() -> None:
    assert negative_binomial_log10_tail(one(5.0), one(5.0), one(2.0))[0] == 0.0
    assert log_normal_log10_tail(one(5.0), one(5.0), one(0.4))[0] == 0.0
    assert share_log10_tail(one(3.0), one(20.0), one(0.15), one(40.0))[0] == 0.0


@pytest.mark.parametrize("count", [11.0, 20.0, 100.0, 400.0])
def test_the_log_normal_tail_is_the_normal_tail_of_the_logarithm(count: float) -> None:
    variance = 0.4
    sigma = math.sqrt(math.log1p(variance))
    z = (math.log(count) - math.log(10.0) + 0.5 * sigma**2) / sigma
    p = 0.5 * math.erfc(z / math.sqrt(2.0))
    tail = log_normal_log10_tail(one(count), one(10.0), one(variance))[0]
    assert tail == pytest.approx(-math.log10(p), rel=1e-4)


def test_the_incomplete_beta_function_and_its_mirror_sum_to_one() -> None:
    x = np.array([0.02, 0.3, 0.5, 0.71, 0.97])
    left = np.exp(log_beta_tail(x, np.full(5, 3.5), np.full(5, 9.0)))
    right = np.exp(log_beta_tail(1.0 - x, np.full(5, 9.0), np.full(5, 3.5)))
    assert np.allclose(left + right, 1.0, atol=1e-7)


def test_the_share_tail_without_scatter_is_the_binomial_tail() -> None:
    exact = sum(math.comb(12, n) * 0.15**n * 0.85 ** (12 - n) for n in (10, 11, 12))
    tail = share_log10_tail(one(10.0), one(12.0), one(0.15), one(1e12))
    assert tail[0] == pytest.approx(-math.log10(exact), rel=1e-6)


def test_patients_of_one_day_weigh_less_than_independent_ones_and_never_more_than_the_limit() -> (
    None
):
    weight = independent_like(np.array([0.0, 1.0, 50.0, 1e6]), np.full(4, 40.0))
    assert weight[0] == 0.0
    assert weight[1] == 1.0
    assert weight[2] < 50.0
    assert weight[3] == pytest.approx(41.0, rel=1e-3)


def test_the_likelihood_ratio_has_mean_one_under_the_null_law() -> None:
    rng = np.random.default_rng(1)
    counts = rng.poisson(rng.gamma(4.0, 12.0 / 4.0, 200_000)).astype(float)
    gains = negative_binomial_log_ratio(counts, np.full(1, 12.0), np.full(1, 4.0), 1.5)
    assert np.exp(gains).mean() == pytest.approx(1.0, abs=0.01)
