"""The runbook has a section for each alert, with queries and commands that work."""

from __future__ import annotations

import re

import pytest
from typer.main import get_command

from streams.cli import app
from streams.settings import PREFIX, Settings
from tests.support import alert_rules as rules

TEXT = rules.RUNBOOK.read_text(encoding="utf-8")
PARTS = ("Fenêtre", "Requête", "Vérifier", "Agir", "Appeler", "Fin")
ROLES = r"astreinte|analyste|référent|exploitation|pilotage|personne"

every_section = pytest.mark.parametrize("anchor", rules.sections())


def test_sections_are_those_of_the_alerts_and_of_the_findings_severities() -> None:
    alerts = {one.name.lower() for one in rules.alerts()}
    findings = {f"vigiefinding-{severity}" for severity in ("critical", "high", "medium", "low")}
    assert set(rules.sections()) == alerts | findings


@every_section
def test_a_section_says_what_it_means_and_what_to_do(anchor: str) -> None:
    text = rules.sections()[anchor]
    assert re.match(r"[A-ZÀÉ]", text)
    assert (
        tuple(re.findall(r"\*\*(Fenêtre|Requête|Vérifier|Agir|Appeler|Fin)\*\* :", text)) == PARTS
    )
    called = re.search(r"\*\*Appeler\*\* : (.*)\*\*Fin", text)
    assert called
    assert re.search(ROLES, called[1].lower())


@every_section
def test_a_section_asks_for_series_that_exist(anchor: str) -> None:
    query = re.search(r"- \*\*Requête\*\* : (.*)$", rules.sections()[anchor], re.MULTILINE)
    assert query
    asked = [one for one in re.findall(r"`([^`]*)`", query[1]) if not one.startswith("vigie ")]
    assert asked
    for expression in asked:
        for metric in rules.metrics_of(expression) - {"ALERTS"}:
            assert rules.labels_of(metric) is not None, metric


def test_settings_that_are_named_exist() -> None:
    named = {one.removeprefix(PREFIX).lower() for one in re.findall(r"VIGIE_[A-Z_]+[A-Z]", TEXT)}
    assert named <= set(Settings.__dataclass_fields__)


def test_commands_that_are_named_exist_with_their_options() -> None:
    root = get_command(app)
    commands = re.findall(r"`vigie ([a-z][^`]*)`", TEXT)
    assert len(commands) > 10
    for text in commands:
        words = text.split()
        command = root
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        assert not getattr(command, "commands", {}) or text == "findings", text
        known = {name for option in command.params for name in option.opts}
        assert {word for word in words if word.startswith("--")} <= known, text


def test_a_stolen_account_is_followed_from_the_finding_to_the_delays_of_the_law() -> None:
    story = TEXT[TEXT.index("## Un compte volé") : TEXT.index("## Travailleurs")]
    steps = (
        "show",
        "judge",
        "patients",
        "CERT Santé",
        "sans délai",
        "CNIL",
        "72 heures",
        "LEFT_OUT",
    )
    for step in steps:
        assert step in story, step
