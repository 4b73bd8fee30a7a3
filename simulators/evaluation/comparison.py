"""Findings against the truth of a region: what was found, when, and what was false (pure)."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import numpy as np

from simulators import pseudonyms
from simulators.attacks.incident import ATTACK
from simulators.calendar import midnight_ms
from simulators.evaluation.census import SURFACES, account_key, actor_of
from simulators.evaluation.region import outage_ms
from simulators.evaluation.results import OURS, Attacked, Silence, Told
from streams.event_time import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulators.attacks.labels import Truth
    from simulators.evaluation.census import People
    from simulators.evaluation.judging import Alert
    from simulators.evaluation.region import TrialRegion
    from simulators.evaluation.results import TrialResult
    from simulators.evaluation.silences import Limit

FIRST_DAYS: Final = 14
"""An account is new for so long."""
GRACE_MS: Final = DAY_MS
"""Evidence of an attack's last day is told at that day's end."""


class Comparison:
    """Alerts against the truth of a region.

    Args:
        region: what happened.
        people: who was there.
        alerts: what was told.
        result: is filled in.
        limits: by when each outage should be found.
    """

    def __init__(
        self,
        region: TrialRegion,
        people: People,
        alerts: Sequence[Alert],
        result: TrialResult,
        limits: Sequence[Limit] = (),
    ) -> None:
        self._limits = limits
        self._region, self._people, self._result = region, people, result
        self._accounts, self._structures = region.names_of_everybody()
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
                total = truth.patients(None, account)
                own = [
                    a for a in self._of_actor[name] if first <= a.at_ms <= truth.last_ms + GRACE_MS
                ]
                used |= {a.finding_id for a in self._of_actor[name] if a.at_ms >= first}
                by_detector = _by_detector(own, truth, account, first)
                found_ms = min((at for _, at, _ in by_detector), default=math.inf)
                self._result.attacked.append(
                    Attacked(
                        judge=OURS,
                        case=case.key,
                        incident=number,
                        group=region.group_of(account),
                        found_ms=found_ms,
                        lost=min((lost for _, _, lost in by_detector), default=total),
                        total=total,
                        by_detector=by_detector,
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
                and truth.first_ms <= alerts[0].at_ms <= truth.last_ms + GRACE_MS
            ]
            used |= {name for _, name in found}
            after = min((at for at, _ in found), default=math.inf) - truth.first_ms
            self._result.collusions.append((case.key, after))
        return used

    def _outages(self) -> set[str]:
        used: set[str] = set()
        for number, outage in enumerate(self._region.span.outages):
            begin_ms, end_ms = outage_ms(outage)
            limit = self._limits[number]
            own = [
                (a.at_ms, a.finding_id)
                for a in map(_first, self._by_finding.values())
                if _is_of_flow(a)
                and a.flow == outage.flow
                and a.sector in (outage.sector, "NR")
                and begin_ms <= a.at_ms <= end_ms + GRACE_MS // 4
            ]
            used |= {name for _, name in own}
            found = min((at for at, _ in own), default=math.inf) - begin_ms
            silence = Silence(outage.flow, outage.sector, found, limit.own_ms, limit.single_ms)
            self._result.silences.append(silence)
        return used

    def _lookalikes_and_false(self, explained: set[str]) -> None:
        result, innocent = self._result, self._innocent_names()
        for finding_id, alerts in self._by_finding.items():
            if finding_id in explained:
                continue
            opened = alerts[0]
            worst = max(alerts, key=lambda a: _RANKS.index(a.severity)).severity
            told = Told("", opened.detectors, worst)
            if "collusion" in opened.detectors:
                result.group_findings.append(told)
            elif _is_of_flow(opened):
                if opened.at_ms < self._from_ms:
                    # Nobody knows yet what is usual of a flow.
                    continue
                told = Told(self._going_on(opened.at_ms), opened.detectors, worst)
                target = result.lookalikes if told.case else result.flow_findings
                target.append(told)
            elif opened.actor_pid in innocent:
                case = innocent[opened.actor_pid]
                result.lookalikes.append(Told(case, opened.detectors, worst))
            else:
                self._false(opened)
        self._exposure()

    def _false(self, opened: Alert) -> None:
        result, people = self._result, self._people
        if opened.at_ms < self._from_ms:
            result.enrolment_false += 1
            return
        actor = self._accounts.get(opened.actor_pid or "", -1)
        if actor in self._region.concerned:
            # Before its attack an account is as quiet as any other, but its days are not counted.
            return
        surface = SURFACES.index(opened.flow) if opened.flow in SURFACES else 0
        structure = self._structures.get(opened.structure_pid or "", 0)
        place = people.place(account_key(surface, structure, actor))
        result.false_detectors[opened.detectors[0]] += 1
        if place is None:
            result.false_account["elsewhere"] += 1
        elif self._day_of(opened.at_ms) < self._new_until(place):
            result.new_false += 1
        else:
            result.false_account[people.group(place)] += 1

    def _day_of(self, at_ms: int) -> int:
        return int((at_ms - midnight_ms(self._region.span.start)) // DAY_MS)

    def _new_until(self, place: int) -> int:
        """The day from which an account is not new any more; 0 for those of the enrolment."""
        first = int(self._people.first[place])
        return first + FIRST_DAYS if first >= self._region.span.enrolment_days else 0

    def _exposure(self) -> None:
        people, span, result = self._people, self._region.span, self._result
        concerned = np.array(sorted(self._region.concerned), np.int64)
        quiet = ~np.isin(actor_of(people.key), concerned)
        for place in np.flatnonzero(quiet).tolist():
            since = max(self._new_until(place), span.enrolment_days)
            if since > span.enrolment_days:
                first = int(people.first[place])
                result.new_days += min(since, span.days) - first
                result.new_active_days += int(people.active[place, first:since].sum())
            if since < span.days:
                group = people.group(place)
                result.account_days[group] += span.days - since
                result.active_days[group] += int(people.active[place, since:].sum())

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


def _by_detector(
    alerts: Sequence[Alert], truth: Truth, account: int, first_ms: int
) -> tuple[tuple[str, float, int], ...]:
    """When each detector first agreed, and how many identities were lost by then."""
    earliest: dict[str, int] = {}
    for alert in alerts:
        for detector in alert.detectors:
            earliest[detector] = min(earliest.get(detector, alert.at_ms), alert.at_ms)
    return tuple(
        (name, float(at - first_ms), truth.patients(at + 1, account))
        for name, at in earliest.items()
    )


def _first(alerts: Sequence[Alert]) -> Alert:
    return alerts[0]


def _is_of_flow(alert: Alert) -> bool:
    return alert.actor_pid is None and alert.structure_pid is None
