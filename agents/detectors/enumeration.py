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
        params, own = self.params, self.rows.table[accounts]
        hits = own["usual_hits"] + params.usual_ratio * params.usual_looks
        ratio = hits / (own["usual_looks"] + params.usual_looks)
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
        usual = self.usual(runs.account)[runs.of]
        is_first = (accesses.directory_step == NO_STEP) | again
        logs = np.empty((len(position), len(HIT_RATES)))
        for place, rate in enumerate(HIT_RATES):
            gain = np.where(near, np.log(rate / usual), np.log((1.0 - rate) / (1.0 - usual)))
            gain = np.round(gain / _GRAIN) * _GRAIN
            start = table["logs"][runs.account, place]
            logs[:, place] = start[runs.of] + runs.running(np.where(is_first, 0.0, gain))
        logs = np.minimum(logs, _HIGHEST)
        ends = runs.start + runs.length - 1
        table["logs"][runs.account] = logs[ends]
        table["position"][runs.account] = position[ends]
        looked = ~is_first
        np.add.at(table["looks"], accesses.account[looked], 1)
        np.add.at(table["hits"], accesses.account[looked & near], 1)
        self.rows.touch(runs.account)
        highest = logs.max(axis=1)
        mean = np.exp(logs - highest[:, None]).mean(axis=1)
        score: FloatArray = (highest + np.log(mean)) / LN10
        return score

    def _near(self, position: Int64Array, runs: Runs) -> tuple[BoolArray, BoolArray]:
        """Whether each place is within reach of an earlier one, and whether it is one itself."""
        table = self.rows.table
        ring = table["last"][runs.account]
        lengths = runs.length + REMEMBERED
        offset = np.cumsum(lengths) - lengths
        line = np.empty(int(lengths.sum()), np.int64)
        line[(offset[:, None] + np.arange(REMEMBERED)).ravel()] = ring.ravel()
        within = np.arange(len(position)) - runs.start[runs.of]
        line[offset[runs.of] + REMEMBERED + within] = position
        windows = sliding_window_view(line, REMEMBERED)
        distance = np.abs(windows[offset[runs.of] + within] - position[:, None])
        table["last"][runs.account] = windows[offset + runs.length]
        again = (distance == 0).any(axis=1)
        return (distance <= self.params.reach).any(axis=1) & ~again, again

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
