"""Builds the Faust app around groups of processors, and runs it.

    app = create_app(settings, groups, observer=…, status=…)          # pure construction, no I/O
    code = run_worker(settings, groups, subscriptions=…, observer=…,  # blocks until SIGTERM or SIGINT
                      services=(page,), status=WorkerStatus())

`groups` are `agents.shells.ProcessorGroup(topics, table_name, build)`, `subscriptions` are
`agents.shells.Subscription(topic, take, reset)`. `services` are functions that get the `WorkerStatus`
and give an async context manager, entered in the worker's loop before the app starts (so that a page
answers during recovery) and left after it ends. `status.ready` is the readiness, `status.lags()` the
lag per (topic, partition). `run_worker` returns 0 after an orderly stop; a failure or a stall ends the
process itself with 1 or 3 (streams.watchdog), because nothing may be committed after it.
`changelog_topics(settings, groups)` names the topics that the app creates by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

import faust
import mode
from aiokafka.errors import KafkaError

from agents.partition_work import WorkLimits
from agents.shells import Ports, ProcessorGroup, Shell, Subscription
from streams.acls import worker_rights
from streams.allocator import GIVE_BACK_EVERY_S, bound_heaps, give_back
from streams.collector import collect_seldom
from streams.consumer import SliceBinding, SliceTransport
from streams.faust_settings import faust_settings
from streams.kafka_access import kafka_access
from streams.kafka_clock import KafkaClock
from streams.observing import NullObserver, Observer, WorkerStatus
from streams.preflight import check_kafka
from streams.slices import SliceSchema
from streams.topic_admin import CHANGELOG_CONFIGS, prepare_worker
from streams.watchdog import EXIT_FAILED, Watchdog, describe, end_process

if TYPE_CHECKING:
    from streams.processing import Outgoing
    from streams.settings import Settings

Service = Callable[[WorkerStatus], AbstractAsyncContextManager[Any]]
Fail = Callable[[BaseException], None]

# Slices that wait between the fetcher and the processors; each holds up to `slice_max_records`
# records, so the queue is short. Faust's default counts 4096 messages.
QUEUED_SLICES = 8
# A quiet partition's accesses wait this long for the word that nothing else came before them.
PASS_TIME_EVERY_S = 0.5
# Longest wait for a record that asks for the brokers' time.
ASK_TIMEOUT_S = 5.0
CLOCK_KEY = b"clock"
# Giving up partitions must fit well into the time that a rebalance may take (streams.faust_settings).
FINISH_TIMEOUT_S = 20.0
# Orchestrators kill a worker 30 s after SIGTERM; before that it says itself what kept it.
STOP_TIMEOUT_S = 25.0


logger = logging.getLogger(__name__)


class SliceApp(faust.App):  # type: ignore[misc]  # Faust ships no types
    """A Faust app of slices.

    Attributes:
        binding: what its consumer needs to know.
        shell: drives the processors.
        tables_of_topics: the table of each processed topic's group.
    """

    binding: SliceBinding
    shell: Shell
    tables_of_topics: Mapping[str, Any]

    async def pass_time(self, margin_ms: int) -> None:
        """Tell the processors again and again how far their topics were read.

        Args:
            margin_ms: how long a record may take from its timestamp to the log.
        """

        def read_until_ms(topic: str, partition: int, next_offset: int) -> int | None:
            found: int | None = self.consumer.read_until_ms(topic, partition, next_offset)
            return None if found is None else found - margin_ms

        while True:
            await asyncio.sleep(PASS_TIME_EVERY_S)
            if self.binding.status.ready:
                if self.binding.clock.is_due:
                    await self._ask_the_time()
                await self.shell.pass_time(read_until_ms)

    async def _ask_the_time(self) -> None:
        """Write a record without meaning: its confirmation tells the brokers' time.

        Where events come, checkpoints do that; in a silence somebody has to. A deletion of a key that
        no checkpoint has changes nothing for whoever recovers, even from a worker that owns the
        partition no more.
        """
        for topic, partition in self.binding.status.positions:
            table = self.tables_of_topics.get(topic)
            if table is not None:
                try:
                    async with asyncio.timeout(ASK_TIMEOUT_S):
                        await table.append(partition, ((CLOCK_KEY, None),))
                except (KafkaError, TimeoutError):
                    logger.debug("Kafka did not tell the time")
                return

    async def refresh_highwaters(self) -> None:
        """Renew the ends of the sources' logs in `binding.status`."""
        await self.consumer.refresh_highwaters()

    def _create_directories(self) -> None:
        """Keep the disk clean: all state is in Kafka."""

    async def on_stop(self) -> None:
        """Take in nothing more, make everything processed durable, commit, then stop."""
        self.binding.status.phase = "stopping"
        if self._consumer is not None and self._consumer.started:
            consumer = self._consumer
            consumer.stop_flow()
            self.flow_control.suspend()
            self.flow_control.clear()
            await self.shell.finish()
            await consumer.commit_settled()
        await super().on_stop()


def changelog_topics(settings: Settings, groups: Sequence[ProcessorGroup]) -> tuple[str, ...]:
    """Names of the changelogs, as Faust makes them from group id and table name."""
    return tuple(f"{settings.group_id}-{group.table_name}-changelog" for group in groups)


def create_app(
    settings: Settings,
    groups: Sequence[ProcessorGroup],
    *,
    subscriptions: Sequence[Subscription] = (),
    observer: Observer | None = None,
    status: WorkerStatus | None = None,
    fail: Fail | None = None,
    may_write: Callable[[], bool] = lambda: True,
    idempotent: bool = True,
    clock: KafkaClock | None = None,
) -> SliceApp:
    """Build the app: agents, tables, transport, every setting explicit; nothing is started.

    Args:
        settings: of the service.
        groups: what to process.
        subscriptions: what to listen to.
        observer: told what happens.
        status: filled with phase and positions.
        fail: called with the reason when the worker cannot go on; default: end the process with 1.
        may_write: one more condition for writing checkpoints (the watchdog's).
        idempotent: whether Kafka grants producer ids (`streams.preflight`).
        clock: learns the brokers' time.
    """
    status = status or WorkerStatus()
    app = SliceApp(settings.group_id, **faust_settings(settings))
    tables: dict[str, Any] = {}

    async def end(exc: BaseException) -> None:
        (fail or _end_failed)(exc)

    async def send(record: Outgoing) -> Any:
        return await app.producer.send(
            record.topic,
            record.key,
            record.value,
            record.partition,
            None,
            list(record.headers) or None,
        )

    async def append(table: str, partition: int, writes: Any) -> None:
        await tables[table].append(partition, writes)

    app.shell = shell = Shell(
        groups,
        subscriptions,
        limits=WorkLimits(
            interval_s=settings.checkpoint_interval_ms / 1000,
            max_bytes=settings.checkpoint_max_bytes,
        ),
        finish_timeout_s=FINISH_TIMEOUT_S,
        ports=Ports(
            send=send,
            append=append,
            may_write=lambda: bool(app.consumer.is_member()) and may_write(),
            fail=end,
            generation=lambda: int(app.consumer_generation_id),
        ),
        observer=observer or NullObserver(),
        status=status,
    )
    replayed = frozenset(item.topic for item in subscriptions)
    app.binding = SliceBinding(
        slice_topics=replayed | {topic for group in groups for topic in group.topics},
        replay_topics=replayed,
        step_groups=tuple(group.topics for group in groups if len(group.topics) > 1),
        slice_max_records=settings.slice_max_records,
        idempotent=idempotent,
        status=status,
        clock=clock or KafkaClock(),
        finish=shell.finish,
    )
    app.transport = SliceTransport(app.conf.broker_consumer, app)
    for group in groups:
        table = app.Table(
            group.table_name,
            partitions=group.partitions or settings.partitions,
            key_type=bytes,
            value_type=bytes,
            recovery_buffer_size=200,
            extra_topic_configs=dict(CHANGELOG_CONFIGS),
        )
        table.adopt, table.on_adopt_error = shell.adopt, end
        table.on_confirmed = app.binding.clock.hear
        tables[group.table_name] = table
        _add_agent(app, group.table_name, group.topics, acks=True)
    app.tables_of_topics = {
        topic: tables[group.table_name] for group in groups for topic in group.topics
    }
    for item in subscriptions:
        _add_agent(app, item.topic, (item.topic,), acks=False)

    @app.on_partitions_assigned.connect  # type: ignore[untyped-decorator]
    async def begin(*_: Any, **__: Any) -> None:
        shell.begin_assignment()

    app.binding_signals = (begin,)  # signals hold their receivers weakly
    return app


def _add_agent(app: SliceApp, name: str, topics: tuple[str, ...], *, acks: bool) -> None:
    topic = app.topic(*topics, schema=SliceSchema(), maxsize=QUEUED_SLICES, acks=acks)

    async def process_slices(stream: Any) -> None:
        # Faust would acknowledge a slice behind our back, even after an exception (B9).
        async for event in stream.noack().events():
            await app.shell.take(event)
            # A full queue is taken from without a turn of the loop: several slices would hold up
            # everything else, the watchdog's tick included.
            await asyncio.sleep(0)

    app.agent(topic, name=f"slices-{name}", supervisor_strategy=mode.CrashingSupervisor)(
        process_slices
    )


def _end_failed(exc: BaseException) -> None:
    end_process(EXIT_FAILED, f"cannot go on: {describe(exc)}")


def _end_with_thread(hook: threading.ExceptHookArgs) -> None:
    """Without its consumer thread Faust would wait for ever (B20)."""
    name = hook.thread.name if hook.thread else "a thread"
    end_process(EXIT_FAILED, f"{name} died: {describe(hook.exc_value or hook.exc_type())}")


async def _give_back_memory() -> None:
    while True:
        await asyncio.sleep(GIVE_BACK_EVERY_S)
        # In a thread: it takes some milliseconds for every 100 MB.
        await asyncio.to_thread(give_back)


async def _stop(app: SliceApp) -> None:
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await app.stop()
    except TimeoutError:
        end_process(EXIT_FAILED, f"could not stop in order within {STOP_TIMEOUT_S:.0f} s")


def run_worker(
    settings: Settings,
    groups: Sequence[ProcessorGroup],
    *,
    subscriptions: Sequence[Subscription] = (),
    observer: Observer | None = None,
    services: Sequence[Service] = (),
    status: WorkerStatus | None = None,
    outputs: Sequence[str] = (),
    clock: KafkaClock | None = None,
) -> int:
    """Run a worker until SIGTERM or SIGINT; see the module's text.

    `outputs` are further topics that processors send to: they must exist before the first event. `clock`
    learns the brokers' time.

    Raises:
        ConfigError: a required setting is missing.
        InputError: Kafka does not answer, or a topic is missing or has other partitions.
    """
    bound_heaps()
    collect_seldom()
    return asyncio.run(
        _serve(
            settings,
            groups,
            subscriptions=subscriptions,
            observer=observer,
            services=services,
            status=status or WorkerStatus(),
            outputs=outputs,
            clock=clock,
        )
    )


async def _serve(
    settings: Settings,
    groups: Sequence[ProcessorGroup],
    *,
    subscriptions: Sequence[Subscription],
    observer: Observer | None,
    services: Sequence[Service],
    status: WorkerStatus,
    outputs: Sequence[str],
    clock: KafkaClock | None,
) -> int:
    wanted: dict[str, int | None] = {
        topic: group.partitions or settings.partitions for group in groups for topic in group.topics
    }
    wanted.update(dict.fromkeys([*(item.topic for item in subscriptions), *outputs]))
    idempotent = await check_kafka(kafka_access(settings), wanted)
    counts = (group.partitions or settings.partitions for group in groups)
    changelogs = dict(zip(changelog_topics(settings, groups), counts, strict=True))
    await asyncio.to_thread(prepare_worker, settings, changelogs, worker_rights(settings))
    watchdog = Watchdog(
        status,
        stall_timeout_s=settings.stall_timeout_s,
        session_timeout_s=settings.session_timeout_s,
    )
    app = create_app(
        settings,
        groups,
        subscriptions=subscriptions,
        observer=observer,
        status=status,
        may_write=watchdog.may_write,
        idempotent=idempotent,
        clock=clock,
    )
    threading.excepthook = _end_with_thread
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        for service in services:
            await stack.enter_async_context(service(status))
        watching = asyncio.create_task(watchdog.run(app.refresh_highwaters))
        telling = asyncio.create_task(app.pass_time(settings.decision_margin_ms))
        giving = asyncio.create_task(_give_back_memory())
        starting = asyncio.create_task(app.start())
        stopped = asyncio.create_task(stop.wait())
        crashed = asyncio.create_task(app.wait_until_stopped())
        await asyncio.wait({stopped, crashed}, return_when=asyncio.FIRST_COMPLETED)
        if app.crashed or not stop.is_set():
            _end_failed(app.crash_reason or RuntimeError("the app stopped by itself"))
        await _stop(app)
        tasks = (starting, crashed, watching, telling, giving)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return 0
