"""The rows of what is measured beside the trials (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from simulators.evaluation.report import Row, share_row, verdict
from simulators.evaluation.series import DEFAULT_BUDGET, STRICT_BUDGET
from simulators.evaluation.statistics import Share, quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulators.evaluation.series import SeriesScore
    from simulators.evaluation.speed import Speed
    from simulators.evaluation.state import StateSize

_KB: Final = 1024
_GB: Final = 1024**3
_MONTH_DAYS: Final = 30


def series_rows(scores: Sequence[SeriesScore]) -> list[Row]:
    """Service-like series at both budgets."""
    return [
        _series_row([one for one in scores if one.budget == DEFAULT_BUDGET], DEFAULT_BUDGET, 0.90),
        _series_row([one for one in scores if one.budget == STRICT_BUDGET], STRICT_BUDGET, 0.45),
    ]


def _series_row(scores: Sequence[SeriesScore], budget: float, least: float) -> Row:
    name = f"service-like series, ≤ {budget:g} alerts a day"
    is_default = budget == DEFAULT_BUDGET
    target = f"recall ≥ {least:.2f}" + (
        ", precision ≥ 0.75, median delay ≤ 2 samples" if is_default else ""
    )
    if not scores:
        return Row(name, target)
    found, events = sum(one.found for one in scores), sum(one.events for one in scores)
    alerts, true = sum(one.alerts for one in scores), sum(one.true_alerts for one in scores)
    per_day = alerts / max(sum(one.days for one in scores), 1e-9)
    delay = quantile([float(d) for one in scores for d in one.delays], 0.5)
    precision = true / max(alerts, 1)
    minutes = sum(one.alert_minutes for one in scores), sum(one.event_minutes for one in scores)
    good = per_day <= budget and (not is_default or (precision >= 0.75 and delay <= 2))
    note = (
        f"; precision {precision:.3f}, median delay {delay:g}, {per_day:.3f} alerts a day,"
        f" {minutes[0] / 60:.0f} h alerting for {minutes[1] / 60:.0f} h of events"
    )
    return share_row(name, target, Share(found, events), least, note=note, also=good)


def schedule_row(lifts: Sequence[float]) -> Row:
    """The adversarial search."""
    name, target = "worst schedule unseen within 90 d", "lifts an alarm level by ≤ 35 %"
    if not lifts:
        return Row(name, target)
    worst = max(lifts) - 1.0
    return Row(
        name,
        target,
        f"{100 * worst:.1f} %",
        f"{len(lifts)} searches",
        verdict(worst <= 0.35),
        {"lift": worst, "searches": len(lifts)},
    )


def state_rows(size: StateSize | None) -> list[Row]:
    """Memory."""
    one_row = Row("state per account", "≤ 4 KB median, ≤ 16 KB most")
    many_row = Row("100 000 accounts", "< 1 GB")
    if size is None:
        return [one_row, many_row]
    is_small = size.median_bytes <= 4 * _KB and size.max_bytes <= 16 * _KB
    rows = [
        Row(
            one_row.name,
            one_row.target,
            f"{size.median_bytes / _KB:.1f} KB median, {size.max_bytes / _KB:.1f} KB most",
            f"{size.accounts} accounts",
            verdict(is_small),
            {"median_bytes": size.median_bytes, "max_bytes": size.max_bytes},
        )
    ]
    if size.many_bytes < 0:
        return [*rows, many_row]
    scaled = size.many_bytes * 100_000 / size.many
    note = "" if size.many == 100_000 else f", from {size.many}"
    return [
        *rows,
        Row(
            many_row.name,
            many_row.target,
            f"{scaled / _GB:.2f} GB{note}",
            "growth of the process",
            verdict(scaled < _GB),
            {"bytes": scaled, "accounts": size.many},
        ),
    ]


def speed_rows(speed: Speed | None) -> list[Row]:
    """Throughput."""
    ratio_row = Row("worker's line with all detectors", "≥ 60 % of rates alone")
    month_row = Row("back-test of a month of the region", "≤ 3 min")
    if speed is None:
        return [ratio_row, month_row]
    ratio = speed.without_s / max(speed.with_s, 1e-9)
    month_s = speed.month_s * _MONTH_DAYS / max(speed.month_days, 1)
    note = "" if speed.month_days == _MONTH_DAYS else f", from {speed.month_days} days"
    return [
        Row(
            ratio_row.name,
            ratio_row.target,
            f"{100 * ratio:.0f} % ({speed.records / max(speed.with_s, 1e-9):,.0f} against"
            f" {speed.records / max(speed.without_s, 1e-9):,.0f} records/s)".replace(",", " "),
            "processor time, one partition",
            verdict(ratio >= 0.6),
            {"ratio": ratio, "records": speed.records},
        ),
        Row(
            month_row.name,
            month_row.target,
            f"{month_s / 60:.1f} min{note}",
            f"{speed.month_records} events",
            verdict(month_s <= 180),
            {"seconds": month_s, "days": speed.month_days, "events": speed.month_records},
        ),
    ]
