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

import numpy as np
import orjson

from agents.account_cells import NO_MINUTE, encode_cells, read_cells
from agents.box_pressure import QUARTER_MS, BoxCounts, encode_boxes, read_boxes
from agents.findings import Verdict
from agents.flow_minutes import FlowMinutes, encode_minutes, read_minutes
from agents.plausible import fault_of_verdict
from streams.errors import StateError
from streams.event_time import DAY_MS, MINUTE_MS
from streams.validity import LAST_DAY, LATEST_TIME_MS

if TYPE_CHECKING:
    from agents.account_cells import CellArray
    from streams.event_time import Int64Array

_MINUTES: Final = 1
_DAYS: Final = 2
_VERDICT: Final = 3
_BOXES: Final = 4
_DAY_MINUTES: Final = 1440
_GAP_END: Final = 8192
"""Neighbours in the directory are nearer to each other (`agents.account_days.NEAR`)."""
_DAYS_HEAD: Final = struct.Struct("<Hi")

FURTHEST_MS: Final = 400 * DAY_MS
"""Every minute between what a message says and what was judged is judged, so one that was made up could
keep the region's watch busy for good. No log is kept longer than this."""


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
        cell = _read(kind, body)
    except (struct.error, LookupError, TypeError, ValueError) as error:
        raise StateError("region-cells: a message of another form") from error
    if not _is_possible(cell):
        raise StateError("region-cells: a message says what cannot be")
    return cell


def _read(kind: int, body: bytes) -> RegionCell:
    if kind == _MINUTES:
        return read_minutes(body)
    if kind == _DAYS:
        partition, open_day = _DAYS_HEAD.unpack_from(body)
        return ClosedAccountDays(partition, open_day, read_cells(body[_DAYS_HEAD.size :]))
    if kind == _BOXES:
        return read_boxes(body)
    if kind == _VERDICT:
        return Verdict.from_record(orjson.loads(body))
    raise StateError("region-cells: a message of an unknown kind")


def _is_possible(cell: RegionCell) -> bool:
    """Whether all times lie between 1970 and 2100, for they are walked one by one, and places exist."""
    if isinstance(cell, FlowMinutes):
        earliest_ms = cell.heard_ms - FURTHEST_MS
        minutes = [at * MINUTE_MS for at in (*cell.minutes, *cell.seconds)]
        return 0 <= cell.heard_ms <= LATEST_TIME_MS and all(
            max(earliest_ms, MINUTE_MS) <= at <= LATEST_TIME_MS for at in minutes
        )
    if isinstance(cell, BoxCounts):
        quarters = [quarter * QUARTER_MS for quarter, _ in cell.boxes]
        return all(0 <= at <= LATEST_TIME_MS for at in (cell.heard_ms, *quarters))
    if isinstance(cell, ClosedAccountDays):
        cells = cell.cells
        bursts: Int64Array = np.asarray(cells["burst_minute"], np.int64)
        gaps: Int64Array = np.asarray(cells["near_gap"], np.int64)
        is_placed = ((bursts < _DAY_MINUTES) | (bursts == NO_MINUTE)) & (gaps < _GAP_END)
        days = [cell.open_day, *np.unique(cells["day"]).tolist()]
        return bool(is_placed.all()) and all(0 <= day <= LAST_DAY for day in days)
    return fault_of_verdict(cell) is None
