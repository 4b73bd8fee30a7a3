"""What the cells of one day say of groups of accounts: observed and expected, key by key (pure).

Every test is a count against what is usual, with a spread that knows where the accounts belong: people
of one structure see the same patients, the same campaign and the same day, so a structure varies as a
whole. A group that is one structure is therefore believed less than one of twenty structures with as
much excess, by the share of its expectation that each structure holds (Herfindahl's index).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from agents.distributions import negative_binomial_log_ratio

if TYPE_CHECKING:
    from agents.account_cells import CellArray
    from agents.detectors.base import UInt64Array
    from agents.distributions import FloatArray
    from streams.event_time import BoolArray, Int64Array

SHARE_RATIOS: Final = (1.5, 2.0, 3.0, 5.0)
"""How many times as many unexplained patients as usual a group that colludes may show."""
COUNT_RATIOS: Final = (3.0, 10.0, 30.0)
"""How many times as many accounts as usual may act in step."""


_SEVERAL: Final = 3
"""Accounts of one structure from which on it is compared with the rest of itself."""
_CREDIT: Final = 2.0
"""Expected patients' worth of a structure being as usual."""


@dataclass(frozen=True, slots=True, eq=False)
class Uses:
    """n uses of a network or a client by an account on a day.

    Attributes:
        key: shape (n,), digests.
        cell: shape (n,), positions of the cells.
        observed: shape (n,), unexplained patients through it.
        expected: shape (n,), as many patients of that account usually show.
    """

    key: UInt64Array
    cell: Int64Array
    observed: FloatArray
    expected: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """m groups, each with at least two structures' or accounts' worth of members.

    Attributes:
        key: shape (m,).
        observed: shape (m,), without the strongest member.
        expected: shape (m,), likewise.
        concentration: shape (m,), Herfindahl's index of the structures, in (0, 1].
        members: shape (m,), accounts.
    """

    key: UInt64Array
    observed: FloatArray
    expected: FloatArray
    concentration: FloatArray
    members: Int64Array


def uses_of(cells: CellArray, name: str, factor: float) -> Uses:
    """The uses of networks or clients in a day's cells.

    Args:
        cells: n cells.
        name: `network` or `client`.
        factor: how much more than usual the whole region shows today.
    """
    at, slot = np.nonzero((cells[name] != 0) & (cells[name + "_patients"] > 0))
    share = np.minimum(cells["expected_share"][at].astype(np.float64) * factor, 0.95)
    return Uses(
        key=cells[name][at, slot],
        cell=at.astype(np.int64),
        observed=cells[name + "_unexplained"][at, slot].astype(np.float64),
        expected=cells[name + "_patients"][at, slot] * share,
    )


def grouped(uses: Uses, cells: CellArray, *, least: int, most_excess: float) -> Groups:
    """Sum uses by key, each against what its structure shows beside the key.

    Args:
        uses: the uses of these cells.
        cells: the cells.
        least: accounts of a group.
        most_excess: what one account can add beyond its expectation: a group is not found by one of it.
    """
    keys, of, count = np.unique(uses.key, return_inverse=True, return_counts=True)
    kept = np.flatnonzero((count >= least)[of.reshape(-1)])
    of = of.reshape(-1)[kept]
    expected = uses.expected[kept] * _beside(uses, cells, of, kept)
    observed = np.minimum(uses.observed[kept], expected + most_excess)
    cell = uses.cell[kept]
    m = len(keys)
    observed_sum = np.bincount(of, observed, m).astype(np.float64)
    expected_sum = np.bincount(of, expected, m).astype(np.float64)
    # Without its strongest member.
    excess = observed - expected
    order = np.lexsort([excess, of])
    last = order[np.flatnonzero(np.diff(of[order], append=-1))]
    observed_sum[of[last]] -= observed[last]
    expected_sum[of[last]] -= expected[last]
    concentration = _concentration(of, cells["structure"][cell], expected, m)
    accounts = np.unique(np.stack([of, _codes(cells["account"])[cell]]), axis=1)
    members = np.bincount(accounts[0], minlength=m)
    big = np.flatnonzero(members >= least)
    return Groups(keys[big], observed_sum[big], expected_sum[big], concentration[big], members[big])


def _beside(uses: Uses, cells: CellArray, of: Int64Array, kept: Int64Array) -> FloatArray:
    """How much more than usual the structure of each kept use shows apart from its key.

    A campaign or a new ward changes a structure as a whole: where several of its accounts share a key,
    they are compared with the others. If the key is what most of the structure uses, there are no
    others, and the structure is compared with itself: it cannot be found by that key.
    """
    codes = _codes(cells["structure"])
    here = codes[uses.cell]
    count = int(codes.max(initial=0)) + 1
    observed = np.bincount(here, uses.observed, count)
    expected = np.bincount(here, uses.expected, count)
    pair, at, members = np.unique(of * count + here[kept], return_inverse=True, return_counts=True)
    at, of_structure = at.reshape(-1), pair % count
    own = np.bincount(at, uses.observed[kept], len(pair))
    own_expected = np.bincount(at, uses.expected[kept], len(pair))
    is_part = own_expected <= 0.5 * expected[of_structure]
    rest = observed[of_structure] - np.where(is_part, own, 0.0)
    usual = expected[of_structure] - np.where(is_part, own_expected, 0.0)
    ratio = np.clip((rest + _CREDIT) / (usual + _CREDIT), 0.7, 10.0)
    factor: FloatArray = np.where(members >= _SEVERAL, ratio, 1.0)[at]
    return factor


def _codes(values: UInt64Array) -> Int64Array:
    return np.unique(values, return_inverse=True)[1].reshape(-1)


def _concentration(
    of: Int64Array, structure: UInt64Array, weight: FloatArray, count: int
) -> FloatArray:
    codes = _codes(structure)
    width = int(codes.max(initial=0)) + 1
    pairs, at = np.unique(of * width + codes, return_inverse=True)
    shares = np.bincount(at.reshape(-1), weight, len(pairs))
    total = np.bincount(of, weight, count)
    squares = np.bincount(pairs // width, shares**2, count)
    return np.where(total > 0, squares / np.maximum(total**2, 1e-300), 1.0)


def structures_worth(structure: UInt64Array) -> float:
    """How many independent accounts these are worth: of one structure, their number's square root."""
    _, counts = np.unique(structure, return_counts=True)
    return float(np.sqrt(counts).sum())


def linked(cells: CellArray) -> BoolArray:
    """Which accounts read two patients one after the other that another structure's account read so."""
    sequence = cells["sequence"].reshape(-1)
    owner = np.repeat(np.arange(len(cells)), cells["sequence"].shape[1])
    named = np.flatnonzero(sequence != 0)
    sequence, owner = sequence[named], owner[named]
    _, of = np.unique(sequence, return_inverse=True)
    pairs = np.unique(np.stack([of.reshape(-1), _codes(cells["structure"])[owner]]), axis=1)
    is_shared = np.bincount(pairs[0], minlength=int(of.max(initial=0)) + 1) > 1
    result = np.zeros(len(cells), np.bool_)
    result[owner[is_shared[of.reshape(-1)]]] = True
    return result


def log_e_value(
    observed: FloatArray, expected: FloatArray, spread: FloatArray, ratios: tuple[float, ...]
) -> FloatArray:
    """Natural logarithms of e-values for `observed` above `expected`.

    The mean of likelihood ratios over `ratios`, at a negative binomial law of relative variance
    `spread` beside the counts' own.
    """
    size = 1.0 / spread
    mean = np.maximum(expected, 1e-6)
    logs = np.stack([negative_binomial_log_ratio(observed, mean, size, ratio) for ratio in ratios])
    top = logs.max(axis=0)
    result: FloatArray = top + np.log(np.exp(logs - top).sum(axis=0)) - math.log(len(ratios))
    return result
