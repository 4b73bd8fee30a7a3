import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import fastavro
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators import recording as recording_module
from simulators.container import Container, ContainerWriter
from simulators.recording import (
    LABELS_FILE,
    Recording,
    SimulationSummary,
    recording_file,
    simulate_to_directory,
)
from simulators.traffic import RegionTraffic
from streams.errors import InputError
from streams.schemas import Schemas
from streams.topics import FLOWS, INSI_CALLS, MSS_MESSAGES, PLATFORM_ACCESSES

SCHEMAS = Schemas.load()
START = date(2025, 9, 1)
HOUR_MS = 3_600_000


def simulate(directory: Path, **changed: Any) -> SimulationSummary:
    arguments = {"directory": directory, "start": START, "days": 2, "seed": 1, "scale": 0.01}
    return simulate_to_directory(**{**arguments, **changed})


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("recorded") / "region"
    simulate(directory)
    return directory


def plain_records(path: Path) -> list[dict[str, Any]]:
    version = SCHEMAS.of_flow(path.stem)
    with path.open("rb") as file:
        records = list(fastavro.reader(file, version.plain))
    for record in records:
        for name in ("occurred_at", "recorded_at"):
            if not isinstance(record[name], int):
                record[name] = round(record[name].timestamp() * 1000)
    return records


def test_a_recording_is_a_container_per_flow_and_labels(recorded: Path) -> None:
    names = {f"{flow}.avro" for flow in FLOWS} | {LABELS_FILE}

    assert {path.name for path in recorded.iterdir()} == names
    assert (recorded / LABELS_FILE).read_bytes() == b""


def test_the_summary_counts_what_the_files_hold(tmp_path: Path) -> None:
    told: list[int] = []
    summary = simulate(tmp_path / "region", progress=told.append)
    recording = Recording(tmp_path / "region")

    assert summary.events == {flow: recording.total_records(flow) for flow in FLOWS}
    assert summary.total == recording.total_records() == sum(told) > 1_000


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    tmp_path: Path, recorded: Path
) -> None:
    simulate(tmp_path / "again")
    simulate(tmp_path / "other", seed=2)

    for flow in FLOWS:
        first = recording_file(recorded, flow).read_bytes()
        assert recording_file(tmp_path / "again", flow).read_bytes() == first
        assert recording_file(tmp_path / "other", flow).read_bytes() != first


@pytest.mark.parametrize("flow", FLOWS)
def test_frames_hold_what_fastavro_reads(recorded: Path, flow: str) -> None:
    frame = pl.concat(Recording(recorded).frames(flow))

    assert dict(frame.schema) == SCHEMAS.frame_schema(flow)
    assert frame.to_dicts() == plain_records(recording_file(recorded, flow))


def test_batches_hold_every_body_behind_its_wire_header(recorded: Path) -> None:
    found: dict[str, list[bytes]] = {flow: [] for flow in FLOWS}
    for batch in Recording(recorded).batches():
        assert len(batch.keys) == len(batch.values) == len(batch.recorded_ms)
        found[batch.flow] += batch.values

    for flow, values in found.items():
        version = SCHEMAS.of_flow(flow)
        assert {value[:10] for value in values} == {b"\xc3\x01" + version.fingerprint}
        decoded = [
            fastavro.schemaless_reader(io.BytesIO(value[10:]), version.plain, None)
            for value in values
        ]
        assert decoded == plain_records(recording_file(recorded, flow))


def test_a_batchs_keys_and_times_are_its_events_own(recorded: Path) -> None:
    version = SCHEMAS.of_flow(INSI_CALLS)
    batch = next(b for b in Recording(recorded).batches() if b.flow == INSI_CALLS)

    for key, value, at_ms in zip(batch.keys, batch.values, batch.recorded_ms, strict=True):
        record = fastavro.schemaless_reader(io.BytesIO(value[10:]), version.plain, None)
        assert (record["structure_pid"].encode(), record["recorded_at"]) == (key, at_ms)


@pytest.mark.parametrize("shift_ms", [86_400_000, -3_000, 10**13])
def test_a_shift_moves_both_times_and_nothing_else(recorded: Path, shift_ms: int) -> None:
    version = SCHEMAS.of_flow(MSS_MESSAGES)
    recording = Recording(recorded)
    pairs = zip(recording.batches(), recording.batches(shift_ms=shift_ms), strict=True)
    plain, moved = next((a, b) for a, b in pairs if a.flow == MSS_MESSAGES)

    assert (moved.recorded_ms - plain.recorded_ms).tolist() == [shift_ms] * len(plain)
    for before, after in zip(plain.values, moved.values, strict=True):
        stream = io.BytesIO(after[10:])
        record = fastavro.schemaless_reader(stream, version.plain, None)
        assert stream.tell() == len(after) - 10
        original = fastavro.schemaless_reader(io.BytesIO(before[10:]), version.plain, None)
        original["occurred_at"] += shift_ms
        original["recorded_at"] += shift_ms
        assert record == original


def test_merged_frames_give_every_flows_hour_before_the_next_hour(recorded: Path) -> None:
    hours, rows = [], dict.fromkeys(FLOWS, 0)
    for flow, frame in Recording(recorded).merged_frames():
        hour = frame["recorded_at"] // HOUR_MS
        assert hour.min() == hour.max()
        hours.append(hour[0])
        rows[flow] += frame.height

    assert hours == sorted(hours)
    assert rows == {flow: Recording(recorded).total_records(flow) for flow in FLOWS}


def write_container(path: Path, records: list[dict[str, Any]], **options: Any) -> None:
    version = SCHEMAS.of_flow(path.stem)
    with path.open("wb") as file:
        fastavro.writer(file, version.plain, records, **options)


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_containers_of_others_are_read_and_may_be_out_of_order(
    recorded: Path, tmp_path: Path, codec: str
) -> None:
    records = plain_records(recording_file(recorded, PLATFORM_ACCESSES))[::-1]
    write_container(
        recording_file(tmp_path, PLATFORM_ACCESSES), records, codec=codec, sync_interval=900
    )
    recording = Recording(tmp_path)

    assert recording.flows == (PLATFORM_ACCESSES,)
    assert recording.first_recorded_ms() <= max(r["recorded_at"] for r in records)
    frames = [frame for _, frame in recording.merged_frames()]
    assert sum(frame.height for frame in frames) == len(records)
    assert {row["event_id"] for frame in frames for row in frame.to_dicts()} == {
        record["event_id"] for record in records
    }


def overlong(value: int) -> bytes:
    """A varint in one byte more than it needs: legal, and written by nobody."""
    rest = value << 1
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*out, rest | 0x80, 0])


def test_a_block_in_an_unusual_form_is_read_record_by_record(
    recorded: Path, tmp_path: Path
) -> None:
    version = SCHEMAS.of_flow(INSI_CALLS)
    records = plain_records(recording_file(recorded, INSI_CALLS))[:3]
    bodies = []
    for record in records:
        body = io.BytesIO()
        fastavro.schemaless_writer(body, version.plain, record)
        plain = body.getvalue()
        bodies.append(plain[:37] + overlong(record["occurred_at"]) + plain[43:])
    with ContainerWriter(recording_file(tmp_path, INSI_CALLS), version.schema, b"s" * 16) as writer:
        writer.write_block(3, b"".join(bodies))
        writer.complete()
    recording = Recording(tmp_path)

    assert pl.concat(recording.frames(INSI_CALLS)).to_dicts() == records
    values = [value for batch in recording.batches(shift_ms=1_000) for value in batch.values]
    for value, record in zip(values, records, strict=True):
        moved = fastavro.schemaless_reader(io.BytesIO(value[10:]), version.plain, None)
        assert moved["occurred_at"] == record["occurred_at"] + 1_000
        assert moved["latency_ms"] == record["latency_ms"]


def older(flow: str) -> dict[str, Any]:
    """The record before one of its defaulted fields and one of its symbols came."""
    schema = json.loads(json.dumps(SCHEMAS.of_flow(flow).schema))
    schema["fields"] = [f for f in schema["fields"] if f["name"] != "batch_size"]
    for field in schema["fields"]:
        if field["name"] == "operation":
            field["type"]["symbols"] = [*field["type"]["symbols"][::-1], "LATER"]
    return schema


def test_an_older_writers_file_takes_the_readers_defaults_and_symbols(
    recorded: Path, tmp_path: Path
) -> None:
    records = plain_records(recording_file(recorded, INSI_CALLS))[:40]
    records[0]["operation"] = "LATER"
    with recording_file(tmp_path, INSI_CALLS).open("wb") as file:
        fastavro.writer(file, older(INSI_CALLS), records)
    frame = pl.concat(Recording(tmp_path).frames(INSI_CALLS))

    assert frame["batch_size"].to_list() == [1] * 40
    assert frame["operation"].to_list() == ["UNKNOWN", *(r["operation"] for r in records[1:])]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere: no such folder"):
        Recording(tmp_path / "nowhere")


def test_a_folder_without_a_flow_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"{tmp_path.name}: holds no recording"):
        Recording(tmp_path)


def test_a_file_of_another_record_is_named(recorded: Path, tmp_path: Path) -> None:
    recording_file(tmp_path, INSI_CALLS).write_bytes(
        recording_file(recorded, MSS_MESSAGES).read_bytes()
    )

    with pytest.raises(
        InputError, match=r"insi-calls\.avro: holds records MssMessage, not InsiCall"
    ):
        Recording(tmp_path)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is not an Avro container file"),
        (b"not avro at all", "is not an Avro container file"),
        (b"Obj\x01\x02", "header is cut short"),
    ],
)
def test_a_file_that_is_no_container_is_named(tmp_path: Path, content: bytes, what: str) -> None:
    recording_file(tmp_path, INSI_CALLS).write_bytes(content)

    with pytest.raises(InputError, match=rf"insi-calls\.avro: {what}"):
        Recording(tmp_path)


def broken_at(recorded: Path, tmp_path: Path, change: Any) -> Recording:
    data = bytearray(recording_file(recorded, INSI_CALLS).read_bytes())
    block = next(Container(recording_file(recorded, INSI_CALLS)).blocks())
    recording_file(tmp_path, INSI_CALLS).write_bytes(bytes(change(data, block)))
    return Recording(tmp_path)


def cut(data: bytearray, block: Any) -> bytearray:
    return data[: block.data_at + 500]


def unmarked(data: bytearray, block: Any) -> bytearray:
    data[block.data_at + block.size] ^= 0xFF
    return data


def poisoned(data: bytearray, block: Any) -> bytearray:
    data[block.data_at] = 0x7F  # the first event_id claims to be negative in length
    return data


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (cut, "is cut short"),
        (unmarked, "does not end with the sync marker"),
        (poisoned, r"has a broken record \(number 1\)"),
    ],
)
def test_a_broken_block_is_named_with_its_position(
    recorded: Path, tmp_path: Path, change: Any, what: str
) -> None:
    recording = broken_at(recorded, tmp_path, change)

    with pytest.raises(InputError, match=rf"insi-calls\.avro: block 1 at byte \d+ {what}"):
        list(recording.frames(INSI_CALLS))


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_a_mutated_file_is_read_whole_or_refused_and_never_anything_else(
    recorded_once: bytes, mutated: Path, data: st.DataObject
) -> None:
    content = bytearray(recorded_once)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    recording_file(mutated, INSI_CALLS).write_bytes(bytes(content))
    try:
        recording = Recording(mutated)
        total = recording.total_records()
        rows = sum(frame.height for frame in recording.frames(INSI_CALLS))
    except InputError as error:
        assert "insi-calls.avro" in str(error)  # noqa: PT017 (either outcome is right)
    else:
        assert rows == total


@pytest.fixture(scope="module")
def mutated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mutated")


@pytest.fixture(scope="module")
def recorded_once(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = recording_file(tmp_path_factory.mktemp("once"), INSI_CALLS)
    write_container(path, plain_records(recording_file(recorded, INSI_CALLS))[:12])
    return path.read_bytes()


def test_a_recording_is_never_overwritten(recorded: Path) -> None:
    before = recording_file(recorded, INSI_CALLS).read_bytes()

    with pytest.raises(InputError, match="a recording is never overwritten"):
        simulate(recorded)
    assert recording_file(recorded, INSI_CALLS).read_bytes() == before


def test_a_file_in_the_folders_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "region").write_text("")

    with pytest.raises(InputError, match="region: is not a folder"):
        simulate(tmp_path / "region")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(InputError, match="cannot be written"):
        simulate(tmp_path / "file" / "region")


@pytest.mark.parametrize("days", [0, -3])
def test_fewer_than_one_day_is_refused(tmp_path: Path, days: int) -> None:
    with pytest.raises(InputError, match="days: must be at least 1"):
        simulate(tmp_path / "region", days=days)


def test_years_beyond_the_zones_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="start:"):
        simulate(tmp_path / "region", start=date(2038, 6, 1))


@pytest.mark.parametrize("failing_day", [1, 2])
def test_a_simulation_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing_day: int
) -> None:
    class Failing(RegionTraffic):
        def recorded(self, *args: Any, **kwargs: Any) -> Any:
            for number, tables in enumerate(super().recorded(*args, **kwargs), start=1):
                if number == failing_day:
                    raise RuntimeError("interrupted")
                yield tables

    monkeypatch.setattr(recording_module, "RegionTraffic", Failing)

    with pytest.raises(RuntimeError, match="interrupted"):
        simulate(tmp_path / "region")
    assert list((tmp_path / "region").iterdir()) == []


def test_a_failure_while_files_get_their_names_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete = ContainerWriter.complete

    def fail_on_the_third(self: ContainerWriter) -> None:
        if self.path.stem == FLOWS[2]:
            raise OSError(28, "No space left on device")
        complete(self)

    monkeypatch.setattr(ContainerWriter, "complete", fail_on_the_third)

    with pytest.raises(InputError, match="No space left on device"):
        simulate(tmp_path / "region")
    assert list((tmp_path / "region").iterdir()) == []
