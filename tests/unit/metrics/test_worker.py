from __future__ import annotations

from metrics.access import AccessCounts
from metrics.catalogue import CATALOGUE
from metrics.findings import FindingsCollector
from metrics.objectives import ObjectivesCollector
from metrics.region import RegionCollector
from metrics.worker import WorkerMetrics
from streams.observing import Observer, Position, WorkerStatus
from tests.support.fake_region import NOW_MS, FakeRegion
from tests.support.findings import view
from tests.support.objectives import FakeObjectives


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def _metrics(clock: Clock | None = None) -> WorkerMetrics:
    return WorkerMetrics(WorkerStatus(), clock or Clock())


def _take(observer: Observer, *, topic: str = "insi-calls", partition: int = 0) -> None:
    observer.slice_processed(
        topic, partition, records=10, seconds=0.004, next_offset=10, highwater=100
    )


def _value(metrics: WorkerMetrics, sample: str, **labels: str) -> float:
    (found,) = [
        s.value
        for metric in metrics.collect()
        for s in metric.samples
        if s.name == sample and s.labels == labels
    ]
    return found


def test_a_slice_moves_the_counts_of_its_flow() -> None:
    metrics = _metrics()
    _take(metrics)
    assert _value(metrics, "vigie_slices_total", flow="insi-calls") == 1
    assert _value(metrics, "vigie_slice_records_total", flow="insi-calls") == 10
    assert _value(metrics, "vigie_slice_records_total", flow="dmp-deposits") == 0
    assert _value(metrics, "vigie_slice_duration_seconds_sum", flow="insi-calls") == 0.004


def test_lag_is_the_status_of_now_and_not_of_the_last_slice() -> None:
    status = WorkerStatus()
    metrics = WorkerMetrics(status)
    _take(metrics)
    status.positions["insi-calls", 0] = Position(next_offset=10, highwater=500)
    assert _value(metrics, "vigie_consumer_lag_records", flow="insi-calls", partition="0") == 490


def test_readiness_is_the_running_phase() -> None:
    status = WorkerStatus(phase="recovering")
    metrics = WorkerMetrics(status)
    assert _value(metrics, "vigie_ready") == 0
    status.phase = "running"
    assert _value(metrics, "vigie_ready") == 1


def test_partitions_that_move_are_counted_and_forgotten() -> None:
    metrics = _metrics()
    for partition in (0, 1):
        metrics.assigned("insi-calls", partition)
    metrics.revoked("insi-calls", 0)
    assert metrics.held() == [1]
    assert _value(metrics, "vigie_assigned_partitions", flow="insi-calls") == 1
    moves = {
        change: _value(metrics, "vigie_partition_moves_total", flow="insi-calls", change=change)
        for change in ("assigned", "revoked")
    }
    assert moves == {"assigned": 2, "revoked": 1}


def test_work_ages_until_its_checkpoint_is_confirmed() -> None:
    clock = Clock()
    metrics = _metrics(clock)
    _take(metrics)
    clock.now_s += 3
    assert metrics.checkpoint_age_s("source") == 3
    metrics.checkpoint_done("source", 0, size_bytes=100, writes=2, seconds=0.5)
    assert metrics.checkpoint_age_s("source") == 0
    assert _value(metrics, "vigie_checkpoint_bytes_total", group="source") == 100
    assert _value(metrics, "vigie_checkpoint_writes_total", group="source") == 2


def test_work_taken_during_a_checkpoint_keeps_ageing() -> None:
    clock = Clock()
    metrics = _metrics(clock)
    _take(metrics)
    clock.now_s += 2  # the checkpoint is frozen here, and a slice comes in behind it
    clock.now_s += 0.5
    _take(metrics)
    clock.now_s += 0.5
    metrics.checkpoint_done("source", 0, size_bytes=100, writes=2, seconds=1.0)
    assert metrics.checkpoint_age_s("source") == 1.0


def test_work_of_a_revoked_partition_no_longer_ages_here() -> None:
    clock = Clock()
    metrics = _metrics(clock)
    _take(metrics)
    clock.now_s += 3
    metrics.revoked("insi-calls", 0)
    assert metrics.checkpoint_age_s("source") == 0


def test_the_stateless_counts_topic_waits_for_no_checkpoint() -> None:
    clock = Clock()
    metrics = _metrics(clock)
    _take(metrics, topic="activity-counts")
    clock.now_s += 3
    assert max(map(metrics.checkpoint_age_s, ("source", "activity"))) == 0


def test_a_failed_checkpoint_and_a_recovery_are_told() -> None:
    metrics = _metrics()
    metrics.checkpoint_failed("source", 0)
    metrics.recovered("source", 0, entries=5, size_bytes=70, seconds=1.5)
    metrics.recovered("source", 1, entries=5, size_bytes=30, seconds=2.5)
    metrics.outgoing_sent("insi-calls", 0, records=4)
    assert _value(metrics, "vigie_checkpoint_failures_total", group="source") == 1
    assert _value(metrics, "vigie_recovery_duration_seconds", group="source") == 2.5
    assert _value(metrics, "vigie_recovery_bytes_total", group="source") == 100
    assert _value(metrics, "vigie_sent_records_total", flow="insi-calls") == 4


def test_the_collectors_export_exactly_the_catalogue() -> None:
    exported = [
        metric.name + ("_total" if metric.type == "counter" else "")
        for collector in (
            RegionCollector(FakeRegion(), lambda: NOW_MS),
            FindingsCollector(view(), tuple),
            ObjectivesCollector(FakeObjectives(), lambda: NOW_MS),
            AccessCounts(),
            _metrics(),
        )
        for metric in collector.collect()
    ]
    assert sorted(exported) == sorted(spec.full_name for spec in CATALOGUE.values())
