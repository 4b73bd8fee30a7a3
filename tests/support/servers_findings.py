"""A live region with attacks in it, and what an undisturbed reader concludes from the logs it left."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from agents.findings import read_finding
from agents.region_processor import RegionProcessor
from agents.series import SeriesCodes
from agents.source import SourceProcessor
from simulators.attacks.catalogue import wanted
from simulators.live import live_events
from simulators.pacing import Pace
from simulators.publish import Publisher
from streams.codec import SliceCodec
from streams.kafka_access import KafkaAccess
from streams.own_records import RecordReader
from streams.schemas import Schemas
from streams.topics import FINDINGS, FLOWS, REGION_CELLS, VERDICTS
from streams.worker import region_params, shard_params
from tests.support.findings import Kept

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.findings import Finding
    from streams.findings_log import FindingsLog
    from streams.processing import Outgoing
    from streams.settings import Settings

_WINDOW_MS = 1_000
_END_TIMEOUT_S = 180.0


class LiveRegion:
    """The region's traffic into Kafka as it happens, from a thread of its own.

    Every record bears the time at which it is sent; so no reader's conclusions depend on when it reads.

    Args:
        bootstrap: Kafka servers.
        attacks: as `vigie simulate` takes them.
        speed: simulated seconds per second.
        scale: size relative to the region.
        attack_after_s: peace before the attacks.
        seconds: the longest that it goes on.
    """

    def __init__(
        self,
        bootstrap: str,
        attacks: Sequence[str],
        *,
        speed: float,
        scale: float,
        attack_after_s: float,
        seconds: float,
    ) -> None:
        self._thread = threading.Thread(target=self._run, name="region", daemon=True)
        self._bootstrap = bootstrap
        self._attacks = [wanted(text) for text in attacks]
        self._speed = speed
        self._scale = scale
        self._attack_after_s = attack_after_s
        self._seconds = seconds
        self._ending = threading.Event()
        self._failure: BaseException | None = None

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def finish(self) -> None:
        """Stop, and wait until everything that was sent is confirmed."""
        self._ending.set()
        self._thread.join(_END_TIMEOUT_S)
        assert not self.running
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self._send()
        except BaseException as failure:  # noqa: BLE001 (raised again in the test's thread, by finish)
            self._failure = failure

    def _send(self) -> None:
        pace = Pace(1.0)
        start_ms = time.time_ns() // 1_000_000
        with Publisher(KafkaAccess(self._bootstrap)) as publisher:
            pace.wait_for(start_ms)
            for batch in live_events(
                seed=1,
                start_ms=start_ms,
                speed=self._speed,
                scale=self._scale,
                attacks=self._attacks,
                attack_after_s=self._attack_after_s,
            ):
                due_ms = int(batch.recorded_ms[-1])
                if self._ending.is_set() or due_ms > start_ms + self._seconds * 1000:
                    return
                pace.wait_for(due_ms)
                publisher.send(batch)


def undisturbed(log: FindingsLog, settings: Settings) -> list[Finding]:
    """What the processors conclude, never interrupted, from the events and verdicts that Kafka holds.

    They read in the order of Kafka's time, a second of all topics after the other.
    """
    windows: dict[int, dict[tuple[str, int], list[Any]]] = defaultdict(lambda: defaultdict(list))
    for topic in (*FLOWS, VERDICTS):
        for records in log.records(topic):
            for record in records:
                window = windows[record.timestamp // _WINDOW_MS]
                window[topic, record.partition].append(record)
    reader = _Undisturbed(settings)
    for number in sorted(windows):
        for (topic, partition), records in windows[number].items():
            reader.take(reader.sources[partition].process(topic, records))
        reader.pass_time((number + 1) * _WINDOW_MS)
    # A minute in which nothing more came.
    reader.pass_time((max(windows) + 60) * _WINDOW_MS)
    return reader.found


class _Undisturbed:
    """Every processor of a service in one place."""

    def __init__(self, settings: Settings) -> None:
        schemas = Schemas.load()
        codec = SliceCodec(schemas)
        self._reader = RecordReader(schemas)
        params, codes = shard_params(settings), SeriesCodes(settings.departments)
        self.sources = [
            SourceProcessor(
                partition=number,
                codec=codec,
                reader=self._reader,
                params=params,
                codes=codes,
                mark_partitions=settings.partitions,
                counted=lambda *_: None,
            )
            for number in range(settings.partitions)
        ]
        self._region = RegionProcessor(partition=0, codec=codec, params=region_params(settings))
        self._cells = 0
        self.found: list[Finding] = []

    def take(self, outgoing: Sequence[Outgoing]) -> None:
        for one in outgoing:
            if one.topic == FINDINGS:
                self.found.append(read_finding(one.value, self._reader))
            elif one.topic == REGION_CELLS:
                cell = Kept(self._cells, 0, one.key, one.value)
                self._cells += 1
                self.take(self._region.process(REGION_CELLS, [cell]))
                while self._region.watch.is_behind:
                    self.take(self._region.pass_time({}))

    def pass_time(self, until_ms: int) -> None:
        for source in self.sources:
            self.take(source.pass_time(dict.fromkeys((*FLOWS, VERDICTS), until_ms)))


def latest(findings: Sequence[Finding]) -> dict[str, Finding]:
    """The newest revision of each finding."""
    by_id: dict[str, Finding] = {}
    for one in findings:
        before = by_id.get(one.finding_id)
        if before is None or before.revision <= one.revision:
            by_id[one.finding_id] = one
    return by_id


def states(findings: Sequence[Finding]) -> list[tuple[Any, ...]]:
    """What must be the same in every run: who, since when, and how it stands.

    Not which detector leads, nor how many revisions tell it: a slice's strongest evidence is told, and
    slices differ.
    """
    return sorted(
        (
            one.finding_id,
            one.structure_pid or "",
            one.actor_pid or "",
            one.opened_at_ms or 0,
            one.window_start_ms,
            str(one.status),
        )
        for one in latest(findings).values()
    )
