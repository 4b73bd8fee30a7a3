"""A real Prometheus that holds a simulated day, and the same weekday a week before.

Two workers process a fortnight of a small region (`tests.support.simulated_traffic`) on a clock of
their own, composed and driven as in production; what their registries show is kept as Prometheus would
keep its scrapes, and written into a real one. One worker is replaced in the night, a flow falls silent
and comes back, one Alertmanager is away for a while, and accounts are attacked.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from streams.event_time import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from streams.settings import Settings
from tests.support import servers_remote_write as remote
from tests.support import simulated_traffic as traffic
from tests.support.servers_prometheus import Prometheus
from tests.support.simulated_log import MemoryLog
from tests.support.simulated_people import NOVEMBER, OCTOBER, confirm, declare
from tests.support.simulated_scrapes import Scrapes
from tests.support.simulated_worker import Clock, Pager, SimulatedWorker, clock_of_the_workers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agents.findings import Finding

JOB: Final = "vigie"
INSTANCES: Final = ("worker-1:6066", "worker-2:6066")
PARTITIONS: Final = 2
DAY_END_S: Final = traffic.END_MS / 1000
"""Unix time of the last scrape: a Tuesday in December, 11:00 in Paris."""
DAY_START_S: Final = DAY_END_S - DAY_MS / 1000
SILENCE_S: Final = (traffic.SILENCE_MS[0] / 1000, traffic.SILENCE_MS[1] / 1000)
"""When `SILENT_FLOW` of `tests.support.simulated_traffic` brought nothing."""
RESTART_S: Final = (DAY_END_S - 16 * 3600, DAY_END_S - 16 * 3600 + 480)
"""When the second worker was down."""
UNHEARD_S: Final = (DAY_END_S - 7 * 3600, DAY_END_S - 7 * 3600 + 1800)
"""When the second Alertmanager refused every connection."""
JUDGED_S: Final = DAY_END_S - 2 * 3600
"""When an analyst confirmed a finding."""

_WARM_STEP_MS: Final = 6 * HOUR_MS
_DAY_STEP_MS: Final = 2 * MINUTE_MS
_FINE_STEP_MS: Final = 15 * SECOND_MS
_FINE_MS: Final = 30 * MINUTE_MS
_BEFORE_STEP_MS: Final = 4 * MINUTE_MS
_BEFORE_MS: Final = DAY_MS
_TAIL_MS: Final = 3 * SECOND_MS
"""What arrives so shortly before a scrape is read but not yet confirmed."""
_WRITE_EVERY_MS: Final = 30 * MINUTE_MS
_CATCH_UP_RECORDS: Final = 1
_CATCH_UP_S: Final = 360

RULES: Final = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules"
_WEEK_S: Final = 7 * DAY_MS // 1000
_SPANS: Final = (
    (DAY_END_S - _WEEK_S - _BEFORE_MS // 1000, DAY_END_S - _WEEK_S),
    (DAY_START_S, DAY_END_S),
)

_ALL = tuple(range(PARTITIONS))
_SHARES = (_ALL[::2], _ALL[1::2])


@contextlib.contextmanager
def simulated_day(directory: Path) -> Iterator[Prometheus]:
    """A Prometheus that holds both days and what the recording rules make of them.

    Ask with `at_s=DAY_END_S` or earlier. The rules of the project are loaded; they are evaluated at the
    present, where there is nothing, so alerts are asked for by their expressions.
    """
    with Prometheus(directory, ports=[], past=True) as prometheus:
        with clock_of_the_workers(clock := Clock()):
            asyncio.run(_Region(clock, prometheus).live())
        if rules := sorted(RULES.glob("*.yml")):
            prometheus.load_rules(rules)
            for start_s, end_s in _SPANS:
                _record(prometheus, start_s, end_s)
        yield prometheus


def _record(prometheus: Prometheus, start_s: float, end_s: float) -> None:
    """Write what the recording rules would have written, rule by rule as they build on each other."""
    for rule in prometheus.rules("record"):
        found = prometheus.query_range(
            rule["query"], start_s=start_s, end_s=end_s, step_s=_DAY_STEP_MS / 1000
        )
        series = []
        for labels, samples in found:
            named = {**labels, **rule.get("labels", {}), "__name__": rule["name"]}
            times_s, values = zip(*samples, strict=True)
            times_ms = np.array(np.array(times_s) * 1000, np.int64)
            series.append(remote.encode_series(remote.encode_labels(named), times_ms, values))
        remote.write(prometheus.remote_write_url, series)


class _Region:
    """Log, workers and their scrapes over the fortnight."""

    def __init__(self, clock: Clock, prometheus: Prometheus) -> None:
        self._clock = clock
        self._prometheus = prometheus
        self._settings = Settings(
            partitions=PARTITIONS,
            http_port=0,
            alertmanager_urls=("http://alertmanager-1:9093", "http://alertmanager-2:9093"),
        )
        self._flows = traffic.region_records(PARTITIONS)
        self._log = MemoryLog(PARTITIONS)
        self._pager = Pager()
        self._workers: list[SimulatedWorker | None] = [None, None]
        self._scrapes = [Scrapes({"job": JOB, "instance": name}) for name in INSTANCES]
        self._generation = 0
        self._delivered_ms = 0
        self._written_ms = 0
        self._catches_up_until_s = 0.0

    async def live(self) -> None:
        """From the first day to the last scrape."""
        start_ms = min(int(flow.times_ms[0]) for flow in self._flows)
        week_ms = 7 * DAY_MS
        end_ms = traffic.END_MS
        self._clock.ms = start_ms
        self._workers = [self._started(), self._started()]
        await self._assign(_SHARES)
        declare(self._log, OCTOBER, start_ms)
        before_ms = end_ms - week_ms
        await self._warm_up(before_ms - _BEFORE_MS)
        await self._scraped(before_ms - _BEFORE_MS, before_ms, _BEFORE_STEP_MS)
        self._write()
        await self._warm_up(end_ms - DAY_MS)
        await self._scraped(end_ms - DAY_MS, end_ms - DAY_MS // 2, _DAY_STEP_MS)
        declare(self._log, NOVEMBER, self._clock.ms)
        judged_ms = int(JUDGED_S * 1000)
        await self._scraped(end_ms - DAY_MS // 2, judged_ms, _DAY_STEP_MS)
        confirm(self._log, self._least_pressing(), self._clock.ms)
        await self._scraped(judged_ms, end_ms - _FINE_MS, _DAY_STEP_MS)
        await self._scraped(end_ms - _FINE_MS, end_ms, _FINE_STEP_MS)
        self._write()

    def _started(self) -> SimulatedWorker:
        self._generation += 1
        return SimulatedWorker(self._settings, self._log, self._clock, self._generation)

    async def _assign(self, shares: Sequence[Sequence[int]]) -> None:
        self._generation += 1
        for worker in self._running():
            await worker.give_up()
        for number, (worker, share) in enumerate(zip(self._workers, shares, strict=True)):
            if worker is not None:
                await worker.assign(share, generation=self._generation, singles=number == 0)

    async def _warm_up(self, until_ms: int) -> None:
        while self._clock.ms < until_ms:
            self._clock.ms = min(until_ms, self._clock.ms + _WARM_STEP_MS)
            self._deliver(self._clock.ms)
            for worker in self._running():
                await worker.read()
                await worker.pass_time(self._clock.ms)
            await self._settle()

    async def _scraped(self, start_ms: int, end_ms: int, step_ms: int) -> None:
        for at_ms in range(start_ms + step_ms, end_ms + 1, step_ms):
            await self._happen(at_ms)
            self._clock.ms = at_ms - _TAIL_MS
            self._deliver(self._clock.ms)
            await self._work()
            await self._settle()
            self._clock.ms = at_ms - SECOND_MS
            self._deliver(self._clock.ms)
            await self._read()
            self._clock.ms = at_ms
            self._scrape()
            if at_ms - self._written_ms >= _WRITE_EVERY_MS:
                self._write()

    async def _work(self) -> None:
        await self._read()
        for worker in self._running():
            await worker.pass_time(self._clock.ms - self._settings.decision_margin_ms)
            await worker.push(self._pager)

    async def _read(self) -> None:
        catches_up = self._clock.now_s() < self._catches_up_until_s
        for number, worker in enumerate(self._workers):
            if worker is not None:
                # Who comes back has to catch up; slowly here, so that a lag is seen.
                await worker.read(most=_CATCH_UP_RECORDS if catches_up and number else None)

    async def _settle(self) -> None:
        """What a slice causes travels on: marks to their partition, cells and findings to theirs."""
        for _ in range(2):
            self._clock.ms += self._settings.checkpoint_interval_ms
            for worker in self._running():
                await worker.checkpoint()
            await self._read()
        self._clock.ms += self._settings.checkpoint_interval_ms
        for worker in self._running():
            await worker.checkpoint()

    async def _happen(self, at_ms: int) -> None:
        at_s = at_ms / 1000
        self._pager.away = {"2"} if UNHEARD_S[0] <= at_s < UNHEARD_S[1] else set()
        second = self._workers[1]
        is_down = RESTART_S[0] <= at_s < RESTART_S[1]
        if is_down and second is not None:
            # Static membership: its partitions wait for it.
            await second.give_up()
            self._workers[1] = None
        elif not is_down and second is None:
            self._workers[1] = self._started()
            self._catches_up_until_s = at_s + _CATCH_UP_S
            await self._assign(_SHARES)

    def _least_pressing(self) -> Finding:
        """Of the open findings about accounts, the one that waits longest in the queue."""
        watching = self._workers[0]
        assert watching is not None
        found = watching.open_account_findings()
        return min(found, key=lambda one: (one.priority, one.finding_id))

    def _running(self) -> Sequence[SimulatedWorker]:
        return [worker for worker in self._workers if worker is not None]

    def _deliver(self, until_ms: int) -> None:
        for flow in self._flows:
            flow.deliver(self._log, self._delivered_ms, until_ms)
        self._delivered_ms = until_ms

    def _scrape(self) -> None:
        for worker, scrapes in zip(self._workers, self._scrapes, strict=True):
            if worker is None:
                scrapes.scrape(self._clock.ms, None, {})
                continue
            worker.note_ends()
            own = {
                "process_start_time_seconds": worker.started_s,
                "process_cpu_seconds_total": worker.busy_s,
            }
            scrapes.scrape(self._clock.ms, worker.registry, own)

    def _write(self) -> None:
        series = itertools.chain.from_iterable(scrapes.drain() for scrapes in self._scrapes)
        remote.write(self._prometheus.remote_write_url, series)
        self._written_ms = self._clock.ms
