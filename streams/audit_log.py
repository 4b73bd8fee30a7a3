"""Writes the audit's entries: each is confirmed by Kafka before what it tells of takes place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kafka.errors import KafkaError

from streams.audit import entry_bytes
from streams.confirmed import confirming_producer
from streams.errors import InputError, TransientError
from streams.topics import AUDIT

if TYPE_CHECKING:
    from streams.audit import AuditEntry
    from streams.codec import SliceCodec
    from streams.kafka_access import KafkaAccess

_CONFIRM_S: Final = 15.0


def note_entry(access: KafkaAccess, entry: AuditEntry, codec: SliceCodec) -> None:
    """Write the entry of an act that sends nothing itself; returns once Kafka has confirmed it.

    Raises:
        EncodeError: a value does not fit the schema.
        InputError: no Kafka answers, or there is no audit.
        TransientError: it was not confirmed, or a registry is used and does not answer.
    """
    with confirming_producer(
        access, client_id="vigie-audit", failure="did not confirm the audit's entry"
    ) as producer:
        write_entry(producer, entry, codec)


def write_entry(producer: Any, entry: AuditEntry, codec: SliceCodec) -> None:
    """Send an entry, and wait until Kafka has confirmed it.

    Args:
        producer: from `streams.confirmed.confirming_producer`.
        entry: what is about to be done.
        codec: writes the record.

    Raises:
        EncodeError: a value does not fit the schema.
        InputError: there is no such topic.
        TransientError: it was not confirmed.
    """
    value = entry_bytes(entry, codec)
    try:
        if not producer.partitions_for(AUDIT):
            raise InputError(f"{AUDIT}: no such topic in Kafka; vigie topics --create makes it")
        producer.send(AUDIT, value, entry.finding_id.encode(), partition=0).get(timeout=_CONFIRM_S)
    except KafkaError as error:
        raise TransientError(
            f"{AUDIT}: Kafka did not confirm the entry, so nothing was done ({type(error).__name__})"
        ) from None
