"""Rules and alerts ask only for what is exported, say what operators need, and are all tried out."""

from __future__ import annotations

import itertools
import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from streams.settings import Settings
from tests.support import alert_rules as rules

if TYPE_CHECKING:
    from tests.support.alert_rules import Alert, Recorded

SEVERITIES = {"critical", "warning", "info"}
ORIGINS = {"pipeline", "source", "security", "objective", "monitoring"}
ANNOTATIONS = {"summary", "description", "runbook_url", "dashboard"}
DASHBOARDS = {"vigie-region", "vigie-objectifs", "vigie-securite", "vigie-exploitation"}
UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}

every_alert = pytest.mark.parametrize(
    "alert", rules.alerts(), ids=lambda one: f"{one.name}-{one.severity}"
)
every_record = pytest.mark.parametrize("record", rules.recorded(), ids=lambda one: one.name)
every_rule = pytest.mark.parametrize(
    "expression",
    [one.expr for one in (*rules.alerts(), *rules.recorded())],
    ids=[f"{one.name}-{one.file}" for one in (*rules.alerts(), *rules.recorded())],
)


def _seconds(text: str) -> int:
    parts = re.findall(r"(\d+)([smhdw])", text)
    assert "".join(a + b for a, b in parts) == text, text
    return sum(int(number) * UNIT_S[unit] for number, unit in parts)


# What a rule says.


def test_an_alert_has_one_rule_per_severity() -> None:
    known = [(one.name, one.severity) for one in rules.alerts()]
    assert len(set(known)) == len(known) > 40


@every_alert
def test_an_alert_says_how_grave_it_is_and_whose(alert: Alert) -> None:
    assert re.fullmatch(r"Vigie[A-Za-z]+", alert.name)
    assert alert.severity in SEVERITIES
    assert alert.origin in ORIGINS


@every_alert
def test_an_alert_waits_before_it_fires(alert: Alert) -> None:
    assert _seconds(alert.hold) >= 60


@every_alert
def test_an_alert_tells_in_french_what_is_the_matter_with_its_figure(alert: Alert) -> None:
    assert set(alert.annotations) == ANNOTATIONS
    summary, description = alert.annotations["summary"], alert.annotations["description"]
    assert len(re.sub(r"\{\{.*?\}\}", "", summary)) <= 80
    assert not summary.endswith(".")
    assert description.endswith(".")
    assert "$value" in description or "| query" in description
    french = r"\b(le|la|les|des|du|de|un|une|aucun|aucune|ne|n'|d'|sur|est|sont)\b"
    assert re.search(french, summary.lower() + " " + description.lower())


@every_alert
def test_a_threshold_in_the_text_has_its_unit(alert: Alert) -> None:
    units = (
        r"(secondes?|minutes?|heures?|jours?|points|faux constats|%|Gio|événements|1 000|100|300|3)"
    )
    for said in re.findall(r"\((?:seuil|minimum) : ([^)]*)\)", alert.annotations["description"]):
        assert re.search(units, said), said


@every_alert
def test_an_alert_links_to_its_section_of_the_runbook_and_to_a_dashboard(alert: Alert) -> None:
    anchor = alert.name.lower()
    base = "{{ $externalLabels.runbook_base }}"
    assert alert.annotations["runbook_url"] == f"{base}/deploy/runbook.md#{anchor}"
    assert anchor in rules.sections()
    base = re.escape("{{ $externalLabels.dashboard_base }}")
    link = re.fullmatch(base + r"/d/([a-z-]+)", alert.annotations["dashboard"])
    assert link
    assert link[1] in DASHBOARDS


def test_the_dashboards_that_alerts_link_to_exist() -> None:
    boards = (rules.DEPLOY / "grafana").rglob("*.json")
    uids = {json.loads(path.read_text())["uid"] for path in boards}
    linked = {one.annotations["dashboard"].rpartition("/")[2] for one in rules.alerts()}
    assert linked <= uids


def test_only_the_dead_mans_switch_is_always_true() -> None:
    assert [one.name for one in rules.alerts() if not rules.metrics_of(one.expr)] == [
        "VigieWatchdog"
    ]


# What a rule asks for.


@every_rule
def test_a_rule_reads_series_that_exist(expression: str) -> None:
    for metric in rules.metrics_of(expression):
        assert rules.labels_of(metric) is not None, metric


@every_rule
def test_a_rule_sums_and_matches_by_labels_that_its_series_have(expression: str) -> None:
    known = frozenset[str]().union(
        *(rules.labels_of(metric) or () for metric in rules.metrics_of(expression))
    )
    assert rules.grouping_of(expression) <= known
    for selector in rules.selectors_of(expression):
        labels = rules.labels_of(selector.metric) or frozenset()
        for label, operator, value in selector.matchers:
            assert label in labels, (selector.metric, label)
            if operator in {"=", "!="}:
                assert rules.allows(selector.metric, label, value), (selector.metric, label, value)


@every_rule
def test_a_rule_keeps_no_label_that_could_name_somebody(expression: str) -> None:
    for label in rules.grouping_of(expression):
        assert not re.search(r"pid|actor|patient|account|user|session|net|host|addr", label)


@every_rule
def test_a_rule_reads_vigies_own_targets_only_where_others_have_the_same_metric(
    expression: str,
) -> None:
    for metric in rules.metrics_of(expression) & {"up", "job:up:sum"}:
        selected = [one for one in rules.selectors_of(expression) if one.metric == metric]
        assert selected or expression == "sum by (job) (up)"
        assert all("job" in {name for name, _, _ in one.matchers} for one in selected)


@every_record
def test_a_recorded_name_says_level_metric_and_operation(record: Recorded) -> None:
    assert re.fullmatch(r"[a-z_]+:[a-z_]+:[a-z0-9_]+", record.name)
    metric = record.name.split(":")[1]
    read = {one.removesuffix("_total") for one in rules.metrics_of(record.expr)}
    stem = re.sub(r"_(age_seconds|seconds|records|failures|missing_ratio|ratio)$", "", metric)
    # Failures are a share of the events; everything else bears the name of what it is made of.
    assert any(one.startswith(("vigie_events", stem)) for one in read), read


@every_record
def test_a_recorded_series_has_the_labels_of_its_level(record: Recorded) -> None:
    clauses = re.findall(r"\bby \(([^)]*)\)", record.expr)
    assert clauses
    outer = [
        {label.strip() for label in clause.split(",")} - {"le"}
        for clause in clauses
        if "instance" not in clause
    ]
    assert rules.level_of(record.name) in [frozenset(one) for one in outer]


def test_a_series_is_recorded_once() -> None:
    names = [one.name for one in rules.recorded()]
    assert len(set(names)) == len(names) > 30


def test_names_of_metrics_are_found_in_promql() -> None:
    text = 'sum by (flow) (rate(a_total{x="up",y=~"b"}[5m] offset 1w)) / on () group_left () c:d:e > 2e3'
    assert rules.metrics_of(text) == {"a_total", "c:d:e"}
    assert rules.grouping_of(text) == {"flow"}
    assert rules.selectors_of(text)[0].matchers == (("x", "=", "up"), ("y", "=~", "b"))
    assert rules.level_of("flow_auth_method:m:op") == {"flow", "auth_method"}


# That it was tried out.


@cache
def _promtool_groups() -> list[tuple[str, int, dict[str, Any]]]:
    found = []
    for path in sorted(rules.PROMTOOL_TESTS.glob("*.yml")):
        content = rules.load(path)
        every_s = _seconds(content["evaluation_interval"])
        found += [(path.name, every_s, group) for group in content["tests"]]
    return found


def _checks(name: str, severity: str) -> list[tuple[str, str, int, int, bool]]:
    """File, group, tick, time and whether it fires, of each check of an alert."""
    wanted = f'ALERTS{{alertname="{name}",severity="{severity}",alertstate="firing"}}'
    return [
        (file, group["name"], every_s, _seconds(check["eval_time"]), bool(check["exp_samples"]))
        for file, every_s, group in _promtool_groups()
        for check in group["promql_expr_test"]
        if check["expr"] == wanted
    ]


@every_alert
def test_an_alert_is_tried_just_before_and_just_at_its_threshold(alert: Alert) -> None:
    checks = _checks(alert.name, alert.severity)
    pairs = [
        one
        for before, one in itertools.pairwise(checks)
        if before[:2] == one[:2] and not before[4] and one[4] and one[3] - before[3] == one[2]
    ]
    assert pairs


@every_record
def test_a_recorded_series_is_held_to_a_figure(record: Recorded) -> None:
    assert any(
        record.name in rules.metrics_of(check["expr"]) and check["exp_samples"]
        for _, _, group in _promtool_groups()
        for check in group["promql_expr_test"]
    )


def test_promtools_tests_load_the_projects_rules_and_record_before_they_judge() -> None:
    loaded = set()
    for path in rules.PROMTOOL_TESTS.glob("*.yml"):
        content = rules.load(path)
        files = [(path.parent / name).resolve() for name in content["rule_files"]]
        loaded |= {file.name for file in files}
        groups = [group["name"] for file in files for group in rules.load(file)["groups"]]
        assert content.get("group_eval_order", groups) == groups
    assert loaded == {path.name for path in rules.RULES.glob("*.yml")}


def test_series_of_promtools_tests_are_what_workers_export() -> None:
    for _, _, group in _promtool_groups():
        for series in group["input_series"]:
            (selector,) = rules.selectors_of(series["series"])
            labels = rules.labels_of(selector.metric)
            assert labels is not None, selector.metric
            assert {name for name, _, _ in selector.matchers} == labels, series["series"]
            for label, _, value in selector.matchers:
                if label != "objective":
                    assert rules.allows(selector.metric, label, value), series["series"]


# What surrounds the rules.


def test_prometheus_scrapes_the_compose_files_workers_and_tells_its_alertmanager() -> None:
    content = rules.load(rules.PROMETHEUS / "prometheus.yml")
    services = rules.load(rules.DEPLOY / "compose.yaml")["services"]
    assert content["global"]["scrape_interval"] == "15s"
    (vigie,) = (one for one in content["scrape_configs"] if one["job_name"] == "vigie")
    (files,) = vigie["file_sd_configs"]
    targets = [
        target
        for name in files["files"]
        for group in rules.load(rules.PROMETHEUS / name)
        for target in group["targets"]
    ]
    assert len(targets) >= 2
    for target in targets:
        host, _, port = target.partition(":")
        assert host in services
        assert int(port) == Settings().http_port
    (alertmanagers,) = content["alerting"]["alertmanagers"]
    assert alertmanagers["static_configs"][0]["targets"] == ["alertmanager:9093"]
    assert "alertmanager" in services


def test_links_need_two_external_labels_that_are_no_labels_of_alerts() -> None:
    content = rules.load(rules.PROMETHEUS / "prometheus.yml")
    bases = set(content["global"]["external_labels"])
    (drop,) = content["alerting"]["alert_relabel_configs"]
    assert drop["action"] == "labeldrop"
    assert all(re.fullmatch(drop["regex"], name) for name in bases)
    used = {
        name
        for alert in rules.alerts()
        for text in alert.annotations.values()
        for name in re.findall(r"\$externalLabels\.(\w+)", text)
    }
    assert used == bases


def test_the_memory_threshold_is_four_fifths_of_what_a_worker_is_given() -> None:
    services = rules.load(rules.DEPLOY / "compose.yaml")["services"]
    assert services["worker-1"]["mem_limit"] == services["worker-2"]["mem_limit"] == "4g"
    pod = (rules.DEPLOY / "kubernetes" / "base" / "worker.yaml").read_text()
    assert "limits: {memory: 4Gi}" in pod
    (alert,) = (one for one in rules.alerts() if one.name == "VigieMemoryHigh")
    assert alert.expr.endswith("> 0.8 * 4 * 1024 * 1024 * 1024")
