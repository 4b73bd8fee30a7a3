from __future__ import annotations

from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError

from streams.audit import Act, Actor, AuditEntry, Origin, entry_bytes, read_entry
from streams.audit_log import write_entry
from streams.errors import InputError, TransientError
from streams.tokens import Role
from streams.topics import AUDIT, TOPICS
from tests.support.findings import CODEC, NOW_MS, READER

ANALYST = Actor("analyste-3", Role.ANALYST, Origin.PAGE)
ENTRY = AuditEntry(NOW_MS, ANALYST, Act.VERDICT, "BENIGN", "f-0001")


class Producer:
    """Takes records, or confirms none."""

    def __init__(self, partitions: set[int] | None = None, error: Exception | None = None) -> None:
        self.partitions = {0} if partitions is None else partitions
        self.error = error
        self.sent: list[tuple[Any, ...]] = []

    def partitions_for(self, topic: str) -> set[int]:
        assert topic == AUDIT
        return self.partitions

    def send(self, topic: str, value: bytes, key: bytes, partition: int) -> Producer:
        self.sent.append((topic, value, key, partition))
        return self

    def get(self, timeout: float) -> None:
        assert timeout > 0
        if self.error is not None:
            raise self.error


def test_an_entry_says_who_what_which_when_and_how() -> None:
    assert read_entry(entry_bytes(ENTRY, CODEC), READER) == {
        "at": NOW_MS,
        "who": "analyste-3",
        "role": "ANALYST",
        "act": "VERDICT",
        "detail": "BENIGN",
        "finding_id": "f-0001",
        "origin": "PAGE",
        "window_start": None,
        "window_end": None,
        "count": None,
    }


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("origin", Origin)
@pytest.mark.parametrize("role", [None, *Role])
def test_every_kind_of_entry_has_its_word_in_the_schema(
    act: Act, origin: Origin, role: Role | None
) -> None:
    entry = AuditEntry(NOW_MS, Actor("", role, origin), act, window_start_ms=1, count=7)
    told = read_entry(entry_bytes(entry, CODEC), READER)
    assert (told["act"], told["origin"]) == (act, origin)
    assert told["role"] == ("UNKNOWN" if role is None else role.name)
    assert (told["window_start"], told["count"]) == (1, 7)


def test_an_entry_is_confirmed_before_anything_goes_on() -> None:
    producer = Producer()
    write_entry(producer, ENTRY, CODEC)
    ((topic, value, key, partition),) = producer.sent
    assert (topic, key, partition) == (AUDIT, b"f-0001", 0)
    assert read_entry(value, READER)["who"] == "analyste-3"
    with pytest.raises(TransientError, match="did not confirm the entry, so nothing was done"):
        write_entry(Producer(error=KafkaTimeoutError()), ENTRY, CODEC)
    with pytest.raises(InputError, match="audit: no such topic"):
        write_entry(Producer(set()), ENTRY, CODEC)


def test_nothing_takes_an_entry_away_before_its_time() -> None:
    spec = TOPICS[AUDIT]
    assert (spec.cleanup, spec.partitions) == ("delete", 1)
    assert spec.retention_ms is not None
    assert spec.retention_ms >= (TOPICS["findings"].retention_ms or 0)
