"""The table's rows: met, missed, or not run, and never anything else."""

from __future__ import annotations

import math
from collections import Counter

from simulators.evaluation import report, report_flows, report_measures
from simulators.evaluation.results import OURS, Attacked, Told, TrialResult
from simulators.evaluation.series import DEFAULT_BUDGET, SeriesScore
from simulators.evaluation.speed import Speed
from simulators.evaluation.state import StateSize
from streams.event_time import DAY_MS, HOUR_MS


def attacked(case: str, found_ms: float, lost: int, incident: int = 0) -> Attacked:
    by = () if math.isinf(found_ms) else (("enumeration", found_ms, lost),)
    return Attacked(OURS, case, incident, "platforms", found_ms, lost, 1000, by)


def rows(*own: Attacked, **given: object) -> dict[str, report.Row]:
    result = TrialResult("autumn", 101, has_region=True, attacked=list(own), **given)  # type: ignore[arg-type]
    told = [*report.attack_rows([result]), *report.false_rows([result])]
    return {row.name.strip(): row for row in told}


def test_nothing_that_was_not_run_has_a_figure() -> None:
    empty = [
        *report.attack_rows([]),
        *report_flows.lookalike_rows([]),
        report_measures.schedule_row([]),
        *report_measures.series_rows([]),
        *report_measures.state_rows(None),
        *report_measures.speed_rows(None),
    ]
    assert all(row.verdict == report.NOT_RUN and not row.measured for row in empty)


def test_a_median_beyond_an_hour_misses_the_fast_target() -> None:
    name = "≥ 100 extra patients a day"
    assert rows(attacked("fast-harvest", HOUR_MS, 90))[name].verdict == report.MET
    assert rows(attacked("fast-harvest", HOUR_MS + 1, 90))[name].verdict == report.MISSED
    assert rows(attacked("fast-harvest", HOUR_MS, 111))[name].verdict == report.MISSED
    assert rows(attacked("fast-harvest", math.inf, 90))[name].verdict == report.MISSED


def test_a_recall_with_late_findings_misses_its_p90() -> None:
    soon = [attacked("doubling", DAY_MS, 10) for _ in range(17)]
    late = [attacked("doubling", 20 * DAY_MS, 10) for _ in range(3)]
    assert rows(*soon, *soon[:3])["doubling"].verdict == report.MET
    assert rows(*soon, *late)["doubling"].verdict == report.MISSED


def test_the_two_accounts_of_a_wave_are_one_incident() -> None:
    name = "Prédice, wave 1 at 60 and 74 a day"
    both = [attacked("predice-1-60", HOUR_MS, 70), attacked("predice-1-60", 2 * HOUR_MS, 80)]
    assert rows(*both)[name].verdict == report.MET
    assert rows(*both, attacked("predice-1-60", math.inf, 1000, 1))[name].verdict == report.MISSED
    assert rows(both[0], attacked("predice-1-60", DAY_MS, 81))[name].verdict == report.MISSED


def test_a_walk_is_found_within_its_look_ups_or_not() -> None:
    assert rows(attacked("enumeration", 1.0, 8))["enumeration in order"].verdict == report.MET
    assert rows(attacked("enumeration", 1.0, 9))["enumeration in order"].verdict == report.MISSED


def test_a_budget_is_kept_by_its_rate() -> None:
    name = "false alerts per 1 000 accounts and day"
    days = Counter({"platforms, ES HOPITAL": 20_000})
    kept = rows(false_account=Counter({"platforms, ES HOPITAL": 2}), account_days=days)
    broken = rows(false_account=Counter({"platforms, ES HOPITAL": 3}), account_days=days)
    assert (kept[name].verdict, broken[name].verdict) == (report.MET, report.MISSED)


def test_new_accounts_are_held_against_the_others() -> None:
    given = {
        "false_account": Counter({"platforms": 2}),
        "account_days": Counter({"platforms": 20_000}),
        "new_days": 10_000,
    }
    name = "new accounts, first 14 days"
    assert rows(**given, new_false=2)[name].verdict == report.MET
    assert rows(**given, new_false=3)[name].verdict == report.MISSED


def test_a_shared_thing_is_found_within_three_days() -> None:
    name = "collusion of 20, 5 a day each"
    told = [("collusion-network", 3.0 * DAY_MS)] * 9
    late = ("collusion-order", 3.0 * DAY_MS + 1)
    assert rows(collusions=[*told, late])[name].verdict == report.MET
    assert rows(collusions=[*told, late, late])[name].verdict == report.MISSED


def test_measures_are_held_to_their_bounds() -> None:
    score = SeriesScore(DEFAULT_BUDGET, 10, 9, 12, 9, 100.0, (1, 2), 60.0, 60.0)
    assert report_measures.series_rows([score])[0].verdict == report.MET
    loud = SeriesScore(DEFAULT_BUDGET, 10, 9, 60, 9, 100.0, (1, 2), 60.0, 60.0)
    assert report_measures.series_rows([loud])[0].verdict == report.MISSED
    assert report_measures.schedule_row([1.2, 1.36]).verdict == report.MISSED
    small = report_measures.state_rows(StateSize(10, 4096, 16_384, 50_000, 2**29 - 1))
    assert [row.verdict for row in small] == [report.MET, report.MET]
    large = report_measures.state_rows(StateSize(10, 4097, 16_384, 50_000, 2**29))
    assert [row.verdict for row in large] == [report.MISSED, report.MISSED]
    speed = report_measures.speed_rows(Speed(10.0, 6.0, 1000, 60.0, 10, 3))
    assert [row.verdict for row in speed] == [report.MET, report.MET]
    slow = report_measures.speed_rows(Speed(10.0, 5.9, 1000, 61.0, 10, 3))
    assert [row.verdict for row in slow] == [report.MISSED, report.MISSED]


def test_a_new_deployment_is_held_against_twice_the_budget_and_counted_apart() -> None:
    def of(false: int, groups: int = 0) -> dict[str, report.Row]:
        one = TrialResult("beginning", 101, has_region=True, new_false=false, new_days=10_000)
        one.group_findings = [Told("", ("collusion",), "HIGH")] * groups
        quiet = TrialResult("autumn", 101, account_days=Counter({"platforms": 10_000}))
        return {row.name.strip(): row for row in report.false_rows([one, quiet])}

    name, steady = "a new deployment, first 14 days", "false alerts per 1 000 accounts and day"
    assert of(2)[name].verdict == report.MET
    assert of(2, groups=1)[name].verdict == report.MISSED
    assert of(3)[name].measured.endswith("1 beginnings, most 3 at one")
    assert of(3)[steady].measured.startswith("0.000")
