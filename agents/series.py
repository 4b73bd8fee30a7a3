"""The codes under which events are counted: every labelled series has one small number (pure).

Counting by number instead of by label tuple keeps a window of the region in a few megabytes and makes
a slice's group-by one `bincount`. The code space has four parts, in this order:

* traffic: flow x sector/couloir pair x department x outcome
* authentication: flow x sector x method
* INSi results: sector x result code
* INS statuses (of DMP deposits): sector x statut de confiance
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from streams.topics import DMP_DEPOSITS, FLOWS, INSI_CALLS
from streams.vocabulary import (
    AUTH_METHODS,
    COULOIRS,
    INS_STATUSES,
    INSI_RESULTS,
    OUT_OF_REGION,
    OUTCOMES,
    SECTOR_COULOIR_PAIRS,
    SECTORS,
)

CodeArray = npt.NDArray[np.int64]

PAIRS: Final = SECTOR_COULOIR_PAIRS + tuple((sector, "INCONNU") for sector in SECTORS[1:])
"""The counted (sector, couloir) pairs: those of the field, then one for each sector's other couloirs."""

_PAIR_OF: Final = np.array(
    [
        PAIRS.index((sector, couloir) if (sector, couloir) in PAIRS else (sector, "INCONNU"))
        for sector in SECTORS
        for couloir in COULOIRS
    ]
)


@dataclass(frozen=True, slots=True)
class TrafficLabels:
    """The labels of one traffic series."""

    flow: str
    sector: str
    couloir: str
    department: str
    outcome: str


class SeriesCodes:
    """The code space for a region's departments.

    Attributes:
        size: how many codes there are.
        departments: label values, the last being HORS_REGION.
        shape: of the traffic part: flows, pairs, departments, outcomes.
    """

    def __init__(self, departments: tuple[str, ...]) -> None:
        self.departments = (*departments, OUT_OF_REGION)
        self._department_type = pl.Enum(list(departments))
        self._result_type = pl.Enum(list(INSI_RESULTS))
        self.shape = (len(FLOWS), len(PAIRS), len(self.departments), len(OUTCOMES))
        self._auth_start = int(np.prod(self.shape))
        self._result_start = self._auth_start + len(FLOWS) * len(SECTORS) * len(AUTH_METHODS)
        self._status_start = self._result_start + len(SECTORS) * len(INSI_RESULTS)
        self.size = self._status_start + len(SECTORS) * len(INS_STATUSES)

    def of(self, flow: str, frame: pl.DataFrame) -> list[CodeArray]:
        """The codes of n events: one array of n per part of the code space that the flow touches."""
        sector = physical(frame["sector"])
        pair = _PAIR_OF[sector * len(COULOIRS) + physical(frame["couloir"])]
        department = self._index(frame["department"], self._department_type)
        outcome = physical(frame["outcome"])
        number = FLOWS.index(flow)
        _, pairs, departments, outcomes = self.shape
        traffic = ((number * pairs + pair) * departments + department) * outcomes + outcome
        auth = physical(frame["auth_method"])
        codes = [
            traffic,
            self._auth_start + (number * len(SECTORS) + sector) * len(AUTH_METHODS) + auth,
        ]
        if flow == INSI_CALLS:
            result = self._index(frame["outcome_code"], self._result_type, other=-1)
            result[result < 0] = len(INSI_RESULTS) - 1
            codes.append(self._result_start + sector * len(INSI_RESULTS) + result)
        elif flow == DMP_DEPOSITS:
            status = physical(frame["ins_status"])
            codes.append(self._status_start + sector * len(INS_STATUSES) + status)
        return codes

    def traffic(self, counts: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The traffic part of a count vector, shaped flow x pair x department x outcome."""
        return counts[: self._auth_start].reshape(self.shape)

    def authentication(self, counts: CodeArray) -> CodeArray:
        """The authentication part, shaped flow x sector x method."""
        return counts[self._auth_start : self._result_start].reshape(
            len(FLOWS), len(SECTORS), len(AUTH_METHODS)
        )

    def insi_results(self, counts: CodeArray) -> CodeArray:
        """The INSi result part, shaped sector x result."""
        return counts[self._result_start : self._status_start].reshape(
            len(SECTORS), len(INSI_RESULTS)
        )

    def ins_statuses(self, counts: CodeArray) -> CodeArray:
        """The INS status part, shaped sector x status."""
        return counts[self._status_start : self.size].reshape(len(SECTORS), len(INS_STATUSES))

    def _index(self, column: pl.Series, kind: pl.Enum, other: int | None = None) -> CodeArray:
        missing = len(kind.categories) if other is None else other
        codes = column.cast(kind, strict=False).to_physical().cast(pl.Int64).fill_null(missing)
        return codes.to_numpy(writable=True)


def physical(column: pl.Series) -> CodeArray:
    """The symbol positions of an enum column, as n int64."""
    return column.to_physical().cast(pl.Int64).to_numpy()
