from __future__ import annotations

import pytest

from agents.findings import Finding, FindingStatus, Severity
from agents.severity import (
    HARVEST,
    Consequence,
    aged_priority,
    analyst_queue,
    priority_of,
    severity_of,
    severity_of_flow,
)
from agents.signals import Fact
from streams.event_time import DAY_MS

WEAK = Fact.WEAKER_AUTHENTICATION


@pytest.mark.parametrize(
    ("score", "patients", "in_a_day", "facts", "wanted"),
    [
        (9.0, 735, 735, {Fact.IDENTITY_ONLY, WEAK}, Severity.CRITICAL),
        (9.0, 299, 99, {Fact.IDENTITY_ONLY, WEAK}, Severity.HIGH),
        (9.0, 299, 100, {Fact.IDENTITY_ONLY, WEAK}, Severity.CRITICAL),
        (7.9, 735, 735, {Fact.IDENTITY_ONLY, WEAK}, Severity.HIGH),
        (9.0, 735, 735, {WEAK, Fact.RECURRENCE}, Severity.HIGH),
        (8.0, 20, 5, {Fact.DECOY}, Severity.CRITICAL),
        (8.0, 1, 1, {Fact.DECOY}, Severity.HIGH),
        (6.0, 29, 29, {Fact.TAKEOVER}, Severity.MEDIUM),
        (6.0, 29, 30, {Fact.TAKEOVER}, Severity.HIGH),
        (6.0, 10, 10, {Fact.TAKEOVER, WEAK}, Severity.HIGH),
        (4.0, 9, 9, {Fact.ENUMERATION}, Severity.MEDIUM),
        (4.0, 10, 10, set(), Severity.MEDIUM),
        (4.0, 9, 9, set(), Severity.LOW),
        (4.0, 9, 9, {WEAK}, Severity.LOW),
    ],
)
def test_severity_is_read_from_the_table(
    score: float, patients: int, in_a_day: int, facts: set[Fact], wanted: Severity
) -> None:
    assert severity_of(Consequence(score, patients, in_a_day, frozenset(facts))) is wanted


@pytest.mark.parametrize(
    "facts",
    [set(), {WEAK}, {Fact.RECURRENCE}, {WEAK, Fact.RECURRENCE}, *({one} for one in HARVEST)],
)
def test_volume_with_at_most_one_mark_of_harvesting_wakes_nobody(facts: set[Fact]) -> None:
    known = Consequence(60.0, 100_000, 10_000, frozenset(facts - {Fact.DECOY}))
    assert severity_of(known) is not Severity.CRITICAL


def test_a_flow_that_stops_everywhere_matters_more_than_one_that_swells_somewhere() -> None:
    assert severity_of_flow("outage", is_whole=True) is Severity.HIGH
    assert severity_of_flow("outage", is_whole=False) is Severity.MEDIUM
    assert severity_of_flow("spike", is_whole=False) is Severity.LOW
    assert severity_of_flow("unheard", is_whole=True) is Severity.MEDIUM


def test_priority_stays_within_its_scale_and_grows_with_each_of_its_parts() -> None:
    most = priority_of(Severity.CRITICAL, 99.0, 10**9, weak=True)
    least = priority_of(Severity.LOW, 4.0, None, weak=False)
    assert (least, most) == (10.0, 100.0)
    usual = priority_of(Severity.HIGH, 6.0, 50, weak=False)
    assert usual < priority_of(Severity.HIGH, 7.0, 50, weak=False)
    assert usual < priority_of(Severity.HIGH, 6.0, 60, weak=False)
    assert usual < priority_of(Severity.HIGH, 6.0, 50, weak=True)
    assert usual < priority_of(Severity.CRITICAL, 4.0, 0, weak=False)


def finding(
    name: str,
    priority: float,
    revision: int = 0,
    status: FindingStatus = FindingStatus.OPEN,
    end_ms: int = DAY_MS,
) -> Finding:
    return Finding(
        name,
        "tail",
        Severity.HIGH,
        0,
        0,
        end_ms,
        revision=revision,
        status=status,
        priority=priority,
    )


def test_an_analysts_queue_is_capped_and_led_by_the_most_urgent() -> None:
    waiting = [finding("a", 20.0), finding("b", 80.0), finding("c", 50.0)]
    assert [one.finding_id for one in analyst_queue(waiting, DAY_MS, 2)] == ["b", "c"]
    assert analyst_queue(waiting, DAY_MS, 0) == []


def test_only_the_latest_revision_counts_and_what_was_judged_or_fell_quiet_leaves_the_queue() -> (
    None
):
    told = [
        finding("a", 20.0, 1, FindingStatus.BENIGN),
        finding("a", 20.0),
        finding("b", 20.0),
        finding("b", 90.0, 1),
        finding("c", 99.0, 0, FindingStatus.RESOLVED),
        finding("d", 99.0, 0, FindingStatus.CONFIRMED),
    ]
    (only,) = analyst_queue(told, DAY_MS, 5)
    assert (only.finding_id, only.priority) == ("b", 90.0)


def test_evidence_that_ages_falls_back_but_not_for_ever() -> None:
    one = finding("a", 50.0)
    assert aged_priority(one, DAY_MS) == 50.0
    assert aged_priority(one, 8 * DAY_MS) == aged_priority(one, 99 * DAY_MS) == 45.0
    fresher = finding("b", 48.0, end_ms=9 * DAY_MS)
    assert [x.finding_id for x in analyst_queue([one, fresher], 9 * DAY_MS, 2)] == ["b", "a"]
