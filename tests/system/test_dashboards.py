"""Every panel finds data behind each of its queries in a Prometheus that holds a simulated day."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from metrics.dashboards import queries as promql
from tests.support import grafana
from tests.support.simulated_day import DAY_END_S, RESTART_S, SILENCE_S
from tests.support.simulated_traffic import SILENT_FLOW

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.support.servers_prometheus import Prometheus

pytestmark = pytest.mark.system

DAY_MS = 86_400_000
HALF_HOUR_MS = 1_800_000
SCRAPED_OFTEN = ("vigie-region", "vigie-exploitation")


def test_every_panel_finds_data_behind_each_of_its_queries(
    simulated_prometheus: Prometheus,
) -> None:
    empty = []
    asked = 0
    for board in grafana.dashboards().values():
        for query in grafana.queries(board):
            choices = _choices(board, query, simulated_prometheus)
            assert choices, query.where
            found = {}
            for chosen in choices:
                expr = grafana.interpolated(query.expr, query.panel, DAY_MS, dict(chosen))
                found[chosen] = _series(simulated_prometheus, query, expr, DAY_MS)
                asked += 1
            if not _enough(board, found):
                empty.append(f"{query.where}: {query.expr}")
    print(f"{asked} queries over the day, {len(empty)} of them without data")
    assert not empty, "\n".join(empty)


def test_every_variable_offers_something_to_choose(simulated_prometheus: Prometheus) -> None:
    offered = {
        (uid, variable["name"]): grafana.label_values(variable, simulated_prometheus, DAY_END_S)
        for uid, board in grafana.dashboards().items()
        for variable in board["templating"]["list"]
        if variable["type"] == "query"
    }
    assert offered["vigie-exploitation", "instance"] == ["worker-1:6066", "worker-2:6066"]
    assert {"59", "62"} <= set(offered["vigie-region", "department"])
    assert len(offered["vigie-objectifs", "objective"]) > 20


def test_the_last_half_hour_has_its_data_too(simulated_prometheus: Prometheus) -> None:
    # With scrapes every 15 s the shortest rate interval must hold enough of them.
    dashboards = grafana.dashboards()
    empty = []
    for uid in SCRAPED_OFTEN:
        for query in grafana.queries(dashboards[uid]):
            if "dead_letters" in query.expr and query.expr.endswith("> 0"):
                continue  # none in this half hour
            found = {}
            for chosen in _choices(dashboards[uid], query, simulated_prometheus):
                expr = grafana.interpolated(query.expr, query.panel, HALF_HOUR_MS, dict(chosen))
                found[chosen] = _series(simulated_prometheus, query, expr, HALF_HOUR_MS)
            if not _enough(dashboards[uid], found):
                empty.append(f"{query.where}: {query.expr}")
    assert not empty, "\n".join(empty)


def test_shares_of_a_whole_come_to_one_over_both_workers(simulated_prometheus: Prometheus) -> None:
    for shares, by in (
        (promql.authentication("24h"), "flow"),
        (promql.insi_results("1h"), ""),
        (promql.ins_statuses("24h"), ""),
    ):
        whole = simulated_prometheus.query(f"sum by ({by}) ({shares})", at_s=DAY_END_S)
        assert whole
        assert all(value == pytest.approx(1) for value in whole.values()), shares


def test_failures_of_the_region_are_those_that_were_counted(
    simulated_prometheus: Prometheus,
) -> None:
    # The gauges go by the time of events, the counters by that of their arrival.
    rolling = simulated_prometheus.query(promql.failures("24h", by="flow"), at_s=DAY_END_S)
    failed = 'sum by (flow) (increase(vigie_events_total{outcome="FAILURE"}[1d]))'
    counted = simulated_prometheus.query(
        f"{failed} / sum by (flow) (increase(vigie_events_total[1d]))", at_s=DAY_END_S
    )
    assert rolling.keys() == counted.keys()
    for flow, ratio in rolling.items():
        assert ratio == pytest.approx(counted[flow], abs=0.01)


def test_the_day_shows_what_happened_on_it(simulated_prometheus: Prometheus) -> None:
    def at(expr: str, at_s: float) -> float:
        value = simulated_prometheus.scalar(expr, at_s=at_s)
        return math.nan if value is None else value

    # A flow whose gateway is cut off arrives no more, and all at once when it is back.
    arriving = f'sum(increase(vigie_events_total{{flow="{SILENT_FLOW}"}}[30m]))'
    assert at(arriving, SILENCE_S[1] - 120) == 0
    assert at(arriving, SILENCE_S[1] + 300) > 5 * at(arriving, SILENCE_S[0] - 120)
    # A worker that is down is not ready, and has to catch up when it is back.
    assert at("sum(vigie_ready)", RESTART_S[0] + 240) == 1
    assert at("sum(vigie_ready)", DAY_END_S) == 2
    lag = 'sum(max_over_time(vigie_consumer_lag_records{flow="dmp-deposits"}[1h]))'
    assert at(lag, RESTART_S[0] - 600) == 0
    assert at(lag, RESTART_S[1] + 1200) > 0
    # The attacks of the day are found, and one of them is as bad as it gets.
    critical = promql.findings("vigie_findings_open", 'severity="CRITICAL"', by="severity")
    assert at(critical, DAY_END_S) >= 1


def _choices(
    board: Mapping[str, Any], query: grafana.Query, prometheus: Prometheus
) -> Sequence[tuple[tuple[str, str], ...]]:
    """What the reader may have chosen of the variables that a query uses, one tuple each."""
    used = grafana.variables_of(query.expr)
    options = []
    for variable in board["templating"]["list"]:
        if variable["name"] not in used:
            continue
        if variable["name"] == query.panel.get("repeat"):
            values = [option["value"] for option in variable["options"]]
        elif variable.get("includeAll"):
            values = [variable["allValue"]]
        elif variable["type"] == "custom":
            values = [option["value"] for option in variable["options"]]
        else:
            values = grafana.label_values(variable, prometheus, DAY_END_S)
        options.append([(variable["name"], value) for value in values])
    return grafana.combined(options)


def _enough(board: Mapping[str, Any], found: Mapping[tuple[tuple[str, str], ...], int]) -> bool:
    """Whether everything that is chosen from a closed list has data.

    Of what Prometheus itself lists, such as the objectives, one must have: not every objective has
    a figure per department.
    """
    asked = {v["name"] for v in board["templating"]["list"] if v["type"] == "query"}
    groups: dict[tuple[tuple[str, str], ...], int] = {}
    for chosen, series in found.items():
        closed = tuple(pair for pair in chosen if pair[0] not in asked)
        groups[closed] = max(groups.get(closed, 0), series)
    return all(groups.values())


def _series(prometheus: Prometheus, query: grafana.Query, expr: str, range_ms: int) -> int:
    """How many series have a value that is a number."""
    if query.instant:
        found = prometheus.query(expr, at_s=DAY_END_S)
        return sum(not math.isnan(value) for value in found.values())
    ranges = prometheus.query_range(
        expr,
        start_s=DAY_END_S - range_ms / 1000,
        end_s=DAY_END_S,
        step_s=grafana.interval_ms(query.panel, range_ms) / 1000,
    )
    return sum(any(not math.isnan(value) for _, value in points) for _, points in ranges)
