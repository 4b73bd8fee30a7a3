from __future__ import annotations

import numpy as np
import pytest

from agents.account_rows import AccountRows
from streams.errors import StateError

RECORD = np.dtype([("level", "<f4"), ("days", "<u2")])


def rows(version: int = 1) -> AccountRows:
    return AccountRows("levels", version, RECORD, {"level": -1.0})


def test_a_row_that_was_never_written_is_blank_however_far_it_lies() -> None:
    table = rows()
    table.reserve(1000)
    assert table.table["level"][999] == -1.0
    assert table.table["days"][999] == 0


def test_what_is_encoded_is_loaded_and_a_later_payload_wins() -> None:
    source, target = rows(), rows()
    source.reserve(200)
    source.table["days"][[3, 150]] = [7, 9]
    source.touch(np.array([3, 150]))
    first, kept = source.encode(source.drain())
    source.table["days"][3] = 8
    source.touch(np.array([3]))
    second, _ = source.encode(source.drain())
    assert kept == {3, 150}
    assert target.load(first) == {3, 150}
    assert target.load(second) == {3}
    assert target.table["days"][[3, 150]].tolist() == [8, 9]
    assert target.table["level"][4] == -1.0
    assert target.drain() == set()


def test_pending_bytes_are_what_rows_like_the_last_ones_took_but_for_the_head() -> None:
    table = rows()
    table.touch(np.array([1, 2, 2]))
    assert table.pending_bytes() == 2 * (4 + RECORD.itemsize)
    table.encode(table.drain())
    assert table.pending_bytes() == 0
    table.touch(np.array([3, 4, 5]))
    pending = table.pending_bytes()
    assert len(table.encode(table.drain())[0]) == pending + 5


def test_what_equals_a_blank_record_is_not_written() -> None:
    table = rows()
    table.touch(np.array([1, 2]))
    blank, _ = table.encode({1})
    table.table["level"][2] = 7.5
    told, _ = table.encode({2})
    assert len(blank) < 5 + 4 + RECORD.itemsize
    assert len(told) > len(blank)
    copy = rows()
    copy.load(told)
    assert copy.table["level"][2] == 7.5


def test_state_of_another_version_or_cut_short_is_refused_by_name() -> None:
    table = rows()
    table.touch(np.array([1]))
    payload, _ = table.encode(table.drain())
    with pytest.raises(StateError, match="levels: state version 129 is not 130"):
        rows(2).load(payload)
    with pytest.raises(StateError, match="levels: a payload does not hold the 1 rows"):
        rows().load(payload[:-1])
