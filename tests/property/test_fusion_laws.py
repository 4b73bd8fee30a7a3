"""Laws of the fusion: free cuts, exact recovery, one incident per signal, nothing told twice."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.findings import Finding, FindingStatus, Verdict, VerdictKind
from agents.fusion import Fusion
from agents.signals import account_subject, flow_subject
from streams.checkpoint import Journal
from tests.support.signals import START_MS, signal

if TYPE_CHECKING:
    from agents.signals import Signal

SUBJECTS = (account_subject("a", "1"), account_subject("a", None), flow_subject("mss rate"))
HOUR_MS = 3_600_000
END_MS = START_MS + 400 * 24 * HOUR_MS

told_signals = st.lists(
    st.builds(
        signal,
        # Days apart as well as minutes, so that quiet and joining are met on both sides.
        at_h=st.one_of(st.integers(0, 60 * 24), st.integers(0, 240).map(lambda m: m / 60)),
        score=st.floats(3.5, 12.0),
        detector=st.sampled_from(["tail", "enumeration", "slow_change"]),
        subject=st.sampled_from(SUBJECTS),
        patients=st.integers(0, 500),
        ended=st.booleans(),
    ),
    max_size=30,
).map(lambda told: sorted(told, key=lambda one: (one.time_ms, one.detector, one.subject.key)))

cuts = st.lists(st.integers(0, 30), max_size=6).map(lambda at: sorted({0, 30, *at}))


def parts_of(told: list[Signal], cut_at: list[int]) -> list[list[Signal]]:
    return [told[low:high] for low, high in pairwise(cut_at)]


def run(parts: list[list[Signal]], *, waters: bool, recover: bool) -> list[Finding]:
    fusion, found = Fusion(), []
    entries: dict[bytes, bytes] = {}
    journal = Journal(fusion.sections)
    for part in parts:
        found += fusion.take(part)
        if waters and part:
            found += fusion.pass_time(part[-1].time_ms)
        if recover:
            for key, value in journal.flush(b""):
                if value is None:
                    entries.pop(key, None)
                else:
                    entries[key] = value
            fusion = Fusion()
            journal = Journal(fusion.sections)
            journal.recover(entries)
    found += fusion.pass_time(END_MS)
    assert len(fusion.book) == 0
    return sorted(found, key=lambda one: (one.finding_id, one.revision))


@given(told_signals, cuts)
@settings(max_examples=150, deadline=None)
def test_findings_do_not_depend_on_cuts_on_the_watermarks_pace_or_on_recoveries(
    told: list[Signal], cut_at: list[int]
) -> None:
    whole = run([told], waters=False, recover=False)
    parts = parts_of(told, cut_at)
    assert run(parts, waters=True, recover=False) == whole
    assert run(parts, waters=True, recover=True) == whole


@given(told_signals, cuts)
@settings(max_examples=100, deadline=None)
def test_every_signal_of_the_budget_belongs_to_exactly_one_incident(
    told: list[Signal], cut_at: list[int]
) -> None:
    fusion = Fusion()
    for part in parts_of(told, cut_at):
        before = {one.finding_id: one.signals for one in fusion.book}
        for one in part:
            fusion.take([one])
            after = {one.finding_id: one.signals for one in fusion.book}
            grown = sum(after.values()) - sum(before.values())
            is_repeated_end = one.ended and grown == 0
            assert grown == 1 or one.score < 4.0 or is_repeated_end
            before = after


@given(told_signals)
@settings(max_examples=100, deadline=None)
def test_revisions_of_an_incident_run_without_gap_and_none_repeats_the_one_before(
    told: list[Signal],
) -> None:
    found = run([told], waters=False, recover=False)
    by_id: dict[str, list[Finding]] = {}
    for one in found:
        by_id.setdefault(one.finding_id, []).append(one)
    for revisions in by_id.values():
        assert [one.revision for one in revisions] == list(range(len(revisions)))
        assert revisions[-1].status is FindingStatus.RESOLVED
        for before, after in pairwise(revisions):
            assert after.severity.rank >= before.severity.rank
            assert after.score >= before.score
            assert (after.patients or 0) >= (before.patients or 0)
            assert after.opened_at_ms == before.opened_at_ms
            assert (after.detected_at_ms, after.status, after.evidence) != (
                before.detected_at_ms,
                before.status,
                before.evidence,
            )


@given(told_signals, st.integers(0, 29), st.sampled_from(list(VerdictKind)))
@settings(max_examples=100, deadline=None)
def test_a_verdict_anywhere_survives_a_recovery_anywhere(
    told: list[Signal], at: int, kind: VerdictKind
) -> None:
    def judged(*, recover: bool) -> list[Finding]:
        fusion = Fusion()
        journal = Journal(fusion.sections)
        entries: dict[bytes, bytes] = {}
        found: list[Finding] = []
        for place, one in enumerate(told):
            found += fusion.take([one])
            if place == at and found:
                found += fusion.judge(Verdict(found[-1].finding_id, kind, one.time_ms))
            if recover:
                entries |= {k: v for k, v in journal.flush(b"") if v is not None}
                fusion = Fusion()
                journal = Journal(fusion.sections)
                journal.recover(entries)
        return found

    assert judged(recover=True) == judged(recover=False)
