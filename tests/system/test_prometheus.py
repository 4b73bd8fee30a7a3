"""What a real Prometheus makes of a worker's `/metrics` is the traffic that was produced."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from streams.topics import FLOWS
from tests.support.servers_prometheus import Prometheus
from tests.support.servers_traffic import Load, TrafficMaker
from tests.support.servers_worker import Worker
from tests.system.conftest import PARTITIONS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers_kafka import KafkaCluster

pytestmark = pytest.mark.system

RATE = 1_500
WITHIN = pytest.approx(1, rel=0.02)
# A minute to fill the longest window asked for, and some seconds for start and scrapes.
STEADY_S = 70.0
SILENT_S = 65.0


def test_scraped_rates_agree_with_the_produced_traffic(tmp_path: Path, kafka: KafkaCluster) -> None:
    load = Load(kafka.bootstrap, rate=RATE, partitions=PARTITIONS, maker=TrafficMaker())
    with (
        Worker(tmp_path, "worker", bootstrap=kafka.bootstrap, partitions=PARTITIONS) as worker,
        Prometheus(tmp_path / "prometheus", ports=[worker.port]) as prometheus,
    ):
        worker.wait_ready()
        prometheus.wait_scraped()
        load.start()
        time.sleep(STEADY_S)

        counted = prometheus.scalar("sum(rate(vigie_events_total[1m]))")
        rolling = prometheus.scalar('sum(vigie_event_rate{window="1m"})')
        assert counted is not None
        assert rolling is not None
        print(f"produced {RATE}/s, rate() says {counted:.1f}/s, the gauge {rolling:.1f}/s")
        assert counted / RATE == WITHIN
        assert rolling / RATE == WITHIN
        for flow in FLOWS:
            by_flow = prometheus.scalar(f'sum(vigie_event_rate{{window="1m",flow="{flow}"}})')
            assert by_flow is not None
            assert by_flow / (RATE / len(FLOWS)) == WITHIN

        produced = load.stop()
        time.sleep(SILENT_S)
        assert prometheus.scalar('sum(vigie_event_rate{window="1m"})') == 0
        assert prometheus.scalar("sum(vigie_events_total)") == produced.total()
        assert worker.process.terminate() == 0
