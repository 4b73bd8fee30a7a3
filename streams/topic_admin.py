"""Creates Vigie's topics in Kafka and holds those that exist against the table.

A topic that exists is never altered: a partition count that grows would send a structure's events to
another partition than its state, and what somebody set on purpose is theirs. It is only named.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import (
    CoordinatorNotAvailableError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAlreadyExistsError,
)

from streams.acls import STATE_TABLES, changelog_names
from streams.errors import InputError
from streams.kafka_access import kafka_access
from streams.topics import TOPICS, TopicSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from streams.acls import Right
    from streams.kafka_access import KafkaAccess
    from streams.settings import Settings

_CONNECT_MS = 6_000
_REQUEST_MS = 8_000
FURTHEST_AHEAD_MS = 3_600_000
"""Kafka refuses records of the flows that are dated further ahead of its own time."""
_ANY_TIME_MS = 2**63 - 1
_VERIFIED = ("cleanup.policy", "retention.ms", "max.message.bytes", "message.timestamp.type")
# Small segments let compaction take hold of a changelog soon.
CHANGELOG_CONFIGS = {
    "cleanup.policy": "compact",
    "max.message.bytes": "2097152",
    "segment.bytes": "67108864",
    # Confirmations then tell the brokers' time (streams.kafka_clock).
    "message.timestamp.type": "LogAppendTime",
}


@dataclass(frozen=True, slots=True)
class WantedTopic:
    """A topic as it should be in Kafka."""

    name: str
    partitions: int
    configs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TopicState:
    """What became of one topic.

    Attributes:
        name: of the topic.
        exists: it is in Kafka now.
        created: this call made it.
        partitions: as they are in Kafka; 0 without the topic.
        differences: a sentence each; empty when the topic is as it should be.
        untold: settings that this broker does not tell, so that nobody can verify them.
    """

    name: str
    exists: bool
    created: bool
    partitions: int
    differences: tuple[str, ...] = ()
    untold: tuple[str, ...] = field(default=())


def wanted_topics(settings: Settings, *, replays: bool = False) -> tuple[WantedTopic, ...]:
    """Every topic that a worker of these settings needs, changelogs included (pure).

    Args:
        settings: of the service.
        replays: let records of the flows be dated as far ahead as anybody likes.
    """
    changelogs = (
        WantedTopic(name, partitions or settings.partitions, CHANGELOG_CONFIGS)
        for name, partitions in zip(changelog_names(settings), STATE_TABLES.values(), strict=True)
    )
    return (*(_wanted(spec, settings, replays) for spec in TOPICS.values()), *changelogs)


def ensure_topics(settings: Settings, *, create: bool, replays: bool = False) -> list[TopicState]:
    """Verify the topics, creating those that are missing if `create` says so, for `replays` or not.

    Raises:
        ConfigError: no Kafka is set.
        InputError: Kafka does not answer, or refuses to create a topic.
    """
    wanted = wanted_topics(settings, replays=replays)
    with _admin(kafka_access(settings)) as admin:
        found = _describe(admin)
        missing = [topic for topic in wanted if topic.name not in found]
        if create and missing:
            for topic in missing:
                _create(admin, topic, settings.replication)
            found = _describe(admin)
        told = _configs(admin, [topic.name for topic in wanted if topic.name in found])
    made = {topic.name for topic in missing} if create else set()
    return [
        _state(topic, found.get(topic.name), told.get(topic.name, {}), settings, topic.name in made)
        for topic in wanted
    ]


def prepare_worker(
    settings: Settings, counts: Mapping[str, int], rights: Sequence[Right] = ()
) -> None:
    """Make the changelogs that are missing and hold the worker's rights against what it needs.

    Faust makes a missing changelog while it starts; a worker whose assignment comes before Kafka tells
    of the new topic gets sources without their state, and ends at the first slice. And a right that
    is missing would be noticed when the first record is to be written, or never.

    Args:
        settings: of the service.
        counts: partition count by changelog.
        rights: what the worker must be allowed; topics that are not there are passed over, and so is
            everything if the broker does not tell.

    Raises:
        InputError: Kafka refuses to create a changelog, one has other partitions, or a right is missing.
    """
    with _admin(kafka_access(settings)) as admin:
        _make_changelogs(admin, settings, counts)
        found = _describe(admin)
        for right in rights:
            if right.kind == "group":
                granted = _granted_on_group(admin, right.name)
            else:
                granted = found.get(right.name, {}).get("authorized_operations")
            if granted is None:
                continue
            missing = [name for name in right.operations if name not in granted]
            if missing:
                raise InputError(
                    f"{right.kind} {right.name}: Kafka does not allow this worker to"
                    f" {' and '.join(missing)}; vigie acls lists what it needs"
                )


def _granted_on_group(admin: Any, group_id: str) -> list[str] | None:
    try:
        told = admin.describe_groups([group_id], include_authorized_operations=True)
    except GroupAuthorizationFailedError:
        return []
    except CoordinatorNotAvailableError:
        return None  # a cluster that never had a group makes its offsets' topic first
    except ValueError:
        return None  # the embedded broker tells operations that Kafka does not know
    granted: list[str] | None = told[group_id].get("authorized_operations")
    return granted


def _make_changelogs(admin: Any, settings: Settings, counts: Mapping[str, int]) -> None:
    found = _describe(admin)
    for name, count in counts.items():
        if name not in found:
            _create(admin, WantedTopic(name, count, CHANGELOG_CONFIGS), settings.replication)
        elif len(found[name]["partitions"]) != count:
            raise InputError(
                f"{name}: has {len(found[name]['partitions'])} partitions, {count} are needed"
            )


def _wanted(spec: TopicSpec, settings: Settings, replays: bool) -> WantedTopic:
    configs = {
        "cleanup.policy": spec.cleanup,
        "max.message.bytes": str(spec.max_message_bytes),
    }
    if spec.owner == "source":
        # Accesses are judged in the order of Kafka's times, which producers set and which never fall:
        # one record that is dated years ahead would leave a partition's accesses unjudged for years.
        # Kafka 4 has this bound by itself (KIP-1030), Kafka 3 has none.
        furthest_ms = _ANY_TIME_MS if replays else FURTHEST_AHEAD_MS
        configs["message.timestamp.after.max.ms"] = str(furthest_ms)
    if spec.retention_ms is not None:
        configs["retention.ms"] = str(spec.retention_ms)
    partitions = settings.partitions if spec.partitions == "shared" else spec.partitions
    return WantedTopic(spec.name, partitions, configs)


@contextmanager
def _admin(access: KafkaAccess) -> Iterator[Any]:
    bootstrap = access.bootstrap
    unreachable = InputError(f"VIGIE_KAFKA_BOOTSTRAP: no Kafka answers at {bootstrap}")
    try:
        admin = KafkaAdminClient(
            **access.options(),
            bootstrap_timeout_ms=_CONNECT_MS,
            request_timeout_ms=_REQUEST_MS,
            client_id="vigie-topics",
        )
    except ValueError:
        raise InputError(
            f"VIGIE_KAFKA_BOOTSTRAP: {bootstrap} is not `host:port[,host:port…]`"
        ) from None
    except (KafkaError, OSError):
        raise unreachable from None
    try:
        yield admin
    except KafkaError as error:
        raise InputError(f"Kafka at {bootstrap}: {type(error).__name__}") from None
    finally:
        admin.close()


def _describe(admin: Any) -> dict[str, dict[str, Any]]:
    # All topics are asked for: naming one that is missing would create it on some brokers.
    return {topic["name"]: topic for topic in admin.describe_topics() if not topic["error_code"]}


def _create(admin: Any, topic: WantedTopic, replication: int) -> None:
    options = {
        "num_partitions": topic.partitions,
        "replication_factor": replication,
        "configs": dict(topic.configs),
    }
    try:
        admin.create_topics({topic.name: options}, timeout_ms=_REQUEST_MS, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        return  # somebody else made it in between; the verification that follows judges it
    except KafkaError as error:
        raise InputError(
            f"{topic.name}: Kafka refuses to create it: {type(error).__name__}"
        ) from None


def _configs(admin: Any, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    told = admin.describe_configs(resources, config_filter="all").get("topic", {})
    return {
        name: {key: str(entry["value"]) for key, entry in entries.items()}
        for name, entries in told.items()
    }


def _state(
    topic: WantedTopic,
    found: dict[str, Any] | None,
    told: dict[str, str],
    settings: Settings,
    created: bool,
) -> TopicState:
    if found is None:
        return TopicState(topic.name, False, False, 0, ("does not exist",))
    partitions = found["partitions"]
    differences = []
    if len(partitions) != topic.partitions:
        differences.append(f"has {len(partitions)} partitions, {topic.partitions} are needed")
    copies = min((len(partition["replica_nodes"]) for partition in partitions), default=0)
    if copies < settings.replication:
        differences.append(f"has {copies} replicas, {settings.replication} are needed")
    compared = [key for key in _VERIFIED if key in topic.configs]
    differences += [
        f"{key} is {told[key]}, {topic.configs[key]} is needed"
        for key in compared
        if key in told and told[key] != topic.configs[key]
    ]
    untold = tuple(key for key in compared if key not in told)
    return TopicState(topic.name, True, created, len(partitions), tuple(differences), untold)
