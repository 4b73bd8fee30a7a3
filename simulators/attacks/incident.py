"""What an incident is: somebody, for some days, who changes what the region tells (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from simulators.calendar import is_public_holiday
from simulators.day import rng_of
from simulators.pseudonyms import salt_of, uniform

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from simulators.events import Events
    from simulators.flows.platform_accounts import PlatformAccounts
    from simulators.population import Int64Array, Population
    from simulators.traffic import RegionDay

ATTACK: Final = "attack"
LOOKALIKE: Final = "lookalike"

SATURDAY: Final = 5
BUSY_RATIO: Final = 0.2
"""Part of the platform accounts, the most present ones, among which those concerned are chosen: an
account that works one day a month neither hides an attack nor looks like one."""

NOBODY: Final[Int64Array] = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """What an incident makes of a day.

    Attributes:
        added: tables of events that occur on it; their event numbers are given later.
        silenced: shape (n,); accounts whose own platform accesses of the day do not happen.
    """

    added: Sequence[Events] = ()
    silenced: Int64Array = field(default_factory=lambda: NOBODY)


UNCHANGED: Final = Change()


@dataclass(frozen=True, slots=True, eq=False)
class Incident:
    """One incident.

    Attributes:
        name: of the attack or look-alike.
        kind: `ATTACK` or `LOOKALIKE`.
        start: first day.
        end: the day after the last.
        actors: shape (n,), the accounts concerned; none where it is the whole region.
        structures: shape (m,), the structures concerned; none where it is the whole region.
        change: what it makes of each of its days.
    """

    name: str
    kind: str
    start: date
    end: date
    actors: Int64Array
    structures: Int64Array
    change: Callable[[RegionDay], Change]

    def concerns(self, day: date) -> bool:
        """Whether it goes on on a day."""
        return self.start <= day < self.end


@dataclass(frozen=True, slots=True)
class Plan:
    """Where in a simulation an incident is to take place.

    Attributes:
        name: of the attack or look-alike.
        number: its place among the simulation's incidents; equal attacks differ by it.
        population: who could be concerned.
        accounts: the platforms' accounts.
        first_day: first simulated day.
        days: number of simulated days.
        start: day that was asked for, if any.
        begin_ms: nothing happens before this instant, milliseconds UTC.
        taken: accounts that other incidents already concern.
    """

    name: str
    number: int
    population: Population
    accounts: PlatformAccounts
    first_day: date
    days: int
    start: date | None = None
    begin_ms: int = 0
    taken: frozenset[int] = frozenset()

    def opening(self) -> date:
        """The day that was asked for, or the first working day after a third of the simulation."""
        if self.start is not None:
            return self.start
        day = self.first_day + timedelta(days=self.days // 3)
        while not is_working_day(day) and (day - self.first_day).days < self.days - 1:
            day += timedelta(days=1)
        return day

    def rng(self, purpose: str, ordinal: int = 0) -> np.random.Generator:
        """The generator of one purpose on one day, this incident's own."""
        return rng_of(self.population.seed, f"{self.name} {self.number} {purpose}", ordinal)

    def uniform(self, values: Int64Array, purpose: str) -> np.ndarray:
        """One number in [0, 1) per integer, this incident's own."""
        salt = salt_of(self.population.seed, f"{self.name} {self.number} {purpose}")
        return uniform(values, salt)

    def stranger_accounts(self, count: int) -> Int64Array:
        """Numbers of accounts that did not exist before: new hires, locums, machines."""
        first = len(self.population.home) + (self.number << 12)
        return np.arange(first, first + count)

    def busy(self, count: int, platform: int | None = None) -> Int64Array:
        """Positions in the platform accounts of `count` that are often there, by the seed.

        Args:
            count: how many; fewer come back from a region that has no more.
            platform: code of the platform that they must mainly use, where there are such.
        """
        free = np.array([int(account) not in self.taken for account in self.accounts.account])
        usable = np.flatnonzero(free)
        if platform is not None:
            same = usable[self.accounts.main[usable] == platform]
            usable = same if len(same) >= count else usable
        often = usable[np.argsort(-self.accounts.presence[usable], kind="stable")]
        often = often[: max(count, round(BUSY_RATIO * len(usable)))]
        luck = self.uniform(self.accounts.account[often], "chosen")
        return np.sort(often[np.argsort(luck, kind="stable")[:count]])


class Story(Protocol):
    """A kind of attack or look-alike with its parameters."""

    def incidents(self, plan: Plan) -> Sequence[Incident]:
        """The incidents that it comes to.

        Raises:
            InputError: a parameter is out of range; names it.
        """


def is_working_day(day: date) -> bool:
    """Monday to Friday, no public holiday."""
    return day.weekday() < SATURDAY and not is_public_holiday(day)
