from __future__ import annotations

from datetime import datetime

import orjson
import pytest

from agents.alerts import TEXT_MAX, VALID_MS, Alert, AlertIdentity
from agents.findings import Finding, Severity
from tests.support.findings import NOW_MS, finding, resolved


def _alert(one: Finding, ended_ms: int | None = None) -> Alert:
    return Alert(AlertIdentity.of(one), one, ended_ms)


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def test_a_true_alert_ends_ten_minutes_from_now_unless_it_is_repeated() -> None:
    body = _alert(finding()).body(NOW_MS)
    assert _ms(body["startsAt"]) == NOW_MS - 60_000
    assert _ms(body["endsAt"]) == NOW_MS + VALID_MS


def test_an_ended_alert_says_when() -> None:
    body = _alert(resolved(), NOW_MS - 1_000).body(NOW_MS)
    assert _ms(body["endsAt"]) == NOW_MS - 1_000


@pytest.mark.parametrize("ended_ms", [None, NOW_MS - 5_000, NOW_MS + 5_000])
def test_an_alert_never_begins_after_its_end_or_ends_in_the_future(ended_ms: int | None) -> None:
    body = _alert(finding(opened_at_ms=NOW_MS + 9_000_000), ended_ms).body(NOW_MS)
    assert _ms(body["startsAt"]) < _ms(body["endsAt"])
    if ended_ms is not None:
        assert _ms(body["endsAt"]) <= NOW_MS


def test_revisions_share_their_labels() -> None:
    first, second = _alert(finding()).body(NOW_MS), _alert(finding(revision=7)).body(NOW_MS)
    assert first["labels"] == second["labels"]
    assert first["labels"] == {
        "alertname": "VigieFinding",
        "finding": "f-0001",
        "detector": "tail",
        "severity": "high",
        "sector": "PSL",
        "flow": "platform-accesses",
    }


def test_no_pseudonym_travels() -> None:
    text = orjson.dumps(_alert(finding()).body(NOW_MS, "https://vigie.example")).decode()
    assert "structure-1" not in text
    assert "actor-1" not in text


def test_both_languages_say_why_and_how_soon() -> None:
    notes = _alert(finding()).body(NOW_MS)["annotations"]
    assert notes["summary"].endswith(": à regarder dans l'heure")
    assert notes["summary_en"].endswith(": look at it within the hour")
    assert notes["description"].startswith("735 patients distincts")
    assert notes["description_en"].startswith("735 distinct patients")
    assert "link" not in notes


def test_it_links_to_the_finding_on_the_page() -> None:
    body = _alert(finding()).body(NOW_MS, "https://vigie.example")
    assert body["generatorURL"] == "https://vigie.example/#finding-f-0001"
    assert body["annotations"]["link"] == body["generatorURL"]


def test_long_reasons_are_cut() -> None:
    notes = _alert(finding(reasons=("x" * 5_000,))).body(NOW_MS)["annotations"]
    assert len(notes["description"]) == TEXT_MAX


def test_a_finding_of_several_flows_or_no_severity_is_told_as_well() -> None:
    body = _alert(finding(flow=None, severity=Severity.UNKNOWN, opened_at_ms=None)).body(NOW_MS)
    assert "flow" not in body["labels"]
    assert body["annotations"]["summary"] == "Constat tail (PSL)"
