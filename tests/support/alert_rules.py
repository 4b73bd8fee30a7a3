"""What `deploy/prometheus`, `deploy/alertmanager` and the runbook say, read for the tests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from metrics.catalogue import CATALOGUE

DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy"
PROMETHEUS: Final = DEPLOY / "prometheus"
RULES: Final = PROMETHEUS / "rules"
PROMTOOL_TESTS: Final = PROMETHEUS / "tests"
ALERTMANAGER: Final = DEPLOY / "alertmanager" / "alertmanager.yml"
RUNBOOK: Final = DEPLOY / "runbook.md"

TARGET_LABELS: Final = frozenset({"job", "instance"})
"""What Prometheus itself adds to every scraped series."""
FOREIGN_METRICS: Final = {
    "up": frozenset[str](),
    "process_start_time_seconds": frozenset[str](),
    "process_resident_memory_bytes": frozenset[str](),
    "prometheus_rule_evaluation_failures_total": frozenset({"rule_group"}),
    "prometheus_config_last_reload_successful": frozenset[str](),
    "alertmanager_config_last_reload_successful": frozenset[str](),
    "alertmanager_notifications_total": frozenset({"integration"}),
    "alertmanager_notifications_failed_total": frozenset({"integration"}),
}
"""Metrics of others that rules read: of Prometheus' client library, Prometheus and Alertmanager."""

_WORDS: Final = frozenset(
    {"and", "or", "unless", "by", "on", "ignoring", "without", "group_left", "group_right"}
    | {"offset", "bool"}
)
_STRINGS = re.compile(r'"[^"]*"')
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_GROUPING = re.compile(r"\b(by|on|ignoring|without|group_left|group_right)\s*\(([^)]*)\)")
_SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\s*\{([^}]*)\}")
_MATCHER = re.compile(r'\s*([a-zA-Z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)"\s*')


class Alert(NamedTuple):
    """One alerting rule."""

    name: str
    severity: str
    origin: str
    expr: str
    hold: str
    annotations: dict[str, str]
    file: str


class Recorded(NamedTuple):
    """One recording rule."""

    name: str
    expr: str
    file: str


@dataclass(frozen=True, slots=True)
class Selector:
    """A metric with the matchers that stand in its braces: label, operator, value."""

    metric: str
    matchers: tuple[tuple[str, str, str], ...]


@cache
def load(path: Path) -> Any:
    """A YAML file's content, read once; not to be changed."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@cache
def alerts() -> tuple[Alert, ...]:
    """Every alerting rule of the project."""
    return tuple(
        Alert(
            rule["alert"],
            rule["labels"]["severity"],
            rule["labels"]["origin"],
            rule["expr"].strip(),
            rule.get("for", ""),
            rule["annotations"],
            file,
        )
        for file, rule in _rules()
        if "alert" in rule
    )


@cache
def recorded() -> tuple[Recorded, ...]:
    """Every recording rule of the project."""
    return tuple(
        Recorded(rule["record"], rule["expr"].strip(), file)
        for file, rule in _rules()
        if "record" in rule
    )


def _rules() -> list[tuple[str, dict[str, Any]]]:
    return [
        (path.name, rule)
        for path in sorted(RULES.glob("*.yml"))
        for group in load(path)["groups"]
        for rule in group["rules"]
    ]


def metrics_of(expression: str) -> set[str]:
    """The names of metrics in a PromQL expression."""
    bare = _GROUPING.sub(" ", _STRINGS.sub('""', expression))
    bare = re.sub(r"\{[^}]*\}", "{}", re.sub(r"\[[^\]]*\]", "[]", bare))
    found = set()
    for match in _NAME.finditer(bare):
        is_call = bare[match.end() :].lstrip().startswith("(")
        is_number = match.start() > 0 and bare[match.start() - 1].isdigit()
        if match[0] not in _WORDS and not is_call and not is_number:
            found.add(match[0])
    return found


def grouping_of(expression: str) -> set[str]:
    """The labels by which an expression sums or matches."""
    return {
        label.strip()
        for _, labels in _GROUPING.findall(_STRINGS.sub('""', expression))
        for label in labels.split(",")
        if label.strip()
    }


def selectors_of(expression: str) -> list[Selector]:
    """Every metric of an expression that has matchers."""
    return [
        Selector(metric, tuple(found.groups() for found in _MATCHER.finditer(inside)))  # type: ignore[misc]
        for metric, inside in _SELECTOR.findall(expression)
    ]


def level_of(name: str) -> frozenset[str]:
    """The labels that the first part of a recorded name promises."""
    level, known = name.partition(":")[0], sorted(_known_labels(), key=len, reverse=True)
    found = set()
    while level:
        label = next((one for one in known if level == one or level.startswith(one + "_")), None)
        if label is None:
            raise ValueError(f"{name}: {level} is no label")
        found.add(label)
        level = level[len(label) + 1 :]
    return frozenset(found)


def labels_of(metric: str) -> frozenset[str] | None:
    """The labels of a series that rules may read; `None` for one that does not exist."""
    if ":" in metric:
        return level_of(metric) if metric in {one.name for one in recorded()} else None
    if metric in FOREIGN_METRICS:
        return FOREIGN_METRICS[metric] | TARGET_LABELS
    stem = metric.removeprefix("vigie_")
    spec = CATALOGUE.get(stem)
    if spec is not None and metric != stem:
        kind = frozenset[str]()
    else:
        spec = CATALOGUE.get(stem.removesuffix("_bucket"))
        kind = frozenset({"le"})
        if spec is None or spec.kind != "histogram":
            return None
    return frozenset(label.name for label in spec.labels) | TARGET_LABELS | kind


def allows(metric: str, label: str, value: str) -> bool:
    """Whether a metric's label can take a value; those of others can take any."""
    spec = CATALOGUE.get(metric.removeprefix("vigie_").removesuffix("_bucket"))
    found = [one for one in spec.labels if one.name == label] if spec else []
    return all(one.allows(value) for one in found)


def sections() -> dict[str, str]:
    """The runbook's sections of the third level by their anchor, as GitHub makes it."""
    found = {}
    for part in re.split(r"^### ", RUNBOOK.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        heading, _, text = part.partition("\n")
        anchor = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        found[anchor] = re.split(r"^## ", text, flags=re.MULTILINE)[0]
    return found


@cache
def _known_labels() -> frozenset[str]:
    own = {label.name for spec in CATALOGUE.values() for label in spec.labels}
    return frozenset(own | TARGET_LABELS)
