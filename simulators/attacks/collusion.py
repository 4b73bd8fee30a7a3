"""Many accounts that each take a little, and have something in common (pure).

Twenty accounts look at five more patients a day each: no account stands out. What they have in common
is a network, a client, the minute at which they act, or one list that they read in turns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulators.attacks.harvest import AS_OWNER, Guise, Harvest
from simulators.attacks.incident import is_working_day
from simulators.attacks.params import one_of, whole
from simulators.attacks.rhythm import at_minute, office
from simulators.attacks.whom import strangers, taking_turns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import numpy as np

    from simulators.attacks.incident import Incident, Plan


@dataclass(frozen=True, slots=True)
class Collusion:
    """Accounts that share out a harvest.

    Attributes:
        share: what they have in common: a new `network` (each with a client of its own), a new
            `client` (each in a network of its own), the `rhythm` or the `order`; with the last two
            each acts from its owner's machine.
        identities: look-ups per account and working day.
        days: length.
        accounts: number of stolen accounts.
    """

    share: str = one_of("network", "network", "client", "rhythm", "order")
    identities: int = whole(5, most=50_000)
    days: int = whole(10, most=3_660)
    accounts: int = whole(20, most=1_000)

    def incidents(self, plan: Plan) -> Sequence[Incident]:
        """One incident."""

        def how_many(day: date, member: int, own: int, rng: np.random.Generator) -> int:
            del member, own, rng
            return self.identities if is_working_day(day) else 0

        members = plan.busy(self.accounts)
        minute = 9 * 60 + int(plan.rng("minute").integers(0, 8 * 60))
        harvest = Harvest(
            plan=plan,
            members=members,
            how_many=how_many,
            whom=taking_turns(plan, len(members), self.identities)
            if self.share == "order"
            else strangers(0.0),
            rhythm=at_minute(minute) if self.share == "rhythm" else office,
            guise=Guise(shared=frozenset({self.share}))
            if self.share in ("network", "client")
            else AS_OWNER,
        )
        return [harvest.incident(plan.opening(), self.days)]
