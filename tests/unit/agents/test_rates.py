from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.rates import CountRing, RollingRates
from agents.series import PAIRS, SeriesCodes
from streams.errors import ConfigError
from streams.event_time import DAY_MS, FINEST_STEP_MS, MINUTE_MS, WINDOWS
from streams.topics import DMP_DEPOSITS, FLOWS, INSI_CALLS
from streams.vocabulary import (
    AUTH_METHODS,
    COULOIRS,
    INS_STATUSES,
    INSI_RESULTS,
    OUTCOMES,
    SECTORS,
)
from tests.support.frames import NOON_MS, Event, frame_of

CODES = SeriesCodes(("59", "62"))


def codes(*values: int) -> list[np.ndarray]:
    return [np.array(values)]


WINDOW = {window.name: window for window in WINDOWS}


def count(rates: RollingRates, name: str, now_ms: int) -> int:
    return int(rates.window(WINDOW[name], now_ms)[0])


def test_an_event_counts_in_every_window_that_its_time_lies_in() -> None:
    rates = RollingRates(4)
    rates.add(np.array([NOON_MS - 30_000]), codes(0))

    assert [count(rates, w.name, NOON_MS) for w in WINDOWS] == [1, 1, 1, 1]

    rates.add(np.array([NOON_MS - 2 * MINUTE_MS]), codes(0))
    rates.add(np.array([NOON_MS - 59 * MINUTE_MS]), codes(0))
    rates.add(np.array([NOON_MS - DAY_MS + 1]), codes(0))

    assert [count(rates, w.name, NOON_MS) for w in WINDOWS] == [1, 2, 3, 4]


def test_a_window_starts_with_its_first_millisecond_and_ends_before_its_last() -> None:
    #  [start ........ end)
    rates = RollingRates(1)
    for at_ms in (NOON_MS - MINUTE_MS - 1, NOON_MS - MINUTE_MS, NOON_MS - 1, NOON_MS):
        rates.add(np.array([at_ms]), codes(0))

    assert count(rates, "1m", NOON_MS) == 2


@pytest.mark.parametrize("window", WINDOWS, ids=lambda w: w.name)
def test_silence_decays_to_zero(window) -> None:
    rates = RollingRates(1)
    rates.add(np.array([NOON_MS]), codes(0))

    assert count(rates, window.name, NOON_MS + FINEST_STEP_MS) == 1
    assert count(rates, window.name, NOON_MS + window.size_ms) == 1
    assert count(rates, window.name, NOON_MS + window.size_ms + window.step_ms) == 0
    assert count(rates, window.name, NOON_MS + 30 * DAY_MS) == 0


@settings(max_examples=60)
@given(
    st.lists(st.integers(-DAY_MS - 10 * MINUTE_MS, 0), min_size=1, max_size=30),
    st.integers(0, 10 * MINUTE_MS),
)
def test_every_window_agrees_with_counting_by_hand(ages_ms, later_ms) -> None:
    times = np.array([NOON_MS + age for age in ages_ms])
    rates = RollingRates(1)
    rates.add(times, codes(*[0] * len(times)))
    now_ms = int(times.max()) + later_ms

    for window in WINDOWS:
        start_ms, end_ms = window.bounds(now_ms)
        assert window.size_ms <= end_ms - start_ms < window.size_ms + window.step_ms
        assert now_ms - FINEST_STEP_MS < end_ms <= now_ms
        by_hand = int(((times >= start_ms) & (times < end_ms)).sum())
        assert count(rates, window.name, now_ms) == by_hand


@settings(max_examples=80)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2)), max_size=60),
    st.randoms(use_true_random=False),
    st.integers(0, 45),
    st.integers(1, 10),
)
def test_a_ring_agrees_with_counting_by_hand_in_any_order(events, random, end, size) -> None:
    shuffled = list(events)
    random.shuffle(shuffled)
    ring = CountRing(step_ms=1, span_ms=10, codes=3)
    for at_ms, code in shuffled:
        ring.add(np.array([at_ms]), codes(code))

    head = max((at for at, _ in events), default=0)
    expected = [0, 0, 0]
    for at_ms, code in events:
        if end - size <= at_ms < end and at_ms > head - 11:
            expected[code] += 1
    assert ring.total(end - size, end).tolist() == expected


def test_a_ring_that_is_written_and_read_back_is_the_same() -> None:
    ring, copy = (CountRing(step_ms=10, span_ms=100, codes=5) for _ in range(2))
    early, late = np.array([5, 5, 60]), np.array([60, 120, 130])
    ring.add(early, [np.array([0, 1, 4])])
    first, _ = ring.encode(ring.drain())
    ring.add(late, [np.array([4, 2, 2])])
    second, kept = ring.encode(ring.drain())

    copy.load(first)
    assert copy.load(second) == kept == {6, 12, 13}

    assert copy.total(0, 200).tolist() == ring.total(0, 200).tolist() == [0, 0, 2, 0, 2]


def test_a_jump_of_the_clock_empties_the_ring() -> None:
    ring = CountRing(step_ms=1, span_ms=10, codes=1)
    ring.add(np.array([5, 6]), codes(0, 0))
    ring.add(np.array([1000]), codes(0))

    assert ring.total(990, 1001).tolist() == [1]


def test_every_label_is_found_again_in_its_code() -> None:
    event = Event(
        sector="ES",
        couloir="HOPITAL",
        department="62",
        outcome="FAILURE",
        auth="PWD_ONLY",
        outcome_code="R02",
        ins_status="VALI",
    )
    for flow in FLOWS:
        vector = np.zeros(CODES.size, np.int64)
        for code in CODES.of(flow, frame_of([event])).codes:
            vector[code] += 1

        place = (FLOWS.index(flow), PAIRS.index(("ES", "HOPITAL")), 1, OUTCOMES.index("FAILURE"))
        assert CODES.traffic(vector)[place] == CODES.traffic(vector).sum() == 1
        auth = CODES.authentication(vector)
        assert (
            auth[FLOWS.index(flow), SECTORS.index("ES"), AUTH_METHODS.index("PWD_ONLY")]
            == auth.sum()
            == 1
        )
        results, statuses = CODES.insi_results(vector), CODES.ins_statuses(vector)
        assert results.sum() == (flow == INSI_CALLS)
        assert statuses.sum() == (flow == DMP_DEPOSITS)
        if flow == INSI_CALLS:
            assert results[SECTORS.index("ES"), INSI_RESULTS.index("R02")] == 1
        if flow == DMP_DEPOSITS:
            assert statuses[SECTORS.index("ES"), INS_STATUSES.index("VALI")] == 1


@pytest.mark.parametrize(
    ("event", "pair", "department"),
    [
        (Event(sector="PSL", couloir="OFFICINE", department="59"), ("PSL", "OFFICINE"), "59"),
        (Event(sector="ES", couloir="OFFICINE", department="75"), ("ES", "INCONNU"), "HORS_REGION"),
        (Event(sector="NR", couloir="RADIOLOGIE", department=""), ("NR", "INCONNU"), "HORS_REGION"),
    ],
)
def test_pairs_that_the_field_does_not_know_keep_their_sector(event, pair, department) -> None:
    vector = np.bincount(CODES.of(INSI_CALLS, frame_of([event])).codes[0], minlength=CODES.size)

    _, at_pair, at_department, _ = np.argwhere(CODES.traffic(vector))[0]
    assert (PAIRS[at_pair], CODES.departments[at_department]) == (pair, department)


def test_an_unknown_result_code_counts_as_other() -> None:
    vector = np.zeros(CODES.size, np.int64)
    for code in CODES.of(INSI_CALLS, frame_of([Event(outcome_code="R99")])).codes:
        vector[code] += 1

    assert CODES.insi_results(vector)[SECTORS.index("PSL"), INSI_RESULTS.index("OTHER")] == 1


@given(
    st.lists(
        st.builds(
            Event,
            sector=st.sampled_from(SECTORS),
            couloir=st.sampled_from(COULOIRS),
            department=st.sampled_from(["59", "62", "75", "", "HORS_REGION", "é"]),
            outcome=st.sampled_from(OUTCOMES),
            auth=st.sampled_from(AUTH_METHODS),
            outcome_code=st.sampled_from([*INSI_RESULTS, "R99", ""]),
            ins_status=st.sampled_from(INS_STATUSES),
        ),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(FLOWS),
)
def test_few_events_and_many_get_the_same_codes(events, flow) -> None:
    few = CODES.of(flow, frame_of(events))
    many = CODES.of(flow, frame_of(events * 300))

    for one, other in zip(few.codes, many.codes, strict=True):
        assert (np.tile(one, 300) == other).all()


def test_more_series_than_a_checkpoint_can_name_are_refused() -> None:
    departments = tuple(f"{number:03d}" for number in range(250))
    with pytest.raises(ConfigError, match=r"VIGIE_DEPARTMENTS: too many: 65,\d{3} series"):
        RollingRates(SeriesCodes(departments).size)
    assert RollingRates(SeriesCodes(departments[:240]).size).rings
