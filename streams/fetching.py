"""Fetched records as the parser made them, for topics that travel in slices.

aiokafka wraps every parsed record in a second object with eleven fields, in Python; of a worker's time
that was a fifth. A slice needs offset, timestamp, key and value, which the parser's own objects have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiokafka.consumer import fetcher

if TYPE_CHECKING:
    from collections.abc import Iterator

_STOCK = fetcher.PartitionRecords


def install_raw_records(slice_topics: frozenset[str]) -> None:
    """Let consumers of this process hand on the records of these topics unwrapped.

    aiokafka names the class in one place and offers no seam for another; records of all other topics
    stay what they were.
    """

    class SliceRecords(_STOCK):  # type: ignore[misc,valid-type]  # aiokafka ships no types
        def __iter__(self) -> Iterator[Any]:
            # Straight to the generator: `__next__` would be one more call per record.
            records: Iterator[Any] = self._records_iterator
            return records

        def _consumer_record(self, tp: Any, record: Any) -> Any:
            return record if tp.topic in slice_topics else super()._consumer_record(tp, record)

    fetcher.PartitionRecords = SliceRecords
