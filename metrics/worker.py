"""What one worker process does, counted per slice and per checkpoint."""

from __future__ import annotations

import platform
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from typing import TYPE_CHECKING

from prometheus_client.registry import Collector

from metrics.catalogue import CATALOGUE
from metrics.families import family, histogram
from metrics.labels import GROUPS, INTAKE, MOVES
from metrics.views import Buckets
from streams.topics import ACTIVITY_MARKS, FLOWS, REGION_CELLS, VERDICTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.metrics_core import Metric

    from streams.observing import WorkerStatus

_SOURCE, _ACTIVITY, _REGION = GROUPS
_GROUP_OF = {
    **dict.fromkeys((*FLOWS, VERDICTS), _SOURCE),
    ACTIVITY_MARKS: _ACTIVITY,
    REGION_CELLS: _REGION,
}


@dataclass(slots=True)
class _Waiting:
    """Work of one partition that no confirmed checkpoint covers yet; monotonic seconds."""

    first_s: float
    last_s: float


class WorkerMetrics(Collector):
    """The worker's `streams.observing.Observer` and its own collector: hooks add, `collect` reads.

    Hooks cost a few dictionary operations and are called per slice, never per event. Everything
    here begins at zero with the process; what must survive it comes from `metrics.region`.

    Args:
        status: phase and positions, kept in step by the worker.
        monotonic: seconds that never go backwards.
    """

    def __init__(
        self, status: WorkerStatus, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._status = status
        self._monotonic = monotonic
        self._slices: Counter[str] = Counter()
        self._records: Counter[str] = Counter()
        self._sent: Counter[str] = Counter()
        self._durations = {topic: _buckets("slice_duration_seconds") for topic in INTAKE.values}
        self._checkpoints = {group: _buckets("checkpoint_duration_seconds") for group in GROUPS}
        self._bytes: Counter[str] = Counter()
        self._writes: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._waiting: dict[tuple[str, int], _Waiting] = {}
        self._assigned: defaultdict[str, set[int]] = defaultdict(set)
        self._moves: Counter[tuple[str, str]] = Counter()
        self._recovery_s: dict[str, float] = {}
        self._recovery_bytes: Counter[str] = Counter()

    def slice_processed(
        self,
        topic: str,
        partition: int,
        *,
        records: int,
        seconds: float,
        next_offset: int,
        highwater: int,
    ) -> None:
        """One slice went through its processor."""
        del next_offset, highwater  # the status carries them, also while no slice comes
        self._slices[topic] += 1
        self._records[topic] += records
        self._durations[topic].observe(seconds)
        group = _GROUP_OF.get(topic)
        if group is not None:
            now_s = self._monotonic()
            waiting = self._waiting.setdefault((group, partition), _Waiting(now_s, now_s))
            waiting.last_s = now_s

    def outgoing_sent(self, topic: str, partition: int, *, records: int) -> None:
        """Records concluded from slices of a topic were produced."""
        del partition
        self._sent[topic] += records

    def checkpoint_done(
        self, group: str, partition: int, *, writes: int, size_bytes: int, seconds: float
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
        del partition
        self._failures[group] += 1

    def recovered(
        self, group: str, partition: int, *, entries: int, size_bytes: int, seconds: float
    ) -> None:
        """A partition's state was rebuilt from its changelog."""
        del partition, entries
        self._recovery_s[group] = seconds
        self._recovery_bytes[group] += size_bytes

    def assigned(self, topic: str, partition: int) -> None:
        """A partition is processed here from now on."""
        self._assigned[topic].add(partition)
        self._moves[topic, "assigned"] += 1

    def revoked(self, topic: str, partition: int) -> None:
        """A partition is processed elsewhere from now on, with whatever still waited."""
        self._assigned[topic].discard(partition)
        self._moves[topic, "revoked"] += 1
        group = _GROUP_OF.get(topic)
        if group is not None:
            self._waiting.pop((group, partition), None)

    @property
    def ready(self) -> bool:
        """Whether the state is recovered and slices are processed."""
        return self._status.ready

    @property
    def phase(self) -> str:
        """Where the worker is in its life."""
        return self._status.phase

    def lag(self) -> dict[tuple[str, int], int]:
        """Records not taken yet, by topic and partition."""
        return self._status.lags()

    def held(self) -> list[int]:
        """Partitions of the flows that this worker holds, ascending."""
        return sorted(set().union(*(self._assigned[flow] for flow in FLOWS)))

    def checkpoint_age_s(self, group: str) -> float:
        """How long the oldest unconfirmed work of the group has been waiting; 0 without any."""
        firsts = [wait.first_s for (owner, _), wait in self._waiting.items() if owner == group]
        return max(0.0, self._monotonic() - min(firsts)) if firsts else 0.0

    def collect(self) -> Iterator[Metric]:
        """All families of the process, each exactly once."""
        topics = INTAKE.values
        yield family("slices_total", (((t,), self._slices[t]) for t in topics))
        yield family("slice_records_total", (((t,), self._records[t]) for t in topics))
        yield family("sent_records_total", (((t,), self._sent[t]) for t in topics))
        yield histogram("slice_duration_seconds", (((t,), b) for t, b in self._durations.items()))
        yield family(
            "consumer_lag_records",
            (((topic, str(partition)), n) for (topic, partition), n in self.lag().items()),
        )
        yield family("assigned_partitions", (((t,), len(self._assigned[t])) for t in topics))
        yield family(
            "partition_moves_total", ((key, self._moves[key]) for key in product(topics, MOVES))
        )
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
