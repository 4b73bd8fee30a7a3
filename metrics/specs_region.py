"""Metrics of the flows: durable totals, rolling rates and shares, who is active (pure)."""

from __future__ import annotations

from typing import Final

from metrics.labels import (
    AUTH_METHOD,
    CALENDAR,
    COULOIR,
    DEPARTMENT,
    FLOW,
    INS_RESULT,
    INS_STATUS,
    OUTCOME,
    PARTITION,
    REASON,
    SECTOR,
    WINDOW,
)
from metrics.specs import MetricSpec

EVENT_DELAY_BOUNDS_S: Final = (0.5, 1.0, 5.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)
"""From half a second (a live call) to a day (the allowed lateness)."""

REGION_SPECS: Final = (
    # Durable counters: totals of the last confirmed checkpoint, per partition. A worker that dies
    # and comes back never shows less; a partition that moves ends one series and starts another.
    MetricSpec(
        "events_total",
        "counter",
        "events",
        "Events counted once each, as of the partition's last confirmed checkpoint.",
        (FLOW, SECTOR, OUTCOME, PARTITION),
        durable=True,
    ),
    MetricSpec(
        "late_events_total",
        "counter",
        "events",
        "Events that came after the allowed lateness and count in no window.",
        (FLOW, PARTITION),
        durable=True,
    ),
    MetricSpec(
        "duplicate_events_total",
        "counter",
        "events",
        "Events whose event_id was seen before within the duplicate horizon.",
        (FLOW, PARTITION),
        durable=True,
    ),
    MetricSpec(
        "dead_letters_total",
        "counter",
        "events",
        "Records that could not be read or believed, sent to the dead letters.",
        (FLOW, REASON, PARTITION),
        durable=True,
    ),
    # Rolling, computed when they are scraped.
    MetricSpec(
        "event_rate",
        "gauge",
        "events_per_second",
        "Events per second of event time over the rolling window, in this worker's partitions.",
        (FLOW, SECTOR, COULOIR, DEPARTMENT, WINDOW),
    ),
    MetricSpec(
        "failure_ratio",
        "gauge",
        "ratio",
        "Share of failed events in the rolling window, in this worker's partitions.",
        (FLOW, SECTOR, WINDOW),
    ),
    MetricSpec(
        "auth_method_ratio",
        "gauge",
        "ratio",
        "Share of each authentication method in the rolling window, in this worker's partitions.",
        (FLOW, AUTH_METHOD, WINDOW),
    ),
    MetricSpec(
        "ins_result_ratio",
        "gauge",
        "ratio",
        "Share of each INSi result code in the rolling window, in this worker's partitions.",
        (INS_RESULT, WINDOW),
    ),
    MetricSpec(
        "ins_status_ratio",
        "gauge",
        "ratio",
        "Share of DMP deposits per INS trust status in the window, in this worker's partitions.",
        (INS_STATUS, WINDOW),
    ),
    MetricSpec(
        "active_accounts",
        "gauge",
        "accounts",
        "Distinct accounts of the region by Europe/Paris day or month; small cells withheld.",
        (FLOW, SECTOR, CALENDAR),
    ),
    MetricSpec(
        "active_structures",
        "gauge",
        "structures",
        "Distinct structures of the region by Europe/Paris day or month; small cells withheld.",
        (FLOW, SECTOR, CALENDAR),
    ),
    MetricSpec(
        "event_delay_seconds",
        "histogram",
        "seconds",
        "Time from an event to its being counted.",
        (FLOW,),
        EVENT_DELAY_BOUNDS_S,
    ),
)
