"""Harvests that differ by how much is taken: so many a day, or a share of the account's own (pure).

Fast harvests and 100 a day act on their own; doubling, +50 % and +25 % add that share of the owner's
own patients on the days on which the owner works, so that the account's volume rises by just that;
a ramp grows by a tenth a week. A camouflaged harvest takes more, but within the owner's working hours
and rhythm, from the owner's machine, and looks at the structure's own patients in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulators.attacks.harvest import (
    AS_OWNER,
    UNEXPLAINED_RATIO,
    Guise,
    Harvest,
    HowMany,
    shared_out,
)
from simulators.attacks.incident import is_working_day
from simulators.attacks.params import one_of, ratio, whole
from simulators.attacks.rhythm import as_owner, office, script
from simulators.attacks.whom import strangers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import numpy as np

    from simulators.attacks.incident import Incident, Plan

STOLEN_PASSWORD = Guise()


@dataclass(frozen=True, slots=True)
class PerDay:
    """So many identities a day, whatever the owner does.

    Attributes:
        identities: look-ups per account and day.
        days: length.
        accounts: number of stolen accounts.
        on: `every` day, as a script does, or `working` days in office hours.
        unexplained: share of look-ups without a care relation.
    """

    identities: int = whole(100, most=50_000)
    days: int = whole(45, most=3_660)
    accounts: int = whole(1, most=1_000)
    on: str = one_of("working", "every", "working")
    unexplained: float = ratio(UNEXPLAINED_RATIO, most=1.0)

    def incidents(self, plan: Plan) -> Sequence[Incident]:
        """One incident."""

        def how_many(day: date, member: int, own: int, rng: np.random.Generator) -> int:
            del member, own, rng
            return self.identities if self.on == "every" or is_working_day(day) else 0

        harvest = Harvest(
            plan=plan,
            members=plan.busy(self.accounts),
            how_many=how_many,
            whom=strangers(1.0 - self.unexplained),
            rhythm=script if self.on == "every" else office,
            guise=STOLEN_PASSWORD,
        )
        return [harvest.incident(plan.opening(), self.days)]


@dataclass(frozen=True, slots=True)
class OwnShare:
    """A share of the owner's own patients on top of them, on the days on which the owner works.

    Attributes:
        share: look-ups per patient of the owner; 1 doubles the account's volume.
        growth: by which the account's volume rises from week to week, for ramps.
        days: length.
        accounts: number of stolen accounts.
        guise: `password`, from a new network and client with the password alone, or `owner`, from the
            owner's machine, as the owner is authenticated, with the owner's mix of reads.
        unexplained: share of look-ups without a care relation.
    """

    share: float = ratio(1.0)
    growth: float = ratio(0.0, most=10.0)
    days: int = whole(45, most=3_660)
    accounts: int = whole(1, most=1_000)
    guise: str = one_of("owner", "owner", "password")
    unexplained: float = ratio(UNEXPLAINED_RATIO, most=1.0)

    def incidents(self, plan: Plan) -> Sequence[Incident]:
        """One incident."""
        harvest = Harvest(
            plan=plan,
            members=plan.busy(self.accounts),
            how_many=self._how_many(plan),
            whom=strangers(1.0 - self.unexplained),
            rhythm=as_owner,
            guise=AS_OWNER if self.guise == "owner" else STOLEN_PASSWORD,
        )
        return [harvest.incident(plan.opening(), self.days)]

    def _how_many(self, plan: Plan) -> HowMany:
        opening = plan.opening()

        def how_many(day: date, member: int, own: int, rng: np.random.Generator) -> int:
            del member
            weeks = (day - opening).days / 7
            grown = (1.0 + self.growth) ** weeks - 1.0
            return shared_out(own * (self.share + grown), rng)

        return how_many


@dataclass(frozen=True, slots=True)
class Camouflage:
    """A harvest within the owner's own work.

    Attributes:
        identities: look-ups per account on a day on which the owner works.
        unexplained: share of look-ups without a care relation.
        days: length.
        accounts: number of stolen accounts.
    """

    identities: int = whole(40, most=50_000)
    unexplained: float = ratio(0.7, most=1.0)
    days: int = whole(45, most=3_660)
    accounts: int = whole(1, most=1_000)

    def incidents(self, plan: Plan) -> Sequence[Incident]:
        """One incident."""

        def how_many(day: date, member: int, own: int, rng: np.random.Generator) -> int:
            del member, rng
            return self.identities if own and is_working_day(day) else 0

        harvest = Harvest(
            plan=plan,
            members=plan.busy(self.accounts),
            how_many=how_many,
            whom=strangers(1.0 - self.unexplained),
            rhythm=as_owner,
            guise=AS_OWNER,
        )
        return [harvest.incident(plan.opening(), self.days)]
