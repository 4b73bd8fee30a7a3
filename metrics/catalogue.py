"""The table of every metric that Vigie exports (pure).

Dashboards, alerts, README and tests read this table; the collectors can export nothing that is not
in it. Labels take their values from closed sets, so neither a person nor a pseudonym nor an address
can become a series, and the number of series of a worker is bounded before it starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from metrics.labels import (
    ALERTMANAGER,
    AUTH_METHOD,
    CALENDAR,
    CHANGE,
    COULOIR,
    DEPARTMENT,
    DETECTOR,
    FLOW,
    GROUP,
    INS_RESULT,
    INS_STATUS,
    INTAKE,
    OUTCOME,
    PARTITION,
    PYTHON,
    REASON,
    SECTOR,
    SEVERITY,
    VERSION,
    WINDOW,
    Label,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX: Final = "vigie_"

Unit = Literal[
    "seconds",
    "bytes",
    "ratio",
    "events",
    "events_per_second",
    "records",
    "slices",
    "writes",
    "failures",
    "partitions",
    "accounts",
    "structures",
    "findings",
    "days",
    "alerts",
    "state",
]


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric.

    Attributes:
        name: without the prefix; counters end in `_total`.
        unit: base unit of the value; seconds, bytes and ratios also stand in the name.
        help: one sentence for the person who reads the exposition.
        labels: in the order in which collectors give the values.
        buckets: upper bounds of a histogram, ascending, without +Inf.
        durable: the value comes from confirmed state, not from this process's memory.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: Unit
    help: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()
    durable: bool = False

    @property
    def full_name(self) -> str:
        """The name as Prometheus sees it."""
        return PREFIX + self.name

    def series_max(self, sizes: Mapping[str, int] = MappingProxyType({})) -> int:
        """Most time series of this metric on one worker.

        Args:
            sizes: number of values of the open labels, where it is known.
        """
        per_child = len(self.buckets) + 3 if self.kind == "histogram" else 1
        return per_child * prod(sizes.get(label.name, label.at_most) for label in self.labels)


_SLICE_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_CHECKPOINT_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
EVENT_DELAY_BOUNDS_S: Final = (0.5, 1.0, 5.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)
"""From half a second (a live call) to a day (the allowed lateness)."""

_SPECS = (
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
    # Progress.
    MetricSpec(
        "newest_event_timestamp_seconds",
        "gauge",
        "seconds",
        "Event time of the newest event counted, as a Unix time.",
        (FLOW, PARTITION),
    ),
    MetricSpec(
        "watermark_timestamp_seconds",
        "gauge",
        "seconds",
        "Event time before which an event is late and counts in no window, as a Unix time.",
        (FLOW, PARTITION),
    ),
    MetricSpec(
        "duplicate_horizon_seconds",
        "gauge",
        "seconds",
        "How far back in event time a repeated event_id is still recognised.",
        (FLOW, PARTITION),
    ),
    MetricSpec(
        "consumer_lag_records",
        "gauge",
        "records",
        "Records in Kafka that this worker has not taken yet.",
        (INTAKE, PARTITION),
    ),
    MetricSpec(
        "assigned_partitions",
        "gauge",
        "partitions",
        "Partitions of the topic that this worker holds.",
        (INTAKE,),
    ),
    MetricSpec(
        "partition_moves_total",
        "counter",
        "partitions",
        "Partitions that came to this worker or left it.",
        (INTAKE, CHANGE),
    ),
    MetricSpec("ready", "gauge", "state", "1 once the state is recovered and events are taken."),
    # Work.
    MetricSpec(
        "slices_total", "counter", "slices", "Slices taken, one fetch of one partition.", (INTAKE,)
    ),
    MetricSpec("slice_records_total", "counter", "records", "Records in these slices.", (INTAKE,)),
    MetricSpec(
        "slice_duration_seconds",
        "histogram",
        "seconds",
        "Time to decode, count and conclude one slice.",
        (INTAKE,),
        _SLICE_BOUNDS_S,
    ),
    MetricSpec(
        "sent_records_total",
        "counter",
        "records",
        "Records produced because of a slice of this topic, changelogs apart.",
        (INTAKE,),
    ),
    # Durability.
    MetricSpec(
        "checkpoint_duration_seconds",
        "histogram",
        "seconds",
        "Time from freezing a partition's state to the confirmation of its last write.",
        (GROUP,),
        _CHECKPOINT_BOUNDS_S,
    ),
    MetricSpec(
        "checkpoint_bytes_total", "counter", "bytes", "Bytes written to changelogs.", (GROUP,)
    ),
    MetricSpec(
        "checkpoint_writes_total", "counter", "writes", "Records written to changelogs.", (GROUP,)
    ),
    MetricSpec(
        "checkpoint_failures_total",
        "counter",
        "failures",
        "Checkpoints that the broker did not confirm; the worker stops after one.",
        (GROUP,),
    ),
    MetricSpec(
        "checkpoint_age_seconds",
        "gauge",
        "seconds",
        "How long the oldest work of any partition has been waiting for its confirmation.",
        (GROUP,),
    ),
    MetricSpec(
        "recovery_duration_seconds",
        "gauge",
        "seconds",
        "Time from a partition's assignment to its recovered state, the last one.",
        (GROUP,),
    ),
    MetricSpec(
        "recovery_bytes_total",
        "counter",
        "bytes",
        "Changelog bytes from which state was rebuilt.",
        (GROUP,),
    ),
    MetricSpec("build_info", "gauge", "state", "Always 1; what runs here.", (VERSION, PYTHON)),
)

CATALOGUE: Final[dict[str, MetricSpec]] = {spec.name: spec for spec in _SPECS}


def series_bound(partitions: int, departments: int) -> int:
    """Most time series of one worker that holds every partition.

    Args:
        partitions: the settings' partition count.
        departments: departments of the region, HORS_REGION included.
    """
    sizes = {"partition": partitions, "department": departments}
    return sum(spec.series_max(sizes) for spec in _SPECS)
