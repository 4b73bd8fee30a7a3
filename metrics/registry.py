"""One Prometheus registry per worker, never the process's global one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import CollectorRegistry

from metrics.findings import FindingsCollector
from metrics.objectives import ObjectivesCollector
from metrics.region import RegionCollector

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from metrics.access import AccessCounts
    from metrics.objective_rows import ObjectivesFeed
    from metrics.views import FindingsFeed, PushRow, RegionView
    from metrics.worker import WorkerMetrics


def build_registry(
    view: RegionView,
    worker: WorkerMetrics,
    clock: Callable[[], int],
    findings: FindingsFeed | None = None,
    pushes: Callable[[], Sequence[PushRow]] = tuple,
    *,
    objectives: ObjectivesFeed | None = None,
    access: AccessCounts | None = None,
) -> CollectorRegistry:
    """Everything that a worker's `/metrics` shows.

    Args:
        view: the region as this worker knows it.
        worker: the worker's own counts.
        clock: now, milliseconds UTC.
        findings: the present findings; `None` where there are none to show.
        pushes: how telling the Alertmanagers goes.
        objectives: the regional objectives; `None` where there are none to show.
        access: who was refused and what was done on purpose; `None` where nobody counts it.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(RegionCollector(view, clock))
    registry.register(worker)
    if findings is not None:
        registry.register(FindingsCollector(findings, pushes))
    if objectives is not None:
        registry.register(ObjectivesCollector(objectives, clock))
    if access is not None:
        registry.register(access)
    ProcessCollector(registry=registry)
    return registry
