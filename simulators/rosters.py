"""Who takes part in each flow in a month, and how often on each day (pure).

A roster row is a user in the sense of the statistics: an account, or a structure acting with its
certificate (account -1). A month's plan gives every row its count for every day; the counts of a
quota sum to it exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from simulators import volumes
from simulators.allocation import CountMatrix, allocate
from simulators.calendar import day_weights
from simulators.pseudonyms import salt_of, uniform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulators.population import FloatArray, Int64Array, Population

CERTIFICATE: Final = -1

INSI: Final = "insi"
DMP: Final = "dmp"
MSS: Final = "mss"
PRESCRIBED: Final = "prescribed"
DISPENSED: Final = "dispensed"
ACTIVITIES: Final = (INSI, DMP, MSS, PRESCRIBED, DISPENSED)

_NEARLY_EVEN: Final = 20.0  # people work a little unevenly
_BATCHED: Final = 4.0  # certificates send what their software has gathered


@dataclass(frozen=True, slots=True, eq=False)
class Roster:
    """n users with their weight in a flow.

    Attributes:
        structure: shape (n,).
        account: shape (n,); `CERTIFICATE` where the structure itself is the user.
        weight: shape (n,), positive.
    """

    structure: Int64Array
    account: Int64Array
    weight: FloatArray

    def __len__(self) -> int:
        """Number of users."""
        return len(self.structure)

    def pick(self, rows: npt.NDArray[np.integer]) -> Roster:
        """The given rows, in their order."""
        return Roster(self.structure[rows], self.account[rows], self.weight[rows])


def join(rosters: Sequence[Roster]) -> Roster:
    """One roster after the other."""
    return Roster(
        np.concatenate([r.structure for r in rosters]),
        np.concatenate([r.account for r in rosters]),
        np.concatenate([r.weight for r in rosters]),
    )


def people(population: Population, sector: str, couloir: str, share: float = 1.0) -> Roster:
    """The accounts of a couloir that use a flow: always the same `share` of them, at least one."""
    accounts = population.accounts_of(sector, couloir)
    keen = uniform(accounts, salt_of(population.seed, f"share {couloir}"))
    chosen = accounts[np.argsort(keen)[: max(1, round(share * len(accounts)))]]
    return Roster(population.home[chosen], chosen, population.level[chosen])


def certificates(population: Population, sector: str, couloir: str, share: float = 1.0) -> Roster:
    """The structures of a couloir that act with their certificate, at least one."""
    structures = population.structures_of(sector, couloir)
    keen = uniform(structures, salt_of(population.seed, f"certificate {couloir}"))
    chosen = structures[np.argsort(keen)[: max(1, round(share * len(structures)))]]
    return Roster(chosen, np.full(len(chosen), CERTIFICATE), population.size[chosen])


def weighed(roster: Roster, factor: float) -> Roster:
    """The roster with every weight multiplied, where rosters of unlike users are joined."""
    return Roster(roster.structure, roster.account, roster.weight * factor)


def _insi_candidates(population: Population, sector: str) -> tuple[Roster, FloatArray]:
    """Possible INSi users of a sector, and how readily each is one."""
    parts: tuple[tuple[Roster, float], ...]
    if sector == "PSL":
        parts = (
            (people(population, "PSL", "MEDECINE_VILLE"), 5.0),
            (people(population, "PSL", "OFFICINE"), 1.0),
            (people(population, "PSL", "AUTRE"), 0.3),
            (weighed(certificates(population, "PSL", "LABO_BIOLOGIE"), 12.0), 60.0),
            (weighed(certificates(population, "PSL", "RADIOLOGIE"), 8.0), 60.0),
        )
    elif sector == "ESMS":
        parts = (
            (certificates(population, "ESMS", "MEDICO_SOCIAL"), 1.0),
            (people(population, "ESMS", "MEDICO_SOCIAL"), 0.1),
        )
    elif sector == "NR":
        parts = (
            (certificates(population, "NR", "INCONNU"), 1.0),
            (people(population, "NR", "INCONNU"), 0.5),
        )
    elif sector == "ES":
        # Statistics count ES by structure: 285 users make 320 063 calls.
        parts = ((certificates(population, "ES", "HOPITAL"), 1.0),)
    else:
        parts = ((people(population, "SOCIAL", "AUTRE"), 1.0),)
    readiness = np.concatenate([np.full(len(roster), ready) for roster, ready in parts])
    return join([roster for roster, _ in parts]), readiness


def insi_users(population: Population, sector: str, month: int) -> Roster:
    """The users of a sector in a month: mostly the same ones, and exactly as many as the quota."""
    users = volumes.insi_quota(sector, month, population.scale).users
    roster, readiness = _insi_candidates(population, sector)
    identity = np.where(roster.account >= 0, roster.account, -1 - roster.structure)
    stable = uniform(identity, salt_of(population.seed, "insi user"))
    passing = uniform(identity, salt_of(population.seed, f"insi month {month}"))
    # The first `users` arrivals of an exponential race; a month's luck shifts who is among the last.
    arrival = -np.log1p(-stable) / readiness * (0.9 + 0.2 * passing)
    return roster.pick(np.sort(np.argsort(arrival, kind="stable")[:users]))


@dataclass(frozen=True, slots=True)
class _Part:
    """A roster that shares one quota."""

    roster: Roster
    total: int
    at_least_one: bool = False


def _parts(population: Population, month: int) -> dict[str, list[_Part]]:
    scale = population.scale

    def town(couloir: str, share: float) -> Roster:
        return people(population, volumes.SECTOR_OF_COULOIR[couloir], couloir, share)

    def machines(couloir: str, share: float = 1.0) -> Roster:
        return certificates(population, volumes.SECTOR_OF_COULOIR[couloir], couloir, share)

    rosters: dict[str, dict[str, Roster]] = {
        DMP: {
            "LABO_BIOLOGIE": machines("LABO_BIOLOGIE"),
            "MEDECINE_VILLE": town("MEDECINE_VILLE", 0.8),
            "HOPITAL": machines("HOPITAL"),
            "RADIOLOGIE": machines("RADIOLOGIE"),
            "OFFICINE": town("OFFICINE", 0.3),
            "MEDICO_SOCIAL": machines("MEDICO_SOCIAL", 0.1),
        },
        MSS: {
            "HOPITAL": join([weighed(machines("HOPITAL"), 100.0), town("HOPITAL", 0.4)]),
            "LABO_BIOLOGIE": machines("LABO_BIOLOGIE"),
            "MEDECINE_VILLE": town("MEDECINE_VILLE", 0.85),
            "AUTRE": town("AUTRE", 0.6),
            "RADIOLOGIE": machines("RADIOLOGIE"),
            "MEDICO_SOCIAL": town("MEDICO_SOCIAL", 0.25),
            "OFFICINE": town("OFFICINE", 0.3),
        },
        PRESCRIBED: {
            "MEDECINE_VILLE": town("MEDECINE_VILLE", 0.65),
            "HOPITAL": town("HOPITAL", 0.05),
        },
        DISPENSED: {"OFFICINE": town("OFFICINE", 0.7)},
    }
    september = {
        DMP: volumes.DMP_SEPTEMBER,
        MSS: volumes.MSS_SEPTEMBER,
        PRESCRIBED: volumes.PRESCRIBED_SEPTEMBER,
        DISPENSED: {"OFFICINE": volumes.DISPENSED_SEPTEMBER},
    }
    parts = {
        activity: [
            _Part(roster, volumes.quota(september[activity][couloir], couloir, month, scale))
            for couloir, roster in by_couloir.items()
        ]
        for activity, by_couloir in rosters.items()
    }
    parts[INSI] = [
        _Part(
            insi_users(population, sector, month),
            volumes.insi_quota(sector, month, scale).calls,
            at_least_one=True,
        )
        for sector in volumes.INSI_SEPTEMBER_2025
    ]
    return parts


@dataclass(frozen=True, slots=True, eq=False)
class MonthPlan:
    """A month's rosters and counts, per activity.

    Attributes:
        month: `year * 12 + month - 1`.
        rosters: users of each activity, sorted by structure and account.
        counts: events of each user on each day of the month, shape (users, days).
    """

    month: int
    rosters: dict[str, Roster]
    counts: dict[str, CountMatrix]

    @classmethod
    def create(cls, population: Population, month: int) -> MonthPlan:
        """Draw the plan of a month; it depends on the population and the month alone."""
        rng = np.random.default_rng([population.seed & 0xFFFF_FFFF_FFFF_FFFF, 0x504C, month])
        weights = day_weights(month)
        parts = _parts(population, month)
        rosters: dict[str, Roster] = {}
        counts: dict[str, CountMatrix] = {}
        for activity in ACTIVITIES:
            drawn = [
                allocate(
                    rng,
                    total=part.total,
                    weights=part.roster.weight,
                    day_weights=weights[population.couloir[part.roster.structure]],
                    dispersion=_dispersion(part.roster),
                    at_least_one=part.at_least_one,
                )
                for part in parts[activity]
            ]
            roster = join([part.roster for part in parts[activity]])
            order = np.lexsort((roster.account, roster.structure))
            rosters[activity] = roster.pick(order)
            counts[activity] = np.concatenate(drawn)[order]
        return cls(month, rosters, counts)


def _dispersion(roster: Roster) -> float:
    return _BATCHED if bool((roster.account == CERTIFICATE).all()) else _NEARLY_EVEN


def expected_daily_visits(population: Population) -> FloatArray:
    """Mean number of patients that each structure sees on a day of a reference month, shape (S,)."""
    visits = np.zeros(len(population.size))
    for parts in _parts(population, volumes.REFERENCE_MONTH).values():
        events = np.zeros_like(visits)
        for part in parts:
            share = part.roster.weight / part.roster.weight.sum()
            events += np.bincount(part.roster.structure, share * part.total, len(visits))
        visits = np.maximum(visits, events / 30.0)
    return visits
