from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import UnknownError
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic
from kafka.errors import TopicAlreadyExistsError

from simulators import broker as broker_module
from simulators.broker import EmbeddedBroker, answers_kafka, free_port
from streams.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as running:
        yield running


def test_records_come_back_with_key_headers_and_timestamp(broker: EmbeddedBroker) -> None:
    _create(broker, "round-trip", partitions=3)
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, compression_type="gzip")
    sent_at_ms = 1_756_684_800_000
    headers = [("reason", b"truncated")]
    sends = [
        producer.send("round-trip", b"v" * 900_000, b"k", headers, 2, sent_at_ms),
        producer.send("round-trip", None, b"k", partition=2),
    ]
    assert [send.get(10).offset for send in sends] == [0, 1]
    producer.close()
    partition = TopicPartition("round-trip", 2)
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap, group_id="reader")
    consumer.assign([partition])
    consumer.seek_to_beginning()
    records: list[Any] = []
    deadline = time.monotonic() + 10
    while len(records) < 2 and time.monotonic() < deadline:
        records += consumer.poll(500).get(partition, [])
    assert [(r.key, r.value) for r in records] == [(b"k", b"v" * 900_000), (b"k", None)]
    assert list(records[0].headers) == headers
    assert records[0].timestamp == sent_at_ms
    assert consumer.end_offsets([partition]) == {partition: 2}
    consumer.commit()
    assert consumer.committed(partition) == 2
    consumer.close()


def test_topics_are_created_once_and_their_configurations_are_forgotten(
    broker: EmbeddedBroker,
) -> None:
    _create(broker, "configured", configs={"cleanup.policy": "compact"})
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    described = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, "configured")])
    with pytest.raises(TopicAlreadyExistsError):
        _create(broker, "configured")
    admin.close()
    # Should an upgrade keep them, the module's text and the topics' check can say more.
    assert described == {"topic": {"configured": {}}}


def test_idempotent_producers_are_refused(broker: EmbeddedBroker) -> None:
    async def start() -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=broker.bootstrap, enable_idempotence=True, acks="all"
        )
        try:
            await producer.start()
        finally:
            await producer.stop()

    # Should an upgrade grant producer ids, the worker will use them by itself (streams.preflight).
    with pytest.raises(UnknownError):
        asyncio.run(start())


def test_a_taken_port_gives_another_one() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = holder.getsockname()[1]
        with EmbeddedBroker(port=taken) as broker:
            assert broker.bootstrap != f"127.0.0.1:{taken}"
            assert _answers(broker)


def test_a_port_lost_between_choice_and_start_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = holder.getsockname()[1]
        ports = iter([taken, free_port()])
        monkeypatch.setattr(broker_module, "free_port", lambda _wanted: next(ports))
        monkeypatch.setattr(broker_module, "answers_kafka", _answers_unless(taken))
        with EmbeddedBroker() as broker:
            assert broker.bootstrap != f"127.0.0.1:{taken}"


def test_a_free_wanted_port_is_taken_and_given_back() -> None:
    wanted = free_port()
    with EmbeddedBroker(port=wanted) as broker:
        assert broker.bootstrap == f"127.0.0.1:{wanted}"
        pid = broker.pid
        assert pid is not None
    assert not answers_kafka("127.0.0.1", wanted)
    assert not _runs(pid)
    assert broker.pid is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the leash is Linux's")
def test_the_broker_dies_with_its_killed_parent() -> None:
    script = (
        "import sys, time\n"
        "from simulators.broker import EmbeddedBroker\n"
        "with EmbeddedBroker() as broker:\n"
        "    print(broker.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(broker_module.__file__).parents[1],
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert _runs(pid)
    parent.send_signal(signal.SIGKILL)
    parent.communicate(timeout=10)
    deadline = time.monotonic() + 5
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _runs(pid)


def test_a_platform_without_a_binary_is_told_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(broker_module, "files", lambda _package: tmp_path)
    with pytest.raises(InputError, match="no binary for this platform"):
        EmbeddedBroker().start()


def test_a_broker_that_leaves_at_once_is_reported_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "tansu"
    program.write_text("#!/bin/sh\necho cannot start today\n")
    program.chmod(0o755)
    monkeypatch.setattr(broker_module, "files", lambda _package: tmp_path)
    with pytest.raises(InputError, match="cannot start today"):
        EmbeddedBroker().start()


def _create(
    broker: EmbeddedBroker,
    topic: str,
    *,
    partitions: int = 1,
    configs: dict[str, str] | None = None,
) -> None:
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    try:
        admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=configs or {})])
    finally:
        admin.close()


def _answers(broker: EmbeddedBroker) -> bool:
    host, _, port = broker.bootstrap.partition(":")
    return answers_kafka(host, int(port))


def _answers_unless(taken: int) -> Callable[[str, int], bool]:
    def answers(host: str, port: int) -> bool:
        return port != taken and answers_kafka(host, port)

    return answers


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    os.kill(pid, 0)
    return state != "Z"
