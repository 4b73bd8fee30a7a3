"""What one worker needs for a whole region: memory, changelogs, the time to recover.

    .venv/bin/python tests/benchmarks/sizing.py [--days N]

One Apache Kafka broker on loopback is filled with a month of the simulated region, then

* one worker reads all of it, every detector on: its memory, the bytes of its changelogs, its pace;
* it is killed and started again as the same static member: bytes read, time to recover and until ready,
  memory after it.

Memory is the process's resident set, so the figure holds Python, the libraries and what the allocator
keeps; the first line is a worker before its first event.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from rich.console import Console  # noqa: E402 (the checkout's root must be on the path first)
from rich.table import Table  # noqa: E402

from simulators.batches import BatchEncoder, in_windows  # noqa: E402
from simulators.traffic import RegionTraffic  # noqa: E402
from streams.event_time import HOUR_MS  # noqa: E402
from streams.schemas import Schemas  # noqa: E402
from streams.settings import Settings  # noqa: E402
from streams.topic_admin import ensure_topics  # noqa: E402
from tests.support.servers_kafka import KafkaCluster  # noqa: E402
from tests.support.servers_traffic import produce_recorded  # noqa: E402
from tests.support.servers_worker import Worker, summed  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulators.recording import RecordedBatch

PARTITIONS = 8
START = date(2025, 9, 1)
SEED = 1
TIMEOUT_S = 900.0


def main() -> None:
    """Fill, read, kill, read again; print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--days", type=int, default=30)
    days = parser.parse_args().days
    table = Table(
        "what", "figure", title=f"One worker, {days} days of the region, {PARTITIONS} partitions"
    )
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with KafkaCluster(directory / "kafka", brokers=1) as kafka:
            ensure_topics(
                Settings(kafka_bootstrap=kafka.bootstrap, partitions=PARTITIONS), create=True
            )
            settings = {
                "partitions": PARTITIONS,
                "group_instance_id": "one",
                # A machine that others use must not throw the worker out of its group.
                "session_timeout_s": 60,
            }
            with Worker(directory, "worker", bootstrap=kafka.bootstrap, **settings) as worker:
                worker.wait_ready()
                table.add_row("memory, no event yet", _mb(_resident(worker)))
                worker.process.kill()
            produced = produce_recorded(kafka.bootstrap, _traffic(days), partitions=PARTITIONS)
            with Worker(directory, "worker", bootstrap=kafka.bootstrap, **settings) as worker:
                worker.wait_ready()
                began_s = time.monotonic()
                worker.process.until(
                    lambda: time.sleep(1) or summed("vigie_events_total", worker) >= produced,
                    timeout_s=TIMEOUT_S,
                    what="through the traffic",
                )
                took_s = time.monotonic() - began_s
                time.sleep(5)
                table.add_row("events", f"{produced:,}")
                table.add_row("read at", f"{produced / took_s:,.0f} events/s")
                table.add_row("memory, all read", _mb(_resident(worker)))
                table.add_row("memory, highest", _mb(_resident(worker, "VmHWM")))
                written = summed("vigie_checkpoint_bytes_total", worker)
                table.add_row("written to changelogs", f"{written / produced:.0f} bytes/event")
                table.add_row("changelogs on disk", _mb(_on_disk(directory, "*-changelog-*")))
                table.add_row(
                    "flows on disk",
                    _mb(_on_disk(directory, "*") - _on_disk(directory, "*-changelog-*")),
                )
                worker.process.kill()
            with Worker(directory, "again", bootstrap=kafka.bootstrap, **settings) as worker:
                began_s = time.monotonic()
                worker.wait_ready(TIMEOUT_S)
                table.add_row(
                    "kill -9 to ready, same member", f"{time.monotonic() - began_s:.1f} s"
                )
                recovered = summed("vigie_recovery_bytes_total", worker)
                table.add_row("changelog bytes read for it", _mb(int(recovered)))
                table.add_row("memory, recovered", _mb(_resident(worker)))
    Console().print(table)


def _traffic(days: int) -> Iterator[RecordedBatch]:
    encoder = BatchEncoder(Schemas.load(), SEED)
    for events in in_windows(RegionTraffic(SEED).recorded(START, days), HOUR_MS):
        yield encoder.batch(events)


def _resident(worker: Worker, field: str = "VmRSS") -> int:
    """Resident memory in bytes, from the kernel."""
    lines = Path(f"/proc/{worker.process.pid}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024


def _on_disk(directory: Path, pattern: str) -> int:
    partitions = directory.glob(f"kafka/node-*/data/{pattern}/*.log")
    return sum(path.stat().st_size for path in partitions)


def _mb(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"


if __name__ == "__main__":
    main()
