"""Checks Kafka before a worker starts, so that what is wrong is said in one line."""

from __future__ import annotations

import asyncio
import logging
import ssl
from typing import TYPE_CHECKING

from aiokafka.client import AIOKafkaClient
from aiokafka.conn import create_conn
from aiokafka.errors import (
    IncompatibleBrokerVersion,
    KafkaError,
    SaslAuthenticationFailed,
    UnknownError,
    UnsupportedSaslMechanismError,
    for_code,
)
from aiokafka.protocol.transaction import InitProducerIdRequest

from streams.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.kafka_access import KafkaAccess

ANSWER_TIMEOUT_S = 15.0


async def check_kafka(access: KafkaAccess, wanted: Mapping[str, int | None]) -> bool:
    """Make sure that Kafka answers and that the topics are there.

    Args:
        access: which Kafka, and how.
        wanted: topics with their partition count, `None` for any.

    Returns:
        Whether Kafka grants producer ids, so that its producers can be idempotent. The embedded
        broker does not; a retried send may then double an outgoing record.

    Raises:
        InputError: names the server setting, or the topic and its partition counts.
    """
    # The client logs what each server said; the one line below says it all.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    client = AIOKafkaClient(**access.options(), request_timeout_ms=10_000)
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            await client.bootstrap()
            cluster = await client.fetch_all_metadata()
            grants_producer_ids = await _grants_producer_ids(client)
    except (KafkaError, OSError, ValueError, TimeoutError):
        raise InputError(await _refusal(access)) from None
    finally:
        await client.close()
        logging.getLogger("aiokafka").setLevel(logging.NOTSET)
    for topic, count in wanted.items():
        found = len(cluster.partitions_for_topic(topic) or ())
        if not found:
            raise InputError(
                f"{topic}: no such topic in Kafka, or none that this user may see;"
                " vigie topics --create makes it"
            )
        if count is not None and found != count:
            raise InputError(f"{topic}: has {found} partitions, VIGIE_PARTITIONS says {count}")
    return grants_producer_ids


async def _refusal(access: KafkaAccess) -> str:
    """Why nobody answered: the client tries every server and keeps to itself what each said."""
    options = access.options()
    del options["bootstrap_servers"]
    for server in access.servers:
        host, _, port = server.rpartition(":")
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                connection = await create_conn(
                    host, int(port), request_timeout_ms=10_000, **options
                )
            connection.close()
        except (SaslAuthenticationFailed, UnsupportedSaslMechanismError):
            return f"VIGIE_KAFKA_USERNAME: Kafka at {server} refuses this name and password"
        except ssl.SSLCertVerificationError:
            return f"VIGIE_KAFKA_CA_FILE: nobody in it vouches for the certificate of {server}"
        except ssl.SSLError:
            return f"VIGIE_KAFKA_SECURITY: {server} speaks no TLS, or wants another certificate"
        except (KafkaError, OSError, ValueError, TimeoutError):
            continue
    return f"VIGIE_KAFKA_BOOTSTRAP: no Kafka answers at {access.bootstrap}"


async def _grants_producer_ids(client: AIOKafkaClient) -> bool:
    request = InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=60_000)
    try:
        answer = await client.send(client.get_random_node(), request)
    except IncompatibleBrokerVersion:
        return False
    # Other errors pass: a broker that is still loading grants ids later.
    return for_code(answer.error_code) is not UnknownError
