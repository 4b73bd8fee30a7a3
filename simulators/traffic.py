"""The region's traffic, day after day, in the order in which it is recorded (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from simulators.calendar import midnight_ms
from simulators.day import Care, CareDays
from simulators.events import Events, merge
from simulators.flows.dmp import dmp_deposits
from simulators.flows.eprescription import eprescriptions
from simulators.flows.insi import insi_calls
from simulators.flows.mss import mss_messages
from simulators.flows.platform import PlatformFlow
from simulators.population import Population

if TYPE_CHECKING:
    from simulators.flows.platform_accounts import PlatformAccounts

Extra = Callable[[date], Sequence[Events]]
"""More traffic for a day, an attack's for instance: tables of events that occur on it."""


def no_extra(day: date) -> Sequence[Events]:
    """The region by itself."""
    del day
    return ()


@dataclass(frozen=True, slots=True, eq=False)
class RegionDay:
    """A day as the region lived it, for whoever wants to tell it differently.

    Attributes:
        population: who acts.
        accounts: the accounts of the platforms.
        care: the day's care.
        days: remembers the days before.
        tables: the day's events per flow, in no particular order.
    """

    population: Population
    accounts: PlatformAccounts
    care: Care
    days: CareDays
    tables: Mapping[str, Events]


Rewrite = Callable[[RegionDay], Mapping[str, Events]]
"""The tables of a day as they shall be recorded: what attacks and other incidents make of them."""


def as_it_was(today: RegionDay) -> Mapping[str, Events]:
    """The day unchanged."""
    return today.tables


class RegionTraffic:
    """The five flows of a seed; a day's events do not depend on where a simulation starts.

    Args:
        seed: any integer.
        scale: size relative to Hauts-de-France; tests use small ones.
    """

    def __init__(self, seed: int, scale: float = 1.0) -> None:
        self.population = Population.create(seed, scale)
        self._platform = PlatformFlow(self.population)

    @property
    def accounts(self) -> PlatformAccounts:
        """The accounts of the platforms."""
        return self._platform.accounts

    def occurring(
        self, start: date, days: int, extra: Extra = no_extra, rewrite: Rewrite = as_it_was
    ) -> Iterator[Mapping[str, Events]]:
        """Each day's events per flow, in no particular order within it."""
        care_days = CareDays(self.population, start)
        for number in range(days):
            care = care_days.advance()
            tables = [
                dmp_deposits(self.population, care),
                mss_messages(self.population, care),
                insi_calls(self.population, care),
                eprescriptions(self.population, care),
                self._platform.accesses(care, care_days),
                *extra(start + timedelta(days=number)),
            ]
            yield rewrite(RegionDay(self.population, self.accounts, care, care_days, merge(tables)))

    def recorded(
        self, start: date, days: int, extra: Extra = no_extra, rewrite: Rewrite = as_it_was
    ) -> Iterator[dict[str, Events]]:
        """The same events by the local day on which they are recorded, ordered by `recorded_at`.

        Events that are recorded after their own day wait for it, those of the last day until its last
        millisecond: a recording holds all that occurred, and ends for all flows at one instant. A few
        stragglers with nothing else around them would look as if everything else had fallen silent.
        """
        waiting: list[Events] = []
        for number, today in enumerate(self.occurring(start, days, extra, rewrite), 1):
            end_ms = midnight_ms(start + timedelta(days=number))
            ready = []
            for table in merge([*waiting, *today.values()]).values():
                recorded_ms = table.columns["recorded_at"]
                if number == days:
                    np.minimum(recorded_ms, end_ms - 1, out=recorded_ms)
                ready.append((table, recorded_ms < end_ms))
            waiting = [table.pick(np.flatnonzero(~is_ready)) for table, is_ready in ready]
            yield {
                table.flow: table.pick(np.flatnonzero(is_ready)).in_arrival_order()
                for table, is_ready in ready
            }
