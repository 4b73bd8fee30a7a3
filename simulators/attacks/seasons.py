"""Innocent incidents of the whole region: epidemic, vaccination campaign, the end of August (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from simulators.attacks.incident import LOOKALIKE, NOBODY, UNCHANGED, Change, Incident
from simulators.attacks.params import ratio, whole
from simulators.attacks.twins import Twins
from simulators.events import DOC_CLASSES, DOC_TYPES, OUTCOMES, code
from simulators.flows.telling import Told, habits, latencies_ms, tell
from simulators.pseudonyms import salt_of
from streams.event_time import MINUTE_MS
from streams.topics import DMP_DEPOSITS, INSI_CALLS
from streams.vocabulary import COULOIRS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from simulators.attacks.incident import Plan
    from simulators.events import Column, Events
    from simulators.traffic import RegionDay

EPIDEMIC_COULOIRS: Final = ("HOPITAL", "MEDECINE_VILLE", "OFFICINE", "LABO_BIOLOGIE", "AUTRE")


def _everywhere(
    plan: Plan, start: date, days: int, change: Callable[[RegionDay], Change]
) -> list[Incident]:
    end = start + timedelta(days=days)
    return [Incident(plan.name, LOOKALIKE, start, end, NOBODY, NOBODY, change)]


@dataclass(frozen=True, slots=True)
class Epidemic:
    """A week in which more patients are ill, and are seen, prescribed for and looked up.

    Attributes:
        share: additional patients, of those of an ordinary week.
        days: length.
    """

    share: float = ratio(0.4, most=1.0)
    days: int = whole(7, most=3_660)

    def incidents(self, plan: Plan) -> Sequence[Incident]:
        """One incident, everywhere."""
        start = plan.opening()
        twins = Twins(
            share=self.share,
            salt=salt_of(plan.population.seed, f"{plan.name} {plan.number}"),
            couloirs=frozenset(COULOIRS.index(name) for name in EPIDEMIC_COULOIRS),
            since=start.toordinal(),
        )

        def change(today: RegionDay) -> Change:
            return Change([twins.events(today, table) for table in today.tables.values()])

        return _everywhere(plan, start, self.days, change)


@dataclass(frozen=True, slots=True)
class Vaccination:
    """A campaign in the pharmacies: a call for the identity, then a vaccination note in the DMP.

    Attributes:
        per_pharmacy: vaccinations of a participating pharmacy on a working day, on average.
        share: pharmacies that take part.
        days: length.
    """

    per_pharmacy: float = ratio(15.0)
    share: float = ratio(0.5, most=1.0)
    days: int = whole(21, most=3_660)

    def incidents(self, plan: Plan) -> Sequence[Incident]:
        """One incident, everywhere."""
        population = plan.population
        staff = population.accounts_of("PSL", "OFFICINE")
        _, first = np.unique(population.home[staff], return_index=True)
        owners = staff[first]
        owners = owners[plan.uniform(owners, "takes part") < self.share]

        def change(today: RegionDay) -> Change:
            local = today.care.local
            if local.day.weekday() == 6:
                return UNCHANGED
            rng = plan.rng("vaccinated", today.care.ordinal)
            account = np.repeat(owners, rng.poisson(self.per_pharmacy, len(owners)))
            structure = population.home[account]
            keys = rng.integers(1 << 34, 1 << 36, len(account))
            told = Told(
                structure=structure,
                account=account,
                patient=today.days.panels.someone(structure, keys),
                occurred_ms=local.times_ms(population.couloir[structure], rng.random(len(account))),
                auth=habits(population, INSI_CALLS, account, rng),
                outcome=np.full(len(account), OUTCOMES.code("SUCCESS"), np.uint8),
                outcome_code=np.zeros(len(account), np.uint8),
            )
            return Change((_identified(today, told, rng), _noted(today, told, rng)))

        return _everywhere(plan, plan.opening(), self.days, change)


def _identified(today: RegionDay, told: Told, rng: np.random.Generator) -> Events:
    count = len(told.account)
    by_card = code(INSI_CALLS, "operation", "RECHERCHE_VITALE")
    own: dict[str, Column] = {
        "operation": np.full(count, by_card, np.uint8),
        "call_mode": np.zeros(count, np.uint8),
        "batch_size": np.ones(count, np.int64),
        "latency_ms": latencies_ms(rng, count, 380.0, 380),
    }
    return tell(today.population, today.care.local, INSI_CALLS, told, own, rng=rng)


def _noted(today: RegionDay, told: Told, rng: np.random.Generator) -> Events:
    count = len(told.account)
    later = Told(
        structure=told.structure,
        account=told.account,
        patient=told.patient,
        occurred_ms=told.occurred_ms + (rng.uniform(3, 12, count) * MINUTE_MS).astype(np.int64),
        auth=habits(today.population, DMP_DEPOSITS, told.account, rng),
        outcome=told.outcome,
        outcome_code=told.outcome_code,
    )
    own: dict[str, Column] = {
        "operation": np.full(count, code(DMP_DEPOSITS, "operation", "SUBMIT"), np.uint8),
        "doc_type": np.full(count, DOC_TYPES.code("87273-9"), np.uint8),
        "doc_class": np.full(count, DOC_CLASSES.code("VACCINATION"), np.uint8),
        "doc_count": np.ones(count, np.int64),
        "depositor": np.zeros(count, np.uint8),
        "ins_status": np.full(count, code(DMP_DEPOSITS, "ins_status", "QUAL"), np.uint8),
        "latency_ms": latencies_ms(rng, count, 900.0, 900),
    }
    return tell(today.population, today.care.local, DMP_DEPOSITS, later, own, rng=rng)


def _nothing(today: RegionDay) -> Change:
    del today
    return UNCHANGED


@dataclass(frozen=True, slots=True)
class SummersEnd:
    """The jump from August to September, which is in the region's calendar already: a label alone.

    Attributes:
        days: length, from 1 September on.
    """

    days: int = whole(14, most=3_660)

    def incidents(self, plan: Plan) -> Sequence[Incident]:
        """One incident, everywhere, on the simulation's first 1 September."""
        first = plan.first_day
        year = first.year + (first > date(first.year, 9, 1))
        if first.month == 9 and first.day < self.days:
            year = first.year
        start = plan.start or date(year, 9, 1)
        return _everywhere(plan, start, self.days, _nothing)
