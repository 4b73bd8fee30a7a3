from __future__ import annotations

import numpy as np

from agents.detectors import identity_only
from agents.detectors.base import Act, Runs
from agents.detectors.calibration import BUDGET, calibrated
from agents.detectors.identity_only import IdentityOnly
from tests.support.accesses import Access, accesses_of


def read(detector: IdentityOnly, identities: int, clinical: int, day: int) -> np.ndarray:
    acts = [Act.IDENTITY] * identities + [Act.CLINICAL] * clinical
    np.random.default_rng(day).shuffle(acts)
    accesses = accesses_of([Access(n, n, act=act) for n, act in enumerate(acts)])
    return detector.observe(accesses, Runs.of_accounts(accesses.account), day)


def known(identities: int, clinical: int) -> IdentityOnly:
    detector = IdentityOnly(identity_only.Params())
    for day in range(40):
        read(detector, identities, clinical, day)
    return detector


def is_alarm(score: np.ndarray) -> bool:
    return bool(calibrated("identity_only", score).max() >= BUDGET)


def test_identities_alone_are_an_alarm_for_an_account_that_gives_care() -> None:
    assert is_alarm(read(known(3, 20), 60, 2, 50))


def test_a_desk_that_reads_identities_every_day_is_no_alarm() -> None:
    assert not is_alarm(read(known(30, 25), 45, 15, 50))


def test_below_the_floor_nothing_is_said() -> None:
    assert read(known(1, 20), 19, 0, 50).max() == 0.0
    assert read(known(1, 20), 20, 0, 50).max() > 0.0


def test_an_unknown_account_is_not_blamed_for_its_desk() -> None:
    assert not is_alarm(read(IdentityOnly(identity_only.Params()), 60, 0, 50))


def test_a_day_of_harvest_is_not_learned() -> None:
    detector = known(3, 20)
    before, _ = detector.usual(np.array([0]))
    for day in range(50, 60):
        read(detector, 80, 0, day)
    after, _ = detector.usual(np.array([0]))
    assert after[0] <= before[0] * 1.05


def test_the_evidence_names_reads_and_expectation() -> None:
    detector = known(3, 20)
    score = read(detector, 60, 2, 50)
    evidence = detector.evidence(0, float(score[-1]))
    assert (evidence.reads, evidence.identities) == (62, 60)
    assert 6.0 < evidence.identities_expected < 12.0
    assert evidence.baseline_days == 40
