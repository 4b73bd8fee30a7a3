"""Faust's table recovery, corrected where it stalls or runs on for an assignment that is gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery

from streams.allocator import give_back

if TYPE_CHECKING:
    from faust.types import TP


class _RecoveryEnd(asyncio.Event):
    """Faust's end signal, which nobody may wait for once recovery has ended.

    Faust sets and clears the signal in one breath and sets it only once: if the changelogs are read
    before recovery begins to wait, it waits for ever (B18).
    """

    def __init__(self, recovery: Recovery) -> None:
        super().__init__()
        self._recovery = recovery

    async def wait(self) -> Any:
        if not self._recovery.in_recovery:
            return True
        return await super().wait()


class SliceRecovery(Recovery):  # type: ignore[misc]
    """Recovery that starts where the changelog starts and ends with its own assignment."""

    _revocations = 0
    _signal_recovery_end: asyncio.Event | None

    @property
    def signal_recovery_end(self) -> asyncio.Event:
        """See `_RecoveryEnd`."""
        if self._signal_recovery_end is None:
            self._signal_recovery_end = _RecoveryEnd(self)
        return self._signal_recovery_end

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Remember which assignment this recovery is for."""
        self._revocations = self.app.consumer.revocations
        self.app.binding.status.phase = "recovering"
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)

    def _is_stale(self, generation_id: int) -> bool:
        return bool(
            self._revocations != self.app.consumer.revocations
            or generation_id != self.app.consumer_generation_id
        )

    async def _build_offsets(
        self, consumer: Any, tps: set[TP], destination: Any, title: str
    ) -> None:
        """Read every changelog from its start: tables keep no entries (`streams.table`)."""
        for tp in tps:
            destination[tp] = None
            self.tp_to_table[tp].data.partitions.pop(tp.partition, None)
        await super()._build_offsets(consumer, tps, destination, title)

    async def _seek_offsets(self, consumer: Any, tps: set[TP], offsets: Any, title: str) -> None:
        """Seek behind the last offset seen.

        Faust seeks to it, which is one before the start of a changelog whose head was compacted or
        deleted: out of range, and recovery waits for a record that never comes (B17).
        """
        del title
        await consumer.seek_wait({tp: offsets[tp] + 1 for tp in tps})

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        """Build the state, then let the sources flow, unless the partitions are gone meanwhile.

        Faust resumes the sources even if they were revoked while the state was being built; what is
        processed then belongs to somebody else (B18).
        """
        app, consumer = self.app, self.app.consumer
        if self._is_stale(generation_id):
            return
        await app.on_rebalance_complete.send()
        self._set_recovery_ended()
        for table in self.tables.values():
            if self._is_stale(generation_id):
                return
            await table.on_recovery_completed(
                self.actives_for_table[table], self.standbys_for_table[table]
            )
        # What was read is state now; the bytes that it was read from go back.
        await asyncio.to_thread(give_back)
        assignment = consumer.assignment()
        if assignment:
            await self._wait(consumer.perform_seek(), timeout=app.conf.broker_request_timeout)
        if self._is_stale(generation_id):
            return
        consumer.resume_partitions({tp for tp in assignment if not self._is_changelog_tp(tp)})
        self.completed.set()
        app.flow_control.resume()
        consumer.resume_flow()
        await app._fetcher.maybe_start()  # noqa: SLF001  # Faust's own name for its fetcher
        self.tables.on_actives_ready()
        self.tables.on_standbys_ready()
        app.on_rebalance_end()
        app.binding.status.phase = "running"


class SliceTableManager(TableManager):  # type: ignore[misc]
    """A table manager with our recovery."""

    _recovery: SliceRecovery | None

    @property
    def recovery(self) -> SliceRecovery:
        """The recovery service, built at first use."""
        if self._recovery is None:
            self._recovery = SliceRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery
