"""Tables: a value by two labels, or several values by one (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import common, dashboard, table
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models import dashboard as parts
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from metrics.dashboards.panels import (
    COUNT,
    GREY,
    HEIGHT,
    Ask,
    common_parts,
    plain,
    query_of,
    ref_of,
    set_to,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def matrix(
    title: str,
    description: str,
    ask: Ask,
    *,
    row: str,
    column: str,
    unit: str,
    span: int = 12,
    limits: dashboard.ThresholdsConfig | None = None,
    names: Sequence[parts.ValueMapping] = (),
) -> table.Panel:
    """A table of one value by two labels; `names` say how the rows are called."""
    panel = _table(title, description, [ask], unit=unit, span=span, limits=limits)
    options = {
        "rowField": row,
        "columnField": column,
        "valueField": "Value",
        "emptyValue": "null",
    }
    if names:
        # Grafana calls the first column by both labels.
        panel = panel.override_by_name(f"{row}\\{column}", [set_to("mappings", list(names))])
    return panel.with_transformation(
        parts.DataTransformerConfig(id_val="groupingToMatrix", options=options)
    )


def sheet(
    title: str,
    description: str,
    asks: Mapping[str, Ask],
    *,
    key: str,
    key_title: str,
    units: Mapping[str, str],
    span: int = 24,
    height: int = 12,
    limits: Mapping[str, dashboard.ThresholdsConfig] | None = None,
    mappings: Mapping[str, Sequence[parts.ValueMapping]] | None = None,
    sort: str = "",
    link: tuple[str, str] = ("", ""),
) -> table.Panel:
    """A table with a column per query, joined by one label.

    Args:
        title: heading of the panel.
        description: what is shown, for whoever asks.
        asks: by the column's title.
        key: the label.
        key_title: its column's title.
        units: by the column's title.
        span: width, of 24.
        height: in rows of the grid.
        limits: thresholds of columns, shown as the colour of their text.
        mappings: texts that stand for values of columns.
        sort: the column that leads.
        link: title and address of where a click on the key leads.
    """
    panel = _table(title, description, list(asks.values()), unit=COUNT, span=span).height(height)
    names = {f"Value #{ref_of(n)}": column for n, column in enumerate(asks)}
    panel = panel.with_transformation(
        parts.DataTransformerConfig(id_val="joinByField", options={"byField": key, "mode": "outer"})
    ).with_transformation(
        parts.DataTransformerConfig(
            id_val="organize",
            options={
                "excludeByName": {f"Time {n + 1}": True for n in range(len(asks))} | {"Time": True},
                "indexByName": {name: place for place, name in enumerate([key, *names])},
                "renameByName": {key: key_title, **names},
            },
        )
    )
    for column, unit in {key_title: "none", **units}.items():
        properties = [set_to("unit", unit)]
        if limits and column in limits:
            properties += [
                set_to("thresholds", limits[column].build()),
                set_to("custom.cellOptions", {"type": "color-text"}),
            ]
        if mappings and column in mappings:
            properties.append(set_to("mappings", list(mappings[column])))
        panel = panel.override_by_name(column, properties)
    if link[1]:
        shown = {"title": link[0], "url": link[1], "targetBlank": False}
        panel = panel.override_by_name(key_title, [set_to("links", [shown])])
    if sort:
        panel = panel.sort_by([common.TableSortByFieldState().display_name(sort).desc(True)])
    return panel


def _table(
    title: str,
    description: str,
    asks: Sequence[Ask],
    *,
    unit: str,
    span: int,
    limits: dashboard.ThresholdsConfig | None = None,
) -> table.Panel:
    panel = common_parts(table.Panel(), title, description, (), unit, span, HEIGHT, "")
    for number, ask in enumerate(asks):
        query = query_of(number, ask, instant=True)
        panel = panel.with_target(query.format(PromQueryFormat.TABLE))
    panel = (
        panel.thresholds(limits or plain(GREY))
        .color_scheme(dashboard.FieldColor().mode(parts.FieldColorModeId.THRESHOLDS))
        .filterable(True)
        .cell_height(looks.TableCellHeight.SM)
    )
    return panel.display_mode(looks.TableCellDisplayMode.COLOR_TEXT) if limits else panel
