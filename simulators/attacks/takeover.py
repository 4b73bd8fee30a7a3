"""An account that somebody else works with from now on, at the owner's usual volume (pure).

The owner no longer logs in. Whoever does looks at as many patients, but others, from a new network and
client, with the password alone, in the evening, and at identities rather than documents. The account's
traces in the other flows go on: they need the owner's card.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulators.attacks.harvest import UNEXPLAINED_RATIO, Guise, Harvest
from simulators.attacks.params import one_of, ratio, whole
from simulators.attacks.rhythm import evening
from simulators.attacks.whom import strangers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import numpy as np

    from simulators.attacks.incident import Incident, Plan


@dataclass(frozen=True, slots=True)
class Takeover:
    """A takeover at normal volume.

    Attributes:
        days: length.
        accounts: number of stolen accounts.
        unexplained: share of look-ups without a care relation.
        net_class: of the new network.
    """

    days: int = whole(14, most=3_660)
    accounts: int = whole(1, most=1_000)
    unexplained: float = ratio(UNEXPLAINED_RATIO, most=1.0)
    net_class: str = one_of("FR_OTHER", "REGION_ISP", "FR_OTHER", "FOREIGN", "HOSTING_VPN")

    def incidents(self, plan: Plan) -> Sequence[Incident]:
        """One incident."""

        def as_usual(day: date, member: int, own: int, rng: np.random.Generator) -> int:
            del day, member, rng
            return own

        harvest = Harvest(
            plan=plan,
            members=plan.busy(self.accounts),
            how_many=as_usual,
            whom=strangers(1.0 - self.unexplained),
            rhythm=evening,
            guise=Guise(
                actions=(("READ_IDENTITY", 60.0), ("READ_RECORD", 40.0)), net_class=self.net_class
            ),
            silences=True,
        )
        return [harvest.incident(plan.opening(), self.days)]
