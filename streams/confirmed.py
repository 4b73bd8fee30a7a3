"""A producer for the few records that count only once confirmed: verdicts and declarations."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from kafka import KafkaProducer
from kafka.errors import KafkaError

from streams.errors import InputError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.kafka_access import KafkaAccess

_CONNECT_MS: Final = 6_000
_TOPIC_MS: Final = 8_000


@contextmanager
def confirming_producer(access: KafkaAccess, *, client_id: str, failure: str) -> Iterator[Any]:
    """A producer for as long as the `with` block lasts; the block waits for what it sends.

    Args:
        access: which Kafka, and how.
        client_id: as which it is known to Kafka.
        failure: what is said when a record was not confirmed.

    Raises:
        InputError: no Kafka answers.
        TransientError: a record was not confirmed.
    """
    try:
        producer = KafkaProducer(
            **access.options(),
            acks="all",
            allow_auto_create_topics=False,
            bootstrap_timeout_ms=_CONNECT_MS,
            max_block_ms=_TOPIC_MS,
            client_id=client_id,
        )
    except ValueError:
        raise InputError(
            f"VIGIE_KAFKA_BOOTSTRAP: {access.bootstrap} is not `host:port[,host:port…]`"
        ) from None
    except (KafkaError, OSError):
        raise InputError(f"VIGIE_KAFKA_BOOTSTRAP: no Kafka answers at {access.bootstrap}") from None
    try:
        yield producer
    except KafkaError as error:
        raise TransientError(
            f"Kafka at {access.bootstrap}: {failure} ({type(error).__name__})"
        ) from None
    finally:
        producer.close(timeout=1)
