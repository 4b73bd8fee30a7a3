"""State per flow series: columns in memory, records in a checkpoint."""

from __future__ import annotations

import numpy as np
import pytest

from agents.account_rows import AccountRows
from agents.series_rows import SeriesRows
from streams.errors import StateError

RECORD = np.dtype([("level", "<f8"), ("parts", "<f4", (3, 2)), ("known", "?")])
BLANK = {"level": 1.5, "parts": 2.0}


def rows(series: int = 5) -> SeriesRows:
    return SeriesRows("levels", 1, RECORD, BLANK, series)


def test_fields_begin_blank_and_lie_in_one_piece() -> None:
    columns = rows().columns
    assert columns["level"].tolist() == [1.5] * 5
    assert columns["parts"].shape == (5, 3, 2)
    assert columns["parts"][:, 1, 0].flags.contiguous


def test_what_is_assigned_is_copied_in() -> None:
    own = rows()
    level, given = own.columns["level"], np.arange(5.0)
    own.columns["level"] = given
    own.columns["level"] += 1.0
    given[:] = 9.0
    assert own.columns["level"] is level
    assert level.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_a_checkpoint_is_that_of_records_and_restores_columns() -> None:
    own, plain = rows(), AccountRows("levels", 1, RECORD, BLANK)
    own.columns["level"][3], plain.table["level"][3] = 7.0, 7.0
    own.columns["parts"][3, 2, 1], plain.table["parts"][3, 2, 1] = 4.0, 4.0
    own.touch_all()
    payload, kept = own.encode(own.drain())
    assert (payload, kept) == plain.encode(set(range(5)))
    again = rows()
    again.columns["level"] = 0.0
    assert again.load(payload) == set(range(5))
    assert again.columns["level"].tolist() == [1.5, 1.5, 1.5, 7.0, 1.5]
    assert again.columns["parts"][3].tolist() == [[2.0, 2.0], [2.0, 2.0], [2.0, 4.0]]


def test_a_series_that_is_cleared_begins_anew_and_is_written() -> None:
    own = rows()
    own.columns["level"] = 3.0
    own.clear(np.array([2]))
    assert own.drain() == {2}
    assert own.columns["level"].tolist() == [3.0, 3.0, 1.5, 3.0, 3.0]


def test_state_of_another_version_changes_nothing() -> None:
    own = rows()
    payload, _ = SeriesRows("levels", 2, RECORD, BLANK, 5).encode({0})
    with pytest.raises(StateError, match="levels: state version"):
        own.load(payload)
    assert own.columns["level"].tolist() == [1.5] * 5
