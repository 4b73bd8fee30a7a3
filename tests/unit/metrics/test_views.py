from __future__ import annotations

import numpy as np

from metrics.views import Buckets


def test_a_column_counts_like_its_values_one_by_one() -> None:
    values = np.asarray([0.0, 0.5, 1.0, 1.0001, 5.0, 7.0])
    column, single = Buckets((1.0, 5.0)), Buckets((1.0, 5.0))
    column.observe_column(values)
    for value in values:
        single.observe(float(value))
    assert column.counts == single.counts == [3, 2, 1]
    assert column.total == single.total


def test_an_empty_column_changes_nothing() -> None:
    buckets = Buckets((1.0,))
    buckets.observe_column(np.empty(0))
    assert buckets.counts == [0, 0]
    assert buckets.total == 0.0
