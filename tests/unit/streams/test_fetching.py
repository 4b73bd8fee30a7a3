from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import ConsumerRecord, TopicPartition

from streams.fetching import install_raw_records

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def stock_again() -> Iterator[None]:
    stock = fetcher.PartitionRecords
    yield
    fetcher.PartitionRecords = stock


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
