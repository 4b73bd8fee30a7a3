from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from agents.detectors.series import SeriesDetector, flagged_ranges
from agents.detectors.series_params import SeriesParams
from simulators.service_series import Tally, draw

FloatArray = npt.NDArray[np.float64]
MINUTE_S, DAY_ROWS = 60, 1440


def clock(rows: int, step_s: int = MINUTE_S) -> FloatArray:
    return 1_700_000_000.0 - 1_700_000_000 % 86_400 + step_s * np.arange(rows, dtype=np.float64)


def counts(days: int, mean: float = 100, seed: int = 1) -> FloatArray:
    return np.random.default_rng(seed).poisson(mean, days * DAY_ROWS).astype(np.float64)


def alerts(times: FloatArray, values: FloatArray, **params: float) -> list[tuple[int, int]]:
    return flagged_ranges(SeriesDetector(SeriesParams(**params)).update(times, values)[1])


def test_quiet_counts_raise_no_alert() -> None:
    assert alerts(clock(14 * DAY_ROWS), counts(14)) == []


def test_a_spike_of_one_row_is_found_at_once_and_ends_soon() -> None:
    values = counts(7)
    values[8000] = 300

    [(start, end)] = alerts(clock(len(values)), values)

    assert start == 8000
    assert end <= 8010


def test_an_outage_is_told_until_it_ends() -> None:
    values = counts(7)
    values[8000:8240] = 0

    [(start, end)] = alerts(clock(len(values)), values)

    assert start == 8000
    assert 8240 <= end <= 8250


def test_a_level_shift_becomes_normal_and_the_way_back_is_no_news() -> None:
    values = counts(7)
    values[7000:8000] *= 2

    [(start, end)] = alerts(clock(len(values)), values)

    assert start == 7000
    assert end < 7100


def test_a_job_at_a_fixed_time_is_learnt_within_days() -> None:
    values = counts(21)
    values[np.arange(len(values)) % DAY_ROWS == 180] += 400

    assert all(start < 6 * DAY_ROWS for start, _ in alerts(clock(len(values)), values))


def test_silence_of_a_few_events_a_day_is_an_outage_by_one_and_a_half_times_the_time_of_odds() -> (
    None
):
    values = np.random.default_rng(3).poisson(0.5, 120 * 24).astype(np.float64)
    values[2000:2100] = 0

    [(start, end)] = [pair for pair in alerts(clock(len(values), 3600), values) if pair[0] > 1990]

    # 13.8 expected events are 28 hours at one in two hours.
    assert 2000 < start <= 2000 + 1.5 * 28
    assert end >= 2095


@pytest.mark.parametrize("level", [0.0, 5.0, -3.0])
def test_a_constant_series_is_quiet(level: float) -> None:
    assert alerts(clock(5000), np.full(5000, level)) == []


def test_a_constant_series_that_moves_is_told() -> None:
    values = np.full(5000, 5.0)
    values[4600:4605] = 6.0

    assert alerts(clock(5000), values)[0][0] == 4600


def test_negative_values_are_taken_as_they_are() -> None:
    values = np.random.default_rng(5).normal(0, 3, 10_000)
    values[9000] = -40

    assert alerts(clock(10_000), values)[-1][0] == 9000


def test_the_budget_holds_on_a_series_of_nothing_but_incidents() -> None:
    values = counts(30)
    values[np.random.default_rng(2).random(len(values)) < 0.01] *= 10

    assert len(alerts(clock(len(values)), values)) <= 1 + 0.5 * 30
    assert len(alerts(clock(len(values)), values, alerts_per_day=0.1)) <= 1 + 0.1 * 30


def test_a_gap_of_days_is_no_incident() -> None:
    times = clock(10 * DAY_ROWS)
    times[7 * DAY_ROWS :] += 3 * 86_400
    values = counts(10)
    values[7 * DAY_ROWS :] *= 1.5

    assert alerts(times, values) == []


def test_repeated_and_backward_rows_and_missing_values_are_no_incident() -> None:
    times, values = clock(7 * DAY_ROWS), counts(7)
    times[5000] = times[4999]
    times[6000:6010] = times[5900:5910]
    values[7000:7030] = np.nan

    assert alerts(times, values) == []


def test_a_file_too_short_to_know_its_step_has_no_scores() -> None:
    scores, flags = SeriesDetector().update([10, 20, 30], [1, 2, 900])

    assert scores.tolist() == [0, 0, 0]
    assert not flags.any()


def test_the_evidence_names_what_was_seen_and_expected() -> None:
    values = counts(7)
    values[8000] = 300
    detector = SeriesDetector()
    assert detector.evidence is None

    detector.update(clock(len(values)), values)

    assert detector.evidence is not None
    assert detector.evidence.observed == 300
    assert detector.evidence.expected == pytest.approx(100, rel=0.15)
    assert detector.evidence.odds < 1e-5
    assert detector.evidence.since_s == clock(8001)[8000]


@pytest.mark.parametrize(("budget", "recall", "precision"), [(0.5, 0.85, 0.75), (0.1, 0.40, 0.85)])
def test_incidents_of_service_like_series_are_found_within_the_budget(
    budget: float, recall: float, precision: float
) -> None:
    tally = Tally()
    for family in ("latency", "queue", "hourly", "few"):
        series = draw(family, 1)
        tally.add(series, alerts(series.times_s, series.values, alerts_per_day=budget))

    assert tally.recall >= recall
    assert tally.precision >= precision
    assert tally.median_delay <= 2
    assert tally.alerts_per_day <= budget


def test_nights_holidays_and_a_clock_change_are_no_outage_of_few_events() -> None:
    for seed in (1, 2, 3):
        series = draw("few", seed, events_per_day=1e-9)

        assert len(alerts(series.times_s, series.values)) <= 2, seed


@pytest.mark.parametrize("budget", [0, -1, float("nan"), 1e9])
def test_a_senseless_budget_is_refused(budget: float) -> None:
    with pytest.raises(ValueError, match="alerts_per_day"):
        SeriesParams(alerts_per_day=budget)
