"""A harvest whose every look is preceded by the account's own search of the identity (pure).

Whoever has the owner's card as well can ask the national identity service for anybody by name and birth
date before the file is opened. If such a call counted as a dealing of the structure with the patient,
the harvest would explain itself. The account looks at as many patients besides as its owner does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from simulators.attacks.harvest import AS_OWNER, UNEXPLAINED_RATIO, Harvest, shared_out
from simulators.attacks.incident import Change
from simulators.attacks.params import ratio, whole
from simulators.attacks.rhythm import as_owner
from simulators.attacks.whom import strangers
from simulators.events import NULL, OUTCOMES, Events, code
from simulators.flows.telling import Told, habits, latencies_ms, tell
from streams.event_time import SECOND_MS
from streams.topics import INSI_CALLS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from simulators.attacks.incident import Incident, Plan
    from simulators.traffic import RegionDay

_LEAD_MS: Final = 40 * SECOND_MS


@dataclass(frozen=True, slots=True)
class SearchFirst:
    """Searches and looks.

    Attributes:
        share: look-ups per patient of the owner.
        days: length.
        accounts: number of stolen accounts.
    """

    share: float = ratio(1.0)
    days: int = whole(45, most=3_660)
    accounts: int = whole(1, most=1_000)

    def incidents(self, plan: Plan) -> Sequence[Incident]:
        """One incident."""

        def how_many(day: date, member: int, own: int, rng: np.random.Generator) -> int:
            del day, member
            return shared_out(own * self.share, rng)

        harvest = Harvest(
            plan=plan,
            members=plan.busy(self.accounts),
            how_many=how_many,
            whom=strangers(1.0 - UNEXPLAINED_RATIO),
            rhythm=as_owner,
            guise=AS_OWNER,
        )

        def change(today: RegionDay) -> Change:
            looks = harvest.change(today)
            rng = plan.rng("searching", today.care.ordinal)
            searches = [_searched(today, table, rng) for table in looks.added]
            return Change((*looks.added, *searches), looks.silenced)

        return [replace(harvest.incident(plan.opening(), self.days), change=change)]


def _searched(today: RegionDay, looks: Events, rng: np.random.Generator) -> Events:
    """A search by traits for every patient who is looked at."""
    rows = np.flatnonzero(looks.columns["patient_pid"] >= 0)
    account, count = looks.columns["actor_pid"][rows], len(rows)
    return tell(
        today.population,
        today.care.local,
        INSI_CALLS,
        Told(
            structure=looks.columns["structure_pid"][rows],
            account=account,
            patient=looks.columns["patient_pid"][rows],
            occurred_ms=looks.columns["occurred_at"][rows] - _LEAD_MS,
            auth=habits(today.population, INSI_CALLS, account, rng),
            outcome=np.full(count, OUTCOMES.code("SUCCESS"), np.uint8),
            outcome_code=np.full(count, code(INSI_CALLS, "outcome_code", "R00"), np.uint8),
        ),
        {
            "operation": np.full(
                count, code(INSI_CALLS, "operation", "RECHERCHE_TRAITS"), np.uint8
            ),
            "call_mode": np.zeros(count, np.uint8),
            "batch_size": np.ones(count, np.int64),
            "latency_ms": latencies_ms(rng, count, 380.0, NULL),
        },
        rng=rng,
    )
