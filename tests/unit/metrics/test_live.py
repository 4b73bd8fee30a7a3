from __future__ import annotations

import orjson
import pytest

from metrics.live import feed, snapshot
from metrics.worker import WorkerMetrics
from streams.observing import WorkerStatus
from tests.support.fake_region import NOW_MS, FakeRegion
from tests.support.findings import Lag, finding, resolved, view


def _worker() -> WorkerMetrics:
    return WorkerMetrics(WorkerStatus())


def test_rates_are_summed_over_couloirs_and_departments() -> None:
    region = FakeRegion()
    state = snapshot(region, _worker(), NOW_MS)
    expected = sum(
        row.events_per_second
        for row in region.rates(NOW_MS)
        if (row.flow, row.sector, row.window) == ("insi-calls", "PSL", "1h")
    )
    (insi,) = [flow for flow in state["flows"] if flow["flow"] == "insi-calls"]
    assert insi["sectors"]["PSL"]["rates"]["1h"] == pytest.approx(expected)


def test_a_flow_is_as_complete_as_its_slowest_partition() -> None:
    state = snapshot(FakeRegion(partitions=3), _worker(), NOW_MS)
    assert {flow["watermark_ms"] for flow in state["flows"]} == {NOW_MS - 86_400_900 - 2 * 700}


def test_a_flow_is_as_fresh_as_its_freshest_partition() -> None:
    state = snapshot(FakeRegion(partitions=3), _worker(), NOW_MS)
    assert {flow["newest_ms"] for flow in state["flows"]} == {NOW_MS - 900}


def test_what_is_not_known_is_null_and_never_zero() -> None:
    state = snapshot(FakeRegion(partitions=0), _worker(), NOW_MS)
    assert {(f["lag"], f["newest_ms"], f["watermark_ms"]) for f in state["flows"]} == {(None,) * 3}


def test_dead_letters_are_listed_by_reason_without_zeros() -> None:
    state = snapshot(FakeRegion(), _worker(), NOW_MS)
    assert state["dead_letters"] == [{"flow": "dmp-deposits", "reason": "TRUNCATED", "count": 1}]


def test_the_state_is_json_without_more_ado() -> None:
    state = snapshot(FakeRegion(), _worker(), NOW_MS)
    assert orjson.loads(orjson.dumps(state)) == state


def test_open_findings_are_counted_by_severity_and_the_version_moves_with_them() -> None:
    found = view(finding(), resolved(finding_id="f-2"))
    state = snapshot(FakeRegion(), _worker(), NOW_MS, found)["findings"]
    assert state["open"] == {"UNKNOWN": 0, "LOW": 0, "MEDIUM": 0, "HIGH": 1, "CRITICAL": 0}
    assert state["version"] == feed(found)["version"]


def test_findings_that_are_not_all_read_are_not_shown() -> None:
    for found in (None, view(finding(), lag=Lag(None)), view(finding(), lag=Lag(3))):
        state = snapshot(FakeRegion(), _worker(), NOW_MS, found)["findings"]
        assert state == {"version": None, "open": {}}
        assert feed(found) == {"version": None, "findings": []}


def test_the_feed_is_bounded_and_bears_no_pseudonym() -> None:
    found = feed(view(*(finding(finding_id=f"f-{n}") for n in range(80))))
    assert len(found["findings"]) == 50
    text = orjson.dumps(found).decode()
    assert "structure-1" not in text
    assert "actor-1" not in text


def test_departments_are_summed_over_sectors_and_a_silent_one_has_zeros() -> None:
    class Quiet(FakeRegion):
        departments = (*FakeRegion().departments, "2A")

    region = Quiet()
    rows = snapshot(region, _worker(), NOW_MS)["departments"]
    rates = {(row["department"], row["flow"]): row["rates"] for row in rows}
    expected = sum(
        row.events_per_second
        for row in region.rates(NOW_MS)
        if (row.flow, row.department, row.window) == ("insi-calls", "59", "5m")
    )
    assert rates["59", "insi-calls"]["5m"] == pytest.approx(expected)
    assert set(rates["2A", "dmp-deposits"].values()) == {0.0}
    assert [row["department"] for row in rows[::5]] == [*region.departments]
