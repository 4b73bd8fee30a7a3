"""One finding per incident: signals of all detectors become incidents, and incidents revisions (pure).

What is guaranteed of false alerts. A signal's score is calibrated so that 10^-score bounds the expected
number of quiet incidents per account and day that reach it, over all detectors together: each detector
has its share of the budget, and expectations add whether the detectors depend on one another or not
(union bound). An incident is opened by a score of at least `BUDGET`, so among N account-days without
any abuse at most N * 10^-BUDGET incidents are expected: the *per-family error rate* is controlled, for
every partition, every region and every span of time, and a region's is the sum of its partitions'.

Why not an online false discovery rate (LORD, SAFFRON, e-LOND). Three  (1) Their level for a test
depends on how many tests and how many discoveries came before: over a year of 4 000 accounts e-LOND's
level falls to about q / 10^7 until somebody is caught, so the first harvest, the one that matters, would
be found last; and an attacker who can spend others' tests can starve the level. (2) An FDR held in each
partition says nothing of the region's, because expectations of ratios do not add; so the result would
depend on the number of partitions, or on the order in which partitions happen to be read. A per-family
rate needs one fixed threshold, so a replay of one partition gives the same findings bit for bit. (3)
With hardly an abuse a year an FDR of a tenth *is* a per-family rate of a tenth a year, which costs
three more powers of ten. What an analyst would ask of an FDR is given as a running figure instead:
`AlertFigures.false_share_bound`, expected false incidents so far over incidents so far, which is the
estimate that Benjamini and Hochberg's procedure compares with q, taken at the fixed threshold.

What is told when. A revision goes out when the incident opens, when its severity rises, when another
detector agrees, when its status changes; and, at most `updates_a_day` times a local day, when score or
patients passed a step, or when the first evidence of a new day shows that it goes on. A score is never
taken back: corrections are revisions. Everything depends on the signals and their event times alone:
not on slices, restarts or the wall clock.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from agents.detectors.calibration import BUDGET, SUSPICION
from agents.evidence_figures import covers_all_days, facts_of, patients_beyond
from agents.findings import FindingStatus, VerdictKind
from agents.incidents import Incident, IncidentBook, Told, Trace
from agents.signals import SubjectKind, group_subject
from agents.telling import finding_of, severity_now
from streams.event_time import DAY_MS, HOUR_MS, paris_day

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agents.findings import Finding, Verdict
    from agents.signals import Signal, Subject
    from streams.checkpoint import Section

_NAMESPACE: Final = uuid.UUID("6f0c3a52-5a37-5d5e-9c8e-2b1c54c1a9d4")
"""Of the ids of findings; changing it would tell every incident anew."""

_NEVER: Final = 2**62
_MOST_MEMBERS: Final = 256


@dataclass(frozen=True, slots=True)
class FusionParams:
    """When signals belong together and when a change is worth telling.

    Attributes:
        open_from: score that opens an incident.
        join_from: score from which a signal counts as evidence of an open one.
        join_ms: a signal this long after the last evidence still belongs to the incident.
        quiet_ms: without evidence for so long an account's or a group's incident is resolved; a week,
            so that no weekend or holiday looks like the end.
        flow_join_ms: as `join_ms`, for a flow whose break ended.
        flow_quiet_ms: a flow's incident whose end was never told is resolved after this.
        remember_ms: how long a closed incident can still be judged.
        mute_ms: how long a benign verdict silences its detectors for the subject.
        mute_margin: a signal this much above the judged one is heard all the same.
        score_step: rise of the score that is worth an update: a hundred times rarer.
        patients_factor: growth of the patients possibly touched that is worth one.
        least_patients: below so many their growth is not.
        updates_a_day: most updates of these two kinds and of "it goes on" per local day.
    """

    open_from: float = BUDGET
    join_from: float = SUSPICION
    join_ms: int = 14 * DAY_MS
    quiet_ms: int = 7 * DAY_MS
    flow_join_ms: int = HOUR_MS
    flow_quiet_ms: int = 31 * DAY_MS
    remember_ms: int = 90 * DAY_MS
    mute_ms: int = 30 * DAY_MS
    mute_margin: float = 1.0
    score_step: float = 2.0
    patients_factor: float = 2.0
    least_patients: int = 10
    updates_a_day: int = 6


@dataclass(frozen=True, slots=True)
class AlertFigures:
    """What the alert control looks like so far.

    Attributes:
        account_days: watched.
        incidents: opened, true and false.
        muted: signals silenced by verdicts.
        expected_false: incidents that quiet account-days are expected to have opened, at most.
        false_share_bound: `expected_false` of `incidents`, at most 1; 1 as long as there are none.
        judged: verdicts on incidents that are known here.
        strays: verdicts on incidents that are not, or not any more.
    """

    account_days: int
    incidents: int
    muted: int
    expected_false: float
    false_share_bound: float
    judged: int
    strays: int


class Fusion:
    """The incidents of one source partition, or of what concerns the whole region.

    Whoever holds it hands over all signals of the time before a watermark, then lets that time pass:
    `take`, `touched`, then `pass_time`. `judge` may come at any time.
    """

    def __init__(self, params: FusionParams | None = None) -> None:
        self.params = params or FusionParams()
        self.book = IncidentBook()

    @property
    def sections(self) -> tuple[Section, ...]:
        """What a checkpoint holds of it, in an order that must not change."""
        return (self.book,)

    @property
    def figures(self) -> AlertFigures:
        """The alert control's running figures."""
        ledger = self.book.ledger
        expected = ledger.account_days * 10**-self.params.open_from
        share = min(1.0, expected / ledger.opened) if ledger.opened else 1.0
        return AlertFigures(
            account_days=ledger.account_days,
            incidents=ledger.opened,
            muted=ledger.muted,
            expected_false=expected,
            false_share_bound=share,
            judged=ledger.judged,
            strays=ledger.strays,
        )

    def is_open(self, subject: Subject) -> bool:
        """Whether an incident of the subject waits or goes on."""
        return any(one.status.is_open for one in self.book.of(subject))

    def watched(self, account_days: int) -> None:
        """Count days of accounts that were watched to their end, with or without a signal."""
        if account_days:
            self.book.ledger.account_days += account_days
            self.book.touch_ledger()

    def take(self, signals: Iterable[Signal]) -> list[Finding]:
        """Take signals; those of one subject never go back in time from call to call."""
        found: list[Finding] = []
        for signal in sorted(signals, key=lambda one: (one.time_ms, one.detector, one.subject.key)):
            found += self._take(signal)
        return found

    def touched(self, subject: Subject, day: int, patients: int, time_ms: int) -> list[Finding]:
        """Note an account-day during an open incident, whether any detector spoke or not.

        Args:
            subject: the account; nothing happens where it has no open incident.
            day: local day, as days since 1970-01-01.
            patients: distinct patients of the day beyond the usual number.
            time_ms: event time of the note, such as the day's end.
        """
        found: list[Finding] = []
        for incident in self.book.of(subject):
            if incident.status.is_open and patients > 0:
                incident.note_patients(day, patients)
                found += self._tell_if_worth(incident, time_ms)
        return found

    def pass_time(self, watermark_ms: int) -> list[Finding]:
        """Resolve what fell quiet before the watermark, and forget what is long over."""
        due = sorted(
            (one for one in self.book if self._quiet_at(one) <= watermark_ms),
            key=lambda one: (self._quiet_at(one), one.finding_id),
        )
        found = [self._close(one, FindingStatus.RESOLVED, self._quiet_at(one)) for one in due]
        for one in [one for one in self.book if self._forgotten_at(one) <= watermark_ms]:
            self.book.forget(one)
        return found

    def judge(self, verdict: Verdict) -> list[Finding]:
        """Take an analyst's verdict; one on an incident that is unknown here changes nothing."""
        incident = self.book.named(verdict.finding_id)
        is_stray = incident is None or verdict.verdict is VerdictKind.UNKNOWN
        self.book.count_verdict(is_stray=is_stray)
        if incident is None or is_stray:
            return []
        if incident.verdict is verdict.verdict and incident.judged_ms >= verdict.judged_at_ms:
            return []
        incident.verdict, incident.judged_ms = verdict.verdict, verdict.judged_at_ms
        if verdict.verdict is VerdictKind.BENIGN:
            return [self._close(incident, FindingStatus.BENIGN, verdict.judged_at_ms)]
        incident.status, incident.closed_ms = FindingStatus.CONFIRMED, 0
        return [self._tell(incident, max(verdict.judged_at_ms, incident.last_ms))]

    # -- one signal -----------------------------------------------------------------------------

    def _take(self, signal: Signal) -> list[Finding]:
        mine = self.book.of(signal.subject)
        if any(self._is_muted(one, signal) for one in mine):
            self.book.ledger.muted += 1
            self.book.touch_ledger()
            return []
        found = [
            self._close(one, FindingStatus.RESOLVED, self._quiet_at(one))
            for one in mine
            if self._quiet_at(one) <= signal.time_ms
        ]
        joined = next((one for one in reversed(mine) if self._joins(one, signal)), None)
        if joined is None:
            if signal.score < self.params.open_from:
                return found
            joined = self._open(signal, mine)
        reopened = not joined.status.is_open
        needed = self.params.open_from if reopened else self.params.join_from
        if signal.score < needed and not (signal.ended and not reopened):
            return found
        if reopened and signal.ended and signal.end_ms <= joined.end_ms:
            return found  # the end of what is closed already, told once more
        self._add(joined, signal)
        if reopened:
            joined.status, joined.closed_ms = FindingStatus.OPEN, 0
            found.append(self._tell(joined, signal.time_ms))
        else:
            found += self._tell_if_worth(joined, signal.time_ms)
        if signal.ended:
            found.append(self._close(joined, FindingStatus.RESOLVED, signal.time_ms))
        return found

    def _is_muted(self, incident: Incident, signal: Signal) -> bool:
        if incident.status is not FindingStatus.BENIGN:
            return False
        judged = incident.traces.get(signal.detector)
        return (
            judged is not None
            and signal.time_ms < incident.judged_ms + self.params.mute_ms
            and signal.score < judged.score + self.params.mute_margin
        )

    def _joins(self, incident: Incident, signal: Signal) -> bool:
        if incident.status is FindingStatus.BENIGN:
            return False
        if incident.subject.kind is SubjectKind.FLOW:
            after = incident.closed_ms + self.params.flow_join_ms
            return incident.status.is_open or signal.begin_ms < after
        return signal.time_ms < incident.last_ms + self.params.join_ms

    def _open(self, signal: Signal, mine: list[Incident]) -> Incident:
        subject = signal.subject
        # A flow's break has a beginning of its own; an account's or group's is its first conclusion.
        opened_ms = signal.begin_ms if subject.kind is SubjectKind.FLOW else signal.time_ms
        opened_ms = max([opened_ms, *(one.opened_ms + 1 for one in mine)])
        name = f"{subject.kind}\0{subject.key}\0{opened_ms}"
        incident = Incident(
            finding_id=str(uuid.uuid5(_NAMESPACE, name)),
            subject=subject,
            opened_ms=opened_ms,
            last_ms=signal.time_ms,
            begin_ms=signal.begin_ms,
            end_ms=signal.end_ms,
            flow=signal.flow,
        )
        self.book.add(incident)
        return incident

    def _add(self, incident: Incident, signal: Signal) -> None:
        incident.signals += 1
        incident.last_ms = max(incident.last_ms, signal.time_ms)
        incident.begin_ms = min(incident.begin_ms, signal.begin_ms)
        incident.end_ms = max(incident.end_ms, signal.end_ms)
        incident.facts |= signal.facts | facts_of(signal.detector, signal.figures)
        if incident.flow != signal.flow:
            incident.flow = None
        trace = incident.traces.get(signal.detector)
        if signal.subject.kind is SubjectKind.FLOW:
            # A break has one kind at a time: what began as a drop may turn out an outage.
            highest = max([signal.score, *(one.score for one in incident.traces.values())])
            incident.traces = {signal.detector: Trace(highest, dict(signal.figures))}
        elif trace is None or signal.score >= trace.score:
            incident.traces[signal.detector] = Trace(signal.score, dict(signal.figures))
        if signal.subject.kind is SubjectKind.GROUP:
            members = (*incident.subject.members, *signal.subject.members)
            incident.subject = replace(
                incident.subject, members=group_subject(members).members[:_MOST_MEMBERS]
            )
        patients = patients_beyond(signal.detector, signal.figures)
        if patients is not None and covers_all_days(signal.detector):
            incident.reads = True
            incident.since_patients = max(incident.since_patients, patients)
        elif patients is not None:
            incident.note_patients(signal.day, patients)
        self.book.touch(incident)

    # -- telling --------------------------------------------------------------------------------

    def _tell_if_worth(self, incident: Incident, time_ms: int) -> list[Finding]:
        self.book.touch(incident)
        told, params = incident.told, self.params
        is_news = (
            incident.revision < 0
            or severity_now(incident).rank > told.severity.rank
            or not set(incident.traces) <= set(told.detectors)
        )
        if is_news:
            return [self._tell(incident, time_ms)]
        day = paris_day(time_ms)
        grown = incident.patients >= max(
            params.least_patients, params.patients_factor * max(told.patients, 1)
        )
        is_step = incident.score >= told.score + params.score_step or grown or day > told.day
        if not is_step or (day == told.day and told.today >= params.updates_a_day):
            return []
        return [self._tell(incident, time_ms, counted=True)]

    def _close(self, incident: Incident, status: FindingStatus, time_ms: int) -> Finding:
        incident.status, incident.closed_ms = status, time_ms
        return self._tell(incident, time_ms)

    def _tell(self, incident: Incident, time_ms: int, *, counted: bool = False) -> Finding:
        """The incident's next revision, and the mark of what it said."""
        incident.revision += 1
        before, day = incident.told, paris_day(time_ms)
        severity = max(severity_now(incident), before.severity, key=lambda one: one.rank)
        incident.told = Told(
            severity=severity,
            score=incident.score,
            patients=incident.patients,
            detectors=sorted(incident.traces),
            day=max(day, before.day),
            today=(before.today if day <= before.day else 0) + counted,
        )
        self.book.touch(incident)
        return finding_of(incident, severity, time_ms)

    # -- time -----------------------------------------------------------------------------------

    def _quiet_at(self, incident: Incident) -> int:
        """When an open incident is resolved unless something happens."""
        if not incident.status.is_open:
            return _NEVER
        is_flow = incident.subject.kind is SubjectKind.FLOW
        quiet_ms = self.params.flow_quiet_ms if is_flow else self.params.quiet_ms
        return max(incident.last_ms, incident.judged_ms) + quiet_ms

    def _forgotten_at(self, incident: Incident) -> int:
        if incident.status.is_open:
            return _NEVER
        return max(
            incident.last_ms + self.params.join_ms,
            incident.closed_ms + self.params.remember_ms,
            incident.judged_ms + self.params.mute_ms,
        )
