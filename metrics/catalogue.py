"""The table of every metric that Vigie exports (pure).

Dashboards, alerts, README and tests read this table; the collectors can export nothing that is not
in it. Labels take their values from closed sets, so neither a person nor a pseudonym nor an address
can become a series, and the number of series of a worker is bounded before it starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from metrics.specs_access import ACCESS_SPECS
from metrics.specs_findings import FINDINGS_SPECS
from metrics.specs_objectives import OBJECTIVES_SPECS
from metrics.specs_region import REGION_SPECS
from metrics.specs_worker import WORKER_SPECS

if TYPE_CHECKING:
    from metrics.specs import MetricSpec

_SPECS: Final[tuple[MetricSpec, ...]] = (
    *REGION_SPECS,
    *FINDINGS_SPECS,
    *OBJECTIVES_SPECS,
    *ACCESS_SPECS,
    *WORKER_SPECS,
)

CATALOGUE: Final[dict[str, MetricSpec]] = {spec.name: spec for spec in _SPECS}


def series_bound(partitions: int, departments: int) -> int:
    """Most time series of one worker that holds every partition.

    Args:
        partitions: the settings' partition count.
        departments: departments of the region, HORS_REGION included.
    """
    sizes = {"partition": partitions, "department": departments}
    return sum(spec.series_max(sizes) for spec in _SPECS)
