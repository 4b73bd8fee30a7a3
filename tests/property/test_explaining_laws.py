"""What is concluded of an access follows from the flows alone, however they were read."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.accounts import Accounts
from agents.explaining import AccessExplainer, CareParams, ExplainedAccesses
from streams.checkpoint import Journal
from streams.event_time import DAY_MS, MINUTE_MS
from streams.topics import (
    DMP_DEPOSITS,
    EPRESCRIPTIONS,
    INSI_CALLS,
    MSS_MESSAGES,
    PLATFORM_ACCESSES,
    VERDICTS,
)
from tests.support.care_events import (
    Dealing,
    Verdict,
    frame_of,
    log_times,
    verdicts_by_definition,
)

START_MS = 20_000 * DAY_MS
FLOWS = (DMP_DEPOSITS, MSS_MESSAGES, INSI_CALLS, EPRESCRIPTIONS, PLATFORM_ACCESSES)

times = st.one_of(
    # On few instants so that they tie, and around both ends of the horizon.
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
    late_ms=st.sampled_from([0, 0, 0, MINUTE_MS, 10 * MINUTE_MS, DAY_MS]),
)
# One list gives both the order within each flow and an interleaving of them.
readings = st.lists(dealings, min_size=1, max_size=50).map(
    lambda events: [event.but(number=n) for n, event in enumerate(events)]
)


def params(waiting_max: int = 10_000, batch_min: int = 0) -> CareParams:
    return CareParams(waiting_max=waiting_max, batch_min=batch_min)


def by_flow(reading: list[Dealing]) -> dict[str, list[Dealing]]:
    return {flow: [e for e in reading if e.flow == flow] for flow in FLOWS}


def expected(reading: list[Dealing]) -> list[Verdict]:
    return verdicts_by_definition(by_flow(reading), horizon_days=30)


def verdicts_of(judged: ExplainedAccesses) -> list[Verdict]:
    is_platform = judged.accesses["surface"] == 0
    return [
        Verdict(number, explained, first_seen)
        for number, explained, first_seen in zip(
            judged.accesses["directory_step"][is_platform].tolist(),
            judged.explained[is_platform].tolist(),
            judged.first_seen[is_platform].tolist(),
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
    accounts = Accounts()
    return [
        explainer.take(flow, frame_of(events), log_times(events), accounts)
        for flow, events in pieces(reading, cuts)
    ]


def conclude(
    reading: list[Dealing], cuts: list[int], own: CareParams
) -> tuple[list[Verdict], AccessExplainer]:
    explainer = AccessExplainer(own)
    judged = [*read(explainer, reading, cuts), explainer.finish()]
    return [v for one in judged for v in verdicts_of(one)], explainer


cut_lists = st.lists(st.integers(0, 50), max_size=8)


@settings(max_examples=150, deadline=None)
@given(reading=readings, cuts=cut_lists, batch_min=st.sampled_from([0, 0, 5]))
def test_accesses_are_judged_as_by_the_definition_on_all_events_at_once(
    reading: list[Dealing], cuts: list[int], batch_min: int
) -> None:
    verdicts, explainer = conclude(reading, cuts, params(batch_min=batch_min))

    assert not any(explainer.watermark.overtaken.values())
    assert verdicts == expected(reading)


def test_an_access_is_judged_as_soon_as_every_flow_was_read_beyond_its_log_time() -> None:
    explainer, accounts = AccessExplainer(params()), Accounts()
    access = [Dealing(9, at_ms=START_MS)]
    counts = [len(explainer.take(PLATFORM_ACCESSES, frame_of(access), log_times(access), accounts))]
    # Not at its own log time, when another flow's event may still come with the same one.
    topics = (*FLOWS, VERDICTS)
    counts += [len(explainer.pass_time({topic: START_MS})) for topic in topics]
    counts += [len(explainer.pass_time({topic: START_MS + 1})) for topic in topics]

    assert counts == [0] * 12 + [1]


@settings(max_examples=100, deadline=None)
@given(reading=readings, data=st.data())
def test_any_interleaving_of_the_flows_comes_to_the_same(
    reading: list[Dealing], data: st.DataObject
) -> None:
    order = data.draw(st.permutations([event.flow for event in reading]))
    waiting = {flow: iter(events) for flow, events in by_flow(reading).items()}
    other = [next(waiting[flow]) for flow in order]

    assert conclude(other, [], params())[0] == conclude(reading, [], params())[0]


@settings(max_examples=100, deadline=None)
@given(reading=readings, cuts=cut_lists, told=st.integers(0, 60))
def test_words_about_what_was_read_change_nothing_while_they_are_true(
    reading: list[Dealing], cuts: list[int], told: int
) -> None:
    explainer, accounts = AccessExplainer(params()), Accounts()
    judged = []
    rest = by_flow(reading)
    for flow, events in pieces(reading, cuts):
        judged.append(explainer.take(flow, frame_of(events), log_times(events), accounts))
        rest[flow] = rest[flow][len(events) :]
        # Whatever is still to come of a flow has at least this log time.
        true_ms = {f: min((e.log_ms for e in rest[f]), default=2**60) for f in FLOWS}
        true_ms[VERDICTS] = 2**60
        judged.append(
            explainer.pass_time(
                {f: min(ms, START_MS + told * MINUTE_MS) for f, ms in true_ms.items()}
            )
        )
    judged.append(explainer.finish())

    assert not any(explainer.watermark.overtaken.values())
    assert [v for one in judged for v in verdicts_of(one)] == expected(reading)


@settings(max_examples=100, deadline=None)
@given(reading=readings, waiting_max=st.integers(1, 20))
def test_verdicts_come_once_each_and_in_order_of_due_time_at_any_bound(
    reading: list[Dealing], waiting_max: int
) -> None:
    explainer = AccessExplainer(params(waiting_max))
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
    verdicts = [v for one in judged for v in verdicts_of(one)]
    assert len(verdicts) == len(by_flow(reading)[PLATFORM_ACCESSES])
    if not any(explainer.watermark.overtaken.values()):
        assert verdicts == expected(reading)


@settings(max_examples=100, deadline=None)
@given(reading=readings, cuts=cut_lists, crash=st.integers(0, 100), data=st.data())
def test_after_a_crash_at_any_write_the_rest_is_judged_as_without_it(
    reading: list[Dealing], cuts: list[int], crash: int, data: st.DataObject
) -> None:
    own = params()
    explainer, accounts = AccessExplainer(own), Accounts()
    journal = Journal(explainer.sections)
    log = []
    before: list[list[Verdict]] = [[]]
    slices = pieces(reading, cuts)
    for n, (flow, events) in enumerate(slices, 1):
        taken = explainer.take(flow, frame_of(events), log_times(events), accounts)
        before.append(verdicts_of(taken))
        log.extend(journal.flush(repr((n, explainer.to_json())).encode()))
    whole = [v for one in before for v in one] + verdicts_of(explainer.finish())

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
    verdicts += [v for one in [*again, recovered.finish()] for v in verdicts_of(one)]

    assert verdicts == whole
