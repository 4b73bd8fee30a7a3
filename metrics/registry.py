"""One Prometheus registry per worker, never the process's global one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import CollectorRegistry

from metrics.region import RegionCollector

if TYPE_CHECKING:
    from collections.abc import Callable

    from metrics.views import RegionView
    from metrics.worker import WorkerMetrics


def build_registry(
    view: RegionView, worker: WorkerMetrics, clock: Callable[[], int]
) -> CollectorRegistry:
    """Everything that a worker's `/metrics` shows.

    Args:
        view: the region as this worker knows it.
        worker: the worker's own counts.
        clock: now, milliseconds UTC.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(RegionCollector(view, clock))
    registry.register(worker)
    ProcessCollector(registry=registry)
    return registry
