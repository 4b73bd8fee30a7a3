"""The work that every competitor does, defined once; standard library and fastavro only.

    counts     events per minute of event time, flow, sector and department
    patients   distinct patients per account and Europe/Paris day, by flow of the look

A look is an account reading a patient, as `agents.access_rows` tells it: an access to a platform that
opens something, an INSi search by traits, a consultation of a prescription, and none that failed. An
account is a person at a structure, or the structure's certificate on a platform. Every record of one
structure lies in one partition, so nothing has to travel between partitions for either count.
"""

from __future__ import annotations

import io
import json
import os
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import fastavro

from streams.topics import EPRESCRIPTIONS, FLOWS, INSI_CALLS, PLATFORM_ACCESSES, RECORD_OF_FLOW
from streams.wire import SINGLE_OBJECT_BYTES, single_object_header

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
SCHEMAS: Final = Path(__file__).parents[3] / "schemas" / "avro"
FIELDS: Final = (
    "occurred_at",
    "sector",
    "department",
    "structure_pid",
    "actor_pid",
    "patient_pid",
    "outcome",
)
"""The fields that the work reads of every flow; `CHOSEN_BY` names one more of some."""
CHOSEN_BY: Final = {
    PLATFORM_ACCESSES: "action",
    INSI_CALLS: "operation",
    EPRESCRIPTIONS: "event",
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC).date()
_PARIS: Final = ZoneInfo("Europe/Paris")
_REPORT_S: Final = 0.1
LIBRDKAFKA_FETCH: Final[dict[str, str | int | bool]] = {
    "fetch.message.max.bytes": 4_194_304,
    "queued.min.messages": 200_000,
    "queued.max.messages.kbytes": 262_144,
    "check.crcs": False,
}
"""Large fetches, and a queue that never runs empty while Python counts."""

MinuteKey = tuple[int, str, str, str]
"""Minutes since 1970 UTC, flow, sector, department."""
AccountDay = tuple[int, str, str, str]
"""Local days since 1970, flow, structure, person (empty for a certificate)."""


class ParisDays:
    """The local day of a time, remembered by the hour: zone rules change on whole hours."""

    def __init__(self) -> None:
        self._of_hour: dict[int, int] = {}

    def of(self, time_ms: int) -> int:
        """Days since 1970-01-01 in Europe/Paris."""
        hour = time_ms // HOUR_MS
        day = self._of_hour.get(hour)
        if day is None:
            local = datetime.fromtimestamp(hour * HOUR_MS / 1000, _PARIS).date()
            day = self._of_hour[hour] = (local - _EPOCH).days
        return day


def is_look(flow: str, record: Mapping[str, Any]) -> bool:
    """Whether a decoded event is an account reading a patient."""
    if record["patient_pid"] is None or record["outcome"] == "FAILURE":
        return False
    if flow == PLATFORM_ACCESSES:
        return bool(record["action"] != "SEARCH_PATIENT")
    if flow == INSI_CALLS:
        return record["operation"] == "RECHERCHE_TRAITS" and record["actor_pid"] is not None
    if flow == EPRESCRIPTIONS:
        return record["event"] == "CONSULTED" and record["actor_pid"] is not None
    return False


class Tally:
    """Both counts in plain dictionaries."""

    def __init__(self) -> None:
        self.minutes: Counter[MinuteKey] = Counter()
        self.patients: dict[AccountDay, set[str]] = {}
        self._days = ParisDays()

    def add(self, flow: str, record: Mapping[str, Any]) -> None:
        """Count one decoded event."""
        time_ms = record["occurred_at"]
        self.minutes[time_ms // MINUTE_MS, flow, record["sector"], record["department"]] += 1
        if is_look(flow, record):
            person = record["actor_pid"] or ""
            account = (self._days.of(time_ms), flow, record["structure_pid"], person)
            of_account = self.patients.get(account)
            if of_account is None:
                of_account = self.patients[account] = set()
            of_account.add(record["patient_pid"])

    def result(self, events: int) -> Result:
        """What it comes to."""
        return Result(events, dict(self.minutes), {k: len(v) for k, v in self.patients.items()})


@dataclass(frozen=True, slots=True)
class Result:
    """What a competitor counted.

    Attributes:
        events: how many events.
        minutes: events by `MinuteKey`.
        patients: distinct patients by `AccountDay`.
        held_over: account-days to which a look was added that had happened the day before; only the
            worker knows such days, see `agents.event_order`.
    """

    events: int
    minutes: dict[MinuteKey, int]
    patients: dict[AccountDay, int]
    held_over: frozenset[AccountDay] = frozenset()

    def write(self, path: Path) -> None:
        """Write as JSON; keys are joined by `|`, which none of their parts holds."""
        document = {
            "events": self.events,
            "minutes": {"|".join(map(str, key)): n for key, n in self.minutes.items()},
            "patients": {"|".join(map(str, key)): n for key, n in self.patients.items()},
        }
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(document))
        partial.replace(path)

    @classmethod
    def read(cls, path: Path) -> Result:
        """What `write` wrote, or a competitor in another language."""
        document = json.loads(path.read_text())
        minutes, patients = (
            {_split(key): n for key, n in document[name].items()}
            for name in ("minutes", "patients")
        )
        return cls(document["events"], minutes, patients)

    def difference(self, other: Result) -> str:
        """In which they differ, in one line; empty if they are equal."""
        if self.events != other.events:
            return f"{self.events} events, not {other.events}"
        for name, own, theirs in (
            ("minutes", self.minutes, other.minutes),
            ("patients", self.patients, other.patients),
        ):
            wrong = sum(own.get(key) != theirs.get(key) for key in own.keys() | theirs.keys())
            if wrong:
                return f"{wrong} of {len(theirs)} {name} differ"
        return ""


def _split(key: str) -> tuple[int, str, str, str]:
    number, flow, one, two = key.split("|")
    return int(number), flow, one, two


@dataclass(frozen=True, slots=True)
class Order:
    """What a competitor is told, in its environment.

    Attributes:
        bootstrap: Kafka servers.
        group: consumer group, another in every run.
        prefix: of the topics' names; the rest is the flow.
        partitions: of each topic.
        events: how many there are; it ends once it has counted as many.
        progress: file that takes a line for each tenth of a second, see `Progress`.
        result: file that takes what it counted, as `Result.write` writes it.
        state: folder for whatever it keeps.
    """

    bootstrap: str
    group: str
    prefix: str
    partitions: int
    events: int
    progress: Path
    result: Path
    state: Path

    @classmethod
    def from_environment(cls) -> Order:
        """As `environment` wrote it."""
        said = {name: os.environ[f"PEER_{name.upper()}"] for name in cls.__dataclass_fields__}
        return cls(
            bootstrap=said["bootstrap"],
            group=said["group"],
            prefix=said["prefix"],
            partitions=int(said["partitions"]),
            events=int(said["events"]),
            progress=Path(said["progress"]),
            result=Path(said["result"]),
            state=Path(said["state"]),
        )

    def environment(self) -> dict[str, str]:
        """Its variables."""
        return {
            f"PEER_{name.upper()}": str(getattr(self, name)) for name in self.__dataclass_fields__
        }

    def librdkafka(self) -> dict[str, str | int | bool]:
        """Settings of a consumer of librdkafka."""
        return {
            "bootstrap.servers": self.bootstrap,
            "group.id": self.group,
            "auto.offset.reset": "earliest",
            **LIBRDKAFKA_FETCH,
        }

    @property
    def flow_of_topic(self) -> dict[str, str]:
        """Every topic and its flow."""
        return {self.prefix + flow: flow for flow in FLOWS}


class Progress:
    """Writes how far a competitor is: `monotonic seconds, CPU seconds, peak RSS bytes, events`."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", buffering=1)
        self._due = 0.0

    def note(self, events: int) -> None:
        """Write a line if the last one is a tenth of a second old; call it as often as you like."""
        now = time.monotonic()
        if now >= self._due:
            self._due = now + _REPORT_S
            cpu_s = time.process_time()
            self._file.write(f"{now:.6f} {cpu_s:.6f} {peak_bytes()} {events}\n")

    def end(self, events: int) -> None:
        """Write the last line."""
        self._due = 0.0
        self.note(events)
        self._file.close()


def peak_bytes(process: int | str = "self") -> int:
    """Most memory of a process that was ever resident.

    Not `getrusage`, whose figure begins with what the process was that became this one.
    """
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    return 0


def readers() -> dict[str, Callable[[bytes], dict[str, Any]]]:
    """By flow, what turns a wire value into a record: fastavro behind the check of the schema's name.

    Logical types are left out of the schemas: nobody needs a datetime here, and making one costs as
    much as all else of a record.
    """
    return {flow: _reader(*schema_of(flow)) for flow in FLOWS}


def schema_of(flow: str) -> tuple[dict[str, Any], bytes]:
    """The flow's schema without logical types, and the ten bytes in front of its records."""
    declared = json.loads((SCHEMAS / RECORD_OF_FLOW[flow] / "v1.avsc").read_text())
    fingerprint = fastavro.schema.fingerprint(
        fastavro.schema.to_parsing_canonical_form(declared), "CRC-64-AVRO"
    )
    header = single_object_header(bytes.fromhex(fingerprint))
    return _plain(declared), header


def _plain(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {
            key: _plain(own) for key, own in schema.items() if key not in {"logicalType", "doc"}
        }
    return [_plain(one) for one in schema] if isinstance(schema, list) else schema


def _reader(schema: dict[str, Any], header: bytes) -> Callable[[bytes], dict[str, Any]]:
    parsed: Any = fastavro.parse_schema(schema)
    schemaless_reader, bytes_io = fastavro.schemaless_reader, io.BytesIO

    def read(value: bytes) -> dict[str, Any]:
        if not value.startswith(header):
            raise ValueError("a record of another schema")
        record: Any = schemaless_reader(bytes_io(value[SINGLE_OBJECT_BYTES:]), parsed, None)
        return record  # type: ignore[no-any-return]  # the schemas are records

    return read
