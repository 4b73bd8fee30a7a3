from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from agents.region_usage import RegionUsage
from agents.series import SeriesCodes
from agents.source import EVENT_TIME_AHEAD, LOG_TIME_ABSURD, SourceProcessor
from agents.usages import UsageRow
from streams.codec import SliceCodec
from streams.own_records import RecordReader
from streams.schemas import Schemas
from streams.topics import (
    ACTIVITY_COUNTS,
    ACTIVITY_MARKS,
    DEAD_LETTERS,
    INSI_CALLS,
    MSS_MESSAGES,
)
from tests.support.frames import NOON_MS, PARAMS
from tests.support.records import FakeRecord

if TYPE_CHECKING:
    from streams.processing import Outgoing

SCHEMAS = Schemas.load()
CODEC = SliceCodec(SCHEMAS)
READER = RecordReader(SCHEMAS)
CODES = SeriesCodes(PARAMS.departments)


def processor(**changes: Any) -> SourceProcessor:
    return SourceProcessor(
        partition=3,
        codec=CODEC,
        reader=READER,
        params=replace(PARAMS, **changes),
        codes=CODES,
        mark_partitions=4,
    )


def call(number: int, **changes: Any) -> bytes:
    row = {
        "event_id": str(uuid.UUID(int=number)),
        "occurred_at": NOON_MS + number,
        "recorded_at": NOON_MS + number,
        "source_system": "test",
        "sector": "PSL",
        "couloir": "OFFICINE",
        "department": "59",
        "structure_pid": "st_1",
        "actor_pid": f"ac_{number}",
        "outcome": "SUCCESS",
        "outcome_code": "R00",
        "key_id": "k1",
        **changes,
    }
    return CODEC.encode(INSI_CALLS, [row])[0]


def records(*values: bytes | None, first: int = 0) -> list[FakeRecord]:
    return [FakeRecord(offset=first + i, value=value) for i, value in enumerate(values)]


def headers(letter: Outgoing) -> dict[str, str]:
    return {name.removeprefix("__connect.errors."): text.decode() for name, text in letter.headers}


def test_good_events_are_counted_and_their_accounts_marked() -> None:
    source = processor()

    sent = source.process(INSI_CALLS, records(*(call(n) for n in range(20))))

    assert {message.topic for message in sent} == {ACTIVITY_MARKS}
    assert len({message.partition for message in sent}) > 1
    assert int(source.shard.totals()[INSI_CALLS].events.sum()) == 20


def test_a_bad_record_is_a_dead_letter_with_its_bytes_origin_and_reason() -> None:
    source = processor()
    bad = call(1)[:-2]

    sent = source.process(INSI_CALLS, records(call(0), bad, call(2), first=40))

    (letter,) = [message for message in sent if message.topic == DEAD_LETTERS]
    assert (letter.key, letter.value) == (b"st_1", bad)
    assert headers(letter)["topic"] == INSI_CALLS
    assert headers(letter)["partition"] == "3"
    assert headers(letter)["offset"] == "41"
    assert headers(letter)["exception.class.name"] == "TRUNCATED"
    totals = source.shard.totals()[INSI_CALLS]
    assert int(totals.events.sum()) == 2
    assert totals.dead_letters == {"TRUNCATED": 1}


def test_a_slice_of_nothing_but_dead_letters_still_moves_on() -> None:
    source = processor()
    source.process(INSI_CALLS, records(b"", None, first=7))

    assert source.applied(INSI_CALLS) == 9


def test_a_clock_that_runs_ahead_of_kafka_is_a_dead_letter() -> None:
    source = processor(clock_skew_ms=1000)
    ahead = call(5, occurred_at=NOON_MS + 1001, recorded_at=NOON_MS)

    sent = source.process(INSI_CALLS, records(call(0), ahead))

    (letter,) = [message for message in sent if message.topic == DEAD_LETTERS]
    assert headers(letter)["exception.class.name"] == EVENT_TIME_AHEAD
    assert headers(letter)["offset"] == "1"


def test_replayed_offsets_are_skipped_before_they_are_decoded() -> None:
    source = processor()
    values = [call(n) for n in range(6)]
    source.process(INSI_CALLS, records(*values[:4]))

    sent = source.process(INSI_CALLS, records(*values))

    assert int(source.shard.totals()[INSI_CALLS].events.sum()) == 6
    assert source.shard.totals()[INSI_CALLS].duplicates == 0
    assert sent
    assert source.process(INSI_CALLS, records(*values)) == ()


def test_flows_have_offsets_of_their_own() -> None:
    source = processor()
    source.process(INSI_CALLS, records(call(0), call(1)))

    assert (source.applied(INSI_CALLS), source.applied(MSS_MESSAGES)) == (2, 0)


def test_totals_are_public_only_once_they_are_durable() -> None:
    source = processor()
    source.process(INSI_CALLS, records(call(0)))
    first = source.checkpoint()
    source.process(INSI_CALLS, records(call(1), first=1))

    assert int(source.durable[INSI_CALLS].events.sum()) == 0
    source.confirm(first.token)
    assert int(source.durable[INSI_CALLS].events.sum()) == 1


def test_what_structures_did_travels_once_the_partition_has_caught_up() -> None:
    source, region = processor(), RegionUsage()
    source.process(INSI_CALLS, records(*(call(n) for n in range(20))))
    source.process(INSI_CALLS, records(*(call(n) for n in range(20))))

    (part,) = source.pass_time({INSI_CALLS: NOON_MS + 60_000})
    assert (part.topic, part.partition) == (ACTIVITY_COUNTS, 0)
    region.take(part.key, part.value)
    (month,) = region.months()
    assert UsageRow("INSI_CALL", "OFFICINE", "59", 1, 20) in region.rows(month)


def test_a_recovered_processor_goes_on_where_the_checkpoint_was() -> None:
    source, copy = processor(), processor()
    source.process(INSI_CALLS, records(call(0), call(1)))
    writes = source.checkpoint().writes

    copy.recover({key: value for key, value in writes if value is not None})
    copy.process(INSI_CALLS, records(call(0), call(1), call(2), call(1)))

    totals = copy.shard.totals()[INSI_CALLS]
    assert (int(totals.events.sum()), totals.duplicates) == (3, 1)
    assert int(copy.durable[INSI_CALLS].events.sum()) == 2


def test_a_state_of_other_departments_is_refused_by_the_setting_s_name() -> None:
    source = processor()
    source.process(INSI_CALLS, records(call(0)))
    entries = {k: v for k, v in source.checkpoint().writes if v is not None}

    with pytest.raises(Exception, match="VIGIE_DEPARTMENTS"):
        SourceProcessor(
            partition=3,
            codec=CODEC,
            reader=READER,
            params=replace(PARAMS, departments=("75",)),
            codes=SeriesCodes(("75",)),
            mark_partitions=4,
        ).recover(entries)


def test_what_was_counted_is_told_with_its_event_times() -> None:
    told: list[tuple[str, list[int]]] = []
    source = SourceProcessor(
        partition=0,
        codec=CODEC,
        reader=READER,
        params=PARAMS,
        codes=CODES,
        mark_partitions=1,
        counted=lambda flow, times: told.append((flow, times.tolist())),
    )
    source.process(INSI_CALLS, records(call(0), b"bad", call(0), call(3)))

    assert told == [(INSI_CALLS, [NOON_MS, NOON_MS + 3])]


@pytest.mark.parametrize("log_ms", [-1, 0, 4_102_444_800_001, 2**62, 2**63 - 1])
def test_a_record_with_an_absurd_kafka_time_is_a_dead_letter_and_holds_nobody_up(
    log_ms: int,
) -> None:
    source = processor()
    several = [
        *records(call(0)),
        FakeRecord(1, call(1), timestamp=log_ms),
        *records(call(2), first=2),
    ]

    sent = source.process(INSI_CALLS, several)

    (letter,) = [message for message in sent if message.topic == DEAD_LETTERS]
    assert headers(letter)["exception.class.name"] in {LOG_TIME_ABSURD, EVENT_TIME_AHEAD}
    assert int(source.shard.totals()[INSI_CALLS].events.sum()) == 2
