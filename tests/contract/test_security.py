"""SECURITY.md names only what exists: files, tests, alerts, settings and metrics."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from metrics.catalogue import CATALOGUE
from streams.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`([^`\n]+)`", TEXT)))
FOLDERS = ("tests/", "deploy/", "streams/", "agents/", "metrics/", "simulators/", "requirements")
THREATS = re.split(r"\n### ", TEXT.partition("## Threats")[2].partition("\n## ")[0])[1:]


@pytest.mark.parametrize("path", [name for name in NAMED if name.startswith(FOLDERS)])
def test_every_file_that_is_named_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("name", [name for name in NAMED if name.startswith("test_")])
def test_every_test_that_is_named_exists(name: str) -> None:
    files = re.findall(r"`(tests/\S+\.py)`", TEXT)
    assert any(f"def {name}(" in (ROOT / path).read_text(encoding="utf-8") for path in files)


@pytest.mark.parametrize("alert", [name for name in NAMED if re.fullmatch(r"Vigie[A-Z]\w+", name)])
def test_every_alert_that_is_named_exists(alert: str) -> None:
    rules = (ROOT / "deploy" / "prometheus" / "rules").glob("*.yml")
    assert any(f"alert: {alert}\n" in path.read_text(encoding="utf-8") for path in rules)


def test_every_setting_and_metric_that_is_named_exists() -> None:
    settings = {PREFIX + field.name.upper() for field in fields(Settings)}
    metrics = {spec.full_name for spec in CATALOGUE.values()}
    assert {name for name in NAMED if name.startswith(PREFIX)} <= settings
    assert {name for name in NAMED if name.startswith("vigie_")} <= metrics


@pytest.mark.parametrize("threat", THREATS, ids=[one.partition("\n")[0] for one in THREATS])
def test_every_threat_has_its_four_answers_and_a_test(threat: str) -> None:
    answers = re.findall(
        r"^\* \*\*(Can|Stopped or shown by|Proven by|Remains)\*\*", threat, re.MULTILINE
    )
    assert answers == ["Can", "Stopped or shown by", "Proven by", "Remains"]
    assert re.search(r"\*\*Proven by\*\* `tests/", threat)


def test_the_threats_that_an_audit_asks_for_are_there() -> None:
    titles = " ".join(one.partition("\n")[0] for one in THREATS)
    for word in ("analyst", "producer", "operator", "baseline", "token", "registry", "Prometheus"):
        assert word in titles
    assert "verdicts" in titles
    assert "supply chain" in titles
