"""Metrics of the regional objectives: where the region stands, and where it should (pure)."""

from __future__ import annotations

from typing import Final

from metrics.labels import DEPARTMENT, OBJECTIVE
from metrics.specs import MetricSpec

OBJECTIVES_SPECS: Final = (
    # Shown by the one worker that knows the whole region. A ratio is exported only beside its
    # denominator, and nothing of what is withheld or unknown is exported as zero.
    MetricSpec(
        "objective_ratio",
        "gauge",
        "ratio",
        "Where an objective stands: numerator over denominator.",
        (OBJECTIVE,),
    ),
    MetricSpec(
        "objective_target_ratio",
        "gauge",
        "ratio",
        "The ratio that an objective is to reach by its deadline.",
        (OBJECTIVE,),
    ),
    MetricSpec(
        "objective_required_ratio",
        "gauge",
        "ratio",
        "Where the straight way from an objective's baseline to its target stands today.",
        (OBJECTIVE,),
    ),
    MetricSpec(
        "objective_off_track",
        "gauge",
        "state",
        "1 for an objective behind its way or missed, 0 on its way or reached; absent if not judged.",
        (OBJECTIVE,),
    ),
    MetricSpec(
        "objective_numerator",
        "gauge",
        "units",
        "What an objective counts, in its own unit.",
        (OBJECTIVE,),
    ),
    MetricSpec(
        "objective_denominator",
        "gauge",
        "units",
        "What an objective's numerator is held against.",
        (OBJECTIVE,),
    ),
    MetricSpec(
        "objective_deadline_timestamp_seconds",
        "gauge",
        "seconds",
        "End of an objective's last day, as a Unix time.",
        (OBJECTIVE,),
    ),
    MetricSpec(
        "objective_updated_timestamp_seconds",
        "gauge",
        "seconds",
        "End of the day that an objective's figures describe, now for today, as a Unix time.",
        (OBJECTIVE,),
    ),
    MetricSpec(
        "objective_department_ratio",
        "gauge",
        "ratio",
        "Where an objective stands in a department; small cells withheld.",
        (OBJECTIVE, DEPARTMENT),
    ),
)
