"""The incidents of a simulation: planned once, told day by day, counted as they are told (pure).

Nobody else's events change. An account that an incident concerns keeps its own, but for the distance to
its previous record in the directory, which the edge would measure over all its records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from simulators.attacks.accesses import OWN_NUMBERS
from simulators.attacks.incident import Incident, Plan
from simulators.attacks.labels import Truth, label_line
from simulators.events import NULL, Events, merge
from simulators.patients import directory_position
from streams.errors import InputError
from streams.topics import PLATFORM_ACCESSES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from simulators.attacks.catalogue import Wanted
    from simulators.population import Int64Array
    from simulators.traffic import RegionDay, RegionTraffic

MOST: Final = 200
"""Incidents of a simulation; bounds the numbers that tell their events apart."""


class Scenario:
    """What happens in a simulation besides its ordinary days.

    Args:
        wanted: the attacks and look-alikes that were asked for.
        traffic: the region.
        start: first simulated day.
        days: number of simulated days.
        begin_ms: nothing happens before this instant, milliseconds UTC.

    Raises:
        InputError: too many, or one that lies outside the simulated days.
    """

    def __init__(
        self,
        wanted: Sequence[Wanted],
        traffic: RegionTraffic,
        start: date,
        days: int,
        begin_ms: int = 0,
    ) -> None:
        self._seed = traffic.population.seed
        incidents: list[Incident] = []
        taken: frozenset[int] = frozenset()
        for number, one in enumerate(wanted):
            plan = Plan(
                name=one.name,
                number=number,
                population=traffic.population,
                accounts=traffic.accounts,
                first_day=start,
                days=days,
                start=one.start,
                begin_ms=begin_ms,
                taken=taken,
            )
            inside = [
                incident
                for incident in one.story.incidents(plan)
                if incident.start.toordinal() < start.toordinal() + days and incident.end > start
            ]
            if not inside:
                raise InputError(
                    f"--attack {one.text}: outside of the simulated days; give a start within them"
                    " (NAME@YYYY-MM-DD)"
                )
            incidents += inside
            taken = taken.union(*(incident.actors.tolist() for incident in inside))
        if len(incidents) > MOST:
            raise InputError(f"--attack: at most {MOST} incidents, not {len(incidents)}")
        self.truths = tuple(Truth(incident) for incident in incidents)

    def rewrite(self, today: RegionDay) -> Mapping[str, Events]:
        """The day with its incidents; `RegionTraffic` takes this."""
        day = today.care.local.day
        added: list[Events] = []
        silenced: list[Int64Array] = []
        for number, truth in enumerate(self.truths):
            if not truth.incident.concerns(day):
                continue
            change = truth.incident.change(today)
            told = [
                _numbered(table, number, today.care.ordinal)
                for table in merge([table for table in change.added if len(table)]).values()
            ]
            truth.count(day, told)
            added += told
            silenced.append(change.silenced)
        if not added and not any(len(accounts) for accounts in silenced):
            return today.tables
        tables = dict(today.tables)
        away = np.unique(np.concatenate(silenced))
        accesses = tables[PLATFORM_ACCESSES]
        kept = ~np.isin(accesses.columns["actor_pid"], away)
        tables[PLATFORM_ACCESSES] = accesses.pick(np.flatnonzero(kept))
        merged = merge([*tables.values(), *added])
        concerned = [t.columns["actor_pid"] for t in added if t.flow == PLATFORM_ACCESSES]
        if concerned:
            merged[PLATFORM_ACCESSES] = with_directory_steps(
                merged[PLATFORM_ACCESSES], np.unique(np.concatenate(concerned))
            )
        return merged

    def labels(self) -> bytes:
        """The ground truth so far, one line of JSON per incident."""
        return b"".join(label_line(truth, self._seed) for truth in self.truths)


def _numbered(table: Events, number: int, ordinal: int) -> Events:
    """With event numbers of its own."""
    first = OWN_NUMBERS + (number << 46) + (ordinal << 24)
    return Events(table.flow, {**table.columns, "event_id": first + np.arange(len(table))})


def with_directory_steps(table: Events, accounts: Int64Array) -> Events:
    """The accesses with each of these accounts' distance from its previous record of the day."""
    columns = table.columns
    mine = np.isin(columns["actor_pid"], accounts) & (columns["patient_pid"] >= 0)
    rows = np.flatnonzero(mine)
    rows = rows[np.lexsort((columns["occurred_at"][rows], columns["actor_pid"][rows]))]
    position = directory_position(columns["patient_pid"][rows])
    actor = columns["actor_pid"][rows]
    steps = columns["directory_step"].copy()
    if len(rows):
        steps[rows[0]] = NULL
        steps[rows[1:]] = np.where(actor[1:] == actor[:-1], np.diff(position), NULL)
    return Events(table.flow, {**columns, "directory_step": steps})
