"""Workers come, go and die under load; Kafka's brokers too. The totals are those that were produced."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.support.servers_traffic import Key, Load, TrafficMaker
from tests.support.servers_worker import Worker, counted, summed
from tests.system.conftest import PARTITIONS

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.servers_kafka import KafkaCluster

pytestmark = pytest.mark.system

RATE = 3_000
# Long enough for several checkpoints and commits on each side of every change.
BETWEEN_S = 4.0
SETTLE_TIMEOUT_S = 270.0


@pytest.fixture
def start_worker(
    tmp_path: Path, kafka_of_three: KafkaCluster, request: pytest.FixtureRequest
) -> Callable[[str], Worker]:
    def start(name: str) -> Worker:
        worker = Worker(
            tmp_path,
            name,
            bootstrap=kafka_of_three.bootstrap,
            partitions=PARTITIONS,
            replication=kafka_of_three.replication,
        )
        request.addfinalizer(worker.process.close)
        worker.start()
        return worker

    return start


@pytest.fixture
def load(kafka_of_three: KafkaCluster) -> Load:
    return Load(kafka_of_three.bootstrap, rate=RATE, partitions=PARTITIONS, maker=TrafficMaker())


def test_totals_are_exact_while_workers_join_leave_and_die(
    start_worker: Callable[[str], Worker], load: Load
) -> None:
    first = start_worker("first")
    first.wait_ready()
    load.start()
    time.sleep(BETWEEN_S)

    second = start_worker("second")
    _wait_counting(second)
    time.sleep(BETWEEN_S)

    assert first.process.terminate() == 0
    third = start_worker("third")
    _wait_counting(third)
    time.sleep(BETWEEN_S)

    second.process.kill()
    time.sleep(BETWEEN_S)
    fourth = start_worker("fourth")
    _wait_counting(fourth)
    time.sleep(BETWEEN_S)

    _settle(load.stop(), third, fourth)
    assert third.process.terminate() == 0
    assert fourth.process.terminate() == 0


def test_totals_are_exact_when_brokers_are_killed_under_load(
    start_worker: Callable[[str], Worker], load: Load, kafka_of_three: KafkaCluster
) -> None:
    worker = start_worker("worker")
    worker.wait_ready()
    load.start()
    time.sleep(BETWEEN_S)
    # One after the other, so that leaders, the group's coordinator and the controller are all hit.
    for index in range(kafka_of_three.replication):
        kafka_of_three.kill(index)
        time.sleep(BETWEEN_S)
        kafka_of_three.restart(index)
        time.sleep(BETWEEN_S)

    _settle(load.stop(), worker)
    assert worker.process.terminate() == 0


def _wait_counting(worker: Worker) -> None:
    """Wait until a worker holds partitions and has durable counts of them."""
    worker.wait_ready()
    worker.process.until(lambda: counted(worker), timeout_s=180, what="counting")


def _settle(produced: Counter[Key], *workers: Worker) -> None:
    """Wait until the workers together counted what was produced, and see that it stays so."""
    deadline = time.monotonic() + SETTLE_TIMEOUT_S
    while counted(*workers) != produced and time.monotonic() < deadline:
        time.sleep(0.2)
    assert counted(*workers) == produced
    time.sleep(2)
    assert counted(*workers) == produced
    assert summed("vigie_duplicate_events_total", *workers) == 0
    print(f"{produced.total()} events counted, none missing, none twice")
