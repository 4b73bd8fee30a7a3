"""Distinct patients of each account over the last hour and the last 24 hours, exact up to 256 (pure).

For each account the patients of the last 24 hours are kept with the time of their last access. A patient
leaves a window exactly as long after that access as the window lasts; so the counts at every access are
those of the half-open span `(time - window, time]`, whatever the order of patients.

Past `EXACT` patients a set becomes a sample: it keeps the patients whose digest ends in a growing number
of zero bits, each standing for as many as there are such endings (adaptive sampling, Flajolet 1990).
Counts are then estimates with a standard error below 9 %; by then an account's alarm is long given, and
only here the counts depend a little on how the stream was cut into slices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from agents.detectors.base import UNEXPLAINED, UNKNOWN, Runs
from agents.patient_sets import EXACT, PatientSets
from streams.event_time import DAY_MS, HOUR_MS, paris_days

if TYPE_CHECKING:
    from agents.detectors.base import Accesses
    from agents.distributions import BoolArray, FloatArray
    from agents.patient_sets import EntryArray
    from streams.event_time import Int64Array

_THIN: Final = EXACT // 4
_IS_KNOWN: Final = 1
_IS_UNEXPLAINED: Final = 2
_TIME_BITS: Final = 42
"""Of a key of run and time: milliseconds of a century, and four million runs."""
_PATIENT_BITS: Final = np.uint64(44)
_RUN_BITS: Final = np.uint64(20)
"""Of a key of run and patient: a million runs."""


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """What n accesses, ordered by account, made of their accounts' windows; each of shape (n,).

    Attributes:
        patients: distinct patients of the last 24 hours.
        known: those of whom it is known whether a care relation explains them.
        unexplained: those whom none explained when they were first read.
        hour: distinct patients of the last hour.
        new_today: how many patients of the local day this access adds: 0, 1, or a sample's weight.
    """

    patients: FloatArray
    known: FloatArray
    unexplained: FloatArray
    hour: FloatArray
    new_today: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class _Chains:
    """Accesses of one account to one patient lie together, in order of time; each of shape (m,).

    Attributes:
        run: the account's run.
        time_ms: of the access; for an entry of the set that of its patient's last one.
        place: order among all; -1 for entries of the set, which come first.
        weight: how many patients it stands for.
        marks: what is known of the patient, as bits.
        is_same: whether the one before is of the same account and patient.
    """

    run: Int64Array
    time_ms: Int64Array
    place: Int64Array
    weight: FloatArray
    marks: Int64Array
    is_same: BoolArray

    def since(self, span_ms: int, runs: Runs) -> _Chains:
        """Without the entries that left a shorter window before their account's first access."""
        time_ms = np.empty(len(runs.of), np.int64)
        own = np.flatnonzero(self.place >= 0)
        time_ms[self.place[own]] = self.time_ms[own]
        oldest = time_ms[runs.start] - span_ms
        kept = np.flatnonzero((self.place >= 0) | (self.time_ms > oldest[self.run]))
        # Only the first of a chain can be left out: then the next one becomes the first.
        is_same = self.is_same[kept] & (np.diff(kept, prepend=-2) == 1)
        return _Chains(
            run=self.run[kept],
            time_ms=self.time_ms[kept],
            place=self.place[kept],
            weight=self.weight[kept],
            marks=self.marks[kept],
            is_same=is_same,
        )


class PatientWindows:
    """The windows of all accounts of one partition."""

    def __init__(self) -> None:
        self.sets = PatientSets()

    def observe(self, accesses: Accesses, runs: Runs) -> Counted:
        """Take n accesses to patients, ordered by account and then by time."""
        entries, owner = self.sets.gather(runs.account)
        count, held = len(accesses), len(entries)
        run = np.concatenate([owner, runs.of])
        patient = np.concatenate([entries["patient"], accesses.patient])
        time_ms = np.concatenate([entries["time_ms"].astype(np.int64), accesses.time_ms])
        place = np.concatenate([np.full(held, -1), np.arange(count)])
        level = np.concatenate(
            [entries["level"].astype(np.int64), self.sets.level_of(runs.account)[runs.of]]
        )
        is_in = np.concatenate(
            [np.ones(held, np.bool_), _ends_in_zeros(accesses.patient, level[held:])]
        )
        known = (accesses.explained != UNKNOWN) * _IS_KNOWN
        marks = known + (accesses.explained == UNEXPLAINED) * _IS_UNEXPLAINED
        marks = np.concatenate([entries["marks"].astype(np.int64), marks])
        # One key sorts by run and patient. Only if two patients of one account shared the upper bits
        # of their digests could they lie mixed: for 256 patients the chance is 2e-9.
        key = (run.astype(np.uint64) << _PATIENT_BITS) | (patient >> _RUN_BITS)
        order = np.argsort(key, kind="stable")
        chains = _Chains(
            run=run[order],
            time_ms=time_ms[order],
            place=place[order],
            weight=(is_in * np.exp2(level))[order],
            marks=marks[order],
            is_same=np.concatenate([[False], _repeats(run[order]) & _repeats(patient[order])]),
        )
        day_counts, last_marks, weight = _window(chains, DAY_MS, runs)
        hour_counts, _, _ = _window(chains.since(HOUR_MS, runs), HOUR_MS, runs)
        new_today = np.zeros(count)
        days = paris_days(chains.time_ms)
        own = chains.place >= 0
        is_new = ~chains.is_same | np.concatenate([[True], days[1:] != days[:-1]])
        new_today[chains.place[own]] = (weight * is_new)[own]
        self._keep(runs, chains, patient[order], last_marks, weight)
        return Counted(
            patients=day_counts[0],
            known=day_counts[1],
            unexplained=day_counts[2],
            hour=hour_counts[0],
            new_today=new_today,
        )

    def _keep(
        self,
        runs: Runs,
        chains: _Chains,
        patient: np.ndarray[tuple[int], np.dtype[np.uint64]],
        marks: Int64Array,
        weight: FloatArray,
    ) -> None:
        """Write back the last access of each patient that is still within 24 hours."""
        newest = np.full(len(runs.account), np.iinfo(np.int64).min)
        np.maximum.at(newest, chains.run, chains.time_ms)
        is_last = np.concatenate([~chains.is_same[1:], [True]])
        stays = is_last & (chains.time_ms > newest[chains.run] - DAY_MS) & (weight > 0)
        entries: EntryArray = np.zeros(int(stays.sum()), self.sets.entry)
        entries["patient"], entries["time_ms"] = patient[stays], chains.time_ms[stays]
        entries["level"], entries["marks"] = np.log2(weight[stays]), marks[stays]
        owner = chains.run[stays]
        level = self.sets.level_of(runs.account)
        while True:
            held = np.bincount(owner, minlength=len(runs.account))
            full = held > EXACT
            if not full.any():
                break
            level = level + full
            thinned = full[owner]
            entries["level"] = np.where(
                thinned, np.maximum(entries["level"], level[owner]), entries["level"]
            )
            stay = ~thinned | _ends_in_zeros(entries["patient"], level[owner])
            entries, owner = entries[stay], owner[stay]
        level = np.where((held < _THIN) & (level > 0), level - 1, level)
        self.sets.replace(runs.account, entries, held, level)


def _ends_in_zeros(
    patient: np.ndarray[tuple[int], np.dtype[np.uint64]], bits: Int64Array
) -> BoolArray:
    mask = (np.uint64(1) << bits.astype(np.uint64)) - np.uint64(1)
    ends: BoolArray = (patient & mask) == 0
    return ends


def _repeats(values: np.ndarray[tuple[int], np.dtype[np.generic]]) -> BoolArray:
    same: BoolArray = values[1:] == values[:-1]
    return same


def _window(
    chains: _Chains, span_ms: int, runs: Runs
) -> tuple[tuple[FloatArray, FloatArray, FloatArray], Int64Array, FloatArray]:
    """Counts at each access; then, in the chains' order, marks and weights so far.

    A *stay* is a stretch of accesses to one patient without a gap of `span_ms`: it adds the patient at
    its first access and takes it away `span_ms` after its last one.
    """
    gap = np.concatenate([[0], np.diff(chains.time_ms)])
    begins = ~chains.is_same | (gap >= span_ms)
    stay = np.cumsum(begins) - 1
    starts = np.flatnonzero(begins)
    weight = chains.weight[starts][stay]
    marks = np.zeros(len(stay), np.int64)
    for bit in (_IS_KNOWN, _IS_UNEXPLAINED):
        so_far = np.maximum.accumulate(2 * stay + ((chains.marks & bit) > 0)) - 2 * stay
        marks |= so_far * bit
    ends = np.concatenate([starts[1:], [len(stay)]])[: len(starts)] - 1
    going = _Departures.of(chains, ends, span_ms, runs)
    counts = []
    for bit in (0, _IS_KNOWN, _IS_UNEXPLAINED):
        flag = weight * ((marks & bit) == bit)
        change = flag - np.where(begins, 0.0, np.concatenate([[0.0], flag[:-1]]))
        is_own = chains.place >= 0
        before = np.bincount(
            chains.run[~is_own], weights=change[~is_own], minlength=len(runs.account)
        )
        came = np.zeros(len(runs.of))
        came[chains.place[is_own]] = change[is_own]
        counts.append(before[runs.of] + runs.running(came) - going.until(flag))
    return (counts[0], counts[1], counts[2]), marks, weight


@dataclass(frozen=True, slots=True, eq=False)
class _Departures:
    """Who leaves a window before the accesses of a slice are over; most slices are short.

    Attributes:
        items: shape (d,), positions in the chains of the last accesses of those who leave, in order.
        first: shape (n,), how many of `items` belong to earlier runs, at each access.
        last: shape (n,), how many of `items` have left by then.
    """

    items: Int64Array
    first: Int64Array
    last: Int64Array

    @classmethod
    def of(cls, chains: _Chains, ends: Int64Array, span_ms: int, runs: Runs) -> _Departures:
        own = np.flatnonzero(chains.place >= 0)
        time_ms = np.empty(len(runs.of), np.int64)
        time_ms[chains.place[own]] = chains.time_ms[own]
        newest = time_ms[runs.start + runs.length - 1]
        leaves_ms = chains.time_ms[ends] + span_ms
        in_time = leaves_ms <= newest[chains.run[ends]]
        items, leaves_ms = ends[in_time], leaves_ms[in_time]
        epoch_ms = min(int(time_ms.min()), int(leaves_ms.min(initial=time_ms.min())))
        keys = (chains.run[items] << _TIME_BITS) + (leaves_ms - epoch_ms)
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        return cls(
            items=items[order],
            first=np.searchsorted(keys, runs.of << _TIME_BITS, side="left"),
            last=np.searchsorted(keys, (runs.of << _TIME_BITS) + (time_ms - epoch_ms), "right"),
        )

    def until(self, flag: FloatArray) -> FloatArray:
        """The sum of a column of the chains over those who have left, at each access."""
        total = np.concatenate([[0.0], np.cumsum(flag[self.items])])
        gone: FloatArray = total[self.last] - total[self.first]
        return gone
