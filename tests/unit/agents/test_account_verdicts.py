from __future__ import annotations

import dataclasses
from itertools import count, pairwise

import numpy as np

from agents.account_watch import AccountWatch, Suspicion, WatchParams
from agents.detectors import decoys
from agents.detectors.base import UNEXPLAINED
from agents.detectors.calibration import BUDGET
from agents.detectors.takeover import Evidence
from streams.event_time import DAY_MS, paris_day
from streams.vocabulary import AUTH_METHODS
from tests.support.accesses import NOON_MS, Access, accesses_of, digest

DAY_S = DAY_MS // 1000
FIRST_DAY = paris_day(NOON_MS)
DECOY = 77
patients = count(1000)


def working_day(
    watch: AccountWatch, day: int, *, looks: int = 16, strangers: int = 2, elsewhere: bool = False
) -> list[Suspicion]:
    """Two minutes a patient, from noon on, and the end of the day."""
    told = [
        Access(
            day * DAY_S + 120 * n,
            next(patients),
            explained=UNEXPLAINED if n < strangers else 1,
        )
        for n in range(looks)
    ]
    if elsewhere:
        means = AUTH_METHODS.index("PWD_ONLY")
        told = [dataclasses.replace(one, network=5, client=5, auth_method=means) for one in told]
    found = watch.observe(accesses_of(told))
    return found + watch.pass_time(NOON_MS + (day + 1) * DAY_MS)


def enrolled(params: WatchParams | None = None, days: int = 60) -> AccountWatch:
    watch = AccountWatch(params)
    for day in range(days):
        working_day(watch, day)
    return watch


def held(watch: AccountWatch) -> float:
    return float(watch.baselines.rows.table["held_days"][0])


def test_a_suspicion_says_what_a_reason_needs() -> None:
    found = working_day(enrolled(), 60, strangers=15, elsewhere=True)
    (takeover,) = [one for one in found if one.detector == "takeover"]
    evidence = takeover.evidence
    assert isinstance(evidence, Evidence)
    assert takeover.score >= BUDGET
    assert evidence.is_auth_weaker
    assert (evidence.auth_method, evidence.usual_auth_method) == (7, 1)
    assert evidence.unexplained == 15
    assert 0.0 < evidence.unexplained_expected < 4.0
    assert evidence.since_day == FIRST_DAY + 60
    assert evidence.baseline_first_day == FIRST_DAY
    assert min(evidence.network, evidence.client, evidence.auth) > 0.5


def test_a_benign_verdict_makes_the_new_ways_a_habit() -> None:
    watch = enrolled()
    assert working_day(watch, 60, strangers=15, elsewhere=True)
    silent = enrolled()
    working_day(silent, 60, strangers=15, elsewhere=True)
    silent.judged(0, benign=True)
    for day in range(61, 64):
        working_day(silent, day, strangers=4, elsewhere=True)
    found = working_day(silent, 64, strangers=6, elsewhere=True)
    assert [one for one in found if one.detector == "takeover"] == []
    assert silent.takeover.rows.table["peak"][0] < 1.5


def test_a_benign_verdict_within_the_day_accepts_what_the_day_showed() -> None:
    watch = enrolled()
    told = [
        Access(60 * DAY_S + n, next(patients), explained=UNEXPLAINED, network=5, client=5)
        for n in range(12)
    ]
    assert watch.observe(accesses_of(told))
    watch.judged(0, benign=True)
    network = watch.takeover.habits.rows.table["network"][0]
    assert digest(5) in network.tolist()
    assert watch.takeover.rows.table["since_day"][0] == 0


def test_a_confirmed_account_teaches_nothing_until_it_is_judged_benign() -> None:
    watch = enrolled()
    working_day(watch, 60, looks=300, strangers=280)
    watch.judged(0, benign=False, since_ms=NOON_MS + 60 * DAY_MS)
    learned = watch.baselines.rows.table["patients"][0]
    shares = watch.identity_only.rows.table["usual_reads"][0]
    days = watch.takeover.habits.rows.table["days"][0]
    for day in range(61, 80):
        working_day(watch, day)
    assert watch.baselines.rows.table["patients"][0] == learned
    assert watch.takeover.habits.rows.table["days"][0] == days
    # The day before the attack is learned as the next one begins; nothing after it.
    assert watch.identity_only.rows.table["usual_reads"][0] <= shares + 16 + 300
    watch.judged(0, benign=True)
    assert held(watch) == 0.0
    working_day(watch, 80)
    assert watch.baselines.rows.table["patients"][0] != learned


def test_a_confirmed_account_is_remembered_and_a_benign_one_is_not() -> None:
    watch = enrolled()
    working_day(watch, 60, looks=300, strangers=280)
    watch.judged(0, benign=False, since_ms=NOON_MS + 60 * DAY_MS)
    later = np.array([0])
    assert watch.recurrence.raises(later, FIRST_DAY + 216)[0] > 0.5
    watch.judged(0, benign=True)
    assert watch.recurrence.raises(later, FIRST_DAY + 216)[0] == 0.0


def test_a_second_wave_scores_more_and_says_why() -> None:
    scores = []
    for confirmed in (False, True):
        watch = enrolled(WatchParams(report_from=2.0))
        working_day(watch, 60, looks=300, strangers=280)
        watch.judged(0, benign=not confirmed, since_ms=NOON_MS + 60 * DAY_MS)
        found = working_day(watch, 216, strangers=13)
        best = max((one for one in found if one.detector == "tail"), key=lambda one: one.score)
        scores.append(best.score)
        assert (best.past is not None) == confirmed
        if best.past is not None:
            assert best.past.last_day == FIRST_DAY + 60
            assert best.past.raised_by == np.float32(1.0) * (1 - 156 / 365)
    # The benign verdict leaves another baseline behind; the difference is of the past's size.
    assert scores[1] > scores[0] + 0.3


def test_slow_evidence_is_forgotten_with_a_benign_verdict() -> None:
    watch = enrolled()
    for day in range(60, 75):
        working_day(watch, day, looks=20, strangers=8)
    assert held(watch) > 0
    watch.judged(0, benign=True)
    assert watch.slow_change.rows.table["since_day"][0] == 0
    working_day(watch, 75)
    assert held(watch) == 0.0


def test_an_account_that_nobody_has_seen_can_be_judged() -> None:
    for benign in (True, False):
        watch = AccountWatch()
        watch.judged(500, benign=benign)
        working_day(watch, 0)


def test_the_same_day_is_not_told_over_and_over() -> None:
    watch = enrolled()
    told = [Access(60 * DAY_S + n, next(patients), explained=0) for n in range(200)]
    found: list[Suspicion] = []
    for start in range(0, 200, 5):
        found += watch.observe(accesses_of(told[start : start + 5]))
    tail = [one.score for one in found if one.detector == "tail"]
    assert 1 < len(tail) < 20
    assert all(later >= sooner + 0.5 for sooner, later in pairwise(tail))


def test_days_that_are_left_out_are_as_if_they_had_never_been() -> None:
    first = FIRST_DAY + 60

    def left_out(accounts: np.ndarray, days: np.ndarray) -> np.ndarray:
        named: np.ndarray = (accounts == 0) & (days >= first) & (days < first + 10)
        return named

    replayed, spared = AccountWatch(left_out=left_out), AccountWatch()
    for day in range(80):
        attacked = 60 <= day < 70
        looks = 300 if attacked else 16
        told = [
            Access(day * DAY_S + 60 * n, next(patients), explained=int(n > 2 and not attacked))
            for n in range(looks)
        ]
        colleague = [dataclasses.replace(one, account=1, explained=1) for one in told[:16]]
        assert not replayed.observe(accesses_of(told + colleague))
        assert not spared.observe(accesses_of(colleague if attacked else told + colleague))
        for watch in (replayed, spared):
            assert not watch.pass_time(NOON_MS + (day + 1) * DAY_MS)
    for one, other in zip(replayed.sections, spared.sections, strict=True):
        keys = one.drain()
        assert keys == other.drain()
        assert one.encode(keys) == other.encode(keys)


def test_a_decoy_is_told_at_once_and_keeps_the_day_from_the_baseline() -> None:
    listed = decoys.Params(digests=frozenset({digest(DECOY)}))
    watch = enrolled(WatchParams(decoys=listed))
    learned = watch.baselines.rows.table["days"][0]
    (found,) = watch.observe(accesses_of([Access(60 * DAY_S, DECOY)]))
    assert found.detector == "decoys"
    assert found.score >= BUDGET + 4.0
    watch.pass_time(NOON_MS + 61 * DAY_MS)
    assert watch.baselines.rows.table["days"][0] == learned
