"""Publishes declarations: all of them confirmed by Kafka before any counts as declared."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from agents.objectives.declared import declaration_bytes
from streams.audit import Act, AuditEntry
from streams.audit_log import write_entry
from streams.confirmed import confirming_producer
from streams.topics import DECLARATIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.objectives.declared import Declaration
    from streams.audit import Actor
    from streams.codec import SliceCodec
    from streams.kafka_access import KafkaAccess

_CONFIRM_S: Final = 30.0


def publish_declarations(
    access: KafkaAccess,
    several: Sequence[Declaration],
    codec: SliceCodec,
    *,
    now_ms: int,
    actor: Actor,
    withdraw: bool = False,
) -> None:
    """Send declarations, or take them back, and wait until Kafka has confirmed every one.

    A later declaration of the same indicator, month and scope replaces an earlier one, so sending the
    same file again changes nothing but the time of declaration.

    Args:
        access: which Kafka.
        several: what is declared.
        codec: writes the records.
        now_ms: when it is declared, milliseconds UTC.
        actor: who declares it; Kafka confirms the audit's entry of that first.
        withdraw: take back what was declared under the same keys instead.

    Raises:
        EncodeError: a value does not fit the schema.
        InputError: no Kafka answers.
        TransientError: it was not confirmed, or a registry is used and does not answer.
    """
    stamped = [replace(one, declared_at_ms=now_ms) for one in several]
    values: Sequence[bytes | None] = (
        [None] * len(stamped) if withdraw else declaration_bytes(stamped, codec)
    )
    detail = "WITHDRAWN" if withdraw else "DECLARED"
    entry = AuditEntry(now_ms, actor, Act.DECLARATION, detail, count=len(stamped))
    with confirming_producer(
        access,
        client_id="vigie-declare",
        failure="did not confirm every declaration; declare the file again",
    ) as producer:
        write_entry(producer, entry, codec)
        sent = [
            producer.send(DECLARATIONS, value, one.key.encode(), partition=0)
            for one, value in zip(stamped, values, strict=True)
        ]
        for confirmation in sent:
            confirmation.get(timeout=_CONFIRM_S)
