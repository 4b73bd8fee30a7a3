"""The region's watch and its processor: from cells to findings, through checkpoints."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from agents.account_cells import CELL
from agents.findings import Verdict, VerdictKind, read_finding
from agents.flow_minutes import FlowMinutes
from agents.flow_series import WIDTH
from agents.region_cells import ClosedAccountDays, RegionCell, encode_region_cell
from agents.region_processor import NOT_A_CELL, RegionProcessor
from agents.region_watch import RegionWatchParams
from streams.codec import SliceCodec
from streams.errors import StateError
from streams.own_records import RecordReader
from streams.schemas import Schemas
from streams.topics import DEAD_LETTERS, FINDINGS, REGION_CELLS
from tests.support.frames import NOON_MS
from tests.support.records import FakeRecord

if TYPE_CHECKING:
    from streams.processing import Outgoing

SCHEMAS = Schemas.load()
CODEC = SliceCodec(SCHEMAS)
READER = RecordReader(SCHEMAS)
FIRST_DAY = 20_340
GANG = 12


def processor(partitions: int = 2) -> RegionProcessor:
    return RegionProcessor(
        partition=0, codec=CODEC, params=RegionWatchParams(partitions=partitions)
    )


def day_of(number: int, *, gang: bool) -> np.ndarray:
    """Quiet cells of forty accounts; a gang's read strangers from one network."""
    rng = np.random.default_rng(number)
    cells = np.zeros(40, CELL)
    cells["account"] = np.arange(1, 41)
    cells["structure"] = np.arange(1, 41)
    cells["day"] = FIRST_DAY + number
    cells["patients"] = cells["known"] = rng.poisson(15, 40) + 5
    cells["unexplained"] = np.minimum(rng.poisson(2, 40), cells["patients"])
    cells["expected_patients"], cells["expected_share"] = 20.0, 0.12
    cells["network"][:, 0] = np.arange(101, 141)
    cells["network_patients"][:, 0] = cells["patients"]
    cells["network_unexplained"][:, 0] = cells["unexplained"]
    if gang:
        own = cells[:GANG]
        own["patients"] += 8
        own["known"] += 8
        own["unexplained"] += 8
        own["network"][:, 1] = 7
        own["network_patients"][:, 1] = 8
        own["network_unexplained"][:, 1] = 8
    return cells


def told(number: int, *, gang: bool = False) -> list[RegionCell]:
    """Both partitions have closed a day."""
    cells = day_of(number, gang=gang)
    return [
        ClosedAccountDays(0, FIRST_DAY + number + 1, cells[:20]),
        ClosedAccountDays(1, FIRST_DAY + number + 1, cells[20:]),
    ]


def feed(region: RegionProcessor, cells: list[RegionCell]) -> list[Outgoing]:
    start = region.applied(REGION_CELLS)
    records = [
        FakeRecord(offset=start + n, value=encode_region_cell(cell)) for n, cell in enumerate(cells)
    ]
    return list(region.process(REGION_CELLS, records))


def recovered(region: RegionProcessor) -> RegionProcessor:
    copy = processor()
    copy.recover({key: value for key, value in region.checkpoint().writes if value is not None})
    return copy


def test_a_gang_is_one_finding_however_often_cells_come_and_the_worker_restarts() -> None:
    region = processor()
    for number in range(20):
        assert feed(region, told(number)) == []
    sent = []
    for number in range(20, 24):
        region = recovered(region)
        sent += feed(region, [*told(number, gang=True), *told(number, gang=True)])

    findings = [read_finding(one.value, READER) for one in sent]
    assert {one.topic for one in sent} == {FINDINGS}
    assert len({one.finding_id for one in findings}) == 1
    assert findings[0].detector == "collusion"
    assert [one.revision for one in findings] == list(range(len(findings)))


def test_a_day_waits_for_every_partition_that_is_heard() -> None:
    region = processor()
    for number in range(20):
        feed(region, told(number))
    first, second = told(20, gang=True)

    assert feed(region, [first]) == []
    assert len(feed(region, [second])) == 1


def test_a_verdict_closes_a_group_s_finding() -> None:
    region = processor()
    for number in range(21):
        sent = feed(region, told(number, gang=number == 20))
    found = read_finding(sent[0].value, READER)
    verdict = Verdict(found.finding_id, VerdictKind.BENIGN, found.detected_at_ms + 1)
    closed = [read_finding(one.value, READER) for one in feed(region, [verdict])]

    assert [(one.finding_id, str(one.status)) for one in closed] == [(found.finding_id, "BENIGN")]


def test_what_is_no_cell_goes_to_the_dead_letters_with_its_reason() -> None:
    letters = processor().process(REGION_CELLS, [FakeRecord(offset=0, value=b"?")])

    assert [letter.topic for letter in letters] == [DEAD_LETTERS]
    assert NOT_A_CELL.encode() in dict(letters[0].headers).values()


def test_a_state_of_another_partition_count_is_refused_by_the_setting_s_name() -> None:
    region = processor()
    feed(region, [FlowMinutes(0, 60_000, {})])
    entries = {key: value for key, value in region.checkpoint().writes if value is not None}

    with pytest.raises(StateError, match="VIGIE_PARTITIONS"):
        processor(partitions=3).recover(entries)


def test_a_message_from_years_ahead_is_set_aside_and_judges_no_minute() -> None:
    region = processor(partitions=1)
    minute = NOON_MS // 60_000
    first = FlowMinutes(0, NOON_MS, {minute - 1: np.ones(WIDTH, np.uint32)})
    region.process(REGION_CELLS, [FakeRecord(0, encode_region_cell(first))])
    ahead = FlowMinutes(0, NOON_MS + 401 * 86_400_000, {})

    (letter,) = region.process(REGION_CELLS, [FakeRecord(1, encode_region_cell(ahead))])

    assert NOT_A_CELL.encode() in dict(letter.headers).values()
    assert region.watch.flows.judged_ms == NOON_MS


def test_the_state_of_the_format_before_in_which_no_verdict_waits_is_read() -> None:
    region = processor()
    feed(region, [FlowMinutes(0, NOON_MS, {})])
    ((key, value),) = region.checkpoint().writes[:1]
    assert value is not None
    header, none = zlib.decompress(value[17:]), b',"verdicts":[]'
    older = header.replace(b'"format":3', b'"format":2').replace(none, b" " * len(none))
    assert older.count(b'"format":2') == header.count(none) == 1
    body = zlib.compress(older)
    again = processor()
    again.recover({key: value[:13] + zlib.crc32(body).to_bytes(4, "little") + body})

    assert again.applied(REGION_CELLS) == 1


def test_a_changelog_that_vigie_never_wrote_is_refused_by_name() -> None:
    region = processor()
    region.process(REGION_CELLS, [FakeRecord(0, encode_region_cell(FlowMinutes(0, NOON_MS, {})))])
    ((key, value),) = region.checkpoint().writes[:1]
    assert value is not None
    body = zlib.compress(zlib.decompress(value[17:]).replace(b'"watch"', b'"wutch"'))
    forged = value[:13] + zlib.crc32(body).to_bytes(4, "little") + body

    with pytest.raises(StateError, match="damaged"):
        processor().recover({key: forged})
