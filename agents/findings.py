"""What Vigie concludes and what analysts answer, as values (pure).

A finding's fields are those of the Avro record `Finding`, a verdict's those of `Verdict`; times bear
`_ms` here and are milliseconds UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import orjson

from agents.finding_history import FindingHistory
from agents.plausible import fault_of_finding, fault_of_verdict
from streams.recordwise import BadRecordError, RejectReason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.codec import SliceCodec
    from streams.own_records import RecordReader

FINDING: Final = "Finding"
VERDICT: Final = "Verdict"

_SERIES: Final = ("flow", "sector", "couloir", "measure")

Figure = bool | int | float | str | None
"""A value of the evidence."""


class Severity(StrEnum):
    """By consequence: how soon somebody must look."""

    UNKNOWN = "UNKNOWN"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"

    @property
    def rank(self) -> int:
        """0 for the mildest."""
        return _SEVERITIES.index(self)


_SEVERITIES: Final = tuple(Severity)


class FindingStatus(StrEnum):
    """Where an incident stands."""

    UNKNOWN = "UNKNOWN"
    OPEN = "OPEN"
    RESOLVED = "RESOLVED"
    CONFIRMED = "CONFIRMED"
    BENIGN = "BENIGN"

    @property
    def is_open(self) -> bool:
        """Whether somebody must still do something about it."""
        return self in (FindingStatus.OPEN, FindingStatus.CONFIRMED)


class VerdictKind(StrEnum):
    """What an analyst can decide."""

    UNKNOWN = "UNKNOWN"
    CONFIRMED = "CONFIRMED"
    BENIGN = "BENIGN"


@dataclass(frozen=True, slots=True)
class Finding:
    """One revision of an incident.

    Attributes:
        finding_id: of the incident; all its revisions share it.
        detector: the leading one.
        detected_at_ms: event time at which this revision was concluded.
        window_start_ms: start of what the evidence covers, included.
        window_end_ms: its end, excluded.
        flow: topic whose events showed it; `None` when it takes several.
        score: 0 to 1, higher is stranger.
        reasons: French sentences, the strongest first, without identifiers.
        evidence: figures by name with their unit.
        revision: 0 first; of several with one id the highest counts.
        detectors: all that agree, the leading one first.
        priority: 0 to 100, for the analyst's queue.
        patients: how many may be touched beyond what is usual; `None` where none are read.
        reasons_en: the reasons in English, in the same order.
        opened_at_ms: event time at which the incident was first concluded.
        history: what its subject did lately; `None` where nothing was kept.
    """

    finding_id: str
    detector: str
    severity: Severity
    detected_at_ms: int
    window_start_ms: int
    window_end_ms: int
    flow: str | None = None
    sector: str = "NR"
    structure_pid: str | None = None
    actor_pid: str | None = None
    score: float = 0.0
    reasons: tuple[str, ...] = ()
    evidence: Mapping[str, Figure] = field(default_factory=dict)
    revision: int = 0
    status: FindingStatus = FindingStatus.OPEN
    detectors: tuple[str, ...] = ()
    priority: float = 0.0
    patients: int | None = None
    reasons_en: tuple[str, ...] = ()
    opened_at_ms: int | None = None
    history: FindingHistory | None = None

    @property
    def series(self) -> tuple[str, ...] | None:
        """Flow, sector, couloir and measure of the series that it is about; `None` if it is of none."""
        named = [self.evidence.get(f"{self.detector}_{part}") for part in _SERIES]
        found = tuple(part for part in named if isinstance(part, str))
        return found if len(found) == len(_SERIES) else None

    def to_record(self) -> dict[str, Any]:
        """As the newest Avro `Finding`; times are `int` milliseconds."""
        record = _to_record(self)
        for name in ("reasons", "detectors", "reasons_en"):
            record[name] = list(record[name])
        history = None if self.history is None else self.history.to_record()
        return record | {"evidence": dict(self.evidence), "history": history}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Finding:
        """From the newest Avro `Finding`; what an older version lacks has the schema's default."""
        values = _from_record(cls, record)
        for name in ("reasons", "detectors", "reasons_en"):
            values[name] = tuple(values[name])
        values["severity"] = Severity(values["severity"])
        values["status"] = FindingStatus(values["status"])
        if values["history"] is not None:
            values["history"] = FindingHistory.from_record(values["history"])
        return cls(**values)

    def to_ndjson(self) -> bytes:
        """One line of NDJSON, line feed included; times are RFC 3339 in UTC."""
        record = self.to_record()
        if self.history is not None:
            record["history"]["start"] = _rfc_3339(self.history.start_ms)
        return _line(record)


@dataclass(frozen=True, slots=True)
class Verdict:
    """An analyst's decision on a finding.

    Attributes:
        finding_id: whatever its revision.
        judged_at_ms: when it was decided.
        analyst_pid: who decided.
        structure_pid: of the finding, and the Kafka key; empty for the whole region.
        actor_pid: of the finding.
        compromised_since_ms: from when on a confirmed account was in wrong hands.
        note_code: a word from the analysts' own list.
    """

    finding_id: str
    verdict: VerdictKind
    judged_at_ms: int
    analyst_pid: str | None = None
    structure_pid: str = ""
    actor_pid: str | None = None
    compromised_since_ms: int | None = None
    note_code: str = ""

    def to_record(self) -> dict[str, Any]:
        """As the newest Avro `Verdict`."""
        return _to_record(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Verdict:
        """From the newest Avro `Verdict`."""
        values = _from_record(cls, record)
        return cls(**values | {"verdict": VerdictKind(values["verdict"])})

    def to_ndjson(self) -> bytes:
        """One line of NDJSON, line feed included; times are RFC 3339 in UTC."""
        return _line(self.to_record())


def newest_of(before: Finding | None, now: Finding) -> Finding:
    """The newer of two revisions; what it does not say of its subject's past the other one may."""
    if before is None:
        return now
    if before.revision >= now.revision:
        return before
    return now if now.history is not None else replace(now, history=before.history)


def finding_bytes(finding: Finding, codec: SliceCodec) -> bytes:
    """The Kafka value of a finding; its key is `finding.finding_id.encode()`.

    Raises:
        EncodeError: a value does not fit the schema.
        TransientError: a registry is used and does not answer.
    """
    return codec.encode(FINDING, [finding.to_record()])[0]


def read_finding(value: bytes | None, reader: RecordReader) -> Finding:
    """A finding from its Kafka value, of any kept version.

    Raises:
        BadRecordError: it is none.
        TransientError: a registry is used and does not answer.
    """
    finding = Finding.from_record(reader.read(FINDING, value))
    if fault := fault_of_finding(finding):
        raise BadRecordError(RejectReason.INVALID_VALUE, f"{FINDING}.{fault}: cannot be so")
    return finding


def verdict_bytes(verdict: Verdict, codec: SliceCodec) -> bytes:
    """The Kafka value of a verdict; its key is `verdict.structure_pid.encode()`.

    Raises:
        EncodeError: a value does not fit the schema.
        TransientError: a registry is used and does not answer.
    """
    return codec.encode(VERDICT, [verdict.to_record()])[0]


def read_verdict(value: bytes | None, reader: RecordReader) -> Verdict:
    """A verdict from its Kafka value.

    Raises:
        BadRecordError: it is none.
        TransientError: a registry is used and does not answer.
    """
    verdict = Verdict.from_record(reader.read(VERDICT, value))
    if fault := fault_of_verdict(verdict):
        raise BadRecordError(RejectReason.INVALID_VALUE, f"{VERDICT}.{fault}: cannot be so")
    return verdict


def _avro_name(name: str) -> str:
    return name.removesuffix("_ms")


def _to_record(value: Finding | Verdict) -> dict[str, Any]:
    record = {_avro_name(one.name): getattr(value, one.name) for one in fields(value)}
    # Plain text, for fastavro takes the exact type.
    return {name: str(v) if isinstance(v, StrEnum) else v for name, v in record.items()}


def _from_record(kind: type[Finding | Verdict], record: Mapping[str, Any]) -> dict[str, Any]:
    return {one.name: record[_avro_name(one.name)] for one in fields(kind)}


_TIMES: Final = frozenset(
    _avro_name(one.name)
    for kind in (Finding, Verdict)
    for one in fields(kind)
    if one.name.endswith("_ms")
)


def _line(record: dict[str, Any]) -> bytes:
    shown = {
        name: _rfc_3339(value) if name in _TIMES and value is not None else value
        for name, value in record.items()
    }
    return orjson.dumps(shown, option=orjson.OPT_APPEND_NEWLINE)


def _rfc_3339(time_ms: int) -> str:
    when = datetime.fromtimestamp(time_ms // 1000, tz=UTC).replace(
        microsecond=time_ms % 1000 * 1000
    )
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
