"""What is said of a metric before any value of it exists (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metrics.labels import Label

PREFIX: Final = "vigie_"
"""Of every name."""

Unit = Literal[
    "seconds",
    "bytes",
    "ratio",
    "events",
    "events_per_second",
    "records",
    "slices",
    "writes",
    "failures",
    "partitions",
    "accounts",
    "structures",
    "findings",
    "days",
    "alerts",
    "units",
    "verdicts",
    "requests",
    "state",
]


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric.

    Attributes:
        name: without the prefix; counters end in `_total`.
        unit: base unit of the value; seconds, bytes and ratios also stand in the name.
        help: one sentence for the person who reads the exposition.
        labels: in the order in which collectors give the values.
        buckets: upper bounds of a histogram, ascending, without +Inf.
        durable: the value comes from confirmed state, not from this process's memory.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: Unit
    help: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()
    durable: bool = False

    @property
    def full_name(self) -> str:
        """The name as Prometheus sees it."""
        return PREFIX + self.name

    def series_max(self, sizes: Mapping[str, int] = MappingProxyType({})) -> int:
        """Most time series of this metric on one worker.

        Args:
            sizes: number of values of the open labels, where it is known.
        """
        per_child = len(self.buckets) + 3 if self.kind == "histogram" else 1
        return per_child * prod(sizes.get(label.name, label.at_most) for label in self.labels)
