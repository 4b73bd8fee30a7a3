"""An account that makes its victims its structure's patients before it harvests them (pure).

For some weeks it opens the files of a few strangers on each day on which its owner works, as everybody
meets a few new patients. From then on its structure has read them before, and an earlier access explains
a later one: the harvest itself, each of them again and in depth, looks like care that goes on. What
cannot be made that way is the first look.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from simulators.attacks.harvest import AS_OWNER, Harvest
from simulators.attacks.incident import is_working_day
from simulators.attacks.params import whole
from simulators.attacks.rhythm import as_owner
from simulators.attacks.whom import strangers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from simulators.attacks.incident import Incident, Plan
    from simulators.attacks.whom import BoolArray
    from simulators.population import Int64Array
    from simulators.traffic import RegionDay


@dataclass(frozen=True, slots=True)
class CareRamp:
    """Acquaintance and harvest.

    Attributes:
        few: strangers that are opened on each day on which the owner works.
        days: of acquaintance; within the month for which an access explains others.
        again: look-ups on each working day of the harvest, everybody once.
        harvest_days: length of the harvest.
        accounts: number of stolen accounts.
    """

    few: int = whole(3, most=1_000)
    days: int = whole(26, most=3_660)
    again: int = whole(15, most=50_000)
    harvest_days: int = whole(14, most=3_660)
    accounts: int = whole(1, most=1_000)

    def incidents(self, plan: Plan) -> Sequence[Incident]:
        """One incident, acquaintance and harvest."""
        opening = plan.opening()
        harvest_from = opening + timedelta(days=self.days)
        anybody = strangers(0.0)
        # By member and day, so that a day that is told twice changes nothing.
        opened: defaultdict[int, dict[date, Int64Array]] = defaultdict(dict)

        def of_day(day: date, member: int) -> Int64Array:
            """Those of the acquainted whose turn it is."""
            passed = (day - harvest_from).days
            turn = sum(is_working_day(harvest_from + timedelta(days=n)) for n in range(passed))
            parts = [
                np.zeros(0, np.int64),
                *(opened[member][one] for one in sorted(opened[member])),
            ]
            _, first = np.unique(known := np.concatenate(parts), return_index=True)
            return known[np.sort(first)][turn * self.again : (turn + 1) * self.again]

        def how_many(day: date, member: int, own: int, rng: np.random.Generator) -> int:
            del rng
            if day < harvest_from:
                return self.few if own else 0
            return len(of_day(day, member)) if is_working_day(day) else 0

        def whom(
            today: RegionDay, member: int, structure: int, count: int, rng: np.random.Generator
        ) -> tuple[Int64Array, BoolArray]:
            day = today.care.local.day
            # The platform knows of no episode of theirs, however often they were read.
            if day >= harvest_from:
                return of_day(day, member), np.zeros(count, np.bool_)
            patients, is_known = anybody(today, member, structure, count, rng)
            opened[member][day] = patients
            return patients, is_known

        harvest = Harvest(
            plan=plan,
            members=plan.busy(self.accounts),
            how_many=how_many,
            whom=whom,
            rhythm=as_owner,
            guise=AS_OWNER,
        )
        return [harvest.incident(opening, self.days + self.harvest_days)]
