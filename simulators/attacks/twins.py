"""More of the same care: patients' twins who go the same way through the flows (pure).

A share of the patients gets a twin of the same department; whatever happens to the patient in some
flows and couloirs happens, some minutes apart, to the twin as well. So visits, deposits, prescriptions
and accesses of an epidemic belong together as they do in any week.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from simulators.attacks.accesses import OWN_NUMBERS
from simulators.patients import department_of
from simulators.population import INHABITANTS, Int64Array
from simulators.pseudonyms import uniform
from streams.event_time import MINUTE_MS
from streams.topics import EPRESCRIPTIONS

if TYPE_CHECKING:
    from simulators.events import Events
    from simulators.traffic import RegionDay

_FIRST: Final = np.concatenate([[0], np.cumsum(INHABITANTS)[:-1]]).astype(np.int64)
_HERE: Final = np.array(INHABITANTS, np.int64)
_APART: Final = 123_457
"""Distance between twins within their department's numbers."""


def twin_of(patients: Int64Array) -> Int64Array:
    """The twin of each patient: another one of the same department."""
    department = department_of(patients)
    first, here = _FIRST[department], _HERE[department]
    twins: Int64Array = first + (patients - first + _APART) % here
    return twins


@dataclass(frozen=True, slots=True)
class Twins:
    """Who has a twin, and where the twin's care is told.

    Attributes:
        share: of the patients.
        salt: draws them.
        couloirs: codes of the couloirs in which the twin is seen.
        since: ordinal of the first day; prescriptions written before it have no twin.
    """

    share: float
    salt: int
    couloirs: frozenset[int]
    since: int

    def events(self, today: RegionDay, table: Events) -> Events:
        """The twins' events of a flow on a day; event numbers are given later."""
        columns = table.columns
        chosen = (columns["patient_pid"] >= 0) & np.isin(
            columns["couloir"], np.array(sorted(self.couloirs))
        )
        chosen &= uniform(columns["patient_pid"], self.salt) < self.share
        if table.flow == EPRESCRIPTIONS:
            chosen &= (columns["prescription_pid"] >> 24) >= self.since
        copy = table.pick(np.flatnonzero(chosen))
        changed = dict(copy.columns)
        patient = changed["patient_pid"]
        # One delay per patient and day, so that the order of a visit's steps holds.
        delay = (uniform(patient, self.salt + today.care.ordinal) * 25 * MINUTE_MS).astype(np.int64)
        local = today.care.local
        late = changed["recorded_at"] - changed["occurred_at"]
        changed["occurred_at"] = local.clamp(changed["occurred_at"] + MINUTE_MS + delay)
        changed["recorded_at"] = changed["occurred_at"] + late
        changed["patient_pid"] = twin_of(patient)
        if table.flow == EPRESCRIPTIONS:
            changed["prescription_pid"] = changed["prescription_pid"] + OWN_NUMBERS
        return type(table)(table.flow, changed)
