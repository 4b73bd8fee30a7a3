"""What a day's cell says of its account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from agents.account_cells import CELL, NO_MINUTE
from agents.account_days import AccountDays, by_local_day
from agents.baselines import BaselineParams, Baselines
from agents.detectors.base import EXPLAINED, NO_PATIENT, NO_STEP, UNEXPLAINED, UNKNOWN
from agents.peer_groups import GroupParams, PeerGroups
from streams.event_time import DAY_MS, MINUTE_MS, paris_day
from tests.support.accesses import NOON_MS, Access, accesses_of, digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.account_cells import CellArray

TODAY = paris_day(NOON_MS)


def days() -> AccountDays:
    return AccountDays(Baselines(BaselineParams(), PeerGroups(GroupParams())))


def give(to: AccountDays, told: Sequence[Access]) -> CellArray:
    accesses = accesses_of(told)
    actor = np.array([900 + one.account for one in told], np.uint64)
    structure = np.array([700 + one.account for one in told], np.uint64)
    parts = [
        to.observe(accesses[part], actor[part], structure[part]) for part in by_local_day(accesses)
    ]
    return np.concatenate([np.zeros(0, CELL), *parts])


def cell_of(told: Sequence[Access]) -> np.void:
    to = days()
    assert len(give(to, told)) == 0
    cell: np.void
    (cell,) = to.pass_time(NOON_MS + DAY_MS)
    return cell


def strangers(*minutes: float, step: int = NO_STEP) -> list[Access]:
    return [
        Access(at_s=60 * minute, patient=50 + at, explained=UNEXPLAINED, step=step)
        for at, minute in enumerate(minutes)
    ]


def test_a_cell_counts_each_patient_of_the_day_once() -> None:
    cell = cell_of(
        [
            Access(0, patient=1),
            Access(1, patient=2, explained=UNEXPLAINED),
            Access(2, patient=1),
            Access(3, patient=2),
            Access(4, patient=3, explained=UNKNOWN),
        ]
    )
    assert (cell["account"], cell["structure"], cell["day"]) == (900, 700, TODAY)
    assert (cell["patients"], cell["known"], cell["unexplained"]) == (3, 2, 1)


def test_a_cell_says_what_the_baseline_expects() -> None:
    cell = cell_of([Access(0, patient=1)])
    assert cell["expected_patients"] == pytest.approx(GroupParams().patients_per_day, rel=0.01)
    assert cell["expected_share"] == pytest.approx(GroupParams().unexplained_ratio, rel=0.01)


def test_networks_and_clients_with_the_most_unexplained_patients_come_first() -> None:
    told = [Access(at, patient=at + 1, network=1, client=1) for at in range(6)]
    told += [Access(10 + at, patient=20 + at, network=2, client=1) for at in range(3)]
    told += [Access(20, patient=30, explained=UNEXPLAINED, network=3, client=2)]
    cell = cell_of(told)
    assert cell["network"].tolist() == [digest(3), digest(1)]
    assert cell["network_patients"].tolist() == [1, 6]
    assert cell["network_unexplained"].tolist() == [1, 0]
    assert cell["client"].tolist() == [digest(2), digest(1)]
    assert cell["client_patients"].tolist() == [1, 9]


def test_an_access_without_network_and_client_is_counted_under_none() -> None:
    to, told = days(), accesses_of([Access(0, patient=1), Access(1, patient=2, network=2)])
    told.network[0] = told.client[0] = 0
    to.observe(told, np.full(2, 9, np.uint64), np.full(2, 7, np.uint64))
    (cell,) = to.pass_time(NOON_MS + DAY_MS)
    assert cell["patients"] == 2
    assert cell["network"].tolist() == [digest(2), 0]
    assert cell["network_patients"].tolist() == [1, 0]


def test_the_fifth_network_of_a_day_has_no_slot() -> None:
    told = [Access(at, patient=at + 1, network=at + 1) for at in range(4)]
    told += [Access(9, patient=9, network=9, explained=UNEXPLAINED)]
    cell = cell_of(told)
    assert cell["unexplained"] == 1
    assert digest(9) not in cell["network"].tolist()


def test_the_burst_is_the_closest_five_minutes_of_unexplained_patients() -> None:
    cell = cell_of(strangers(0, 30, 60, 62, 64.9, 65, 120))
    minute = (NOON_MS % DAY_MS) // MINUTE_MS
    assert (cell["burst"], cell["burst_minute"]) == (3, minute + 60)


def test_a_day_without_unexplained_patients_has_no_burst() -> None:
    cell = cell_of([Access(0, patient=1)])
    assert (cell["burst"], cell["burst_minute"]) == (0, NO_MINUTE)


def test_neighbours_are_found_between_the_owners_own_reads() -> None:
    # A list with a distance of 20 at every second read; the owner's patients stand anywhere.
    told, far = [Access(0, patient=1, step=NO_STEP)], 2_000_000
    for at in range(4):
        back = far if at == 0 else far + 20 - 3_000 * at
        told.append(Access(60 * at + 1, 100 + at, explained=UNEXPLAINED, step=back))
        told.append(Access(60 * at + 2, 200 + at, step=3_000 * (at + 1) - far))
    cell = cell_of(told)
    assert (cell["near"], cell["near_gap"]) == (3, 20)


def test_a_step_that_is_not_known_begins_a_new_place() -> None:
    told = strangers(0, 1, 2, step=5)
    assert cell_of(told)["near"] == 2
    told[1] = Access(60, patient=51, explained=UNEXPLAINED, step=NO_STEP)
    assert cell_of(told)["near"] == 1


def test_two_accounts_that_repeat_a_list_have_the_same_sequence() -> None:
    once, again = cell_of(strangers(0, 1, 2)), cell_of(strangers(5, 9, 30))
    other = cell_of(strangers(0, 1, 2)[::-1])
    assert once["sequence"].tolist() == again["sequence"].tolist()
    assert all(once["sequence"])
    assert once["sequence"].tolist() != other["sequence"].tolist()
    assert not any(cell_of(strangers(0))["sequence"])


def test_a_day_closes_with_the_first_access_of_a_later_one() -> None:
    to = days()
    give(to, [Access(0, patient=1), Access(1, patient=1, account=1)])
    assert len(to.pass_time(NOON_MS)) == 0
    cells = give(to, [Access(24 * 3600, patient=1)])
    assert cells["account"].tolist() == [900, 901]
    assert set(cells["day"].tolist()) == {TODAY}
    assert to.pass_time(NOON_MS + 2 * DAY_MS)["day"].tolist() == [TODAY + 1]


def test_logins_and_searches_neither_count_nor_close_a_day() -> None:
    to = days()
    give(to, [Access(0, patient=1)])
    later = accesses_of([Access(24 * 3600, patient=1)])
    later.patient[:] = NO_PATIENT
    assert len(to.observe(later, np.ones(1, np.uint64), np.ones(1, np.uint64))) == 0
    assert to.pass_time(NOON_MS + DAY_MS)["patients"].tolist() == [1]


def test_explained_patients_leave_no_trace() -> None:
    cell = cell_of([Access(at, patient=at + 1, explained=EXPLAINED, step=1) for at in range(6)])
    assert (cell["burst"], cell["near"]) == (0, 0)
