"""One seed's span: judged by us and by the peers' rules, compared with the truth (pure)."""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np

from simulators import pseudonyms
from simulators.attacks.incident import ATTACK
from simulators.calendar import midnight_ms
from simulators.evaluation.looks import LookBook
from simulators.evaluation.peers import RULES, Table, threshold_for
from simulators.evaluation.region import WINDOW_MS, TrialRegion, outage_ms
from streams.event_time import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from simulators.evaluation.judging import Alert, Judge
    from simulators.evaluation.plan import Span
    from streams.schemas import Schemas

OURS: Final = "Vigie"
BUDGET_PER_1000: Final = 0.1
"""False alerts per 1,000 accounts and day (detection reference §4.2)."""
FIRST_DAYS: Final = 14
"""An account is new for so long."""
RARE: Final = -math.log(1e-6)
"""Expected events whose absence is a 1-in-a-million event: 13.8."""
_EPOCH: Final = date(1970, 1, 1).toordinal()
_GRACE_MS: Final = DAY_MS
"""Evidence of an attack's last day is told at that day's end."""


@dataclass(frozen=True, slots=True)
class Attacked:
    """One account of an attack, as seen by one judge.

    Attributes:
        judge: `OURS` or a rule's name.
        case: the row to which it counts.
        incident: number of the incident within the span.
        group: peer group.
        found_ms: when it was found, since the account's first stolen look; `inf` for never.
        lost: identities looked at until then.
        total: identities looked at in all.
        detectors: which found it.
    """

    judge: str
    case: str
    incident: int
    group: str
    found_ms: float
    lost: int
    total: int
    detectors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """A finding about an incident without accounts, or one too many.

    Attributes:
        case: the look-alike, the shared thing of a collusion, or empty.
        detectors: which.
        severity: its highest.
        after_ms: since the incident's first event.
    """

    case: str
    detectors: tuple[str, ...]
    severity: str
    after_ms: float = math.inf


@dataclass(frozen=True, slots=True)
class Silence:
    """An outage: when it was found, and by when it should have been."""

    flow: str
    sector: str
    found_ms: float
    limit_ms: float


@dataclass(slots=True)
class TrialResult:
    """What a seed's span came to.

    Attributes:
        attacked: every account of every attack, by every judge.
        collusions: for each case the time until a group finding (`inf` for never).
        lookalikes: findings about innocent incidents.
        false_account: false account findings of ours by peer group, in the days that count.
        false_by_rule: the same of every rule, in all.
        account_days: quiet accounts times days that count, by peer group.
        active_days: those on which the account looked at a patient.
        new_false: false findings on newcomers in their first days.
        new_days: newcomers times those days.
        new_active_days: those on which they looked at a patient.
        enrolment_false: false findings before the days that count.
        flow_findings: findings on flows in which nothing was wrong.
        thresholds: of the rules.
        silences: the outages.
        events: events taken.
        judge_seconds: processor seconds of the judge.
    """

    span: str
    seed: int
    attacked: list[Attacked] = field(default_factory=list)
    collusions: list[tuple[str, float]] = field(default_factory=list)
    lookalikes: list[Told] = field(default_factory=list)
    false_account: Counter[str] = field(default_factory=Counter)
    false_detectors: Counter[str] = field(default_factory=Counter)
    false_by_rule: Counter[str] = field(default_factory=Counter)
    account_days: Counter[str] = field(default_factory=Counter)
    active_days: Counter[str] = field(default_factory=Counter)
    new_false: int = 0
    new_days: int = 0
    new_active_days: int = 0
    enrolment_false: int = 0
    flow_findings: list[Told] = field(default_factory=list)
    thresholds: dict[str, float] = field(default_factory=dict)
    silences: list[Silence] = field(default_factory=list)
    events: int = 0
    days: int = 0
    judge_seconds: float = 0.0


def run_trial(
    span: Span,
    seed: int,
    schemas: Schemas,
    judge: Judge,
    progress: Callable[[int], None] = lambda _days: None,
) -> TrialResult:
    """Let a seed's span be judged, and compare with the truth.

    Args:
        span: what happens.
        seed: of the region.
        schemas: the contracts.
        judge: what is evaluated.
        progress: told of every simulated day that is done.
    """
    region = TrialRegion(span, seed, schemas)
    result = TrialResult(span.name, seed, days=span.days)
    book = LookBook(region.accounts, span.start.toordinal() - _EPOCH)
    edge_ms, done = 0, 0
    for piece in region.pieces():
        ahead = int(piece.events.columns["recorded_at"].max()) // WINDOW_MS * WINDOW_MS
        if ahead > edge_ms:
            judge.advance(ahead)
            days = max(0, (ahead - midnight_ms(span.start)) // DAY_MS)
            progress(days - done)
            edge_ms, done = ahead, days
        began = time.process_time()
        judge.take(piece.flow, piece.frame)
        result.judge_seconds += time.process_time() - began
        result.events += len(piece.events)
        book.take(piece.events)
    began = time.process_time()
    alerts = list(judge.finish())
    result.judge_seconds += time.process_time() - began
    progress(span.days - done)
    Comparison(region, alerts, result).all()
    _compare_peers(region, book, result)
    return result


class Comparison:
    """Alerts against the truth of a region."""

    def __init__(self, region: TrialRegion, alerts: Sequence[Alert], result: TrialResult) -> None:
        self._region, self._result = region, result
        self._by_finding: dict[str, list[Alert]] = defaultdict(list)
        for alert in alerts:
            self._by_finding[alert.finding_id].append(alert)
        self._of_actor: dict[str, list[Alert]] = defaultdict(list)
        for alert in alerts:
            if alert.actor_pid is not None and alert.is_open:
                self._of_actor[alert.actor_pid].append(alert)
        self._from_ms = midnight_ms(region.span.test_start)

    def all(self) -> None:
        """Fill in the result."""
        explained = self._attacks() | self._collusions() | self._outages()
        self._lookalikes_and_false(explained)

    def _attacks(self) -> set[str]:
        used: set[str] = set()
        region = self._region
        for number, (case, truth) in enumerate(zip(region.span.cases, region.truths, strict=True)):
            if truth.incident.kind != ATTACK:
                continue
            actors = truth.incident.actors
            for account, name in zip(actors.tolist(), region.names(actors), strict=True):
                first = truth.first_ms_of(account)
                if first is None:
                    continue
                own = [
                    a for a in self._of_actor[name] if first <= a.at_ms <= truth.last_ms + _GRACE_MS
                ]
                used |= {a.finding_id for a in self._of_actor[name] if a.at_ms >= first}
                found = min(own, key=lambda a: a.at_ms, default=None)
                self._result.attacked.append(
                    Attacked(
                        judge=OURS,
                        case=case.key,
                        incident=number,
                        group=region.group_of(account),
                        found_ms=found.at_ms - first if found else math.inf,
                        lost=truth.patients(found.at_ms if found else None, account),
                        total=truth.patients(None, account),
                        detectors=found.detectors if found else (),
                    )
                )
        return used

    def _collusions(self) -> set[str]:
        used: set[str] = set()
        region = self._region
        for case, truth in zip(region.span.cases, region.truths, strict=True):
            if truth.incident.name != "collusion":
                continue
            found = [
                (alerts[0].at_ms, name)
                for name, alerts in self._by_finding.items()
                if "collusion" in alerts[0].detectors
                and truth.first_ms <= alerts[0].at_ms <= truth.last_ms + _GRACE_MS
            ]
            used |= {name for _, name in found}
            after = min((at for at, _ in found), default=math.inf) - truth.first_ms
            self._result.collusions.append((case.key, after))
        return used

    def _outages(self) -> set[str]:
        used: set[str] = set()
        for number, outage in enumerate(self._region.span.outages):
            begin_ms, end_ms = outage_ms(outage)
            gone = np.concatenate([np.zeros(0, np.int64), *self._region.silent[number]])
            due = math.ceil(RARE)
            limit = float(gone[due - 1] - begin_ms) if len(gone) >= due else math.inf
            own = [
                (a.at_ms, a.finding_id)
                for a in map(_first, self._by_finding.values())
                if _is_of_flow(a)
                and a.flow == outage.flow
                and a.sector in (outage.sector, "NR")
                and begin_ms <= a.at_ms <= end_ms + _GRACE_MS // 4
            ]
            used |= {name for _, name in own}
            found = min((at for at, _ in own), default=math.inf) - begin_ms
            self._result.silences.append(Silence(outage.flow, outage.sector, found, limit))
        return used

    def _lookalikes_and_false(self, explained: set[str]) -> None:
        region, result = self._region, self._result
        innocent = self._innocent_names()
        known = dict(zip(region.names(region.accounts), region.accounts.tolist(), strict=True))
        for finding_id, alerts in self._by_finding.items():
            if finding_id in explained:
                continue
            opened = alerts[0]
            worst = max(alerts, key=lambda a: _RANKS.index(a.severity)).severity
            told = Told("", opened.detectors, worst)
            if _is_of_flow(opened):
                told = Told(self._going_on(opened.at_ms), opened.detectors, worst)
                target = result.lookalikes if told.case else result.flow_findings
                target.append(told)
            elif opened.actor_pid in innocent:
                case = innocent[opened.actor_pid]
                result.lookalikes.append(Told(case, opened.detectors, worst))
            else:
                self._false(opened, known.get(opened.actor_pid or ""))
        self._exposure()

    def _false(self, opened: Alert, account: int | None) -> None:
        region, result = self._region, self._result
        if opened.at_ms < self._from_ms:
            result.enrolment_false += 1
            return
        if account in region.newcomers:
            since = midnight_ms(region.newcomers[account])
            if opened.at_ms < since + FIRST_DAYS * DAY_MS:
                result.new_false += 1
                return
        if account in region.concerned:
            # Before its attack an account is as quiet as any other, but its days are not counted.
            return
        result.false_account[region.group_of(account) if account is not None else "no group"] += 1
        result.false_detectors[opened.detectors[0]] += 1

    def _exposure(self) -> None:
        region = self._region
        for account in region.accounts.tolist():
            if account in region.concerned:
                continue
            days = region.span.test_days
            if account in region.newcomers:
                gone = (region.newcomers[account] - region.span.test_start).days
                new = min(FIRST_DAYS, days - gone)
                self._result.new_days += new
                days -= gone + new
            self._result.account_days[region.group_of(account)] += days

    def _innocent_names(self) -> dict[str, str]:
        region = self._region
        names: dict[str, str] = {}
        for case, truth in zip(region.span.cases, region.truths, strict=True):
            if truth.incident.kind != ATTACK:
                for account in truth.incident.actors.tolist():
                    names[pseudonyms.pseudonym(region.seed, pseudonyms.ACCOUNT, account)] = case.key
        return names

    def _going_on(self, at_ms: int) -> str:
        for case, truth in zip(self._region.span.cases, self._region.truths, strict=True):
            incident = truth.incident
            regional = incident.kind != ATTACK and not len(incident.actors)
            if (
                regional
                and midnight_ms(incident.start) <= at_ms < midnight_ms(incident.end) + DAY_MS
            ):
                return case.key
        return ""


_RANKS: Final = ("UNKNOWN", "LOW", "MEDIUM", "HIGH", "CRITICAL")


def _first(alerts: Sequence[Alert]) -> Alert:
    return alerts[0]


def _is_of_flow(alert: Alert) -> bool:
    return alert.actor_pid is None and alert.structure_pid is None


def _compare_peers(region: TrialRegion, book: LookBook, result: TrialResult) -> None:
    """Judge the same looks by every rule."""
    span = region.span
    looks = book.finish()
    names = sorted({region.group_of(one) for one in region.accounts.tolist()})
    group = np.array([names.index(region.group_of(one)) for one in region.accounts.tolist()])
    table = Table.of(looks, group, span.days)
    away = np.array(sorted(region.concerned | region.newcomers.keys()), np.int64)
    quiet = ~np.isin(region.accounts, away)
    first = span.enrolment_days
    active = table.counts[:, first:] > 0
    for place in np.flatnonzero(quiet).tolist():
        result.active_days[names[group[place]]] += int(active[place].sum())
    _count_new_days(region, table, result)
    allowed = BUDGET_PER_1000 * int(quiet.sum()) * span.test_days / 1000.0
    for rule, score_of in RULES.items():
        score = score_of(table)
        threshold = threshold_for(table, score, quiet, first, allowed)
        result.thresholds[rule] = threshold
        _found_by(rule, region, table, score >= threshold, result)


def _count_new_days(region: TrialRegion, table: Table, result: TrialResult) -> None:
    for account, since in region.newcomers.items():
        place = int(np.searchsorted(region.accounts, account))
        first = (since - region.span.start).days
        result.new_active_days += int((table.counts[place, first : first + FIRST_DAYS] > 0).sum())
        later = table.counts[place, first + FIRST_DAYS :]
        result.active_days[region.group_of(account)] += int((later > 0).sum())


def _found_by(
    rule: str, region: TrialRegion, table: Table, alerted: np.ndarray, result: TrialResult
) -> None:
    looks = table.looks
    for number, (case, truth) in enumerate(zip(region.span.cases, region.truths, strict=True)):
        if truth.incident.kind != ATTACK:
            continue
        for account in truth.incident.actors.tolist():
            first = truth.first_ms_of(account)
            if first is None:
                continue
            place = int(np.searchsorted(region.accounts, account))
            begin, end = np.searchsorted(looks.account, [place, place + 1]).tolist()
            times = looks.time_ms[begin:end][alerted[begin:end]]
            times = times[(times >= first) & (times <= truth.last_ms + _GRACE_MS)]
            at = int(times.min()) if len(times) else None
            result.attacked.append(
                Attacked(
                    judge=rule,
                    case=case.key,
                    incident=number,
                    group=region.group_of(account),
                    found_ms=at - first if at is not None else math.inf,
                    lost=truth.patients(at, account),
                    total=truth.patients(None, account),
                )
            )
