from datetime import date

import numpy as np
import pytest

from simulators.events import AUTH_METHODS, DOC_CLASSES
from simulators.flows.telling import (
    AUTH_SHARES,
    LATEST_MS,
    delays_ms,
    habits,
    in_batches,
)
from simulators.population import Population
from simulators.rosters import ACTIVITIES, MonthPlan
from simulators.traffic import RegionTraffic
from simulators.volumes import REFERENCE_MONTH
from streams.event_time import HOUR_MS, MINUTE_MS
from streams.topics import DMP_DEPOSITS, FLOWS, MSS_MESSAGES, PLATFORM_ACCESSES

POPULATION = Population.create(1, 0.05)
DAY = 739_495


def test_no_event_is_recorded_before_it_occurred_or_more_than_20_hours_after() -> None:
    rng = np.random.default_rng(1)
    structures = rng.integers(0, len(POPULATION.size), 1_500_000)
    delays = delays_ms(POPULATION, DMP_DEPOSITS, DAY, structures, rng)

    assert delays.min() >= 1
    assert delays.max() == LATEST_MS == 20 * HOUR_MS
    assert 300 < np.median(delays) < 2_000


def test_an_account_keeps_to_its_usual_means_and_a_certificate_to_its_own() -> None:
    account = np.repeat(np.arange(200), 200)
    codes = habits(POPULATION, PLATFORM_ACCESSES, account, np.random.default_rng(2))
    usual = [np.bincount(one).max() / 200 for one in codes.reshape(200, 200)]

    assert min(usual) > 0.85
    machine = habits(POPULATION, MSS_MESSAGES, np.full(9, -1), np.random.default_rng(2))
    assert set(machine.tolist()) == {AUTH_METHODS.code("CERT_STRUCTURE")}


@pytest.mark.parametrize("word", ["PWD_ONLY", "PWD_OTP_SMS", "PSC_CPS", "PSC_ECPS"])
def test_platform_accounts_use_each_means_as_the_traffic_model_says(word: str) -> None:
    whole = Population.create(1, 0.3)
    codes = habits(whole, PLATFORM_ACCESSES, np.arange(len(whole.home)), np.random.default_rng(3))

    share = (codes == AUTH_METHODS.code(word)).mean()
    assert share == pytest.approx(AUTH_SHARES[PLATFORM_ACCESSES][word], abs=0.02)


def test_batches_leave_after_their_acts_a_structure_at_a_time() -> None:
    rng = np.random.default_rng(4)
    at = np.sort(rng.integers(0, 6 * HOUR_MS, 500))
    sent = in_batches(at, np.full(500, 7), 1, rng)

    assert (sent >= at).all()
    assert (sent - at).max() < 17 * MINUTE_MS
    # 6 hours of sendings every quarter of an hour: all acts within two minutes of 25 instants.
    assert len(np.unique(sent // (2 * MINUTE_MS))) < 60


def test_a_plans_users_are_sorted_by_structure_and_account() -> None:
    plan = MonthPlan.create(POPULATION, REFERENCE_MONTH)

    for activity in ACTIVITIES:
        roster = plan.rosters[activity]
        pairs = list(zip(roster.structure.tolist(), roster.account.tolist(), strict=True))
        assert pairs == sorted(pairs)
        assert len(plan.counts[activity]) == len(roster)


def test_biology_and_prescriptions_weigh_in_deposits_as_in_the_national_figures() -> None:
    traffic = RegionTraffic(1, 0.3)
    tables = next(iter(traffic.occurring(date(2025, 9, 2), 1)))
    deposits = tables[DMP_DEPOSITS].columns["doc_class"]

    assert (deposits == DOC_CLASSES.code("BIOLOGIE")).mean() == pytest.approx(0.39, abs=0.04)
    assert (deposits == DOC_CLASSES.code("PRESCRIPTION")).mean() == pytest.approx(0.23, abs=0.03)
    assert set(tables) == set(FLOWS)
