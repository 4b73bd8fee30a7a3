"""What is concluded of an access follows from the flows alone, however they were read."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.explaining import AccessExplainer, CareParams, ExplainedAccesses
from streams.checkpoint import Journal
from streams.duplicates import parse_ids
from streams.event_time import DAY_MS, MINUTE_MS
from streams.topics import DMP_DEPOSITS, EPRESCRIPTIONS, INSI_CALLS, MSS_MESSAGES, PLATFORM_ACCESSES
from tests.support.care_events import Dealing, Verdict, frame_of, verdicts_by_definition

START_MS = 20_000 * DAY_MS
DELAY_MS = 15 * MINUTE_MS
FLOWS = (DMP_DEPOSITS, MSS_MESSAGES, INSI_CALLS, EPRESCRIPTIONS, PLATFORM_ACCESSES)
EVER_MS = 400 * DAY_MS

times = st.one_of(
    # Around the decision delay, on few instants so that they tie, and around both ends of the horizon.
    st.integers(0, 60).map(lambda n: START_MS + n * MINUTE_MS),
    st.sampled_from([0, 1, 29, 30, 31, 45]).map(lambda d: START_MS + d * DAY_MS),
)
dealings = st.builds(
    Dealing,
    number=st.just(0),
    flow=st.sampled_from(FLOWS),
    at_ms=times,
    structure=st.sampled_from(["st_1", "st_2"]),
    patient=st.sampled_from(["pa_1", "pa_2", None]),
    outcome=st.sampled_from(["SUCCESS", "SUCCESS", "FAILURE"]),
    context=st.sampled_from([None, None, True, False]),
    event=st.sampled_from(["CREATED", "CONSULTED"]),
)
# Every flow has spoken once, so that the watermark moves from the beginning.
FIRST_WORDS = [Dealing(0, flow, START_MS - DAY_MS, structure="st_0") for flow in FLOWS]
# One list gives both the order within each flow and an interleaving of them.
readings = st.tuples(
    st.sampled_from([FIRST_WORDS, FIRST_WORDS, []]), st.lists(dealings, min_size=1, max_size=50)
).map(lambda parts: [event.but(number=n) for n, event in enumerate(parts[0] + parts[1])])


def params(idle_limit_ms: int = EVER_MS, waiting_max: int = 10_000) -> CareParams:
    return CareParams(
        decision_delay_ms=DELAY_MS, idle_limit_ms=idle_limit_ms, waiting_max=waiting_max
    )


def by_flow(reading: list[Dealing]) -> dict[str, list[Dealing]]:
    return {flow: [e for e in reading if e.flow == flow] for flow in FLOWS}


def expected(reading: list[Dealing]) -> list[Verdict]:
    return verdicts_by_definition(
        by_flow(reading), delay_ms=DELAY_MS, horizon_days=30, lateness_ms=DAY_MS
    )


def verdicts_of(judged: ExplainedAccesses, reading: list[Dealing]) -> list[Verdict]:
    number_of = {
        tuple(ids): e.number
        for e, ids in zip(reading, parse_ids([e.event_id for e in reading]).tolist(), strict=True)
    }
    rows = judged.accesses
    return [
        Verdict(number_of[high, low], explained, first_seen)
        for high, low, explained, first_seen in zip(
            rows["id_high"].tolist(),
            rows["id_low"].tolist(),
            judged.explained.tolist(),
            judged.first_seen.tolist(),
            strict=True,
        )
    ]


def pieces(reading: list[Dealing], cuts: list[int]) -> list[tuple[str, list[Dealing]]]:
    """The reading as slices: cut where the flow changes, and at the given places."""
    places = sorted({0, len(reading), *(c for c in cuts if c < len(reading))})
    places += [n for n in range(1, len(reading)) if reading[n - 1].flow != reading[n].flow]
    return [
        (reading[start].flow, reading[start:end]) for start, end in pairwise(sorted(set(places)))
    ]


def read(
    explainer: AccessExplainer, reading: list[Dealing], cuts: list[int]
) -> list[ExplainedAccesses]:
    return [explainer.take(flow, frame_of(events)) for flow, events in pieces(reading, cuts)]


def conclude(
    reading: list[Dealing], cuts: list[int], own: CareParams
) -> tuple[list[Verdict], AccessExplainer]:
    explainer = AccessExplainer(own)
    judged = [*read(explainer, reading, cuts), explainer.finish()]
    return [v for one in judged for v in verdicts_of(one, reading)], explainer


cut_lists = st.lists(st.integers(0, 50), max_size=8)


@settings(max_examples=150, deadline=None)
@given(reading=readings, cuts=cut_lists)
def test_accesses_are_judged_as_by_the_definition_on_all_events_at_once(
    reading: list[Dealing], cuts: list[int]
) -> None:
    verdicts, explainer = conclude(reading, cuts, params())

    assert not any(explainer.watermark.overtaken.values())
    assert verdicts == expected(reading)


def test_an_access_is_judged_as_soon_as_every_flow_has_passed_its_due_time() -> None:
    explainer = AccessExplainer(params())
    read(explainer, FIRST_WORDS, [])
    explainer.take(PLATFORM_ACCESSES, frame_of([Dealing(9, at_ms=START_MS)]))
    counts = []
    for flow in FLOWS:
        last = Dealing(10, flow, START_MS + DELAY_MS, structure="st_0")
        counts.append(len(explainer.take(flow, frame_of([last]))))
    # The first word of the platform leaves when the fourth of the others moves on; the access does not
    # leave at its due time, when another flow's event may still come with the same one, but after it.
    counts += [
        len(explainer.take(flow, frame_of([Dealing(11, flow, START_MS + DELAY_MS + 1)])))
        for flow in FLOWS
    ]

    assert counts == [0, 0, 0, 1, 0, 0, 0, 0, 0, 1]


@settings(max_examples=100, deadline=None)
@given(reading=readings, data=st.data())
def test_any_interleaving_of_the_flows_comes_to_the_same(
    reading: list[Dealing], data: st.DataObject
) -> None:
    order = data.draw(st.permutations([event.flow for event in reading]))
    waiting = {flow: iter(events) for flow, events in by_flow(reading).items()}
    other = [next(waiting[flow]) for flow in order]

    assert conclude(other, [], params())[0] == conclude(reading, [], params())[0]


@settings(max_examples=150, deadline=None)
@given(reading=readings, cuts=cut_lists, idle_minutes=st.sampled_from([0, 5, 20, 60, 1440]))
def test_with_silent_flows_left_out_the_law_holds_unless_an_event_was_overtaken(
    reading: list[Dealing], cuts: list[int], idle_minutes: int
) -> None:
    verdicts, explainer = conclude(reading, cuts, params(idle_minutes * MINUTE_MS))

    if not any(explainer.watermark.overtaken.values()):
        assert verdicts == expected(reading)
    assert sorted(v.number for v in verdicts) == [
        e.number for e in reading if e.flow == PLATFORM_ACCESSES
    ]


@settings(max_examples=100, deadline=None)
@given(reading=readings, cuts=cut_lists, idle_minutes=st.sampled_from([0, 5, 20, 60, 1440]))
def test_cuts_change_nothing_even_where_events_are_overtaken(
    reading: list[Dealing], cuts: list[int], idle_minutes: int
) -> None:
    own = params(idle_minutes * MINUTE_MS)

    whole, of_whole = conclude(reading, [], own)
    cut, of_cut = conclude(reading, cuts, own)

    assert cut == whole
    assert of_cut.watermark.to_json() == of_whole.watermark.to_json()


@settings(max_examples=100, deadline=None)
@given(reading=readings, idle_minutes=st.sampled_from([5, 60]), waiting_max=st.integers(1, 20))
def test_verdicts_come_once_each_and_in_order_of_due_time_at_any_bound(
    reading: list[Dealing], idle_minutes: int, waiting_max: int
) -> None:
    explainer = AccessExplainer(params(idle_minutes * MINUTE_MS, waiting_max))
    judged = []
    watermark_ms = 0
    for one in read(explainer, reading, []):
        assert len(explainer) <= waiting_max
        assert explainer.watermark.value_ms >= watermark_ms
        watermark_ms = explainer.watermark.value_ms
        judged.append(one)
    judged.append(explainer.finish())

    due = np.concatenate([one.accesses["due_ms"] for one in judged])
    assert (np.diff(due) >= 0).all()
    assert len(due) == len(by_flow(reading)[PLATFORM_ACCESSES])
    if not any(explainer.watermark.overtaken.values()):
        verdicts = [v for one in judged for v in verdicts_of(one, reading)]
        assert verdicts == expected(reading)


@settings(max_examples=100, deadline=None)
@given(reading=readings, cuts=cut_lists, crash=st.integers(0, 100), data=st.data())
def test_after_a_crash_at_any_write_the_rest_is_judged_as_without_it(
    reading: list[Dealing], cuts: list[int], crash: int, data: st.DataObject
) -> None:
    own = params(20 * MINUTE_MS)
    explainer = AccessExplainer(own)
    journal = Journal(explainer.sections)
    log = []
    before: list[list[Verdict]] = [[]]
    slices = pieces(reading, cuts)
    for n, (flow, events) in enumerate(slices, 1):
        before.append(verdicts_of(explainer.take(flow, frame_of(events)), reading))
        log.extend(journal.flush(repr((n, explainer.to_json())).encode()))
    whole = [v for one in before for v in one] + verdicts_of(explainer.finish(), reading)

    survived = {key: value for key, value in log[: min(crash, len(log))] if value is not None}
    recovered = AccessExplainer(own)
    header = Journal(recovered.sections).recover(survived)
    done = 0
    if header is not None:
        done, state = eval(header)  # noqa: S307 (the test's own literal)
        recovered.from_json(state)
    first = sum(len(events) for _, events in slices[:done])
    again = read(recovered, reading[first:], data.draw(cut_lists))
    verdicts = [v for one in before[: done + 1] for v in one]
    verdicts += [v for one in [*again, recovered.finish()] for v in verdicts_of(one, reading)]

    assert verdicts == whole
