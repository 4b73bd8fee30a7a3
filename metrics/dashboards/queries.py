"""PromQL that several panels share (pure).

A partition is held by one worker, so rates and totals of partitions are summed. What the one owner of a
topic shows for the whole region (unique accounts, findings, objectives) is taken with `max` over the
workers, so that a handover never counts it twice. A worker's ratio speaks of its own partitions; ratios
are put together again with the events behind them as weights.
"""

from __future__ import annotations

from typing import Final

WORKER: Final = 'instance=~"$instance"'
"""Selects the workers that the reader chose."""

FLOW: Final = 'flow=~"$flow"'
SECTOR: Final = 'sector=~"$sector"'
DEPARTMENT: Final = 'department=~"$department"'
DETECTOR: Final = 'detector=~"$detector"'
SEVERITY: Final = 'severity=~"$severity"'

WEEK_AGO: Final = " offset 1w"


def select(metric: str, *matchers: str) -> str:
    """A metric with matchers, `vigie_ready{instance=~"$instance"}` for instance."""
    return f"{metric}{{{','.join(matchers)}}}" if matchers else metric


def event_rate(window: str, *matchers: str, by: str = "", ago: str = "") -> str:
    """Events per second over a rolling window, of the whole region.

    Args:
        window: of the catalogue, or a variable.
        matchers: further matchers.
        by: labels that are left; none for the sum of all.
        ago: an offset, with its leading blank.
    """
    series = select("vigie_event_rate", f'window="{window}"', *matchers) + ago
    return _sum(series, by)


def counter_rate(metric: str, *matchers: str, by: str = "") -> str:
    """Increase per second of a counter that lives in partitions or workers."""
    return _sum(f"rate({select(metric, *matchers)}[$__rate_interval])", by)


def increase(metric: str, *matchers: str, by: str = "") -> str:
    """Increase of a counter over the range that the reader looks at."""
    return _sum(f"increase({select(metric, *matchers)}[$__range])", by)


def of_the_region(series: str, by: str = "") -> str:
    """What one worker alone shows for the whole region."""
    return f"max by ({by}) ({series})" if by else f"max({series})"


def findings(metric: str, *matchers: str, by: str = "") -> str:
    """A figure of findings: summed on the worker that shows it, then taken from whoever does."""
    labels = f"instance, {by}" if by else "instance"
    return of_the_region(f"sum by ({labels}) ({select(metric, *matchers)})", by)


def steps(metric: str, *matchers: str, by: str) -> str:
    """Increase of a counter from point to point, for bars."""
    return _sum(f"increase({select(metric, *matchers)}[$__rate_interval])", by)


def quantile(share: float, histogram: str, *matchers: str, by: str) -> str:
    """A quantile of a histogram over all chosen workers."""
    rate = f"rate({select(f'{histogram}_bucket', *matchers)}[$__rate_interval])"
    return f"histogram_quantile({share}, sum by ({by}, le) ({rate}))"


def weighted(
    ratio: str,
    window: str,
    *matchers: str,
    by: str,
    weigh_by: str = "",
    only: str = "",
    ago: str = "",
) -> str:
    """A ratio of the region from the workers' own, weighted by their events.

    Args:
        ratio: the metric.
        window: of the catalogue, or a variable.
        matchers: of the ratio and of its weights; of the weights alone where the ratio is of one flow.
        by: labels that are left.
        weigh_by: labels that tell the weights apart; empty where the ratio is of one flow.
        only: a matcher of the ratio alone.
        ago: an offset, with its leading blank.
    """
    span = f'window="{window}"'
    own = (*([only] if only else ()), span, *(matchers if weigh_by else ()))
    shares = select(ratio, *own) + ago
    weights = select("vigie_event_rate", span, *matchers) + ago
    on = f"instance, {weigh_by}" if weigh_by else "instance"
    whole = ", ".join(label for label in by.split(", ") if label in weigh_by.split(", "))
    total = _sum(weights, whole)
    return (
        f"sum by ({by}) ({shares} * on ({on}) group_left () sum by ({on}) ({weights}))"
        f" / on ({whole}) group_left () ({total} > 0)"
    )


def failures(window: str, *matchers: str, by: str) -> str:
    """Share of failed events of the region."""
    return weighted("vigie_failure_ratio", window, *matchers, by=by, weigh_by="flow, sector")


def authentication(window: str, *matchers: str, method: str = "", ago: str = "") -> str:
    """Share of each authentication method of the region, or of one, by flow."""
    return weighted(
        "vigie_auth_method_ratio",
        window,
        *matchers,
        by="flow, auth_method",
        weigh_by="flow",
        only=f'auth_method="{method}"' if method else "",
        ago=ago,
    )


def insi_results(window: str) -> str:
    """Share of each INSi result code of the region."""
    calls = 'flow="insi-calls"'
    return weighted("vigie_ins_result_ratio", window, calls, by="outcome_code")


def ins_statuses(window: str) -> str:
    """Share of DMP deposits of the region by trust status of the identity."""
    deposits = 'flow="dmp-deposits"'
    return weighted("vigie_ins_status_ratio", window, deposits, by="ins_status")


def _sum(series: str, by: str) -> str:
    return f"sum by ({by}) ({series})" if by else f"sum({series})"
