from __future__ import annotations

import numpy as np
import pytest

from agents.detectors import enumeration
from agents.detectors.base import NO_STEP, Runs
from agents.detectors.calibration import BUDGET, calibrated
from agents.detectors.enumeration import Enumeration
from tests.support.accesses import Access, accesses_of


def walk(detector: Enumeration, places: list[int], day: int = 20_000) -> np.ndarray:
    """Look up patients by their places in the directory, from a day's first one on."""
    steps = [NO_STEP, *np.diff(places).tolist()]
    told = [
        Access(n, place, step=step)
        for n, (place, step) in enumerate(zip(places, steps, strict=True))
    ]
    accesses = accesses_of(told)
    return detector.observe(accesses, Runs.of_accounts(accesses.account), day)


def found_after(scores: np.ndarray) -> int:
    over = np.flatnonzero(calibrated("enumeration", scores) >= BUDGET)
    return int(over[0]) + 1 if len(over) else 10_000


def at_random(seed: int, count: int) -> list[int]:
    return np.random.default_rng(seed).integers(0, 6_000_000, count).tolist()


def test_a_walk_in_order_is_found_within_eight_look_ups() -> None:
    scores = walk(Enumeration(enumeration.Params()), list(range(500, 520)))
    assert scores[found_after(scores) - 1] >= 6.0
    assert found_after(scores) <= 8


def test_a_walk_is_found_within_eight_look_ups_even_of_an_account_with_many_neighbours() -> None:
    detector = Enumeration(enumeration.Params())
    for day in range(10):
        walk(detector, [p + n for p in at_random(day, 60) for n in (0, 1)][:100], day)
    assert found_after(walk(detector, list(range(500, 520)), 30)) <= 8


@pytest.mark.parametrize("seed", range(5))
def test_an_interleaved_walk_is_found_within_thirty_look_ups(seed: int) -> None:
    places = at_random(seed, 40)
    places[::2] = range(1000, 1020)
    assert found_after(walk(Enumeration(enumeration.Params()), places)) <= 30


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_blocks_of_fifty_are_found_within_two_hundred_look_ups(seed: int) -> None:
    rng = np.random.default_rng(seed)
    places = np.concatenate([rng.permutation(50) + 50 * block for block in range(4)]).tolist()
    assert found_after(walk(Enumeration(enumeration.Params()), places)) <= 200


def test_a_family_of_five_in_a_row_is_no_alarm() -> None:
    places = [*at_random(1, 10), 700, 701, 702, 703, 704, *at_random(2, 10)]
    assert found_after(walk(Enumeration(enumeration.Params()), places)) == 10_000


def test_the_same_patient_again_and_again_is_no_walk() -> None:
    assert walk(Enumeration(enumeration.Params()), [5] * 50).max() < 0.5


def test_every_day_begins_anew() -> None:
    detector = Enumeration(enumeration.Params())
    walk(detector, [10, 11, 12, 13, 14])
    assert walk(detector, [15], day=20_001)[0] == 0.0


def test_days_of_random_look_ups_keep_to_the_guarantee() -> None:
    detector = Enumeration(enumeration.Params())
    highest = [walk(detector, at_random(day, 60), day).max() for day in range(300)]
    assert np.mean(np.array(highest) >= 1.0) <= 0.1
    assert max(highest) < 3.0


def test_the_evidence_counts_look_ups_and_hits() -> None:
    detector = Enumeration(enumeration.Params())
    scores = walk(detector, [10, 11, 12, 9_000, 13])
    evidence = detector.evidence(0, float(scores[-1]))
    assert (evidence.looks, evidence.hits) == (4, 3)
    assert evidence.hits_expected == pytest.approx(0.2, abs=0.05)
