from __future__ import annotations

import numpy as np

from agents.detectors.base import NO_STEP
from agents.explaining import AccessExplainer, CareParams, ExplainedAccesses
from streams.digests import NONE
from streams.event_time import DAY_MS
from streams.topics import EPRESCRIPTIONS, INSI_CALLS
from tests.support.care_events import Dealing, frame_of

NOON_MS = 20_000 * DAY_MS + DAY_MS // 2


def judged(*events: Dealing) -> ExplainedAccesses:
    explainer = AccessExplainer()
    early = [explainer.take(event.flow, frame_of([event])) for event in events]
    last = explainer.finish()
    assert not any(len(one) for one in early)
    return last


def test_an_access_carries_what_detectors_ask_for() -> None:
    one = judged(Dealing(1, at_ms=NOON_MS), Dealing(2, at_ms=NOON_MS + 1, patient=None))

    rows = one.accesses
    assert rows["time_ms"].tolist() == [NOON_MS, NOON_MS + 1]
    assert rows["directory_step"].tolist() == [NO_STEP, 2]
    assert rows["platform"].tolist() == [1, 1]
    assert rows["care_context"].tolist() == [-1, -1]
    assert rows["session"].tolist() == [NONE, NONE]
    assert (rows["patient"] == NONE).tolist() == [False, True]
    assert len(np.unique(rows["account"])) == 1
    assert one.explained.tolist() == [0, -1]


def test_ages_say_how_long_ago_the_structure_dealt_with_the_patient_and_how() -> None:
    one = judged(
        Dealing(1, INSI_CALLS, NOON_MS - 12 * DAY_MS),
        Dealing(2, EPRESCRIPTIONS, NOON_MS - 5 * DAY_MS, event="CONSULTED"),
        Dealing(3, at_ms=NOON_MS),
        Dealing(4, at_ms=NOON_MS, patient="pa_2"),
    )

    by_pair = dict(
        zip(
            one.accesses["id_low"].tolist(),
            zip(one.care_age_days.tolist(), one.access_age_days.tolist(), strict=True),
            strict=True,
        )
    )
    assert sorted(by_pair.values()) == [(-1, -1), (12, 5)]


def test_too_many_that_wait_are_judged_early_and_counted() -> None:
    explainer = AccessExplainer(CareParams(waiting_max=2))
    counts = [
        len(explainer.take("platform-accesses", frame_of([Dealing(n, at_ms=NOON_MS + n)])))
        for n in range(5)
    ]

    assert counts == [0, 0, 1, 1, 1]
    assert explainer.judged_early == 3
    assert len(explainer) == 2
