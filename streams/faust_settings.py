"""Every setting that we give to Faust, explicit: its defaults suit a laptop (B22)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faust.auth import SASLCredentials, SSLCredentials

from streams.kafka_access import kafka_access
from streams.recovery import SliceTableManager
from streams.table import ChangelogTable
from streams.watchdog import REBALANCE_TIMEOUT_S

if TYPE_CHECKING:
    from streams.kafka_access import KafkaAccess
    from streams.settings import Settings

# A commit only shortens what is read again after a restart; the state itself knows what it has seen.
COMMIT_INTERVAL_S = 1.0
# Longest time that a record may wait for a broker, e.g. while a partition changes its leader.
PRODUCE_TIMEOUT_S = 60.0
REQUEST_TIMEOUT_S = 30.0
# Most records taken from the fetcher at once. It holds a backlog as the broker sent it; taken, a record
# is objects of several times its size, and taking without an end keeps the group's heartbeat waiting.
TAKEN_RECORDS_MAX = 65_536
# Changelogs and dead letters carry values of up to 2 MiB (streams.topics).
MAX_REQUEST_BYTES = 4_194_304


def faust_settings(settings: Settings) -> dict[str, Any]:
    """Keyword arguments of `faust.App`.

    Raises:
        ConfigError: no Kafka servers are set, or what they ask of a client is not.
    """
    access = kafka_access(settings)
    return {
        "broker": [f"kafka://{server}" for server in access.servers],
        "broker_credentials": _credentials(access),
        "autodiscover": False,
        "origin": None,
        "store": "memory://",
        "TableManager": SliceTableManager,
        "Table": ChangelogTable,
        "broker_client_id": settings.group_instance_id or settings.group_id,
        "broker_commit_interval": COMMIT_INTERVAL_S,
        "broker_commit_every": None,
        "broker_session_timeout": float(settings.session_timeout_s),
        "broker_heartbeat_interval": settings.session_timeout_s / 4,
        "broker_rebalance_timeout": REBALANCE_TIMEOUT_S,
        "broker_request_timeout": max(REQUEST_TIMEOUT_S, float(settings.session_timeout_s)),
        "broker_max_poll_interval": 300.0,
        "broker_max_poll_records": TAKEN_RECORDS_MAX,
        "broker_check_crcs": True,
        "consumer_max_fetch_size": settings.fetch_max_bytes,
        "consumer_auto_offset_reset": "earliest",
        "consumer_group_instance_id": settings.group_instance_id or None,
        "producer_acks": -1,
        "producer_max_request_size": MAX_REQUEST_BYTES,
        "producer_request_timeout": PRODUCE_TIMEOUT_S,
        "processing_guarantee": "at_least_once",
        "stream_buffer_maxsize": 4096,
        "stream_recovery_delay": 0.0,
        "stream_wait_empty": False,
        "table_standby_replicas": 0,
        # The changelogs were made before (streams.topic_admin): a worker needs no right to make topics.
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "topic_partitions": settings.partitions,
        "topic_replication_factor": settings.replication,
        # Faust's pages would show table data to whoever asks (B24).
        "web_enabled": False,
        "web_tables_enabled": False,
        "web_router_enabled": False,
        "web_stats_enabled": False,
        "web_graph_enabled": False,
    }


def _credentials(access: KafkaAccess) -> Any:
    if access.protocol == "PLAINTEXT":
        return None
    if access.password is None:
        return SSLCredentials(context=access.tls)
    return SASLCredentials(
        username=access.username,
        password=access.password.reveal(),
        ssl_context=access.tls,
        mechanism=access.mechanism,
    )
