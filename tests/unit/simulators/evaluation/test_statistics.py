"""Intervals and quantiles of the evaluation, against published figures."""

from __future__ import annotations

import math

import pytest

from simulators.evaluation.statistics import (
    Rate,
    Share,
    poisson_interval,
    quantile,
    quantile_interval,
)


def test_a_share_has_wilsons_interval() -> None:
    # 81 of 263: 0.2553 to 0.3662 (Newcombe, Statistics in Medicine 1998, table I).
    interval = Share(81, 263).interval
    assert (interval.low, interval.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert Share(0, 20).interval.low == 0.0
    assert Share(0, 20).interval.high == pytest.approx(0.1611, abs=5e-5)
    assert Share(29, 29).interval.high == 1.0
    assert math.isnan(Share(0, 0).value)


@pytest.mark.parametrize(
    ("events", "low", "high"), [(0, 0.0, 3.689), (1, 0.02532, 5.572), (10, 4.795, 18.39)]
)
def test_a_count_has_garwoods_interval(events: int, low: float, high: float) -> None:
    assert poisson_interval(events) == pytest.approx((low, high), rel=5e-4)


def test_a_rate_is_per_thousand() -> None:
    rate = Rate(5, 50_000.0)
    assert rate.value == pytest.approx(0.1)
    assert rate.interval.low < 0.1 < rate.interval.high


def test_what_never_came_counts_in_a_quantile() -> None:
    assert quantile([1.0, 2.0, math.inf, math.inf], 0.5) == 2.0
    assert quantile([1.0, math.inf, math.inf], 0.5) == math.inf
    assert quantile([3.0], 0.9) == 3.0
    assert math.isnan(quantile([], 0.5))


def test_a_quantiles_interval_holds_it() -> None:
    values = [float(n) for n in range(100)]
    interval = quantile_interval(values, 0.5)
    assert interval.low < quantile(values, 0.5) < interval.high
    assert interval.high - interval.low == pytest.approx(20.0, abs=2.0)
