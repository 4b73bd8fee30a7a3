"""The series that flow detectors judge: cells of counts and the totals above them (pure).

A source partition counts *cells*: flow x (sector, couloir) pair, and the MSSanté inflow by class of
the receiving box. The region judges cells and totals: of a pair over all flows, of a sector in one
flow, of a flow, of a sector, of everything. Each has two measures, its rate and its failure ratio; of
a box class the second measure is the share of messages reported as read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from agents.series import PAIRS
from streams.topics import FLOWS, MSS_MESSAGES
from streams.vocabulary import SECTORS

Measure = Literal["rate", "failures"]

BOX_CLASSES: Final = ("UNKNOWN", "PER", "ORG", "APP", "CAB", "PATIENT")
"""Types of receiving boxes, in the order of the schema's symbols."""

CELLS: Final = len(FLOWS) * len(PAIRS)
"""Cells of flow and pair: `FLOWS.index(flow) * len(PAIRS) + pair`."""
ALL_CELLS: Final = CELLS + len(BOX_CLASSES)
"""With the box classes, which come last."""
WIDTH: Final = 2 * ALL_CELLS
"""Numbers per minute: events of every cell, then failures (of box classes: messages read)."""

_ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class FlowSeries:
    """What a series counts; `"*"` stands for all.

    Attributes:
        couloir: of a box class `BAL_` and the class.
        measure: rate per minute, or failures per event.
    """

    flow: str
    sector: str
    couloir: str
    measure: Measure


def _rows() -> list[tuple[str, str, str]]:
    rows = [(flow, sector, couloir) for flow in FLOWS for sector, couloir in PAIRS]
    rows += [(MSS_MESSAGES, _ANY, f"BAL_{name}") for name in BOX_CLASSES]
    rows += [(_ANY, sector, couloir) for sector, couloir in PAIRS]
    rows += [(flow, sector, _ANY) for flow in FLOWS for sector in SECTORS]
    rows += [(flow, _ANY, _ANY) for flow in FLOWS]
    rows += [(_ANY, sector, _ANY) for sector in SECTORS]
    return [*rows, (_ANY, _ANY, _ANY)]


_LABELS: Final = _rows()
ROWS: Final = len(_LABELS)
"""Cells and totals; series i and i + ROWS are the two measures of row i."""
SERIES: Final = tuple(
    FlowSeries(*labels, measure) for measure in ("rate", "failures") for labels in _LABELS
)
"""Every series by its number."""


def is_box_class(row: int) -> bool:
    """Whether a row (not a series) counts a class of boxes."""
    return CELLS <= row < ALL_CELLS


def _members() -> npt.NDArray[np.float64]:
    members = np.zeros((ROWS, ALL_CELLS))
    for row, (flow, sector, couloir) in enumerate(_LABELS):
        for cell in range(ALL_CELLS):
            own = _LABELS[cell]
            if cell >= CELLS or is_box_class(row):
                members[row, cell] = row == cell
            else:
                wanted = zip((flow, sector, couloir), own, strict=True)
                members[row, cell] = all(want in (_ANY, has) for want, has in wanted)
    return members


MEMBERS: Final = _members()
"""Shape (ROWS, ALL_CELLS): 1 where a cell belongs to a row."""

WIDTHS: Final = MEMBERS.sum(axis=1).astype(np.int64)
"""Cells of each row."""


def _parents() -> npt.NDArray[np.int64]:
    place = {labels: row for row, labels in enumerate(_LABELS)}
    everything = len(_LABELS) - 1
    parents = np.full(ROWS, everything, np.int64)
    for row, (flow, sector, couloir) in enumerate(_LABELS):
        if is_box_class(row):
            parents[row] = place[flow, _ANY, _ANY]
        elif couloir != _ANY:
            parents[row] = place[_ANY, sector, _ANY if flow == _ANY else couloir]
        elif _ANY not in (flow, sector):
            parents[row] = place[flow, _ANY, _ANY]
    return parents


PARENTS: Final = _parents()
"""The row whose rhythm a row borrows until its own is known; the last row is its own parent."""


def _generations() -> tuple[npt.NDArray[np.int64], ...]:
    depth = np.zeros(ROWS, np.int64)
    for row in range(ROWS):
        at = row
        while PARENTS[at] != at:
            depth[row] += 1
            at = int(PARENTS[at])
    return tuple(np.flatnonzero(depth == d) for d in range(int(depth.max()) + 1))


GENERATIONS: Final = _generations()
"""Rows by their distance from the last row, so that parents come before their children."""


def spread(counts: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.float64], ...]:
    """A minute's values and exposures per series from its counts per cell, shape (WIDTH,).

    Returns:
        Values and exposures, both of shape (2 * ROWS,): events per one minute, failures per event.
    """
    rows = MEMBERS @ counts.reshape(2, ALL_CELLS).T.astype(np.float64)
    values = rows.T.reshape(-1)
    exposures = np.ones(2 * ROWS)
    exposures[ROWS:] = values[:ROWS]
    return values, exposures
