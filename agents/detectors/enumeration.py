"""Enumeration: patients in the order of a directory instead of the order of care.

What: how often a patient stands within `reach` places of one of the account's last 64 patients of the
day, in order, interleaved with others, or shuffled within blocks.

Why: whoever copies a directory walks along it; care jumps about. An e-process per account and day (the
mean of likelihood ratios for three hit rates) passes `10**x` on a quiet day with probability `10**-x` at
most, at whatever access one looks (Ville's inequality); relatives and namesakes are in the account's own
hit rate, which starts with a generous prior.

Misses: strides longer than `reach`; less than some seven look-ups a day; sources without directory
steps; keys in another order than the directory's.

False positives: office work through alphabetical lists, until the account's own rate has learned it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from agents.account_rows import AccountRows
from agents.detectors.base import NO_STEP
from agents.distributions import LN10

if TYPE_CHECKING:
    from agents.detectors.base import Accesses, Runs
    from agents.distributions import BoolArray, FloatArray
    from streams.event_time import Int64Array

_VERSION: Final = 1
REMEMBERED: Final = 64
_NOWHERE: Final = np.iinfo(np.int64).min // 4
_APART: Final = 1 << 40
"""What a step that nobody knows counts as: far from everything before."""
_HIGHEST: Final = 600.0
_GRAIN: Final = 2.0**-20
"""Evidence of one look-up is rounded to this, so that sums are exact however they are cut."""

HIT_RATES: Final = (0.9, 0.5, 0.25)
"""Of the walks looked for: in order, every second one, shuffled."""

_RECORD: Final = np.dtype(
    [
        ("day", "<i4"),
        ("position", "<i8"),
        ("last", "<i8", (REMEMBERED,)),
        ("logs", "<f8", (len(HIT_RATES),)),
        ("hits", "<u4"),
        ("looks", "<u4"),
        ("usual_hits", "<f4"),
        ("usual_looks", "<f4"),
    ]
)


@dataclass(frozen=True, slots=True)
class Params:
    """What is near, and what is usual.

    Attributes:
        reach: places in the directory that count as near.
        usual_ratio: prior hit rate: a family of four in a row is no alarm (assumption).
        usual_looks: look-ups that the prior weighs.
        least_ratio: below which no account's hit rate is believed.
        most_ratio: above which none is; keeps the alarm within 8 look-ups in order.
        memory_looks: look-ups after which own history is halved.
        learn_below: log10 of evidence up to which a day's look-ups are learned.
    """

    reach: int = 4
    usual_ratio: float = 0.05
    usual_looks: float = 100.0
    least_ratio: float = 0.03
    most_ratio: float = 0.08
    memory_looks: float = 4000.0
    learn_below: float = 2.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why an account seems to walk along a directory.

    Attributes:
        looks: look-ups of the day that had a place in the directory.
        hits: those within reach of an earlier one.
        hits_expected: by the account's own rate.
        odds: log10 of the e-value.
    """

    looks: int
    hits: int
    hits_expected: float
    odds: float


class Enumeration:
    """The walks of all accounts of one partition."""

    def __init__(self, params: Params) -> None:
        self.params = params
        last = np.full(REMEMBERED, _NOWHERE, np.int64)
        self.rows = AccountRows("enumeration", _VERSION, _RECORD, {"last": last})

    def usual(self, accounts: Int64Array) -> FloatArray:
        """The hit rate that each account may have without being suspected."""
        params, table = self.params, self.rows.table
        hits = table["usual_hits"][accounts] + params.usual_ratio * params.usual_looks
        ratio = hits / (table["usual_looks"][accounts] + params.usual_looks)
        usual: FloatArray = np.clip(ratio, params.least_ratio, params.most_ratio)
        return usual

    def observe(self, accesses: Accesses, runs: Runs, day: int) -> FloatArray:
        """Take n accesses to patients of one local day, ordered by account; log10 of e-values."""
        if not len(accesses):
            return np.zeros(0)
        self.rows.reserve(int(runs.account[-1]) + 1)
        self._begin(runs.account, day)
        table = self.rows.table
        steps = np.where(accesses.directory_step == NO_STEP, _APART, accesses.directory_step)
        total = np.cumsum(steps)
        before = (total - steps)[runs.start]
        position = table["position"][runs.account][runs.of] + total - before[runs.of]
        near, again = self._near(position, runs)
        is_first = (accesses.directory_step == NO_STEP) | again
        usual, rates = self.usual(runs.account)[:, None], np.array(HIT_RATES)
        hit, miss = np.log(rates / usual), np.log((1.0 - rates) / (1.0 - usual))
        gain = np.where(near[:, None], hit[runs.of], miss[runs.of])
        gain = np.round(gain / _GRAIN) * _GRAIN
        gain[is_first] = 0.0
        logs = np.cumsum(gain, axis=0)
        start = table["logs"][runs.account] - (logs - gain)[runs.start]
        logs = np.minimum(logs + start[runs.of], _HIGHEST)
        ends = runs.start + runs.length - 1
        table["logs"][runs.account] = logs[ends]
        table["position"][runs.account] = position[ends]
        looked = ~is_first
        for name, counts in (("looks", looked), ("hits", looked & near)):
            added = np.bincount(runs.of[counts], minlength=len(ends))
            table[name][runs.account] += added.astype(np.uint32)
        self.rows.touch(runs.account)
        highest = logs.max(axis=1)
        mean = np.exp(logs - highest[:, None]).mean(axis=1)
        score: FloatArray = (highest + np.log(mean)) / LN10
        return score

    def _near(self, position: Int64Array, runs: Runs) -> tuple[BoolArray, BoolArray]:
        """Whether each place is within reach of an earlier one, and whether it is one itself."""
        table = self.rows.table
        lengths = runs.length + REMEMBERED
        offset = np.cumsum(lengths) - lengths
        # Each account's ring, and behind it its new places.
        of_access = np.arange(len(position)) + REMEMBERED * (runs.of + 1)
        line = np.empty(int(lengths.sum()), np.int64)
        is_ring = np.ones(len(line), np.bool_)
        is_ring[of_access] = False
        line[is_ring] = table["last"][runs.account].ravel()
        line[of_access] = position
        windows = sliding_window_view(line, REMEMBERED)
        distance = windows[of_access - REMEMBERED]
        distance -= position[:, None]
        nearest = np.abs(distance, out=distance).min(axis=1)
        table["last"][runs.account] = windows[offset + runs.length]
        again = nearest == 0
        return (nearest <= self.params.reach) & ~again, again

    def _begin(self, accounts: Int64Array, day: int) -> None:
        """Start a new day for those who were last seen on another: learn the old one, forget it."""
        table, params = self.rows.table, self.params
        rows = accounts[table["day"][accounts] != day]
        quiet = rows[table["logs"][rows].max(axis=1) < params.learn_below * LN10]
        for usual, today in (("usual_hits", "hits"), ("usual_looks", "looks")):
            table[usual][quiet] += table[today][quiet]
        long = rows[table["usual_looks"][rows] > params.memory_looks]
        for usual in ("usual_hits", "usual_looks"):
            table[usual][long] /= 2.0
        for name in ("position", "logs", "hits", "looks"):
            table[name][rows] = 0
        table["last"][rows] = _NOWHERE
        table["day"][rows] = day

    def evidence(self, account: int, score: float) -> Evidence:
        """The reasons behind an account's present score."""
        row = self.rows.table[account]
        usual = float(self.usual(np.array([account]))[0])
        return Evidence(
            looks=int(row["looks"]),
            hits=int(row["hits"]),
            hits_expected=usual * int(row["looks"]),
            odds=score,
        )
