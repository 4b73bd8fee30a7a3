from __future__ import annotations

import numpy as np

from streams.changed_rows import ChangedFlags


def test_a_row_that_changed_twice_is_told_once_and_only_until_it_is_drained() -> None:
    changed = ChangedFlags()
    changed.touch(np.array([3, 3, 900]))
    changed.touch(np.array([3, 7]))
    assert changed.pending == 3
    assert changed.drain() == {3, 7, 900}
    assert (changed.pending, changed.drain()) == (0, set())


def test_no_row_is_nothing_changed() -> None:
    changed = ChangedFlags()
    changed.touch(np.zeros(0, np.int64))
    assert changed.drain() == set()
