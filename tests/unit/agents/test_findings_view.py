from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agents.findings import FindingStatus, Severity
from agents.findings_view import RELATED_MAX, TIMELINE_MAX
from metrics.labels import OTHER_DETECTOR
from tests.support.findings import NOW_MS, Kept, Lag, finding, kept, resolved, view

if TYPE_CHECKING:
    from agents.findings import Finding

HIGH = ("tail", "HIGH", "PSL")
CRITICAL = ("tail", "CRITICAL", "PSL")


def test_a_finding_counts_once_however_often_it_is_revised_or_repeated() -> None:
    found = view(finding(), finding(), resolved(), finding(), resolved())
    assert dict(found.opened()) == {HIGH: 1}
    assert not found.raised()


def test_an_older_revision_that_comes_late_changes_nothing() -> None:
    found = view(finding(revision=3, priority=10.0), finding(revision=2, priority=99.0))
    assert [row.priority for row in found.rows(9)] == [10.0]


def test_a_finding_that_rises_counts_at_each_new_height_and_nothing_ever_falls() -> None:
    levels = (Severity.HIGH, Severity.CRITICAL, Severity.MEDIUM, Severity.CRITICAL)
    found = view()
    seen = []
    for revision, severity in enumerate(levels):
        found.take(0, [kept(finding(revision=revision, severity=severity))])
        seen.append((found.opened()[HIGH], found.raised()[CRITICAL]))
    assert seen == [(1, 0), (1, 1), (1, 1), (1, 1)]
    assert sum(found.opened().values()) == 1


def test_open_findings_are_counted_at_their_present_severity() -> None:
    found = view(
        finding(),
        finding(finding_id="f-2"),
        finding(revision=1, severity=Severity.CRITICAL),
        resolved(finding_id="f-2"),
    )
    assert +found.open_counts() == {("tail", "CRITICAL"): 1}  # type: ignore[operator]


def test_a_confirmed_finding_is_still_open() -> None:
    found = view(finding(revision=1, status=FindingStatus.CONFIRMED))
    assert found.open_counts()["tail", "HIGH"] == 1


def test_a_finding_waits_for_a_verdict_until_it_has_one_or_ends() -> None:
    story = (
        finding(),
        finding(finding_id="f-2"),
        finding(finding_id="f-3"),
        finding(revision=1, status=FindingStatus.CONFIRMED),
        resolved(finding_id="f-2"),
        finding(finding_id="f-3", revision=1, severity=Severity.CRITICAL),
    )
    found = view(*story[:3])
    assert found.unjudged_counts()["tail", "HIGH"] == 3
    assert +view(*story).unjudged_counts() == {("tail", "CRITICAL"): 1}  # type: ignore[operator]


def test_open_findings_come_by_priority_and_closed_ones_follow_newest_first() -> None:
    closed = [resolved(finding_id=f"c-{n}", priority=99.0) for n in range(3)]
    found = view(
        *closed,
        finding(finding_id="low", priority=5.0),
        finding(finding_id="high", priority=80.0),
    )
    assert [row.finding_id for row in found.rows(9)] == ["high", "low", "c-2", "c-1", "c-0"]
    assert [row.finding_id for row in found.rows(3)] == ["high", "low", "c-2"]


def test_a_row_bears_no_pseudonym() -> None:
    (row,) = view(finding()).rows(1)
    assert "structure-1" not in repr(row)
    assert "actor-1" not in repr(row)


def test_what_is_no_finding_is_counted_and_passed_over() -> None:
    found = view()
    found.take(0, [Kept(0, NOW_MS, b"k", value) for value in (None, b"", b"{}", b"\xc3\x01")])
    found.take(0, [kept(finding())])
    assert found.unreadable == 4
    assert len(found.rows(9)) == 1


def test_a_detector_without_a_series_counts_as_other() -> None:
    found = view(finding(detector="yet_unknown"))
    assert dict(found.opened()) == {(OTHER_DETECTOR, "HIGH", "PSL"): 1}
    assert found.rows(1)[0].detector == "yet_unknown"


def test_it_is_whole_once_nothing_waits_and_stays_so_until_the_topic_goes() -> None:
    lag = Lag(None)
    found = view(lag=lag)
    states = []
    for now in (None, 7, 0, 3, None, 3):
        lag.lag = now
        states.append(found.is_whole)
    found.reset()
    states.append(found.is_whole)
    assert states == [False, False, True, True, False, True, False]


def test_reading_again_from_the_start_gives_the_same() -> None:
    found = view(finding(), resolved())
    before = (dict(found.opened()), found.rows(9))
    found.reset()
    assert not found.rows(9)
    found.take(0, [kept(finding()), kept(resolved())])
    assert (dict(found.opened()), found.rows(9)) == before


def test_closed_findings_leave_first_when_there_are_too_many_and_stay_counted() -> None:
    found = view(
        resolved(finding_id="closed-1"),
        finding(finding_id="open-1"),
        resolved(finding_id="closed-2"),
        finding(finding_id="open-2"),
        full_max=2,
    )
    assert {row.finding_id for row in found.rows(9)} == {"open-1", "open-2"}
    assert found.opened()[HIGH] == 4
    found.take(0, [kept(resolved(finding_id="closed-1"))])
    assert found.opened()[HIGH] == 4


def test_the_memory_of_ids_is_bounded() -> None:
    found = view(*(finding(finding_id=f"f-{n}") for n in range(20)), marks_max=5, full_max=5)
    assert found.open_counts()["tail", "HIGH"] == 5
    assert found.opened()[HIGH] == 20


def test_listeners_hear_of_every_change_and_the_version_moves() -> None:
    found = view()
    heard: list[int] = []
    found.listen(lambda: heard.append(found.version))
    found.take(0, [kept(finding())])
    found.take(0, [kept(resolved())])
    assert len(set(heard)) == 2


def test_an_alert_ends_when_its_finding_does() -> None:
    found = view()
    found.take(0, [kept(finding(), NOW_MS)])
    assert [alert.ended_ms for alert in found.alerts(Severity.LOW)] == [None]
    found.take(0, [kept(resolved(), NOW_MS + 5)])
    assert [alert.ended_ms for alert in found.alerts(Severity.LOW)] == [NOW_MS + 5]


def test_a_changed_label_ends_one_alert_and_begins_another() -> None:
    found = view()
    found.take(0, [kept(finding(), NOW_MS)])
    found.take(0, [kept(finding(revision=1, severity=Severity.CRITICAL), NOW_MS + 9)])
    alerts = {alert.identity.severity: alert.ended_ms for alert in found.alerts(Severity.LOW)}
    assert alerts == {Severity.HIGH: NOW_MS + 9, Severity.CRITICAL: None}
    found.take(0, [kept(finding(revision=2), NOW_MS + 12)])
    alerts = {alert.identity.severity: alert.ended_ms for alert in found.alerts(Severity.LOW)}
    assert alerts == {Severity.CRITICAL: NOW_MS + 12, Severity.HIGH: None}


def test_milder_findings_give_no_alert() -> None:
    found = view(finding(), finding(finding_id="f-2", severity=Severity.LOW))
    assert [a.identity.finding_id for a in found.alerts(Severity.MEDIUM)] == ["f-0001"]


def test_a_finding_that_changes_its_labels_for_ever_keeps_a_bounded_past() -> None:
    found = view(*(finding(revision=n, detector=f"d{n}") for n in range(50)))
    alerts = list(found.alerts(Severity.LOW))
    assert len(alerts) == 8
    assert [alert.ended_ms is None for alert in alerts] == [False] * 7 + [True]


def test_of_the_bounded_past_the_label_set_that_ended_last_stays() -> None:
    names = (*range(8), 0, 8)
    found = view(*(finding(revision=n, detector=f"d{name}") for n, name in enumerate(names)))
    kept_sets = {alert.identity.detector for alert in found.alerts(Severity.LOW)}
    assert kept_sets == {"d0", "d8", *(f"d{n}" for n in range(2, 8))}


def test_a_timeline_has_every_revision_once_and_of_many_the_first_and_the_last() -> None:
    found = view(finding(), finding(), resolved(), finding())
    page = found.detail("f-0001")
    assert page is not None
    assert [(row.revision, row.status) for row in page.timeline] == [(0, "OPEN"), (1, "RESOLVED")]

    many = view(*(finding(revision=number) for number in range(120)))
    page = many.detail("f-0001")
    assert page is not None
    told = [row.revision for row in page.timeline]
    assert told == [0, *range(120 - TIMELINE_MAX + 1, 120)]


def test_related_findings_are_those_of_the_same_account_newest_first() -> None:
    several = [
        finding(),
        finding(finding_id="older", opened_at_ms=NOW_MS - 9, detector="takeover"),
        resolved(finding_id="newer", opened_at_ms=NOW_MS - 1),
        finding(finding_id="colleague", actor_pid="actor-2"),
        finding(finding_id="certificate", actor_pid=None),
        finding(finding_id="elsewhere", structure_pid="structure-2"),
    ]
    page = view(*several).detail("f-0001")
    assert page is not None
    assert [row.finding_id for row in page.related] == ["newer", "older"]


def flow_finding(finding_id: str, couloir: str, **changes: Any) -> Finding:
    of = {"flow": "insi-calls", "sector": "PSL", "couloir": couloir, "measure": "rate"}
    return finding(
        finding_id=finding_id,
        structure_pid=None,
        actor_pid=None,
        detector="drop",
        evidence={f"drop_{name}": value for name, value in of.items()},
        **changes,
    )


def test_related_findings_of_a_flow_are_those_of_the_same_series() -> None:
    several = [
        flow_finding("now", "OFFICINE"),
        flow_finding("before", "OFFICINE"),
        flow_finding("others", "RADIOLOGIE"),
        finding(finding_id="group", structure_pid=None, actor_pid=None, detector="collusion"),
        finding(finding_id="groups", structure_pid=None, actor_pid=None, detector="collusion"),
    ]
    found = view(*several)
    for name, expected in (("now", ["before"]), ("others", []), ("group", [])):
        page = found.detail(name)
        assert page is not None
        assert [row.finding_id for row in page.related] == expected


def test_what_was_forgotten_is_related_to_nothing() -> None:
    found = view(*(resolved(finding_id=f"f-{n}") for n in range(5)), full_max=2)
    assert found.detail("f-0") is None
    assert found.named("f-0") is None
    page = found.detail("f-4")
    assert page is not None
    assert [row.finding_id for row in page.related] == ["f-3"]
    found.reset()
    assert found.detail("f-4") is None


def test_related_findings_are_bounded() -> None:
    page = view(*(finding(finding_id=f"f-{n}") for n in range(60))).detail("f-7")
    assert page is not None
    assert len(page.related) == RELATED_MAX
