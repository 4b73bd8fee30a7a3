"""A steady load for an hour: memory, the way from an event to its metric and to its finding.

    .venv/bin/python -m tests.proof.soak [--minutes 60] [--rate 2000] [--json FILE]

One Apache Kafka broker on loopback, one `vigie worker` with every detector on, a region in balance
(`tests.proof.soak_traffic`) at a steady rate, and a probe every few seconds that must be found. Prints a
table; exit code 1 if a figure is missed. The series is kept in `build/soak/series.csv`.

What is measured, from outside:

* memory: the worker's resident set; its levels from the tenth minute to the end (in shorter runs, the
  last two thirds) against the first of them;
* event to metric: from the producer's sending to `/metrics` showing it as counted, which it does once
  the checkpoint that holds it is confirmed (`tests.proof.soak_figures` says how that is exact);
* event to finding: from the producer's sending of a probe to the arrival of its finding from Kafka;
* the longest time that the worker took to answer `/healthz`, asked ten times a second: how long its
  event loop was busy with something else.

Memory that grows by design reaches its bound before the tenth minute: `VIGIE_DUPLICATE_IDS_MAX` is
16 384 (by default 262 144 per flow and partition, which at this rate take 90 minutes to fill), and the
population is one that is met within the first minutes. `VIGIE_CHECKPOINT_INTERVAL_MS` is 250 instead of
500: what was fetched in one round is shown before the next, for more changelog bytes.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from rich.console import Console
from rich.table import Table

from streams.settings import Settings
from streams.topic_admin import ensure_topics
from tests.proof.soak_figures import Sent, drift
from tests.proof.soak_traffic import SteadyLoad, decoys
from tests.proof.soak_watch import Row, Watch, resident_bytes
from tests.support.servers_kafka import KafkaCluster
from tests.support.servers_worker import Worker, summed

if TYPE_CHECKING:
    from collections.abc import Sequence

PARTITIONS: Final = 8
SERIES: Final = Path(__file__).parents[2] / "build" / "soak" / "series.csv"
_DUPLICATE_IDS: Final = 16_384
_CHECKPOINT_MS: Final = 250
_LEVEL_SINCE_S: Final = 600.0
_PROBE_GRACE_S: Final = 10.0
_SAMPLE_S: Final = 1.0
_RATE_REACHED: Final = 0.97


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a run must keep.

    Attributes:
        drift: of the memory's level, a share.
        metric_ms: event to metric, 99th percentile.
        finding_ms: event to finding, 99th percentile.
        block_ms: the longest that the event loop may be busy with one thing.
    """

    drift: float = 0.05
    metric_ms: float = 1_000.0
    finding_ms: float = 2_000.0
    block_ms: float = 5_000.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run came to; times in milliseconds, memory in bytes."""

    seconds: float
    rate: int
    sent: int
    shown: int
    memory_level: int
    memory_end: int
    memory_highest: int
    memory_drift: float
    metric_p50_ms: float
    metric_p99_ms: float
    metric_longest_ms: float
    probes: int
    probes_found: int
    finding_p50_ms: float
    finding_p99_ms: float
    finding_longest_ms: float
    longest_block_ms: float
    checkpoint_mean_ms: float
    checkpoint_slowest_mean_ms: float
    changelog_bytes_per_event: float
    other_findings: int

    def missed(self, bounds: Bounds) -> list[str]:
        """What was not kept."""
        held = {
            "rate": self.sent >= _RATE_REACHED * self.rate * self.seconds,
            "every event is counted once": self.shown == self.sent,
            "every probe is found": self.probes_found == self.probes > 0,
            "memory": self.memory_drift <= bounds.drift,
            "event to metric": self.metric_p99_ms < bounds.metric_ms,
            "event to finding": self.finding_p99_ms < bounds.finding_ms,
            "event loop": self.longest_block_ms < bounds.block_ms,
        }
        return [what for what, is_held in held.items() if not is_held]


def soak(
    directory: Path, *, seconds: float, rate: int, probe_every_s: float
) -> tuple[Figures, list[Row]]:
    """Run everything for so long; the figures and the series.

    Raises:
        ServerError: a process of the run ended, or events were not counted within the time given.
    """
    listed = directory / "decoys.txt"
    listed.write_text(decoys())
    sent = Sent(PARTITIONS)
    with KafkaCluster(directory / "kafka", brokers=1) as kafka:
        ensure_topics(Settings(kafka_bootstrap=kafka.bootstrap, partitions=PARTITIONS), create=True)
        with Worker(
            directory,
            "worker",
            bootstrap=kafka.bootstrap,
            partitions=PARTITIONS,
            decoys_file=str(listed),
            duplicate_ids_max=_DUPLICATE_IDS,
            checkpoint_interval_ms=_CHECKPOINT_MS,
            # A busy machine must not throw the worker out of its group; how long it stands still is
            # measured instead.
            session_timeout_s=60,
        ) as worker:
            worker.wait_ready()
            watch = Watch(worker, kafka.bootstrap, sent, PARTITIONS)
            load = SteadyLoad(
                kafka.bootstrap,
                rate=rate,
                partitions=PARTITIONS,
                probe_every_s=probe_every_s,
                sent=sent,
            )
            with load:
                watch.run(seconds, _SAMPLE_S, lambda: load.failure)
            if load.failure is not None:
                raise load.failure
            shown = _settled(worker, sent.total)
            highest = resident_bytes(worker.process.pid, "VmHWM")
            worker.process.terminate()
    return _figures(watch, sent, seconds=seconds, rate=rate, shown=shown, highest=highest)


def _settled(worker: Worker, wanted: int) -> int:
    """What the worker shows once everything that was sent had time to be counted."""
    return int(
        worker.process.until(
            lambda: (n := summed("vigie_events_total", worker)) >= wanted and n,
            timeout_s=60.0,
            what="through with the events",
        )
    )


def _figures(
    watch: Watch, sent: Sent, *, seconds: float, rate: int, shown: int, highest: int
) -> tuple[Figures, list[Row]]:
    watched = watch.watched
    since_s = _LEVEL_SINCE_S if seconds > 2 * _LEVEL_SINCE_S else seconds / 3
    memory = [(row.second, float(row.resident_bytes)) for row in watched.rows]
    levels = [size for at, size in memory if at >= since_s]
    # Probes of the last moments may still be on their way.
    last_ms = max(sent.probes.values(), default=0) - 1000 * _PROBE_GRACE_S
    due = {probe for probe, at_ms in sent.probes.items() if at_ms <= last_ms}
    found = np.array([watched.finding_ms[n] for n in due & watched.finding_ms.keys()] or [np.inf])
    checkpoints = np.array([row.mean_checkpoint_ms for row in watched.rows] or [0.0])
    figures = Figures(
        seconds=seconds,
        rate=rate,
        sent=sent.total,
        shown=shown,
        memory_level=int(levels[0]) if levels else 0,
        memory_end=int(levels[-1]) if levels else 0,
        memory_highest=highest,
        memory_drift=drift(memory, since_s, seconds),
        metric_p50_ms=watched.ages.quantile_ms(0.5),
        metric_p99_ms=watched.ages.quantile_ms(0.99),
        metric_longest_ms=watched.ages.longest_ms,
        probes=len(due),
        probes_found=len(due & watched.finding_ms.keys()),
        finding_p50_ms=float(np.quantile(found, 0.5)),
        finding_p99_ms=float(np.quantile(found, 0.99, method="higher")),
        finding_longest_ms=float(found.max()),
        longest_block_ms=watch.longest_block_ms,
        checkpoint_mean_ms=float(checkpoints.mean()),
        checkpoint_slowest_mean_ms=float(checkpoints.max()),
        changelog_bytes_per_event=watched.rows[-1].changelog_bytes / max(shown, 1),
        other_findings=len(watched.opened),
    )
    return figures, watched.rows


def write_series(rows: Sequence[Row], path: Path) -> None:
    """Keep the series as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [one.name for one in fields(Row)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def table_of(figures: Figures, bounds: Bounds) -> Table:
    """The figures as people read them."""
    table = Table(
        "what", "figure", "bound", title=f"{figures.seconds / 60:.1f} min at {figures.rate:,}/s"
    )
    f = figures
    mb = 1e6
    for what, figure, bound in (
        ("events sent, counted", f"{f.sent:,}, {f.shown:,}", "equal"),
        (
            "memory at its first level, at the end",
            f"{f.memory_level / mb:.0f}, {f.memory_end / mb:.0f} MB",
            "",
        ),
        ("memory, highest ever", f"{f.memory_highest / mb:.0f} MB", ""),
        ("memory, farthest from its first level", f"{f.memory_drift:.1%}", f"{bounds.drift:.0%}"),
        (
            "event to metric, p50, longest",
            f"{f.metric_p50_ms:.0f}, {f.metric_longest_ms:.0f} ms",
            "",
        ),
        ("event to metric, p99", f"{f.metric_p99_ms:.0f} ms", f"{bounds.metric_ms:.0f} ms"),
        ("probes sent, found", f"{f.probes}, {f.probes_found}", "equal"),
        (
            "event to finding, p50, longest",
            f"{f.finding_p50_ms:.0f}, {f.finding_longest_ms:.0f} ms",
            "",
        ),
        ("event to finding, p99", f"{f.finding_p99_ms:.0f} ms", f"{bounds.finding_ms:.0f} ms"),
        ("event loop busy, longest", f"{f.longest_block_ms:.0f} ms", f"{bounds.block_ms:.0f} ms"),
        (
            "checkpoint, mean, slowest second's mean",
            f"{f.checkpoint_mean_ms:.0f}, {f.checkpoint_slowest_mean_ms:.0f} ms",
            "",
        ),
        ("changelog bytes per event", f"{f.changelog_bytes_per_event:.0f}", ""),
        ("findings that are no probe's", f"{f.other_findings}", ""),
    ):
        table.add_row(what, figure, bound)
    return table


def main() -> int:
    """Run, print, keep; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=int, default=2_000, help="events per second")
    parser.add_argument("--probe-every", type=float, default=4.0, help="seconds between two probes")
    parser.add_argument("--json", type=Path, help="file for the figures")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vigie-soak-") as name:
        figures, rows = soak(
            Path(name),
            seconds=asked.minutes * 60,
            rate=asked.rate,
            probe_every_s=asked.probe_every,
        )
    write_series(rows, SERIES)
    bounds = Bounds()
    Console().print(table_of(figures, bounds))
    missed = figures.missed(bounds)
    if asked.json:
        asked.json.write_text(json.dumps(asdict(figures) | {"missed": missed}, indent=2) + "\n")
    sys.stdout.write("missed: " + ", ".join(missed) + "\n" if missed else "within bounds\n")
    return int(bool(missed))


if __name__ == "__main__":
    raise SystemExit(main())
