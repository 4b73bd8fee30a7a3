"""What a source partition tells those who watch the whole region: one small message each (pure).

    1  counts per minute of its flows, and how far it was read   (agents.flow_minutes)
    2  cells of accounts whose local day was closed              (agents.account_cells)
    3  an analyst's verdict on a finding of the whole region
    4  messages per quarter of an hour of its fullest boxes      (agents.box_pressure)

Every message may be sent twice: counts are cumulative, cells have keys, a verdict is the same verdict.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson

from agents.account_cells import encode_cells, read_cells
from agents.box_pressure import BoxCounts, encode_boxes, read_boxes
from agents.findings import Verdict
from agents.flow_minutes import FlowMinutes, encode_minutes, read_minutes
from streams.errors import StateError

if TYPE_CHECKING:
    from agents.account_cells import CellArray

_MINUTES: Final = 1
_DAYS: Final = 2
_VERDICT: Final = 3
_BOXES: Final = 4
_DAYS_HEAD: Final = struct.Struct("<Hi")


@dataclass(frozen=True, slots=True, eq=False)
class ClosedAccountDays:
    """The cells of one partition that were closed together.

    Attributes:
        partition: where.
        open_day: every local day before this one is closed there.
        cells: of closed days.
    """

    partition: int
    open_day: int
    cells: CellArray


RegionCell = FlowMinutes | ClosedAccountDays | Verdict | BoxCounts


def encode_region_cell(cell: RegionCell) -> bytes:
    """One message."""
    if isinstance(cell, FlowMinutes):
        return bytes([_MINUTES]) + encode_minutes(cell)
    if isinstance(cell, BoxCounts):
        return bytes([_BOXES]) + encode_boxes(cell)
    if isinstance(cell, ClosedAccountDays):
        head = _DAYS_HEAD.pack(cell.partition, cell.open_day)
        return bytes([_DAYS]) + head + encode_cells(cell.cells)
    return bytes([_VERDICT]) + orjson.dumps(cell.to_record())


def read_region_cell(value: bytes | None) -> RegionCell:
    """One message.

    Raises:
        StateError: Vigie did not write it.
    """
    kind = value[0] if value else 0
    body = value[1:] if value else b""
    try:
        if kind == _MINUTES:
            return read_minutes(body)
        if kind == _DAYS:
            partition, open_day = _DAYS_HEAD.unpack_from(body)
            return ClosedAccountDays(partition, open_day, read_cells(body[_DAYS_HEAD.size :]))
        if kind == _BOXES:
            return read_boxes(body)
        if kind == _VERDICT:
            return Verdict.from_record(orjson.loads(body))
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise StateError("region-cells: a message of another form") from error
    raise StateError("region-cells: a message of an unknown kind")
