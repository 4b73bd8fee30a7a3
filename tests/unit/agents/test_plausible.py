"""What is no finding and no verdict although it fits the schema."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agents.findings import Verdict, VerdictKind, finding_bytes, read_finding, verdict_bytes
from agents.findings import read_verdict as read
from agents.plausible import fault_of_finding, fault_of_verdict
from streams.recordwise import BadRecordError
from streams.validity import LATEST_TIME_MS
from tests.support.findings import CODEC, NOW_MS, READER, finding
from tests.support.page_server import account_history

VERDICT = Verdict("f-1", VerdictKind.BENIGN, NOW_MS, compromised_since_ms=NOW_MS - 5)


def test_honest_ones_pass() -> None:
    assert fault_of_finding(finding(history=account_history(NOW_MS))) is None
    assert fault_of_verdict(VERDICT) is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"detected_at_ms": LATEST_TIME_MS + 1}, "detected_at"),
        ({"window_start_ms": -1}, "window_start"),
        ({"opened_at_ms": 2**63 - 1}, "opened_at"),
        ({"finding_id": ""}, "finding_id"),
        ({"detector": "x" * 300}, "detector"),
        ({"sector": "elsewhere"}, "sector"),
        ({"score": float("nan")}, "evidence"),
        ({"evidence": {"odds": float("inf")}}, "evidence"),
        ({"revision": -1}, "revision"),
        ({"patients": -4}, "patients"),
    ],
)
def test_a_finding_that_cannot_be_is_named_by_its_field(
    changes: dict[str, Any], field: str
) -> None:
    assert fault_of_finding(finding(**changes)) == field


@pytest.mark.parametrize(
    "changes",
    [
        {"start_ms": 2**62},
        {"step_ms": 0},
        {"step_ms": -(2**40)},
        {"step_ms": 2**41},
        {"observed": (1,) * 169},
        {"expected": (float("nan"),)},
    ],
)
def test_a_history_that_cannot_be_drawn_is_a_fault(changes: dict[str, Any]) -> None:
    history = replace(account_history(NOW_MS), **changes)

    assert (fault_of_finding(finding(history=history)) or "").startswith("history")


@pytest.mark.parametrize(
    "changes", [{"judged_at_ms": 2**60}, {"compromised_since_ms": -1}, {"finding_id": ""}]
)
def test_a_verdict_that_cannot_be_is_refused_as_it_is_read(changes: dict[str, Any]) -> None:
    with pytest.raises(BadRecordError, match="cannot be so"):
        read(verdict_bytes(replace(VERDICT, **changes), CODEC), READER)


def test_a_finding_of_the_year_292_million_is_refused_as_it_is_read() -> None:
    with pytest.raises(BadRecordError, match="detected_at: cannot be so"):
        read_finding(finding_bytes(finding(detected_at_ms=2**63 - 1), CODEC), READER)
