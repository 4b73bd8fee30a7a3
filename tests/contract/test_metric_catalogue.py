"""The catalogue keeps the promises that dashboards and privacy rest on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from agents.detectors.registry import ACCOUNT_DETECTORS
from agents.findings import Severity
from agents.severity import _OF_FLOWS
from agents.source import EVENT_TIME_AHEAD, LOG_TIME_ABSURD
from metrics import catalogue, labels
from metrics.catalogue import CATALOGUE
from streams.recordwise import RejectReason

if TYPE_CHECKING:
    from metrics.specs import MetricSpec

ALLOWED_LABELS = {
    "flow",
    "sector",
    "couloir",
    "department",
    "outcome",
    "outcome_code",
    "ins_status",
    "auth_method",
    "window",
    "reason",
    "group",
    "change",
    "detector",
    "severity",
    "alertmanager",
    "act",
    "objective",
    "partition",
    "version",
    "python",
}
OPEN_LABELS = {"department", "objective", "partition", "version", "python"}

every_metric = pytest.mark.parametrize("spec", CATALOGUE.values(), ids=CATALOGUE.keys())


@every_metric
def test_a_name_is_prefixed_lower_case_words(spec: MetricSpec) -> None:
    assert re.fullmatch(r"vigie_[a-z]+(_[a-z]+)*", spec.full_name)


@every_metric
def test_only_counters_end_in_total(spec: MetricSpec) -> None:
    assert spec.name.endswith("_total") == (spec.kind == "counter")


@every_metric
def test_base_units_stand_in_the_name(spec: MetricSpec) -> None:
    stem = spec.name.removesuffix("_total")
    if spec.unit in {"seconds", "bytes", "ratio"}:
        assert stem.endswith("_" + spec.unit)
    assert not re.search(r"_(ms|milliseconds|minutes|kb|mb|percent)$", stem)


@every_metric
def test_labels_come_from_the_closed_list(spec: MetricSpec) -> None:
    assert {label.name for label in spec.labels} <= ALLOWED_LABELS


@every_metric
def test_no_label_names_a_person_an_identifier_or_an_address(spec: MetricSpec) -> None:
    for label in spec.labels:
        assert not re.search(
            r"pid|actor|patient|account|user|session|net|host|addr|ip$", label.name
        )


@every_metric
def test_a_label_has_a_closed_set_or_is_one_of_the_open_ones(spec: MetricSpec) -> None:
    for label in spec.labels:
        assert bool(label.values) != (label.name in OPEN_LABELS)
        assert label.at_most >= max(1, len(label.values))
        assert len(set(label.values)) == len(label.values)


@every_metric
def test_help_is_one_sentence(spec: MetricSpec) -> None:
    assert spec.help.endswith(".")
    assert spec.help[0].isupper() or spec.help[0].isdigit()
    assert "\n" not in spec.help
    assert len(spec.help) <= 100


@every_metric
def test_only_histograms_have_buckets_and_they_ascend(spec: MetricSpec) -> None:
    assert bool(spec.buckets) == (spec.kind == "histogram")
    assert list(spec.buckets) == sorted(set(spec.buckets))


@every_metric
def test_durable_metrics_say_which_partition_they_belong_to(spec: MetricSpec) -> None:
    # Without it a partition that moves to another worker would look like a counter that falls.
    if spec.durable:
        assert "partition" in {label.name for label in spec.labels}


def test_a_worker_with_every_partition_stays_below_ten_thousand_series() -> None:
    assert catalogue.series_bound(partitions=8, departments=6) < 10_000


def test_the_widest_allowed_worker_stays_below_thirty_thousand_series() -> None:
    bound = catalogue.series_bound(labels.PARTITIONS_MAX, labels.DEPARTMENTS_MAX)
    assert bound < 30_000


def test_every_reason_for_a_dead_letter_of_a_flow_has_its_series() -> None:
    reasons = {*map(str, RejectReason), EVENT_TIME_AHEAD, LOG_TIME_ABSURD}
    assert set(labels.DEAD_LETTER_REASONS) == reasons


def test_every_account_detector_has_its_series() -> None:
    assert set(ACCOUNT_DETECTORS) <= set(labels.FINDING_DETECTORS)


def test_every_kind_of_a_flows_break_has_its_series() -> None:
    assert set(_OF_FLOWS) <= set(labels.FINDING_DETECTORS)


def test_every_severity_has_its_series() -> None:
    assert tuple(map(str, Severity)) == labels.SEVERITIES
