"""Events into Kafka: a recording again, or the region's traffic as it is made.

Records carry their structure's pseudonym as key and go to the partition that any Kafka client would
choose for it. Their Kafka timestamp is `recorded_at`, but never earlier than now: Kafka's retention goes
by it, and would delete last year's traffic before anybody has read it.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from simulators.attacks.scenario import Scenario
from simulators.batches import BatchEncoder, in_windows
from simulators.pacing import Pace, window_ms
from simulators.partitions import partition_of, partitions_of
from simulators.recording import (
    Progress,
    RecordedBatch,
    Recording,
    SimulationSummary,
    no_progress,
    require_days,
)
from simulators.traffic import Extra, RegionTraffic, no_extra
from streams.codec import framing_header
from streams.errors import InputError, TransientError
from streams.registry import Registry
from streams.schemas import Schemas
from streams.topics import FLOWS, RECORD_OF_FLOW
from streams.wire import SINGLE_OBJECT_BYTES, SINGLE_OBJECT_MARKER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date
    from pathlib import Path
    from types import TracebackType

    from simulators.attacks.catalogue import Wanted
    from streams.kafka_access import KafkaAccess
    from streams.schemas import SchemaVersion

__all__ = ["Publisher", "partition_of", "partitions_of", "replay", "simulate_to_kafka"]

_CONNECT_TIMEOUT_MS: Final = 8_000
_TOPIC_TIMEOUT_MS: Final = 5_000
_FLUSH_TIMEOUT_S: Final = 60.0
_UNCONFIRMED_MAX: Final = 20_000
"""Records handed over before their confirmation is awaited; bounds the client's memory."""


class Publisher:
    """A Kafka producer that loses nothing silently.

    Args:
        access: which Kafka, and how.

    Raises:
        InputError: no server answers within some seconds, or it has no such topic.
    """

    def __init__(self, access: KafkaAccess, registry_url: str = "") -> None:
        from kafka import KafkaProducer  # noqa: PLC0415 (a second of import that files need not wait for)
        from kafka.errors import KafkaError  # noqa: PLC0415 (same)

        self._bootstrap = bootstrap = access.bootstrap
        self._error = KafkaError
        self._failures: list[BaseException] = []
        self._unconfirmed = 0
        self._partitions: dict[str, int] = {}
        self._schemas = Schemas.load()
        self._registry = Registry(registry_url) if registry_url else None
        # The client reports each refused connection; the one error below says it all.
        logging.getLogger("kafka").setLevel(logging.CRITICAL)
        try:
            self._producer: Any = KafkaProducer(
                **access.options(),
                acks="all",
                allow_auto_create_topics=False,  # they would come with the wrong partition count
                linger_ms=20,
                batch_size=262_144,
                bootstrap_timeout_ms=_CONNECT_TIMEOUT_MS,
                max_block_ms=_TOPIC_TIMEOUT_MS,
            )
        except (KafkaError, OSError, ValueError) as error:
            raise InputError(f"Kafka at {bootstrap}: cannot be reached ({_named(error)})") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._producer.close(timeout=0 if kind else _FLUSH_TIMEOUT_S)
        except self._error:
            # Whoever ends early waits for nothing, and has an error of its own to tell.
            if kind is None:
                raise

    def send(self, batch: RecordedBatch) -> None:
        """Hand over a batch; returns before Kafka has confirmed it.

        Raises:
            InputError: Kafka has no such topic.
            TransientError: Kafka did not take an earlier record.
        """
        count = self._partition_count(batch.flow)
        partitions = partitions_of([key.decode() for key in batch.keys], count).tolist()
        taken_ms = np.maximum(batch.recorded_ms, time.time_ns() // 1_000_000).tolist()
        rows = zip(batch.keys, self._framed(batch), partitions, taken_ms, strict=True)
        for key, value, partition, at_ms in rows:
            future = self._producer.send(
                batch.flow, value, key, partition=partition, timestamp_ms=at_ms
            )
            future.add_errback(self._failures.append)
        self._unconfirmed += len(batch)
        if self._unconfirmed >= _UNCONFIRMED_MAX:
            self.flush()

    def _framed(self, batch: RecordedBatch) -> list[bytes]:
        if self._registry is None:
            return batch.values
        # A recording may hold more than one version of its schema.
        written = {value[:SINGLE_OBJECT_BYTES] for value in batch.values}
        header_of = {
            header: framing_header(self._version(batch.flow, header), self._registry)
            for header in written
        }
        return [
            header_of[value[:SINGLE_OBJECT_BYTES]] + value[SINGLE_OBJECT_BYTES:]
            for value in batch.values
        ]

    def _version(self, flow: str, header: bytes) -> SchemaVersion:
        fingerprint = header[len(SINGLE_OBJECT_MARKER) :]
        version = self._schemas.by_fingerprint(RECORD_OF_FLOW[flow], fingerprint)
        if version is None:
            raise InputError(f"{flow}: a record of a schema version that is not kept")
        return version

    def flush(self) -> None:
        """Wait until Kafka has confirmed everything handed over.

        Raises:
            TransientError: it did not.
        """
        try:
            self._producer.flush(timeout=_FLUSH_TIMEOUT_S)
        except self._error as error:
            self._failures.append(error)
        self._unconfirmed = 0
        if self._failures:
            raise TransientError(
                f"Kafka at {self._bootstrap}: did not take every record"
                f" ({_named(self._failures[0])})"
            )

    def _partition_count(self, topic: str) -> int:
        if topic not in self._partitions:
            try:
                found = self._producer.partitions_for(topic)
            except self._error:
                found = None
            if not found:
                raise InputError(
                    f"Kafka at {self._bootstrap}: has no topic {topic}; create the topics first"
                )
            self._partitions[topic] = len(found)
        return self._partitions[topic]


def replay(
    *,
    directory: Path,
    access: KafkaAccess,
    speed: float = 1.0,
    shift_to_now: bool = False,
    progress: Progress = no_progress,
    registry_url: str = "",
) -> SimulationSummary:
    """Send a recording into Kafka in the order of arrival.

    Args:
        directory: the recording.
        access: which Kafka, and how.
        speed: recorded seconds per second; 0 is as fast as possible.
        shift_to_now: move all times so that the recording starts now. Event ids stay, so a second
            replay within the service's duplicate horizon counts as duplicates.
        progress: called with the number of events that were just handed over.
        registry_url: of a schema registry; if given, values travel in Confluent framing.

    Raises:
        InputError: no usable recording, a broken block, Kafka unreachable or without the topics.
        TransientError: Kafka stopped taking records.
    """
    _require_speed(speed)
    recording = Recording(directory)
    now_ms = time.time_ns() // 1_000_000
    shift_ms = now_ms - recording.first_recorded_ms() if shift_to_now else 0
    batches = recording.batches(window_ms(speed), shift_ms)
    return _send_all(access, batches, Pace(speed), progress, registry_url)


def simulate_to_kafka(
    *,
    access: KafkaAccess,
    start: date,
    days: int,
    seed: int,
    speed: float = 0.0,
    progress: Progress = no_progress,
    scale: float = 1.0,
    extra: Extra = no_extra,
    registry_url: str = "",
    attacks: Sequence[Wanted] = (),
) -> SimulationSummary:
    """Send the region's traffic into Kafka: the events of `simulate_to_directory`, in the same order.

    Args:
        access: which Kafka, and how.
        start: first local day.
        days: number of local days, at least 1.
        seed: any integer.
        speed: simulated seconds per second; 0 is as fast as possible.
        progress: called with the number of events that were just handed over.
        scale: size relative to the region.
        extra: more traffic, as `RegionTraffic.recorded` takes it.
        attacks: attacks and look-alikes that take place.
        registry_url: of a schema registry; if given, values travel in Confluent framing.

    Raises:
        InputError: `days` below 1, Kafka unreachable or without the topics.
        TransientError: Kafka stopped taking records.
    """
    require_days(start, days)
    _require_speed(speed)
    encoder = BatchEncoder(Schemas.load(), seed)
    traffic = RegionTraffic(seed, scale)
    scenario = Scenario(attacks, traffic, start, days)
    tables = traffic.recorded(start, days, extra, scenario.rewrite)
    batches = (encoder.batch(events) for events in in_windows(tables, window_ms(speed)))
    return _send_all(access, batches, Pace(speed), progress, registry_url)


def _send_all(
    access: KafkaAccess,
    batches: Iterable[RecordedBatch],
    pace: Pace,
    progress: Progress,
    registry_url: str,
) -> SimulationSummary:
    sent: Counter[str] = Counter()
    with Publisher(access, registry_url) as publisher:
        for batch in batches:
            pace.wait_for(int(batch.recorded_ms.max()))
            publisher.send(batch)
            sent[batch.flow] += len(batch)
            progress(len(batch))
        publisher.flush()
    return SimulationSummary({flow: sent[flow] for flow in FLOWS})


def _require_speed(speed: float) -> None:
    if not 0 <= speed < float("inf"):
        raise InputError(f"speed: must be 0 or more, not {speed}")


def _named(error: BaseException) -> str:
    return type(error).__name__
