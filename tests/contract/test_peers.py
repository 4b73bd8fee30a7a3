"""The benchmark's competitors are told to count what the worker counts, by four separate reckonings."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from agents.partition_watch import PartitionWatchParams
from agents.series import SeriesCodes
from agents.shard import Shard, ShardParams
from simulators.batches import BatchEncoder, in_windows
from simulators.traffic import RegionTraffic
from streams.codec import SliceCodec
from streams.columns import EventSlice
from streams.event_time import DAY_MS, HOUR_MS, paris_day
from streams.schemas import Schemas
from streams.settings import Settings
from streams.topics import FLOWS
from tests.benchmarks.peers import figures
from tests.benchmarks.peers.own import compare
from tests.benchmarks.peers.running import Measured, Sample, measured
from tests.benchmarks.peers.truth import Truth
from tests.benchmarks.peers.work import CHOSEN_BY, FIELDS, ParisDays, Result, Tally, readers
from tests.support.servers_process import ServerError

if TYPE_CHECKING:
    from simulators.recording import RecordedBatch

JAVA = Path(__file__).parents[1] / "benchmarks/peers/kafka_streams/src/main/java/vigie/peers"
SOME = Result(2, {(1, "f", "ES", "59"): 2}, {(0, "f", "s", "a"): 1})


@cache
def batches() -> list[RecordedBatch]:
    encoder = BatchEncoder(Schemas.load(), 5)
    traffic = RegionTraffic(5, 0.01).recorded(date(2025, 9, 8), 2)
    return [encoder.batch(tables) for tables in in_windows(traffic, HOUR_MS)]


@cache
def truth() -> Result:
    found = Truth()
    for batch in batches():
        found.add(batch.flow, batch.values)
    return found.result()


@cache
def worker_state() -> Shard:
    settings = Settings(kafka_bootstrap="nowhere:1")
    params = ShardParams(
        departments=settings.departments,
        allowed_lateness_ms=settings.allowed_lateness_ms,
        duplicate_ids_max=settings.duplicate_ids_max,
        clock_skew_ms=settings.clock_skew_ms,
        watch=PartitionWatchParams(),
    )
    shard, codec = Shard(params, SeriesCodes(params.departments)), SliceCodec(Schemas.load())
    for batch in batches():
        frame = codec.decode(batch.flow, batch.values).frame
        first = shard.next_offset(batch.flow)
        offsets = np.arange(first, first + frame.height)
        next_offset = first + frame.height
        shard.apply(EventSlice(batch.flow, frame, offsets, batch.recorded_ms, next_offset))
    shard.finish()
    return shard


def test_records_read_one_by_one_come_to_what_columns_come_to() -> None:
    tally, read = Tally(), readers()
    for batch in batches():
        for value in batch.values:
            tally.add(batch.flow, read[batch.flow](value))
    assert tally.result(sum(map(len, batches()))).difference(truth()) == ""
    assert len(truth().patients) > 100
    assert {flow for _, flow, _, _ in truth().minutes} == set(FLOWS)


def test_the_workers_state_comes_to_the_same() -> None:
    compared = compare([worker_state()], truth())
    assert compared.wrong == ""
    assert compared.cells > 1000
    assert compared.account_days > 50


@pytest.mark.parametrize("kind", ["minutes", "patients"])
def test_a_worker_that_missed_one_event_is_told_from_one_that_did_not(kind: str) -> None:
    counts = dict(getattr(truth(), kind))
    last = max(number for number, *_ in counts)
    counts[next(key for key in counts if key[0] == last)] += 1
    assert "differ" in compare([worker_state()], replace(truth(), **{kind: counts})).wrong


def test_local_days_are_those_of_the_core_also_where_the_clocks_change() -> None:
    days = ParisDays()
    start_ms = int(datetime(2025, 3, 29, tzinfo=UTC).timestamp() * 1000)
    for offset_ms in range(0, 3 * DAY_MS, HOUR_MS // 2):
        assert days.of(start_ms + offset_ms) == paris_day(start_ms + offset_ms)
    assert timedelta(days=days.of(start_ms)) == datetime(2025, 3, 29) - datetime(1970, 1, 1)  # noqa: DTZ001 (dates)


def test_a_record_of_another_schema_is_no_record() -> None:
    values = {batch.flow: batch.values[0] for batch in batches()}
    with pytest.raises(ValueError, match="another schema"):
        readers()["insi-calls"](values["mss-messages"])


def test_the_java_topology_reads_the_same_fields_of_the_same_flows() -> None:
    events = (JAVA / "Events.java").read_text()
    quoted = ", ".join(f'"{name}"' for name in FIELDS)
    assert quoted in " ".join(events.split())
    assert ", ".join(f'"{flow}"' for flow in FLOWS) in " ".join(events.split())
    for name in CHOSEN_BY.values():
        assert f'"{name}"' in events


def test_a_result_survives_its_file(tmp_path: Path) -> None:
    SOME.write(tmp_path / "result.json")
    assert Result.read(tmp_path / "result.json") == SOME


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (replace(SOME, events=3), "2 events, not 3"),
        (replace(SOME, minutes={(1, "f", "ES", "62"): 2}), "2 of 1 minutes differ"),
        (replace(SOME, patients={}), "1 of 0 patients differ"),
    ],
)
def test_results_that_differ_say_in_what(other: Result, said: str) -> None:
    assert SOME.difference(other) == said
    assert SOME.difference(SOME) == ""


def run(per_second: float, wrong: str = "") -> Measured:
    return Measured(per_second, 1e6 / per_second, 1, wrong)


def judged(own: list[Measured], name: str, theirs: list[Measured]) -> list[figures.Figures]:
    return figures.figures_of({figures.WORKER: own, figures.COUNTING: own, name: theirs})


def test_the_ratio_is_the_median_of_the_rounds_ratios() -> None:
    own, loop = [run(130), run(65), run(260)], [run(100), run(50), run(100)]
    found = judged(own, figures.LOOP, loop)
    assert [one.ratio for one in found] == [1.0, 1.0, pytest.approx(1.3)]
    assert figures.missed(found) == []


def test_a_target_that_is_missed_is_told() -> None:
    found = judged([run(99)], figures.STREAMS, [run(100)])
    assert figures.missed(found) == [
        "Kafka Streams: the worker takes 0.99 times as many events, not 1"
    ]


def test_whoever_counts_wrong_is_told_however_slow() -> None:
    found = judged([run(100)], figures.STREAMS, [run(1, "1 of 2 minutes differ")])
    assert figures.missed(found) == ["Kafka Streams: 1 of 2 minutes differ"]


def test_neither_the_start_nor_the_end_of_a_run_is_timed() -> None:
    at = [(0, 0), (10, 300), (11, 600), (12, 950), (20, 1000)]
    samples = [Sample(at_s, at_s / 2, 7, events) for at_s, events in at]
    assert measured("x", samples, 1000) == Measured(325.0, 1e6 / 650, 7, "")
    with pytest.raises(ServerError, match="too few events"):
        measured("x", samples[:2], 1000)
