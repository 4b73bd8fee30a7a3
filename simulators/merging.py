"""Recorded flows put together in the order of their records' arrival, window by window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from simulators.blocks import Rows


class _Cursor:
    """A flow's rows, read only as far as a window needs them."""

    def __init__(self, blocks: Iterator[Rows]) -> None:
        self._blocks = blocks
        self._waiting: list[Rows] = []
        self._newest_ms: int | None = None
        self._is_exhausted = False

    def next_ms(self) -> int | None:
        """When the earliest waiting record was recorded; `None` at the end."""
        if not self._waiting:
            self._read()
        return min((int(rows.recorded_ms.min()) for rows in self._waiting), default=None)

    def take(self, end_ms: int) -> list[Rows]:
        """Every record before `end_ms`, in file order; at least a block is read ahead."""
        while not self._is_exhausted and (self._newest_ms is None or self._newest_ms < end_ms):
            self._read()
        taken, kept = [], []
        for rows in self._waiting:
            is_due = rows.recorded_ms < end_ms
            if is_due.all():
                taken.append(rows)
            elif not is_due.any():
                kept.append(rows)
            else:
                taken.append(rows.pick(np.flatnonzero(is_due)))
                kept.append(rows.pick(np.flatnonzero(~is_due)))
        self._waiting = kept
        return taken

    def _read(self) -> None:
        rows = next(self._blocks, None)
        if rows is None:
            self._is_exhausted = True
        else:
            self._waiting.append(rows)
            self._newest_ms = int(rows.recorded_ms.max())


def in_arrival_order(
    flows: Mapping[str, Iterator[Rows]], window_ms: int
) -> Iterator[tuple[int, list[tuple[str, Rows]]]]:
    """Cut every flow into windows of `recorded_at`; all flows' window w comes before w + 1.

    Empty windows are left out. A file that is not ordered by `recorded_at` loses nothing: a record
    that comes up too late travels with the window at hand.

    Yields:
        The window's start, milliseconds UTC, and its rows per flow, in file order.
    """
    cursors = {flow: _Cursor(blocks) for flow, blocks in flows.items()}
    while True:
        waiting = [at for cursor in cursors.values() if (at := cursor.next_ms()) is not None]
        if not waiting:
            return
        start_ms = min(waiting) // window_ms * window_ms
        yield (
            start_ms,
            [
                (flow, rows)
                for flow, cursor in cursors.items()
                for rows in cursor.take(start_ms + window_ms)
            ],
        )
