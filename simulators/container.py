"""Avro Object Container Files, block by block (Avro 1.11 specification, « Object Container Files »)."""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final, Self

from simulators.encode import varint
from streams.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

MAGIC: Final = b"Obj\x01"
SYNC_BYTES: Final = 16
NULL_CODEC: Final = "null"
DEFLATE_CODEC: Final = "deflate"

_MAX_HEADER_TEXT_BYTES: Final = 4 * 1024 * 1024
_MAX_BLOCK_BYTES: Final = 1 << 30
_MAX_INFLATED_BYTES: Final = 1 << 26
"""Ours have 700 kB; a thousand zeros are stored in one byte, so the file's size bounds nothing."""


def header_bytes(schema: Mapping[str, Any], codec: str, sync: bytes) -> bytes:
    """A container's header for a schema, a codec and a sync marker of 16 bytes."""
    entries = {
        "avro.schema": json.dumps(schema, ensure_ascii=False, separators=(",", ":")).encode(),
        "avro.codec": codec.encode(),
    }
    parts = [MAGIC, varint(len(entries))]
    for key, value in entries.items():
        parts += [varint(len(key)), key.encode(), varint(len(value)), value]
    return b"".join([*parts, b"\0", sync])


class ContainerWriter:
    """Writes one container file under a passing name; it gets its own name when it is complete.

    Leaving the `with` block without `complete()`, or by an error, removes what was written.

    Args:
        path: the file's final name.
        schema: the record's parsed JSON.
        sync: the marker between blocks, 16 bytes.
    """

    def __init__(self, path: Path, schema: Mapping[str, Any], sync: bytes) -> None:
        self.path = path
        self.records = 0
        self._passing = path.with_name(f".{path.name}.partial")
        self._sync = sync
        self._header = header_bytes(schema, NULL_CODEC, sync)
        self._file: IO[bytes] | None = None
        self._is_complete = False

    def __enter__(self) -> Self:
        self._file = self._passing.open("wb")
        self._file.write(self._header)
        return self

    def write_block(self, count: int, data: bytes | memoryview) -> None:
        """Append `count` bodies, already one after the other."""
        if self._file is None:
            raise ValueError(f"{self.path.name}: not open")
        if count:
            self._file.writelines((varint(count), varint(len(data)), data, self._sync))
            self.records += count

    def complete(self) -> None:
        """Give the file its name."""
        if self._file is None:
            raise ValueError(f"{self.path.name}: not open")
        self._file.close()
        self._passing.replace(self.path)
        self._is_complete = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        self._passing.unlink(missing_ok=True)
        if kind is not None and self._is_complete:
            self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a container.

    Attributes:
        number: from 1.
        position: where the block begins in the file.
        count: records in it.
        size: bytes of its data as stored.
    """

    number: int
    position: int
    count: int
    size: int
    data_at: int


class Container:
    """A container file that can be read block by block.

    Args:
        path: the file.

    Raises:
        InputError: no such file, no container, or a codec that is not read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                self._size = os.fstat(file.fileno()).st_size
                metadata, self.sync = self._read_header(file)
                self._blocks_at = file.tell()
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from None
        try:
            schema = json.loads(metadata["avro.schema"])
        except (KeyError, RecursionError, ValueError):
            raise InputError(f"{path}: header holds no readable Avro schema") from None
        if not isinstance(schema, dict) or schema.get("type") != "record":
            raise InputError(f"{path}: holds no records")
        self.schema: dict[str, Any] = schema
        self.codec = metadata.get("avro.codec", NULL_CODEC.encode()).decode("ascii", "replace")
        if self.codec not in (NULL_CODEC, DEFLATE_CODEC):
            raise InputError(f"{path}: codec {self.codec!r} is not read, only null and deflate")

    def blocks(self) -> Iterator[Block]:
        """The blocks' headers, without their data.

        Raises:
            InputError: a block is cut short, has an impossible size, or ends without the marker.
        """
        position, number = self._blocks_at, 0
        with self.path.open("rb") as file:
            while position < self._size:
                number += 1
                file.seek(position)
                count, size = self._long(file, number, position), self._long(file, number, position)
                data_at = file.tell()
                if count < 0 or not 0 <= size <= _MAX_BLOCK_BYTES:
                    raise self.broken(number, position, "has an impossible size")
                end = data_at + size + SYNC_BYTES
                if end > self._size:
                    raise self.broken(number, position, "is cut short")
                file.seek(data_at + size)
                if file.read(SYNC_BYTES) != self.sync:
                    raise self.broken(number, position, "does not end with the sync marker")
                yield Block(number, position, count, size, data_at)
                position = end

    def payloads(self) -> Iterator[tuple[Block, bytes]]:
        """Every block with its bodies, uncompressed.

        Raises:
            InputError: as `blocks`, or the data cannot be inflated.
        """
        with self.path.open("rb") as file:
            for block in self.blocks():
                file.seek(block.data_at)
                data = file.read(block.size)
                if self.codec == DEFLATE_CODEC:
                    data = self._inflated(block, data)
                yield block, data

    def _inflated(self, block: Block, data: bytes) -> bytes:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            inflated = inflater.decompress(data, _MAX_INFLATED_BYTES)
        except zlib.error:
            inflated = b""
        if inflater.unconsumed_tail:
            raise self.broken(block.number, block.position, "inflates to more than any block has")
        if not inflater.eof:
            raise self.broken(block.number, block.position, "cannot be inflated")
        return inflated

    def broken(self, number: int, position: int, what: str) -> InputError:
        """The error of a broken block."""
        return InputError(f"{self.path}: block {number} at byte {position} {what}")

    def _read_header(self, file: IO[bytes]) -> tuple[dict[str, bytes], bytes]:
        if file.read(len(MAGIC)) != MAGIC:
            raise InputError(f"{self.path}: is not an Avro container file")
        metadata: dict[str, bytes] = {}
        while count := self._long(file, 0, file.tell()):
            if count < 0:
                self._long(file, 0, file.tell())
            for _ in range(abs(count)):
                key = self._text(file).decode("utf-8", "replace")
                metadata[key] = self._text(file)
        sync = file.read(SYNC_BYTES)
        if len(sync) < SYNC_BYTES:
            raise InputError(f"{self.path}: header is cut short")
        return metadata, sync

    def _text(self, file: IO[bytes]) -> bytes:
        size = self._long(file, 0, file.tell())
        text = file.read(size) if 0 <= size <= _MAX_HEADER_TEXT_BYTES else b""
        if len(text) != size:
            raise InputError(f"{self.path}: header is cut short")
        return text

    def _long(self, file: IO[bytes], number: int, position: int) -> int:
        value = 0
        for shift in range(0, 64, 7):
            octet = file.read(1)
            if not octet:
                break
            value |= (octet[0] & 0x7F) << shift
            if octet[0] < 0x80:
                return (value >> 1) ^ -(value & 1)
        if number == 0:
            raise InputError(f"{self.path}: header is cut short")
        raise self.broken(number, position, "is cut short")
