from __future__ import annotations

import pytest

from agents.access_rows import long_steps, surface_of
from agents.accounts import Accounts
from agents.detectors.base import NO_STEP, Act
from agents.explaining import AccessExplainer, CareParams, ExplainedAccesses
from streams.checkpoint import Journal
from streams.digests import NONE
from streams.event_time import DAY_MS
from streams.topics import EPRESCRIPTIONS, FLOWS, INSI_CALLS, PLATFORM_ACCESSES, VERDICTS
from tests.support.care_events import Dealing, frame_of, log_times

NOON_MS = 20_000 * DAY_MS + DAY_MS // 2


def judged(*events: Dealing) -> ExplainedAccesses:
    explainer, accounts = AccessExplainer(), Accounts()
    early = [
        explainer.take(event.flow, frame_of([event]), log_times([event]), accounts)
        for event in events
    ]
    last = explainer.finish()
    assert not any(len(one) for one in early)
    return last


def test_an_access_carries_what_detectors_ask_for() -> None:
    one = judged(
        Dealing(1, at_ms=NOON_MS, has_step=False), Dealing(2, at_ms=NOON_MS + 1, patient=None)
    )

    rows = one.accesses
    assert rows["time_ms"].tolist() == [NOON_MS, NOON_MS + 1]
    assert long_steps(rows["directory_step"]).tolist() == [NO_STEP, 2]
    assert rows["care_context"].tolist() == [-1, -1]
    assert rows["act"].tolist() == [Act.IDENTITY, Act.IDENTITY]
    assert (rows["patient"] == NONE).tolist() == [False, True]
    assert rows["account"].tolist() == [0, 0]
    assert one.explained.tolist() == [0, -1]


def test_a_consultation_of_a_prescription_is_a_look_of_which_no_relation_is_asked() -> None:
    one = judged(
        Dealing(1, EPRESCRIPTIONS, NOON_MS, event="CONSULTED"), Dealing(2, at_ms=NOON_MS + 1)
    )

    assert [surface_of(group) for group in one.accesses["group"].tolist()] == [
        EPRESCRIPTIONS,
        PLATFORM_ACCESSES,
    ]
    assert one.accesses["account"].tolist() == [0, 1]
    assert one.explained.tolist() == [-1, 1]
    assert one.first_seen.tolist() == [False, False]


@pytest.mark.parametrize(
    ("operation", "actor", "explained"),
    [
        ("RECHERCHE_TRAITS", "ac_1", 0),
        ("RECHERCHE_TRAITS", None, 1),
        ("RECHERCHE_VITALE", "ac_1", 1),
    ],
    ids=["by traits", "by traits at an admission", "with the card"],
)
def test_nobody_explains_a_look_by_having_searched_for_it(
    operation: str, actor: str | None, explained: int
) -> None:
    search = Dealing(1, INSI_CALLS, NOON_MS, operation=operation, actor=actor)
    one = judged(search, Dealing(2, at_ms=NOON_MS + 60_000))

    assert one.explained.tolist()[-1] == explained


def test_the_days_of_care_are_told_as_they_begin() -> None:
    one = judged(
        Dealing(1, INSI_CALLS, NOON_MS),
        Dealing(2, INSI_CALLS, NOON_MS + DAY_MS, late_ms=5),
        Dealing(3, INSI_CALLS, NOON_MS + DAY_MS - 1, late_ms=8),
    )

    assert one.days.tolist() == [[NOON_MS, 20_000], [NOON_MS + DAY_MS + 5, 20_001]]


def test_too_many_that_wait_are_judged_early_and_counted() -> None:
    explainer, accounts = AccessExplainer(CareParams(waiting_max=2)), Accounts()
    counts = []
    for n in range(5):
        events = [Dealing(n, at_ms=NOON_MS + n)]
        taken = explainer.take(PLATFORM_ACCESSES, frame_of(events), log_times(events), accounts)
        counts.append(len(taken))

    assert counts == [0, 0, 1, 1, 1]
    assert explainer.judged_early == 3
    assert len(explainer) == 2


def test_what_the_watermark_has_passed_but_nobody_has_judged_survives_a_restart() -> None:
    explainer, accounts = AccessExplainer(), Accounts()
    one = Dealing(1, at_ms=NOON_MS)
    explainer.take(one.flow, frame_of([one]), log_times([one]), accounts)
    # As other flows' slices do, too small to have anything judged.
    explainer.watermark.pass_time(dict.fromkeys((*FLOWS, VERDICTS), NOON_MS + DAY_MS))
    journal = Journal(explainer.sections)
    entries = {key: value for key, value in journal.flush(b"head") if value is not None}

    again = AccessExplainer()
    Journal(again.sections).recover(entries)
    again.from_json(explainer.to_json())

    assert len(again.pass_time({})) == 1
