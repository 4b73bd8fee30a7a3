"""Laws of the flow-rate detector: no look ahead, no unit, no trace of how the rows were cut."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.detectors.series import SeriesDetector
from simulators.service_series import FAMILIES, Series, draw

FloatArray = npt.NDArray[np.float64]
ROWS = 6000
SERIES = {family: draw(family, 7) for family in FAMILIES}
families = st.sampled_from(sorted(FAMILIES))
laws = settings(max_examples=12, deadline=None)


def rows_of(series: Series) -> tuple[FloatArray, FloatArray]:
    times, values = series.times_s[:ROWS].copy(), series.values[:ROWS].copy()
    times[700:705] = times[690:695]  # the source sends a few rows again
    return times, values


@laws
@given(families, st.integers(1, ROWS))
def test_truncating_a_series_changes_no_earlier_row(family: str, rows: int) -> None:
    times, values = rows_of(SERIES[family])
    whole = SeriesDetector().update(times, values)
    part = SeriesDetector().update(times[:rows], values[:rows])

    np.testing.assert_array_equal(part[0], whole[0][:rows])
    np.testing.assert_array_equal(part[1], whole[1][:rows])


@laws
@given(families, st.lists(st.integers(0, ROWS), max_size=8))
def test_cutting_the_rows_into_calls_changes_nothing(family: str, cuts: list[int]) -> None:
    times, values = rows_of(SERIES[family])
    whole = SeriesDetector().update(times, values)
    detector = SeriesDetector()
    at = sorted(cuts)
    parts = [
        detector.update(t, v)
        for t, v in zip(np.split(times, at), np.split(values, at), strict=True)
    ]

    np.testing.assert_array_equal(np.concatenate([part[0] for part in parts]), whole[0])
    np.testing.assert_array_equal(np.concatenate([part[1] for part in parts]), whole[1])


@laws
@given(families, st.sampled_from([2.0**-40, 0.001, 0.37, 3.0, 1e6]))
def test_the_unit_of_the_values_changes_nothing(family: str, unit: float) -> None:
    times, values = rows_of(SERIES[family])
    plain = SeriesDetector().update(times, values)
    scaled = SeriesDetector().update(times, values * unit)

    np.testing.assert_allclose(scaled[0], plain[0], atol=1e-6)
    np.testing.assert_array_equal(scaled[1], plain[1])


@laws
@given(families, st.booleans())
def test_scores_are_probabilities_of_alarm_and_an_alert_scores_half_at_least(
    family: str, is_signed: bool
) -> None:
    times, values = rows_of(SERIES[family])
    scores, flags = SeriesDetector().update(times, -values if is_signed else values)

    assert np.all((scores >= 0) & (scores <= 1))
    assert np.all(scores[flags] >= 0.5)
