"""The directory read in its own order: plainly, hidden among random look-ups, in shuffled blocks (pure).

The volume stays within what an account of the platforms does on a busy day; what gives it away is the
order (`directory_step`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulators.attacks.harvest import Guise, Harvest, each_day
from simulators.attacks.params import one_of, whole
from simulators.attacks.rhythm import script
from simulators.attacks.whom import in_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulators.attacks.incident import Incident, Plan


@dataclass(frozen=True, slots=True)
class Enumeration:
    """Look-ups in directory order.

    Attributes:
        form: `ordered`; `interleaved`, every second look-up random; `shuffled`, in blocks of 50.
        identities: look-ups per account and day.
        days: length.
        accounts: number of stolen accounts, each in a place of the directory of its own.
    """

    form: str = one_of("ordered", "ordered", "interleaved", "shuffled")
    identities: int = whole(60, most=50_000)
    days: int = whole(10, most=3_660)
    accounts: int = whole(1, most=1_000)

    def incidents(self, plan: Plan) -> Sequence[Incident]:
        """One incident."""
        harvest = Harvest(
            plan=plan,
            members=plan.busy(self.accounts),
            how_many=each_day(self.identities),
            whom=in_order(plan, self.identities, self.form),
            rhythm=script,
            guise=Guise(channel="API", searched_ratio=0.0),
        )
        return [harvest.incident(plan.opening(), self.days)]
