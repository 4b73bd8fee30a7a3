from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.servers_kafka import KafkaCluster
from tests.support.servers_traffic import create_topics

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PARTITIONS = 8


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[KafkaCluster]:
    """One broker with the service's topics."""
    with KafkaCluster(tmp_path / "kafka", brokers=1) as cluster:
        create_topics(cluster.bootstrap, partitions=PARTITIONS, replication=1)
        yield cluster


@pytest.fixture
def kafka_of_three(tmp_path: Path) -> Iterator[KafkaCluster]:
    """Three brokers with the service's topics, each on all of them."""
    with KafkaCluster(tmp_path / "kafka", brokers=3) as cluster:
        create_topics(cluster.bootstrap, partitions=PARTITIONS, replication=3)
        yield cluster
