"""Vigie's own topics, each with good records and the reader that takes them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson

from agents.account_cells import CELL
from agents.activity import ActivityMarker, split_marks
from agents.box_pressure import BoxCounts
from agents.findings import (
    Severity,
    Verdict,
    VerdictKind,
    finding_bytes,
    read_finding,
    verdict_bytes,
)
from agents.findings_view import FindingsView
from agents.flow_minutes import FlowMinutes
from agents.flow_series import WIDTH
from agents.objectives.declared import Declaration, declaration_bytes, read_declaration
from agents.objectives.loading import load_objectives
from agents.objectives.view import ObjectivesView
from agents.partition_watch import PartitionWatchParams
from agents.region import ActivityProcessor, RegionCounts
from agents.region_cells import ClosedAccountDays, encode_region_cell, read_region_cell
from agents.region_processor import RegionProcessor
from agents.region_usage import RegionUsage, UsagePart, encode_usage_part
from agents.region_watch import RegionWatchParams
from agents.series import SeriesCodes
from agents.source import SourceProcessor
from agents.usages import USAGES, UsageRow
from metrics.live import feed
from metrics.objectives import document
from streams.codec import SliceCodec
from streams.commands.findings_output import document as finding_document
from streams.commands.findings_output import line_of
from streams.errors import StateError
from streams.event_time import DAY_MS, date_of_day
from streams.own_records import RecordReader
from streams.topics import (
    ACTIVITY_MARKS,
    DEAD_LETTERS,
    INSI_CALLS,
    REGION_CELLS,
    VERDICTS,
)
from tests.support.avro_events import SCHEMAS
from tests.support.findings import finding
from tests.support.frames import NOON_MS, PARAMS, Event, frame_of
from tests.support.page_server import account_history
from tests.support.records import FakeRecord

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from metrics.views import FindingDetail

CODEC: Final = SliceCodec(SCHEMAS)
READER: Final = RecordReader(SCHEMAS)
CODES: Final = SeriesCodes(PARAMS.departments)
DEPARTMENTS: Final = ("02", "59", "60", "62", "80")


class OwnTopic(ABC):
    """One of Vigie's topics: good values of it, whoever reads it, and what was read.

    Attributes:
        name: for the tally.
        values: good ones, in an order in which all of them count.
    """

    name = ""
    values: Sequence[bytes] = ()

    @abstractmethod
    def fresh(self) -> None:
        """Begin with a new reader."""

    @abstractmethod
    def give(self, records: Sequence[FakeRecord]) -> int:
        """Hand records over and use all that came of them; how many were set aside."""

    def key(self, dice: random.Random) -> bytes | None:
        """A record's key."""
        del dice
        return b"st_1"


class Findings(OwnTopic):
    """What the page, the alerts and the command show."""

    name = "findings"

    def __init__(self) -> None:
        history = account_history(NOON_MS)
        self.values = [
            finding_bytes(
                finding(finding_id=f"f-{n}", severity=list(Severity)[n % 5], history=history), CODEC
            )
            for n in range(12)
        ]

    def fresh(self) -> None:
        self._view = FindingsView(lambda value: read_finding(value, READER), lambda: 0)

    def give(self, records: Sequence[FakeRecord]) -> int:
        view = self._view
        before = view.unreadable
        view.take(0, records)
        orjson.dumps(feed(view))
        for row in view.rows(64):
            detail = view.detail(row.finding_id)
            assert detail is not None
            orjson.dumps(shown(detail))
            one = view.named(row.finding_id)
            assert one is not None
            finding_document(one)
            line_of(one)
        for alert in view.alerts(Severity.LOW):
            str(alert)
        return view.unreadable - before


def shown(detail: FindingDetail) -> dict[str, Any]:
    """A finding as its page has it."""
    history = detail.history._asdict() | {
        "points": [one._asdict() for one in detail.history.points]
    }
    return {
        "finding": detail.finding._asdict(),
        "history": history,
        "timeline": [row._asdict() for row in detail.timeline],
        "related": [row._asdict() for row in detail.related],
    }


class Declarations(OwnTopic):
    """What the objectives are held against."""

    name = "declarations"

    def __init__(self) -> None:
        objectives = load_objectives("", DEPARTMENTS)
        assert objectives is not None
        self._objectives = objectives
        day = date_of_day(20_000)
        names = [
            name
            for name, one in objectives.grounds.registry.objectives.items()
            if one.measure is None
        ]
        several = [
            Declaration(
                indicator=name,
                as_of=day,
                numerator=3,
                denominator=9,
                source="essai",
                declared_at_ms=1,
            )
            for name in names[:12]
        ]
        self.values = declaration_bytes(several, CODEC)

    def fresh(self) -> None:
        self._view = ObjectivesView(
            objectives=self._objectives,
            usage=RegionUsage(),
            read=lambda value: read_declaration(value, READER),
            is_at_end=lambda: True,
            clock=lambda wall_ms: wall_ms,
            departments=DEPARTMENTS,
            small_cell_min=5,
        )
        self._asked = 0

    def give(self, records: Sequence[FakeRecord]) -> int:
        before = self._view.unreadable
        self._view.take(0, records)
        self._asked += 1
        if self._asked % 16 == 1:  # evaluating all objectives takes some milliseconds
            orjson.dumps(document(self._view, NOON_MS))
        return self._view.unreadable - before + sum(not one.value for one in records)


class Verdicts(OwnTopic):
    """What the partition of an account is told by analysts."""

    name = "verdicts"
    topic = VERDICTS

    def __init__(self) -> None:
        base = Verdict(
            finding_id="f-1",
            verdict=VerdictKind.CONFIRMED,
            judged_at_ms=NOON_MS,
            structure_pid="st_1",
            actor_pid="ac_1",
            compromised_since_ms=NOON_MS - 86_400_000,
        )
        several = [replace(base, finding_id=f"f-{n}") for n in range(8)]
        several += [Verdict("f-9", VerdictKind.BENIGN, NOON_MS)]
        self.values = [verdict_bytes(one, CODEC) for one in several]

    def fresh(self) -> None:
        params = replace(PARAMS, watch=PartitionWatchParams())
        self._processor: Any = SourceProcessor(
            partition=0, codec=CODEC, reader=READER, params=params, codes=CODES, mark_partitions=4
        )

    def give(self, records: Sequence[FakeRecord]) -> int:
        sent = self._processor.process(self.topic, records)
        self._processor.pass_time({INSI_CALLS: records[-1].timestamp})
        self._processor.checkpoint()
        return sum(one.topic == DEAD_LETTERS for one in sent)


class Marks(Verdicts):
    """Who was active, as source partitions say."""

    name = "activity-marks"
    topic = ACTIVITY_MARKS

    def __init__(self) -> None:
        frame = frame_of([Event(number=n, actor=f"ac_{n}") for n in range(40)])
        marks = ActivityMarker().marks(INSI_CALLS, frame, np.ones(40, np.int64))
        self.values = [value for _, value in split_marks(marks, 4)]

    def fresh(self) -> None:
        self._processor = ActivityProcessor(partition=0)


class Cells(Verdicts):
    """What the region's watch is told."""

    name = "region-cells"
    topic = REGION_CELLS

    def __init__(self) -> None:
        minute = NOON_MS // 60_000
        counts = np.zeros(WIDTH, np.uint32)
        counts[5] = 9
        cells = np.zeros(3, CELL)
        cells["account"], cells["day"] = [4, 5, 6], 20_000
        several = [
            FlowMinutes(0, NOON_MS, {minute: counts}),
            FlowMinutes(1, NOON_MS, {minute: counts, minute - 1: counts}),
            ClosedAccountDays(0, 20_001, cells),
            BoxCounts(1, NOON_MS, {(NOON_MS // 900_000, 99): (30, 2)}),
            Verdict("f-9", VerdictKind.BENIGN, NOON_MS),
        ]
        self.values = [encode_region_cell(one) for one in several]

    def fresh(self) -> None:
        self._processor = RegionProcessor(
            partition=0, codec=CODEC, params=RegionWatchParams(partitions=2)
        )

    def give(self, records: Sequence[FakeRecord]) -> int:
        return super().give([replace(one, value=_no_long_night(one.value)) for one in records])


def _no_long_night(value: bytes | None) -> bytes | None:
    """Whatever lies hours to 400 days beside the others is judged minute by minute, at two milliseconds
    each, as it must be after a long night: such messages are left to the tests of the flows."""
    try:
        cell = read_region_cell(value)
    except StateError:
        return value
    if not isinstance(cell, FlowMinutes):
        return value
    told = [cell.heard_ms, *(60_000 * minute for minute in (*cell.minutes, *cell.seconds))]
    is_long = any(10 * 60_000 < abs(at_ms - NOON_MS) < 500 * DAY_MS for at_ms in told)
    return b"" if is_long else value


class Counts(OwnTopic):
    """The region's counts, of active subjects and of usages."""

    name = "activity-counts"

    def __init__(self) -> None:
        marked = ActivityProcessor(partition=3)
        sent = marked.process(
            ACTIVITY_MARKS, [FakeRecord(n, value) for n, value in enumerate(Marks().values)]
        )
        rows = tuple(UsageRow(usage, "OFFICINE", "59", 7, 30) for usage in list(USAGES)[:3])
        self._keyed = [(one.key, one.value) for one in sent if one.value is not None]
        self._keyed.append(encode_usage_part(UsagePart(2, 2025 * 12 + 8, rows)))
        self.values = [value for _, value in self._keyed]
        self._keys = [
            *(key for key, _ in self._keyed),
            *(b"9" * 5000, b"usage/99999/999999", b"usage/1/0", b"\xff", b"", b"\xd9\xa1", None),
        ]

    def fresh(self) -> None:
        self._counts, self._usage = RegionCounts(), RegionUsage()

    def key(self, dice: random.Random) -> bytes | None:
        return dice.choice(self._keys)

    def give(self, records: Sequence[FakeRecord]) -> int:
        for record in records:
            self._counts.take(record.key, record.value)
            self._usage.take(record.key, record.value)
        self._counts.month(1, 2025 * 12 + 8)
        self._counts.day(1, 20_000)
        for month in self._usage.months():
            self._usage.rows(month)
        return len(records)
