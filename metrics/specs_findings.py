"""Metrics of the findings and of their way to Alertmanager (pure)."""

from __future__ import annotations

from typing import Final

from metrics.labels import (
    ALERTMANAGER,
    DETECTOR,
    PARTITION,
    SECTOR,
    SEVERITY,
)
from metrics.specs import MetricSpec

FINDINGS_SPECS: Final = (
    # Findings, shown by the one worker that owns their topic, once it has read it to its end.
    MetricSpec(
        "findings_total",
        "counter",
        "findings",
        "Findings, once each, at the severity with which they opened.",
        (DETECTOR, SEVERITY, SECTOR),
    ),
    MetricSpec(
        "findings_raised_total",
        "counter",
        "findings",
        "Findings that became more severe than ever before, at the severity reached.",
        (DETECTOR, SEVERITY, SECTOR),
    ),
    MetricSpec(
        "findings_open",
        "gauge",
        "findings",
        "Findings that are open or confirmed, at their present severity.",
        (DETECTOR, SEVERITY),
    ),
    MetricSpec(
        "findings_unjudged",
        "gauge",
        "findings",
        "Findings that are open and wait for a verdict, at their present severity.",
        (DETECTOR, SEVERITY),
    ),
    MetricSpec(
        "watched_account_days",
        "gauge",
        "days",
        "Days of accounts that were judged to their end, since the partition's state began.",
        (PARTITION,),
    ),
    MetricSpec(
        "findings_expected_false",
        "gauge",
        "findings",
        "Findings that as many quiet account-days are expected to open, at most.",
        (PARTITION,),
    ),
    MetricSpec(
        "verdicts_taken",
        "gauge",
        "records",
        "Verdicts on findings about accounts, since the partition's state began.",
        (PARTITION,),
    ),
    MetricSpec(
        "verdicts_unknown",
        "gauge",
        "records",
        "Verdicts on findings that the partition does not know, or not any more: they changed nothing.",
        (PARTITION,),
    ),
    MetricSpec(
        "findings_unreadable_total",
        "counter",
        "records",
        "Records of the findings' topic that are no finding.",
    ),
    MetricSpec(
        "alerts_pushed_total",
        "counter",
        "alerts",
        "Alerts that an Alertmanager took, repetitions included.",
        (ALERTMANAGER,),
    ),
    MetricSpec(
        "alert_push_failures_total",
        "counter",
        "failures",
        "Requests that an Alertmanager did not answer or refused.",
        (ALERTMANAGER,),
    ),
    MetricSpec(
        "alerts_waiting",
        "gauge",
        "alerts",
        "Alerts with news that an Alertmanager has not taken yet.",
        (ALERTMANAGER,),
    ),
    MetricSpec(
        "alert_push_timestamp_seconds",
        "gauge",
        "seconds",
        "When an Alertmanager last took alerts, as a Unix time.",
        (ALERTMANAGER,),
    ),
)
