"""The attack on Prédice, wave by wave (pure).

What: two stolen accounts fetched patients' identity sheets from the platform's directory in three
waves, 3 December 2024 to 16 January, 22 June to 2 July and 11 to 22 July 2025 (domain reference §1.2).
The number of patients was never published; 60, 74, 735 and 7 353 identities per account-day are the
reference's cases (§11.3).
How it looks: identity sheets only, no search, over the API, with the password alone, from a network
and a client that the owners never used, at a script's even pace and hours, weekends included; the
accounts' owners go on working. The third wave meets a platform that is already switched off.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from simulators.attacks.harvest import Guise, Harvest, each_day
from simulators.attacks.params import one_of, whole
from simulators.attacks.rhythm import script
from simulators.events import PLATFORMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulators.attacks.incident import Incident, Plan

WAVES: Final = (
    (date(2024, 12, 3), date(2025, 1, 16)),
    (date(2025, 6, 22), date(2025, 7, 2)),
    (date(2025, 7, 11), date(2025, 7, 22)),
)
"""First and last day of each wave (CRNS of 18 November 2025; domain reference §1.2)."""


@dataclass(frozen=True, slots=True)
class Predice:
    """The replay of the attack.

    Attributes:
        identities: look-ups per account and day.
        accounts: number of stolen accounts.
        waves: which of the three waves take place.
        net_class: of the attackers' networks. Not published: the default says least.
    """

    identities: int = whole(735, most=50_000)
    accounts: int = whole(2, most=1_000)
    waves: str = one_of("123", "1", "2", "3", "12", "13", "23", "123")
    net_class: str = one_of("FR_OTHER", "REGION_ISP", "FR_OTHER", "FOREIGN", "HOSTING_VPN")

    def incidents(self, plan: Plan) -> Sequence[Incident]:
        """One incident per wave, on its date; with a start that was asked for, counted from there."""
        first = WAVES[int(self.waves[0]) - 1][0]
        shift = plan.start - first if plan.start is not None else first - first
        predice = PLATFORMS.code("PREDICE")
        harvest = Harvest(
            plan=plan,
            members=plan.busy(self.accounts, predice),
            how_many=each_day(self.identities),
            rhythm=script,
            guise=Guise(channel="API", net_class=self.net_class, searched_ratio=0.0),
            platform=predice,
        )
        return [
            harvest.incident(begin + shift, (last - begin).days + 1)
            for begin, last in (WAVES[int(number) - 1] for number in self.waves)
        ]
