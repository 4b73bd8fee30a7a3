"""Publishes declarations: all of them confirmed by Kafka before any counts as declared."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kafka import KafkaProducer
from kafka.errors import KafkaError

from agents.objectives.declared import declaration_bytes
from streams.errors import InputError, TransientError
from streams.topics import DECLARATIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.objectives.declared import Declaration
    from streams.codec import SliceCodec
    from streams.kafka_access import KafkaAccess

_CONNECT_MS: Final = 6_000
_TOPIC_MS: Final = 8_000
_CONFIRM_S: Final = 30.0


def publish_declarations(
    access: KafkaAccess,
    several: Sequence[Declaration],
    codec: SliceCodec,
    *,
    now_ms: int,
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
    try:
        producer = KafkaProducer(
            **access.options(),
            acks="all",
            allow_auto_create_topics=False,
            bootstrap_timeout_ms=_CONNECT_MS,
            max_block_ms=_TOPIC_MS,
            client_id="vigie-declare",
        )
    except ValueError:
        raise InputError(
            f"VIGIE_KAFKA_BOOTSTRAP: {access.bootstrap} is not `host:port[,host:port…]`"
        ) from None
    except (KafkaError, OSError):
        raise InputError(f"VIGIE_KAFKA_BOOTSTRAP: no Kafka answers at {access.bootstrap}") from None
    try:
        sent = [
            producer.send(DECLARATIONS, value, one.key.encode(), partition=0)
            for one, value in zip(stamped, values, strict=True)
        ]
        for confirmation in sent:
            confirmation.get(timeout=_CONFIRM_S)
    except KafkaError as error:
        raise TransientError(
            f"Kafka at {access.bootstrap}: did not confirm every declaration; "
            f"declare the file again ({type(error).__name__})"
        ) from None
    finally:
        producer.close(timeout=1)
