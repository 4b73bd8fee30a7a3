"""Kafka's record batches taken apart at once, held against aiokafka's own parser."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from hypothesis import given
from hypothesis import strategies as st

from streams.fetched_records import FetchedRecords, read_fetch

Row = tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]

octets = st.none() | st.binary(max_size=300)
rows = st.tuples(
    st.integers(0, 1 << 41),
    octets,
    octets,
    st.lists(st.tuples(st.text(max_size=5), octets), max_size=2),
)
fetches = st.lists(st.lists(rows, min_size=1, max_size=5), min_size=1, max_size=4)


def batch(first: int, records: list[Row], *, flags: int = 0) -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
    for number, (time_ms, key, value, headers) in enumerate(records):
        builder.append(number, time_ms, key, value, headers)
    whole = bytearray(builder.build())
    whole[:8] = first.to_bytes(8, "big")
    if flags:
        whole[22] |= flags
        whole[17:21] = calc_crc32c(memoryview(whole)[21:]).to_bytes(4, "big")
    return bytes(whole)


def fetch(batches: list[list[Row]], *, gap: int = 3) -> bytes:
    first, parts = 0, []
    for records in batches:
        parts.append(batch(first, records))
        first += len(records) + gap
    return b"".join(parts)


def by_the_stock_parser(whole: bytes, since: int) -> list[Any]:
    parser, found = MemoryRecords(whole), []
    while parser.has_next():
        found += list(parser.next_batch())
    return [record for record in found if record.offset >= since]


def read(whole: bytes, since: int = 0) -> tuple[FetchedRecords, int]:
    found = read_fetch(whole, since, calc_crc32c)
    assert found is not None
    return found


def told(record: Any) -> tuple[Any, ...]:
    return record.offset, record.timestamp, record.timestamp_type, record.key, record.value


@given(fetches, st.integers(0, 12))
def test_records_are_what_the_stock_parser_reads(batches: list[list[Row]], since: int) -> None:
    whole = fetch(batches)
    records, after = read(whole, since)
    expected = by_the_stock_parser(whole, since)
    assert [told(one) for one in records] == [told(one) for one in expected]
    values = records.values()
    assert [values.value(row) for row in range(len(values))] == [r.value or b"" for r in expected]
    assert values.records.to_list() == [r.value or b"" for r in expected]
    assert after == sum(map(len, batches)) + 3 * (len(batches) - 1)


@given(fetches, st.data())
def test_whatever_is_cut_or_altered_is_read_as_it_was_sent_or_left(
    batches: list[list[Row]], data: st.DataObject
) -> None:
    whole = bytearray(fetch(batches))
    for _ in range(data.draw(st.integers(0, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    octets = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    for crc in (calc_crc32c, None):
        found = read_fetch(octets, 0, crc)
        if found is not None:
            for record in found[0]:
                assert record.value is None or record.value in octets


def test_the_broker_may_cut_the_last_batch() -> None:
    whole = fetch([[(1, b"k", b"one", [])], [(2, b"k", b"two", [])]])
    records, after = read(whole[:-1])
    assert [record.value for record in records] == [b"one"]
    assert after == 1


def test_where_the_broker_sets_the_time_all_records_of_a_batch_have_it() -> None:
    records, _ = read(batch(7, [(5, None, b"a", []), (9, None, b"b", [])], flags=0x08))
    assert [(r.timestamp, r.timestamp_type) for r in records] == [(9, 1), (9, 1)]


@pytest.mark.parametrize("flags", [0x01, 0x20])
def test_compressed_batches_and_markers_are_left_to_the_stock_parser(flags: int) -> None:
    assert read_fetch(batch(0, [(5, None, b"a", [])], flags=flags), 0, calc_crc32c) is None


def test_a_damaged_batch_is_left_to_the_stock_parser() -> None:
    whole = bytearray(batch(0, [(5, None, b"a", [])]))
    whole[-2] ^= 0x10
    assert read_fetch(bytes(whole), 0, calc_crc32c) is None
    assert read_fetch(b"", 0, calc_crc32c) is None


def test_parts_of_a_fetch_share_its_bytes() -> None:
    records, _ = read(fetch([[(n, b"k", b"value-%d" % n, []) for n in range(9)]]))
    part = records[2:5]
    assert [r.value for r in part] == [b"value-2", b"value-3", b"value-4"]
    assert part.offsets.tolist() == [2, 3, 4]
    assert part.timestamps.tolist() == [2, 3, 4]
    assert [r.offset for r in records.since(7)] == [7, 8]
    assert part[-1].offset == 4
    with pytest.raises(IndexError):
        records[9]
