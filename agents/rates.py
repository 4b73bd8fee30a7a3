"""Rolling rates: rings of counts in event time (pure).

Three grids of different grain hold the counts of the last minutes, hour and day. An event is added to
every grid whose span it lies in, wherever its event time puts it, so out-of-order events count where
they belong; a window is the sum of whole cells. A source that falls silent simply leaves the window:
its rate decays to zero because "now" moves on.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from agents.sparse_rows import packed_rows
from streams.errors import ConfigError
from streams.event_time import DAY_MS, FINEST_STEP_MS, HOUR_MS, MINUTE_MS, Window

if TYPE_CHECKING:
    from agents.series import CodeArray
    from streams.event_time import Int64Array

CODES_MAX: Final = 1 << 16
"""Codes are written as two bytes."""

_ROW: Final = struct.Struct("<QI")


class CountRing:
    """Counts per cell of `step_ms` and code, over the newest `span_ms` of event time.

    As a checkpoint section its keys are absolute cell numbers (`event time // step_ms`).

    Raises:
        ConfigError: there are more codes than a checkpoint's two bytes tell apart.
    """

    def __init__(self, *, step_ms: int, span_ms: int, codes: int) -> None:
        if codes > CODES_MAX:
            raise ConfigError(
                f"VIGIE_DEPARTMENTS: too many: {codes:,} series, and at most {CODES_MAX:,} are counted"
            )
        self.step_ms = step_ms
        self.codes = codes
        # One cell more than the span: the newest, incomplete one.
        self._cells = span_ms // step_ms + 1
        self._counts: npt.NDArray[np.uint32] = np.zeros((self._cells, codes), np.uint32)
        self._head = 0
        self._dirty: set[int] = set()

    def add(self, times_ms: Int64Array, codes: list[CodeArray]) -> None:
        """Count n events at n times, once in each of the given code arrays of n."""
        if not len(times_ms):
            return
        cells = times_ms // self.step_ms
        self._advance(int(cells.max()))
        inside = cells > self._head - self._cells
        if not inside.all():
            cells = cells[inside]
            codes = [array[inside] for array in codes]
        width = self._counts.shape[1]
        base = cells % self._cells * width
        flat = self._counts.reshape(-1)
        for array in codes:
            # A number of the counts' own type: with another one, this takes twenty times as long.
            np.add.at(flat, base + array, np.uint32(1))
        self._dirty.update(np.unique(cells).tolist())

    def total(self, start_ms: int, end_ms: int) -> CodeArray:
        """The counts per code of the whole cells in `[start_ms, end_ms)`, as int64."""
        first = max(start_ms // self.step_ms, self._head - self._cells + 1)
        last = min(end_ms // self.step_ms, self._head + 1)
        if last <= first:
            return np.zeros(self._counts.shape[1], np.int64)
        rows = np.arange(first, last) % self._cells
        total: CodeArray = self._counts[rows].sum(axis=0, dtype=np.int64)
        return total

    def cells(self, start_ms: int, end_ms: int) -> npt.NDArray[np.uint32]:
        """The counts of each cell that starts in `[start_ms, end_ms)`, shaped cell x code.

        A cell that the ring does not reach, or not yet, is zero; the newest may be incomplete.
        """
        numbers = np.arange(-(-start_ms // self.step_ms), -(-end_ms // self.step_ms))
        found = self._counts[numbers % self._cells]
        found[(numbers > self._head) | (numbers <= self._head - self._cells)] = 0
        return found

    @property
    def size_bytes(self) -> int:
        """Memory in use."""
        return self._counts.nbytes

    def drain(self) -> set[int]:
        """The cells that changed since the last drain."""
        dirty, self._dirty = self._dirty, set()
        return dirty

    def pending_bytes(self) -> int:
        """A guess: a changed cell holds about twenty codes."""
        return 128 * len(self._dirty)

    def encode(self, keys: set[int]) -> tuple[bytes, set[int]]:
        """The counts of these cells that are still in the ring, sparse."""
        kept = {cell for cell in keys if self._head - self._cells < cell <= self._head}
        cells = sorted(kept)
        rows = self._counts[np.array(cells, np.int64) % self._cells]
        return b"".join(packed_rows(cells, rows, "<u2", "<u4", head=_ROW)), kept

    def load(self, payload: bytes) -> set[int]:
        """Restore cells; a later payload's cell replaces an earlier one's."""
        keys = set()
        at = 0
        while at < len(payload):
            cell, count = _ROW.unpack_from(payload, at)
            at += _ROW.size
            codes = np.frombuffer(payload, "<u2", count, at)
            counts = np.frombuffer(payload, "<u4", count, at + 2 * count)
            at += 6 * count
            self._advance(cell)
            if cell > self._head - self._cells:
                row = self._counts[cell % self._cells]
                row.fill(0)
                row[codes] = counts
                keys.add(cell)
        return keys

    def _advance(self, cell: int) -> None:
        entered = cell - self._head
        if entered <= 0:
            return
        if entered >= self._cells:
            self._counts.fill(0)
        else:
            self._counts[np.arange(self._head + 1, cell + 1) % self._cells] = 0
        self._head = cell


class RollingRates:
    """The counts behind every rolling window of one partition."""

    def __init__(self, codes: int) -> None:
        # Each ring reaches a little further back than the windows that start on its step.
        self.rings = (
            CountRing(step_ms=FINEST_STEP_MS, span_ms=6 * MINUTE_MS, codes=codes),
            CountRing(step_ms=MINUTE_MS, span_ms=HOUR_MS + 5 * MINUTE_MS, codes=codes),
            CountRing(step_ms=5 * MINUTE_MS, span_ms=DAY_MS + 15 * MINUTE_MS, codes=codes),
        )

    def add(self, times_ms: Int64Array, codes: list[CodeArray]) -> None:
        """Count n events in every grid."""
        for ring in self.rings:
            ring.add(times_ms, codes)

    def window(self, window: Window, now_ms: int) -> CodeArray:
        """The counts per code of `window.bounds(now_ms)`: coarse cells first, then finer ones."""
        start_ms, end_ms = window.bounds(now_ms)
        total: CodeArray = np.zeros(self.rings[0].codes, np.int64)
        for ring in reversed(self.rings):
            if ring.step_ms <= window.step_ms:
                stop_ms = end_ms - end_ms % ring.step_ms
                total += ring.total(start_ms, stop_ms)
                start_ms = max(start_ms, stop_ms)
        return total
