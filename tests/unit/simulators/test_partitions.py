import random

import polars as pl
import pytest
from kafka.partitioner.default import murmur2

from simulators.partitions import partition_of, partitions_of


@pytest.mark.parametrize("length", range(33))
def test_a_key_goes_where_the_kafka_client_sends_it(length: int) -> None:
    key = random.Random(length).randbytes(length)

    assert partition_of(key, 8) == (murmur2(key) & 0x7FFFFFFF) % 8


def test_many_keys_go_where_each_goes_alone() -> None:
    keys = [f"st_{number}" for number in range(1500)] * 2

    together = partitions_of(pl.Series(keys), 6)
    assert together.tolist() == [partition_of(key.encode(), 6) for key in keys]


def test_keys_outside_ascii_are_hashed_as_utf8() -> None:
    assert partitions_of(["été", "abc"], 7).tolist() == [
        partition_of("été".encode(), 7),
        partition_of(b"abc", 7),
    ]


def test_no_keys_give_no_partitions() -> None:
    assert partitions_of([], 8).tolist() == []
