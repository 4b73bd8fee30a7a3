"""The committed dashboards are what their code makes, and ask for nothing that nobody exports."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from metrics.catalogue import CATALOGUE
from metrics.dashboards.boards import boards
from metrics.dashboards.frame import RUNBOOK_BASE, TAG
from tests.support import grafana

ROOT = Path(__file__).parents[2]
DASHBOARDS = grafana.dashboards()
PANELS = [
    pytest.param(panel, id=f"{uid}: {panel['title']}")
    for uid, board in DASHBOARDS.items()
    for panel in grafana.panels(board)
]
QUERIES = [
    pytest.param(query, id=query.where)
    for board in DASHBOARDS.values()
    for query in grafana.queries(board)
]

# Every program has these; the worker's own registry exports them too.
OF_THE_PROCESS = {
    "up",
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_max_fds",
    "process_start_time_seconds",
}
OF_PROMETHEUS = {"instance", "job", "le"}
UNUSED: dict[str, str] = {}
"""Metrics that no panel shows, each with the reason."""


def _series() -> dict[str, str]:
    """Every series that the catalogue exports, and its metric."""
    found = {}
    for spec in CATALOGUE.values():
        endings = ("_bucket", "_sum", "_count") if spec.kind == "histogram" else ("",)
        found |= {spec.full_name + ending: spec.name for ending in endings}
    return found


SERIES = _series()


BOARDS = boards()


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_the_committed_json_is_what_the_code_makes(board: Any) -> None:
    committed = (grafana.DASHBOARDS / f"{board.uid}.json").read_bytes()
    assert board.json().encode() == committed, "run make dashboards"
    assert board.json() == board.json()


def test_nothing_else_lies_among_the_dashboards() -> None:
    names = {path.name for path in grafana.DASHBOARDS.iterdir()}
    assert names == {f"{board.uid}.json" for board in BOARDS}


def test_addresses_of_the_dashboards_stay() -> None:
    assert list(DASHBOARDS) == [
        "vigie-exploitation",
        "vigie-objectifs",
        "vigie-region",
        "vigie-securite",
    ]
    assert all(TAG in board["tags"] for board in DASHBOARDS.values())


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_says_what_it_shows(panel: dict[str, Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    assert panel["title"]
    assert panel["description"].endswith((".", "».", "?"))
    assert defaults["unit"]
    assert defaults["noValue"]
    assert defaults["thresholds"]["steps"][0]["value"] is None
    assert panel["targets"]
    assert panel["datasource"]["uid"] == "${datasource}"
    assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])
    if panel["type"] == "timeseries":
        assert defaults["custom"]["spanNulls"] == 300_000
        assert all(target["legendFormat"] for target in panel["targets"])


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_panels_lie_side_by_side_and_have_numbers_of_their_own(uid: str) -> None:
    board = DASHBOARDS[uid]
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells = {
            (place["x"] + right, place["y"] + down)
            for right in range(place["w"])
            for down in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(set(numbers)) == len(numbers)
    titles = [panel["title"] for panel in grafana.panels(board)]
    assert len(titles) > 10


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_asks_for_what_is_exported(query: grafana.Query) -> None:
    names = grafana.metrics_of(query.expr)
    assert names
    assert names <= SERIES.keys() | OF_THE_PROCESS
    labels = [label for name in names & SERIES.keys() for label in CATALOGUE[SERIES[name]].labels]
    assert grafana.labels_of(query.expr) <= OF_PROMETHEUS | {label.name for label in labels}
    for name, value in grafana.matchers_of(query.expr):
        closed = {one for label in labels if label.name == name for one in label.values}
        if "$" not in value and closed:
            assert set(value.split("|")) <= closed, f"{name}: {value}"


@pytest.mark.parametrize("query", QUERIES)
def test_a_rate_is_taken_over_a_time_that_holds_enough_scrapes(query: grafana.Query) -> None:
    counters = {
        name
        for name in grafana.metrics_of(query.expr)
        if name.endswith(("_total", "_bucket", "_sum", "_count"))
    }
    for call, inside in re.findall(r"\b(\w+)\(([^()]*\[[^\]]*\])", query.expr):
        span = inside[inside.index("[") + 1 : -1]
        assert call in {"rate", "increase"}
        assert span in {"$__rate_interval", "$__range"}
        assert grafana.metrics_of(inside) <= counters
        # A range query's step is not the whole range.
        assert query.instant or span == "$__rate_interval"


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_every_variable_of_a_query_exists(uid: str) -> None:
    board = DASHBOARDS[uid]
    known = {variable["name"] for variable in board["templating"]["list"]}
    assert {"datasource", "runbook", "page"} <= known
    own = {"__rate_interval", "__range", "__interval"}
    used = {
        name for query in grafana.queries(board) for name in re.findall(r"\$\{?(\w+)", query.expr)
    }
    assert used <= known | own
    # A variable that changes nothing would mislead.
    assert known - used <= {"datasource", "runbook", "page"}


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_a_variable_offers_a_label_that_its_series_have(uid: str) -> None:
    for variable in DASHBOARDS[uid]["templating"]["list"]:
        if variable["type"] != "query":
            continue
        series, label = grafana.offers(variable)
        pattern = next((v for name, v in grafana.matchers_of(series) if name == "__name__"), series)
        specs = [CATALOGUE[SERIES[name]] for name in SERIES if re.fullmatch(pattern, name)]
        assert specs
        of_workers = OF_PROMETHEUS if label in OF_PROMETHEUS else set()
        assert all(label in of_workers | {own.name for own in spec.labels} for spec in specs)


def test_a_place_is_summed_over_workers_and_what_one_worker_knows_is_not() -> None:
    regional = re.compile(
        r"(?<!max\()(?<!\) \()vigie_(active_accounts|active_structures|objective_\w+)\b"
    )
    for board in DASHBOARDS.values():
        for query in grafana.queries(board):
            assert not regional.search(query.expr), query.where


def test_every_metric_is_shown_somewhere_or_left_out_on_purpose() -> None:
    asked = {
        SERIES[name]
        for board in DASHBOARDS.values()
        for query in grafana.queries(board)
        for name in grafana.metrics_of(query.expr) & SERIES.keys()
    }
    assert CATALOGUE.keys() - asked == UNUSED.keys()


def test_links_lead_into_the_runbook_that_is_there() -> None:
    runbook = (ROOT / "deploy" / "runbook.md").read_text()
    anchors = {
        re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in runbook.splitlines()
        if line.startswith("#")
    } | set(re.findall(r'<a (?:id|name)="([^"]+)"', runbook))
    asked = {
        link["url"]
        for board in DASHBOARDS.values()
        for panel in grafana.panels(board)
        for link in panel.get("links") or ()
    }
    assert asked
    for url in asked:
        base, _, anchor = url.partition("#")
        assert base == "${runbook}/deploy/runbook.md"
        assert anchor in anchors, url


def test_links_and_rules_begin_at_the_same_address() -> None:
    text = (ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text()
    assert f"runbook_base: {RUNBOOK_BASE}\n" in text


def test_provisioning_finds_the_dashboards_and_the_scrape_interval() -> None:
    source = (grafana.DEPLOYED / "provisioning" / "datasources" / "vigie.yml").read_text()
    prometheus = (ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text()
    seconds = f"{grafana.SCRAPE_MS // 1000}s"
    assert f"timeInterval: {seconds}\n" in source
    assert f"scrape_interval: {seconds}\n" in prometheus
    provider = (grafana.DEPLOYED / "provisioning" / "dashboards" / "vigie.yml").read_text()
    path = re.search(r"path: (\S+)", provider)
    assert path is not None
    compose = (ROOT / "deploy" / "compose.yaml").read_text()
    assert f"./grafana/dashboards:{path[1]}:ro" in compose
    assert "./grafana/provisioning:/etc/grafana/provisioning:ro" in compose


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_grafanas_own_types_read_every_field_of_the_json(uid: str) -> None:
    register_default_plugins()  # so that the panels' options and queries are read by their types
    text = (grafana.DASHBOARDS / f"{uid}.json").read_text()
    read = Dashboard.from_json(json.loads(text))
    assert json.loads(JSONEncoder().encode(read)) == json.loads(text)
    assert json.loads(text)["schemaVersion"] >= 36
