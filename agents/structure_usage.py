"""What the structures of one partition did in each of the newest months (pure).

A structure has one row per calendar month (Europe/Paris) in which it acted: how often it was seen in
each usage, and where it stands. All its events lie in this partition, so rows are distinct structures.
Events count in the month of their own time, however late they come.

A structure stands where its newest event of the month puts it, by event time; an event whose couloir is
known outweighs one whose couloir is not, and of two at the same instant the one with the higher number
of couloir and department. That is a maximum, so it does not depend on how the flows were cut or mixed.

The newest month and the two before it are kept, so that flows may be read a month apart: as far as the
topics reach back (30 days at most, `streams.topics`). What comes for an older month yet is not counted,
since it would put a fragment in the place of the told whole of that month.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from agents.region_usage import UsagePart
from agents.usages import COUNTED, USAGES, UsageRow, whole_month
from streams.changed_rows import ChangedFlags
from streams.errors import StateError
from streams.event_time import month_of_day, paris_day, paris_days
from streams.hash_table import KeyRows
from streams.vocabulary import COULOIRS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from agents.usage_rules import Seen
    from streams.digests import UInt64Array
    from streams.event_time import Int64Array

MONTHS_KEPT: Final = 3
"""Calendar months whose rows are kept, the newest among them."""

_VERSION: Final = 1
_FIRST_ROWS: Final = 64
_NOWHERE: Final = -1
_PLACES: Final = 1 << 12
_KNOWN: Final = 1 << 62
_ROWS_PER_MONTH: Final = 1 << 24
_HEAD: Final = struct.Struct("<BH")  # version, usages
_BLOCK: Final = struct.Struct("<II")  # month, rows
_ROW_BYTES: Final = 14
_HOSPITAL: Final = COULOIRS.index("HOPITAL")
_UNKNOWN: Final = COULOIRS.index("INCONNU")


class _Month:
    """The structures that were active in one month, row by row."""

    def __init__(self) -> None:
        self.rows = 0
        self.digests = np.zeros(_FIRST_ROWS, np.uint64)
        # The greatest of: couloir is known, event time, number of the place.
        self.stands = np.full(_FIRST_ROWS, _NOWHERE, np.int64)
        self.counts = np.zeros((_FIRST_ROWS, len(COUNTED)), np.uint32)
        self.changed = ChangedFlags()
        self._index: KeyRows | None = None

    def rows_of(self, structures: UInt64Array) -> Int64Array:
        """The rows of n events' structures, by digest; those that are new get one."""
        if self._index is None:
            self._index = KeyRows(self.digests[: self.rows])
        rows, new = self._index.rows_of(structures)
        if new.size:
            start, self.rows = self.rows, len(self._index)
            self.reserve(self.rows)
            self.digests[start : self.rows] = structures[new]
        return rows

    def reserve(self, rows: int) -> None:
        """Make sure that there is room for so many rows."""
        have = len(self.digests)
        if rows > have:
            added = max(rows, 2 * have) - have
            self.digests = np.pad(self.digests, (0, added))
            self.stands = np.pad(self.stands, (0, added), constant_values=_NOWHERE)
            self.counts = np.pad(self.counts, ((0, added), (0, 0)))


class StructureUsage:
    """The structures of one partition; a section of the checkpoint whose keys are months and rows.

    Args:
        departments: label values, in the order of their numbers.
    """

    def __init__(self, departments: tuple[str, ...]) -> None:
        self._departments = departments
        self._months: dict[int, _Month] = {}
        self._newest = 0
        self._untold: set[int] = set()
        self._leaving: dict[int, tuple[UsageRow, ...]] = {}

    @property
    def has_untold(self) -> bool:
        """Whether anything changed since the last `parts`."""
        return bool(self._untold or self._leaving)

    @property
    def is_leaving(self) -> bool:
        """Whether a month was forgotten whose last changes are not told yet."""
        return bool(self._leaving)

    def add(
        self,
        times_ms: Int64Array,
        structures: UInt64Array,
        places: tuple[Int64Array, Int64Array],
        seen: Seen,
    ) -> None:
        """Count n accepted events, n > 0.

        Args:
            times_ms: event times.
            structures: digests of their structures' pseudonyms.
            places: positions of their couloirs in `COULOIRS`, and of their departments.
            seen: what they count for.
        """
        couloir, department = places
        stands = times_ms * _PLACES + couloir * len(self._departments) + department
        stands[couloir != _UNKNOWN] += _KNOWN
        for month, own in _by_month(times_ms):
            if month <= self._newest - MONTHS_KEPT:
                continue
            if own is None:
                self._count(month, structures, stands, seen.first, seen.volumes)
            else:
                self._count(month, structures[own], stands[own], seen.first, seen.volumes[own])

    def _count(
        self,
        month: int,
        structures: UInt64Array,
        stands: Int64Array,
        first: int,
        volumes: npt.NDArray[np.uint16],
    ) -> None:
        """Count n events of one month."""
        if month > self._newest:
            self._newest = month
            self._forget()
        table = self._months.setdefault(month, _Month())
        rows = table.rows_of(structures)
        order = rows.argsort(kind="stable")
        ordered = rows[order]
        starts = np.flatnonzero(np.diff(ordered, prepend=-1))
        changed = ordered[starts]
        newest = np.maximum.reduceat(stands[order], starts)
        table.stands[changed] = np.maximum(table.stands[changed], newest)
        sums = np.add.reduceat(volumes[order], starts, axis=0, dtype=np.uint32)
        table.counts[changed, first : first + volumes.shape[1]] += sums
        table.changed.touch(changed)
        self._untold.add(month)

    def _forget(self) -> None:
        for month in [m for m in self._months if m <= self._newest - MONTHS_KEPT]:
            if month in self._untold:
                self._untold.discard(month)
                self._leaving[month] = self.rows(month)
            del self._months[month]

    def parts(self, partition: int) -> Iterator[UsagePart]:
        """What changed since the last time, as messages to the region, month by month."""
        told = self._leaving | {month: self.rows(month) for month in self._untold}
        self._leaving = {}
        self._untold.clear()
        for month in sorted(told):
            yield UsagePart(partition, month, told[month])

    def rows(self, month: int) -> tuple[UsageRow, ...]:
        """This partition's cells of a kept month that are not empty."""
        table = self._months.get(month)
        if table is None:
            return ()
        place = table.stands[: table.rows] % _PLACES
        couloir = place // len(self._departments)
        counts = table.counts[: table.rows].astype(np.int64)
        volumes = np.hstack([counts, whole_month(counts, couloir == _HOSPITAL)])
        row, usage = np.nonzero(volumes)
        cells = len(COULOIRS) * len(self._departments)
        cell, size = usage * cells + place[row], len(USAGES) * cells
        structures = np.bincount(cell, minlength=size)
        # As floating point, exact below 2^53.
        events = np.bincount(cell, volumes[row, usage], size)
        filled = np.flatnonzero(structures)
        return tuple(
            UsageRow(
                USAGES[at // cells],
                COULOIRS[at % cells // len(self._departments)],
                self._departments[at % len(self._departments)],
                count,
                int(volume),
            )
            for at, count, volume in zip(
                filled.tolist(), structures[filled].tolist(), events[filled].tolist(), strict=True
            )
        )

    # -- checkpoint section ---------------------------------------------------------------------

    def drain(self) -> set[int]:
        """The rows that changed since the last drain."""
        return {
            month * _ROWS_PER_MONTH + row
            for month, table in self._months.items()
            for row in table.changed.drain()
        }

    def pending_bytes(self) -> int:
        """A guess: a digest, and little else that does not compress."""
        return _ROW_BYTES * sum(table.changed.pending for table in self._months.values())

    def encode(self, keys: set[int]) -> tuple[bytes, set[int]]:
        """The present values of these rows whose months are still kept, without their zeros.

        Times of a checkpoint lie close together and counts are small: of their bytes, most are the
        same from row to row, so that laid side by side they compress to a third.
        """
        wanted = np.sort(np.fromiter(keys, np.int64, len(keys)))
        month_of = wanted // _ROWS_PER_MONTH
        chunks, kept = [], set()
        for month in np.unique(month_of).tolist():
            table = self._months.get(month)
            if table is None:
                continue
            own = wanted[month_of == month]
            rows = own % _ROWS_PER_MONTH
            counts = table.counts[rows]
            is_there = counts != 0
            chunks += [
                _BLOCK.pack(month, len(rows)),
                _laid_out(np.diff(rows, prepend=0), "<u4"),
                _laid_out(table.digests[rows], "<u8"),
                _laid_out(table.stands[rows], "<i8"),
                np.packbits(is_there, axis=1).tobytes(),
                _laid_out(counts[is_there], "<u4"),
            ]
            kept.update(own.tolist())
        head = _HEAD.pack(_VERSION, len(COUNTED))
        return head + zlib.compress(b"".join(chunks), level=1), kept

    def load(self, payload: bytes) -> set[int]:
        """Restore rows; a later payload's row replaces an earlier one's.

        Raises:
            StateError: written by another version, or cut short.
        """
        if payload[: _HEAD.size] != _HEAD.pack(_VERSION, len(COUNTED)):
            raise StateError("structure usage: state of another version")
        keys: set[int] = set()
        at = 0
        try:
            body = zlib.decompress(payload[_HEAD.size :])
            while at < len(body):
                month, count = _BLOCK.unpack_from(body, at)
                steps, at = _read(body, at + _BLOCK.size, "<u4", count)
                rows = steps.astype(np.int64).cumsum()
                digests, at = _read(body, at, "<u8", count)
                stands, at = _read(body, at, "<i8", count)
                width = -(-len(COUNTED) // 8)
                flags = np.frombuffer(body, np.uint8, count * width, at)
                at += flags.nbytes
                is_there = np.unpackbits(
                    flags.reshape(count, width), axis=1, count=len(COUNTED)
                ).astype(np.bool_)
                values, at = _read(body, at, "<u4", int(is_there.sum()))
                counts = np.zeros((count, len(COUNTED)), np.uint32)
                counts[is_there] = values
                table = self._months.setdefault(month, _Month())
                table.rows = max(table.rows, int(rows.max(initial=-1)) + 1)
                table.reserve(table.rows)
                table.digests[rows] = digests
                table.stands[rows] = stands
                table.counts[rows] = counts
                keys.update((rows + month * _ROWS_PER_MONTH).tolist())
        except (ValueError, struct.error, zlib.error):
            raise StateError("structure usage: a payload is cut short") from None
        return keys

    def recovered(self) -> None:
        """Finish a recovery: forget what is out of date; everything will be told again.

        Raises:
            StateError: a row is missing.
        """
        self._newest = max(self._months, default=0)
        for month in [m for m in self._months if m <= self._newest - MONTHS_KEPT]:
            del self._months[month]
        for table in self._months.values():
            if (table.stands[: table.rows] == _NOWHERE).any():
                raise StateError("changelog: a structure's month is missing")
        self._untold = set(self._months)


def _laid_out(values: npt.NDArray[Any], kind: str) -> bytes:
    """The numbers' first bytes, then their second, and so on."""
    width = np.dtype(kind).itemsize
    return values.astype(kind).view(np.uint8).reshape(len(values), width).T.tobytes()


def _read(payload: bytes, at: int, kind: str, count: int) -> tuple[npt.NDArray[Any], int]:
    """So many numbers of a kind, as `_laid_out` wrote them, and where they end."""
    width = np.dtype(kind).itemsize
    laid = np.frombuffer(payload, np.uint8, count * width, at).reshape(width, count)
    return np.ascontiguousarray(laid.T).view(kind).reshape(count), at + laid.nbytes


def _by_month(times_ms: Int64Array) -> Iterator[tuple[int, Int64Array | None]]:
    """The calendar months of n > 0 events, oldest first, and which events are of it (`None`: all)."""
    first, last = (month_of_day(paris_day(int(t))) for t in (times_ms.min(), times_ms.max()))
    if first == last:
        yield first, None
        return
    days, which = np.unique(paris_days(times_ms), return_inverse=True)
    months = np.array([month_of_day(day) for day in days.tolist()])[which]
    for month in np.unique(months).tolist():
        yield month, np.flatnonzero(months == month)
