"""September 2025 through the service: the INSi table of the region's committee, exactly.

Calls and unique users per sector are those of the CRNS of 18/11/2025, slide « INSi ».
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from simulators.batches import BatchEncoder, in_windows
from simulators.traffic import RegionTraffic
from streams.schemas import Schemas
from streams.topics import INSI_CALLS
from tests.support.servers_traffic import produce_recorded
from tests.support.servers_worker import Worker, summed
from tests.system.conftest import PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from simulators.recording import RecordedBatch
    from tests.support.servers_kafka import KafkaCluster

pytestmark = pytest.mark.system

SEED = 1
CALLS = {"PSL": 1_123_430, "ES": 320_063, "ESMS": 7_546, "NR": 5_701, "SOCIAL": 4}
USERS = {"PSL": 9_113, "ES": 285, "ESMS": 167, "NR": 41, "SOCIAL": 1}


def insi_calls() -> Iterator[RecordedBatch]:
    encoder = BatchEncoder(Schemas.load(), SEED)
    days = RegionTraffic(SEED).recorded(date(2025, 9, 1), 30)
    only = ({INSI_CALLS: tables[INSI_CALLS]} for tables in days if INSI_CALLS in tables)
    for events in in_windows(only, 6 * 3_600_000):
        yield encoder.batch(events)


def test_a_simulated_september_gives_the_insi_table(tmp_path: Path, kafka: KafkaCluster) -> None:
    settings = {"partitions": PARTITIONS, "small_cell_min": 1}
    with Worker(tmp_path, "worker", bootstrap=kafka.bootstrap, **settings) as worker:
        produced = produce_recorded(kafka.bootstrap, insi_calls(), partitions=PARTITIONS)
        assert produced == sum(CALLS.values())
        worker.process.until(
            lambda: summed("vigie_events_total", worker) >= produced,
            timeout_s=360,
            what="through September",
        )

        for sector, calls in CALLS.items():
            assert summed("vigie_events_total", worker, sector=sector) == calls

        def users() -> dict[str, float]:
            # The stream's clock stands in the last minutes of September, or just beyond.
            windows = ("month", "previous_month")
            return {
                sector: max(
                    summed("vigie_active_accounts", worker, sector=sector, window=window)
                    for window in windows
                )
                for sector in USERS
            }

        worker.process.until(lambda: users() == USERS, timeout_s=120, what="done with the marks")
        assert worker.process.terminate() == 0
