"""One seed's span: judged by us and by the peers' rules, compared with the truth (pure)."""

from __future__ import annotations

import math
import time
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np

from simulators.attacks.incident import ATTACK
from simulators.batches import in_windows
from simulators.calendar import midnight_ms
from simulators.evaluation.census import Census
from simulators.evaluation.comparison import GRACE_MS, Comparison
from simulators.evaluation.looks import WINDOW_MS, LookBook
from simulators.evaluation.peers import RULES, Table, threshold_for
from simulators.evaluation.region import TrialRegion
from simulators.evaluation.results import Attacked, TrialResult
from simulators.evaluation.silences import QuietHours
from streams.event_time import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulators.evaluation.judging import Judge
    from simulators.evaluation.plan import Span
    from streams.schemas import Schemas

BUDGET_PER_1000: Final = 0.1
"""False alerts per 1,000 accounts and day (detection reference §4.2)."""
_LARGEST: Final = 1 << 30
_EPOCH: Final = date(1970, 1, 1).toordinal()


def run_trial(
    span: Span,
    seed: int,
    schemas: Schemas,
    judge: Judge,
    progress: Callable[[int], None] = lambda _days: None,
) -> TrialResult:
    """Let a seed's span be judged, and compare with the truth.

    Args:
        span: what happens.
        seed: of the region.
        schemas: the contracts.
        judge: what is evaluated.
        progress: told of every simulated day that is done.
    """
    region = TrialRegion(span, seed, schemas)
    result = TrialResult(span.name, seed, judge.has_region, test_days=span.test_days)
    first_day = span.start.toordinal() - _EPOCH
    quiet = QuietHours(span)
    book, census = LookBook(region.accounts, first_day), Census(first_day, span.days)
    edge_ms, done = 0, 0
    for ahead_ms, pieces in region.turns():
        began = time.process_time()
        if ahead_ms > edge_ms:
            judge.advance(ahead_ms)
            days = max(0, (ahead_ms - midnight_ms(span.start)) // DAY_MS)
            progress(days - done)
            edge_ms, done = ahead_ms, days
        for piece in pieces:
            judge.take(piece.flow, piece.frame)
        result.judge_seconds += time.process_time() - began
        tables = {piece.flow: piece.events for piece in pieces}
        for events in tables.values():
            result.events += len(events)
            census.take(events)
            quiet.take(events)
        for events in in_windows([tables], WINDOW_MS, _LARGEST):
            book.take(events)
    began = time.process_time()
    alerts = list(judge.finish())
    result.judge_seconds += time.process_time() - began
    progress(span.days - done)
    Comparison(region, census.finish(), alerts, result, quiet.limits()).all()
    _compare_peers(region, book, result)
    return result


def _compare_peers(region: TrialRegion, book: LookBook, result: TrialResult) -> None:
    """Judge the same looks by every rule."""
    span = region.span
    if not span.cases:
        return
    looks = book.finish()
    names = sorted({region.group_of(one) for one in region.accounts.tolist()})
    group = np.array([names.index(region.group_of(one)) for one in region.accounts.tolist()])
    table = Table.of(looks, group, span.days)
    away = np.array(sorted(region.concerned | region.newcomers.keys()), np.int64)
    quiet = ~np.isin(region.accounts, away)
    first = span.enrolment_days
    allowed = BUDGET_PER_1000 * int(quiet.sum()) * span.test_days / 1000.0
    for rule, score_of in RULES.items():
        score = score_of(table)
        threshold = threshold_for(table, score, quiet, first, allowed)
        result.thresholds[rule] = threshold
        _found_by(rule, region, table, score >= threshold, result)


def _found_by(
    rule: str, region: TrialRegion, table: Table, alerted: np.ndarray, result: TrialResult
) -> None:
    looks = table.looks
    for number, (case, truth) in enumerate(zip(region.span.cases, region.truths, strict=True)):
        if truth.incident.kind != ATTACK:
            continue
        for account in truth.incident.actors.tolist():
            first = truth.first_ms_of(account)
            if first is None:
                continue
            place = int(np.searchsorted(region.accounts, account))
            begin, end = np.searchsorted(looks.account, [place, place + 1]).tolist()
            times = looks.time_ms[begin:end][alerted[begin:end]]
            times = times[(times >= first) & (times <= truth.last_ms + GRACE_MS)]
            at = int(times.min()) if len(times) else None
            result.attacked.append(
                Attacked(
                    judge=rule,
                    case=case.key,
                    incident=number,
                    group=region.group_of(account),
                    found_ms=at - first if at is not None else math.inf,
                    lost=truth.patients(None if at is None else at + 1, account),
                    total=truth.patients(None, account),
                )
            )
