"""The region's traffic at a steady rate, with unruly producers, and the truth about it.

Simulated days follow one another at so many events a second, dated as they are sent. Some events come
out of order, some twice; when told to, producers repeat a lot or date events wrongly. What each event
must come to is counted here as it is made: the service is compared with that, not with itself.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from aiokafka import AIOKafkaProducer

from simulators.attacks.catalogue import wanted
from simulators.attacks.scenario import Scenario
from simulators.calendar import midnight_ms
from simulators.encode import EventEncoder
from simulators.events import Events
from simulators.live import working_day
from simulators.partitions import partition_of
from simulators.pseudonyms import STRUCTURE, pseudonym
from simulators.traffic import RegionTraffic
from streams.codec import framing_header
from streams.event_time import DAY_MS, HOUR_MS, MINUTE_MS
from streams.registry import Registry
from streams.schemas import Schemas
from streams.topics import FLOWS
from streams.vocabulary import SECTORS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Int64Array = npt.NDArray[np.int64]
Cell = tuple[str, str, int]
"""Flow, sector and minute of event time (milliseconds // 60 000)."""

_OPENING_HOUR: Final = 8
_IDLE_DAY_EVENTS, _FULL_DAY_EVENTS = 100_000, 420_000
"""Fewer than any Sunday of the region has, and more than most of its working days."""
_TICK_S: Final = 0.2
_BATCH_BYTES: Final = 400_000
_REQUEST_TIMEOUT_MS: Final = 150_000
_MOST_DELAY_MS: Final = 10 * MINUTE_MS
"""Events that a source held back for longer are dated so long ago."""
_SHUFFLED, _REPEATED = 0.10, 0.02
_SHUFFLED_UNRULY, _REPEATED_UNRULY = 0.40, 0.30
_LATER_S: Final = 20.0
"""Longest time by which an event is postponed, and by which a repetition follows."""
_WRONG: Final = 0.10
_AHEAD_MS, _A_LITTLE_AHEAD_MS = 2 * HOUR_MS, 3 * MINUTE_MS
_BEHIND_MS, _FAR_BEHIND_MS = 15 * MINUTE_MS, DAY_MS + 2 * HOUR_MS


@dataclass
class Truth:
    """What was sent must come to this.

    Attributes:
        counted: events that count, once each.
        duplicates: repetitions of these, by flow.
        late: events older than the allowed lateness, repetitions included, by flow.
        ahead: events dated further ahead than is believed, repetitions included, by flow.
    """

    counted: Counter[Cell] = field(default_factory=Counter)
    duplicates: Counter[str] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)
    ahead: Counter[str] = field(default_factory=Counter)

    @property
    def records(self) -> int:
        """Records in Kafka, whatever becomes of them."""
        every = (self.counted, self.duplicates, self.late, self.ahead)
        return sum(counts.total() for counts in every)


@dataclass
class Lane:
    """One partition of one flow: what waits to be sent, and what became of what was sent.

    Attributes:
        waiting: keys and values.
        sent_s: when each batch was sent (monotonic).
        ends: the offset behind each; -1 until Kafka has confirmed it.
    """

    flow: str
    partition: int
    waiting: deque[tuple[bytes, bytes]] = field(default_factory=deque)
    sent_s: list[float] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)


class Traffic:
    """Sends from a thread of its own, from `start` to `finish`.

    Args:
        bootstrap: Kafka servers.
        seed: of the region and of the dice.
        rate: events per second.
        seconds: the longest that it goes on.
        partitions: of the flows.
        registry_url: of the schema registry whose ids stand before every value.
        spread_s: the n-th attack begins on the n-th simulated day, but within so many seconds.
        attacks: as `vigie simulate` takes them.

    Attributes:
        truth: see `Truth`.
        lanes: by flow and partition.
        unruly: whether producers repeat and shuffle a lot now.
        wrong_dates: whether some events are dated wrongly now.
        slowest_s: longest time from a record's Kafka timestamp to its confirmation.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        seed: int,
        rate: int,
        seconds: float,
        spread_s: float,
        partitions: int,
        registry_url: str,
        attacks: Sequence[str],
    ) -> None:
        self.truth = Truth()
        self.lanes = {
            (flow, number): Lane(flow, number) for flow in FLOWS for number in range(partitions)
        }
        self.unruly = False
        self.wrong_dates = False
        self.slowest_s = 0.0
        self._bootstrap, self._rate, self._partitions = bootstrap, rate, partitions
        self._seed = seed
        self._dice = np.random.default_rng(seed)
        self._places: dict[int, tuple[bytes, int]] = {}
        schemas, registry = Schemas.load(), Registry(registry_url)
        versions = {flow: schemas.of_flow(flow) for flow in FLOWS}
        self._prefixes = {flow: framing_header(own, registry) for flow, own in versions.items()}
        # Another run of the same seed is other events.
        run = time.time_ns() // 1_000_000
        self._encoders = {
            flow: EventEncoder(flow, own.schema, seed, run) for flow, own in versions.items()
        }
        self._region = _Region(
            seed, int(rate * seconds), attacks, int(rate * spread_s) // _FULL_DAY_EVENTS, run
        )
        self._later: list[tuple[float, int, Lane, bytes, bytes]] = []
        self._numbers = itertools.count()
        self._ending = threading.Event()
        self._is_over = False
        self._is_abandoned = False
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)
        self._failure: BaseException | None = None
        self._per_second: Counter[int] = Counter()

    def start(self) -> None:
        self._thread.start()

    def check(self) -> None:
        """Raise whatever ended the thread before its time."""
        if self._failure is not None:
            raise self._failure

    def finish(self) -> None:
        """Send what is still owed, and wait until everything is confirmed."""
        self._ending.set()
        self._thread.join(_REQUEST_TIMEOUT_MS / 1000)
        self.check()
        if self._thread.is_alive():
            raise TimeoutError("the traffic's last records were not confirmed")

    def abandon(self) -> None:
        """Stop without waiting for Kafka."""
        self._ending.set()
        self._is_abandoned = True

    def rates(self) -> tuple[float, float]:
        """Events per second that were made: on average, and in the leanest ten seconds."""
        seconds = sorted(self._per_second)[1:-1]
        made = [self._per_second[second] for second in range(seconds[0], seconds[-1] + 1)]
        tens = [sum(made[at : at + 10]) / 10 for at in range(max(1, len(made) - 9))]
        return sum(made) / len(made), min(tens)

    def ends(self) -> dict[tuple[str, int], int]:
        """The offset behind the last confirmed record of each lane that has one."""
        return {place: max(lane.ends) for place, lane in self.lanes.items() if lane.ends}

    # -- in the thread --------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._send_all())
        except BaseException as failure:  # noqa: BLE001 (raised again by check, in the caller's thread)
            self._failure = failure

    async def _send_all(self) -> None:
        # Idempotent: a retry over a dying broker must not make the truth uncertain.
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=True,
            max_batch_size=_BATCH_BYTES,
            request_timeout_ms=_REQUEST_TIMEOUT_MS,
            metadata_max_age_ms=10_000,
        )
        async with producer, asyncio.TaskGroup() as group:
            for lane in self.lanes.values():
                group.create_task(self._send_lane(producer, lane))
            group.create_task(self._make())

    async def _make(self) -> None:
        started_s = time.monotonic()
        done = 0
        while not self._ending.is_set():
            await asyncio.sleep(_TICK_S)
            due = int((time.monotonic() - started_s) * self._rate)
            for events in self._region.next(due - done):
                self._take(events)
            done = due
            self._release(time.monotonic())
        # What is owed follows at once.
        self._release(float("inf"))
        self._is_over = True

    def _take(self, events: Events) -> None:
        """Date n events, count what they must come to, and queue them."""
        flow, n = events.flow, len(events)
        now_ms = time.time_ns() // 1_000_000
        self._per_second[now_ms // 1000] += n
        columns = dict(events.columns)
        held_ms = np.clip(columns["recorded_at"] - columns["occurred_at"], 0, _MOST_DELAY_MS)
        occurred, recorded = now_ms - held_ms, np.full(n, now_ms)
        kind = np.zeros(n, np.int64)
        if self.wrong_dates:
            kind = np.where(self._dice.random(n) < _WRONG, self._dice.integers(1, 5, n), 0)
            shift = np.array([0, _AHEAD_MS, _A_LITTLE_AHEAD_MS, -_BEHIND_MS, -_FAR_BEHIND_MS])[kind]
            occurred = occurred + shift
            recorded = recorded + np.maximum(shift, 0)
        columns["occurred_at"], columns["recorded_at"] = occurred, recorded
        is_ahead, is_late = kind == 1, kind == 4
        repeated = self._dice.random(n) < (_REPEATED_UNRULY if self.unruly else _REPEATED)
        shuffled = self._dice.random(n) < (_SHUFFLED_UNRULY if self.unruly else _SHUFFLED)
        counts = ~is_ahead & ~is_late
        minutes, sectors = occurred // MINUTE_MS, columns["sector"]
        for minute, sector in zip(minutes[counts].tolist(), sectors[counts].tolist(), strict=True):
            self.truth.counted[flow, SECTORS[sector], minute] += 1
        self.truth.duplicates[flow] += int((repeated & counts).sum())
        self.truth.late[flow] += int(is_late.sum() + (repeated & is_late).sum())
        self.truth.ahead[flow] += int(is_ahead.sum() + (repeated & is_ahead).sum())
        bodies = self._encoders[flow].encode(Events(flow, columns), self._prefixes[flow]).bodies()
        now_s = time.monotonic()
        waits = np.where(shuffled, self._dice.random(n) * _LATER_S, 0.0).tolist()
        again = np.where(repeated, self._dice.random(n) * _LATER_S, np.nan).tolist()
        rows = zip(columns["structure_pid"].tolist(), bodies, waits, again, strict=True)
        for structure, value, wait_s, again_s in rows:
            key, partition = self._place(structure)
            lane = self.lanes[flow, partition]
            if wait_s:
                self._postpone(now_s + wait_s, lane, key, value)
            else:
                lane.waiting.append((key, value))
            if again_s == again_s:  # noqa: PLR0124 (not a number is not itself)
                self._postpone(now_s + wait_s + again_s, lane, key, value)

    def _place(self, structure: int) -> tuple[bytes, int]:
        found = self._places.get(structure)
        if found is None:
            key = pseudonym(self._seed, STRUCTURE, structure).encode()
            self._places[structure] = found = key, partition_of(key, self._partitions)
        return found

    def _postpone(self, due_s: float, lane: Lane, key: bytes, value: bytes) -> None:
        heapq.heappush(self._later, (due_s, next(self._numbers), lane, key, value))

    def _release(self, now_s: float) -> None:
        while self._later and self._later[0][0] <= now_s:
            _, _, lane, key, value = heapq.heappop(self._later)
            lane.waiting.append((key, value))

    async def _send_lane(self, producer: AIOKafkaProducer, lane: Lane) -> None:
        """One batch at a time, so that the log has the order of sending; dated as each is sent."""
        await asyncio.sleep(random.random() * _TICK_S)
        while (lane.waiting or not self._is_over) and not self._is_abandoned:
            if lane.waiting:
                batch = producer.create_batch()
                now_s, now_ms = time.monotonic(), time.time_ns() // 1_000_000
                while lane.waiting:
                    key, value = lane.waiting[0]
                    if batch.append(timestamp=now_ms, key=key, value=value) is None:
                        break
                    lane.waiting.popleft()
                count = batch.record_count()
                lane.ends.append(-1)
                lane.sent_s.append(now_s)
                told = await producer.send_batch(batch, lane.flow, partition=lane.partition)
                place = await told
                lane.ends[-1] = place.offset + count
                self.slowest_s = max(self.slowest_s, time.monotonic() - now_s)
            await asyncio.sleep(_TICK_S)


class _Region:
    """Simulated days one after the other, made in advance: making one takes seconds.

    Args:
        seed: of the region.
        count: events that will be asked for at most.
        attacks: the n-th begins on the n-th day, but not after `last_day`.
        start_ms: wall time; the first day is a working day like it.
    """

    def __init__(
        self, seed: int, count: int, attacks: Sequence[str], last_day: int, start_ms: int
    ) -> None:
        traffic = RegionTraffic(seed)
        first = working_day(start_ms)
        origin_ms = midnight_ms(first) + _OPENING_HOUR * HOUR_MS
        days = 2 + count // _IDLE_DAY_EVENTS
        dated = [
            replace(wanted(text), start=first + timedelta(days=min(number, last_day)))
            for number, text in enumerate(attacks)
        ]
        scenario = Scenario(dated, traffic, first, days, origin_ms)
        self._days: deque[Mapping[str, Events]] = deque()
        made = 0
        for tables in traffic.recorded(first, days, rewrite=scenario.rewrite):
            if made >= count:
                break
            after = {
                flow: table.pick(np.flatnonzero(table.columns["recorded_at"] >= origin_ms))
                for flow, table in tables.items()
            }
            made += sum(len(table) for table in after.values())
            self._days.append(after)
        self._order: list[Int64Array] = []
        self._at = 0

    def next(self, count: int) -> Iterator[Events]:
        """The next `count` events, a table per flow; fewer at the end of a day."""
        if not self._order and self._days:
            self._order = _order(self._days[0])
            self._at = 0
        if not self._order:
            raise EOFError("more events were asked for than were announced")
        flows, rows = (one[self._at : self._at + count] for one in self._order)
        for number in np.unique(flows).tolist():
            yield self._days[0][FLOWS[number]].pick(rows[flows == number])
        self._at += count
        if self._at >= len(self._order[0]):
            self._days.popleft()
            self._order = []


def _order(day: Mapping[str, Events]) -> list[Int64Array]:
    """Of a day's events in the order of recording: their flows' numbers, and their rows."""
    flows = np.concatenate(
        [np.full(len(day[flow]), n) for n, flow in enumerate(FLOWS) if flow in day]
    )
    rows = np.concatenate([np.arange(len(day[flow])) for flow in FLOWS if flow in day])
    times = np.concatenate([day[flow].columns["recorded_at"] for flow in FLOWS if flow in day])
    order = np.argsort(times, kind="stable")
    return [flows[order], rows[order]]
