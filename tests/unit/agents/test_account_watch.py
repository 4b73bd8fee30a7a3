from __future__ import annotations

import dataclasses
from itertools import count

import numpy as np

from agents.account_watch import AccountWatch, Suspicion
from agents.detectors import tail
from agents.detectors.base import NO_PATIENT, UNEXPLAINED, Accesses, Act
from streams.event_time import DAY_MS
from tests.support.accesses import NOON_MS, Access, accesses_of

DAY_S = DAY_MS // 1000
patients = count(1)


def working_day(day: int, *, account: int = 0, looks: int = 16, strangers: int = 2) -> list[Access]:
    """Two minutes a patient, from noon on."""
    return [
        Access(
            day * DAY_S + 120 * n,
            next(patients),
            account=account,
            explained=UNEXPLAINED if n < strangers else 1,
        )
        for n in range(looks)
    ]


def enrolled(days: int = 60, accounts: int = 1) -> AccountWatch:
    watch = AccountWatch()
    for day in range(days):
        told = [a for account in range(accounts) for a in working_day(day, account=account)]
        assert watch.observe(in_order(told)) == []
    return watch


def in_order(told: list[Access]) -> Accesses:
    return accesses_of(sorted(told, key=lambda one: one.at_s))


def harvest(day: int, count: int, account: int = 0) -> list[Access]:
    return [
        Access(
            day * DAY_S + 30 * n,
            next(patients),
            account=account,
            explained=UNEXPLAINED,
            act=Act.IDENTITY,
        )
        for n in range(count)
    ]


def test_a_harvest_is_told_at_the_access_that_gives_it_away() -> None:
    watch = enrolled()
    found = watch.observe(in_order(harvest(60, 100)))
    (one,) = [suspicion for suspicion in found if suspicion.detector == "tail"]
    lost = (one.time_ms - NOON_MS - 60 * DAY_MS) // 30_000 + 1
    assert lost <= 20
    assert isinstance(one.evidence, tail.Evidence)
    assert one.evidence.patients == 100


def test_others_of_the_slice_are_left_alone() -> None:
    watch = enrolled(accounts=5)
    told = [a for account in (0, 1, 3, 4) for a in working_day(60, account=account)]
    found = watch.observe(in_order([*told, *harvest(60, 100, account=2)]))
    assert {suspicion.account for suspicion in found} == {2}


def test_a_slow_change_is_told_when_the_day_is_over_by_time_alone() -> None:
    watch = enrolled()
    found: list[Suspicion] = []
    for day in range(60, 90):
        watch.observe(in_order(working_day(day, looks=20, strangers=6)))
        assert watch.pass_time(NOON_MS + day * DAY_MS + 8 * 3_600_000) == []
        found += watch.pass_time(NOON_MS + (day + 1) * DAY_MS)
    assert found
    assert {one.detector for one in found} == {"slow_change"}
    # Midnight in Paris after a winter's day is 23:00 UTC; the day was told from 10:00 UTC on.
    assert found[0].time_ms % DAY_MS in {22 * 3_600_000, 23 * 3_600_000}


def test_a_day_of_harvest_does_not_teach_the_baseline() -> None:
    watch = enrolled()
    watch.pass_time(NOON_MS + 60 * DAY_MS - DAY_MS // 4)
    before = watch.baselines.rows.table["patients"][0]
    watch.observe(in_order(harvest(60, 400)))
    watch.pass_time(NOON_MS + 62 * DAY_MS)
    assert watch.baselines.rows.table["patients"][0] == before


def test_logins_and_searches_without_a_patient_are_nothing() -> None:
    watch = AccountWatch()
    accesses = in_order(working_day(0))
    nobody = np.full(len(accesses), NO_PATIENT, np.uint64)
    nothing = dataclasses.replace(accesses, patient=nobody)
    assert watch.observe(nothing) == []
    assert watch.days.table["day"].max() == 0


def test_a_typical_account_takes_less_than_four_kilobytes() -> None:
    watch = enrolled(accounts=200, days=3)
    rows = [watch.days, watch.baselines.rows, watch.slow_change.rows]
    rows += [watch.enumeration.rows, watch.identity_only.rows]
    fixed = sum(one.record_bytes for one in rows)
    assert fixed + watch.windows.sets.size_bytes / 200 < 4096
    # A set of 256 patients, and as many abandoned entries, at most.
    assert fixed + 2 * 256 * watch.windows.sets.entry.itemsize < 16_384
