"""The worker against Faust as it is, Quix Streams, a hand-written loop and Kafka Streams, in one run.

    .venv/bin/python -m tests.benchmarks.peers [--events N] [--rounds N] [--only NAME…] [--json FILE]

One Apache Kafka broker on loopback holds the simulated region's own traffic before the clock starts.
Then all of them do the same work on the same records, one after the other, round after round, so that
the machine's moods fall on all: `work.py` says what is counted. Whoever runs has one core; the broker
and this program have the other. Slow ones read the beginning of the same events, so that a run ends.

Each writes what it has counted, and all of it must equal `truth.py`; of the worker, the state that it
made durable is read back from its changelog. The worker does much more meanwhile: duplicates, lateness,
rolling windows, dead letters, checkpoints, unique users, usages, care relations, every detector. With
`VIGIE_WATCH=off` it does all of that but the patients, care relations and detectors.

Kafka took all events while the topics were filled, as if some ten thousand came in a second. What the
worker does once a minute (its watch over flows) is therefore little here; over a backlog of days at the
region's own pace it takes a quarter of the time: `tests/benchmarks/stages.py` shows that, and
`tests/benchmarks/throughput.py --backlog` measures it.

Ends with 1 if a target is missed or somebody counts something else.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console

from tests.benchmarks.peers import figures
from tests.benchmarks.peers.java_build import java_peer
from tests.benchmarks.peers.log import PARTITIONS, fill
from tests.benchmarks.peers.own import run_worker
from tests.benchmarks.peers.running import (
    BENCH_PYTHON,
    Measured,
    keep_to_first_core,
    python_peer,
    run,
)
from tests.benchmarks.peers.work import Order
from tests.support.servers_kafka import KafkaCluster
from tests.support.servers_process import ServerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.peers.work import Result

START: Final = date(2025, 9, 8)
ALL: Final = ""
SOME: Final = "some-"
FEW: Final = "few-"
SHARES: Final = {ALL: 1, SOME: 10, FEW: 40}
"""Prefix of the topics, and of which part of the events they hold the first ones."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A competitor: what it is called, how it is started, and which topics it reads."""

    name: str
    argv: tuple[str, ...]
    prefix: str = ALL


def peers() -> tuple[Peer, ...]:
    """All of them, in the order of a round."""
    return (
        Peer(figures.STREAMS, java_peer()),
        Peer(figures.LOOP, python_peer("confluent_loop", BENCH_PYTHON)),
        Peer(figures.QUIX, python_peer("quix_app", BENCH_PYTHON), SOME),
        Peer(figures.FAUST, python_peer("faust_agent"), FEW),
        Peer(figures.FLOOR_FETCHER, python_peer("floor_fetcher")),
        Peer(figures.FLOOR_LIBRDKAFKA, python_peer("floor_librdkafka", BENCH_PYTHON)),
    )


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _arguments(argv)
    if not BENCH_PYTHON.exists():
        raise SystemExit(f"{BENCH_PYTHON}: not there; make bench builds it")
    keep_to_first_core()
    console, started = Console(width=180), time.monotonic()
    progress = Console(width=180, stderr=True)
    wanted = [peer for peer in peers() if not arguments.only or peer.name in arguments.only]
    runs: defaultdict[str, list[Measured]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="vigie-peers-") as name:
        directory = Path(name)
        with KafkaCluster(directory / "kafka", brokers=1) as kafka:
            progress.print(f"filling Kafka with {arguments.events:,} events and their beginnings")
            sizes = {prefix: arguments.events // part for prefix, part in SHARES.items()}
            truths, event_bytes = fill(kafka.bootstrap, START, sizes)
            for number in range(arguments.rounds):
                progress.print(f"round {number + 1} of {arguments.rounds}")
                for watch, own in (("on", figures.WORKER), ("off", figures.COUNTING)):
                    runs[own].append(
                        run_worker(
                            directory / "own",
                            kafka.bootstrap,
                            watch=watch,
                            number=number,
                            truth=truths[ALL],
                            check=number == 0,
                        )
                    )
                    _say(progress, own, runs[own][-1])
                for place, peer in enumerate(wanted):
                    order = _order(directory / f"{place}-{number}", kafka.bootstrap, peer, truths)
                    truth = None if peer.name.startswith("floor") else truths[peer.prefix]
                    runs[peer.name].append(run(peer.name, peer.argv, order, truth))
                    _say(progress, peer.name, runs[peer.name][-1])
    found = figures.figures_of(runs)
    title = f"{arguments.events:,} events, {PARTITIONS} partitions, one core each"
    console.print(figures.table_of(found, f"{title}, median of {arguments.rounds}"))
    seconds = time.monotonic() - started
    console.print(f"{event_bytes} bytes per event; {seconds:.0f} s in all; load {os.getloadavg()}")
    said = {"events": arguments.events, "rounds": arguments.rounds, "event_bytes": event_bytes}
    document = figures.document_of(found, **said)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")
    for line in document["missed"]:
        console.print(f"MISSED {line}")
    return 1 if document["missed"] else 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--events", type=int, default=4_000_000, help="events for the fast ones")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median counts")
    parser.add_argument("--only", nargs="+", default=(), help="these competitors alone, by name")
    parser.add_argument("--json", type=Path, help="a file that takes the figures")
    return parser.parse_args(argv)


def _order(directory: Path, bootstrap: str, peer: Peer, truths: dict[str, Result]) -> Order:
    directory.mkdir()
    return Order(
        bootstrap=bootstrap,
        group=f"peer-{directory.name}",
        prefix=peer.prefix,
        partitions=PARTITIONS,
        events=truths[peer.prefix].events,
        progress=directory / "progress",
        result=directory / "result.json",
        state=directory,
    )


def _say(console: Console, name: str, one: Measured) -> None:
    wrong = f"  WRONG: {one.wrong}" if one.wrong else ""
    console.print(f"  {name:32} {one.per_second:10,.0f} events/s {one.cpu_us:7.2f} CPU µs{wrong}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ServerError as error:
        sys.exit(f"bench: {error}")
