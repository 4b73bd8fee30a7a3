"""Watches from outside whether the service is at work, all the time.

A partition is at work when a record that was sent after a moment is confirmed by Kafka and its offset is
committed by the workers' group: they commit only what is counted and durable. The service has recovered
from an act when that holds for every partition that got a record since.
"""

from __future__ import annotations

import contextlib
import threading
import time
import urllib.request
from bisect import bisect_left, bisect_right
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Self

from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import KafkaError

from simulators.broker import LOOPBACK
from streams.topics import FLOWS
from tests.proof.chaos_plan import BROKERS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from tests.proof.chaos_service import Service
    from tests.proof.chaos_traffic import Lane
    from tests.support.servers_worker import Worker

_LOOK_EVERY_S: Final = 0.3
_WHOLE_EVERY_S: Final = 1.0
_REQUEST_MS: Final = 4_000
_READY_TIMEOUT_S: Final = 2.0
_GROUP: Final = "vigie"


class Watch:
    """Asks Kafka for the group's offsets and the replicas, from a thread of its own.

    Args:
        service: that is watched.
        lanes: what was sent to it, by flow and partition.

    Attributes:
        committed: offset by flow and partition, as of the last answer.
        longest_wait_s: longest time from a record's sending that it was seen not to be counted yet.
    """

    def __init__(self, service: Service, lanes: Mapping[tuple[str, int], Lane]) -> None:
        self._service, self._lanes = service, lanes
        self.longest_wait_s = 0.0
        self._bootstrap = service.kafka.bootstrap
        self.committed: Mapping[tuple[str, int], int] = {}
        self._whole_s = 0.0
        self._ready_s = 0.0
        self._looked_s = 0.0
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(look, every_s), daemon=True)
            for look, every_s in (
                (self._look_at_offsets, _LOOK_EVERY_S),
                (self._look_at_replicas, _WHOLE_EVERY_S),
            )
        ]
        self._threads.append(threading.Thread(target=self._look_on, daemon=True))

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(4 * _REQUEST_MS / 1000)

    def recovered(self, since_s: float) -> bool:
        """Whether every partition number counted a record that was sent at or after `since_s`."""
        committed, seen = self.committed, set()
        for (flow, partition), lane in self._lanes.items():
            first = bisect_left(lane.sent_s, since_s)
            if first >= len(lane.sent_s):
                if lane.ends and lane.ends[-1] < 0:
                    return False
                continue
            end = lane.ends[first]
            if end < 0 or committed.get((flow, partition), 0) < end:
                return False
            seen.add(partition)
        return seen == {partition for _, partition in self._lanes}

    def behind(self) -> list[str]:
        """The partitions that have not counted everything that was confirmed, in words."""
        return [
            f"{flow}/{partition}: {self.committed.get((flow, partition), 0)} of {max(lane.ends)}"
            for (flow, partition), lane in self._lanes.items()
            if lane.ends and self.committed.get((flow, partition), 0) < max(lane.ends)
        ]

    def note_waits(self, now_s: float) -> None:
        """See how long the oldest record of each partition waits that is not counted yet."""
        for place, lane in self._lanes.items():
            sent = len(lane.sent_s)
            # The last one's end is -1 until Kafka confirms it.
            confirmed = sent - 1 if sent and lane.ends[sent - 1] < 0 else sent
            first = bisect_right(lane.ends, self.committed.get(place, 0), 0, confirmed)
            if first < sent:
                self.longest_wait_s = max(self.longest_wait_s, now_s - lane.sent_s[first])

    def steady(self, since_s: float) -> bool:
        """Whether all workers are ready, and everything counts what was sent since then and `since_s`.

        Readiness must have been seen after `since_s`: before, nobody may have noticed yet.
        """
        ready_s = self._ready_s
        return ready_s > 0 and self._looked_s > since_s and self.recovered(max(ready_s, since_s))

    def whole_since(self, since_s: float) -> bool:
        """Whether every replica of every partition was in step at a look after `since_s`."""
        return self._whole_s > since_s

    def _look_on(self) -> None:
        while not self._ending.wait(_LOOK_EVERY_S):
            asked_s = time.monotonic()
            self._look_at_workers()
            self._looked_s = asked_s

    def _run(self, look: Any, every_s: float) -> None:
        admin: KafkaAdminClient | None = None
        while not self._ending.wait(every_s):
            try:
                if admin is None:
                    admin = KafkaAdminClient(
                        bootstrap_servers=self._bootstrap,
                        request_timeout_ms=_REQUEST_MS,
                        bootstrap_timeout_ms=_REQUEST_MS,
                    )
                look(admin)
            except (KafkaError, OSError, ValueError, KeyError):
                # Brokers come and go; a connection to one that stands still is given up.
                if admin is not None:
                    with contextlib.suppress(Exception):
                        admin.close()
                admin = None
        if admin is not None:
            admin.close()

    def _look_at_offsets(self, admin: KafkaAdminClient) -> None:
        found = admin.list_group_offsets([_GROUP])[_GROUP]
        self.committed = {
            (place.topic, place.partition): told.offset
            for place, told in found.items()
            if isinstance(place, TopicPartition) and place.topic in FLOWS
        }
        self.note_waits(time.monotonic())

    def _look_at_replicas(self, admin: KafkaAdminClient) -> None:
        asked_s = time.monotonic()
        topics = admin.describe_topics()
        is_whole = bool(topics) and all(
            len(part["isr_nodes"]) == len(part["replica_nodes"]) == BROKERS
            for topic in topics
            for part in topic["partitions"]
        )
        self._whole_s = asked_s if is_whole else 0.0

    def _look_at_workers(self) -> None:
        asked_s = time.monotonic()
        if all(_is_ready(worker) for worker in self._service.workers):
            # Ready since some time before; what was sent after this look was sent to a ready worker.
            self._ready_s = self._ready_s or asked_s
        else:
            self._ready_s = 0.0


def _is_ready(worker: Worker) -> bool:
    try:
        with urllib.request.urlopen(
            f"http://{LOOPBACK}:{worker.port}/readyz", timeout=_READY_TIMEOUT_S
        ) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False
