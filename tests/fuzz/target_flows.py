"""Hostile records between good ones through the processor of the five flows and the verdicts.

Held to be true of every slice: nothing is raised; every good record is counted; every hostile one is
either an event, exactly as fastavro reads it and as it would be written, or one dead letter with its own
bytes, its offset and a reason of the closed list, whose text says nothing of the record.
"""

from __future__ import annotations

import io
import random
import uuid
from typing import TYPE_CHECKING, Any, Final

import fastavro

from agents.partition_watch import PartitionWatchParams
from agents.series import SeriesCodes
from agents.shard import ShardParams
from agents.source import EVENT_TIME_AHEAD, LOG_TIME_ABSURD, SourceProcessor
from streams.codec import Decoded, RejectReason, SliceCodec
from streams.own_records import RecordReader
from streams.topic_admin import FURTHEST_AHEAD_MS
from streams.topics import DEAD_LETTERS, FLOWS
from streams.validity import LATEST_TIME_MS
from streams.wire import SINGLE_OBJECT_BYTES
from tests.fuzz.hostile import LIMITS, Mutations
from tests.support.avro_events import SCHEMAS, some_events
from tests.support.frames import NOON_MS
from tests.support.records import FakeRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.processing import Outgoing
    from tests.fuzz.feedback import Tally

SLICE: Final = 512
HOSTILE_SHARE: Final = 0.75
LIFE_RECORDS: Final = 40_000
"""After so many records another worker takes over: what is honest state must not hide what leaks."""
REASONS: Final = frozenset({*map(str, RejectReason), EVENT_TIME_AHEAD, LOG_TIME_ABSURD})
_FURTHEST_MS: Final = NOON_MS + FURTHEST_AHEAD_MS
"""Kafka refuses records that are dated further ahead (`streams.topic_admin`): one that came from 2100
would bring a watermark from there, against which no thought without a clock can defend itself."""
_STRANGE_LOG_TIMES: Final = tuple(
    at_ms
    for at_ms in (*LIMITS, NOON_MS - 86_400_000, _FURTHEST_MS)
    if at_ms <= _FURTHEST_MS or at_ms > LATEST_TIME_MS
)
_PARAMS: Final = ShardParams(
    departments=("02", "59", "60", "62", "80"),
    allowed_lateness_ms=86_400_000,
    duplicate_ids_max=262_144,
    clock_skew_ms=600_000,
    watch=PartitionWatchParams(),
)


class _Remembering(SliceCodec):
    """A codec that shows what it decoded last."""

    last: Decoded

    def decode(self, flow: str, values: Sequence[bytes | None]) -> Decoded:
        self.last = super().decode(flow, values)
        return self.last


class FlowTarget:
    """One partition that meets hostile producers.

    Args:
        seed: decides everything.
        tally: where outcomes are noted.
    """

    def __init__(self, seed: int, tally: Tally) -> None:
        self._dice = random.Random(seed)
        self._tally = tally
        self._codec = _Remembering(SCHEMAS)
        self._codes = SeriesCodes(_PARAMS.departments)
        headers = [self._codec.encode(flow, some_events(flow, 1, 1))[0][:10] for flow in FLOWS]
        self._events = {flow: _now(some_events(flow, 400, seed + 1)) for flow in FLOWS}
        self._mutations = {
            flow: Mutations(
                header,
                SCHEMAS.flow_layout(flow),
                self._events[flow],
                self._codec.encode(flow, self._events[flow]),
                [other for other in headers if other != header],
            )
            for flow, header in zip(FLOWS, headers, strict=True)
        }
        self._number = 0
        self._begin()

    def _begin(self) -> None:
        self._source = SourceProcessor(
            partition=0,
            codec=self._codec,
            reader=RecordReader(SCHEMAS),
            params=_PARAMS,
            codes=self._codes,
            mark_partitions=4,
        )
        self._lived = 0
        self._offset = 0
        self._changelog: dict[bytes, bytes] = {}

    def run(self, hostile: int) -> None:
        """Give so many hostile records, in slices, between a third as many good ones."""
        left = hostile
        while left > 0:
            if self._lived >= LIFE_RECORDS:
                self._end()
                self._begin()
            left -= self._slice(self._dice.choice(FLOWS), left)
        self._end()

    def _end(self) -> None:
        """The state that hostile records have left behind can be written and read again."""
        self._source.pass_time(dict.fromkeys(FLOWS, NOON_MS + self._number))
        for key, value in self._source.checkpoint().writes:
            if value is None:
                self._changelog.pop(key, None)
            else:
                self._changelog[key] = value
        heir = SourceProcessor(
            partition=0,
            codec=self._codec,
            reader=RecordReader(SCHEMAS),
            params=_PARAMS,
            codes=self._codes,
            mark_partitions=4,
        )
        heir.recover(self._changelog, owner=2)
        if heir.applied(FLOWS[0]) != self._source.applied(FLOWS[0]):
            self._tally.miss("state: a checkpoint was not read back as it was written")

    def _slice(self, flow: str, most: int) -> int:
        """One slice; how many hostile records were in it."""
        dice, kinds = self._dice, {}
        values: list[bytes | None] = []
        good: dict[int, str] = {}
        hostile = min(most, round(SLICE * HOSTILE_SHARE))
        size = hostile + SLICE // 4
        places = set(dice.sample(range(size), hostile))
        events = self._good_events(flow, size - hostile)
        honest = iter(zip(self._codec.encode(flow, events), events, strict=True))
        times = []
        for place in range(size):
            at_ms = NOON_MS + self._number
            self._number += 1
            if place in places:
                kinds[place], value = self._mutations[flow].make(dice, self._tally.seed(dice))
                values.append(value)
                if dice.random() < 0.01:
                    at_ms = dice.choice(_STRANGE_LOG_TIMES)
            else:
                value, event = next(honest)
                values.append(value)
                good[place] = event["event_id"]
            times.append(at_ms)
        records = [
            FakeRecord(offset=self._offset + place, value=value, timestamp=at_ms)
            for place, (value, at_ms) in enumerate(zip(values, times, strict=True))
        ]
        before = int(self._source.shard.totals()[flow].events.sum())
        try:
            sent = self._source.process(flow, records)
        except Exception as error:  # noqa: BLE001  whatever it is, it would have ended the worker
            self._tally.miss(f"{flow}: {type(error).__name__}: {error}")
            self._begin()
            return hostile
        self._offset += size
        self._lived += size
        self._check(flow, records, good, [one for one in sent if one.topic == DEAD_LETTERS])
        counted = int(self._source.shard.totals()[flow].events.sum()) - before
        if counted < len(good):
            self._tally.miss(f"{flow}: {len(good)} good records, {counted} events counted")
        self._tally.given += hostile
        self._tally.good += len(good)
        return hostile

    def _good_events(self, flow: str, count: int) -> list[dict[str, Any]]:
        """Events that nobody has seen yet, of few accounts."""
        dice = self._dice
        found = []
        for event in dice.sample(self._events[flow], count):
            at_ms = NOON_MS + self._number - dice.randrange(60_000)
            name = str(uuid.UUID(int=dice.getrandbits(128)))
            found.append(event | {"event_id": name, "occurred_at": at_ms, "recorded_at": at_ms + 5})
        return found

    def _check(
        self,
        flow: str,
        records: Sequence[FakeRecord],
        good: dict[int, str],
        letters: Sequence[Outgoing],
    ) -> None:
        tally, decoded = self._tally, self._codec.last
        asked = list(range(len(records)))
        refused: dict[int, str] = {}
        for letter in letters:
            told = {name.rpartition(".")[2]: text.decode() for name, text in letter.headers}
            place = int(told["offset"]) - records[0].offset
            reason = dict(letter.headers)["__connect.errors.exception.class.name"].decode()
            if place in refused:
                tally.miss(f"{flow}: a record has two dead letters")
            refused[place] = reason
            if reason not in REASONS:
                tally.miss(f"{flow}: {reason} is no reason of the list")
            if letter.value != records[place].value:
                tally.miss(f"{flow}: a dead letter has other bytes than its record")
            tally.note(f"{reason}: {told['message']}", letter.value)
        if lost := good.keys() & refused.keys():
            tally.miss(f"{flow}: {len(lost)} good records were refused")
        if not asked:
            return
        read = {asked[row] for row in decoded.rows.tolist()}
        if read | refused.keys() != set(range(len(records))):
            tally.miss(f"{flow}: a record is neither an event nor a dead letter")
        self._check_events(flow, records, asked, good)

    @staticmethod
    def _asked(records: Sequence[FakeRecord]) -> list[int]:
        """The places of the records that the codec was given."""
        return [i for i, one in enumerate(records) if 0 < one.timestamp <= LATEST_TIME_MS]

    def _check_events(
        self, flow: str, records: Sequence[FakeRecord], asked: list[int], good: dict[int, str]
    ) -> None:
        decoded, tally = self._codec.last, self._tally
        version = SCHEMAS.of_flow(flow)
        found = set()
        for row, event in zip(
            decoded.rows.tolist(), decoded.frame.iter_rows(named=True), strict=True
        ):
            place = asked[row]
            if place in good:
                found.add(place)
                if event["event_id"] != good[place]:
                    tally.miss(f"{flow}: a good record was read as another")
                continue
            body = (records[place].value or b"")[SINGLE_OBJECT_BYTES:]
            tally.note("taken as an event")
            stream = io.BytesIO()
            fastavro.schemaless_writer(stream, version.plain, event)
            if stream.getvalue() != body:
                tally.miss(f"{flow}: a hostile record was read as what it does not say")
        if good.keys() - found:
            tally.miss(f"{flow}: {len(good.keys() - found)} good records were not read")


def _now(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event | {"occurred_at": NOON_MS - 9, "recorded_at": NOON_MS} for event in events]
