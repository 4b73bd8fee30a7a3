from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from prometheus_client.exposition import generate_latest

from metrics.region import RegionCollector
from metrics.registry import build_registry
from metrics.worker import WorkerMetrics
from streams.observing import WorkerStatus
from tests.support.fake_region import NOW_MS, FakeRegion

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric


def _families(region: FakeRegion) -> dict[str, Metric]:
    return {metric.name: metric for metric in RegionCollector(region, lambda: NOW_MS).collect()}


def test_every_series_of_a_held_partition_is_there_from_zero_on() -> None:
    samples = _families(FakeRegion(partitions=2))["vigie_events"].samples
    assert len(samples) == 2 * 5 * 5 * 4
    assert {sample.value for sample in samples if sample.labels["outcome"] == "PARTIAL"} == {0}


def test_a_partition_that_left_takes_its_series_with_it() -> None:
    region = FakeRegion(partitions=2)
    region.numbers = [1]
    samples = _families(region)["vigie_events"].samples
    assert {sample.labels["partition"] for sample in samples} == {"1"}


def test_withheld_cells_have_no_series() -> None:
    samples = _families(FakeRegion())["vigie_active_accounts"].samples
    shown = {(sample.labels["sector"], sample.labels["window"]): sample.value for sample in samples}
    assert shown == {("PSL", "day"): 6240, ("PSL", "month"): 9113, ("ES", "month"): 285}


def test_a_total_that_the_catalogue_does_not_know_fails_the_scrape() -> None:
    region = FakeRegion(partitions=1)
    part = region.partitions()[0]
    part.totals["insi-calls", "PSL", "st_secret"] = 1  # type: ignore[index]  # a broken core
    region.partitions = lambda: [part]  # type: ignore[method-assign]  # a broken core
    with pytest.raises(ValueError, match="label outcome") as error:
        _families(region)
    assert "st_secret" not in str(error.value)


def test_times_are_exported_in_seconds() -> None:
    samples = _families(FakeRegion(partitions=1))["vigie_watermark_timestamp_seconds"].samples
    assert {sample.value for sample in samples} == {(NOW_MS - 86_400_900) / 1000}


def test_a_scrape_of_a_whole_region_is_quick() -> None:
    registry = build_registry(FakeRegion(), WorkerMetrics(WorkerStatus()), lambda: NOW_MS)
    generate_latest(registry)
    took_s = []
    for _ in range(5):
        # Processor time: what else the machine does must not decide.
        start_s = time.process_time()
        generate_latest(registry)
        took_s.append(time.process_time() - start_s)
    assert min(took_s) < 0.05


def test_what_quiet_accounts_are_expected_to_open_is_shown_by_partition() -> None:
    families = _families(FakeRegion(partitions=2))
    expected = families["vigie_findings_expected_false"].samples
    assert [(s.labels["partition"], s.value) for s in expected] == [("0", 1.46), ("1", 1.46)]
    assert {s.value for s in families["vigie_watched_account_days"].samples} == {14_600}


def test_verdicts_are_shown_by_partition_and_those_that_changed_nothing_apart() -> None:
    families = _families(FakeRegion(partitions=2))
    for name, value in (("taken", 12), ("unknown", 1)):
        samples = families[f"vigie_verdicts_{name}"].samples
        assert [(s.labels["partition"], s.value) for s in samples] == [("0", value), ("1", value)]
