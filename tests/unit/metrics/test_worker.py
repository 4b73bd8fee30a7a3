from __future__ import annotations

from metrics.catalogue import CATALOGUE
from metrics.region import RegionCollector
from metrics.worker import WorkerMetrics
from tests.support.fake_region import NOW_MS, FakeRegion


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def _taken(metrics: WorkerMetrics, *, partition: int = 0, next_offset: int = 10) -> None:
    metrics.slice_processed(
        "source",
        "insi-calls",
        partition,
        records=10,
        seconds=0.004,
        next_offset=next_offset,
        highwater=100,
    )


def _value(metrics: WorkerMetrics, sample: str, **labels: str) -> float:
    (found,) = [
        s.value
        for metric in metrics.collect()
        for s in metric.samples
        if s.name == sample and s.labels == labels
    ]
    return found


def test_a_slice_moves_counts_and_lag() -> None:
    metrics = WorkerMetrics()
    _taken(metrics)
    assert _value(metrics, "vigie_slices_total", flow="insi-calls") == 1
    assert _value(metrics, "vigie_slice_records_total", flow="insi-calls") == 10
    assert _value(metrics, "vigie_consumer_lag_records", flow="insi-calls", partition="0") == 90


def test_lag_grows_while_nothing_is_taken() -> None:
    metrics = WorkerMetrics()
    _taken(metrics)
    metrics.position("insi-calls", 0, next_offset=10, highwater=500)
    assert metrics.lag() == {("insi-calls", 0): 490}


def test_lag_is_never_negative_when_the_end_is_not_known_yet() -> None:
    metrics = WorkerMetrics()
    metrics.position("insi-calls", 0, next_offset=10, highwater=None)
    assert metrics.lag() == {("insi-calls", 0): 0}


def test_a_revoked_partition_loses_its_series() -> None:
    metrics = WorkerMetrics()
    metrics.assigned("source", [0, 1])
    _taken(metrics, partition=0)
    _taken(metrics, partition=1)
    metrics.revoked("source", [0])
    assert metrics.held() == [1]
    assert set(metrics.lag()) == {("insi-calls", 1)}


def test_work_ages_until_its_checkpoint_is_confirmed() -> None:
    clock = Clock()
    metrics = WorkerMetrics(clock)
    _taken(metrics)
    clock.now_s += 3
    assert metrics.checkpoint_age_s("source") == 3
    metrics.checkpoint_done("source", 0, size_bytes=100, writes=2, seconds=0.5)
    assert metrics.checkpoint_age_s("source") == 0
    assert _value(metrics, "vigie_checkpoint_bytes_total", group="source") == 100


def test_work_taken_during_a_checkpoint_keeps_ageing() -> None:
    clock = Clock()
    metrics = WorkerMetrics(clock)
    _taken(metrics)
    clock.now_s += 2  # the checkpoint is frozen here, and a slice comes in behind it
    clock.now_s += 0.5
    _taken(metrics)
    clock.now_s += 0.5
    metrics.checkpoint_done("source", 0, size_bytes=100, writes=2, seconds=1.0)
    assert metrics.checkpoint_age_s("source") == 1.0


def test_rebalances_are_counted_once_however_many_groups_there_are() -> None:
    metrics = WorkerMetrics()
    metrics.assigned("source", [0])
    metrics.assigned("activity", [0])
    assert _value(metrics, "vigie_rebalances_total") == 1


def test_the_two_collectors_export_exactly_the_catalogue() -> None:
    exported = [
        metric.name + ("_total" if metric.type == "counter" else "")
        for collector in (RegionCollector(FakeRegion(), lambda: NOW_MS), WorkerMetrics())
        for metric in collector.collect()
    ]
    assert sorted(exported) == sorted(spec.full_name for spec in CATALOGUE.values())
