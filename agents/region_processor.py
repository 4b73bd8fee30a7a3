"""The processor of the region's cells; see `streams.processing.Processor` (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from agents.region_cells import read_region_cell
from agents.region_watch import RegionWatch, RegionWatchParams
from agents.source import dead_letter, finding_record
from streams.checkpoint import Journal, damage_named
from streams.errors import StateError
from streams.processing import Checkpoint, Outgoing
from streams.topics import REGION_CELLS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.codec import SliceCodec
    from streams.processing import Record

NOT_A_CELL: Final = "NOT_A_CELL"
"""Dead-letter reason: a message on the cells' topic that Vigie did not write."""

_FORMAT: Final = 3
_READABLE: Final = (2, _FORMAT)


class RegionProcessor:
    """The one partition of the region's cells.

    Args:
        partition: 0.
        codec: encodes the findings.
        params: of the region's watch.
    """

    def __init__(self, *, partition: int, codec: SliceCodec, params: RegionWatchParams) -> None:
        self.partition = partition
        self.watch = RegionWatch(params)
        self._codec = codec
        self._partitions = params.partitions
        self._next_offset = 0
        self._journal = Journal(self.watch.sections)

    def recover(self, entries: Mapping[bytes, bytes], *, owner: int = 0) -> None:
        """See `streams.processing.Processor.recover`."""
        with damage_named():
            header_bytes = self._journal.recover(entries, self._check, owner=owner)
            if header_bytes is None:
                return
            header = orjson.loads(header_bytes)
            self._next_offset = header["next"]
            self.watch.from_json(header["watch"])

    def _check(self, header_bytes: bytes) -> None:
        header = orjson.loads(header_bytes)
        if header["format"] not in _READABLE:
            raise StateError(f"changelog: state format {header['format']} is not {_FORMAT}")
        if header["partitions"] != self._partitions:
            raise StateError(
                "VIGIE_PARTITIONS: differs from the one that the state was written with"
            )

    def process(self, topic: str, records: Sequence[Record]) -> Sequence[Outgoing]:
        """Take cells; give back the findings that they lead to.

        Where cells close many minutes at once, the rest is judged as time passes: longer than Kafka
        lets a worker be silent, it must not take.
        """
        outgoing: list[Outgoing] = []
        for record in records:
            if record.offset < self._next_offset:
                continue
            self._next_offset = record.offset + 1
            try:
                found = self.watch.hear(read_region_cell(record.value))
            except StateError as error:
                outgoing.append(
                    dead_letter(
                        topic,
                        self.partition,
                        record,
                        NOT_A_CELL,
                        str(error),
                        refuser="agents.region_cells",
                    )
                )
                continue
            outgoing += [finding_record(finding, self._codec) for finding in found]
        return outgoing + self._go_on()

    def pass_time(self, read_ms: Mapping[str, int]) -> Sequence[Outgoing]:
        """Go on with what waits; the cells bring their own time."""
        del read_ms
        return self._go_on()

    def _go_on(self) -> list[Outgoing]:
        found = self.watch.go_on() if self.watch.is_behind else []
        return [finding_record(finding, self._codec) for finding in found]

    def checkpoint(self) -> Checkpoint:
        """Freeze the watch."""
        header = {
            "format": _FORMAT,
            "partitions": self._partitions,
            "next": self._next_offset,
            "watch": self.watch.to_json(),
        }
        return Checkpoint(self._journal.flush(orjson.dumps(header)), None)

    def confirm(self, token: object) -> None:
        """Nothing waits for durability here: findings are published as they are concluded."""

    def applied(self, topic: str) -> int:
        """The next offset of the cells that is not applied yet."""
        return self._next_offset if topic == REGION_CELLS else 0

    def pending_bytes(self) -> int:
        """About how much a checkpoint would write now."""
        return self._journal.pending_bytes()
