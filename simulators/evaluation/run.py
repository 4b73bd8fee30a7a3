"""The whole evaluation: which trials, over which seeds, in which processes.

Thresholds were frozen before: the knots of `agents.detectors.calibration` were measured on quiet
populations of seeds 1 to 3 and 201 to 204; no parameter is fitted to a run, and the regions judged here
have seeds from 101 on. The peers' thresholds, in contrast, are set on the quiet accounts of the judged
days themselves.
"""

from __future__ import annotations

import multiprocessing
import queue
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from agents.partition_watch import PartitionWatchParams
from simulators.evaluation.judging import RegionJudge, WatchJudge
from simulators.evaluation.plan import BEGINNINGS, Span, autumn, beginning, festival, summer
from simulators.evaluation.report_flows import LOOKALIKE_SEEDS
from simulators.evaluation.results import TrialResult
from simulators.evaluation.schedules import worst_lift
from simulators.evaluation.series import (
    DEFAULT_BUDGET,
    STRICT_BUDGET,
    SeriesScore,
    score_series,
)
from simulators.evaluation.speed import PARTITIONS, Speed, measure_speed
from simulators.evaluation.state import StateSize, measure_state
from simulators.evaluation.trial import run_trial
from streams.schemas import Schemas

if TYPE_CHECKING:
    from collections.abc import Callable

    from agents.shard import ShardParams
    from simulators.evaluation.judging import Judge

FIRST_SEED: Final = 101
"""Tuning seeds lie below, and from 201 on."""
_SERIES_SEED: Final = 2_001
"""The rate detector was developed on seeds below 1000."""
_FESTIVALS_PER_SEED: Final = 2
_FESTIVALS_LEAST: Final = LOOKALIKE_SEEDS
_QUICK_ENROLMENT_DAYS: Final = 14
_QUICK_TEST_DAYS: Final = 8
_POLL_S: Final = 0.3

Outcome = TrialResult | SeriesScore | StateSize | float


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of work for one process.

    Attributes:
        kind: `trial`, `series`, `schedules` or `state`.
        seed: of it.
        span: of a trial.
        days: of simulated time, for the progress and for the state's size.
        many: accounts of the state's size.
        budget: of the series.
    """

    kind: str
    seed: int
    span: Span | None = None
    days: int = 1
    many: int = 0
    budget: float = DEFAULT_BUDGET


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is evaluated.

    Attributes:
        seeds: seeds of autumn and summer; festivals are small, and 20 at the least; beginnings are
            always as many as there are kinds of days to begin on.
        jobs: processes at a time.
        quick: a smoke run: small regions, few days, one seed of each.
    """

    seeds: int = 5
    jobs: int = 2
    quick: bool = False


@dataclass(slots=True)
class Evaluation:
    """Everything measured."""

    trials: list[TrialResult] = field(default_factory=list)
    series: list[SeriesScore] = field(default_factory=list)
    lifts: list[float] = field(default_factory=list)
    state: StateSize | None = None
    speed: Speed | None = None


def tasks_of(extent: Extent) -> list[Task]:
    """The work of an extent, the longest pieces first."""
    if extent.quick:
        spans = [_short(span) for span in (autumn(0.05), summer(0.05), festival(0.02))]
        return [
            *(Task("trial", FIRST_SEED, span, span.days) for span in spans),
            Task("trial", FIRST_SEED, span := beginning(BEGINNINGS[0], 0.05), span.days),
            Task("series", _SERIES_SEED),
            Task("series", _SERIES_SEED, budget=STRICT_BUDGET),
            Task("schedules", FIRST_SEED),
            Task("state", FIRST_SEED, days=1, many=5_000),
        ]
    seeds = range(FIRST_SEED, FIRST_SEED + extent.seeds)
    many = max(_FESTIVALS_LEAST, extent.seeds * _FESTIVALS_PER_SEED)
    festivals = range(FIRST_SEED, FIRST_SEED + many)
    return [
        Task("state", FIRST_SEED, days=20, many=100_000),
        *(Task("trial", seed, span := autumn(), span.days) for seed in seeds),
        *(Task("trial", seed, span := festival(), span.days) for seed in festivals),
        *(Task("trial", seed, span := summer(), span.days) for seed in seeds),
        *(
            Task("trial", FIRST_SEED + number, span := beginning(start), span.days)
            for number, start in enumerate(BEGINNINGS)
        ),
        *(
            Task("series", _SERIES_SEED + number, budget=budget)
            for number in range(2 * extent.seeds)
            for budget in (DEFAULT_BUDGET, STRICT_BUDGET)
        ),
        *(Task("schedules", seed) for seed in seeds),
    ]


def _short(span: Span) -> Span:
    """The last days of the enrolment and the first of testing, with what begins in them."""
    start = span.test_start - timedelta(days=_QUICK_ENROLMENT_DAYS)
    end = span.test_start + timedelta(days=_QUICK_TEST_DAYS)
    return replace(
        span,
        start=start,
        enrolment_days=_QUICK_ENROLMENT_DAYS,
        test_days=_QUICK_TEST_DAYS,
        cases=tuple(case for case in span.cases if case.start < end),
        outages=tuple(outage for outage in span.outages if outage.day < end),
    )


def evaluate(
    extent: Extent,
    shard_params: ShardParams,
    expect: Callable[[int], None] = lambda _days: None,
    advance: Callable[[int], None] = lambda _days: None,
) -> Evaluation:
    """Run everything.

    Args:
        extent: how much.
        shard_params: the worker's, at their defaults.
        expect: told once how many simulated days there are.
        advance: told of days that are done.
    """
    tasks = tasks_of(extent)
    expect(sum(task.days for task in tasks))
    found = Evaluation()
    context = multiprocessing.get_context("spawn")
    days: Any = context.Queue()
    # One task per process: what a trial leaves behind in memory ends with it.
    with context.Pool(extent.jobs, _remember, (days,), maxtasksperchild=1) as pool:
        work = [(task, shard_params) for task in tasks]
        outcomes = pool.imap_unordered(_run_one, work)
        waiting = len(work)
        while waiting:
            try:
                _keep(found, outcomes.next(_POLL_S))
                waiting -= 1
            except multiprocessing.TimeoutError:
                pass
            _drain(days, advance)
    watching = with_watch(shard_params)
    judge = RegionJudge(watching, PARTITIONS)
    found.speed = measure_speed(
        FIRST_SEED,
        1 if extent.quick else 30,
        judge,
        watching,
        replace(watching, watch=None),
    )
    _sort(found.trials)
    return found


def with_watch(params: ShardParams) -> ShardParams:
    """Shards that watch their accounts with every parameter at its default."""
    return replace(params, watch=PartitionWatchParams())


_days: list[Any] = []


def _remember(days: Any) -> None:
    """Called in each new process: where it tells its progress."""
    _days[:] = [days]


def _run_one(work: tuple[Task, ShardParams]) -> Outcome:
    return run_task(*work)


def run_task(task: Task, shard_params: ShardParams) -> Outcome:
    """One piece of work, in whatever process."""
    tell: Callable[[int], None] = _days[0].put if _days else lambda _done: None
    if task.kind == "trial" and task.span is not None:
        watching = with_watch(shard_params)
        judge: Judge
        if task.span.is_whole or watching.watch is None:
            judge = RegionJudge(watching, PARTITIONS)
        else:
            judge = WatchJudge(watching.watch, PARTITIONS)
        return run_trial(task.span, task.seed, Schemas.load(), judge, tell)
    outcome: Outcome
    if task.kind == "series":
        outcome = score_series(task.seed, task.budget)
    elif task.kind == "schedules":
        outcome = worst_lift(task.seed)
    else:
        outcome = measure_state(task.seed, task.days, task.many)
    tell(task.days)
    return outcome


def _keep(found: Evaluation, outcome: Outcome) -> None:
    if isinstance(outcome, TrialResult):
        found.trials.append(outcome)
    elif isinstance(outcome, SeriesScore):
        found.series.append(outcome)
    elif isinstance(outcome, StateSize):
        found.state = outcome
    else:
        found.lifts.append(outcome)


def _drain(days: Any, advance: Callable[[int], None]) -> None:
    while True:
        try:
            advance(days.get_nowait())
        except queue.Empty:
            return


def _sort(trials: list[TrialResult]) -> None:
    """In an order that does not depend on which process was faster."""
    trials.sort(key=lambda one: (one.span, one.seed))
