from __future__ import annotations

from typing import TYPE_CHECKING

from agents.findings import FindingStatus, Severity
from metrics.findings import FindingsCollector
from metrics.labels import FINDING_DETECTORS, SEVERITIES
from metrics.views import PushRow
from streams.vocabulary import SECTORS
from tests.support.findings import Lag, finding, kept, resolved, view

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

    from agents.findings_view import FindingsView

Labels = frozenset[tuple[str, str]]


def _families(found: FindingsView, *rows: PushRow) -> dict[str, Metric]:
    return {metric.name: metric for metric in FindingsCollector(found, lambda: rows).collect()}


def _above_zero(metric: Metric) -> dict[Labels, float]:
    return {frozenset(s.labels.items()): s.value for s in metric.samples if s.value}


def test_every_series_is_there_from_zero_on_so_that_the_first_finding_is_an_increase() -> None:
    families = _families(view())
    everything = len(FINDING_DETECTORS) * len(SEVERITIES) * len(SECTORS)
    assert len(families["vigie_findings"].samples) == everything
    assert len(families["vigie_findings_raised"].samples) == everything
    assert {sample.value for sample in families["vigie_findings"].samples} == {0}


def test_a_worker_that_has_not_read_all_findings_shows_none() -> None:
    for lag in (Lag(None), Lag(5)):
        families = _families(view(finding(), lag=lag))
        assert not any(metric.samples for metric in families.values())


def test_findings_are_shown_by_detector_severity_and_sector() -> None:
    found = view(finding(), finding(revision=1, severity=Severity.CRITICAL))
    families = _families(found)
    place = {("detector", "tail"), ("sector", "PSL")}
    assert _above_zero(families["vigie_findings"]) == {frozenset({*place, ("severity", "HIGH")}): 1}
    assert _above_zero(families["vigie_findings_raised"]) == {
        frozenset({*place, ("severity", "CRITICAL")}): 1
    }
    assert _above_zero(families["vigie_findings_open"]) == {
        frozenset({("detector", "tail"), ("severity", "CRITICAL")}): 1
    }


def test_a_confirmed_finding_is_open_and_waits_for_no_verdict() -> None:
    found = view(finding(), finding(revision=1, status=FindingStatus.CONFIRMED))
    families = _families(found)
    assert sum(_above_zero(families["vigie_findings_open"]).values()) == 1
    assert not _above_zero(families["vigie_findings_unjudged"])
    assert sum(_above_zero(_families(view(finding()))["vigie_findings_unjudged"]).values()) == 1


def test_a_closed_finding_leaves_the_gauge_and_stays_in_the_counter() -> None:
    found = view(finding())
    found.take(0, [kept(resolved())])
    families = _families(found)
    assert not _above_zero(families["vigie_findings_open"])
    assert sum(_above_zero(families["vigie_findings"]).values()) == 1


def test_pushes_are_shown_by_alertmanager_and_a_success_that_never_was_is_not() -> None:
    families = _families(view(), PushRow("1", 7, 0, 0, 12.5), PushRow("2", 0, 3, 4, None))
    values = {
        (name, sample.labels["alertmanager"]): sample.value
        for name, metric in families.items()
        for sample in metric.samples
        if "alertmanager" in sample.labels
    }
    assert values == {
        ("vigie_alerts_pushed", "1"): 7,
        ("vigie_alerts_pushed", "2"): 0,
        ("vigie_alert_push_failures", "1"): 0,
        ("vigie_alert_push_failures", "2"): 3,
        ("vigie_alerts_waiting", "1"): 0,
        ("vigie_alerts_waiting", "2"): 4,
        ("vigie_alert_push_timestamp_seconds", "1"): 12.5,
    }
