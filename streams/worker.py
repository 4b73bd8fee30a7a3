"""The composition root: everything that a worker is made of, put together in one place.

Nothing imports this module but the command; it alone knows Faust's app, the pure core and the page at
the same time.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from agents.account_watch import WatchParams
from agents.declared_changes import read_declared_changes
from agents.detectors import decoys
from agents.findings import read_finding
from agents.findings_view import FindingsView
from agents.left_out import parse_left_out
from agents.objectives.declared import read_declaration
from agents.objectives.loading import load_objectives
from agents.objectives.view import ObjectivesView
from agents.partition_watch import PartitionWatchParams
from agents.region import ActivityProcessor, RegionCounts
from agents.region_processor import RegionProcessor
from agents.region_usage import RegionUsage
from agents.region_watch import RegionWatchParams
from agents.series import SeriesCodes
from agents.shard import ShardParams
from agents.shells import ProcessorGroup, Subscription
from agents.source import SourceProcessor
from agents.view import StreamClock, WorkerView
from metrics.access import AccessCounts
from metrics.registry import build_registry
from metrics.sessions import Sessions
from metrics.web import Monitor, Site, live_page
from metrics.web_access import Gate, Keys, beyond_loopback
from metrics.web_hosts import is_loopback
from metrics.web_requests import Proxies
from metrics.worker import WorkerMetrics
from streams.alertmanager import AlertmanagerPush
from streams.app import changelog_topics, run_worker
from streams.codec import SliceCodec
from streams.errors import ConfigError
from streams.kafka_clock import KafkaClock
from streams.observing import WorkerStatus
from streams.own_records import RecordReader
from streams.registry import Registry
from streams.schemas import Schemas
from streams.settings import PREFIX
from streams.tokens_file import TokensFile, session_key
from streams.topics import (
    ACTIVITY_COUNTS,
    ACTIVITY_MARKS,
    AUDIT,
    DEAD_LETTERS,
    DECLARATIONS,
    FINDINGS,
    FLOWS,
    REGION_CELLS,
    VERDICTS,
)
from streams.verdicts import Desk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agents.declared_changes import DeclaredChange
    from agents.left_out import LeftOutAccount
    from streams.event_time import Int64Array
    from streams.processing import Record
    from streams.settings import Settings

SOURCE = "source"
ACTIVITY = "activity"
REGION = "region"

_Parsed = TypeVar("_Parsed")

logger = logging.getLogger(__name__)


def shard_params(settings: Settings) -> ShardParams:
    """What the shards need to know of the settings.

    Raises:
        ConfigError: a file of the settings cannot be read.
        InputError: a line of it is wrong.
    """
    digests = _parsed(settings, "decoys_file", decoys.parse_decoys, frozenset[int]())
    nobody: tuple[LeftOutAccount, ...] = ()
    left_out = _parsed(settings, "left_out_file", parse_left_out, nobody)
    return ShardParams(
        departments=settings.departments,
        allowed_lateness_ms=settings.allowed_lateness_ms,
        duplicate_ids_max=settings.duplicate_ids_max,
        clock_skew_ms=settings.clock_skew_ms,
        watch=(
            PartitionWatchParams(
                watch=WatchParams(decoys=decoys.Params(digests=digests)), left_out=left_out
            )
            if settings.watch == "on"
            else None
        ),
    )


def region_params(settings: Settings) -> RegionWatchParams:
    """What the region's watch needs to know of the settings.

    Raises:
        ConfigError: a file of the settings cannot be read.
        InputError: a line of it is wrong.
    """
    none: tuple[DeclaredChange, ...] = ()
    changes = _parsed(settings, "changes_file", read_declared_changes, none)
    return RegionWatchParams(partitions=settings.partitions, changes=changes)


def _parsed(
    settings: Settings, name: str, parse: Callable[[str, str], _Parsed], empty: _Parsed
) -> _Parsed:
    path: str = getattr(settings, name)
    if not path:
        return empty
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        setting = f"{PREFIX}{name.upper()}"
        raise ConfigError(f"{setting}: {path} cannot be read as text") from None
    return parse(text, path)


def keys_of(settings: Settings) -> Keys | None:
    """What opens the page; `None` where nobody but this machine can reach it and no tokens are set.

    Raises:
        ConfigError: the page would listen beyond loopback without tokens, or a file cannot be used.
    """
    proxies = Proxies.parse(settings.trusted_proxies)
    if not settings.tokens_file:
        for name in ("session_key_file", "trusted_proxies"):
            if getattr(settings, name):
                raise ConfigError(f"{PREFIX}{name.upper()}: needs {PREFIX}TOKENS_FILE")
        if not is_loopback(settings.http_host):
            raise ConfigError(beyond_loopback(settings.http_host))
        return None
    page = urlsplit(settings.page_url)
    is_local = is_loopback(settings.http_host) or is_loopback(page.hostname or "")
    if not is_local and page.scheme != "https":
        logger.warning(
            "tokens cross the network in clear, unless a proxy before the page speaks TLS"
        )
    tokens = TokensFile(settings.tokens_file, _steady_ms)
    return Keys(tokens, Sessions(session_key(settings.session_key_file)), proxies)


def changelogs(settings: Settings) -> tuple[str, ...]:
    """Names of the changelog topics that a worker of these settings writes."""
    return changelog_topics(settings, Worker(settings).groups())


class _Housekeeping(WorkerMetrics):
    """Drops a partition's processor from the view when the partition goes away."""

    def __init__(self, status: WorkerStatus, shards: dict[int, SourceProcessor]) -> None:
        super().__init__(status)
        self._shards = shards

    def revoked(self, topic: str, partition: int) -> None:
        super().revoked(topic, partition)
        if topic in FLOWS:
            self._shards.pop(partition, None)


@dataclass
class Worker:
    """The parts of one worker process.

    Attributes:
        settings: of the service.
        status: phase and positions.
        usage: what the region's structures did, month by month.
    """

    settings: Settings
    status: WorkerStatus = field(default_factory=WorkerStatus)

    def __post_init__(self) -> None:
        settings = self.settings
        self._keys = keys = keys_of(settings)
        self._access = AccessCounts(int if keys is None else lambda: keys.tokens.problems)
        registry = Registry(settings.schema_registry_url) if settings.schema_registry_url else None
        schemas = Schemas.load()
        self._codec = SliceCodec(schemas, registry)
        self._reader = RecordReader(schemas, registry)
        self._params = shard_params(settings)
        self._region_params = region_params(settings)
        self._codes = SeriesCodes(settings.departments)
        self._shards: dict[int, SourceProcessor] = {}
        self._region = RegionCounts()
        self.usage = RegionUsage()
        clock = StreamClock(settings.clock_skew_ms)
        self._view = WorkerView(
            codes=self._codes,
            shards=self._shards,
            region=self._region,
            clock=clock,
            small_cell_min=settings.small_cell_min,
        )
        self._metrics = _Housekeeping(self.status, self._shards)
        self._findings = FindingsView(
            lambda value: read_finding(value, self._reader),
            lambda: self.status.lags().get((FINDINGS, 0)),
        )
        self._kafka_clock = KafkaClock()
        # By the brokers' clock: an alert whose end lies in the past is none, and our own may be wrong.
        self._push = AlertmanagerPush(settings, self._findings, clock=self._kafka_clock.best_ms)
        self._objectives = ObjectivesView(
            objectives=load_objectives(settings.objectives_dir, settings.departments),
            usage=self.usage,
            read=lambda value: read_declaration(value, self._reader),
            is_at_end=lambda: _at_end(self.status, ACTIVITY_COUNTS, DECLARATIONS),
            clock=clock.now_ms,
            departments=settings.departments,
            small_cell_min=settings.small_cell_min,
        )

    def groups(self) -> tuple[ProcessorGroup, ...]:
        """What is processed: the partitions of flows and verdicts, the marks', the region's cells."""
        return (
            ProcessorGroup(
                (*FLOWS, VERDICTS),
                SOURCE,
                self._build_source,
                adopted=self._shards.__setitem__,
            ),
            ProcessorGroup((ACTIVITY_MARKS,), ACTIVITY, self._build_activity),
            ProcessorGroup((REGION_CELLS,), REGION, self._build_region, partitions=1),
        )

    def subscriptions(self) -> tuple[Subscription, ...]:
        """What is listened to: the region's counts, its findings, declared figures."""
        return (
            Subscription(ACTIVITY_COUNTS, self._take_counts, self._forget_counts),
            Subscription(FINDINGS, self._findings.take, self._findings.reset),
            Subscription(DECLARATIONS, self._objectives.take, self._objectives.reset),
        )

    def run(self, *, fallback: bool, announce: Callable[[Site], None]) -> int:
        """Serve until SIGTERM or SIGINT; give back the exit code.

        Args:
            fallback: take any free port if the settings' is taken.
            announce: told where the page listens.

        Raises:
            ConfigError: a setting is missing or wrong.
            InputError: Kafka does not answer, or its topics do not fit.
        """
        settings = self.settings
        registry = build_registry(
            self._view,
            self._metrics,
            _wall_ms,
            self._findings,
            self._push.rows,
            objectives=self._objectives,
            access=self._access,
        )
        desk = Desk(settings, self._findings, self._codec)
        gate = Gate(self._access, _wall_ms, self._keys, page_url=settings.page_url)
        monitor = Monitor(
            registry,
            self._view,
            self._metrics,
            _wall_ms,
            self._findings,
            desk=desk,
            objectives=self._objectives,
            gate=gate,
            counts=self._access,
        )
        page = live_page(
            monitor,
            settings.http_host,
            settings.http_port,
            fallback=fallback,
            announce=announce,
            page_url=settings.page_url,
        )
        return run_worker(
            settings,
            self.groups(),
            subscriptions=self.subscriptions(),
            observer=self._metrics,
            services=(page, self._push.service),
            status=self.status,
            outputs=(DEAD_LETTERS, AUDIT),
        )

    def _build_source(self, partition: int) -> SourceProcessor:
        return SourceProcessor(
            partition=partition,
            codec=self._codec,
            reader=self._reader,
            params=self._params,
            codes=self._codes,
            mark_partitions=self.settings.partitions,
            counted=self._counted,
        )

    def _build_activity(self, partition: int) -> ActivityProcessor:
        return ActivityProcessor(partition=partition)

    def _build_region(self, partition: int) -> RegionProcessor:
        return RegionProcessor(partition=partition, codec=self._codec, params=self._region_params)

    def _counted(self, flow: str, times_ms: Int64Array) -> None:
        self._view.counted(flow, times_ms, _wall_ms())

    def _take_counts(self, _partition: int, records: Sequence[Record]) -> None:
        for record in records:
            self._region.take(record.key, record.value)
            self.usage.take(record.key, record.value)

    def _forget_counts(self) -> None:
        self._region.clear()
        self.usage.clear()


def _at_end(status: WorkerStatus, *topics: str) -> bool | None:
    """Whether topics of one partition are read to their ends; `None` where one is not held here."""
    lags = [status.lags().get((topic, 0)) for topic in topics]
    return None if None in lags else not any(lags)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _steady_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def run(
    settings: Settings,
    *,
    fallback: bool = False,
    announce: Callable[[Site], None] = lambda _site: None,
) -> int:
    """Run one worker of these settings; see `Worker.run`."""
    return Worker(settings).run(fallback=fallback, announce=announce)
