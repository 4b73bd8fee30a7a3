"""Innocent incidents of people: new hire, locum, return from holidays, night shift (pure).

Whoever is new looks at patients whom the structure has met, in its rooms and at its hours, and is
authenticated as care professionals are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from simulators.attacks.accesses import OWN_NUMBERS, Looks, told_as_accesses, word
from simulators.attacks.harvest import CLINICAL, own_rows, owner_looks
from simulators.attacks.incident import (
    LOOKALIKE,
    UNCHANGED,
    Change,
    Incident,
    is_working_day,
)
from simulators.attacks.params import ratio, whole
from simulators.attacks.rhythm import office
from simulators.attacks.whom import met_lately
from simulators.events import AUTH_METHODS, NULL, PLATFORMS, Events
from simulators.flows.telling import Draw, words_of
from streams.event_time import HOUR_MS
from streams.topics import PLATFORM_ACCESSES
from streams.vocabulary import COULOIRS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulators.attacks.incident import Plan
    from simulators.population import Int64Array
    from simulators.traffic import RegionDay


def at_work(
    today: RegionDay, account: int, structure: int, count: int, rng: np.random.Generator
) -> Events | None:
    """Reads of up to `count` patients whom the structure has met, in office hours."""
    patient = met_lately(today, structure, count, rng)
    n = len(patient)
    if n == 0:
        return None
    hospital = today.population.couloir[structure] == COULOIRS.index("HOPITAL")
    net_class = word("net_class", "INTERNAL" if hospital else "REGION_ISP")
    draw = Draw(words_of(PLATFORM_ACCESSES, "action"), CLINICAL)
    looks = Looks(
        account=np.full(n, account, np.int64),
        structure=np.full(n, structure, np.int64),
        patient=patient,
        at_ms=office(today, 0, patient[:0], n, rng),
        action=draw(rng.random(n)),
        is_known=np.ones(n, np.bool_),
        auth=np.full(n, AUTH_METHODS.code("PSC_CPS"), np.uint8),
        network=np.full(n, structure, np.int64),
        net_class=np.full(n, net_class, np.uint8),
        client=np.full(n, OWN_NUMBERS + account, np.int64),
        channel=np.zeros(n, np.uint8),
        platform=np.full(n, PLATFORMS.code("VIATRAJECTOIRE"), np.uint8),
        searched=rng.random(n) < 0.6,
    )
    return told_as_accesses(today, looks, rng)


def _newcomer(plan: Plan, structure: int, mean: float, days: int) -> Incident:
    account = plan.stranger_accounts(1)

    def change(today: RegionDay) -> Change:
        if not is_working_day(today.care.local.day):
            return UNCHANGED
        rng = plan.rng("newcomer", today.care.ordinal)
        table = at_work(today, int(account[0]), structure, int(rng.poisson(mean)), rng)
        return UNCHANGED if table is None else Change((table,))

    start = plan.opening()
    end = start + timedelta(days=days)
    structures = np.array([structure])
    return Incident(plan.name, LOOKALIKE, start, end, account, structures, change)


def _structure(plan: Plan, sector: str, couloir: str) -> int:
    """One of the larger structures of a couloir, where somebody new is nothing rare."""
    here = plan.population.structures_of(sector, couloir)
    large = here[np.argsort(-plan.population.size[here], kind="stable")][: max(1, len(here) // 4)]
    return int(large[int(plan.rng("structure").integers(0, len(large)))])


@dataclass(frozen=True, slots=True)
class NewHire:
    """Somebody new in a hospital: an account without a past, at once at full work.

    Attributes:
        patients: mean patients of a working day.
        days: length.
    """

    patients: float = ratio(18.0, most=500.0)
    days: int = whole(60, most=3_660)

    def incidents(self, plan: Plan) -> Sequence[Incident]:
        """One incident."""
        return [_newcomer(plan, _structure(plan, "ES", "HOPITAL"), self.patients, self.days)]


@dataclass(frozen=True, slots=True)
class Locum:
    """Somebody who stands in for two weeks in a town practice: new, busy, gone again.

    Attributes:
        patients: mean patients of a working day.
        days: length.
    """

    patients: float = ratio(24.0, most=500.0)
    days: int = whole(14, most=3_660)

    def incidents(self, plan: Plan) -> Sequence[Incident]:
        """One incident."""
        practice = _structure(plan, "PSL", "MEDECINE_VILLE")
        return [_newcomer(plan, practice, self.patients, self.days)]


@dataclass(frozen=True, slots=True)
class HolidayReturn:
    """Weeks of absence, then some days of catching up with the structure's patients.

    Attributes:
        away_days: length of the absence.
        days: length of the catching up.
        factor: patients of such a day, of the account's usual ones.
    """

    away_days: int = whole(21, most=366)
    days: int = whole(3, most=366)
    factor: float = ratio(2.5, most=20.0)

    def incidents(self, plan: Plan) -> Sequence[Incident]:
        """One incident, absence and return; the start that is asked for is the day of the return."""
        member = int(plan.busy(1)[0])
        account = int(plan.accounts.account[member])
        structure = int(plan.population.home[account])
        back = plan.opening()
        start = back - timedelta(days=self.away_days)
        usual = 0.77 * plan.accounts.level[member]  # 12 distinct patients in 15.5 looks

        def change(today: RegionDay) -> Change:
            day = today.care.local.day
            if day < back:
                return Change(silenced=np.array([account]))
            rng = plan.rng("back", today.care.ordinal)
            if not is_working_day(day):
                return UNCHANGED
            table = _as_always(today, account, structure, round(usual * self.factor), rng)
            return UNCHANGED if table is None else Change((table,))

        end = back + timedelta(days=self.days)
        actors, structures = np.array([account]), np.array([structure])
        return [Incident(plan.name, LOOKALIKE, start, end, actors, structures, change)]


def _as_always(
    today: RegionDay, account: int, structure: int, count: int, rng: np.random.Generator
) -> Events | None:
    """Work of an account of the region with its own network, client and means."""
    patient = met_lately(today, structure, count, rng)
    if len(patient) == 0:
        return None
    looks = owner_looks(today, account, structure, patient, rng)
    return told_as_accesses(today, looks, rng)


@dataclass(frozen=True, slots=True)
class NightShift:
    """An account whose work moves into the night for some days: same patients, other hours.

    Attributes:
        days: length.
    """

    days: int = whole(10, most=366)

    def incidents(self, plan: Plan) -> Sequence[Incident]:
        """One incident."""
        member = int(plan.busy(1)[0])
        account = int(plan.accounts.account[member])
        start = plan.opening()

        def change(today: RegionDay) -> Change:
            table = today.tables[PLATFORM_ACCESSES].pick(own_rows(today, account))
            if len(table) == 0:
                return UNCHANGED
            columns = dict(table.columns)
            late = columns["recorded_at"] - columns["occurred_at"]
            columns["occurred_at"] = _by_night(today, columns["occurred_at"])
            columns["recorded_at"] = columns["occurred_at"] + late
            columns["directory_step"] = np.full(len(table), NULL, np.int64)
            columns["session_pid"] = columns["session_pid"] + OWN_NUMBERS
            return Change((Events(PLATFORM_ACCESSES, columns),), np.array([account]))

        return [
            Incident(
                plan.name,
                LOOKALIKE,
                start,
                start + timedelta(days=self.days),
                np.array([account]),
                np.array([int(plan.population.home[account])]),
                change,
            )
        ]


def _by_night(today: RegionDay, times_ms: Int64Array) -> Int64Array:
    """The day's times from 20:30 on, or before 06:30, in their order within each half."""
    local = today.care.local
    length = local.end_ms - local.start_ms
    share = (times_ms - local.start_ms) / length
    early = share < 0.5
    morning = local.start_ms + share * 13.0 * HOUR_MS
    evening = local.end_ms - (1.0 - share) * 7.0 * HOUR_MS
    moved: Int64Array = np.where(early, morning, evening).astype(np.int64)
    return moved
