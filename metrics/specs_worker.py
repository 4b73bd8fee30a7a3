"""Metrics of the worker itself: progress, work, durability (pure)."""

from __future__ import annotations

from typing import Final

from metrics.labels import (
    CHANGE,
    FLOW,
    GROUP,
    INTAKE,
    PARTITION,
    PYTHON,
    VERSION,
)
from metrics.specs import MetricSpec

_SLICE_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_CHECKPOINT_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

WORKER_SPECS: Final = (
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
