"""What Prometheus would keep of many scrapes: samples by series, and where a series ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tests.support import servers_remote_write as remote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client.registry import CollectorRegistry

Key = tuple[str, tuple[tuple[str, str], ...]]


@dataclass
class Scrapes:
    """The scrapes of one target.

    Args:
        target: the labels that Prometheus gives to everything of the target.
    """

    target: Mapping[str, str]
    _places: dict[Key, int] = field(default_factory=dict)
    _labels: list[bytes] = field(default_factory=list)
    _times: list[list[int]] = field(default_factory=list)
    _values: list[list[float]] = field(default_factory=list)
    _present: set[int] = field(default_factory=set)
    count: int = 0

    def scrape(
        self, at_ms: int, registry: CollectorRegistry | None, own: Mapping[str, float]
    ) -> None:
        """Keep one scrape.

        Args:
            at_ms: its time.
            registry: what the target shows; `None` while it does not answer.
            own: values that take the place of what a metric of the process itself says, because the
                process of the test is none of the simulated ones.
        """
        present = {self._keep(at_ms, "up", {}, float(registry is not None))}
        for metric in registry.collect() if registry is not None else ():
            for sample in metric.samples:
                value = own.get(sample.name, sample.value)
                present.add(self._keep(at_ms, sample.name, sample.labels, value))
        for place in self._present - present:
            self._times[place].append(at_ms)
            self._values[place].append(remote.STALE)
        self._present = present

    def drain(self) -> Iterator[bytes]:
        """Everything kept since the last time, as remote write wants it."""
        for place, times in enumerate(self._times):
            if times:
                yield remote.encode_series(
                    self._labels[place], np.array(times, np.int64), self._values[place]
                )
                self.count += len(times)
        self._times = [[] for _ in self._labels]
        self._values = [[] for _ in self._labels]

    def _keep(self, at_ms: int, name: str, labels: Mapping[str, str], value: float) -> int:
        key = (name, tuple(labels.items()))
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = len(self._labels)
            self._labels.append(remote.encode_labels({"__name__": name, **labels, **self.target}))
            self._times.append([])
            self._values.append([])
        self._times[place].append(at_ms)
        self._values[place].append(value)
        return place
