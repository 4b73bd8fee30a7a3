"""The worker itself: timed by its own `/metrics`, judged by the state that it has made durable.

An exposition costs the worker as much as six thousand events, so it is asked for few. That all are
counted the offsets tell that it commits, at nobody's cost.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from kafka import KafkaAdminClient
from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    NotCoordinatorError,
)

from agents.access_rows import SURFACES
from agents.series import PAIRS, SeriesCodes
from agents.shard import Shard
from streams.event_time import MINUTE_MS
from streams.settings import Settings
from streams.topic_admin import ensure_topics
from streams.topics import FLOWS
from streams.worker import shard_params
from tests.benchmarks.peers.log import PARTITIONS, changelog, empty_own_topics
from tests.benchmarks.peers.running import (
    TIMEOUT_S,
    Measured,
    Sample,
    cpu_seconds,
    measured,
    pinned,
)
from tests.benchmarks.peers.work import peak_bytes
from tests.support.servers_worker import COMMAND, Worker, summed, taken

if TYPE_CHECKING:
    from pathlib import Path

    from tests.benchmarks.peers.work import Result

_NO_COORDINATOR = (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    NotCoordinatorError,
)
_POLL_S = 0.1
_SAMPLE_S = 2.5
# Looks are judged half a second after the log's end is reached, by the clock.
_SETTLE_S = 3.0


def run_worker(
    directory: Path, bootstrap: str, *, watch: str, number: int, truth: Result, check: bool
) -> Measured:
    """One run of `vigie worker` over the whole log.

    Args:
        directory: where its log goes.
        bootstrap: Kafka servers.
        watch: `VIGIE_WATCH`.
        number: of the round.
        truth: what it has to count.
        check: whether its state is read back from the changelog and compared in full; else the
            totals alone.
    """
    empty_own_topics(bootstrap)
    group = f"vigie-{watch}-{number}"
    settings = Settings(
        kafka_bootstrap=bootstrap, partitions=PARTITIONS, group_id=group, watch=watch
    )
    ensure_topics(settings, create=True)
    own: dict[str, str | int] = {"partitions": PARTITIONS, "watch": watch, "group_id": group}
    samples: list[Sample] = []
    command = pinned(COMMAND)
    with (
        Committed(bootstrap, group) as committed,
        Worker(directory, group, bootstrap=bootstrap, command=command, **own) as worker,
    ):
        _follow(worker, committed, truth.events, samples)
        total = summed("vigie_events_total", worker)
        if check:
            time.sleep(_SETTLE_S)
        worker.process.terminate()
    wrong = "" if total == truth.events else f"{total:.0f} events, not {truth.events}"
    if check and not wrong:
        wrong = compare(recovered(bootstrap, settings), truth).wrong
    return measured(group, samples, truth.events, wrong=wrong)


def _follow(worker: Worker, committed: Committed, events: int, samples: list[Sample]) -> None:
    """Sample a worker until it has committed everything.

    Raises:
        ServerError: it ended or was not through in time.
    """
    pid, next_s = worker.process.pid, 0.0
    deadline = time.monotonic() + TIMEOUT_S
    while committed.events() < events:
        if not worker.process.running:
            raise worker.process.error(f"ended with {worker.process.returncode}")
        if time.monotonic() > deadline:
            raise worker.process.error(f"not through within {TIMEOUT_S:.0f} s")
        # The clock before the question: the worker answers with what it had taken by then.
        asked_s, cpu_s = time.monotonic(), cpu_seconds(pid)
        if asked_s >= next_s:
            next_s = asked_s + _SAMPLE_S
            samples.append(Sample(asked_s, cpu_s, peak_bytes(pid), taken(worker)))
        time.sleep(_POLL_S)


class Committed:
    """How much of the flows a group has committed, as Kafka has it."""

    def __init__(self, bootstrap: str, group: str) -> None:
        self._admin = KafkaAdminClient(bootstrap_servers=bootstrap)
        self._group = group

    def events(self) -> int:
        """The sum over the flows' partitions, whose offsets begin at 0."""
        try:
            found = self._admin.list_group_offsets({self._group: None})
        except _NO_COORDINATOR:
            return (
                0  # the topic of the offsets is only just being made; whoever asks has a deadline
            )
        return sum(
            at.offset
            for of in found.values()
            for tp, at in of.items()
            if tp.topic in FLOWS and at.offset > 0
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._admin.close()


@dataclass(frozen=True, slots=True)
class Compared:
    """How much of a worker's durable state was held against the truth, and in which it differs."""

    cells: int
    account_days: int
    wrong: str


def recovered(bootstrap: str, settings: Settings) -> list[Shard]:
    """A worker's state as its changelog has it."""
    params = shard_params(settings)
    codes = SeriesCodes(params.departments)
    shards = []
    for number, entries in enumerate(changelog(bootstrap, f"{settings.group_id}-source-changelog")):
        shard = Shard(params, codes, number)
        shard.recover(entries, owner=1)
        shards.append(shard)
    return shards


def compare(shards: list[Shard], truth: Result) -> Compared:
    """Hold shards against the truth.

    Compared are the totals of each flow, every minute of the last hour and every five minutes of the
    last day by flow, sector and department (older ones have left the windows), and, where accounts are
    watched, the distinct patients of every account on its partition's open day (closed days live on in
    baselines). Left out are accounts that looked before midnight and were heard of after: the worker,
    which judges at once and once, counts that on the day that was open.
    """
    wrong = _wrong_totals(shards, truth)
    end = max(minute for minute, *_ in truth.minutes) + 1
    compared = 0
    for minutes, span in ((1, 60), (5, 24 * 60)):
        cells, bad = _differing_cells(shards, truth, minutes, end - span, end)
        compared += cells
        if bad:
            wrong.append(f"{bad} of {cells} cells of {minutes} min differ")
    days, bad = _account_days(shards, truth)
    if bad:
        wrong.append(f"{bad} of {days} account-days differ")
    return Compared(compared, days, "; ".join(wrong))


def _wrong_totals(shards: list[Shard], truth: Result) -> list[str]:
    wrong = []
    totals = Counter(dict.fromkeys(FLOWS, 0))
    for shard in shards:
        for flow, total in shard.totals().items():
            totals[flow] += int(total.events.sum())
            if total.duplicates or total.late or total.dead_letters:
                wrong.append(f"{flow}: an event was refused")
    expected = Counter(dict.fromkeys(FLOWS, 0))
    for (_, flow, _, _), n in truth.minutes.items():
        expected[flow] += n
    return wrong if totals == expected else [*wrong, "totals of the flows differ"]


def _differing_cells(
    shards: list[Shard], truth: Result, minutes: int, start: int, end: int
) -> tuple[int, int]:
    """How many cells of so many minutes there are in `[start, end)`, and how many of them differ."""
    wanted: Counter[tuple[int, str, str, str]] = Counter()
    for (minute, flow, sector, department), n in truth.minutes.items():
        if minute // minutes >= start // minutes:
            wanted[minute // minutes, flow, sector, department] += n
    found = _cells(shards, minutes, start // minutes, -(-end // minutes))
    return len(wanted), sum(found[key] != wanted[key] for key in found.keys() | wanted.keys())


def _cells(
    shards: list[Shard], minutes: int, first: int, end: int
) -> Counter[tuple[int, str, str, str]]:
    """Events of the cells `[first, end)` of so many minutes, by flow, sector and department."""
    found: Counter[tuple[int, str, str, str]] = Counter()
    for shard in shards:
        codes, step_ms = shard._codes, minutes * MINUTE_MS
        (ring,) = (ring for ring in shard.rates.rings if ring.step_ms == step_ms)
        cells = ring.cells(first * step_ms, end * step_ms)
        traffic = cells[:, : int(np.prod(codes.shape))].reshape(-1, *codes.shape).sum(axis=4)
        for cell, flow, pair, department in np.argwhere(traffic).tolist():
            key = (first + cell, FLOWS[flow], PAIRS[pair][0], codes.departments[department])
            found[key] += int(traffic[cell, flow, pair, department])
    return found


def _account_days(shards: list[Shard], truth: Result) -> tuple[int, int]:
    """How many account-days were held against the truth, and how many of them differ."""
    compared = bad = 0
    for shard in shards:
        if shard.watch is None:
            continue
        table, day = shard.watch.watch.days.table, shard.watch.open_day
        for row in np.flatnonzero(table["day"] == day).tolist():
            account = shard.watch.accounts[row]
            person = account.actor_pid or ""
            key = (day, SURFACES[account.surface], account.structure_pid, person)
            if key in truth.held_over:
                continue
            compared += 1
            bad += int(table["patients"][row]) != truth.patients.get(key, 0)
    return compared, bad
