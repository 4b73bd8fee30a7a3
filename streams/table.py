"""A Faust table that hands a changelog's entries over once, partition by partition, and keeps none.

The state is the processors'; entries beside it would hold everything twice. So they live from the
reading of a changelog to the building of its state, and what is written is not kept at all
(`streams.recovery` reads a changelog from its start whenever its partition is assigned).

Faust's memory store has one dictionary for all partitions: equal keys of two partitions overwrite one
another, and entries of a partition that was lost and comes back stay where the owner in between deleted
them. Faust's own write path buffers, throttles and reports failures only in the log (B6, B7, B8).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import faust
from faust.stores import memory

if TYPE_CHECKING:
    from faust.types import TP

Write = tuple[bytes, bytes | None]
Adopt = Callable[[str, int, Mapping[bytes, bytes]], Awaitable[bool]]


class PartitionedStore(memory.Store):  # type: ignore[misc]
    """Changelog entries from their reading to their handing over, one dictionary per partition."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.partitions: dict[int, dict[bytes, bytes]] = {}

    def apply(self, partition: int, writes: Iterable[Write]) -> None:
        """Apply changelog writes in their order; `None` deletes."""
        entries = self.partitions.setdefault(partition, {})
        for key, value in writes:
            if value is None:
                entries.pop(key, None)
            else:
                entries[key] = value

    def apply_changelog_batch(self, batch: Iterable[Any], to_key: Any, to_value: Any) -> None:
        """Apply what recovery read.

        Faust can hand a table the events of another table's partition right after a rebalance; those
        are dropped here.
        """
        del to_key, to_value  # keys and values stay the bytes that travelled
        topic = self.table.changelog_topic_name
        self.app.binding.status.recovery_steps += 1
        for event in batch:
            message = event.message
            if message.topic == topic:
                self.apply(message.partition, ((message.key, message.value),))

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Forget what an interrupted recovery has read."""
        del assigned, revoked, newly_assigned, generation_id
        self.partitions.clear()


class ChangelogTable(faust.Table):  # type: ignore[misc]
    """A table of bytes that a checkpoint writes and a recovery reads.

    Attributes:
        adopt: awaited with the table's name, a partition and its entries for each assigned partition,
            once recovery is complete and before any source record is processed; says whether to go on.
        on_adopt_error: called if `adopt` raises; Faust would swallow the error.
        on_confirmed: told each confirmation of the broker.
    """

    adopt: Adopt | None = None
    on_confirmed: Callable[[Any], None] | None = None
    on_adopt_error: Callable[[BaseException], Awaitable[None]] | None = None

    def _new_store(self) -> PartitionedStore:
        return PartitionedStore(
            "memory://", self.app, self, table_name=self.name, beacon=self.beacon, loop=self.loop
        )

    async def append(self, partition: int, writes: Sequence[Write]) -> None:
        """Append writes to the changelog, in order, and wait until the broker has them all.

        The last write goes only when the others are confirmed: whatever dies in between leaves a
        checkpoint without its end, never one with a hole.

        Raises:
            KafkaError: a write was refused or timed out; the changelog ends somewhere in `writes`.
        """
        if not writes:
            return
        topic = self.changelog_topic_name
        producer = self.app.producer
        for part in (writes[:-1], writes[-1:]):
            sent = [
                await producer.send(topic, key, value, partition, None, None) for key, value in part
            ]
            for confirmation in sent:
                told = await confirmation
                if self.on_confirmed is not None:
                    self.on_confirmed(told)

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Hand the recovered entries over and let go of them."""
        try:
            await super().on_recovery_completed(active_tps, standby_tps)
            read = self.data.partitions
            for tp in sorted(active_tps):
                if self.adopt is not None and not await self.adopt(
                    self.name, tp.partition, read.pop(tp.partition, {})
                ):
                    break
            read.clear()
        except Exception as exc:
            if self.on_adopt_error is None:
                raise
            await self.on_adopt_error(exc)
