"""Runs the case files of the account detectors.

A file tells an account's usual working days, then cases: what it does on the following days, and how
the detector must take it: `fires`, `silent`, or `below` (just below the threshold: evidence, no alarm).
Patients follow each other every `gap_s` seconds from 9 o'clock (UTC) on. `walk` says how their places in
the directory follow each other: `none`, `order`, `interleaved` (every second one), `random`.
`network`, `client` and `auth` say from where and how the account comes, `first_hour` (UTC) when, and
`decoys` how many of a day's patients are on the list of decoys.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.account_watch import AccountWatch, Suspicion, WatchParams
from agents.detectors import decoys
from agents.detectors.base import NO_STEP, Accesses, Act
from agents.detectors.calibration import BUDGET
from streams.event_time import DAY_MS, HOUR_MS
from streams.vocabulary import AUTH_METHODS, NET_CLASSES
from tests.support.accesses import digest

HERE = Path(__file__).parent
NINE_MS = 1_704_704_400_000  # 2024-01-08T09:00:00Z, a Monday

DECOY = digest(99_999_999)


def cases() -> list[Any]:
    found = []
    for path in sorted(HERE.glob("*.toml")):
        told = tomllib.loads(path.read_text())
        found += [
            pytest.param(path.stem, told["usual"], case, id=f"{path.stem}: {case['name']}")
            for case in told["case"]
        ]
    return found


def places(walk: str, count: int, rng: np.random.Generator) -> np.ndarray:
    anywhere = rng.integers(0, 5_000_000, count)
    if walk == "order":
        return 1000 + np.arange(count)
    if walk == "interleaved":
        return np.where(np.arange(count) % 2, anywhere, 1000 + np.arange(count))
    return anywhere


def day_of(number: int, told: dict[str, Any], rng: np.random.Generator) -> Accesses:
    """One day of account 0: patients of whom some are strangers, some mere identities."""
    count = told["patients"] + int(rng.integers(0, told.get("more", 0) + 1))
    explained = np.ones(count, np.int8)
    explained[rng.permutation(count)[: round(count * told["unexplained"])]] = 0
    act = np.full(count, Act.CLINICAL, np.uint8)
    act[rng.permutation(count)[: round(count * told["identities"])]] = Act.IDENTITY
    walk = told.get("walk", "none")
    steps = np.full(count, NO_STEP)
    if walk != "none":
        steps[1:] = np.diff(places(walk, count, rng))
    first = number * 10_000
    patient = np.array([digest(first + n + 1) for n in range(count)], np.uint64)
    patient[: told.get("decoys", 0)] = DECOY
    begin_ms = NINE_MS + number * DAY_MS + (told.get("first_hour", 9) - 9) * HOUR_MS
    return Accesses(
        account=np.zeros(count, np.int64),
        group=np.zeros(count, np.int64),
        time_ms=begin_ms + np.arange(count) * told.get("gap_s", 300) * 1000,
        patient=patient,
        explained=explained,
        act=act,
        directory_step=steps,
        network=np.full(count, digest(told.get("network", 1)), np.uint64),
        client=np.full(count, digest(told.get("client", 1)), np.uint64),
        net_class=np.full(count, NET_CLASSES.index("REGION_ISP"), np.uint8),
        auth_method=np.full(count, AUTH_METHODS.index(told.get("auth", "CPS_CARD")), np.uint8),
        lifecycle=np.zeros(count, np.uint8),
        first_seen=np.zeros(count, np.bool_),
    )


@pytest.mark.parametrize(("detector", "usual", "case"), cases())
def test_the_case_is_taken_as_told(
    detector: str, usual: dict[str, Any], case: dict[str, Any]
) -> None:
    rng = np.random.default_rng(5)
    listed = decoys.Params(digests=frozenset({DECOY}))
    watch = AccountWatch(WatchParams(report_from=0.5, decoys=listed))
    # Days off do not matter: an account's working days follow each other here.
    for number in range(case.get("known_days", 60)):
        watch.observe(day_of(number, usual, rng))
    start = case.get("known_days", 60)
    suspicions: list[Suspicion] = []
    watch.pass_time(NINE_MS + (start - 1) * DAY_MS + DAY_MS * 3 // 4)
    for number in range(start, start + case["days"]):
        suspicions += watch.observe(day_of(number, {**usual, **case}, rng))
    suspicions += watch.pass_time(NINE_MS + (start + case["days"]) * DAY_MS)
    best = max((one.score for one in suspicions if one.detector == detector), default=0.0)
    assert case["taken"] in {"fires", "silent", "below"}
    if case["taken"] == "fires":
        assert best >= BUDGET
    else:
        assert best < BUDGET
        assert (best >= 1.5) == (case["taken"] == "below")
