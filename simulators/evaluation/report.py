"""The rows of the evaluation: target, measured, interval, met or missed (pure)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from simulators.evaluation.results import OURS
from simulators.evaluation.statistics import Interval, Rate, Share, quantile, quantile_interval
from streams.event_time import DAY_MS, HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from simulators.evaluation.results import Attacked, TrialResult

MET: Final = "met"
MISSED: Final = "missed"
NOT_RUN: Final = "not run"

_WEEK_MS: Final = 7 * DAY_MS
_BEGINNING_MOST: Final = 0.2
"""Twice the budget, as for accounts that are new to a region that is known."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        name: what.
        target: the issue's target in words.
        measured: what came out.
        interval: of 95 %, or a note.
        verdict: `MET`, `MISSED` or `NOT_RUN`.
        figures: the same for programs.
    """

    name: str
    target: str
    measured: str = ""
    interval: str = ""
    verdict: str = NOT_RUN
    figures: dict[str, float | int | str | None] | None = None


def verdict(is_met: bool) -> str:
    """In a word."""
    return MET if is_met else MISSED


def share_row(
    name: str, target: str, share: Share, least: float, *, note: str = "", also: bool = True
) -> Row:
    """A row that is met when a share reaches its target and whatever else was asked holds."""
    if not share.trials:
        return Row(name, target)
    interval = share.interval
    return Row(
        name,
        target,
        f"{share.value:.3f} ({share.hits}/{share.trials}){note}",
        percent(interval),
        verdict(share.value >= least and also),
        {
            "hits": share.hits,
            "trials": share.trials,
            "share": share.value,
            "low": interval.low,
            "high": interval.high,
        },
    )


def percent(interval: Interval) -> str:
    """An interval of shares."""
    return f"{interval.low:.3f} to {interval.high:.3f}"


def span_text(ms: float) -> str:
    """A length of time in its most telling unit."""
    if math.isinf(ms):
        return "never"
    if ms < HOUR_MS:
        return f"{ms / 60_000:.0f} min"
    return f"{ms / HOUR_MS:.1f} h" if ms < 2 * DAY_MS else f"{ms / DAY_MS:.1f} d"


def attack_rows(results: Sequence[TrialResult]) -> list[Row]:
    """The rows of the attacks on accounts."""
    own = [one for result in results for one in result.attacked if one.judge == OURS]

    def of(*cases: str) -> list[Attacked]:
        return [one for one in own if one.case in cases]

    return [
        *_predice_rows(results),
        _fast_row(of("fast-harvest", "per-day-100")),
        _delay_row("doubling", "≥ 0.95, p90 ≤ 14 d", of("doubling"), 0.95, p90_ms=14 * DAY_MS),
        _delay_row("+50 %", "≥ 0.85", of("plus-50"), 0.85),
        _delay_row("+25 %", "≥ 0.70", of("plus-25"), 0.70),
        _delay_row("ramp", "≥ 0.98", of("ramp"), 0.98),
        _delay_row("poisoning", "≥ 0.98", of("poisoning"), 0.98),
        _delay_row(
            "takeover at normal volume",
            "≥ 0.80 within 7 d",
            of("takeover"),
            0.80,
            within_ms=_WEEK_MS,
        ),
        _delay_row("care history made before the harvest", "(no target)", of("care-ramp"), 0.0),
        _delay_row(
            "doubling, each look searched for first", "(no target)", of("search-first"), 0.0
        ),
        _delay_row("camouflage in working hours", "(no target)", of("camouflage"), 0.0),
        _walk_row("enumeration in order", 8, of("enumeration")),
        _walk_row("enumeration, every second one", 30, of("enumeration-interleaved")),
        _walk_row("enumeration in shuffled blocks", 200, of("enumeration-shuffled")),
        _collusion_row(results),
    ]


def _incidents(results: Sequence[TrialResult], case: str) -> list[list[Attacked]]:
    """The accounts of each incident of a case, by us."""
    found: dict[tuple[str, int, int], list[Attacked]] = {}
    for result in results:
        for one in result.attacked:
            if one.judge == OURS and one.case == case:
                found.setdefault((result.span, result.seed, one.incident), []).append(one)
    return list(found.values())


def _predice_rows(results: Sequence[TrialResult]) -> list[Row]:
    fast = [one for rate in (735, 7353) for one in _incidents(results, f"predice-1-{rate}")]
    slow = [one for rate in (60, 74) for one in _incidents(results, f"predice-1-{rate}")]
    rows = [
        share_row(
            "Prédice, wave 1 at 735 and 7 353 a day",
            "within 24 h",
            _share(fast, lambda one: _first_ms(one) <= DAY_MS),
            1.0,
            note=_lost_note(fast),
        ),
        share_row(
            "Prédice, wave 1 at 60 and 74 a day",
            "≤ 150 identities, ≤ 7 d",
            _share(slow, lambda one: _first_ms(one) <= _WEEK_MS and _lost(one) <= 150),
            1.0,
            note=_lost_note(slow),
        ),
    ]
    for wave in (2, 3):
        all_rates = [
            one
            for rate in (60, 74, 735, 7353)
            for one in _incidents(results, f"predice-{wave}-{rate}")
        ]
        rows.append(
            share_row(
                f"Prédice, wave {wave} alone",
                "found",
                _share(all_rates, lambda one: math.isfinite(_first_ms(one))),
                1.0,
                note=_lost_note(all_rates),
            )
        )
    return rows


def _share(
    incidents: Sequence[Sequence[Attacked]], is_hit: Callable[[Sequence[Attacked]], bool]
) -> Share:
    return Share(sum(map(is_hit, incidents)), len(incidents))


def _first_ms(accounts: Sequence[Attacked]) -> float:
    return min(one.found_ms for one in accounts)


def _lost(accounts: Sequence[Attacked]) -> int:
    return sum(one.lost for one in accounts)


def _lost_note(incidents: Sequence[Sequence[Attacked]]) -> str:
    if not incidents:
        return ""
    lost = [float(_lost(one)) for one in incidents]
    delay = quantile([_first_ms(one) for one in incidents], 0.5)
    return (
        f"; median {span_text(delay)}, {quantile(lost, 0.5):.0f} identities (most {max(lost):.0f})"
    )


def _fast_row(own: Sequence[Attacked]) -> Row:
    target = "all, median ≤ 1 h, ≤ 110 identities"
    delay = quantile([one.found_ms for one in own], 0.5)
    lost = quantile([float(one.lost) for one in own], 0.5)
    return share_row(
        "≥ 100 extra patients a day",
        target,
        _found(own),
        1.0,
        note=_delay_note(own),
        also=delay <= HOUR_MS and lost <= 110,
    )


def _found(own: Sequence[Attacked], within_ms: float = math.inf) -> Share:
    hits = sum(math.isfinite(one.found_ms) and one.found_ms <= within_ms for one in own)
    return Share(hits, len(own))


def _delay_row(
    name: str,
    target: str,
    own: Sequence[Attacked],
    least: float,
    *,
    within_ms: float = math.inf,
    p90_ms: float = math.inf,
) -> Row:
    p90 = quantile([one.found_ms for one in own], 0.9)
    in_time = math.isinf(p90_ms) or p90 <= p90_ms
    return share_row(
        name, target, _found(own, within_ms), least, note=_delay_note(own), also=in_time
    )


def _delay_note(own: Sequence[Attacked]) -> str:
    if not own:
        return ""
    delays = [one.found_ms for one in own]
    lost = [float(one.lost) for one in own]
    return (
        f"; median {span_text(quantile(delays, 0.5))}, p90 {span_text(quantile(delays, 0.9))},"
        f" {quantile(lost, 0.5):.0f} identities (p90 {quantile(lost, 0.9):.0f})"
    )


def _walk_row(name: str, looks: int, own: Sequence[Attacked]) -> Row:
    """Found within so many look-ups; the walk's own detector is told beside."""
    hits = sum(math.isfinite(one.found_ms) and one.lost <= looks for one in own)
    by_walk = [
        float(next((lost for who, _, lost in one.by_detector if who == "enumeration"), one.total))
        for one in own
    ]
    lost = [float(one.lost) for one in own]
    note = (
        f"; median look-up {quantile(lost, 0.5):.0f}, the walk's own detector"
        f" {quantile(by_walk, 0.5):.0f}"
    )
    target = f"within {looks} look-ups"
    return share_row(name, target, Share(hits, len(own)), 1.0, note=note if own else "")


def _collusion_row(results: Sequence[TrialResult]) -> Row:
    name, target = "collusion of 20, 5 a day each", "≥ 0.9 within 3 d"
    told = [one for result in results if result.has_region for one in result.collusions]
    if not told:
        return Row(name, target)
    hits = sum(after <= 3 * DAY_MS for _, after in told)
    kinds = sorted({case for case, _ in told})
    parts = (
        f"{kind.removeprefix('collusion-')}"
        f" {sum(a <= 3 * DAY_MS for c, a in told if c == kind)}/{sum(c == kind for c, _ in told)}"
        for kind in kinds
    )
    return share_row(name, target, Share(hits, len(told)), 0.9, note="; " + ", ".join(parts))


def false_rows(results: Sequence[TrialResult]) -> list[Row]:
    """False alerts: in all, on the platforms alone, per day on which accounts act, newcomers."""
    account = [one for one in results if one.span not in {"festival", "beginning"}]
    total = _rate(account, lambda _group: True)
    platforms = _rate(account, lambda group: group.startswith("platforms"))
    active = Rate(total.events, sum(sum(one.active_days.values()) for one in account))
    new = Rate(sum(one.new_false for one in account), sum(one.new_days for one in account))
    rows = [
        rate_row("false alerts per 1 000 accounts and day", "≤ 0.1", total, 0.1),
        rate_row("  of these on the platforms", "≤ 0.1", platforms, 0.1),
        _group_row(account),
        rate_row("  per 1 000 days on which an account acts", "(no target)", active, math.inf),
    ]
    ratio = new.value / total.value if total.exposure and total.events else math.nan
    if new.exposure and total.exposure:
        allowed = 2.0 * max(total.value, 1e-12)
        # Without any alert on old accounts the ratio has no value; then none may be new either.
        is_met = new.value <= allowed if total.events else new.events == 0
        rows.append(
            Row(
                "new accounts, first 14 days",
                "≤ 2 times steady state",
                f"{new.value:.3f} per 1 000, ratio {ratio:.2f} ({new.events} in"
                f" {new.exposure:.0f} account-days)",
                rate_text(new.interval),
                verdict(is_met),
                {"events": new.events, "exposure": new.exposure, "ratio": _finite(ratio)},
            )
        )
    return [*rows, _beginning_row([one for one in results if one.span == "beginning"])]


def _beginning_row(results: Sequence[TrialResult]) -> Row:
    """False alerts of a watch that knows nothing of its region yet: everybody is new to it."""
    told = [
        one.new_false + sum(one.false_account.values()) + len(one.group_findings) for one in results
    ]
    exposure = sum(one.new_days + sum(one.account_days.values()) for one in results)
    row = rate_row(
        "a new deployment, first 14 days",
        f"≤ {_BEGINNING_MOST:g} per 1 000 accounts and day",
        Rate(sum(told), float(exposure)),
        _BEGINNING_MOST,
    )
    if not exposure:
        return row
    worst = max(told)
    return replace(row, measured=f"{row.measured}; {len(told)} beginnings, most {worst} at one")


def _group_row(results: Sequence[TrialResult]) -> Row:
    """Groups that were told of although none of the collusions was going on."""
    own = [one for one in results if one.has_region]
    row = Row("  groups told of without a collusion", "(no target)")
    if not own:
        return row
    told = sum(len(one.group_findings) for one in own)
    exposure = float(sum(sum(one.account_days.values()) for one in own))
    return rate_row(row.name, row.target, Rate(told, exposure), math.inf)


def group_rates(results: Sequence[TrialResult]) -> dict[str, Rate]:
    """False alerts per peer group."""
    groups = sorted({g for one in results for g in (*one.account_days, *one.false_account)})
    return {group: _rate(results, lambda name, own=group: name == own) for group in groups}  # type: ignore[misc]  # a lambda with a bound default


def _rate(results: Iterable[TrialResult], wanted: Callable[[str], bool]) -> Rate:
    events, exposure = 0, 0
    for one in results:
        events += sum(count for group, count in one.false_account.items() if wanted(group))
        exposure += sum(days for group, days in one.account_days.items() if wanted(group))
    return Rate(events, float(exposure))


def rate_row(name: str, target: str, rate: Rate, most: float) -> Row:
    """A row that is met while a rate stays below its target."""
    if not rate.exposure:
        return Row(name, target)
    return Row(
        name,
        target,
        f"{rate.value:.3f} ({rate.events} in {rate.exposure:.0f} account-days)",
        rate_text(rate.interval),
        verdict(rate.value <= most),
        {
            "events": rate.events,
            "exposure": rate.exposure,
            "low": rate.interval.low,
            "high": rate.interval.high,
        },
    )


def rate_text(interval: Interval) -> str:
    """An interval of rates."""
    return f"{interval.low:.3f} to {interval.high:.3f}"


def peer_table(results: Sequence[TrialResult]) -> dict[str, dict[str, tuple[Share, float]]]:
    """By case and judge: the share of accounts found, and the median of identities lost."""
    cells: dict[str, dict[str, list[Attacked]]] = {}
    for result in results:
        for one in result.attacked:
            cells.setdefault(one.case, {}).setdefault(one.judge, []).append(one)
    return {
        case: {
            judge: (_found(own), quantile([float(one.lost) for one in own], 0.5))
            for judge, own in judges.items()
        }
        for case, judges in cells.items()
    }


def delay_interval(own: Sequence[Attacked]) -> Interval:
    """Of the median delay."""
    return quantile_interval([one.found_ms for one in own], 0.5)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
