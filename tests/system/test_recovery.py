"""A worker with a region's worth of state dies or stops, and is back soon with the same totals."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.support.servers_traffic import TrafficMaker, produce, totals_of
from tests.support.servers_worker import Worker, counted, summed
from tests.system.conftest import PARTITIONS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers_kafka import KafkaCluster

pytestmark = pytest.mark.system

ACCOUNTS = 100_000
STRUCTURES = 20_000
EVENTS = 600_000
"""Six events per account: 99.75 % of the accounts act at least once."""
READY_TIMEOUT_S = 30.0


def test_a_worker_with_100_000_accounts_is_back_within_30_s(
    tmp_path: Path, kafka: KafkaCluster
) -> None:
    now_ms = int(time.time() * 1000)
    maker = TrafficMaker(structures=STRUCTURES, accounts=ACCOUNTS)
    batches = maker.mixed(EVENTS, start_ms=now_ms - 3_600_000, end_ms=now_ms)
    produce(kafka.bootstrap, batches, partitions=PARTITIONS)
    produced = totals_of(batches)

    worker = Worker(tmp_path, "worker", bootstrap=kafka.bootstrap, partitions=PARTITIONS)
    with worker:
        worker.wait_ready()
        worker.process.until(
            lambda: counted(worker) == produced, timeout_s=360, what="through with the events"
        )
        worker.process.until(
            lambda: summed("vigie_consumer_lag_records", worker) == 0,
            timeout_s=180,
            what="through with the marks",
        )
        assert worker.process.terminate() == 0
        print(f"back {_restart(worker):.1f} s after an orderly stop")
        assert counted(worker) == produced

        worker.process.kill()
        print(f"back {_restart(worker):.1f} s after kill -9")
        assert counted(worker) == produced
        assert worker.process.terminate() == 0


def _restart(worker: Worker) -> float:
    started = time.monotonic()
    worker.start()
    worker.wait_ready(READY_TIMEOUT_S)
    return time.monotonic() - started
