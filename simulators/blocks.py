"""Container blocks -> columns and single bodies, for any container of a flow's record.

A container knows no record boundaries. Its block is read into columns in Rust, and the length that
every value takes in Avro's shortest form gives the boundaries. No value can be shorter than that, so
if the lengths add up to the block's, they are right; if they do not, fastavro reads the block record
by record, and what it cannot read either is a broken block.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import fastavro
import numpy as np
import numpy.typing as npt
import polars as pl

from simulators.encode import varint
from simulators.flat import FlatReader
from streams.errors import InputError
from streams.layout import layout_of
from streams.schemas import SchemaVersion, fingerprint_of, parse_plain
from streams.wire import single_object_header

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulators.container import Block, Container

Int64Array = npt.NDArray[np.int64]

_TIMES: Final = ("occurred_at", "recorded_at")
_RECORDS_AT_A_TIME: Final = 16_384
"""Small blocks are read together: a query costs more than the few records of one."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """n records of one block.

    Attributes:
        frame: n rows with the reader's columns and types.
        payload: the block's bytes.
        starts: shape (n,); where each body begins in `payload`.
        ends: shape (n,); where it ends.
        times_at: where `occurred_at` and `recorded_at` begin in `payload`, shape (2, n).
        header: the wire header of the bodies' schema.
    """

    frame: pl.DataFrame
    payload: bytes
    starts: Int64Array
    ends: Int64Array
    times_at: Int64Array
    header: bytes

    @property
    def recorded_ms(self) -> Int64Array:
        """When each record was recorded, shape (n,)."""
        return self.frame["recorded_at"].to_numpy()

    def pick(self, rows: npt.NDArray[np.intp]) -> Rows:
        """The given rows."""
        return Rows(
            self.frame[rows],
            self.payload,
            self.starts[rows],
            self.ends[rows],
            self.times_at[:, rows],
            self.header,
        )

    def values(self, shift_ms: int = 0) -> list[bytes]:
        """The records as Kafka values, their two times moved by `shift_ms`."""
        payload, header = self.payload, self.header
        bounds = zip(self.starts.tolist(), self.ends.tolist(), strict=True)
        if not shift_ms:
            return [header + payload[start:end] for start, end in bounds]
        moved = [self.frame[name] + shift_ms for name in _TIMES]
        places = zip(*self.times_at.tolist(), *(m.to_list() for m in moved), strict=True)
        values = []
        for (start, end), (first_at, second_at, first, second) in zip(bounds, places, strict=True):
            values.append(
                b"".join(
                    (
                        header,
                        payload[start:first_at],
                        varint(first),
                        payload[_after_varint(payload, first_at) : second_at],
                        varint(second),
                        payload[_after_varint(payload, second_at) : end],
                    )
                )
            )
        return values


class BlockReader:
    """Reads a container's blocks into the columns of a flow.

    Args:
        container: the file.
        version: the record version that readers know.

    Raises:
        InputError: the file holds another record, or one that cannot be read as this version.
    """

    def __init__(self, container: Container, version: SchemaVersion) -> None:
        name = str(container.schema.get("name", "")).rpartition(".")[2]
        if name != version.record:
            raise InputError(f"{container.path}: holds records {name}, not {version.record}")
        self._container = container
        self._version = version
        self._reader_layout = version.layout or ()
        try:
            self._bind(container.schema)
        except InputError:
            raise
        except Exception:  # noqa: BLE001 (a broken schema leads its parser to whatever it raises)
            raise InputError(f"{container.path}: header holds no readable Avro schema") from None

    def _bind(self, schema: dict[str, Any]) -> None:
        self._writer = parse_plain(schema)
        self._header = single_object_header(fingerprint_of(schema))
        fields = schema["fields"]
        names = [field["name"] for field in fields]
        if [name for name in names if name in _TIMES] != list(_TIMES):
            raise InputError(
                f"{self._container.path}: records lack occurred_at and then recorded_at"
            )
        # For each time, a record of the fields before it: where that ends, the time begins.
        self._before_times = [
            parse_plain({**schema, "fields": fields[: names.index(name)]}) for name in _TIMES
        ]
        layout = layout_of(schema)
        flat = None if layout is None else FlatReader(layout, self._reader_layout)
        self._flat = flat if flat is not None and flat.is_possible else None

    def rows(self) -> Iterator[Rows]:
        """The file's records in order, some blocks at a time.

        Raises:
            InputError: a block is broken; the text names the file, the block and its position.
        """
        waiting: list[tuple[Block, bytes]] = []
        records = 0
        for block, payload in self._container.payloads():
            # A reader that makes room for what a count says would make it for any number.
            if block.count > len(payload):
                raise self._container.broken(
                    block.number, block.position, "names more records than it has bytes"
                )
            if not block.count and not payload:
                continue
            waiting.append((block, payload))
            records += block.count
            if records >= _RECORDS_AT_A_TIME:
                yield from self._read(waiting)
                waiting, records = [], 0
        yield from self._read(waiting)

    def _read(self, blocks: list[tuple[Block, bytes]]) -> Iterator[Rows]:
        count = sum(block.count for block, _ in blocks)
        if not count and not any(payload for _, payload in blocks):
            return
        rows = self._by_columns(count, b"".join(payload for _, payload in blocks))
        if rows is not None:
            yield rows
        elif len(blocks) > 1:
            for one in blocks:
                yield from self._read([one])
        else:
            yield self._by_record(*blocks[0])

    def _by_columns(self, count: int, payload: bytes) -> Rows | None:
        read = None if self._flat is None else self._flat.read(count, payload)
        if read is None:
            return None
        frame, places = read
        starts = places[self._container.schema["fields"][0]["name"]]
        times_at = np.stack([places[name] for name in _TIMES])
        return Rows(frame, payload, starts, places[""], times_at, self._header)

    def _by_record(self, block: Block, payload: bytes) -> Rows:
        stream = io.BytesIO(payload)
        reader = self._version.plain
        ends, records, times_at = [], [], []
        for _ in range(block.count):
            start = stream.tell()
            try:
                records.append(fastavro.schemaless_reader(stream, self._writer, reader))
                ends.append(stream.tell())
                times_at.append([_end_of(payload, start, prefix) for prefix in self._before_times])
            except Exception:  # noqa: BLE001 (fastavro raises whatever a broken body leads it to)
                break
        if len(ends) < block.count or stream.tell() != len(payload):
            raise self._container.broken(
                block.number, block.position, f"has a broken record (number {len(ends) + 1})"
            )
        schema = {column.name: column.dtype for column in self._reader_layout}
        try:
            frame = pl.DataFrame(records, schema=schema, orient="row")
        except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError):
            raise self._container.broken(
                block.number, block.position, f"does not fit {self._version.record}"
            ) from None
        ends_at = np.array(ends, np.int64)
        return Rows(
            frame,
            payload,
            np.concatenate([[0], ends_at[:-1]]),
            ends_at,
            np.array(times_at, np.int64).T,
            self._header,
        )


def _end_of(payload: bytes, start: int, prefix: Any) -> int:
    stream = io.BytesIO(payload)
    stream.seek(start)
    fastavro.schemaless_reader(stream, prefix, None)
    return stream.tell()


def _after_varint(payload: bytes, at: int) -> int:
    while payload[at] & 0x80:
        at += 1
    return at + 1
