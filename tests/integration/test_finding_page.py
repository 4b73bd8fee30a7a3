"""A finding's own page on a living worker: shown, judged, and judged again, through Kafka and back."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from simulators.broker import EmbeddedBroker
from simulators.partitions import partition_of
from streams.audit import read_entry
from streams.codec import SliceCodec
from streams.own_records import RecordReader
from streams.schemas import Schemas
from streams.settings import Settings
from streams.topic_admin import ensure_topics
from streams.topics import AUDIT, PLATFORM_ACCESSES
from tests.support.servers_worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.integration

PARTITIONS = 2
STRUCTURE, ACTOR, DECOY = "st_of_a_pharmacy_0001", "ac_of_somebody_00001", "pa_of_nobody_at_all_01"
OWN = {"Content-Type": "application/json", "X-Vigie": "1"}


@pytest.fixture(scope="module")
def bootstrap() -> Iterator[str]:
    with EmbeddedBroker() as broker:
        yield broker.bootstrap


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory, bootstrap: str) -> Iterator[Worker]:
    directory = tmp_path_factory.mktemp("page")
    decoys = directory / "decoys.txt"
    decoys.write_text(DECOY + "\n", encoding="utf-8")
    settings = Settings(kafka_bootstrap=bootstrap, partitions=PARTITIONS)
    ensure_topics(settings, create=True)
    _read_a_decoy(bootstrap)
    made = Worker(
        directory,
        "worker",
        bootstrap=bootstrap,
        partitions=PARTITIONS,
        decoys_file=str(decoys),
        decision_margin_ms=200,
        checkpoint_interval_ms=100,
    )
    with made:
        made.wait_ready()
        yield made


def _read_a_decoy(bootstrap: str) -> None:
    now_ms = time.time_ns() // 1_000_000
    rows = [
        {
            "event_id": f"00000000-0000-4000-8000-{number:012d}",
            "occurred_at": now_ms - 2_000,
            "recorded_at": now_ms - 1_000,
            "source_system": "test",
            "sector": "PSL",
            "couloir": "OFFICINE",
            "department": "59",
            "structure_pid": STRUCTURE,
            "actor_pid": ACTOR,
            "patient_pid": patient,
            "action": "READ_RECORD",
            "outcome": "SUCCESS",
            "key_id": "k1",
        }
        for number, patient in enumerate(("pa_of_a_patient_000001", DECOY))
    ]
    key = STRUCTURE.encode()
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    for value in SliceCodec(Schemas.load()).encode(PLATFORM_ACCESSES, rows):
        place = partition_of(key, PARTITIONS)
        producer.send(PLATFORM_ACCESSES, value, key, partition=place).get(timeout=10)
    producer.close()


def _ask(
    worker: Worker, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(f"http://127.0.0.1:{worker.port}{path}", body, headers or {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 (same)
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def _until(told: Callable[[], Any], timeout_s: float = 30.0) -> Any:
    deadline_s = time.monotonic() + timeout_s
    while not (found := told()):
        assert time.monotonic() < deadline_s
        time.sleep(0.1)
    return found


def _judge(worker: Worker, name: str, verdict: str, **headers: str) -> tuple[int, dict[str, Any]]:
    body = json.dumps({"verdict": verdict}).encode()
    return _ask(worker, f"/api/findings/{name}/verdict", body, OWN | headers)


def test_a_finding_is_shown_and_judged_on_its_page_and_the_newest_verdict_counts(
    worker: Worker, bootstrap: str
) -> None:
    (found,) = _until(lambda: _ask(worker, "/api/findings")[1]["findings"])
    name, version = found["finding_id"], _ask(worker, "/api/findings")[1]["version"]
    path = f"/api/findings/{name}"
    status, shown = _ask(worker, path)
    assert status == 200
    assert shown["finding"]["status"] == "OPEN"
    assert shown["finding"]["detector"] == "decoys"
    assert shown["can_judge"]

    elsewhere = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    refused, told = _judge(worker, name, "BENIGN", **elsewhere)
    assert (refused, bool(told["error"])) == (403, True)
    assert _judge(worker, name, "CONFIRMED") == (202, {})

    def stands(status: str) -> dict[str, Any] | None:
        page = _ask(worker, path)[1]
        return page if page["finding"]["status"] == status else None

    confirmed = _until(lambda: stands("CONFIRMED"))
    # What was refused left no trace.
    assert [row["status"] for row in confirmed["timeline"]] == ["OPEN", "CONFIRMED"]
    assert _ask(worker, "/api/findings")[1]["version"] > version

    assert _judge(worker, name, "BENIGN") == (202, {})
    benign = _until(lambda: stands("BENIGN"))
    assert [row["status"] for row in benign["timeline"]] == ["OPEN", "CONFIRMED", "BENIGN"]
    # What took place was noted, what was refused was not.
    noted = [(one["act"], one["detail"], one["finding_id"]) for one in _audit(bootstrap)]
    assert noted == [("VERDICT", "CONFIRMED", name), ("VERDICT", "BENIGN", name)]
    assert {(one["who"], one["role"], one["origin"]) for one in _audit(bootstrap)} == {
        ("", "UNKNOWN", "API")
    }


def _audit(bootstrap: str) -> list[dict[str, Any]]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, consumer_timeout_ms=3_000)
    place = TopicPartition(AUDIT, 0)
    consumer.assign([place])
    consumer.seek_to_beginning(place)
    reader = RecordReader(Schemas.load())
    entries = [read_entry(record.value, reader) for record in consumer]
    consumer.close()
    return entries


def test_no_answer_and_no_log_bears_a_pseudonym(worker: Worker) -> None:
    (found,) = _until(lambda: _ask(worker, "/api/findings")[1]["findings"])
    name = found["finding_id"]
    answers = [
        _ask(worker, "/api/state"),
        _ask(worker, "/api/findings"),
        _ask(worker, f"/api/findings/{name}"),
        _judge(worker, name, "CONFIRMED"),
        _judge(worker, name, "NONSENSE"),
        _judge(worker, "unknown", "BENIGN"),
    ]
    assert [status for status, _ in answers] == [200, 200, 200, 202, 400, 404]
    log = worker.process.log.read_text(encoding="utf-8")
    for text in (json.dumps(answers), log):
        assert not any(word in text for word in (STRUCTURE, ACTOR, DECOY))
