"""The regional objectives as Prometheus families."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client.registry import Collector

from metrics.families import family
from metrics.objective_rows import JUDGED, OFF
from streams.event_time import end_of_date_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from prometheus_client.metrics_core import Metric

    from metrics.objective_rows import ObjectiveRow, ObjectivesFeed


class ObjectivesCollector(Collector):
    """Exports an `ObjectivesFeed`.

    Only the worker that knows the whole region exports anything. An objective that another replaced
    is history: it stays on the page and is no series any more.

    Args:
        objectives: the present objectives.
        clock: now, milliseconds UTC.
    """

    def __init__(self, objectives: ObjectivesFeed, clock: Callable[[], int]) -> None:
        self._objectives = objectives
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """All families of the objectives, each exactly once."""
        rows: list[ObjectiveRow] = []
        now_ms = self._clock()
        if self._objectives.is_whole:
            every = self._objectives.rows(now_ms)
            rows = [row for row in every if row.superseded_by is None]
        for field in ("ratio", "target_ratio", "required_ratio", "numerator", "denominator"):
            values = ((row.id, getattr(row, field)) for row in rows)
            yield family(
                f"objective_{field}", (((name,), v) for name, v in values if v is not None)
            )
        yield family(
            "objective_off_track",
            (((row.id,), float(row.state in OFF)) for row in rows if row.state in JUDGED),
        )
        ends = ((row.id, row.deadline) for row in rows)
        yield family(
            "objective_deadline_timestamp_seconds",
            (((name,), end_of_date_ms(day) / 1000) for name, day in ends if day is not None),
        )
        days = ((row.id, row.as_of) for row in rows)
        yield family(
            "objective_updated_timestamp_seconds",
            # What describes today is as new as can be, though the day has not ended.
            (
                ((name,), min(now_ms, end_of_date_ms(day)) / 1000)
                for name, day in days
                if day is not None
            ),
        )
        yield family(
            "objective_department_ratio",
            (
                ((row.id, part.name), part.ratio)
                for row in rows
                for part in row.parts
                if part.kind == "department" and part.ratio is not None
            ),
        )


def document(objectives: ObjectivesFeed | None, now_ms: int) -> dict[str, Any]:
    """The objectives ready for JSON; without version while this worker does not know the region.

    Args:
        objectives: the present objectives; `None` where there are none to show.
        now_ms: the moment, milliseconds UTC.
    """
    if objectives is None or not objectives.is_whole:
        return {"version": None, "objectives": []}
    rows = [row_document(row) for row in objectives.rows(now_ms)]
    # After the rows: making them is what may change it.
    return {"version": objectives.version, "objectives": rows}


def row_document(row: ObjectiveRow) -> dict[str, Any]:
    """One objective ready for JSON; days are `YYYY-MM-DD`."""
    shown = row._asdict() | {"parts": [part._asdict() for part in row.parts]}
    return shown | {name: _iso(shown[name]) for name in ("deadline", "as_of")}


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
