from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import ConsumerRecord, TopicPartition

from streams.fetched_records import FetchedRecords
from streams.fetching import install_raw_records

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def stock_again() -> Iterator[None]:
    stock = fetcher.MemoryRecords, fetcher.PartitionRecords, fetcher.FetchResult
    yield
    fetcher.MemoryRecords, fetcher.PartitionRecords, fetcher.FetchResult = stock


def fetched(topic: str, *, fetch_offset: int = 0) -> Any:
    builder = DefaultRecordBatchBuilder(2, 0, 0, 0, 0, 0, 1 << 20)
    for offset in range(3):
        builder.append(offset, 1000 + offset, b"key", b"value-%d" % offset, [])
    return fetcher.PartitionRecords(
        TopicPartition(topic, 0),
        MemoryRecords(bytes(builder.build())),
        [],
        fetch_offset,
        None,
        None,
        True,
        0,
    )


def test_records_of_a_slice_topic_come_unwrapped_with_all_that_a_slice_reads() -> None:
    install_raw_records(frozenset({"insi-calls"}))

    records = list(fetched("insi-calls"))

    assert not any(isinstance(record, ConsumerRecord) for record in records)
    assert [(r.offset, r.timestamp, r.key, r.value) for r in records] == [
        (n, 1000 + n, b"key", b"value-%d" % n) for n in range(3)
    ]


def test_records_of_other_topics_stay_what_they_were() -> None:
    install_raw_records(frozenset({"insi-calls"}))

    assert all(isinstance(record, ConsumerRecord) for record in fetched("changelog"))


def test_the_position_moves_on_and_earlier_offsets_are_left_out() -> None:
    install_raw_records(frozenset({"insi-calls"}))
    partition = fetched("insi-calls", fetch_offset=2)

    assert [record.offset for record in partition] == [2]
    assert partition.next_fetch_offset == 3


class Assignment:
    """What aiokafka knows of a partition that is assigned."""

    active = True

    def __init__(self, position: int) -> None:
        self.position = position
        self.paused = False

    def state_value(self, _tp: TopicPartition) -> Assignment:
        return self

    def consumed_to(self, position: int) -> None:
        self.position = position


def result(octets: bytes, *, position: int = 0, topic: str = "insi-calls") -> Any:
    install_raw_records(frozenset({"insi-calls"}))
    records = fetcher.PartitionRecords(
        TopicPartition(topic, 0),
        fetcher.MemoryRecords(octets),
        [],
        position,
        None,
        None,
        True,
        0,
    )
    assignment = Assignment(position)
    found = fetcher.FetchResult(
        TopicPartition(topic, 0), assignment=assignment, partition_records=records, backoff=0
    )
    return found, assignment


def batch(first: int, count: int, *, compression: int = 0) -> bytes:
    builder = DefaultRecordBatchBuilder(2, compression, 0, -1, -1, -1, 1 << 20)
    for number in range(count):
        builder.append(number, 1000 + number, b"key", b"value-%d" % (first + number), [])
    octets = bytearray(builder.build())
    octets[:8] = first.to_bytes(8, "big")  # outside the CRC's cover, as the broker sets it
    return bytes(octets)


def test_a_fetch_of_a_slice_topic_comes_as_columns_and_moves_the_position() -> None:
    found, assignment = result(batch(0, 3) + batch(5, 2))

    records = found.getall()

    assert isinstance(records, FetchedRecords)
    assert [r.offset for r in records] == [0, 1, 2, 5, 6]
    assert records[-1].value == b"value-6"
    assert not found.has_more()
    assert assignment.position == 7


def test_a_fetch_is_handed_on_in_parts_no_larger_than_asked_for() -> None:
    found, assignment = result(batch(0, 3) + batch(5, 2))

    parts = []
    while found.has_more():
        parts.append([record.offset for record in found.getall(2)])
        assert assignment.position in {parts[-1][-1] + 1, 5}

    assert parts == [[0, 1], [2, 5], [6]]


@pytest.mark.parametrize("most", [None, 2])
def test_a_fetch_goes_with_its_last_reference_and_waits_for_no_collector(most: int | None) -> None:
    found, _ = result(batch(0, 3))
    kept = weakref.ref(found._partition_records)
    gc.disable()
    try:
        found.getall(most)
        del found
        assert kept() is None
    finally:
        gc.enable()


def test_what_was_sought_meanwhile_is_not_handed_on() -> None:
    found, assignment = result(batch(0, 3))
    assignment.position = 2

    assert list(found.getall()) == []
    assert not found.has_more()


@pytest.mark.parametrize("compression", [0, 1])
def test_other_topics_and_compressed_batches_take_the_stock_way(compression: int) -> None:
    topic = "insi-calls" if compression else "changelog"
    found, assignment = result(batch(4, 3, compression=compression), position=5, topic=topic)

    records = found.getall()

    assert isinstance(records, list)
    assert [(r.offset, r.value) for r in records] == [(5, b"value-5"), (6, b"value-6")]
    assert assignment.position == 7


def test_a_damaged_batch_is_refused_as_the_stock_parser_does() -> None:
    octets = bytearray(batch(0, 3))
    octets[-3] ^= 1
    found, _ = result(bytes(octets))

    with pytest.raises(CorruptRecordException):
        found.getall()
