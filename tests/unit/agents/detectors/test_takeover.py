from __future__ import annotations

import dataclasses
from itertools import count, pairwise
from typing import Any

import numpy as np

from agents.detectors.base import UNEXPLAINED, Runs
from agents.detectors.context_habits import STRENGTH, ContextHabits, HabitParams, hours_of_week
from agents.detectors.takeover import Params, Takeover
from streams.event_time import DAY_MS, HOUR_MS
from streams.vocabulary import AUTH_METHODS, LIFECYCLES, NET_CLASSES
from tests.support.accesses import NOON_MS, Access, accesses_of

DAY_S = DAY_MS // 1000
PASSWORD = AUTH_METHODS.index("PWD_ONLY")
CARD = AUTH_METHODS.index("CPS_CARD")
patients = count(1)


class Days:
    """Takeover alone, with a known share of unexplained patients."""

    def __init__(self) -> None:
        self.takeover = Takeover(Params())
        self.number = 0

    def day(self, told: list[Access], *, held: bool = False) -> np.ndarray:
        """The evidence at each access of the next day; accounts in ascending order."""
        accesses = accesses_of(
            [dataclasses.replace(one, at_s=one.at_s + self.number * DAY_S) for one in told]
        )
        runs = Runs.of_accounts(accesses.account)
        group = np.zeros(len(runs.account), np.int64)
        share = np.full(len(runs.account), 0.15)
        self.number += 1
        found = self.takeover.observe(
            accesses,
            runs,
            self.number,
            group=group,
            new_today=np.ones(len(accesses)),
            unexplained=share,
        )
        self.takeover.close(
            runs.account,
            day=self.number,
            group=group,
            unexplained=share,
            held=np.full(len(group), held),
        )
        return found


def work(looks: int = 12, strangers: int = 2, account: int = 0, **context: Any) -> list[Access]:
    """Two minutes a patient; strangers are spread over the day."""
    every = max(1, looks // strangers) if strangers else looks + 1
    return [
        Access(
            120 * n,
            next(patients),
            account=account,
            explained=UNEXPLAINED if n % every == 0 and n // every < strangers else 1,
            first_seen=n % 2 == 0,
            **context,
        )
        for n in range(looks)
    ]


def settled(accounts: int = 1, days: int = 40) -> Days:
    known = Days()
    for _ in range(days):
        known.day([one for account in range(accounts) for one in work(account=account)])
    return known


def test_the_usual_context_is_no_evidence_whoever_the_patients_are() -> None:
    assert not settled().day(work(strangers=12)).any()


def test_strangers_read_from_elsewhere_are_evidence_at_once() -> None:
    found = settled().day(work(strangers=12, network=9, client=9))
    assert found[-1] > 5.0
    assert found[0] == 0.0  # two patients are not enough


def test_from_elsewhere_with_the_owners_patients_evidence_goes_again() -> None:
    known = settled()
    highest = [known.day(work(network=9, client=9))[-1] for _ in range(8)]
    assert max(highest) < 2.0
    assert highest[-1] == 0.0


def test_evidence_gathers_over_days() -> None:
    known = settled()
    course = [known.day(work(strangers=6, network=9, client=9), held=True)[-1] for _ in range(5)]
    assert course[0] < 3.5
    assert all(later > sooner for sooner, later in pairwise(course))
    assert course[-1] > 5.0


def test_the_owners_work_beside_the_thief_changes_little() -> None:
    alone, beside = settled(), settled()
    thief = work(strangers=12, network=9, client=9)
    mixed = [one for pair in zip(thief, work(), strict=True) for one in pair]
    assert beside.day(mixed).max() > alone.day(thief).max() - 1.0


def test_weaker_means_raise_the_evidence_and_stronger_ones_do_not() -> None:
    ways = {"network": 9, "client": 9}
    same = settled().day(work(strangers=6, **ways))[-1]
    weaker, stronger = settled(), Days()
    assert weaker.day(work(strangers=6, auth_method=PASSWORD, **ways))[-1] > same + 0.5
    for _ in range(40):
        stronger.day(work(auth_method=PASSWORD))
    assert abs(stronger.day(work(strangers=6, auth_method=CARD, **ways))[-1] - same) < 0.3


def test_somebody_new_has_no_habits_to_break() -> None:
    new = Days()
    for _ in range(5):
        assert new.day(work(strangers=12)).max() == 0.0


def test_the_evidence_of_a_change_fades_when_the_account_goes_back() -> None:
    known = settled()
    known.day(work(strangers=6, network=9, client=9), held=True)
    assert known.takeover.rows.table["since_day"][0] > 0
    for _ in range(40):
        known.day(work())
    assert known.takeover.rows.table["since_day"][0] == 0
    assert known.takeover.rows.table["since_patients"][0] == 0


def test_a_closing_service_is_told() -> None:
    known = settled()
    closing = LIFECYCLES.index("WINDING_DOWN")
    found = known.day(work(strangers=12, network=9, client=9, lifecycle=closing), held=True)
    evidence = known.takeover.evidence(0, 0.15, float(found[-1]))
    assert evidence.is_service_closing
    assert evidence.lifecycle > 0.0
    assert not evidence.is_auth_weaker
    assert evidence.patients == 12


def test_a_client_that_many_colleagues_take_up_surprises_less_each_day() -> None:
    known = settled(accounts=30)
    habits = known.takeover.habits
    everybody = [one for account in range(29) for one in work(account=account, client=5)]
    known.day(everybody + work(account=29))
    crowd = accesses_of([Access(0, 1, account=29, client=5), Access(0, 1, account=29, client=6)])
    users = habits.users(crowd.client, known.number + 1)
    assert users[0] > 25.0
    assert users[1] < 1.0
    # The last of the thirty follows: with a new client alone, and strangers, it is nobody's takeover.
    late = known.day(everybody + work(account=29, strangers=8, client=5))
    fresh = settled(accounts=30).day(work(account=29, strangers=8, client=6))
    assert late[-1] < 1.0 < fresh[-1]


def test_habits_fit_into_six_hundred_bytes_an_account() -> None:
    takeover = Takeover(Params())
    assert takeover.rows.record_bytes + takeover.habits.rows.record_bytes <= 600


def test_a_value_that_is_used_now_and_then_is_known() -> None:
    known = Days()
    for number in range(60):
        known.day(work(network=2 if number % 8 == 0 else 1))
    assert (
        known.day(work(network=2, strangers=12)).max()
        < known.day(work(network=3, strangers=12)).max()
    )


def test_every_means_of_authentication_and_class_has_its_rank() -> None:
    assert len(STRENGTH) == len(AUTH_METHODS)
    assert STRENGTH[PASSWORD] == STRENGTH.min()
    assert STRENGTH[CARD] == STRENGTH.max()
    habits = ContextHabits(HabitParams()).rows.table.dtype
    assert habits["net_class"].shape == (len(NET_CLASSES),)


def test_hours_are_those_of_paris_and_of_the_kind_of_day() -> None:
    # 2024-12-03 is a Tuesday, 10:00 UTC is 11:00 in Paris; the Saturday after it, 2024-12-07.
    saturday = NOON_MS + 4 * DAY_MS
    summer = 1_719_835_200_000  # 2024-07-01T12:00:00Z, a Monday: 14:00 in Paris
    found = hours_of_week(np.array([NOON_MS, saturday, NOON_MS + 14 * HOUR_MS, summer]))
    assert found.tolist() == [11, 35, 1, 14]
