"""The demo's objectives live: some are declared, some counted in the flows as they come."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

import pytest

from simulators.declared_sheet import SOURCE
from tests.support.demo_process import page_of, running_demo

pytestmark = pytest.mark.integration


def _objectives(url: str) -> dict[str, dict[str, Any]]:
    with urllib.request.urlopen(url + "api/objectives", timeout=5) as answer:  # noqa: S310 (our own page)
        return {row["id"]: row for row in json.load(answer)["objectives"]}


def test_the_demos_objectives_are_declared_and_counted() -> None:
    with running_demo("--port", "0", "--speed", "40") as process:
        url = page_of(process)
        deadline_s = time.monotonic() + 90
        while not (rows := _objectives(url)) or rows["ordonnances_prescrites"]["ratio"] is None:
            assert time.monotonic() < deadline_s
            time.sleep(0.5)
        process.terminate()
        assert process.wait(20) == 0
    live = rows["ordonnances_prescrites"]
    assert (live["source"], live["age_days"], live["declared_by"]) == ("live", 0, SOURCE)
    assert 0 < live["numerator"] <= live["denominator"]
    declared = rows["prado_viatrajectoire"]
    assert (declared["state"], declared["declared_by"]) == ("OFF_TRACK", SOURCE)
    assert len(declared["parts"]) == 5
