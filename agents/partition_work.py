"""One partition's work between two checkpoints: what was processed, sent and not yet acknowledged."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from streams.observing import Observer, WorkerStatus
    from streams.processing import Outgoing, Processor

# Who has more than this to read is behind by more than what merely arrived meanwhile.
BEHIND_RECORDS = 4_096
# The flows of one fetch come slice by slice; a checkpoint that is overdue waits so long for the others.
GATHER_S = 0.05
# Processing goes on while a checkpoint is being written; this many times the size that forces one
# may pile up before processing waits for the broker.
BACKLOG_CHECKPOINTS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkLimits:
    """When to checkpoint.

    Attributes:
        interval_s: shortest time from one checkpoint to the next, unless bytes force it, and so the
            longest that a processed slice waits for one.
        max_bytes: pending changelog bytes that force one.
        behind: so many times `interval_s` pass while many records wait in any topic: nobody reads the
            newest figures then, what follows from the others' events comes as fast as they are read,
            and what comes and goes between two checkpoints is never written.
        behind_bytes: so many times `max_bytes` force one then. More than `behind`, since a backlog is
            read some ten times as fast as a region acts: time and not bytes should end the wait.
        quiet_interval_s: longest time that state which time alone changed waits for one. It is concluded
            from time again after a restart; a partition in which nothing happens would else write its
            header twice a second for ever.
    """

    interval_s: float
    max_bytes: int
    behind: int = 10
    behind_bytes: int = 32
    quiet_interval_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkPorts:
    """What a partition's work needs of the world.

    Attributes:
        send: hands a record to the producer, in order; gives the confirmation to await.
        append: writes to a table's changelog partition, in order, and waits for confirmation.
        may_write: whether this worker still owns its partitions.
    """

    send: Callable[[Outgoing], Awaitable[Awaitable[Any]]]
    append: Callable[[str, int, Sequence[tuple[bytes, bytes | None]]], Awaitable[None]]
    may_write: Callable[[], bool]


class PartitionWork:
    """A processor, its unacknowledged slices and its checkpoints, one at a time.

    Attributes:
        group: table name of the processor's group.
        partition: its number.
        is_writing: whether a checkpoint is on its way to the broker.
    """

    def __init__(
        self,
        group: str,
        partition: int,
        processor: Processor,
        *,
        limits: WorkLimits,
        ports: WorkPorts,
        observer: Observer,
        status: WorkerStatus,
        fail: Callable[[BaseException], Awaitable[None]],
    ) -> None:
        self.group = group
        self.partition = partition
        self.is_writing = False
        self._processor = processor
        self._limits = limits
        self._ports = ports
        self._observer = observer
        self._status = status
        self._fail = fail
        self._unacked: list[Any] = []
        self._outbox: deque[tuple[str, Sequence[Outgoing]]] = deque()
        self._confirmations: list[Awaitable[Any]] = []
        self._sending = asyncio.Lock()
        self._checkpointing = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._begun_s = asyncio.get_running_loop().time()
        self._is_touched = False
        self._task: asyncio.Task[None] | None = None
        self._due_again = False

    @property
    def _is_behind(self) -> bool:
        """Whether many records wait, of whichever topic that this worker reads."""
        return self._status.most_lag() > BEHIND_RECORDS

    def process(self, event: Any) -> None:
        """Process one slice; without awaiting, so that state and outbox change together."""
        message = event.message
        outgoing = self._processor.process(message.topic, message.records)
        self._unacked.append(event)
        # The offsets are enough from here on; the bytes may go, of which Faust's event holds a second
        # reference: unacknowledged, a backlog's slices would keep their whole fetches in memory.
        message.records = event.value = ()
        if outgoing:
            self._outbox.append((message.topic, outgoing))
        # Counted from the last checkpoint: what comes after a pause is durable, and seen, at once.
        since_s = asyncio.get_running_loop().time() - self._begun_s
        interval_s = self._limits.interval_s * (self._limits.behind if self._is_behind else 1)
        self._set_timer(max(min(GATHER_S, interval_s), interval_s - since_s))

    def pass_time(self, read_ms: Mapping[str, int]) -> None:
        """Tell the processor how far its topics were read; see `Processor.pass_time`."""
        outgoing = self._processor.pass_time(read_ms)
        if outgoing:
            self._outbox.append((next(iter(read_ms)), outgoing))
        if outgoing or self._processor.pending_bytes():
            self._is_touched = True
            self._set_timer(self._limits.quiet_interval_s)

    def _set_timer(self, delay_s: float) -> None:
        """Have a checkpoint made within `delay_s`; an earlier one that is set stays."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            if self._timer.when() <= loop.time() + delay_s:
                return
            self._timer.cancel()
        self._timer = loop.call_later(delay_s, self._start_checkpoint)

    async def after_slice(self) -> None:
        """Send what the slice caused and checkpoint if enough is pending."""
        await self._send_outbox()
        pending = self._processor.pending_bytes()
        most = self._limits.max_bytes * (self._limits.behind_bytes if self._is_behind else 1)
        if pending >= most:
            self._start_checkpoint()
            if pending >= BACKLOG_CHECKPOINTS * self._limits.max_bytes and self._task is not None:
                await self._task

    async def flush(self) -> None:
        """Checkpoint until nothing is unacknowledged, as long as we may write."""
        while (
            self._unacked or self._is_touched or self._checkpointing.locked()
        ) and self._ports.may_write():
            await self._checkpoint()

    def drop(self) -> None:
        """Forget everything; nothing is acknowledged any more."""
        self._cancel_timer()
        if self._task is not None:
            self._task.cancel()
        self._unacked.clear()
        self._outbox.clear()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start_checkpoint(self) -> None:
        self._due_again = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._guarded_checkpoint())

    async def _guarded_checkpoint(self) -> None:
        try:
            while self._due_again:
                self._due_again = False
                await self._checkpoint()
        except Exception as exc:  # noqa: BLE001  # nothing may be acknowledged after a failed send
            self._observer.checkpoint_failed(self.group, self.partition)
            await self._fail(exc)

    async def _send_outbox(self) -> None:
        async with self._sending:
            while self._outbox:
                topic, outgoing = self._outbox[0]
                # A cancelled send is repeated from here: twice is allowed, never is not.
                sent = [await self._ports.send(record) for record in outgoing]
                self._outbox.popleft()
                self._confirmations.extend(sent)
                self._observer.outgoing_sent(topic, self.partition, records=len(sent))

    async def _checkpoint(self) -> None:
        async with self._checkpointing:
            self._cancel_timer()
            if not (self._unacked or self._is_touched) or not self._ports.may_write():
                return
            started = time.perf_counter()
            self._begun_s = asyncio.get_running_loop().time()
            covered, self._unacked = self._unacked, []
            self._is_touched = False
            frozen = self._processor.checkpoint()
            self.is_writing = True
            await self._send_outbox()
            confirmations, self._confirmations = self._confirmations, []
            for confirmation in confirmations:
                await confirmation
            await self._ports.append(self.group, self.partition, frozen.writes)
            self.is_writing = False
            self._processor.confirm(frozen.token)
            for event in covered:
                event.ack()
            self._status.confirmed += 1
            self._observer.checkpoint_done(
                self.group,
                self.partition,
                writes=len(frozen.writes),
                size_bytes=sum(len(key) + len(value or b"") for key, value in frozen.writes),
                seconds=time.perf_counter() - started,
            )
