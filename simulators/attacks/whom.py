"""Whom an incident's accounts look at: strangers, people the structure has met, the next in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from simulators.day import MEMORY_DAYS
from simulators.patients import PATIENTS, patient_at
from simulators.population import Int64Array

if TYPE_CHECKING:
    from simulators.attacks.incident import Plan
    from simulators.traffic import RegionDay

BoolArray = npt.NDArray[np.bool_]

Whom = Callable[["RegionDay", int, int, int, np.random.Generator], tuple[Int64Array, BoolArray]]
"""`(today, member, structure, count, rng)` -> patients in their order, and who of them is known.

`member` is the account's place among the incident's; all patients are distinct and there are exactly
`count` of them, as the ground truth promises.
"""

BLOCK: Final = 50
"""Directory entries that are shuffled together."""
_STRANGERS_TRIED: Final = 2


def met_lately(
    today: RegionDay, structure: int, count: int, rng: np.random.Generator, *, first_lag: int = 1
) -> Int64Array:
    """Up to `count` distinct patients whom a structure has met, the last days' before others."""
    if count == 0:
        return np.zeros(0, np.int64)
    tries = 4 * count + 8
    here = np.full(tries, structure)
    lag = np.minimum(first_lag + rng.exponential(3.0, tries).astype(np.int64), MEMORY_DAYS - 1)
    seen = today.days.remembered(here, lag, rng.random(tries))
    followed = today.days.panels.pick(here, today.care.ordinal - 1, rng.random(tries))
    return distinct(np.concatenate([seen[seen >= 0], followed]))[:count]


def distinct(values: Int64Array) -> Int64Array:
    """Each value once, in the order of its first occurrence."""
    _, first = np.unique(values, return_index=True)
    return values[np.sort(first)]


def strangers(known_ratio: float) -> Whom:
    """Anybody of the directory, but for a share of patients whom the structure has met."""

    def whom(
        today: RegionDay, member: int, structure: int, count: int, rng: np.random.Generator
    ) -> tuple[Int64Array, BoolArray]:
        del member
        wanted = int(rng.binomial(count, known_ratio))
        known = met_lately(today, structure, wanted, rng)
        others = rng.choice(PATIENTS, _STRANGERS_TRIED * count, replace=False)
        others = others[~np.isin(others, known)][: count - len(known)]
        patient = np.concatenate([known, others]).astype(np.int64)
        is_known = np.arange(count) < len(known)
        order = rng.permutation(count)
        return patient[order], is_known[order]

    return whom


def in_order(plan: Plan, per_day: int, form: str) -> Whom:
    """The directory from a drawn place on, day after day.

    Args:
        plan: whose seed draws the place.
        per_day: look-ups of an account on each of its days.
        form: `ordered`; `interleaved`, every second look-up random; `shuffled`, in blocks of 50.
    """
    opening = plan.opening().toordinal()

    def whom(
        today: RegionDay, member: int, structure: int, count: int, rng: np.random.Generator
    ) -> tuple[Int64Array, BoolArray]:
        del structure
        first = int(plan.rng("place", member).integers(0, PATIENTS))
        place = first + (today.care.ordinal - opening) * per_day + np.arange(count)
        if form == "shuffled":
            block = np.arange(count) // BLOCK
            place = place[np.lexsort((rng.random(count), block))]
        patient = patient_at(place)
        if form == "interleaved":
            half = (count + 1) // 2
            others = rng.choice(PATIENTS, 2 * count, replace=False)
            others = others[~np.isin(others, patient)][: count - half]
            mixed = np.empty(count, np.int64)
            mixed[0::2], mixed[1::2] = patient[:half], others
            patient = mixed
        return patient, np.zeros(count, np.bool_)

    return whom


def taking_turns(plan: Plan, members: int, per_day: int) -> Whom:
    """One list in directory order, read by several accounts in turns."""
    opening = plan.opening().toordinal()

    def whom(
        today: RegionDay, member: int, structure: int, count: int, rng: np.random.Generator
    ) -> tuple[Int64Array, BoolArray]:
        del structure, rng
        first = int(plan.rng("place").integers(0, PATIENTS))
        day = today.care.ordinal - opening
        place = first + day * per_day * members + np.arange(count) * members + member
        return patient_at(place), np.zeros(count, np.bool_)

    return whom
