"""What one worker process does, counted per slice and per checkpoint."""

from __future__ import annotations

import platform
import time
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from prometheus_client.registry import Collector

from metrics.catalogue import CATALOGUE, GROUPS, INTAKE, SENT_TOPICS
from metrics.families import family, histogram
from metrics.views import Buckets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prometheus_client.metrics_core import Metric

SOURCE_GROUP, ACTIVITY_GROUP = GROUPS


@dataclass(slots=True)
class _Waiting:
    """Work of one partition that no confirmed checkpoint covers yet; monotonic seconds."""

    first_s: float
    last_s: float


class WorkerMetrics(Collector):
    """The worker's observer and its own collector: hooks add, `collect` reads.

    Hooks cost a few dictionary operations and are called per slice, never per event. Everything
    here begins at zero with the process; what must survive it comes from `metrics.region`.

    Args:
        monotonic: seconds that never go backwards.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._slices: Counter[str] = Counter()
        self._records: Counter[str] = Counter()
        self._durations = {topic: _buckets("slice_duration_seconds") for topic in INTAKE.values}
        self._positions: dict[tuple[str, int], tuple[int, int]] = {}
        self._sent: Counter[str] = Counter()
        self._checkpoints = {group: _buckets("checkpoint_duration_seconds") for group in GROUPS}
        self._bytes: Counter[str] = Counter()
        self._writes: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._waiting: dict[tuple[str, int], _Waiting] = {}
        self._assigned: dict[str, frozenset[int]] = {}
        self._rebalances = 0
        self._recovery_s: dict[str, float] = {}
        self._recovery_bytes: Counter[str] = Counter()
        self.ready = False

    def slice_processed(
        self,
        group: str,
        topic: str,
        partition: int,
        *,
        records: int,
        seconds: float,
        next_offset: int,
        highwater: int | None,
    ) -> None:
        """One slice went through its processor; `highwater` is the partition's end in Kafka."""
        self._slices[topic] += 1
        self._records[topic] += records
        self._durations[topic].observe(seconds)
        self.position(topic, partition, next_offset=next_offset, highwater=highwater)
        now_s = self._monotonic()
        waiting = self._waiting.setdefault((group, partition), _Waiting(now_s, now_s))
        waiting.last_s = now_s

    def position(
        self, topic: str, partition: int, *, next_offset: int, highwater: int | None
    ) -> None:
        """Where a partition stands; also called while nothing is taken, so that lag stays true."""
        known = self._positions.get((topic, partition), (0, 0))[1]
        end = known if highwater is None else highwater
        self._positions[topic, partition] = (next_offset, max(end, next_offset))

    def checkpoint_done(
        self, group: str, partition: int, *, size_bytes: int, writes: int, seconds: float
    ) -> None:
        """Every write of a checkpoint is confirmed, `seconds` after its state was frozen."""
        self._checkpoints[group].observe(seconds)
        self._bytes[group] += size_bytes
        self._writes[group] += writes
        waiting = self._waiting.pop((group, partition), None)
        frozen_s = self._monotonic() - seconds
        # Slices taken while the checkpoint was in flight are not in it; none is older than it.
        if waiting is not None and waiting.last_s > frozen_s:
            waiting.first_s = max(waiting.first_s, frozen_s)
            self._waiting[group, partition] = waiting

    def checkpoint_failed(self, group: str, partition: int) -> None:
        """The broker did not confirm a checkpoint."""
        del partition  # the partition stays in the log; a series per partition would say no more
        self._failures[group] += 1

    def assigned(self, group: str, partitions: Iterable[int]) -> None:
        """The group's partitions were given anew; these are all that it holds."""
        now_held = frozenset(partitions)
        self._assigned[group] = now_held
        if group == SOURCE_GROUP:
            self._rebalances += 1
        self._forget(group, now_held)

    def revoked(self, group: str, partitions: Iterable[int]) -> None:
        """These partitions are given up."""
        held = self._assigned.get(group, frozenset()) - frozenset(partitions)
        self._assigned[group] = held
        self._forget(group, held)

    def recovered(self, group: str, *, seconds: float, size_bytes: int) -> None:
        """The group's state was rebuilt from its changelog."""
        self._recovery_s[group] = seconds
        self._recovery_bytes[group] += size_bytes

    def sent(self, topic: str, records: int) -> None:
        """Records were produced because of a slice."""
        self._sent[topic] += records

    def lag(self) -> dict[tuple[str, int], int]:
        """Records not taken yet, by topic and partition."""
        return {key: end - next_offset for key, (next_offset, end) in self._positions.items()}

    def held(self, group: str = SOURCE_GROUP) -> list[int]:
        """Partitions that the group holds, ascending."""
        return sorted(self._assigned.get(group, ()))

    def checkpoint_age_s(self, group: str) -> float:
        """How long the oldest unconfirmed work of the group has been waiting; 0 without any."""
        firsts = [wait.first_s for (owner, _), wait in self._waiting.items() if owner == group]
        return max(0.0, self._monotonic() - min(firsts)) if firsts else 0.0

    def _forget(self, group: str, held: frozenset[int]) -> None:
        """Drop the series of partitions that another worker shows from now on."""
        topics = INTAKE.values[:-1] if group == SOURCE_GROUP else INTAKE.values[-1:]
        for topic, partition in list(self._positions):
            if topic in topics and partition not in held:
                del self._positions[topic, partition]
        for owner, partition in list(self._waiting):
            if owner == group and partition not in held:
                del self._waiting[owner, partition]

    def collect(self) -> Iterator[Metric]:
        """All families of the process, each exactly once."""
        yield family("slices_total", (((t,), self._slices[t]) for t in INTAKE.values))
        yield family("slice_records_total", (((t,), self._records[t]) for t in INTAKE.values))
        yield histogram("slice_duration_seconds", (((t,), b) for t, b in self._durations.items()))
        yield family(
            "consumer_lag_records",
            (((topic, str(partition)), n) for (topic, partition), n in self.lag().items()),
        )
        yield family("sent_records_total", (((t,), self._sent[t]) for t in SENT_TOPICS))
        yield histogram(
            "checkpoint_duration_seconds", (((g,), b) for g, b in self._checkpoints.items())
        )
        for name, counts in (
            ("checkpoint_bytes_total", self._bytes),
            ("checkpoint_writes_total", self._writes),
            ("checkpoint_failures_total", self._failures),
            ("recovery_bytes_total", self._recovery_bytes),
        ):
            yield family(name, (((group,), counts[group]) for group in GROUPS))
        yield family(
            "checkpoint_age_seconds", (((group,), self.checkpoint_age_s(group)) for group in GROUPS)
        )
        yield family("recovery_duration_seconds", (((g,), s) for g, s in self._recovery_s.items()))
        yield family("assigned_partitions", (((group,), len(self.held(group))) for group in GROUPS))
        yield family("rebalances_total", [((), self._rebalances)])
        yield family("ready", [((), float(self.ready))])
        yield family("build_info", [((program_version(), platform.python_version()), 1)])


def program_version() -> str:
    """The installed version, or `source` where Vigie runs from a checkout without installation."""
    try:
        return version("vigie")
    except PackageNotFoundError:
        return "source"


def _buckets(name: str) -> Buckets:
    return Buckets(CATALOGUE[name].buckets)
