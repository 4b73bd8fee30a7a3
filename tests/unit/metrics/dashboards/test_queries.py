from __future__ import annotations

from metrics.dashboards import queries
from tests.support import grafana


def test_a_ratio_is_weighted_by_the_events_behind_it() -> None:
    shares = queries.authentication("24h", 'flow="insi-calls"', method="PWD_ONLY")

    assert shares == (
        "sum by (flow, auth_method) ("
        'vigie_auth_method_ratio{auth_method="PWD_ONLY",window="24h",flow="insi-calls"}'
        " * on (instance, flow) group_left ()"
        ' sum by (instance, flow) (vigie_event_rate{window="24h",flow="insi-calls"}))'
        " / on (flow) group_left ()"
        ' (sum by (flow) (vigie_event_rate{window="24h",flow="insi-calls"}) > 0)'
    )


def test_a_ratio_of_one_flow_is_weighted_by_that_flow() -> None:
    shares = queries.insi_results("1h")

    assert 'vigie_ins_result_ratio{window="1h"}' in shares
    assert shares.endswith(
        ' / on () group_left () (sum(vigie_event_rate{window="1h",flow="insi-calls"}) > 0)'
    )


def test_a_week_ago_holds_for_the_ratio_and_for_its_weights() -> None:
    shares = queries.authentication("24h", ago=queries.WEEK_AGO)

    assert shares.count(" offset 1w") == shares.count("window=") == 3


def test_findings_are_summed_on_the_worker_that_shows_them_and_never_over_workers() -> None:
    asked = queries.findings("vigie_findings_open", queries.SEVERITY, by="severity")

    assert asked == (
        "max by (severity) (sum by (instance, severity)"
        ' (vigie_findings_open{severity=~"$severity"}))'
    )


def test_quantiles_take_the_buckets_of_all_workers_together() -> None:
    asked = queries.quantile(0.95, "vigie_event_delay_seconds", by="flow")

    assert asked == (
        "histogram_quantile(0.95, sum by (flow, le)"
        " (rate(vigie_event_delay_seconds_bucket[$__rate_interval])))"
    )


def test_the_reader_of_queries_tells_metrics_from_labels_and_words() -> None:
    asked = (
        'sum by (flow, le) (rate(vigie_a_bucket{flow=~"b|c",x!="vigie_d"}[$__rate_interval]))'
        " / on (flow) group_left () (vigie_e offset 1w > 0) unless max(job:f:sum) and time() * 1e3"
    )

    assert grafana.metrics_of(asked) == {"vigie_a_bucket", "vigie_e", "job:f:sum"}
    assert grafana.labels_of(asked) == {"flow", "le", "x"}
    assert grafana.matchers_of(asked) == [("flow", "b|c"), ("x", "vigie_d")]


def test_steps_and_rate_intervals_are_grafanas() -> None:
    panel = {"gridPos": {"w": 12}}

    assert grafana.interval_ms(panel, 86_400_000) == 120_000
    assert grafana.interval_ms(panel, 1_800_000) == 15_000
    asked = grafana.interpolated('rate(a{b="$c"}[$__rate_interval])', panel, 86_400_000, {"c": "d"})
    assert asked == 'rate(a{b="d"}[135s])'
    short = grafana.interpolated("rate(a[$__rate_interval])", panel, 1_800_000, {})
    assert short == "rate(a[60s])"
