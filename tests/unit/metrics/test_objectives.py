from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import orjson
from prometheus_client.registry import CollectorRegistry

from metrics.objective_rows import ObjectivePart
from metrics.objectives import ObjectivesCollector, document
from streams.event_time import start_of_day_ms
from tests.support.fake_region import NOW_MS
from tests.support.objectives import FakeObjectives, objective_row

if TYPE_CHECKING:
    from metrics.objective_rows import ObjectiveRow


LATER_MS = 1_800_000_000_000


def _registry(
    *rows: ObjectiveRow, is_whole: bool = True, now_ms: int = LATER_MS
) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    feed = FakeObjectives(rows, is_whole=is_whole)
    registry.register(ObjectivesCollector(feed, lambda: now_ms))
    return registry


def _value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, {"objective": "esms_dmp", **labels})


def _samples(registry: CollectorRegistry) -> int:
    return sum(len(family.samples) for family in registry.collect())


def test_a_ratio_stands_beside_its_numerator_denominator_target_and_way() -> None:
    registry = _registry()
    assert _value(registry, "vigie_objective_ratio") == 500 / 2471
    assert _value(registry, "vigie_objective_numerator") == 500
    assert _value(registry, "vigie_objective_denominator") == 2471
    assert _value(registry, "vigie_objective_target_ratio") == 0.5
    assert _value(registry, "vigie_objective_required_ratio") == 0.25


def test_a_day_is_exported_as_the_instant_at_which_it_ends_in_paris() -> None:
    registry = _registry(objective_row(deadline=date(2026, 3, 28), as_of=date(2026, 3, 29)))
    # Paris turns its clocks on 29 March 2026: that day has 23 hours.
    deadline = _value(registry, "vigie_objective_deadline_timestamp_seconds")
    updated = _value(registry, "vigie_objective_updated_timestamp_seconds")
    assert (deadline, updated) == (1774738800.0, 1774821600.0)
    assert deadline == start_of_day_ms(20541) / 1000


def test_figures_of_today_are_as_new_as_now() -> None:
    row = objective_row(as_of=date(2026, 3, 29))
    now_ms = 1_774_800_000_000
    registry = _registry(row, now_ms=now_ms)
    assert _value(registry, "vigie_objective_updated_timestamp_seconds") == now_ms / 1000


def test_what_is_withheld_or_unknown_is_no_series() -> None:
    registry = _registry(
        objective_row(numerator=None, ratio=None, required_ratio=None, state="NO_DATA", as_of=None)
    )
    for name in ("ratio", "numerator", "required_ratio", "off_track", "updated_timestamp_seconds"):
        assert _value(registry, f"vigie_objective_{name}") is None
    assert _value(registry, "vigie_objective_target_ratio") == 0.5


def test_a_department_of_a_small_cell_is_no_series() -> None:
    registry = _registry()
    assert _value(registry, "vigie_objective_department_ratio", department="59") == 200 / 1108
    assert _value(registry, "vigie_objective_department_ratio", department="80") is None


def test_other_parts_than_departments_are_no_series() -> None:
    parts = (ObjectivePart("couloir", "OFFICINE", 10.0, 20.0, 0.5),)
    registry = _registry(objective_row(parts=parts))
    assert _value(registry, "vigie_objective_department_ratio", department="OFFICINE") is None


def test_off_track_says_one_for_behind_or_missed_and_zero_for_well_on_its_way() -> None:
    expected = {
        "REACHED": 0,
        "ON_TRACK": 0,
        "OFF_TRACK": 1,
        "MISSED": 1,
        "NO_DENOMINATOR": None,
        "NO_DATA": None,
        "NO_TARGET": None,
    }
    for state, value in expected.items():
        assert _value(_registry(objective_row(state=state)), "vigie_objective_off_track") == value


def test_a_superseded_objective_is_no_series() -> None:
    assert _samples(_registry(objective_row(superseded_by="another"))) == 0


def test_a_worker_that_does_not_know_the_whole_region_exports_nothing() -> None:
    assert _samples(_registry(is_whole=False)) == 0


def test_the_document_has_days_as_text_and_parts_as_objects() -> None:
    shown = orjson.loads(orjson.dumps(document(FakeObjectives(), NOW_MS)))
    assert shown["version"] == 1
    [one] = shown["objectives"]
    assert (one["deadline"], one["as_of"], one["state"]) == (
        "2026-12-31",
        "2026-06-30",
        "OFF_TRACK",
    )
    assert one["parts"][1] == {
        "kind": "department",
        "name": "80",
        "numerator": None,
        "denominator": 253.0,
        "ratio": None,
    }


def test_the_document_of_a_worker_that_does_not_know_the_region_is_empty() -> None:
    nothing = {"version": None, "objectives": []}
    assert document(FakeObjectives(is_whole=False), NOW_MS) == nothing
    assert document(None, NOW_MS) == nothing
