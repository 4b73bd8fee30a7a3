"""The last day of every flow series by the minute and its last week by the hour, for charts (pure).

One partition watches the flows, so this is kept once: 2.9 MB in memory. A minute is noted when it is
judged and never changes after; a finding about a break is given what was noted until it was told, in
steps that suit how long the break lasts.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from agents.finding_history import POINTS_MAX, FindingHistory, HistoryMeasure
from agents.flow_series import ROWS, SERIES
from streams.errors import StateError
from streams.event_time import HOUR_MS, MINUTE_MS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agents.findings import Finding

FloatArray = npt.NDArray[np.float64]

MINUTES: Final = 1440
HOURS: Final = 192
"""A week and a day: messages may bring some hours at once, and each finding is shown a week."""

_SERIES: Final = 2 * ROWS
_HOUR: Final = HOUR_MS // MINUTE_MS
_FINE: Final = 5
"""Minutes of a step while a break is young."""
_YOUNG: Final = POINTS_MAX * _FINE // 2
"""Minutes for which it is; as many are shown before its beginning."""
_DAY_BEFORE: Final = 24 * _HOUR
_FLOODING: Final = "flooding"
_NUMBERS: Final[dict[tuple[str, ...], int]] = {
    (one.flow, one.sector, one.couloir, one.measure): number for number, one in enumerate(SERIES)
}
_VERSION: Final = 1
_HEAD: Final = struct.Struct("<BH")  # version, slots
_SLOT: Final = struct.Struct("<HqHH")  # key, step, numbers of what was observed and expected
_HOURS_FROM: Final = MINUTES
"""Keys below are slots of minutes, the others those of hours."""


class _Ring:
    """The newest steps of one length.

    Args:
        slots: how many.
    """

    def __init__(self, slots: int) -> None:
        self.step = np.full(slots, -1, np.int64)
        # Observed and expected; expected is NaN where it was not known.
        self.values = np.zeros((slots, 2, _SERIES), np.float32)

    @property
    def end(self) -> int:
        """The step after the newest; 0 before the first."""
        return int(self.step.max()) + 1

    def add(self, step: int, values: FloatArray) -> int:
        """Add to a step, shape (2, series); gives its slot."""
        slot = step % len(self.step)
        if self.step[slot] != step:
            self.step[slot] = step
            self.values[slot] = 0.0
        self.values[slot] += values
        return slot

    def of(self, series: int, first: int, end: int) -> FloatArray:
        """Observed and expected of the steps `first` to `end - 1`, shape (steps, 2); NaN if unknown."""
        steps = np.arange(first, end)
        slots = steps % len(self.step)
        found = self.values[slots, :, series].astype(np.float64)
        found[self.step[slots] != steps] = np.nan
        return found


def series_of(finding: Finding) -> int | None:
    """The number of the series that a finding is about; `None` if it is of none, or of single boxes."""
    named = finding.series
    if named is None or (finding.detector == _FLOODING and named[2] == "*"):
        return None
    return _NUMBERS.get(named)


class SeriesHistory:
    """Observed and expected of every series; a section of the checkpoint whose keys are slots."""

    def __init__(self) -> None:
        self._minutes = _Ring(MINUTES)
        self._hours = _Ring(HOURS)
        self._dirty: set[int] = set()

    def note(self, minute: int, values: FloatArray, expected: FloatArray) -> None:
        """Take a judged minute; minutes come one after the other.

        Args:
            minute: its number.
            values: shape (2 * ROWS,), events or failures.
            expected: of them; NaN where nothing is known of a series.
        """
        both = np.stack([values, expected])
        self._dirty.add(self._minutes.add(minute, both))
        self._dirty.add(_HOURS_FROM + self._hours.add(minute // _HOUR, both))

    def of(self, series: int, begin_ms: int, until_ms: int) -> FindingHistory | None:
        """What a series did around a break.

        Args:
            series: its number in `agents.flow_series.SERIES`.
            begin_ms: when the break began.
            until_ms: nothing that was noted of later minutes is shown.

        Returns:
            Steps of five minutes for a break of less than seven hours, of hours for a longer one;
            `None` if nothing is known of that time.
        """
        begin, end = begin_ms // MINUTE_MS, min(until_ms // MINUTE_MS, self._minutes.end)
        if begin > end:
            return None
        most = POINTS_MAX - 2  # and a step under way at either end
        if end - begin < _YOUNG:
            start = max(begin - _YOUNG, end - most * _FINE)
            found = self._told(series, _FINE, start, end)
            if found is not None:
                return found
        return self._told(series, _HOUR, max(begin - _DAY_BEFORE, end - most * _HOUR), end)

    def _told(self, series: int, width: int, start: int, end: int) -> FindingHistory | None:
        first, last = -(-start // width), end // width
        if width == _HOUR:
            whole = self._hours.of(series, first, last)
        else:
            minutes = self._minutes.of(series, first * width, last * width)
            whole = minutes.reshape(-1, width, 2).sum(axis=1)
        # The step under way, as far as it was known then.
        under_way = self._minutes.of(series, last * width, end)
        points = np.concatenate([whole, under_way.sum(axis=0, keepdims=True)[: len(under_way)]])
        known = np.flatnonzero(np.isfinite(points[:, 0]))
        if not known.size:
            return None
        points, start = points[known[0] :], (first + int(known[0])) * width
        return FindingHistory(
            measure=HistoryMeasure.EVENTS if series < ROWS else HistoryMeasure.FAILURES,
            start_ms=start * MINUTE_MS,
            step_ms=width * MINUTE_MS,
            observed=tuple(np.rint(np.nan_to_num(points[:, 0])).astype(np.int64).tolist()),
            expected=tuple(
                round(value, 1) if np.isfinite(value) else None for value in points[:, 1].tolist()
            ),
        )

    # -- checkpoint section ---------------------------------------------------------------------

    def drain(self) -> set[int]:
        """The slots that changed since the last drain."""
        dirty, self._dirty = self._dirty, set()
        return dirty

    def pending_bytes(self) -> int:
        """A guess: two series of three are silent in a minute, or nothing is expected of them."""
        return 1_000 * len(self._dirty)

    def encode(self, keys: set[int]) -> tuple[bytes, set[int]]:
        """The present steps of these slots: of each, the series that are not zero."""
        chunks = [_HEAD.pack(_VERSION, len(keys))]
        for key in sorted(keys):
            ring, slot = self._place(key)
            held = [np.flatnonzero(values) for values in ring.values[slot]]
            chunks.append(_SLOT.pack(key, int(ring.step[slot]), *(len(own) for own in held)))
            for own, values in zip(held, ring.values[slot], strict=True):
                chunks += [own.astype("<u2").tobytes(), values[own].astype("<f4").tobytes()]
        return b"".join(chunks), set(keys)

    def load(self, payload: bytes) -> set[int]:
        """Restore slots; a later payload's step replaces an earlier one's.

        Raises:
            StateError: written by another version, or damaged.
        """
        if not payload or payload[0] != _VERSION:
            raise StateError("flow history: state of another version")
        try:
            return set(self._load(payload))
        except (struct.error, ValueError, IndexError):
            raise StateError("flow history: a slot is cut short") from None

    def _load(self, payload: bytes) -> Iterator[int]:
        _, count = _HEAD.unpack_from(payload)
        at = _HEAD.size
        for _ in range(count):
            key, step, *lengths = _SLOT.unpack_from(payload, at)
            at += _SLOT.size
            ring, slot = self._place(key)
            ring.step[slot] = step
            ring.values[slot] = 0.0
            for values, length in zip(ring.values[slot], lengths, strict=True):
                series = np.frombuffer(payload, "<u2", length, at)
                values[series] = np.frombuffer(payload, "<f4", length, at + 2 * length)
                at += 6 * length
            yield key

    def _place(self, key: int) -> tuple[_Ring, int]:
        if key < _HOURS_FROM:
            return self._minutes, key
        return self._hours, key - _HOURS_FROM
