from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from agents.account_history import DAYS, AccountHistory, history_of
from agents.account_watch import AccountWatch
from agents.detectors import tail
from agents.detectors.base import EXPLAINED, UNEXPLAINED, UNKNOWN
from agents.detectors.calibration import BUDGET, calibrated
from agents.finding_history import FindingHistory, HistoryMeasure
from streams.checkpoint import Journal
from streams.event_time import DAY_MS, paris_day, start_of_day_ms
from tests.support.accesses import Access, accesses_of

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRST_DAY = paris_day(int(accesses_of([Access(0, 1)]).time_ms[0]))


def looks(day: int, patients: int, *, unexplained: int = 0, account: int = 0) -> list[Access]:
    """So many patients of one day, the first ones without a care relation."""
    return [
        Access(
            at_s=day * 86_400 + 36_000 + number,
            patient=1 + number,
            account=account,
            explained=UNEXPLAINED if number < unexplained else EXPLAINED,
        )
        for number in range(patients)
    ]


def watched(told: Sequence[Access], until_day: int | None = None) -> AccountWatch:
    watch = AccountWatch()
    watch.observe(accesses_of(told))
    if until_day is not None:
        watch.pass_time(start_of_day_ms(FIRST_DAY + until_day))
    return watch


def series(watch: AccountWatch, last_day: int, account: int = 0) -> FindingHistory:
    found = history_of(watch, account, FIRST_DAY + last_day)
    assert found is not None
    return found


def test_closed_days_days_off_and_the_open_day_stand_in_their_places() -> None:
    watch = watched([*looks(0, 12, unexplained=2), *looks(3, 9), *looks(4, 30, unexplained=30)])
    found = series(watch, 4)

    assert found.measure is HistoryMeasure.PATIENTS
    assert found.observed == (12, 0, 0, 9, 30)
    assert found.unexplained == (2, 0, 0, 0, 30)
    assert found.starts_ms() == [start_of_day_ms(FIRST_DAY + day) for day in range(5)]
    assert found.expected[0] == pytest.approx(14.0, rel=0.03)
    # On days off it is what was expected of the working day before.
    assert found.expected[0] == found.expected[1] == found.expected[2]
    assert found.peers[0] == 14.0
    assert found.peers_high[0] is not None
    assert found.peers_high[0] > 2 * 14.0


def test_a_series_ends_where_it_is_asked_to_and_has_no_later_days() -> None:
    watch = watched([*looks(0, 12), *looks(1, 9), *looks(2, 30)], until_day=3)

    assert series(watch, 1).observed == (12, 9)
    assert series(watch, 5).observed == (12, 9, 30, 0, 0, 0)


def test_only_the_last_weeks_are_kept() -> None:
    told = [one for day in range(40) for one in looks(day, day + 1)]
    found = series(watched(told, until_day=40), 39)

    assert found.observed == tuple(range(40 - DAYS + 1, 41))
    assert all(
        len(values) == DAYS
        for values in (found.unexplained, found.expected, found.high, found.peers, found.peers_high)
    )


def test_after_a_long_absence_nothing_of_the_old_days_is_left() -> None:
    watch = watched([*looks(0, 12), *looks(33, 5), *looks(34, 7)], until_day=35)
    assert series(watch, 34).observed == (5, 7)
    assert history_of(watch, 0, FIRST_DAY + 34 + DAYS) is None


def test_an_account_that_did_nothing_has_no_series() -> None:
    assert history_of(AccountWatch(), 7, FIRST_DAY) is None


def test_patients_of_whom_nothing_is_known_are_not_told_as_explained() -> None:
    told = [Access(at_s=36_000 + n, patient=1 + n, explained=UNKNOWN) for n in range(4)]
    watch = watched([*told, *looks(1, 3)])
    assert series(watch, 1).unexplained == (None, 0)
    assert series(watched(told), 0).unexplained == (None,)


def test_the_alarm_level_is_where_the_number_alone_raises_an_alarm() -> None:
    told = [one for day in range(20) for one in looks(day, 10)]
    watch = watched(told, until_day=20)
    expected = watch.baselines.expected(np.array([0]), np.array([0]), np.array([FIRST_DAY + 20]))
    (high,) = tail.alarm_level(tail.Params(), expected.patients, expected.patients_size)
    for count, is_alarm in ((high, True), (high - 1, False)):
        seen = tail.Window(np.array([count]), np.array([0.0]), np.array([0.0]), np.array([0.0]))
        score = calibrated("tail", tail.judge(tail.Params(), seen, expected).score)
        assert (score[0] >= BUDGET) == is_alarm
    # What is kept of a day is a little coarser.
    assert series(watch, 19).high[-1] == pytest.approx(high, rel=0.1)


def test_a_busier_group_makes_its_members_peers_busier() -> None:
    told = [
        one for day in range(10) for account in range(6) for one in looks(day, 40, account=account)
    ]
    told.sort(key=lambda one: one.at_s)
    peers = series(watched(told, until_day=10), 9).peers
    assert peers[0] == 14.0
    assert peers[-1] is not None
    assert peers[-1] > 25


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_recovery_brings_the_same_series(size: int) -> None:
    told = [one for day in range(35) for one in looks(day, 5 + day % 3, unexplained=day % 2)]
    watch = AccountWatch()
    journal = Journal(watch.history.sections)
    entries: dict[bytes, bytes] = {}
    accesses = accesses_of(told)
    for at in range(0, len(told), size * 10):
        watch.observe(accesses[at : at + size * 10])
        for key, value in journal.flush(b""):
            if value is None:
                entries.pop(key, None)
            else:
                entries[key] = value
    recovered = AccountHistory()
    Journal(recovered.sections).recover(entries)

    for mine, theirs in zip(watch.history.sections, recovered.sections, strict=True):
        theirs.reserve(len(mine.table))
        mine.reserve(len(theirs.table))
        assert (mine.table == theirs.table).all()
    assert recovered.rows.record_bytes <= 200
    assert series(watch, 33).step_ms == DAY_MS
