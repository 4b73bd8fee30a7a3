"""What a decoded event must also be, beyond Avro: one rule, said for a record and for columns (pure).

* A time lies after 1970-01-01 and not after 2100-01-01 (UTC): anything else is a broken clock, and it
  would drag windows and watermarks along. Those who watch accounts keep times in 42 bits (until 2109).
* An `int` counts something or measures a duration, so it is never negative. What may be negative is a
  `long` (`directory_step`).
* `event_id` and `structure_pid` are not empty: they identify the event and choose its partition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streams.layout import Column, Kind, Layout

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

LATEST_TIME_MS: Final = 4_102_444_800_000
"""2100-01-01T00:00:00Z."""

LAST_DAY: Final = LATEST_TIME_MS // 86_400_000
"""The last local day that an event may have, as days since 1970-01-01."""

MUST_NOT_BE_EMPTY: Final = frozenset({"event_id", "structure_pid"})


def fault_of(layout: Layout, event: Mapping[str, Any]) -> str | None:
    """The first rule that an event breaks, as a sentence that names the field and no content."""
    for column in layout:
        value = event[column.name]
        if value is None:
            continue
        if column.is_time and not 0 < value <= LATEST_TIME_MS:
            return f"{column.name}: not a time between 1970 and 2100"
        if column.kind is Kind.INT and value < 0:
            return f"{column.name}: negative"
        if column.name in MUST_NOT_BE_EMPTY and not value:
            return f"{column.name}: empty"
    return None


def faults_of(
    column: Column,
    values: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64] | None,
    present: npt.NDArray[np.bool_] | None,
) -> npt.NDArray[np.bool_] | None:
    """Which of n records break a rule of one column; `None` if it has none.

    Args:
        column: the column.
        values: n numbers (anything for text, or where null).
        lengths: n text lengths in bytes; `None` for other kinds.
        present: n flags, false where null; `None` if no value is null.
    """
    wrong: npt.NDArray[np.bool_]
    if column.is_time:
        wrong = (values <= 0) | (values > LATEST_TIME_MS)
    elif column.kind is Kind.INT:
        wrong = values < 0
    elif column.name in MUST_NOT_BE_EMPTY and lengths is not None:
        wrong = lengths == 0
    else:
        return None
    return wrong if present is None else wrong & present
