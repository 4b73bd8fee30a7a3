"""Accesses patient by patient, and how many patients a window holds at each of them (pure).

What `agents.patient_windows` counts with: chains of accesses to one patient, stays within a window, and
who leaves it while a slice of accesses lasts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from streams.event_time import DAY_MS, HOUR_MS

if TYPE_CHECKING:
    from agents.detectors.base import Runs
    from agents.distributions import BoolArray, FloatArray
    from streams.digests import UInt64Array
    from streams.event_time import Int64Array

IS_KNOWN: Final = 1
IS_UNEXPLAINED: Final = 2
_TIME_BITS: Final = 42
"""Of a key of run and time: milliseconds of a century, and four million runs."""


@dataclass(frozen=True, slots=True, eq=False)
class Chains:
    """Accesses of one account to one patient lie together, in order of time; each of shape (m,).

    Attributes:
        run: the account's run.
        time_ms: of the access; for an entry of the set that of its patient's last one.
        place: order among all; -1 for entries of the set, which come first.
        entry: position of an entry of the set among all that are held; -1 for accesses.
        patient: digests.
        weight: how many patients it stands for.
        marks: what is known of the patient, as bits.
        is_same: whether the one before is of the same account and patient.
    """

    run: Int64Array
    time_ms: Int64Array
    place: Int64Array
    entry: Int64Array
    patient: UInt64Array
    weight: FloatArray
    marks: Int64Array
    is_same: BoolArray

    @property
    def own(self) -> Int64Array:
        """Positions of the accesses."""
        return np.flatnonzero(self.place >= 0)

    def since(self, oldest_ms: Int64Array) -> Chains:
        """Without the entries that left a shorter window before their account's first access."""
        is_kept = (self.place >= 0) | (self.time_ms > oldest_ms[self.run])
        if is_kept.all():
            return self
        kept = np.flatnonzero(is_kept)
        # Only the first of a chain can be left out: then the next one becomes the first.
        is_same = self.is_same[kept]
        is_same[0] = False
        is_same[1:] &= kept[1:] - kept[:-1] == 1
        return Chains(
            run=self.run[kept],
            time_ms=self.time_ms[kept],
            place=self.place[kept],
            entry=self.entry[kept],
            patient=self.patient[kept],
            weight=self.weight[kept],
            marks=self.marks[kept],
            is_same=is_same,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """When n accesses happen: of all, and of each run, shape (runs,).

    Attributes:
        time_ms: shape (n,).
        newest_ms: each run's last access.
        first_ms: the first access of all.
        last_ms: the last access of all.
    """

    time_ms: Int64Array
    newest_ms: Int64Array
    first_ms: int
    last_ms: int

    @classmethod
    def of(cls, time_ms: Int64Array, runs: Runs) -> Spans:
        """Of at least one access, ordered by account and then by time."""
        newest_ms = time_ms[runs.start + runs.length - 1]
        return cls(time_ms, newest_ms, int(time_ms.min()), int(newest_ms.max()))

    def departs(self, time_ms: Int64Array) -> BoolArray:
        """Whether patients last read then may leave a window meanwhile, or may have left the day's."""
        departs: BoolArray = time_ms <= self.last_ms - DAY_MS
        departs |= (time_ms > self.first_ms - HOUR_MS) & (time_ms <= self.last_ms - HOUR_MS)
        return departs


def window_counts(
    chains: Chains, span_ms: int, runs: Runs, spans: Spans, *, bits: tuple[int, ...]
) -> tuple[tuple[FloatArray, ...], Int64Array, FloatArray]:
    """Counts at each access of those who bear each of the marks asked for; 0 counts everybody.

    A *stay* is a stretch of accesses to one patient without a gap of `span_ms`: it adds the patient at
    its first access and takes it away `span_ms` after its last one.

    Returns:
        The counts; then, in the chains' order, marks and weights so far.
    """
    begins = ~chains.is_same
    begins[1:] |= chains.time_ms[1:] - chains.time_ms[:-1] >= span_ms
    stay = np.cumsum(begins) - 1
    starts = np.flatnonzero(begins)
    weight = chains.weight[starts][stay]
    marks = np.zeros(len(stay), np.int64)
    for bit in (IS_KNOWN, IS_UNEXPLAINED):
        if any(bits):
            so_far = np.maximum.accumulate(2 * stay + ((chains.marks & bit) > 0)) - 2 * stay
            marks |= so_far * bit
    ends = np.append(starts[1:], len(stay)) - 1
    going = _Departures.of(chains, ends, span_ms, runs, spans)
    is_entry, own = np.flatnonzero(chains.place < 0), chains.own
    at = chains.place[own]
    counts = []
    for bit in bits:
        flag = weight * ((marks & bit) == bit)
        change = flag.copy()
        change[1:] -= np.where(begins[1:], 0.0, flag[:-1])
        came = np.empty(len(runs.of))
        came[at] = change[own]
        count = runs.running(came)
        if is_entry.size:
            before = np.bincount(chains.run[is_entry], change[is_entry], len(runs.account))
            count += before[runs.of]
        if going.items.size:
            count -= going.until(flag)
        counts.append(count)
    return tuple(counts), marks, weight


@dataclass(frozen=True, slots=True, eq=False)
class _Departures:
    """Who leaves a window before the accesses of a slice are over; most slices are short.

    Attributes:
        items: shape (d,), positions in the chains of the last accesses of those who leave, in order.
        first: shape (n,) if anybody leaves, how many of `items` belong to earlier runs, at each access.
        last: shape (n,) if anybody leaves, how many of `items` have left by then.
    """

    items: Int64Array
    first: Int64Array
    last: Int64Array

    @classmethod
    def of(
        cls, chains: Chains, ends: Int64Array, span_ms: int, runs: Runs, spans: Spans
    ) -> _Departures:
        leaves_ms = chains.time_ms[ends] + span_ms
        in_time = np.flatnonzero(leaves_ms <= spans.newest_ms[chains.run[ends]])
        items, leaves_ms = ends[in_time], leaves_ms[in_time]
        if not items.size:
            return cls(items, items, items)
        epoch_ms = int(leaves_ms.min(initial=spans.first_ms))
        keys = (chains.run[items] << _TIME_BITS) + (leaves_ms - epoch_ms)
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        return cls(
            items=items[order],
            first=np.searchsorted(keys, runs.of << _TIME_BITS, side="left"),
            last=np.searchsorted(
                keys, (runs.of << _TIME_BITS) + (spans.time_ms - epoch_ms), "right"
            ),
        )

    def until(self, flag: FloatArray) -> FloatArray:
        """The sum of a column of the chains over those who have left, at each access."""
        total = np.concatenate([[0.0], np.cumsum(flag[self.items])])
        gone: FloatArray = total[self.last] - total[self.first]
        return gone
