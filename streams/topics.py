"""The table of topics: what each carries, how it is keyed, kept and owned (pure).

A flow's name is its topic's name, everywhere: in code, in metric labels, in file names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

DMP_DEPOSITS: Final = "dmp-deposits"
MSS_MESSAGES: Final = "mss-messages"
INSI_CALLS: Final = "insi-calls"
EPRESCRIPTIONS: Final = "eprescriptions"
PLATFORM_ACCESSES: Final = "platform-accesses"

FLOWS: Final[tuple[str, ...]] = (
    DMP_DEPOSITS,
    MSS_MESSAGES,
    INSI_CALLS,
    EPRESCRIPTIONS,
    PLATFORM_ACCESSES,
)
"""The five source flows, in the order of their codes in state and series."""

ACTIVITY_MARKS: Final = "activity-marks"
ACTIVITY_COUNTS: Final = "activity-counts"
REGION_CELLS: Final = "region-cells"
FINDINGS: Final = "findings"
VERDICTS: Final = "verdicts"
DECLARATIONS: Final = "declarations"
AUDIT: Final = "audit"
DEAD_LETTERS: Final = "dead-letters"

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One topic.

    Attributes:
        name: lower-case words joined by hyphens (a dot collides with `_` in metric names).
        record: Avro record of the value, or `None` where the value is not Avro.
        key: what the Kafka key holds.
        partitions: `"shared"` for the settings' common count, or a fixed number.
        retention_ms: how long Kafka keeps a record; `None` for compacted topics.
        cleanup: Kafka's `cleanup.policy`.
        owner: who writes it.
        max_message_bytes: Kafka's `max.message.bytes`.
    """

    name: str
    record: str | None
    key: str
    owner: Literal["source", "vigie"]
    retention_ms: int | None
    partitions: int | Literal["shared"] = "shared"
    cleanup: Literal["delete", "compact"] = "delete"
    max_message_bytes: int = 1_048_576


TOPICS: Final[dict[str, TopicSpec]] = {
    spec.name: spec
    for spec in (
        TopicSpec(DMP_DEPOSITS, "DmpDeposit", "structure_pid", "source", 7 * _DAY_MS),
        TopicSpec(MSS_MESSAGES, "MssMessage", "structure_pid", "source", 7 * _DAY_MS),
        TopicSpec(INSI_CALLS, "InsiCall", "structure_pid", "source", 7 * _DAY_MS),
        TopicSpec(EPRESCRIPTIONS, "EPrescription", "structure_pid", "source", 7 * _DAY_MS),
        TopicSpec(PLATFORM_ACCESSES, "PlatformAccess", "structure_pid", "source", 30 * _DAY_MS),
        # Marks of accounts and structures, keyed by the one who is marked: what must be unique
        # across structures is decided where all of one account's marks meet.
        TopicSpec(ACTIVITY_MARKS, None, "account partition", "vigie", 7 * _DAY_MS),
        # One partition: the region's totals are put together in one place, so that small cells
        # are withheld on the total and never on a worker's part of it.
        TopicSpec(
            ACTIVITY_COUNTS,
            None,
            "mark partition, or `usage/partition/month`",
            "vigie",
            None,
            partitions=1,
            cleanup="compact",
        ),
        # One partition: what concerns the whole region is concluded in one place, from small cells.
        TopicSpec(REGION_CELLS, None, "source partition", "vigie", 7 * _DAY_MS, partitions=1),
        # Analysts' verdicts go where the structure's events go, so that they reach its baselines.
        TopicSpec(VERDICTS, "Verdict", "structure_pid", "vigie", 400 * _DAY_MS),
        TopicSpec(FINDINGS, "Finding", "finding_id", "vigie", 400 * _DAY_MS, partitions=1),
        # What no flow can tell: the newest snapshot of a month and scope replaces the one before.
        TopicSpec(
            DECLARATIONS,
            "Declaration",
            "indicator/month/scope",
            "vigie",
            None,
            partitions=1,
            cleanup="compact",
        ),
        # Who judged and who saw pseudonyms. Never compacted, and one partition, so that the entries
        # stand in the order in which they were confirmed. An entry comes after its finding and is kept
        # as long, so it outlives it. French guidance (CNIL) has such logs kept 6 to 12 months, and up
        # to three years for a reason: a theft that was seen after 269 days is one.
        TopicSpec(AUDIT, "AuditEntry", "finding_id", "vigie", 400 * _DAY_MS, partitions=1),
        TopicSpec(
            DEAD_LETTERS,
            "DeadLetter",
            "original key",
            "vigie",
            30 * _DAY_MS,
            partitions=1,
            # The original bytes plus headers must fit, whatever the source topic let through.
            max_message_bytes=2_097_152,
        ),
    )
}

RECORD_OF_FLOW: Final[dict[str, str]] = {
    flow: record for flow in FLOWS if (record := TOPICS[flow].record) is not None
}
