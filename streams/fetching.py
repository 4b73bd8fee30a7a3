"""Fetched records as columns, for topics that travel in slices.

aiokafka makes two objects of every record, one of them in Python; of a worker's time that was a quarter.
A slice is read as columns (`streams.fetched_records`); what that does not read comes as the parser's own
objects, which have all that a slice reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiokafka.consumer import fetcher
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

from streams.fetched_records import FetchedRecords, read_fetch

if TYPE_CHECKING:
    from collections.abc import Iterator

_STOCK = fetcher.PartitionRecords
_STOCK_RESULT = fetcher.FetchResult
_READ_UNCOMMITTED = 0


class KeptBatches:
    """aiokafka's record batches, and the bytes that they were made of."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self._batches = MemoryRecords(octets)
        self.has_next = self._batches.has_next
        self.next_batch = self._batches.next_batch
        self.size_in_bytes = self._batches.size_in_bytes


class SliceRecords(_STOCK):  # type: ignore[misc,valid-type]  # aiokafka ships no types
    """What was fetched of a partition: as columns, or as the parser's records."""

    slice_topics: frozenset[str] = frozenset()

    def __init__(self, tp: Any, records: Any, *rest: Any) -> None:
        super().__init__(tp, records, *rest)
        self.next_fetch_offset: int
        is_plain = tp.topic in self.slice_topics and self._isolation_level == _READ_UNCOMMITTED
        self._octets: bytes | None = getattr(records, "octets", None) if is_plain else None
        self._columns: FetchedRecords | None = None
        self._end = 0
        # The stock iterator and this object hold each other: a fetch would stay until Python looks for
        # circles, which a worker lets it do seldom (`streams.collector`). So it is made when it is used.
        self._records_iterator: Any = None

    def take(self, most: int | None) -> FetchedRecords | None:
        """At most so many records from where reading stands; `None` if they are no columns."""
        if self._columns is None:
            octets, self._octets = self._octets, None
            crc = calc_crc32c if self._check_crcs else None
            found = None if octets is None else read_fetch(octets, self.next_fetch_offset, crc)
            if found is None:
                return None
            self._columns, self._end = found
            self._records = None  # the columns hold what is needed of the bytes
        count = len(self._columns) if most is None else min(most, len(self._columns))
        taken, self._columns = self._columns[:count], self._columns[count:]
        rest = self._columns.offsets
        self.next_fetch_offset = int(rest[0]) if len(rest) else self._end
        return taken

    @property
    def is_read(self) -> bool:
        """Whether nothing is left of the columns."""
        return self._columns is not None and not len(self._columns)

    def __iter__(self) -> Iterator[Any]:
        # Straight to the generator: `__next__` would be one more call per record.
        if self._records_iterator is None:
            self._records_iterator = self._unpack_records()
        records: Iterator[Any] = self._records_iterator
        return records

    def __next__(self) -> Any:
        return next(iter(self))

    def _consumer_record(self, tp: Any, record: Any) -> Any:
        return record if tp.topic in self.slice_topics else super()._consumer_record(tp, record)


class SliceResult(_STOCK_RESULT):  # type: ignore[misc,valid-type]
    """A partition's fetch on its way to whoever polls."""

    def getall(self, max_records: int | None = None) -> Any:
        """Records of the fetch, and the position moved behind them."""
        records: SliceRecords | None = self._partition_records
        if records is None or not self.check_assignment(self._topic_partition):
            return []
        taken = records.take(max_records)
        if taken is None:
            return super().getall(max_records)
        self._update_position()
        if records.is_read:
            self._partition_records: Any = None
        return taken


def install_raw_records(slice_topics: frozenset[str]) -> None:
    """Let consumers of this process hand on the records of these topics as they were fetched.

    aiokafka names its classes in one place and offers no seam for others; records of all other topics
    stay what they were.
    """

    class OwnRecords(SliceRecords):
        """Of these topics."""

    OwnRecords.slice_topics = slice_topics
    fetcher.MemoryRecords = KeptBatches
    fetcher.PartitionRecords = OwnRecords
    fetcher.FetchResult = SliceResult
