from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streams.settings import Settings
from streams.topic_admin import ensure_topics
from tests.support.servers_kafka import KafkaCluster
from tests.support.simulated_day import simulated_day

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.servers_prometheus import Prometheus

PARTITIONS = 8


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[KafkaCluster]:
    """One broker with the service's topics."""
    with KafkaCluster(tmp_path / "kafka", brokers=1) as cluster:
        _create_topics(cluster)
        yield cluster


@pytest.fixture
def kafka_of_three(tmp_path: Path) -> Iterator[KafkaCluster]:
    """Three brokers with the service's topics, each on all of them."""
    with KafkaCluster(tmp_path / "kafka", brokers=3) as cluster:
        _create_topics(cluster)
        yield cluster


@pytest.fixture(scope="session")
def simulated_prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that holds a simulated day; built once, which takes a minute, and only read."""
    with simulated_day(tmp_path_factory.mktemp("simulated-day")) as prometheus:
        yield prometheus


def _create_topics(cluster: KafkaCluster) -> None:
    settings = Settings(
        kafka_bootstrap=cluster.bootstrap, partitions=PARTITIONS, replication=cluster.replication
    )
    ensure_topics(settings, create=True)
