from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import fastavro
import orjson
import pytest

from agents.finding_history import POINTS_MAX, FindingHistory, HistoryMeasure
from agents.findings import (
    Finding,
    FindingStatus,
    Severity,
    Verdict,
    VerdictKind,
    finding_bytes,
    newest_of,
    read_finding,
    read_verdict,
    verdict_bytes,
)
from streams.codec import SliceCodec
from streams.commands.findings_source import read_file
from streams.errors import EncodeError
from streams.own_records import RecordReader
from streams.recordwise import BadRecordError, RejectReason
from streams.wire import SINGLE_OBJECT_BYTES, confluent_header, single_object_header
from tests.support.avro_events import SCHEMAS

if TYPE_CHECKING:
    from pathlib import Path

    from streams.registry import Registry

CODEC = SliceCodec(SCHEMAS)
READER = RecordReader(SCHEMAS)

FINDING = Finding(
    finding_id="9b1c0de0-0000-5000-8000-000000000006",
    detector="tail",
    severity=Severity.HIGH,
    detected_at_ms=1_758_016_800_123,
    window_start_ms=1_758_013_200_000,
    window_end_ms=1_758_016_800_123,
    flow="platform-accesses",
    sector="PSL",
    structure_pid="a1",
    actor_pid=None,
    score=0.97,
    reasons=("412 patients",),
    evidence={"patients_count": 412, "usual": 13.5, "is_new": True, "note": "x", "none": None},
    revision=3,
    status=FindingStatus.CONFIRMED,
    detectors=("tail", "enumeration"),
    priority=91.5,
    patients=398,
    reasons_en=("412 patients",),
    opened_at_ms=1_758_015_000_000,
)
HISTORY = FindingHistory(
    HistoryMeasure.PATIENTS,
    1_757_973_600_000,
    86_400_000,
    observed=(12, 0, 412),
    unexplained=(1, None, 398),
    expected=(13.5, None, 13.52),
    high=(41.0, 41.0, 42.0),
    peers=(14.0, 14.0, None),
)
VERDICT = Verdict(
    finding_id=FINDING.finding_id,
    verdict=VerdictKind.BENIGN,
    judged_at_ms=1_758_020_400_000,
    analyst_pid="c3",
    structure_pid="a1",
    actor_pid="b2",
    compromised_since_ms=1_757_980_800_000,
    note_code="CAMPAIGN",
)


def test_a_finding_comes_back_from_the_wire_as_it_was() -> None:
    assert read_finding(finding_bytes(FINDING, CODEC), READER) == FINDING


def test_a_findings_history_comes_back_from_the_wire_as_it_was() -> None:
    shown = replace(FINDING, history=HISTORY)
    assert read_finding(finding_bytes(shown, CODEC), READER) == shown


def test_the_longest_history_takes_some_kilobytes() -> None:
    days = FindingHistory(
        HistoryMeasure.PATIENTS,
        0,
        86_400_000,
        observed=(60_000,) * 28,
        unexplained=(60_000,) * 28,
        **dict.fromkeys(("expected", "high", "peers", "peers_high"), (123.45,) * 28),
    )
    hours = FindingHistory(
        HistoryMeasure.EVENTS,
        0,
        3_600_000,
        observed=(10**6,) * POINTS_MAX,
        expected=(1e6,) * POINTS_MAX,
    )
    for history in (days, hours):
        longer = finding_bytes(replace(FINDING, history=history), CODEC)
        assert len(longer) - len(finding_bytes(FINDING, CODEC)) < 4_000


def test_a_findings_history_is_written_for_people_and_read_back(tmp_path: Path) -> None:
    shown = replace(FINDING, history=HISTORY)
    path = tmp_path / "findings.ndjson"
    path.write_bytes(shown.to_ndjson() + replace(FINDING, finding_id="bare").to_ndjson())
    assert b'"start":"2025-09-15T22:00:00.000Z"' in shown.to_ndjson()
    assert read_file(path) == {
        FINDING.finding_id: shown,
        "bare": replace(FINDING, finding_id="bare"),
    }


def test_a_finding_of_defaults_comes_back_from_the_wire_as_it_was() -> None:
    bare = Finding("id", "tail", Severity.LOW, 1, 0, 1)
    assert read_finding(finding_bytes(bare, CODEC), READER) == bare


def test_a_verdict_comes_back_from_the_wire_as_it_was() -> None:
    assert read_verdict(verdict_bytes(VERDICT, CODEC), READER) == VERDICT


def test_a_finding_of_the_first_version_is_read_with_defaults() -> None:
    old = SCHEMAS.versions("Finding")[0]
    stream = io.BytesIO()
    row = {"finding_id": "x", "detector": "d", "detected_at": 5, "window_start": 1, "window_end": 5}
    fastavro.schemaless_writer(stream, old.plain, row)
    read = read_finding(single_object_header(old.fingerprint) + stream.getvalue(), READER)
    assert (read.status, read.revision, read.opened_at_ms) == (FindingStatus.UNKNOWN, 0, None)


class OneSchema:
    """A registry that knows one id."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema

    def schema(self, schema_id: int) -> dict[str, Any] | None:
        return self._schema if schema_id == 7 else None


def test_confluent_framing_is_read_if_the_registry_has_a_kept_version_under_its_id() -> None:
    body = finding_bytes(FINDING, CODEC)[SINGLE_OBJECT_BYTES:]
    kept = cast("Registry", OneSchema(SCHEMAS.latest("Finding").schema))
    strange = cast("Registry", OneSchema(SCHEMAS.latest("Verdict").schema))
    assert read_finding(confluent_header(7) + body, RecordReader(SCHEMAS, kept)) == FINDING
    for registry, schema_id in ((kept, 8), (strange, 7)):
        with pytest.raises(BadRecordError) as caught:
            read_finding(confluent_header(schema_id) + body, RecordReader(SCHEMAS, registry))
        assert caught.value.reason is RejectReason.UNKNOWN_SCHEMA


def test_fields_of_dataclasses_and_schemas_are_the_same() -> None:
    for value, record in ((FINDING, "Finding"), (VERDICT, "Verdict")):
        names = [field["name"] for field in SCHEMAS.latest(record).schema["fields"]]
        assert list(value.to_record()) == names


def test_severities_and_statuses_are_those_of_the_schemas() -> None:
    symbols = {
        field["type"]["name"]: field["type"]["symbols"]
        for record in ("Finding", "Verdict")
        for field in SCHEMAS.latest(record).schema["fields"]
        if isinstance(field["type"], dict) and field["type"]["type"] == "enum"
    }
    for kind in (Severity, FindingStatus, VerdictKind):
        assert symbols[kind.__name__] == [one.value for one in kind]


def test_ndjson_is_one_line_with_times_in_utc() -> None:
    line = FINDING.to_ndjson()
    told = orjson.loads(line)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert told["detected_at"] == "2025-09-16T10:00:00.123Z"
    assert told["opened_at"] == "2025-09-16T09:30:00.000Z"
    assert told["severity"] == "HIGH"
    assert orjson.loads(Finding("id", "d", Severity.LOW, 0, 0, 0).to_ndjson())["opened_at"] is None


def test_a_figure_that_does_not_fit_is_refused_by_name() -> None:
    wrong = replace(FINDING, patients=2**63)
    with pytest.raises(EncodeError, match=r"Finding\.patients"):
        finding_bytes(wrong, CODEC)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", RejectReason.EMPTY),
        (None, RejectReason.EMPTY),
        (b"x" * 20, RejectReason.UNKNOWN_FRAMING),
        (b"\xc3\x01" + b"\0" * 2_000_000, RejectReason.TOO_LARGE),
        (single_object_header(b"12345678") + b"12", RejectReason.UNKNOWN_SCHEMA),
        (confluent_header(7) + b"12", RejectReason.UNKNOWN_SCHEMA),
        (finding_bytes(FINDING, CODEC)[:-1], RejectReason.MALFORMED),
        (finding_bytes(FINDING, CODEC) + b"\0", RejectReason.TRAILING_BYTES),
        (verdict_bytes(VERDICT, CODEC), RejectReason.UNKNOWN_SCHEMA),
    ],
)
def test_what_is_no_finding_is_refused_by_its_reason(
    value: bytes | None, reason: RejectReason
) -> None:
    with pytest.raises(BadRecordError) as caught:
        read_finding(value, READER)
    assert caught.value.reason is reason


def test_severities_rank_by_how_soon_somebody_must_look() -> None:
    assert [one.rank for one in Severity] == [0, 1, 2, 3, 4]
    assert FindingStatus.CONFIRMED.is_open
    assert not FindingStatus.BENIGN.is_open


def test_a_revision_without_a_history_keeps_the_one_before() -> None:
    shown = replace(FINDING, history=HISTORY)
    later = replace(FINDING, revision=4)
    assert newest_of(None, later) is later
    assert newest_of(shown, later) == replace(later, history=HISTORY)
    assert newest_of(later, shown) is later
    again = replace(later, history=replace(HISTORY, start_ms=0))
    assert newest_of(shown, again) is again


def test_a_finding_names_its_series_only_if_it_is_about_one() -> None:
    of = {"flow": "insi-calls", "sector": "PSL", "couloir": "*", "measure": "rate"}
    evidence = {f"drop_{name}": value for name, value in of.items()}
    told = replace(FINDING, detector="drop", evidence=evidence)
    assert told.series == ("insi-calls", "PSL", "*", "rate")
    assert replace(told, detector="outage").series is None
    assert FINDING.series is None
