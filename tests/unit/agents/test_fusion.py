from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from agents.findings import Finding, FindingStatus, Severity, Verdict, VerdictKind
from agents.fusion import Fusion, FusionParams
from agents.incidents import IncidentBook
from agents.signals import Fact, account_subject, flow_subject, group_subject
from streams.errors import StateError
from tests.support.signals import ACCOUNT, START_MS, signal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.findings import Figure
    from agents.signals import Signal

DAY_H = 24
WHOLE: dict[str, Figure] = {"observed": 0, "expected": 100.0, "sector": "*", "couloir": "*"}
OTHER = account_subject("a2", "b2")


def told(fusion: Fusion, *signals: Signal) -> list[Finding]:
    return [finding for one in signals for finding in fusion.take([one])]


def at_ms(hours: float) -> int:
    return START_MS + int(hours * 3_600_000)


def verdict(finding: Finding, kind: VerdictKind, at_h: float) -> Verdict:
    return Verdict(finding.finding_id, kind, at_ms(at_h), structure_pid="a1", actor_pid="b1")


def statuses(findings: Sequence[Finding]) -> list[FindingStatus]:
    return [one.status for one in findings]


def test_the_first_signal_of_the_budget_opens_an_incident_and_names_its_account() -> None:
    (finding,) = told(Fusion(), signal(0, 4.0))
    assert (finding.structure_pid, finding.actor_pid, finding.sector) == ("a1", "b1", "PSL")
    assert (finding.revision, finding.status) == (0, FindingStatus.OPEN)
    assert finding.opened_at_ms == finding.detected_at_ms == START_MS
    assert finding.score == pytest.approx(0.9)
    assert finding.evidence["department"] == "59"
    assert finding.patients == 30
    assert len(finding.reasons) == len(finding.reasons_en) >= 1


def test_a_signal_below_the_budget_opens_nothing() -> None:
    fusion = Fusion()
    assert told(fusion, signal(0, 3.99)) == []
    assert not fusion.is_open(ACCOUNT)


def test_the_same_signal_again_is_not_told_again() -> None:
    assert len(told(Fusion(), signal(0), signal(0.1), signal(0.2, 4.5))) == 1


def test_a_signal_within_two_weeks_of_the_last_joins_and_a_later_one_opens_anew() -> None:
    fusion = Fusion()
    first, *_ = told(fusion, signal(0))
    joined = told(fusion, signal(13 * DAY_H))
    assert {one.finding_id for one in joined} == {first.finding_id}
    assert statuses(joined) == [FindingStatus.RESOLVED, FindingStatus.OPEN]
    anew = told(fusion, signal((13 + 14) * DAY_H))
    assert statuses(anew) == [FindingStatus.RESOLVED, FindingStatus.OPEN]
    assert [one.finding_id == first.finding_id for one in anew] == [True, False]
    assert anew[1].revision == 0


def test_what_fell_quiet_is_not_reopened_below_the_budget() -> None:
    fusion = Fusion()
    told(fusion, signal(0))
    assert statuses(told(fusion, signal(8 * DAY_H, 3.9))) == [FindingStatus.RESOLVED]
    assert not fusion.is_open(ACCOUNT)


def test_an_open_incident_takes_weaker_evidence_of_another_detector() -> None:
    fusion = Fusion()
    told(fusion, signal(0))
    (second,) = told(fusion, signal(1, 3.9, "enumeration", figures={"hits": 20, "looks": 30}))
    assert second.detectors == ("tail", "enumeration")
    assert second.detector == "tail"
    assert second.severity.rank > Severity.LOW.rank
    assert told(fusion, signal(2, 3.7, "identity_only")) == []


def test_a_stronger_detector_takes_the_lead() -> None:
    fusion = Fusion()
    told(fusion, signal(0, 5.0))
    (second,) = told(fusion, signal(1, 9.0, "enumeration", figures={"hits": 20}))
    assert second.detector == "enumeration"


def test_a_hundred_times_rarer_or_twice_the_patients_is_worth_an_update() -> None:
    fusion = Fusion()
    told(fusion, signal(0, 4.0, patients=40))
    assert told(fusion, signal(1, 5.9, patients=40)) == []
    assert len(told(fusion, signal(2, 6.0, patients=40))) == 1
    assert told(fusion, signal(3, 6.0, patients=69)) == []
    assert len(told(fusion, signal(4, 6.0, patients=70))) == 1


def test_updates_of_one_day_are_capped_but_a_rise_of_severity_is_always_told() -> None:
    fusion = Fusion(FusionParams(updates_a_day=2))
    told(fusion, signal(0, 4.0))
    assert len(told(fusion, signal(1, 6.0), signal(2, 7.9), signal(3, 8.0), signal(4, 10.0))) == 2
    decoy = signal(5, 10.0, facts=frozenset({Fact.DECOY}))
    assert [one.severity for one in told(fusion, decoy)] == [Severity.CRITICAL]


def test_the_first_evidence_of_a_new_day_shows_that_it_goes_on() -> None:
    fusion = Fusion()
    told(fusion, signal(0))
    assert len(told(fusion, signal(DAY_H), signal(DAY_H + 0.1))) == 1


def test_patients_of_several_days_add_up_and_repeated_evidence_of_one_day_does_not() -> None:
    fusion = Fusion()
    told(fusion, signal(0, patients=40), signal(1, patients=40), signal(DAY_H, patients=50))
    (incident,) = fusion.book
    assert incident.patients == 70
    assert incident.most_a_day == 40


def test_evidence_since_a_change_began_is_not_added_to_that_of_days() -> None:
    since = {"since_day": 20_100, "days": 12, "patients": 300, "patients_expected": 100.0}
    fusion = Fusion()
    findings = told(fusion, signal(0, patients=40), signal(1, 5.0, "slow_change", figures=since))
    assert findings[-1].patients == 200


def test_days_that_no_detector_spoke_of_count_while_the_incident_is_open() -> None:
    fusion = Fusion()
    told(fusion, signal(0, patients=40))
    day = next(iter(fusion.book)).day
    assert fusion.touched(ACCOUNT, day, 20, at_ms(10)) == []
    (update,) = fusion.touched(ACCOUNT, day + 1, 45, at_ms(40))
    assert update.patients == 75
    assert fusion.touched(OTHER, day + 1, 45, at_ms(41)) == []


def test_quiet_resolves_at_the_same_event_time_whenever_the_watermark_comes() -> None:
    fusion = Fusion()
    told(fusion, signal(0))
    assert fusion.pass_time(at_ms(7 * DAY_H) - 1) == []
    (resolved,) = fusion.pass_time(at_ms(20 * DAY_H))
    assert resolved.status is FindingStatus.RESOLVED
    assert resolved.detected_at_ms == at_ms(7 * DAY_H)
    assert resolved.priority == 0.0
    assert fusion.pass_time(at_ms(20 * DAY_H)) == []


def test_what_is_long_over_is_forgotten() -> None:
    fusion = Fusion()
    told(fusion, signal(0))
    fusion.pass_time(at_ms(96 * DAY_H))
    assert len(fusion.book) == 1
    fusion.pass_time(at_ms(98 * DAY_H))
    assert len(fusion.book) == 0


def test_a_benign_verdict_closes_and_mutes_that_detector_up_to_a_level_and_a_time() -> None:
    fusion = Fusion()
    (first,) = told(fusion, signal(0, 5.0))
    (closed,) = fusion.judge(verdict(first, VerdictKind.BENIGN, 2))
    assert (closed.status, closed.revision) == (FindingStatus.BENIGN, 1)
    assert closed.evidence["verdict"] == "BENIGN"
    assert told(fusion, signal(3, 5.9)) == []
    assert fusion.figures.muted == 1
    (other,) = told(fusion, signal(4, 5.0, "enumeration", figures={"hits": 20}))
    assert other.finding_id != first.finding_id
    (stronger,) = told(fusion, signal(5, 6.0))
    assert stronger.finding_id == other.finding_id


def test_a_muted_detector_is_heard_again_when_the_time_is_over() -> None:
    fusion = Fusion()
    (first,) = told(fusion, signal(0, 5.0))
    fusion.judge(verdict(first, VerdictKind.BENIGN, 2))
    assert told(fusion, signal(29 * DAY_H)) == []
    assert len(told(fusion, signal(31 * DAY_H))) == 1


def test_a_verdict_mutes_one_account_alone() -> None:
    fusion = Fusion()
    (first,) = told(fusion, signal(0, 5.0))
    fusion.judge(verdict(first, VerdictKind.BENIGN, 2))
    assert len(told(fusion, signal(3, subject=OTHER))) == 1


def test_an_incident_opened_at_the_time_of_a_benign_one_has_an_id_of_its_own() -> None:
    fusion = Fusion()
    (first,) = told(fusion, signal(0, 5.0))
    fusion.judge(verdict(first, VerdictKind.BENIGN, 0))
    (second,) = told(fusion, signal(0, 9.0))
    assert second.finding_id != first.finding_id


def test_a_confirmed_incident_stays_open_until_it_is_quiet() -> None:
    fusion = Fusion()
    (first,) = told(fusion, signal(0))
    (confirmed,) = fusion.judge(verdict(first, VerdictKind.CONFIRMED, 24))
    assert confirmed.status is FindingStatus.CONFIRMED
    (more,) = told(fusion, signal(48))
    assert more.status is FindingStatus.CONFIRMED
    assert fusion.pass_time(at_ms(48 + 7 * DAY_H) - 1) == []
    assert statuses(fusion.pass_time(at_ms(48 + 7 * DAY_H))) == [FindingStatus.RESOLVED]


def test_a_later_verdict_replaces_an_earlier_one_and_a_repeated_one_is_nothing() -> None:
    fusion = Fusion()
    (first,) = told(fusion, signal(0))
    benign = verdict(first, VerdictKind.BENIGN, 1)
    assert len(fusion.judge(benign)) == 1
    assert fusion.judge(benign) == []
    assert statuses(fusion.judge(verdict(first, VerdictKind.CONFIRMED, 2))) == [
        FindingStatus.CONFIRMED
    ]
    assert len(told(fusion, signal(3, 9.0))) == 1


def test_a_verdict_on_what_is_not_known_here_changes_nothing() -> None:
    fusion = Fusion()
    (first,) = told(fusion, signal(0))
    assert fusion.judge(replace(verdict(first, VerdictKind.BENIGN, 1), finding_id="x")) == []
    assert fusion.judge(verdict(first, VerdictKind.UNKNOWN, 1)) == []


def test_a_flow_is_resolved_when_its_break_ended_and_its_end_told_again_is_nothing() -> None:
    flow = flow_subject("mss-messages rate")
    fusion = Fusion()
    begun = signal(1, 6.0, "outage", subject=flow, figures=WHOLE, begin_h=0.5)
    over = replace(signal(3, 6.0, "outage", subject=flow, begin_h=0.5, ended=True), figures=WHOLE)
    findings = told(fusion, begun, over, over)
    assert statuses(findings) == [FindingStatus.OPEN, FindingStatus.RESOLVED]
    assert [one.severity for one in findings] == [Severity.HIGH] * 2
    assert [one.patients for one in findings] == [None] * 2
    assert findings[0].opened_at_ms == at_ms(0.5)
    later = signal(9, 6.0, "outage", subject=flow, figures={}, begin_h=8.5)
    assert told(fusion, later)[0].finding_id != findings[0].finding_id


def test_a_group_that_keeps_half_its_members_is_the_same_incident() -> None:
    fusion = Fusion()
    few = signal(0, 6.0, "collusion", subject=group_subject(("a", "b", "c", "d")))
    more = signal(24, 6.0, "collusion", subject=group_subject(("c", "d", "e", "f")))
    others = signal(25, 6.0, "collusion", subject=group_subject(("x", "y", "z")))
    findings = told(fusion, few, more, others)
    assert findings[0].finding_id == findings[1].finding_id != findings[2].finding_id
    members = [v for k, v in findings[1].evidence.items() if k.startswith("member_")]
    assert members == ["a", "b", "c", "d", "e", "f"]


def test_incidents_on_several_surfaces_name_no_single_flow() -> None:
    fusion = Fusion()
    findings = told(fusion, signal(0), signal(1, 5.0, "enumeration", flow="insi-calls"))
    assert [one.flow for one in findings] == ["platform-accesses", None]


def test_severity_and_score_never_fall_within_an_incident() -> None:
    fusion = Fusion()
    decoy = signal(0, 7.0, facts=frozenset({Fact.DECOY}), patients=100)
    first, later = told(fusion, decoy, signal(30, 4.0))
    assert later.severity is first.severity is Severity.CRITICAL
    assert later.score == first.score


def test_the_bound_on_false_findings_is_what_was_watched_over_what_was_found() -> None:
    fusion = Fusion()
    assert fusion.figures.false_share_bound == 1.0
    fusion.watched(4_000)
    told(fusion, signal(0), signal(0, subject=OTHER))
    assert fusion.figures.expected_false == pytest.approx(0.4)
    assert fusion.figures.false_share_bound == pytest.approx(0.2)


def test_verdicts_are_counted_and_those_on_nothing_known_apart() -> None:
    fusion = Fusion()
    (found,) = told(fusion, signal(0))
    known = verdict(found, VerdictKind.BENIGN, 1)
    fusion.judge(known)
    fusion.judge(replace(known, finding_id="nobody"))
    fusion.judge(replace(known, verdict=VerdictKind.UNKNOWN))
    assert (fusion.figures.judged, fusion.figures.strays) == (1, 2)


def test_state_of_another_version_or_form_is_refused() -> None:
    for payload in (b'{"version":2,"rows":{}}', b"{}", b"[1]", b'{"version":1,"rows":{"1":{}}}'):
        with pytest.raises(StateError):
            IncidentBook().load(payload)


def test_signals_of_one_slice_are_taken_in_the_order_of_their_times() -> None:
    (first, *_) = Fusion().take([signal(2), signal(1, 5.0, "enumeration")])
    assert (first.detector, first.opened_at_ms) == ("enumeration", at_ms(1))


def test_what_was_forgotten_stays_forgotten_after_a_recovery() -> None:
    fusion = Fusion()
    told(fusion, signal(0))
    payload, _ = fusion.book.encode(fusion.book.drain())
    fusion.pass_time(at_ms(98 * DAY_H))
    later, _ = fusion.book.encode(fusion.book.drain())
    recovered = IncidentBook()
    recovered.load(payload)
    assert len(recovered) == 1
    recovered.load(later)
    assert len(recovered) == 0
    assert recovered.ledger == fusion.book.ledger


def test_a_break_of_a_flow_that_changes_its_kind_is_one_incident_of_its_last_kind() -> None:
    flow = flow_subject("incident-7")
    drop = signal(1, 6.0, "drop", subject=flow, figures=WHOLE, begin_h=0.5)
    outage = signal(2, 5.0, "outage", subject=flow, figures=WHOLE, begin_h=0.5)
    findings = told(Fusion(), drop, outage)
    assert [one.detectors for one in findings] == [("drop",), ("outage",)]
    assert findings[0].finding_id == findings[1].finding_id
    assert findings[0].score == findings[1].score
