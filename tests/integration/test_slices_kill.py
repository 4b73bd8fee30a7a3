"""Exactly once, whatever dies: a real worker process against the embedded broker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import orjson
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from simulators.broker import EmbeddedBroker
from streams.app import CLOCK_KEY
from tests.support.tally_worker import STATE_KEY, TABLE, TOPICS

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
PARTITIONS = 4
RECORDS = 20_000
CHANGELOG = f"vigie-{TABLE}-changelog"


class WorkerProcess:
    """A tally worker as a child process."""

    def __init__(self, bootstrap: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.tally_worker"],
            cwd=ROOT,
            env={
                **os.environ,
                "VIGIE_KAFKA_BOOTSTRAP": bootstrap,
                "VIGIE_PARTITIONS": str(PARTITIONS),
                # The embedded broker takes half a minute over a member that it has to expel.
                "VIGIE_GROUP_INSTANCE_ID": "tally-1",
                "VIGIE_SESSION_TIMEOUT_S": "6",
                "VIGIE_CHECKPOINT_INTERVAL_MS": "50",
                "VIGIE_SLICE_MAX_RECORDS": "50",
            },
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_ready(self) -> None:
        assert self._output.readline() == "ready\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._output.close()

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def heard(self) -> int:
        word, number = self._output.read().split()[-2:]
        assert word == "heard"
        return int(number)

    @property
    def _output(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout


def _tallies(bootstrap: str) -> tuple[int, int]:
    """Count and total over the last state of every partition."""
    states: dict[int, dict[str, int]] = {}
    consumer = KafkaConsumer(bootstrap_servers=bootstrap)
    parts = [TopicPartition(CHANGELOG, partition) for partition in range(PARTITIONS)]
    consumer.assign(parts)
    consumer.seek_to_beginning()
    ends = consumer.end_offsets(parts)
    while any(consumer.position(part) < ends[part] for part in parts):
        for part, records in consumer.poll(timeout_ms=500).items():
            # Deletions of nothing ask the brokers for the time.
            kept = [record.value for record in records if record.key == STATE_KEY]
            assert all(record.key in (STATE_KEY, CLOCK_KEY) for record in records)
            if kept:
                states[part.partition] = orjson.loads(kept[-1])
    consumer.close()
    return sum(state["count"] for state in states.values()), sum(
        state["total"] for state in states.values()
    )


def _wait_for_count(bootstrap: str, count: int, timeout_s: float) -> tuple[int, int]:
    until = time.monotonic() + timeout_s
    tallies = _tallies(bootstrap)
    while tallies[0] < count and time.monotonic() < until:
        time.sleep(0.2)
        tallies = _tallies(bootstrap)
    return tallies


def test_a_worker_killed_in_mid_load_counts_every_record_exactly_once() -> None:
    with EmbeddedBroker() as broker:
        servers = broker.bootstrap
        admin = KafkaAdminClient(bootstrap_servers=servers)
        admin.create_topics(
            [*(NewTopic(topic, PARTITIONS, 1) for topic in TOPICS), NewTopic("echo", 1, 1)]
        )
        admin.close()
        first = WorkerProcess(servers)
        try:
            first.wait_ready()
            producer = KafkaProducer(bootstrap_servers=servers)
            for number in range(RECORDS):
                producer.send(TOPICS[number % 2], key=b"%d" % (number % 97), value=b"%d" % number)
                if number == RECORDS // 2:
                    producer.flush()
                    before = _wait_for_count(servers, 1, timeout_s=5)[0]
                    first.kill()
            producer.flush()
            producer.close()
        finally:
            first.kill()
        assert before > 0
        second = WorkerProcess(servers)
        try:
            second.wait_ready()
            tallies = _wait_for_count(servers, RECORDS, timeout_s=30)
            assert tallies == (RECORDS, RECORDS * (RECORDS - 1) // 2)
            time.sleep(5)  # its own last echoes come back
            assert second.terminate() == 0
            # What was sent before the kill and not yet acknowledged is sent again: never less.
            assert second.heard() >= RECORDS
            assert _tallies(servers) == tallies
        finally:
            second.kill()
