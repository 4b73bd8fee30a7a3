from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from agents.detectors.calibration import BUDGET, SUSPICION
from agents.detectors.recurrence import Params, Recurrence

ONE = np.array([3])


def suspected(score: float = BUDGET, day: int = 100) -> Recurrence:
    recurrence = Recurrence(Params())
    recurrence.note(ONE, day, np.array([score]))
    return recurrence


def raised(recurrence: Recurrence, day: int) -> float:
    return float(recurrence.raises(ONE, day)[0])


def test_a_quiet_account_is_raised_by_nothing() -> None:
    recurrence = suspected(SUSPICION - 0.01)
    assert raised(recurrence, 200) == 0.0
    assert recurrence.past(3, 200) is None


def test_a_second_wave_five_months_after_the_first_starts_with_less_credit() -> None:
    found = suspected(8.0)
    assert raised(found, 256) == pytest.approx(0.7 * (1 - 156 / 365))
    past = found.past(3, 256)
    assert past is not None
    assert past.last_day == 100


def test_the_days_of_one_incident_raise_nothing_within_it() -> None:
    recurrence = suspected()
    for day in range(100, 150, 7):
        assert raised(recurrence, day) == 0.0
        recurrence.note(ONE, day, np.array([9.0]))


def test_an_incident_keeps_what_came_before_it() -> None:
    recurrence = suspected(8.0)
    recurrence.note(ONE, 256, np.array([4.0]))
    assert raised(recurrence, 257) == pytest.approx(0.7 * (1 - 157 / 365))
    past = recurrence.past(3, 257)
    assert past is not None
    assert past.last_day == 100


def test_the_past_fades_within_a_year() -> None:
    recurrence = suspected(8.0)
    course = [raised(recurrence, day) for day in range(115, 480)]
    assert all(later <= sooner for sooner, later in pairwise(course))
    assert raised(recurrence, 465) == 0.0


def test_stronger_evidence_weighs_more_within_bounds_and_a_verdict_most() -> None:
    weak, strong, endless = (raised(suspected(score), 200) for score in (4.0, 5.0, 500.0))
    assert 0.0 < weak < strong < endless < Params().suspected_most
    recurrence = suspected()
    recurrence.confirm(3, 110)
    assert raised(recurrence, 200) == pytest.approx(1.0 - 90 / 365)


def test_a_verdict_of_benign_gives_the_credit_back() -> None:
    recurrence = suspected()
    recurrence.forgive(3)
    recurrence.forgive(10_000)
    assert raised(recurrence, 200) == 0.0


def test_what_it_costs_a_quiet_population_stays_within_the_promise() -> None:
    # A year of suspicions at their rate, over accounts that work 220 days of it, and as many days of
    # scores whose tail is the budget's: how many more pass the alarm for their past.
    rng = np.random.default_rng(1)
    accounts, days = 200_000, 220
    recurrence = Recurrence(Params())
    rows = np.arange(accounts)
    marked = rng.random((days, accounts // 100)) < 10**-SUSPICION
    excess = rng.exponential(1.0 / np.log(10), marked.shape)
    for number, day in enumerate(np.linspace(1, 365, days).astype(int).tolist()):
        score = np.where(marked[number], SUSPICION + excess[number], 0.0)
        recurrence.note(rows[: accounts // 100], day, score)
    raises = recurrence.raises(rows[: accounts // 100], 380)
    assert np.mean(10**raises) - 1.0 < 0.03
