"""Events per second of a whole worker from a real Kafka, against a stock Faust agent, in one run.

    .venv/bin/python tests/benchmarks/throughput.py [--events N] [--stock-events N] [--rounds N]
        [--backlog]

One Apache Kafka broker on loopback holds the topics, filled with the simulated region's own traffic
before the clock starts. Then

* `vigie worker` reads them: decode, rates, accounts, marks, duplicates, checkpoints, metrics, care
  relations, every detector, fusion;
* the same with `VIGIE_WATCH=off`, which counts and watches nobody: what the detectors cost;
* a stock Faust agent reads the first of the same records: decode with fastavro, counts per minute by
  flow, sector and outcome, and the accounts of each flow and sector, in Faust tables. It does less
  than the worker: no duplicates, no lateness, no rolling windows, no dead letters.

Each is timed between two of its own figures some seconds apart in mid-run, so that neither start-up
nor the last checkpoint is in the figure. They run one after the other, round after round, each alone
with the broker beside it; the median counts. What a worker has sent is gone when the next one begins.

Kafka took all events within the minute or two of filling: so it is when thousands come in a second, the
only load under which a core's limit matters. With `--backlog` they are spread over the region's days
that ended just now, some 250 a minute, as after days without a worker. Then the watch over flows, whose
cost is per minute, has several thousand minutes to judge as well.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from rich.console import Console  # noqa: E402 (the checkout's root must be on the path first)
from rich.table import Table  # noqa: E402

from streams.settings import Settings  # noqa: E402
from streams.topic_admin import ensure_topics  # noqa: E402
from tests.benchmarks.peers.log import empty_own_topics  # noqa: E402
from tests.benchmarks.region_batches import region_batches  # noqa: E402
from tests.support.servers_kafka import KafkaCluster  # noqa: E402
from tests.support.servers_process import ServerProcess  # noqa: E402
from tests.support.servers_traffic import produce_recorded  # noqa: E402
from tests.support.servers_worker import Worker, taken  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable


PARTITIONS = 8
CHUNK = 48
"""Batches, an hour of a flow each, that are produced at once."""
# As often as a Prometheus would scrape; every sample costs the worker a whole exposition.
SAMPLE_S = 1.0
TIMEOUT_S = 300.0
KEPT_MIN = 0.6
START = date(2025, 9, 8)
# Of the events read, the share after which timing begins and ends.
FROM_SHARE, TO_SHARE = 0.1, 0.9


def main() -> None:
    arguments = _arguments()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="vigie-throughput-") as name:
        directory = Path(name)
        with KafkaCluster(directory / "kafka", brokers=1) as kafka:
            console.print(f"filling Kafka with {arguments.events:,} events")
            size_bytes = _fill(kafka, arguments.events, is_backlog=arguments.backlog)
            rates: dict[str, list[float]] = {"on": [], "off": []}
            for number in range(arguments.rounds):
                for watch, found in rates.items():
                    found.append(_time_worker(directory, kafka, arguments.events, watch, number))
                    console.print(f"vigie worker, VIGIE_WATCH={watch}: {found[-1]:,.0f} events/s")
            vigie, counting = median(rates["on"]), median(rates["off"])
            console.print(f"stock Faust agent reads the first {arguments.stock_events:,} events")
            stock = _time_stock(directory, kafka, arguments.stock_events)
    table = Table(title=f"one process each, {PARTITIONS} partitions, {os.cpu_count()} cores")
    for heading in ("ratio", "", "events/s", "µs per event"):
        table.add_column(heading, justify="left" if not heading else "right")
    rows = (
        ("vigie worker", vigie),
        ("vigie worker, watching nobody", counting),
        ("stock Faust agent", stock),
    )
    for what, rate in rows:
        table.add_row(f"{rate / stock:.1f}", what, f"{rate:,.0f}", f"{1e6 / rate:.1f}")
    console.print(table)
    console.print(f"{size_bytes / arguments.events:.0f} bytes per event on the wire")
    console.print(f"watching keeps {vigie / counting:.0%} of the throughput (bound {KEPT_MIN:.0%})")
    if vigie / counting < KEPT_MIN:
        sys.exit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--events", type=int, default=4_000_000, help="events for the worker")
    parser.add_argument("--stock-events", type=int, default=40_000, help="events for stock Faust")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts")
    parser.add_argument(
        "--backlog", action="store_true", help="of the last days, minute by minute, not all of now"
    )
    return parser.parse_args()


def _fill(kafka: KafkaCluster, events: int, *, is_backlog: bool) -> int:
    """Produce so many events of the region's days; the bytes of all values."""
    settings = Settings(kafka_bootstrap=kafka.bootstrap, partitions=PARTITIONS)
    ensure_topics(settings, create=True)
    batches = list(region_batches(START, events))
    last_ms = max(int(batch.recorded_ms.max()) for batch in batches if len(batch))
    moved_ms = int(time.time() * 1000) - last_ms if is_backlog else None
    for first in range(0, len(batches), CHUNK):
        some = batches[first : first + CHUNK]
        produce_recorded(kafka.bootstrap, some, partitions=PARTITIONS, moved_ms=moved_ms)
    return sum(len(value) for batch in batches for value in batch.values)


def _time_worker(
    directory: Path, kafka: KafkaCluster, events: int, watch: str, number: int
) -> float:
    empty_own_topics(kafka.bootstrap)
    group_id = f"vigie-{watch}-{number}"
    settings: dict[str, str | int] = {
        "partitions": PARTITIONS,
        "watch": watch,
        "group_id": group_id,
    }
    own = Settings(kafka_bootstrap=kafka.bootstrap, partitions=PARTITIONS, group_id=group_id)
    ensure_topics(own, create=True)
    with Worker(
        directory, f"worker-{watch}-{number}", bootstrap=kafka.bootstrap, **settings
    ) as worker:
        rate = _rate(lambda: taken(worker), events, worker.process)
        worker.process.terminate()
    return rate


def _time_stock(directory: Path, kafka: KafkaCluster, events: int) -> float:
    progress = directory / "stock.progress"
    stock = ServerProcess(
        "stock Faust agent",
        [sys.executable, str(Path(__file__).with_name("stock_agent.py"))],
        log=directory / "stock.log",
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "STOCK_BOOTSTRAP": kafka.bootstrap,
            "STOCK_PARTITIONS": str(PARTITIONS),
            "STOCK_PROGRESS": str(progress),
        },
    )

    def done() -> float:
        text = progress.read_text() if progress.exists() else ""
        return float(text or 0)

    stock.start()
    try:
        return _rate(done, events, stock)
    finally:
        stock.close()


def _rate(done: Callable[[], float], events: int, process: ServerProcess) -> float:
    """Events per second between the first and the last figure within the timed share."""
    samples: list[tuple[float, float]] = []
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        asked = time.monotonic()
        count = done()
        # Whoever is through may have been so for a while.
        if events * FROM_SHARE <= count < events:
            samples.append((asked, count))
        if count >= events * TO_SHARE and len(samples) > 1:
            (start, first), (end, last) = samples[0], samples[-1]
            return (last - first) / (end - start)
        if not process.running:
            raise process.error(f"ended with {process.returncode}")
        time.sleep(SAMPLE_S)
    raise process.error(f"not through within {TIMEOUT_S:.0f} s")


if __name__ == "__main__":
    main()
