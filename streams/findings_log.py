"""Reads Vigie's topics, judges and audits, for commands: no group, no commit, nothing kept."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, Self

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from agents.findings import newest_of, read_finding
from streams.audit import AuditEntry
from streams.audit_log import note_entry
from streams.codec import SliceCodec
from streams.command_user import command_actor
from streams.errors import InputError
from streams.kafka_access import kafka_access
from streams.own_records import RecordReader
from streams.recordwise import BadRecordError
from streams.registry import Registry
from streams.schemas import Schemas
from streams.topics import FINDINGS, VERDICTS
from streams.verdicts import publish_verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from agents.findings import Finding, Verdict
    from streams.audit import Act
    from streams.kafka_access import KafkaAccess
    from streams.settings import Settings

_CONNECT_MS: Final = 6_000
_REQUEST_MS: Final = 8_000
_POLL_MS: Final = 300
_POLL_RECORDS: Final = 10_000


class FindingsLog:
    """The topics as a command sees them, for as long as the `with` block lasts.

    Args:
        settings: which Kafka, which registry.

    Raises:
        ConfigError: no Kafka is set.
        InputError: Kafka does not answer.
    """

    def __init__(self, settings: Settings) -> None:
        self._access = access = kafka_access(settings)
        self._actor = command_actor(settings)
        self._registry = (
            Registry(settings.schema_registry_url) if settings.schema_registry_url else None
        )
        self._schemas = Schemas.load()
        self._consumer = _connect(
            access,
            lambda: KafkaConsumer(
                **access.options(),
                bootstrap_timeout_ms=_CONNECT_MS,
                request_timeout_ms=_REQUEST_MS,
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                max_poll_records=_POLL_RECORDS,
                client_id="vigie-findings",
            ),
        )
        self._reader = RecordReader(self._schemas, self._registry)

    @property
    def reader(self) -> RecordReader:
        """Reads single records of Vigie's own topics."""
        return self._reader

    @property
    def codec(self) -> SliceCodec:
        """Decodes the flows."""
        return SliceCodec(self._schemas, self._registry)

    def findings(self) -> dict[str, Finding]:
        """The newest revision of every finding, by id."""
        found: dict[str, Finding] = {}
        for records in self.records(FINDINGS):
            _newest(found, self._read(records))
        return found

    def follow(self, until_s: float | None = None) -> Iterator[list[Finding]]:
        """Every finding of the topic, then every new revision as it comes; the first list is whole.

        Args:
            until_s: `time.monotonic()` at which to end; `None` for never.
        """
        found = self.findings()
        yield list(found.values())
        seen = {name: one.revision for name, one in found.items()}
        while until_s is None or time.monotonic() < until_s:
            polled = self._consumer.poll(timeout_ms=_POLL_MS)
            for one in self._read([r for records in polled.values() for r in records]):
                if seen.get(one.finding_id, -1) < one.revision:
                    seen[one.finding_id] = one.revision
                    yield [one]

    def records(self, topic: str, since_ms: int | None = None) -> Iterator[list[Any]]:
        """The records of a topic up to its present end.

        Args:
            topic: its name.
            since_ms: leave out records with an earlier Kafka time; `None` for all.

        Raises:
            InputError: Kafka has no such topic, or refuses.
        """
        consumer = self._consumer
        try:
            partitions = consumer.partitions_for_topic(topic)
            if not partitions:
                raise InputError(f"{topic}: no such topic in Kafka; vigie topics --create makes it")
            places = [TopicPartition(topic, number) for number in sorted(partitions)]
            consumer.assign(places)
            ends = consumer.end_offsets(places)
            self._seek(places, ends, since_ms)
            silent = False
            # Some brokers tell ends that lie before the last batch's end: silence ends a log as well.
            while not (silent and all(consumer.position(place) >= ends[place] for place in places)):
                polled = consumer.poll(timeout_ms=_POLL_MS)
                silent = not polled
                yield [record for records in polled.values() for record in records]
        except KafkaError as error:
            raise InputError(
                f"Kafka at {self._access.bootstrap}: {topic}: {type(error).__name__}"
            ) from None

    def publish(self, verdict: Verdict) -> None:
        """Send a verdict to where its structure's events go, and wait until Kafka has confirmed it.

        The audit's entry of it goes first.

        Raises:
            InputError: Kafka has no such topic.
            TransientError: it was not confirmed.
        """
        if not self._consumer.partitions_for_topic(VERDICTS):
            raise InputError(f"{VERDICTS}: no such topic in Kafka; vigie topics --create makes it")
        publish_verdict(self._access, verdict, self._actor, self.codec)

    def note(self, act: Act, detail: str, finding_id: str, **figures: int) -> None:
        """Write into the audit what this command is about to do; returns once Kafka has confirmed it.

        Args:
            act: what is about to be done.
            detail: of it.
            finding_id: of the finding that it is about.
            figures: `window_start_ms`, `window_end_ms`, `count`.

        Raises:
            InputError: Kafka has no such topic.
            TransientError: it was not confirmed.
        """
        now_ms = time.time_ns() // 1_000_000
        entry = AuditEntry(now_ms, self._actor, act, detail, finding_id, **figures)
        note_entry(self._access, entry, self.codec)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._consumer.close()

    def _seek(self, places: list[Any], ends: dict[Any, int], since_ms: int | None) -> None:
        self._consumer.seek_to_beginning(*places)
        if since_ms is None:
            return
        found = self._consumer.offsets_for_times(dict.fromkeys(places, since_ms))
        for place in places:
            first = found.get(place)
            self._consumer.seek(place, ends[place] if first is None else first.offset)

    def _read(self, records: Sequence[Any]) -> Iterator[Finding]:
        for record in records:
            try:
                yield read_finding(record.value, self._reader)
            except BadRecordError:
                continue  # the worker counts what is no finding (findings_unreadable_total)


def _newest(found: dict[str, Finding], several: Iterator[Finding]) -> None:
    for one in several:
        found[one.finding_id] = newest_of(found.get(one.finding_id), one)


def _connect(access: KafkaAccess, build: Callable[[], Any]) -> Any:
    try:
        return build()
    except ValueError:
        raise InputError(
            f"VIGIE_KAFKA_BOOTSTRAP: {access.bootstrap} is not `host:port[,host:port…]`"
        ) from None
    except (KafkaError, OSError):
        raise InputError(f"VIGIE_KAFKA_BOOTSTRAP: no Kafka answers at {access.bootstrap}") from None
