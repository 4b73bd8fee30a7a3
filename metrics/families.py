"""Rows of values into Prometheus families, checked against the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from metrics.catalogue import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from metrics.specs import MetricSpec
    from metrics.views import Buckets


def family(name: str, rows: Iterable[tuple[Sequence[str], float]]) -> Metric:
    """A counter or gauge family.

    Args:
        name: a name of the catalogue, without the prefix.
        rows: label values in the catalogue's order, and the value.

    Raises:
        KeyError: the catalogue has no such metric.
        ValueError: a label value is outside its closed set; the text names the label only, because
            a value that should not be a label must not reach a log either.
    """
    spec = CATALOGUE[name]
    names = [label.name for label in spec.labels]
    metric = (CounterMetricFamily if spec.kind == "counter" else GaugeMetricFamily)(
        spec.full_name, spec.help, labels=names
    )
    for values, value in rows:
        _check(spec, values)
        metric.add_metric(values, value)
    return metric


def histogram(name: str, rows: Iterable[tuple[Sequence[str], Buckets]]) -> Metric:
    """A histogram family; arguments and errors as for `family`."""
    spec = CATALOGUE[name]
    names = [label.name for label in spec.labels]
    metric = HistogramMetricFamily(spec.full_name, spec.help, labels=names)
    for values, buckets in rows:
        _check(spec, values)
        metric.add_metric(values, buckets.cumulative(), buckets.total)
    return metric


def _check(spec: MetricSpec, values: Sequence[str]) -> None:
    if len(values) != len(spec.labels):
        raise ValueError(f"{spec.full_name}: {len(spec.labels)} label values are needed")
    for label, value in zip(spec.labels, values, strict=True):
        if label.values and value not in label.values:
            raise ValueError(f"{spec.full_name}: value of label {label.name} is not in its set")
