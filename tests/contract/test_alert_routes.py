"""Alertmanager's routes and inhibitions name what exists, and every alert comes to somebody."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from agents.alerts import ALERT_NAME, AlertIdentity
from agents.findings import Severity
from agents.severity import _OF_FLOWS
from metrics.labels import FINDING_DETECTORS
from tests.support import alert_rules as rules

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG: dict[str, Any] = rules.load(rules.ALERTMANAGER)
RULE_LABELS = frozenset(
    label
    for alert in rules.alerts()
    for metric in rules.metrics_of(alert.expr)
    for label in rules.labels_of(metric) or ()
)
FINDING_LABELS = {"finding", *AlertIdentity._fields} - {"finding_id"}
VALUES = {
    "alertname": {ALERT_NAME, *(one.name for one in rules.alerts())},
    "severity": {
        *(one.severity for one in rules.alerts()),
        *(str(one).lower() for one in Severity),
    },
    "origin": {one.origin for one in rules.alerts()},
    "detector": set(FINDING_DETECTORS),
}
"""What the labels that matchers read can say."""


def _routes(route: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    route = CONFIG["route"] if route is None else route
    yield route
    for child in route.get("routes", ()):
        yield from _routes(child)


def _matchers() -> list[tuple[str, str, str]]:
    texts = [text for route in _routes() for text in route.get("matchers", ())]
    for rule in CONFIG["inhibit_rules"]:
        texts += rule["source_matchers"] + rule["target_matchers"]
    found = []
    for text in texts:
        match = re.fullmatch(r'([a-z]+)(=~|!~|!=|=)"([^"]*)"', text)
        assert match, text
        found.append(match.groups())
    return found  # type: ignore[return-value]


def test_matchers_name_alerts_severities_origins_and_detectors_that_exist() -> None:
    for label, operator, value in _matchers():
        for word in value.split("|") if "~" in operator else [value]:
            assert word in VALUES[label], (label, word)


def test_every_receiver_is_reached_and_every_route_ends_at_one() -> None:
    receivers = [one["name"] for one in CONFIG["receivers"]]
    assert len(set(receivers)) == len(receivers)
    assert {route["receiver"] for route in _routes() if "receiver" in route} == set(receivers)


def test_routes_use_time_intervals_that_exist_and_are_of_paris() -> None:
    known = {one["name"] for one in CONFIG["time_intervals"]}
    used = {name for route in _routes() for name in route.get("active_time_intervals", ())}
    assert used == known
    for one in CONFIG["time_intervals"]:
        assert {part["location"] for part in one["time_intervals"]} == {"Europe/Paris"}


def test_nothing_critical_or_high_waits_for_working_hours() -> None:
    for route in _routes():
        matchers = " ".join(route.get("matchers", ()))
        if "active_time_intervals" in route:
            assert "critical" not in matchers
            assert "high" not in matchers


def test_grouping_and_inhibition_go_by_labels_that_alerts_bear() -> None:
    known = RULE_LABELS | FINDING_LABELS | {"alertname"}
    for route in _routes():
        assert set(route.get("group_by", ())) <= known
    for rule in CONFIG["inhibit_rules"]:
        assert set(rule.get("equal", ())) <= known


def test_no_alert_inhibits_itself() -> None:
    for rule in CONFIG["inhibit_rules"]:
        assert rule["source_matchers"] != rule["target_matchers"]
        source, target = (
            {
                one.partition('"')[2].rstrip('"')
                for one in rule[side]
                if one.startswith("alertname=")
            }
            for side in ("source_matchers", "target_matchers")
        )
        assert not source & target or any(
            one.startswith("severity") for one in rule["source_matchers"]
        )


def test_breaks_of_flows_go_another_way_than_accounts() -> None:
    (route,) = (
        one
        for one in CONFIG["route"]["routes"]
        if any(text.startswith("detector") for text in one.get("matchers", ()))
    )
    (detectors,) = (text for text in route["matchers"] if text.startswith("detector"))
    assert set(re.findall(r"[a-z_]+", detectors.partition("=~")[2])) == set(_OF_FLOWS)


def test_a_repetition_is_shorter_than_alertmanager_remembers() -> None:
    # It keeps what it notified for five days; a longer interval would repeat at random.
    for route in _routes():
        days = re.fullmatch(r"(\d+)d", route.get("repeat_interval", "1d"))
        assert not days or int(days[1]) < 5


def test_the_dead_mans_switch_comes_first_and_often() -> None:
    first = CONFIG["route"]["routes"][0]
    assert first["matchers"] == ['alertname="VigieWatchdog"']
    assert first["repeat_interval"] == "5m"
    assert [one["receiver"] for one in _routes()].count(first["receiver"]) == 1


def test_a_receiver_holds_no_address_and_no_secret() -> None:
    assert all(set(one) == {"name"} for one in CONFIG["receivers"])


@pytest.mark.parametrize("severity", [one for one in Severity if one is not Severity.UNKNOWN])
def test_every_severity_of_a_finding_has_its_section_in_the_runbook(severity: Severity) -> None:
    assert f"vigiefinding-{str(severity).lower()}" in rules.sections()
