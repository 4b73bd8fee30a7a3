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
from agents.patient_chains import IS_KNOWN, IS_UNEXPLAINED, Chains, Spans, window_counts
from agents.patient_sets import EXACT, PatientSets
from streams.event_time import DAY_MS, HOUR_MS, paris_days

if TYPE_CHECKING:
    from agents.detectors.base import Accesses
    from agents.distributions import BoolArray, FloatArray
    from agents.patient_sets import Held
    from streams.digests import UInt64Array
    from streams.event_time import Int64Array

_ALL: Final = (0, IS_KNOWN, IS_UNEXPLAINED)
_THIN: Final = EXACT // 4
_FEW: Final = 8
"""Entries below which a set need not be rid of those who left."""
_SPREAD: Final = 0x2545_F491_4F6C_DD1D
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


class PatientWindows:
    """The windows of all accounts of one partition."""

    def __init__(self) -> None:
        self.sets = PatientSets()

    def observe(self, accesses: Accesses, runs: Runs) -> Counted:
        """Take n accesses to patients, ordered by account and then by time."""
        if not len(accesses):
            nothing = np.zeros(0)
            return Counted(nothing, nothing, nothing, nothing, nothing)
        sets, held = self.sets, self.sets.held(runs.account)
        spans = Spans.of(accesses.time_ms, runs)
        patient, time_ms = sets.patient[held.place], sets.time_ms[held.place]
        is_live = time_ms > spans.first_ms - DAY_MS
        moves = spans.departs(time_ms) | _may_be_among(patient, held.owner, accesses, runs)
        moving, resting = np.flatnonzero(is_live & moves), np.flatnonzero(is_live & ~moves)
        chains = self._chained(accesses, runs, held, moving)
        day, last_marks, weight = window_counts(chains, DAY_MS, runs, spans, bits=_ALL)
        oldest_ms = accesses.time_ms[runs.start] - HOUR_MS
        recent = chains.since(oldest_ms)
        hour, _, _ = window_counts(recent, HOUR_MS, runs, spans, bits=_ALL[:1])
        blocks = self._at_rest(held, resting, time_ms[resting] > spans.first_ms - HOUR_MS)
        new_today = np.zeros(len(accesses))
        is_new = ~chains.is_same
        again = np.flatnonzero(chains.is_same)
        if again.size:
            now_ms, before_ms = chains.time_ms[again], chains.time_ms[again - 1]
            is_new[again] = (now_ms - before_ms >= DAY_MS) | (
                paris_days(now_ms) != paris_days(before_ms)
            )
        new_today[chains.place[chains.own]] = (weight * is_new)[chains.own]
        is_left = time_ms <= spans.last_ms - DAY_MS
        self._keep(runs, held, is_left, spans, chains, last_marks, weight)
        return Counted(
            patients=day[0] + blocks[0][runs.of],
            known=day[1] + blocks[1][runs.of],
            unexplained=day[2] + blocks[2][runs.of],
            hour=hour[0] + blocks[3][runs.of],
            new_today=new_today,
        )

    def _chained(self, accesses: Accesses, runs: Runs, held: Held, moving: Int64Array) -> Chains:
        """The chains of n accesses and of those entries that are not at rest."""
        sets, at = self.sets, held.place[moving]
        count, more = len(accesses), len(at)
        run = np.concatenate([held.owner[moving], runs.of])
        patient = np.concatenate([sets.patient[at], accesses.patient])
        time_ms = np.concatenate([sets.time_ms[at], accesses.time_ms])
        place = np.concatenate([np.full(more, -1), np.arange(count)])
        entry = np.concatenate([moving, np.full(count, -1)])
        sample = sets.level_of(runs.account)[runs.of]
        weight = np.concatenate(
            [
                np.exp2(sets.level[at].astype(np.float64)),
                _ends_in_zeros(accesses.patient, sample) * np.exp2(sample),
            ]
        )
        known = (accesses.explained != UNKNOWN) * IS_KNOWN
        known = known + (accesses.explained == UNEXPLAINED) * IS_UNEXPLAINED
        marks = np.concatenate([sets.marks[at].astype(np.int64), known])
        # One key sorts by run and patient. Only if two patients of one account shared the upper bits
        # of their digests could they lie mixed: for 256 patients the chance is 2e-9.
        key = (run.astype(np.uint64) << _PATIENT_BITS) | (patient >> _RUN_BITS)
        order = np.argsort(key, kind="stable")
        run, patient = run[order], patient[order]
        is_same = np.zeros(len(order), np.bool_)
        is_same[1:] = (run[1:] == run[:-1]) & (patient[1:] == patient[:-1])
        return Chains(
            run=run,
            time_ms=time_ms[order],
            place=place[order],
            entry=entry[order],
            patient=patient,
            weight=weight[order],
            marks=marks[order],
            is_same=is_same,
        )

    def _at_rest(
        self, held: Held, resting: Int64Array, is_of_hour: BoolArray
    ) -> tuple[FloatArray, ...]:
        """Patients, known and unexplained ones, and those of the hour, of each account at rest."""
        at, owner = held.place[resting], held.owner[resting]
        level, marks, count = self.sets.level[at], self.sets.marks[at], len(held.length)
        flags = (None, marks & IS_KNOWN > 0, marks & IS_UNEXPLAINED > 0, is_of_hour)
        # Hardly any account has a sample; of exact sets everybody weighs 1.
        weight = np.exp2(level.astype(np.float64)) if level.any() else None
        sums = []
        for flag in flags:
            whose = owner if flag is None else owner[flag]
            weights = weight if weight is None or flag is None else weight[flag]
            sums.append(np.bincount(whose, weights, count).astype(np.float64))
        return tuple(sums)

    def _keep(  # noqa: PLR0917 - one slice, as it stands after counting
        self,
        runs: Runs,
        held: Held,
        is_left: BoolArray,
        spans: Spans,
        chains: Chains,
        marks: Int64Array,
        weight: FloatArray,
    ) -> None:
        """Write back the last access of each patient that is still within 24 hours.

        Args:
            runs: the accounts.
            held: their entries.
            is_left: shape (m,), which entries had left by the last access of all.
            spans: of the accesses.
            chains: of the accesses and of the entries that are not at rest.
            marks: what is known of the chains' patients so far.
            weight: for how many patients each stands.
        """
        sets = self.sets
        is_first = ~chains.is_same
        lasts = np.flatnonzero(np.append(is_first[1:], True))
        stays = chains.time_ms[lasts] > spans.newest_ms[chains.run[lasts]] - DAY_MS
        stays &= weight[lasts] > 0
        at, entry = lasts[stays], chains.entry[is_first][stays]
        is_left[entry[entry >= 0]] = False
        left = np.flatnonzero(is_left)
        left = left[
            self.sets.time_ms[held.place[left]] <= spans.newest_ms[held.owner[left]] - DAY_MS
        ]
        level = np.log2(weight[at])
        known, new = np.flatnonzero(entry >= 0), np.flatnonzero(entry < 0)
        for some in (known, new):
            own = at[some]
            if some is known:
                places = held.place[entry[known]]
            else:
                coming = np.bincount(chains.run[own], minlength=len(runs.account))
                places, length = sets.make_room(
                    runs.account, coming, held.place[left], held.owner[left]
                )
            sets.write(places, chains.patient[own], chains.time_ms[own], level[some], marks[own])
        sets.touch(runs.account)
        stale = np.maximum(np.bincount(held.owner[left], minlength=len(coming)) - coming, 0)
        sample = sets.level_of(runs.account)
        untidy = (sample > 0) | (length - stale > EXACT) | ((2 * stale > length) & (length > _FEW))
        if untidy.any():
            self._tidy(runs.account[untidy], spans.newest_ms[untidy], sample[untidy])

    def _tidy(self, rows: Int64Array, newest_ms: Int64Array, level: Int64Array) -> None:
        """Drop who left, and keep the sets of these accounts within their bound."""
        entries, owner = self.sets.gather(rows)
        live = np.flatnonzero(entries["time_ms"] > newest_ms[owner] - DAY_MS)
        entries, owner = entries[live], owner[live]
        while True:
            held = np.bincount(owner, minlength=len(rows))
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
        self.sets.replace(rows, entries, held, level)


def _may_be_among(
    patient: UInt64Array, owner: Int64Array, accesses: Accesses, runs: Runs
) -> BoolArray:
    """Whether entries of the sets may be of a patient whom their account reads; never wrongly not."""
    slots = 1 << (8 * len(accesses)).bit_length()
    marked = np.zeros(slots, np.bool_)
    marked[_slot(accesses.patient, runs.of, slots)] = True
    found: BoolArray = marked[_slot(patient, owner, slots)]
    return found


def _slot(patient: UInt64Array, run: Int64Array, slots: int) -> Int64Array:
    # The upper bits of digests, since those of a sample end alike.
    mixed = (patient >> np.uint64(32)).view(np.int64) + run * _SPREAD
    slot: Int64Array = mixed & (slots - 1)
    return slot


def _ends_in_zeros(
    patient: np.ndarray[tuple[int], np.dtype[np.uint64]], bits: Int64Array
) -> BoolArray:
    mask = (np.uint64(1) << bits.astype(np.uint64)) - np.uint64(1)
    ends: BoolArray = (patient & mask) == 0
    return ends
