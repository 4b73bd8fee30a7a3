"""Objectives with figures, without registry or references behind them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from metrics.objective_rows import ObjectivePart, ObjectiveRow

if TYPE_CHECKING:
    from collections.abc import Sequence


def objective_row(**fields: object) -> ObjectiveRow:
    """An objective half-way to its target, unless told otherwise."""
    row = ObjectiveRow(
        id="esms_dmp",
        theme="DMP",
        label_fr="ESMS médicalisés qui alimentent le DMP",
        label_en="Medicalised ESMS that deposit in the DMP",
        source="live",
        direction="at_least",
        numerator=500.0,
        denominator=2471.0,
        numerator_label_fr="ESMS vus déposer",
        numerator_label_en="ESMS seen depositing",
        denominator_label_fr="ESMS de la région",
        denominator_label_en="ESMS of the region",
        ratio=500 / 2471,
        baseline_ratio=0.0,
        target_low_ratio=None,
        target_ratio=0.5,
        required_ratio=0.25,
        deadline=date(2026, 12, 31),
        as_of=date(2026, 6, 30),
        age_days=2,
        state="OFF_TRACK",
        superseded_by=None,
        parts=(
            ObjectivePart("department", "59", 200.0, 1108.0, 200 / 1108),
            ObjectivePart("department", "80", None, 253.0, None),
        ),
        declared_by=None,
        citation="CRNS 18/11/2025, [S2:1064]",
    )
    return row._replace(**fields)


class FakeObjectives:
    """`ObjectivesFeed` of given rows."""

    def __init__(self, rows: Sequence[ObjectiveRow] = (), *, is_whole: bool = True) -> None:
        self.is_whole = is_whole
        self.version = 1
        self._rows = tuple(rows) or (objective_row(),)

    def rows(self, now_ms: int) -> Sequence[ObjectiveRow]:
        del now_ms
        return self._rows
