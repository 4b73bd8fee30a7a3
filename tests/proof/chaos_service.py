"""A whole service on loopback, and everything that can be done to it.

Three brokers, three workers that are started again whenever they end (as an orchestrator does), a schema
registry, a real Alertmanager and whoever it notifies. Nothing here waits: acts begin and end, and `tend`
is called again and again in between.
"""

from __future__ import annotations

import contextlib
import resource
import sys
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from streams.settings import Settings
from streams.topic_admin import ensure_topics
from tests.proof.chaos_plan import WORKERS, Act, Kind
from tests.support.registry_server import RegistryServer
from tests.support.servers_alertmanager import Alertmanager, Pager
from tests.support.servers_kafka import KafkaCluster
from tests.support.servers_process import ServerError
from tests.support.servers_worker import Worker

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from tests.proof.chaos_traffic import Traffic

PARTITIONS: Final = 8
FOURTH: Final = WORKERS
"""The slot of the worker that joins and leaves."""
_RESTART_AFTER_S: Final = 1.0
_PULSE_S: Final = (0.5, 0.3)
"""A slow broker stands still and goes on, for so long each."""
_JUMPS_S: Final = {Kind.CLOCK_AHEAD: 7_200.0, Kind.CLOCK_BEHIND: -7_200.0}
_CHANGELOG: Final = "vigie-source-changelog"
_SMALLEST_FILE_BYTES: Final = 1


@dataclass
class _Slot:
    """One worker's place."""

    worker: Worker
    clock: Path
    wanted: bool = False
    is_stopped: bool = False
    start_at_s: float = 0.0
    exits: Counter[int] = field(default_factory=Counter)


class Service:
    """Everything that runs, from `with` to its end.

    Args:
        directory: where everything writes; must be empty.
        margin_ms: the workers' decision margin.
        session_timeout_s: of the workers.

    Attributes:
        settings: of the workers.
        exits: how workers ended that nobody had told to, by exit code.
    """

    def __init__(self, directory: Path, *, margin_ms: int, session_timeout_s: int) -> None:
        self._directory = directory
        self._stack = ExitStack()
        self.registry = RegistryServer()
        self.kafka = KafkaCluster(directory / "kafka", brokers=3)
        self.pager = Pager()
        self.alertmanager = Alertmanager(directory / "alertmanager", webhook=self.pager.url)
        self._margin_ms, self._session_timeout_s = margin_ms, session_timeout_s
        self._slots: list[_Slot] = []
        self._pulse_at_s: dict[int, tuple[float, bool]] = {}
        self.exits: Counter[int] = Counter()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self._close_slots)
            self.registry.up()
            stack.callback(self.registry.down)
            stack.enter_context(self.kafka)
            stack.enter_context(self.pager)
            stack.enter_context(self.alertmanager)
            self.settings = Settings(
                kafka_bootstrap=self.kafka.bootstrap,
                partitions=PARTITIONS,
                replication=3,
                schema_registry_url=self.registry.url,
                decision_margin_ms=self._margin_ms,
            )
            ensure_topics(self.settings, create=True)
            self._slots = [self._slot(number) for number in range(WORKERS + 1)]
            for number in range(WORKERS):
                self._begin(number)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def workers(self) -> list[Worker]:
        """Those that ought to run."""
        return [slot.worker for slot in self._slots if slot.wanted]

    def tend(self) -> None:
        """Start again what ended, and keep slow brokers slow; called several times a second."""
        now_s = time.monotonic()
        for slot in self._slots:
            process = slot.worker.process
            if not slot.wanted or process.running:
                continue
            if not slot.start_at_s:
                code = process.returncode
                if code is not None:
                    self.exits[code] += 1
                slot.start_at_s = now_s + _RESTART_AFTER_S
            elif now_s >= slot.start_at_s:
                slot.start_at_s = 0.0
                process.start()
        for index, (at_s, is_still) in self._pulse_at_s.items():
            if now_s >= at_s:
                broker = self.kafka.process(index)
                (broker.resume if is_still else broker.suspend)()
                self._pulse_at_s[index] = now_s + _PULSE_S[is_still], not is_still

    def begin(self, act: Act, traffic: Traffic) -> None:  # noqa: C901, PLR0912 (one arm per kind)
        """Let an act begin."""
        slot, broker = self._slots[act.target], self.kafka.process(act.target)
        match act.kind:
            case Kind.KILL_WORKER:
                slot.worker.process.kill()
                slot.start_at_s = time.monotonic() + act.hold_s
            case Kind.KILL_BROKER:
                broker.kill()
            case Kind.PAUSE_WORKER | Kind.STOP_WORKER:
                slot.worker.process.suspend()
            case Kind.STOP_BROKER:
                broker.suspend()
            case Kind.SLOW_BROKER:
                self._pulse_at_s[act.target] = 0.0, False
            case Kind.LEAVE:
                slot.wanted = False
                code = slot.worker.process.terminate()
                if code:
                    raise ServerError(f"a worker that was told to leave ended with {code}")
            case Kind.JOIN:
                self._begin(FOURTH)
            case Kind.DISK_FULL:
                # What a full disk does to a broker's writes: each fails with an input/output error.
                limit = (_SMALLEST_FILE_BYTES, resource.RLIM_INFINITY)
                resource.prlimit(broker.pid, resource.RLIMIT_FSIZE, limit)
            case Kind.CHANGELOG_BUSY:
                self._configure(_CHANGELOG, "min.insync.replicas", "4")
            case Kind.CHANGELOG_REFUSES:
                self._configure(_CHANGELOG, "max.message.bytes", "100")
            case Kind.CLOCK_AHEAD | Kind.CLOCK_BEHIND:
                _set_clock(slot.clock, _JUMPS_S[act.kind])
            case Kind.ALERTMANAGER_AWAY:
                self.alertmanager.process.kill()
            case Kind.REGISTRY_AWAY:
                self.registry.down()
            case Kind.REPEATS:
                traffic.unruly = True
            case Kind.WRONG_DATES:
                traffic.wrong_dates = True

    def end(self, act: Act, traffic: Traffic) -> None:  # noqa: C901, PLR0912 (same)
        """Let an act end: what was taken away comes back."""
        slot, broker = self._slots[act.target], self.kafka.process(act.target)
        match act.kind:
            case Kind.KILL_WORKER:
                pass  # `tend` starts it
            case Kind.KILL_BROKER:
                broker.start()
            case Kind.DISK_FULL:
                broker.close()
                broker.start()
            case Kind.PAUSE_WORKER | Kind.STOP_WORKER:
                slot.worker.process.resume()
            case Kind.STOP_BROKER:
                broker.resume()
            case Kind.SLOW_BROKER:
                del self._pulse_at_s[act.target]
                broker.resume()
            case Kind.LEAVE:
                self._begin(act.target)
            case Kind.JOIN:
                self._slots[FOURTH].wanted = False
                code = self._slots[FOURTH].worker.process.terminate()
                if code:
                    raise ServerError(f"the fourth worker ended with {code}")
            case Kind.CHANGELOG_BUSY:
                self._configure(_CHANGELOG, "min.insync.replicas", "2")
            case Kind.CHANGELOG_REFUSES:
                self._configure(_CHANGELOG, "max.message.bytes", "2097152")
            case Kind.CLOCK_AHEAD | Kind.CLOCK_BEHIND:
                _set_clock(slot.clock, 0.0)
            case Kind.ALERTMANAGER_AWAY:
                self.alertmanager.process.start()
            case Kind.REGISTRY_AWAY:
                self.registry.up()
            case Kind.REPEATS:
                traffic.unruly = False
            case Kind.WRONG_DATES:
                traffic.wrong_dates = False

    def stop_workers(self) -> list[int]:
        """SIGTERM to all; their exit codes."""
        codes = []
        for slot in self._slots:
            slot.wanted = False
            if slot.worker.process.running:
                codes.append(slot.worker.process.terminate())
        return codes

    def _begin(self, number: int) -> None:
        slot = self._slots[number]
        slot.wanted, slot.start_at_s = True, 0.0
        slot.worker.process.start()

    def _slot(self, number: int) -> _Slot:
        clock = self._directory / f"clock-{number}"
        _set_clock(clock, 0.0)
        worker = Worker(
            self._directory,
            f"worker-{number}",
            bootstrap=self.kafka.bootstrap,
            command=(sys.executable, "-m", "tests.proof.wandering_clock", str(clock), "worker"),
            partitions=PARTITIONS,
            replication=3,
            decision_margin_ms=self._margin_ms,
            session_timeout_s=self._session_timeout_s,
            schema_registry_url=self.registry.url,
            alertmanager_urls=self.alertmanager.url,
        )
        return _Slot(worker, clock)

    def _close_slots(self) -> None:
        for slot in self._slots:
            slot.wanted = False
            slot.worker.process.close()

    def _configure(self, topic: str, name: str, value: str) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        with contextlib.closing(admin):
            admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {name: value})])


def _set_clock(path: Path, off_s: float) -> None:
    passing = path.with_suffix(".new")
    passing.write_text(str(off_s))
    passing.replace(path)
