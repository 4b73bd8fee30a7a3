"""One day's care: who acts, which patient is seen when, what is prescribed and dispensed (pure).

Visits are the base: every act of a structure belongs to one of the day's visits, so the same patient
is met by the same structure in several flows. A structure has as many visits as its busiest activity
has acts, and each activity's acts are spread evenly over them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from simulators.calendar import LocalDay, month_index
from simulators.patients import Panels
from simulators.population import DEPARTMENTS, FloatArray, Int64Array, Population
from simulators.pseudonyms import salt_of, uniform
from simulators.rosters import ACTIVITIES, DISPENSED, PRESCRIBED, MonthPlan
from streams.event_time import MINUTE_MS
from streams.vocabulary import COULOIRS

MEMORY_DAYS: Final = 10
"""Days that a structure's people remember whom they saw; prescriptions are filled within them."""

SECOND_STRUCTURE_DAY_RATIO: Final = 0.3
"""Acts of an account with two structures that it does in the second (assumption)."""

DISPENSED_KINDS_RATIO: Final = 0.75
"""Prescriptions that a pharmacy fills: medicines and devices (assumption)."""

# Which day's prescriptions are filled: most the same day (assumption).
_LAG_SHARES: Final = (0.62, 0.2, 0.08, 0.05, 0.03, 0.02)


def rng_of(seed: int, purpose: str, ordinal: int) -> np.random.Generator:
    """The generator of one purpose on one day, whatever was drawn before."""
    return np.random.default_rng([salt_of(seed, purpose), ordinal])


@dataclass(frozen=True, slots=True, eq=False)
class Acts:
    """n acts of an activity, sorted by structure.

    Attributes:
        structure: shape (n,).
        account: shape (n,), -1 for a certificate.
        visit: shape (n,), positions in the day's visits.
    """

    structure: Int64Array
    account: Int64Array
    visit: Int64Array

    def __len__(self) -> int:
        """Number of acts."""
        return len(self.structure)


@dataclass(frozen=True, slots=True, eq=False)
class Visits:
    """V visits, structure after structure.

    Attributes:
        first: shape (S + 1,); structure s has the visits `first[s]` to `first[s + 1]`.
        patient: shape (V,).
        at_ms: shape (V,), milliseconds UTC within the day.
    """

    first: Int64Array
    patient: Int64Array
    at_ms: Int64Array

    def someone(self, structures: Int64Array, number: FloatArray) -> Int64Array:
        """A patient seen by each structure, by n numbers in [0, 1); -1 where it saw nobody."""
        seen = self.first[structures + 1] - self.first[structures]
        place = self.first[structures] + (number * seen).astype(np.int64)
        found = np.full(len(structures), -1, np.int64)
        some = seen > 0
        found[some] = self.patient[place[some]]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Prescriptions:
    """What was prescribed on a day and a pharmacy can fill, by department and time.

    Attributes:
        first: shape (departments + 1,).
        number: shape (n,), the prescriptions.
        patient: shape (n,).
        at_ms: shape (n,), ascending within a department.
    """

    first: Int64Array
    number: Int64Array
    patient: Int64Array
    at_ms: Int64Array


@dataclass(frozen=True, slots=True, eq=False)
class Care:
    """A day's care, from which the flows are told.

    Attributes:
        local: the day's hours.
        acts: acts of each activity.
        visits: the day's visits.
        prescribed: numbers of the prescriptions that the `PRESCRIBED` acts write.
        prescribed_at_ms: when they are written.
        filled: numbers of the prescriptions that the `DISPENSED` acts fill.
    """

    local: LocalDay
    acts: dict[str, Acts]
    visits: Visits
    prescribed: Int64Array
    prescribed_at_ms: Int64Array
    filled: Int64Array

    @property
    def ordinal(self) -> int:
        """The day as `date.toordinal`."""
        return self.local.day.toordinal()


class CareDays:
    """Makes the care of successive days, with the memory of the last `MEMORY_DAYS`.

    Args:
        population: who acts.
        start: the first day that will be asked for; the days before it are lived through silently.
    """

    def __init__(self, population: Population, start: date) -> None:
        self.population = population
        self.panels = Panels(population)
        self._plan: MonthPlan | None = None
        self._seen: deque[Visits] = deque(maxlen=MEMORY_DAYS)
        self._written: deque[Prescriptions] = deque(maxlen=len(_LAG_SHARES) - 1)
        self._next = start - timedelta(days=MEMORY_DAYS)
        while self._next < start:
            self.advance()

    def advance(self) -> Care:
        """Live through the next day."""
        day, self._next = self._next, self._next + timedelta(days=1)
        month = month_index(day)
        if self._plan is None or self._plan.month != month:
            self._plan = MonthPlan.create(self.population, month)
        local = LocalDay.of(day)
        acts, visits = self._visit(local, self._plan)
        writing = acts[PRESCRIBED]
        numbers = self._number(day, writing)
        written_ms = local.clamp(visits.at_ms[writing.visit] + 9 * MINUTE_MS)
        today = self._prescriptions(writing, numbers, written_ms, visits)
        filling = acts[DISPENSED]
        filled, patients = self._fill(filling, visits, today, day)
        visits.patient[filling.visit] = patients
        self._seen.appendleft(visits)
        self._written.appendleft(today)
        return Care(local, acts, visits, numbers, written_ms, filled)

    def remembered(self, structures: Int64Array, lag: Int64Array, number: FloatArray) -> Int64Array:
        """A patient whom each structure saw `lag` days ago (0: today); -1 where nobody."""
        found = np.full(len(structures), -1, np.int64)
        for days_ago, visits in enumerate(self._seen):
            rows = np.flatnonzero(lag == days_ago)
            found[rows] = visits.someone(structures[rows], number[rows])
        return found

    def _visit(self, local: LocalDay, plan: MonthPlan) -> tuple[dict[str, Acts], Visits]:
        population, ordinal = self.population, local.day.toordinal()
        structures = len(population.size)
        rng = rng_of(population.seed, "acts", ordinal)
        who = {}
        busiest = np.zeros(structures, np.int64)
        tallies = {}
        for activity in ACTIVITIES:
            roster = plan.rosters[activity]
            row = np.repeat(np.arange(len(roster)), plan.counts[activity][:, local.day.day - 1])
            structure, account = roster.structure[row], roster.account[row]
            second = np.where(account >= 0, population.second[account], -1)
            away = np.flatnonzero(second >= 0)
            away = away[rng.random(len(away)) < SECOND_STRUCTURE_DAY_RATIO]
            structure[away] = second[away]
            order = np.argsort(structure, kind="stable")
            who[activity] = structure[order], account[order]
            tallies[activity] = np.bincount(structure, minlength=structures)
            np.maximum(busiest, tallies[activity], out=busiest)
        first = np.concatenate([[0], np.cumsum(busiest)])
        acts = {}
        for activity, (structure, account) in who.items():
            tally = tallies[activity]
            begin = np.cumsum(tally) - tally
            rank = np.arange(len(structure)) - begin[structure]
            # Systematic sampling in whole numbers: no visit has two acts of one activity.
            offset = (rng.random(structures) * tally).astype(np.int64)[structure]
            visit = first[structure] + (rank * busiest[structure] + offset) // tally[structure]
            acts[activity] = Acts(structure, account, visit)
        at = np.repeat(np.arange(structures), busiest)
        patient = self.panels.pick(at, ordinal, rng.random(len(at)))
        at_ms = local.times_ms(population.couloir[at], rng.random(len(at)))
        return acts, Visits(first, patient, at_ms)

    def _number(self, day: date, writing: Acts) -> Int64Array:
        couloir = self.population.couloir[writing.structure]
        by_hospital = (couloir == COULOIRS.index("HOPITAL")).astype(np.int64)
        number: Int64Array = (day.toordinal() << 24) + 2 * np.arange(len(writing)) + by_hospital
        return number

    def _prescriptions(
        self, acts: Acts, numbers: Int64Array, at_ms: Int64Array, visits: Visits
    ) -> Prescriptions:
        fillable = np.flatnonzero(kind_uniform(numbers) < DISPENSED_KINDS_RATIO)
        department = self.population.department[acts.structure[fillable]]
        order = fillable[np.lexsort((at_ms[fillable], department))]
        per_department = np.bincount(department, minlength=len(DEPARTMENTS))
        return Prescriptions(
            np.concatenate([[0], np.cumsum(per_department)]),
            numbers[order],
            visits.patient[acts.visit[order]],
            at_ms[order],
        )

    def _fill(
        self, acts: Acts, visits: Visits, today: Prescriptions, day: date
    ) -> tuple[Int64Array, Int64Array]:
        """Which prescription each dispensation fills: numbers (-1: none in reach) and patients."""
        rng = rng_of(self.population.seed, "fill", day.toordinal())
        number = np.full(len(acts), -1, np.int64)
        patient = visits.patient[acts.visit].copy()
        department = self.population.department[acts.structure].astype(np.int64)
        lag = np.searchsorted(np.cumsum(_LAG_SHARES)[:-1], rng.random(len(acts)), side="right")
        pick = rng.random(len(acts))
        until_ms = visits.at_ms[acts.visit] - 5 * MINUTE_MS
        for days_ago, written in enumerate((today, *self._written)):
            for place in range(len(DEPARTMENTS)):
                rows = np.flatnonzero((department == place) & (lag == days_ago))
                begin, end = written.first[place], written.first[place + 1]
                before = np.searchsorted(written.at_ms[begin:end], until_ms[rows])
                chosen = begin + (pick[rows] * before).astype(np.int64)
                early = before == 0
                lag[rows[early]] += 1
                number[rows[~early]] = written.number[chosen[~early]]
                patient[rows[~early]] = written.patient[chosen[~early]]
        return number, patient


def is_hospital(prescriptions: Int64Array) -> npt.NDArray[np.bool_]:
    """Whether prescriptions were written in a hospital: the last bit of their number."""
    return np.bitwise_and(prescriptions, 1).astype(np.bool_)


def kind_uniform(prescriptions: Int64Array) -> FloatArray:
    """The number in [0, 1) that decides what a prescription is for, the same on every day."""
    return uniform(prescriptions, 0x6B696E64)
