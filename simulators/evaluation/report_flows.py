"""The rows of look-alikes, outages and sound flows (pure)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from simulators.evaluation.report import Row, share_row, verdict
from simulators.evaluation.statistics import Share, quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulators.evaluation.results import Silence, TrialResult

LOOKALIKE_SEEDS: Final = 20
_LATEST: Final = 1.5


def lookalike_rows(results: Sequence[TrialResult]) -> list[Row]:
    """Innocent incidents, outages, and findings on flows in which nothing was wrong."""
    told = [one for result in results for one in result.lookalikes]
    critical = sum(one.severity == "CRITICAL" for one in told)
    seeds = len({result.seed for result in results if result.span == "festival"})
    rows = [Row("look-alikes", "0 critical over 20 seeds")]
    if seeds:
        kinds = sorted({one.case for one in told})
        parts = ", ".join(f"{kind} {sum(o.case == kind for o in told)}" for kind in kinds)
        rows = [
            Row(
                "look-alikes",
                "0 critical over 20 seeds",
                f"{critical} critical, {len(told)} of any severity"
                + (f": {parts}" if parts else ""),
                f"{seeds} seeds",
                verdict(critical == 0) if seeds >= LOOKALIKE_SEEDS or critical else "met so far",
                {"critical": critical, "findings": len(told), "seeds": seeds},
            )
        ]
    region = [one for one in results if one.has_region and one.span == "festival"]
    return rows + _flow_rows(region)


def _flow_rows(results: Sequence[TrialResult]) -> list[Row]:
    silences = [one for result in results for one in result.silences]
    quiet = Row("findings on sound flows", "no false outage")
    if results:
        told = [one for result in results for one in result.flow_findings]
        false = sum("outage" in name for one in told for name in one.detectors)
        days = sum(result.test_days for result in results)
        quiet = Row(
            quiet.name,
            quiet.target,
            f"{false} outages, {len(told)} findings in {days} region-days",
            "",
            verdict(false == 0),
            {"outages": false, "findings": len(told), "region_days": days},
        )
    return [*outage_rows(silences), quiet]


def outage_rows(silences: Sequence[Silence]) -> list[Row]:
    """Outages by both reckonings of when a silence is a 1-in-a-million event.

    The target is held against the flow's own silences (`simulators.evaluation.silences`). What ends
    before it is so rare cannot be found by then, and counts only where it should have been.
    """
    own = [(one.found_ms, one.limit_ms) for one in silences]
    single = [(one.found_ms, one.single_ms) for one in silences]
    target = "found by 1.5 times the 1-in-a-million silence"
    late = [f"{one.flow} {one.sector}" for one in silences if one.found_ms > _LATEST * one.limit_ms]
    named = ", ".join(f"{name} {late.count(name)}" for name in sorted(set(late)))
    return [
        _outage_row("outage, by the flow's own silences", target, own, 1.0, named),
        _outage_row("  the same as if events came singly", "(no target)", single, 0.0, ""),
    ]


def _outage_row(
    name: str, target: str, times: Sequence[tuple[float, float]], least: float, late: str
) -> Row:
    ratios = [found / limit for found, limit in times if math.isfinite(limit)]
    if not ratios:
        return Row(name, target)
    limits = [limit / 60_000 for _, limit in times if math.isfinite(limit)]
    brief = len(times) - len(ratios)
    return share_row(
        name,
        target,
        Share(sum(ratio <= _LATEST for ratio in ratios), len(ratios)),
        least,
        note=f"; median ratio {quantile(ratios, 0.5):.2f}, p90 {quantile(ratios, 0.9):.2f};"
        f" limit {min(limits):.1f} to {max(limits):.0f} min"
        + (f"; {brief} ended before" if brief else "")
        + (f"; late: {late}" if late else ""),
    )
