"""A baseline that is lifted little by little before the harvest (pure).

First the account looks at ever more patients whom its structure really has met, so that only its volume
rises; then it harvests at the level to which it has taught its watchers to agree. The schedule is a
parameter, so that a search can look for the worst one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from simulators.attacks.harvest import AS_OWNER, Harvest, shared_out
from simulators.attacks.params import ratio, ratios, whole
from simulators.attacks.rhythm import as_owner
from simulators.attacks.whom import strangers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import numpy as np

    from simulators.attacks.incident import Incident, Plan
    from simulators.attacks.whom import BoolArray
    from simulators.population import Int64Array
    from simulators.traffic import RegionDay

TENTHS: Final = tuple(round(0.1 * week, 1) for week in range(1, 11))


@dataclass(frozen=True, slots=True)
class Poisoning:
    """A lift and a harvest.

    Attributes:
        schedule: one number per step of the lift: additional patients per patient of the owner.
        step_days: length of a step.
        known: share of the lift's patients whom the structure has met.
        harvest: look-ups per patient of the owner, once the lift is over.
        harvest_days: length of the harvest.
        accounts: number of stolen accounts.
    """

    schedule: tuple[float, ...] = ratios(TENTHS)
    step_days: int = whole(7, most=366)
    known: float = ratio(0.85, most=1.0)
    harvest: float = ratio(1.0)
    harvest_days: int = whole(14, least=0, most=3_660)
    accounts: int = whole(1, most=1_000)

    @property
    def lift_days(self) -> int:
        """Length of the lift."""
        return len(self.schedule) * self.step_days

    def incidents(self, plan: Plan) -> Sequence[Incident]:
        """One incident, lift and harvest."""
        opening = plan.opening()
        harvest_from = opening + timedelta(days=self.lift_days)
        lifting, harvesting = strangers(self.known), strangers(0.05)

        def how_many(day: date, member: int, own: int, rng: np.random.Generator) -> int:
            del member
            if day >= harvest_from:
                return shared_out(own * self.harvest, rng)
            step = (day - opening).days // self.step_days
            return shared_out(own * self.schedule[step], rng)

        def whom(
            today: RegionDay, member: int, structure: int, count: int, rng: np.random.Generator
        ) -> tuple[Int64Array, BoolArray]:
            chosen = harvesting if today.care.local.day >= harvest_from else lifting
            return chosen(today, member, structure, count, rng)

        harvest = Harvest(
            plan=plan,
            members=plan.busy(self.accounts),
            how_many=how_many,
            whom=whom,
            rhythm=as_owner,
            guise=AS_OWNER,
        )
        return [harvest.incident(opening, self.lift_days + self.harvest_days)]
