"""What holds for every account detector."""

from __future__ import annotations

import dataclasses
import inspect
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from agents import detectors
from agents.account_watch import AccountWatch, WatchParams
from agents.detectors.calibration import KNOTS, calibrated
from agents.detectors.registry import ACCOUNT_DETECTORS
from tests.support.accesses import Access, accesses_of

if TYPE_CHECKING:
    from types import ModuleType

SCENARIOS = Path(__file__).parent.parent / "scenarios"

every_detector = pytest.mark.parametrize("name", ACCOUNT_DETECTORS)


def module_of(name: str) -> ModuleType:
    return ACCOUNT_DETECTORS[name]


@every_detector
def test_a_detector_says_what_why_what_it_misses_and_what_it_takes_for_it_wrongly(
    name: str,
) -> None:
    text = module_of(name).__doc__ or ""
    for word in ("What:", "Why:", "Misses:", "False positives:"):
        assert f"\n{word}" in text, word


@every_detector
def test_a_detectors_parameters_have_defaults_and_its_evidence_is_frozen(name: str) -> None:
    module = module_of(name)
    module.Params()
    for kind in (module.Params, module.Evidence):
        assert dataclasses.is_dataclass(kind)
        assert kind.__dataclass_params__.frozen
        documented = inspect.getdoc(kind) or ""
        for field in dataclasses.fields(kind):
            assert f"{field.name}:" in documented, field.name


@every_detector
def test_a_detector_has_a_calibration_that_never_falls_and_a_file_of_cases(name: str) -> None:
    seen, means = KNOTS[name]
    assert all(low < high for low, high in pairwise(seen))
    assert all(low < high for low, high in pairwise(means))
    far = calibrated(name, np.array([0.0, seen[-1], seen[-1] + 4.0]))
    assert far[0] == 0.0
    assert far[2] == far[1] + 2.0
    assert (SCENARIOS / f"{name}.toml").is_file()


def test_every_file_that_remembers_accounts_or_judges_their_baselines_is_registered() -> None:
    folder = Path(detectors.__path__[0])
    marks = ("import AccountRows", "import Expected")
    concluding = {
        path.stem
        for path in folder.glob("*.py")
        if "class Evidence" in path.read_text() and any(mark in path.read_text() for mark in marks)
    }
    assert concluding == set(ACCOUNT_DETECTORS)
    assert {p.name for p in dataclasses.fields(WatchParams)} >= set(ACCOUNT_DETECTORS)


def test_no_detector_changes_what_it_is_given() -> None:
    accesses = accesses_of([Access(n, n, account=n % 3, step=1) for n in range(60)])
    before = [getattr(accesses, field.name).copy() for field in dataclasses.fields(accesses)]
    for field in dataclasses.fields(accesses):
        getattr(accesses, field.name).setflags(write=False)
    AccountWatch().observe(accesses)
    for field, old in zip(dataclasses.fields(accesses), before, strict=True):
        assert np.array_equal(getattr(accesses, field.name), old)


def test_an_empty_slice_is_nothing() -> None:
    watch = AccountWatch()
    assert watch.observe(accesses_of([])) == []
    assert watch.pass_time(1_733_220_000_000) == []
