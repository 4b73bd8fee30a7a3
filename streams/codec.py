"""Bytes <-> events: a slice's values become columns, and what is poisoned is named and set aside.

The values are grouped by their writer's schema, each group is decoded in lockstep (`streams.columnar`),
whatever that does not take is judged one by one (`streams.recordwise`), and the rows return to the order
in which they came. A neighbour of a poisoned record is never lost or altered.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import fastavro
import numpy as np
import numpy.typing as npt
import polars as pl
from fastavro.validation import validate

from streams.errors import EncodeError, SchemaError
from streams.event_columns import EventColumns, FrameColumns
from streams.lockstep import Joined
from streams.recordwise import BadRecordError, RejectReason
from streams.topics import RECORD_OF_FLOW, TOPICS
from streams.wire import (
    confluent_header,
    framing_of,
    single_object_header,
)
from streams.writers import Writer, Writers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from streams.registry import Registry
    from streams.schemas import Schemas, SchemaVersion

__all__ = ["MAX_RECORD_BYTES", "Decoded", "Reject", "RejectReason", "SliceCodec"]

MAX_RECORD_BYTES: Final = 65_536
"""The longest value that is taken for an event; an honest one has a few hundred bytes."""

LOCKSTEP_FROM: Final = 32
"""Records of one writer below which reading one by one is quicker: a slice in lockstep costs about a
millisecond whatever its size, a record on its own about 25 µs (`tests/benchmarks/codec.py`)."""

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Reject:
    """One value set aside.

    Attributes:
        index: its place among the values given to `decode`.
        reason: why, from a closed list.
        detail: a sentence without any content of the record.
    """

    index: int
    reason: RejectReason
    detail: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded slice.

    Attributes:
        events: a row per good value, in the order in which they came.
        rows: int64, ascending: the index of each row among the values.
        rejects: every other value, in the order in which they came.
    """

    events: EventColumns
    rows: Rows
    rejects: tuple[Reject, ...]

    @property
    def frame(self) -> pl.DataFrame:
        """The events as a frame with the columns of `Schemas.frame_schema`."""
        return self.events.frame


class SliceCodec:
    """Decodes slices and encodes records.

    Args:
        schemas: the contracts; the newest version of a record is the one read into and written.
        registry: if given, Confluent framing is read and written; else single-object encoding.
        lockstep_from: least records of one writer that are read in lockstep.
    """

    def __init__(
        self,
        schemas: Schemas,
        registry: Registry | None = None,
        *,
        lockstep_from: int = LOCKSTEP_FROM,
    ) -> None:
        self._schemas = schemas
        self._registry = registry
        self._writers = Writers(schemas, registry)
        self._lockstep_from = lockstep_from
        self._empty: dict[str, pl.DataFrame] = {}

    def decode(self, flow: str, values: Sequence[bytes | None] | Joined) -> Decoded:
        """Decode the values of one slice of `flow`.

        Raises:
            SchemaError: no such flow.
            TransientError: a schema must be asked for and the registry does not answer. Nothing is
                decided about the slice then: it can be decoded again.
        """
        if flow not in self._empty:
            self._empty[flow] = pl.DataFrame(schema=self._schemas.frame_schema(flow))
        empty = self._empty[flow]
        if not len(values):
            return Decoded(FrameColumns(empty), np.empty(0, np.int64), ())
        rejects: list[Reject] = []
        parts: list[tuple[EventColumns, Rows]] = []
        joined = values if isinstance(values, Joined) else Joined(values)
        for writer, rows in self._group(flow, joined, rejects):
            left = rows
            if writer.columnar is not None and len(rows) >= self._lockstep_from:
                columns, good = writer.columnar.decode(joined, rows, writer.body_at)
                parts.append((columns, rows[good]))
                left = rows[~good]
            judged = _judge(writer, joined, left, rejects)
            if judged:
                events = pl.DataFrame(list(judged.values()), schema=empty.schema)
                parts.append((FrameColumns(events), np.array(list(judged), np.int64)))
        rejects.sort(key=lambda reject: reject.index)
        return Decoded(*_in_order(empty, parts), tuple(rejects))

    def encode(self, flow_or_record: str, rows: Iterable[Mapping[str, object]]) -> list[bytes]:
        """Encode rows with the newest version of a record, framed.

        Args:
            flow_or_record: a flow's name, or a record's (`Finding`).
            rows: field name -> value; a field with a default may be left out; times are `int`
                milliseconds.

        Raises:
            EncodeError: a value does not fit; nothing is given back then.
            SchemaError: no such flow or record.
            TransientError: the registry does not answer.
        """
        version = self._schemas.latest(RECORD_OF_FLOW.get(flow_or_record, flow_or_record))
        header = framing_header(version, self._registry)
        return [header + _body(version, row) for row in rows]

    def _group(
        self,
        flow: str,
        joined: Joined,
        rejects: list[Reject],
    ) -> Iterable[tuple[Writer, Rows]]:
        """Rows by writer. What no writer can be found for is rejected."""
        fits = joined.ends - joined.starts <= MAX_RECORD_BYTES
        rest = np.ones(len(joined), np.bool_)
        for fingerprint, writer in self._writers.known(flow).items():
            chosen = joined.starting_with(single_object_header(fingerprint)) & fits
            if chosen.any():
                rest &= ~chosen
                yield writer, np.flatnonzero(chosen)
        others: dict[int, tuple[Writer, list[int]]] = {}
        for row in np.flatnonzero(rest).tolist():
            try:
                writer = self._writer_of(flow, joined.value(row))
            except BadRecordError as bad:
                rejects.append(Reject(row, bad.reason, bad.detail))
                continue
            others.setdefault(id(writer), (writer, []))[1].append(row)
        for writer, several in others.values():
            yield writer, np.array(several, np.int64)

    def _writer_of(self, flow: str, value: bytes) -> Writer:
        if not value:
            raise BadRecordError(RejectReason.EMPTY, "no bytes")
        if len(value) > MAX_RECORD_BYTES:
            raise BadRecordError(
                RejectReason.TOO_LARGE, f"{len(value)} bytes, more than {MAX_RECORD_BYTES}"
            )
        framing = framing_of(value)
        if framing is None:
            raise BadRecordError(
                RejectReason.UNKNOWN_FRAMING, "neither single-object encoding nor Confluent framing"
            )
        return self._writers.find(flow, framing)


def _in_order(
    empty: pl.DataFrame, parts: list[tuple[EventColumns, Rows]]
) -> tuple[EventColumns, Rows]:
    if not parts:
        return FrameColumns(empty), np.empty(0, np.int64)
    if len(parts) == 1:
        return parts[0]
    rows = np.concatenate([rows for _, rows in parts])
    order = np.argsort(rows)
    frame = pl.concat([events.frame for events, _ in parts])[order]
    return FrameColumns(frame), rows[order]


def _judge(
    writer: Writer, joined: Joined, left: Rows, rejects: list[Reject]
) -> dict[int, dict[str, Any]]:
    """Read what the columns did not take: the good events by row; the others are rejected."""
    good: dict[int, dict[str, Any]] = {}
    for row in left.tolist():
        try:
            good[row] = writer.strict.read(joined.value(row)[writer.body_at :])
        except BadRecordError as bad:
            rejects.append(Reject(row, bad.reason, bad.detail))
    return good


def framing_header(version: SchemaVersion, registry: Registry | None) -> bytes:
    """What stands before a body on the wire: Confluent framing if there is a registry.

    Raises:
        SchemaError: the record travels in no topic.
        TransientError: the registry does not answer.
    """
    if registry is None:
        return single_object_header(version.fingerprint)
    return confluent_header(registry.register(_subject_of(version.record), version.schema))


def _subject_of(record: str) -> str:
    """The registry's subject by the topic's name, the strategy that registries have by default."""
    topics = [topic.name for topic in TOPICS.values() if topic.record == record]
    if not topics:
        raise SchemaError(f"{record}: travels in no topic")
    return f"{topics[0]}-value"


def _body(version: SchemaVersion, row: Mapping[str, object]) -> bytes:
    stream = io.BytesIO()
    for field in version.schema["fields"]:
        name = field["name"]
        if name not in row and "default" not in field:
            raise EncodeError(f"{version.record}.{name}: missing, and it has no default")
    if strange := sorted(set(row) - {field["name"] for field in version.schema["fields"]}):
        raise EncodeError(f"{version.record}.{strange[0]}: no such field")
    if not validate(row, version.plain, raise_errors=False):
        raise EncodeError(f"{version.record}.{_unfit(version, row)}: does not fit its type")
    try:
        fastavro.schemaless_writer(stream, version.plain, row)
    except UnicodeEncodeError:  # its own text would quote the value
        raise EncodeError(f"{version.record}: a text holds what UTF-8 cannot") from None
    return stream.getvalue()


def _unfit(version: SchemaVersion, row: Mapping[str, object]) -> str:
    """The first field whose value is not of its type."""
    for field in version.plain["fields"]:
        alone = dict(version.plain, fields=[field])
        if field["name"] in row and not validate(row, alone, raise_errors=False):
            return str(field["name"])
    return "?"
