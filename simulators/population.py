"""Who acts in the simulated region: structures and accounts with stable behaviour (pure).

Everything here depends on the seed and the scale alone, so an account keeps its structure, level,
habits and equipment over any simulated period.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from simulators.pseudonyms import salt_of, uniform
from streams.vocabulary import COULOIRS, SECTORS

FloatArray = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]
CodeArray = npt.NDArray[np.uint8]

DEPARTMENTS: Final = ("02", "59", "60", "62", "80")
INHABITANTS: Final = (523_308, 2_612_965, 829_717, 1_457_146, 563_328)
"""INSEE estimates of 2023, in the departments' order (domain reference §12.1)."""


@dataclass(frozen=True, slots=True)
class Group:
    """Structures of one sector and couloir.

    Attributes:
        sector: sector of every structure.
        couloir: couloir of every structure.
        structures: how many at scale 1.
        accounts: people with an account there, at scale 1.
        spread: sigma of the log-normal structure size.
        by_department: relative number of structures per department.
    """

    sector: str
    couloir: str
    structures: int
    accounts: int
    spread: float
    by_department: tuple[int, ...] = INHABITANTS


# Structures: 2 471 ESMS and 1 888 officines by department are the region's own tables (domain
# reference §1.4); médecins de ville are split as the CPAM territories are; 300 ES cover the 285 INSi
# users; the rest, and every number of accounts, is assumed so that there are about 70 000 boxes.
GROUPS: Final = (
    Group("ES", "HOPITAL", 300, 20_000, 1.2),
    Group("PSL", "MEDECINE_VILLE", 4_200, 7_000, 0.5, (258, 1649, 328, 848, 407)),
    Group("PSL", "OFFICINE", 1_888, 4_200, 0.5, (163, 858, 213, 473, 181)),
    Group("PSL", "LABO_BIOLOGIE", 180, 900, 0.8),
    Group("PSL", "RADIOLOGIE", 140, 900, 0.7),
    Group("ESMS", "MEDICO_SOCIAL", 2_471, 8_000, 0.6, (269, 1108, 290, 551, 253)),
    Group("PSL", "AUTRE", 3_000, 3_800, 0.4),
    Group("NR", "INCONNU", 60, 80, 0.8),
    Group("SOCIAL", "AUTRE", 12, 20, 0.4),
)

SECOND_STRUCTURE_RATIO: Final = 0.05
"""Accounts that also work for another structure of their own couloir (assumption)."""
HOSPITAL_AND_TOWN_RATIO: Final = 0.03
"""Hospital accounts that also hold a town practice: one person, two sectors (assumption)."""


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """Structures (S of them) and accounts (A of them), as columns; a number is an entity.

    Attributes:
        seed: the simulation's seed.
        scale: size relative to the region.
        sector: shape (S,), codes of `SECTORS`.
        couloir: shape (S,), codes of `COULOIRS`.
        department: shape (S,), positions in `DEPARTMENTS`.
        size: shape (S,), log-normal with median 1.
        home: shape (A,), the structure an account belongs to.
        second: shape (A,), another structure it works for, or -1.
        level: shape (A,), its own volume, log-normal with median 1.
        habit: shape (A,), a number in [0, 1) that picks its means of authentication.
        rhythm: shape (A,), a number in [0, 1): early or late in the day.
    """

    seed: int
    scale: float
    sector: CodeArray
    couloir: CodeArray
    department: CodeArray
    size: FloatArray
    home: Int64Array
    second: Int64Array
    level: FloatArray
    habit: FloatArray
    rhythm: FloatArray

    @classmethod
    def create(cls, seed: int, scale: float = 1.0) -> Population:
        """Draw the population of a seed."""
        rng = np.random.default_rng([seed & 0xFFFF_FFFF_FFFF_FFFF, 0x504F50])
        sectors, couloirs, departments, sizes = [], [], [], []
        homes, seconds = [], []
        first = 0
        town = range(0)
        for group in GROUPS:
            count = max(1, round(group.structures * scale))
            here = np.arange(first, first + count)
            size = rng.lognormal(0.0, group.spread, count)
            shares = np.array(group.by_department) / sum(group.by_department)
            sectors.append(np.full(count, SECTORS.index(group.sector), np.uint8))
            couloirs.append(np.full(count, COULOIRS.index(group.couloir), np.uint8))
            departments.append(rng.choice(len(DEPARTMENTS), count, p=shares).astype(np.uint8))
            sizes.append(size)
            if group.couloir == "MEDECINE_VILLE":
                town = range(first, first + count)
            people = max(count, round(group.accounts * scale))
            extra = rng.choice(here, people - count, p=size / size.sum())
            home = np.concatenate([here, extra])
            second = np.full(people, -1, np.int64)
            other = rng.choice(here, people)
            chosen = (rng.random(people) < SECOND_STRUCTURE_RATIO) & (other != home)
            second[chosen] = other[chosen]
            homes.append(home)
            seconds.append(second)
            first += count
        home, second = np.concatenate(homes), np.concatenate(seconds)
        couloir = np.concatenate(couloirs)
        both = (couloir[home] == COULOIRS.index("HOPITAL")) & (
            rng.random(len(home)) < HOSPITAL_AND_TOWN_RATIO
        )
        second[both] = rng.choice(np.array(town), int(both.sum()))
        numbers = np.arange(len(home))
        return cls(
            seed=seed,
            scale=scale,
            sector=np.concatenate(sectors),
            couloir=couloir,
            department=np.concatenate(departments),
            size=np.concatenate(sizes),
            home=home,
            second=second,
            level=rng.lognormal(0.0, 0.9, len(home)),
            habit=uniform(numbers, salt_of(seed, "habit")),
            rhythm=uniform(numbers, salt_of(seed, "rhythm")),
        )

    def structures_of(self, sector: str, couloir: str) -> Int64Array:
        """Numbers of the structures of a sector and couloir."""
        return np.flatnonzero(
            (self.sector == SECTORS.index(sector)) & (self.couloir == COULOIRS.index(couloir))
        )

    def accounts_of(self, sector: str, couloir: str) -> Int64Array:
        """Numbers of the accounts whose home is a structure of a sector and couloir."""
        sectors, couloirs = self.sector[self.home], self.couloir[self.home]
        return np.flatnonzero(
            (sectors == SECTORS.index(sector)) & (couloirs == COULOIRS.index(couloir))
        )
