"""The codes under which events are counted: every labelled series has one small number (pure).

Counting by number instead of by label tuple keeps a window of the region in a few megabytes and makes
a slice's group-by one `bincount`. The code space has four parts, in this order:

* traffic: flow x sector/couloir pair x department x outcome
* authentication: flow x sector x method
* INSi results: sector x result code
* INS statuses (of DMP deposits): sector x statut de confiance
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from streams.event_columns import EventColumns
from streams.texts import Labels
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

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import polars as pl

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


_COULOIR_OF_PAIR: Final = np.array([COULOIRS.index(couloir) for _, couloir in PAIRS])

_LABELLED: Final = ("sector", "couloir", "department", "outcome", "auth_method")
_LABELLED_BY_FLOW: Final = {INSI_CALLS: ("outcome_code",), DMP_DEPOSITS: ("ins_status",)}
_TEXTS: Final = frozenset({"department", "outcome_code"})
"""The labelled columns that are no enums."""


@dataclass(frozen=True, slots=True)
class Coded:
    """n events by number.

    Attributes:
        sector: positions in `SECTORS`.
        outcome: positions in `OUTCOMES`.
        codes: one array of n codes per part of the code space that the flow touches.
        symbols: enum columns that were asked for besides, as positions in the flow's own symbols.
    """

    sector: CodeArray
    outcome: CodeArray
    codes: list[CodeArray]
    symbols: Mapping[str, CodeArray] = field(default_factory=dict)


class SeriesCodes:
    """The code space for a region's departments.

    Attributes:
        size: how many codes there are.
        departments: label values, the last being HORS_REGION.
        shape: of the traffic part: flows, pairs, departments, outcomes.
    """

    def __init__(self, departments: tuple[str, ...]) -> None:
        self.departments = (*departments, OUT_OF_REGION)
        labels = {"department": self.departments, "outcome_code": INSI_RESULTS}
        self._labels = {name: Labels(own, other=len(own) - 1) for name, own in labels.items()}
        self.shape = (len(FLOWS), len(PAIRS), len(self.departments), len(OUTCOMES))
        self._auth_start = int(np.prod(self.shape))
        self._result_start = self._auth_start + len(FLOWS) * len(SECTORS) * len(AUTH_METHODS)
        self._status_start = self._result_start + len(SECTORS) * len(INSI_RESULTS)
        self.size = self._status_start + len(SECTORS) * len(INS_STATUSES)

    def of(
        self,
        flow: str,
        events: EventColumns | pl.DataFrame,
        also: Sequence[str] = (),
    ) -> Coded:
        """Give n events their codes, and turn further enum columns into numbers on the way."""
        columns, symbols = self._positions(flow, EventColumns.of(events), also)
        sector, outcome = columns["sector"], columns["outcome"]
        pair = _PAIR_OF[sector * len(COULOIRS) + columns["couloir"]]
        number = FLOWS.index(flow)
        _, pairs, departments, outcomes = self.shape
        place = (number * pairs + pair) * departments + columns["department"]
        auth = (number * len(SECTORS) + sector) * len(AUTH_METHODS) + columns["auth_method"]
        codes = [place * outcomes + outcome, self._auth_start + auth]
        if flow == INSI_CALLS:
            result = sector * len(INSI_RESULTS) + columns["outcome_code"]
            codes.append(self._result_start + result)
        elif flow == DMP_DEPOSITS:
            status = sector * len(INS_STATUSES) + columns["ins_status"]
            codes.append(self._status_start + status)
        return Coded(sector, outcome, codes, symbols)

    def _positions(
        self, flow: str, events: EventColumns, also: Sequence[str]
    ) -> tuple[dict[str, CodeArray], dict[str, CodeArray]]:
        """Every labelled column as positions in its labels, int64 of n each; others by symbol."""
        names = [*_LABELLED, *_LABELLED_BY_FLOW.get(flow, ())]
        # Labels of an enum stand in the order of its symbols.
        enums = tuple(dict.fromkeys((*(n for n in names if n not in _TEXTS), *also)))
        columns = enum_numbers(events, enums)
        symbols = {name: columns[name] for name in also}
        for name in names:
            if name in _TEXTS:
                # A text that the label set does not know gets its last label.
                columns[name] = self._labels[name].of(events.texts(name))
        return columns, symbols

    def places(self, flow: str, coded: Coded) -> tuple[CodeArray, CodeArray]:
        """Where the structures of n events of a flow stand, as their series tell it.

        Returns:
            Positions of couloirs in `COULOIRS`, and of departments in `departments`.
        """
        _, pairs, departments, outcomes = self.shape
        place = coded.codes[0] // outcomes - FLOWS.index(flow) * pairs * departments
        pair = place // departments
        return _COULOIR_OF_PAIR[pair], place - pair * departments

    def traffic(self, counts: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The traffic part of a count vector, shaped flow x pair x department x outcome."""
        return counts[: self._auth_start].reshape(self.shape)

    def traffic_of_many(self, counts: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The traffic parts of n count vectors, shaped n x flow x pair x department x outcome."""
        return counts[:, : self._auth_start].reshape(len(counts), *self.shape)

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


def enum_numbers(events: EventColumns | pl.DataFrame, names: Iterable[str]) -> dict[str, CodeArray]:
    """Enum columns as the positions of their symbols, int64 of n each; none may be null."""
    events = EventColumns.of(events)
    return {name: events.numbers(name) for name in names}
