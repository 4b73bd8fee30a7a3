"""Patients: where they live, who follows them, where they stand in the directory (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from simulators.population import INHABITANTS, FloatArray, Int64Array, Population
from simulators.pseudonyms import mix, salt_of
from simulators.rosters import expected_daily_visits
from streams.vocabulary import COULOIRS

PATIENTS: Final = sum(INHABITANTS)
"""Patients are numbered 0 … PATIENTS - 1, department after department."""

_FIRST = np.concatenate([[0], np.cumsum(INHABITANTS)[:-1]]).astype(np.int64)
_HERE = np.array(INHABITANTS, np.int64)

OWN_DEPARTMENT_RATIO: Final = 0.92
"""Patients of a structure who live in its department (assumption)."""

# The directory is in the order of names, which has nothing to do with where people live: an affine
# permutation of the patients, so that both directions are one multiplication.
_STRIDE: Final = 2_654_435  # coprime with PATIENTS
_SHIFT: Final = 1_234_567
_UNSTRIDE: Final = pow(_STRIDE, -1, PATIENTS)


def directory_position(patients: Int64Array) -> Int64Array:
    """Where patients stand in the directory's own order, 0 … PATIENTS - 1."""
    return (patients * _STRIDE + _SHIFT) % PATIENTS


def patient_at(positions: Int64Array) -> Int64Array:
    """Who stands at directory positions (taken modulo the directory's length)."""
    return (positions - _SHIFT) % PATIENTS * _UNSTRIDE % PATIENTS


def department_of(patients: Int64Array) -> npt.NDArray[np.intp]:
    """Positions in `DEPARTMENTS` of where patients live."""
    return np.searchsorted(_FIRST, patients, side="right") - 1


@dataclass(frozen=True, slots=True)
class Following:
    """How long a couloir's structures follow a patient, and how often they see him in that time."""

    days: float
    visits: float


# Assumptions: a nurse comes daily, a pharmacy sees the chronically ill again, a scan is made once.
FOLLOWING: Final[dict[str, Following]] = {
    "INCONNU": Following(30, 1.5),
    "HOPITAL": Following(8, 3.0),
    "MEDECINE_VILLE": Following(30, 1.8),
    "OFFICINE": Following(30, 2.5),
    "LABO_BIOLOGIE": Following(20, 1.3),
    "RADIOLOGIE": Following(20, 1.15),
    "MEDICO_SOCIAL": Following(400, 400.0),
    "AUTRE": Following(30, 8.0),
}
RESIDENTS: Final = 70.0
"""People whom an ESMS of median size looks after at a time (assumption)."""


class Panels:
    """Whom each structure follows: a window over an endless list of its own, moving day by day.

    A patient enters at the window's end, is seen a few times, and leaves at its start. Any day can be
    asked for without the days before it.
    """

    def __init__(self, population: Population) -> None:
        visits = expected_daily_visits(population)
        days = np.array([FOLLOWING[c].days for c in COULOIRS])[population.couloir]
        seen = np.array([FOLLOWING[c].visits for c in COULOIRS])[population.couloir]
        width = np.maximum(6.0, visits * days / seen)
        cared_for = population.couloir == COULOIRS.index("MEDICO_SOCIAL")
        width[cared_for] = np.maximum(8.0, RESIDENTS * population.size[cared_for])
        self._width: FloatArray = width
        self._per_day: FloatArray = width / days
        self._department = population.department
        self._salt = salt_of(population.seed, "panel")

    def pick(self, structures: Int64Array, ordinal: int, uniform: FloatArray) -> Int64Array:
        """A followed patient of each structure on a day, by n numbers in [0, 1).

        Args:
            structures: shape (n,).
            ordinal: the day, as `date.toordinal`.
            uniform: shape (n,); the same number gives the same patient.
        """
        start = np.floor(ordinal * self._per_day[structures])
        place = (start + np.floor(uniform * self._width[structures])).astype(np.int64)
        return self.someone(structures, place)

    def someone(self, structures: Int64Array, keys: Int64Array) -> Int64Array:
        """A patient of each structure's catchment, always the same for the same key."""
        bits = mix((structures << 40) ^ keys, self._salt)
        high = bits >> np.uint64(32)
        low = (bits & np.uint64(0xFFFF_FFFF)).astype(np.int64)
        department = self._department[structures]
        near = _FIRST[department] + low % _HERE[department]
        return np.where(high < np.uint64(int(OWN_DEPARTMENT_RATIO * 2**32)), near, low % PATIENTS)
