"""The processor of the five flows and the verdicts: bytes in; marks, findings, cells out (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from agents.activity import ActivityMarker, split_marks
from agents.findings import finding_bytes, read_verdict
from agents.region_cells import encode_region_cell
from agents.region_usage import encode_usage_part
from agents.shard import Applied, Shard, ShardParams
from streams.checkpoint import damage_named
from streams.columns import EventSlice
from streams.fetched_records import FetchedRecords
from streams.processing import Checkpoint, Outgoing
from streams.recordwise import BadRecordError
from streams.topics import (
    ACTIVITY_COUNTS,
    ACTIVITY_MARKS,
    DEAD_LETTERS,
    FINDINGS,
    REGION_CELLS,
    VERDICTS,
)
from streams.validity import LATEST_TIME_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agents.arrivals import FlowTotals
    from agents.findings import Finding, Verdict
    from agents.region_cells import RegionCell
    from agents.region_usage import UsagePart
    from agents.series import SeriesCodes
    from agents.shard import Told
    from streams.codec import SliceCodec
    from streams.event_time import BoolArray, Int64Array
    from streams.lockstep import Joined
    from streams.own_records import RecordReader
    from streams.processing import Record

EVENT_TIME_AHEAD: Final = "EVENT_TIME_AHEAD"
"""Dead-letter reason: an event's clock is further ahead of Kafka's than the settings allow."""

LOG_TIME_ABSURD: Final = "LOG_TIME_ABSURD"
"""Dead-letter reason: a Kafka timestamp outside 1970 to 2100. Producers set it, and log time never
falls: whatever comes after one that is taken waits for that day."""

_ABSURD: Final = "Kafka's timestamp is not a time between 1970 and 2100"


class SourceProcessor:
    """One partition of the five flows; see `streams.processing.Processor`.

    Args:
        partition: its number, for the origin of dead letters.
        codec: decodes the slices, encodes the findings.
        reader: reads the verdicts.
        params: limits of the shard.
        codes: the code space, shared by the process.
        mark_partitions: how many partitions the marks' topic has.
        counted: told the flow and the event times of what was just counted, for delays and clocks.
    """

    def __init__(
        self,
        *,
        partition: int,
        codec: SliceCodec,
        reader: RecordReader,
        params: ShardParams,
        codes: SeriesCodes,
        mark_partitions: int,
        counted: Callable[[str, Int64Array], None] = lambda _flow, _times: None,
    ) -> None:
        self.partition = partition
        self.shard = Shard(params, codes, partition)
        self.durable: dict[str, FlowTotals] = self.shard.totals()
        self._codec = codec
        self._reader = reader
        self._marker = ActivityMarker()
        self._mark_partitions = mark_partitions
        self._counted = counted

    def recover(self, entries: Mapping[bytes, bytes], *, owner: int = 0) -> None:
        """See `streams.processing.Processor.recover`."""
        with damage_named():
            self.shard.recover(entries, owner=owner)
        self.durable = self.shard.totals()

    def process(self, topic: str, records: Sequence[Record]) -> Sequence[Outgoing]:
        """Decode, count, and give back dead letters, marks, findings, parts for the whole region."""
        if topic == VERDICTS:
            return self._judge(records)
        start = self.shard.next_offset(topic)
        if records and records[0].offset < start:
            records = _since(records, start)
        if not records:
            return ()
        values, offsets, log_ms = _columns(records)
        decoded = self._codec.decode(topic, values)
        outgoing = [
            self._dead_letter(topic, records[reject.index], reject.reason, reject.detail)
            for reject in decoded.rejects
        ]
        if decoded.events.height:
            events, rows = decoded.events, decoded.rows
            absurd = _is_absurd(log_ms[rows])
            if absurd.any():
                outgoing += [
                    self._dead_letter(topic, records[i], LOG_TIME_ABSURD, _ABSURD)
                    for i in rows[absurd].tolist()
                ]
                kept = np.flatnonzero(~absurd)
                events, rows = events.take(kept), rows[kept]
            applied = self.shard.apply(
                EventSlice(
                    flow=topic,
                    events=events,
                    offsets=offsets[rows],
                    ingest_ms=log_ms[rows],
                    next_offset=records[-1].offset + 1,
                )
            )
            outgoing += [
                self._dead_letter(topic, records[i], EVENT_TIME_AHEAD, "clock ahead of Kafka's")
                for i in rows[applied.ahead].tolist()
            ]
            outgoing += self._marks(topic, applied)
            outgoing += self._told(applied.told)
            self._counted(topic, applied.times_ms)
        else:
            self.shard.skip_to(topic, records[-1].offset + 1)
        return outgoing

    def pass_time(self, read_ms: Mapping[str, int]) -> Sequence[Outgoing]:
        """See `streams.processing.Processor.pass_time`."""
        return self._told(self.shard.pass_time(read_ms))

    def _judge(self, records: Sequence[Record]) -> list[Outgoing]:
        """Take verdicts; those on a finding of the whole region go on to whoever watches that."""
        outgoing: list[Outgoing] = []
        start = self.shard.next_offset(VERDICTS)
        verdicts: list[Verdict] = []
        times: list[int] = []
        for record in records:
            if record.offset < start:
                continue
            self.shard.skip_to(VERDICTS, record.offset + 1)
            try:
                verdict = read_verdict(record.value, self._reader)
            except BadRecordError as error:
                outgoing.append(
                    self._dead_letter(VERDICTS, record, error.reason, error.detail, "agents.source")
                )
                continue
            if not 0 < record.timestamp <= LATEST_TIME_MS:
                outgoing.append(self._dead_letter(VERDICTS, record, LOG_TIME_ABSURD, _ABSURD))
                continue
            if verdict.structure_pid:
                verdicts.append(verdict)
                times.append(record.timestamp)
            else:
                outgoing.append(region_cell(verdict))
        told = self.shard.judge(verdicts, np.array(times, np.int64))
        return outgoing + self._told(told)

    def _told(self, told: Told) -> list[Outgoing]:
        outgoing = [finding_record(finding, self._codec) for finding in told.findings]
        outgoing += [region_cell(cell) for cell in told.cells]
        return outgoing + [usage_record(part) for part in told.usage]

    def checkpoint(self) -> Checkpoint:
        """Freeze the state; the token is its totals, which `confirm` makes public."""
        return Checkpoint(self.shard.flush(), self.shard.totals())

    def confirm(self, token: object) -> None:
        """Publish the totals of a durable checkpoint."""
        if not isinstance(token, dict):
            raise TypeError("token: not one of this processor's checkpoints")
        self.durable = token

    def applied(self, topic: str) -> int:
        """The next offset of a flow that is not applied yet."""
        return self.shard.next_offset(topic)

    def pending_bytes(self) -> int:
        """About how much a checkpoint would write now."""
        return self.shard.pending_bytes()

    def _marks(self, flow: str, applied: Applied) -> list[Outgoing]:
        marks = self._marker.marks(flow, applied.accepted, applied.coded.sector)
        return [
            Outgoing(topic=ACTIVITY_MARKS, key=None, value=value, partition=partition)
            for partition, value in split_marks(marks, self._mark_partitions)
        ]

    def _dead_letter(
        self, topic: str, record: Record, reason: str, detail: str, refuser: str = "streams.codec"
    ) -> Outgoing:
        self.shard.count_dead_letter(topic, str(reason))
        if reason == EVENT_TIME_AHEAD:
            refuser = "agents.shard"
        elif reason == LOG_TIME_ABSURD:
            refuser = "agents.source"
        return dead_letter(topic, self.partition, record, str(reason), detail, refuser=refuser)


def _is_absurd(ingest_ms: Int64Array) -> BoolArray:
    absurd: BoolArray = (ingest_ms <= 0) | (ingest_ms > LATEST_TIME_MS)
    return absurd


def _since(records: Sequence[Record], offset: int) -> Sequence[Record]:
    """The records from an offset on."""
    if isinstance(records, FetchedRecords):
        return records.since(offset)
    return [record for record in records if record.offset >= offset]


def _columns(
    records: Sequence[Record],
) -> tuple[Joined | list[bytes | None], Int64Array, Int64Array]:
    """Values, offsets and Kafka timestamps of records."""
    if isinstance(records, FetchedRecords):
        return records.values(), records.offsets, records.timestamps
    count = len(records)
    offsets = np.fromiter((record.offset for record in records), np.int64, count)
    log_ms = np.fromiter((record.timestamp for record in records), np.int64, count)
    return [record.value for record in records], offsets, log_ms


def finding_record(finding: Finding, codec: SliceCodec) -> Outgoing:
    """A finding's revision, on the one partition of its topic."""
    key, value = finding.finding_id.encode(), finding_bytes(finding, codec)
    return Outgoing(topic=FINDINGS, key=key, value=value, partition=0)


def region_cell(cell: RegionCell) -> Outgoing:
    """A message to whoever watches the whole region."""
    return Outgoing(topic=REGION_CELLS, key=None, value=encode_region_cell(cell), partition=0)


def usage_record(part: UsagePart) -> Outgoing:
    """What a partition's structures did in a month, on the one partition of the counts' topic."""
    key, value = encode_usage_part(part)
    return Outgoing(topic=ACTIVITY_COUNTS, key=key, value=value, partition=0)


def dead_letter(
    topic: str, partition: int, record: Record, reason: str, detail: str, *, refuser: str
) -> Outgoing:
    """A record that will never be retried: its bytes untouched, its origin and reason in headers.

    The headers have the names that Kafka Connect gives them (KIP-298), so that existing tools read
    them. No part of the content stands in a header; `refuser` is the module that would not take it.
    """
    headers = {
        "topic": topic,
        "partition": str(partition),
        "offset": str(record.offset),
        "connector.name": "vigie",
        "stage": "VALUE_CONVERTER",
        "class.name": refuser,
        "exception.class.name": reason,
        "exception.message": detail,
    }
    return Outgoing(
        topic=DEAD_LETTERS,
        key=record.key,
        value=record.value,
        headers=tuple(
            (f"__connect.errors.{name}", text.encode()) for name, text in headers.items()
        ),
    )
