"""Panels with everything that each of them must have: title, description, unit, thresholds (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    timeseries,
)
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models import dashboard as parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


SOURCE: Final = parts.DataSourceRef(type_val="prometheus", uid="${datasource}")
RUNBOOK_PATH: Final = "/deploy/runbook.md"

EVENTS_PER_S: Final = "eps"
RECORDS: Final = "short"
COUNT: Final = "short"
RATIO: Final = "percentunit"
SECONDS: Final = "s"
BYTES: Final = "bytes"
BYTES_PER_S: Final = "Bps"
DAY: Final = "dateTimeAsIso"
PER_S: Final = "ops"

GREEN: Final = "green"
YELLOW: Final = "yellow"
ORANGE: Final = "orange"
RED: Final = "red"
BLUE: Final = "blue"
GREY: Final = "text"

SEVERITY_COLORS: Final = {
    "CRITICAL": "dark-red",
    "HIGH": "orange",
    "MEDIUM": "yellow",
    "LOW": "blue",
    "UNKNOWN": "text",
}

FLOW_NAMES: Final = {
    "dmp-deposits": "Dépôts DMP",
    "mss-messages": "Messages MSSanté",
    "insi-calls": "Appels INSi",
    "eprescriptions": "Ordonnances numériques",
    "platform-accesses": "Accès aux plateformes",
}
"""How readers call the flows; a series that is named by its flow alone bears it."""

NOTHING: Final = "aucune donnée"
_GAP_MS: Final = 300_000  # shorter gaps are a scrape that failed, longer ones are nobody there
HEIGHT: Final = 8
_STAT_HEIGHT: Final = 5
_WIDE: Final = 9  # a legend with figures needs so much of the 24


_Panel = TypeVar("_Panel")


@dataclass(frozen=True, slots=True)
class Ask:
    """One query of a panel.

    Attributes:
        expr: PromQL.
        legend: a legend's text, with Grafana's `{{label}}`.
        dashed: drawn as what is compared with, not as what is.
    """

    expr: str
    legend: str = ""
    dashed: bool = False


def levels(*steps: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    """Thresholds: from which value on which colour; the first has no value."""
    return (
        dashboard.ThresholdsConfig()
        .mode(parts.ThresholdsMode.ABSOLUTE)
        .steps([parts.Threshold(value=value, color=color) for value, color in steps])
    )


def plain(color: str = BLUE) -> dashboard.ThresholdsConfig:
    """No threshold: a value that is neither good nor bad."""
    return levels((None, color))


def lines(
    title: str,
    description: str,
    asks: Sequence[Ask],
    *,
    unit: str,
    span: int = 12,
    stack: bool = False,
    whole: bool = False,
    bars: bool = False,
    limits: dashboard.ThresholdsConfig | None = None,
    colors: Mapping[str, str] | None = None,
    runbook: str = "",
    repeat: str = "",
    low: float | None = 0.0,
) -> timeseries.Panel:
    """Values over time.

    Args:
        title: heading of the panel.
        description: what is shown, for whoever asks.
        asks: the queries.
        unit: of all values, a name of Grafana's.
        span: width, of 24.
        stack: series lie on each other; only where their sum means something.
        whole: they are shares of one whole.
        bars: increases per step instead of values.
        limits: thresholds that are drawn as lines.
        colors: of the series of these names.
        runbook: anchor of the runbook that says what to do.
        repeat: variable for whose values the panel is repeated.
        low: where the axis begins.
    """
    panel = common_parts(timeseries.Panel(), title, description, asks, unit, span, HEIGHT, runbook)
    panel = (
        panel.legend(
            common.VizLegendOptions()
            .display_mode(
                looks.LegendDisplayMode.TABLE if span >= _WIDE else looks.LegendDisplayMode.LIST
            )
            .placement(looks.LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs(["lastNotNull", "max"] if span >= _WIDE and not bars else [])
        )
        .tooltip(
            common.VizTooltipOptions()
            .mode(looks.TooltipDisplayMode.MULTI)
            .sort(looks.SortOrder.DESCENDING)
        )
        .span_nulls(_GAP_MS)
        .line_width(2)
        .fill_opacity(25 if stack or bars else 8)
        .show_points(looks.VisibilityMode.NEVER)
        .draw_style(looks.GraphDrawStyle.BARS if bars else looks.GraphDrawStyle.LINE)
        .color_scheme(dashboard.FieldColor().mode(parts.FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
        .thresholds(limits or plain(GREEN))
        .thresholds_style(
            common.GraphThresholdsStyleConfig().mode(
                looks.GraphThresholdsStyleMode.DASHED
                if limits
                else looks.GraphThresholdsStyleMode.OFF
            )
        )
    )
    if stack or whole:
        mode = looks.StackingMode.PERCENT if whole else looks.StackingMode.NORMAL
        panel = panel.stacking(common.StackingConfig().mode(mode).group("A"))
    if low is not None:
        panel = panel.min(low)
    if repeat:
        panel = panel.repeat(repeat).repeat_direction("h").max_per_row(3)
    for number, ask in enumerate(asks):
        if ask.dashed:
            panel = panel.override_by_query(
                ref_of(number),
                [
                    set_to("custom.lineStyle", {"fill": "dash", "dash": [8, 6]}),
                    set_to("custom.lineWidth", 1),
                    set_to("custom.fillOpacity", 0),
                ],
            )
    return _colored(panel, colors)


def numbers(
    title: str,
    description: str,
    asks: Sequence[Ask],
    *,
    unit: str,
    span: int = 6,
    limits: dashboard.ThresholdsConfig | None = None,
    colors: Mapping[str, str] | None = None,
    decimals: int | None = None,
    sparkline: bool = True,
    runbook: str = "",
) -> stat.Panel:
    """Present values, with their course behind them or, without a sparkline, asked for alone.

    Arguments as of `lines`.
    """
    panel = common_parts(
        stat.Panel(), title, description, asks, unit, span, _STAT_HEIGHT, runbook, not sparkline
    )
    panel = (
        panel.graph_mode(
            looks.BigValueGraphMode.AREA if sparkline else looks.BigValueGraphMode.NONE
        )
        .color_mode(looks.BigValueColorMode.VALUE)
        .text_mode(
            looks.BigValueTextMode.VALUE_AND_NAME
            if asks[0].legend
            else looks.BigValueTextMode.VALUE
        )
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .thresholds(limits or plain())
        .color_scheme(dashboard.FieldColor().mode(parts.FieldColorModeId.THRESHOLDS))
    )
    if decimals is not None:
        panel = panel.decimals(decimals)
    return _colored(panel, colors)


def gauges(
    title: str,
    description: str,
    asks: Sequence[Ask],
    *,
    unit: str,
    span: int = 8,
    limits: dashboard.ThresholdsConfig | None = None,
    low: float | None = 0.0,
    high: float | None = None,
    runbook: str = "",
) -> bargauge.Panel:
    """Present values as bars beside each other, to be compared."""
    panel = common_parts(
        bargauge.Panel(), title, description, asks, unit, span, HEIGHT, runbook, True
    )
    panel = (
        panel.display_mode(looks.BarGaugeDisplayMode.BASIC)
        .orientation(looks.VizOrientation.HORIZONTAL)
        .value_mode(looks.BarGaugeValueMode.TEXT)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .thresholds(limits or plain())
        .color_scheme(dashboard.FieldColor().mode(parts.FieldColorModeId.THRESHOLDS))
    )
    if low is not None:
        panel = panel.min(low)
    return panel if high is None else panel.max(high)


def states(
    title: str,
    description: str,
    asks: Sequence[Ask],
    *,
    mappings: Sequence[parts.ValueMapping],
    limits: dashboard.ThresholdsConfig,
    span: int = 12,
    runbook: str = "",
) -> statetimeline.Panel:
    """What something was, and since when."""
    panel = common_parts(
        statetimeline.Panel(), title, description, asks, COUNT, span, HEIGHT, runbook
    )
    return (
        panel.mappings(list(mappings))
        .thresholds(limits)
        .color_scheme(dashboard.FieldColor().mode(parts.FieldColorModeId.THRESHOLDS))
        .show_value(looks.VisibilityMode.AUTO)
        .merge_values(True)
        .fill_opacity(70)
        .line_width(0)
    )


def texts(names: Mapping[str, str]) -> list[parts.ValueMapping]:
    """Texts that stand for values, without colours."""
    return [
        parts.ValueMap(
            options={
                value: parts.ValueMappingResult(text=text, index=index)
                for index, (value, text) in enumerate(sorted(names.items()))
            }
        )
    ]


def words(texts: Mapping[str, tuple[str, str]]) -> list[parts.ValueMapping]:
    """Texts and colours that stand for values."""
    return [
        parts.ValueMap(
            options={
                value: parts.ValueMappingResult(text=text, color=color, index=index)
                for index, (value, (text, color)) in enumerate(texts.items())
            }
        )
    ]


def common_parts(  # noqa: PLR0917 (private to the modules of panels, called by six of them alike)
    panel: _Panel,
    title: str,
    description: str,
    asks: Sequence[Ask],
    unit: str,
    span: int,
    height: int,
    runbook: str,
    instant: bool = False,
) -> _Panel:
    """Give a panel what every panel has."""
    # The builders of the panels have these methods in common, but no type that says so.
    made: Any = panel
    made = (
        made.title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .span(span)
        .height(height)
        .no_value(NOTHING)
    )
    for number, ask in enumerate(asks):
        made = made.with_target(query_of(number, ask, instant=instant))
    if any(ask.legend == "{{flow}}" for ask in asks):
        for flow, name in FLOW_NAMES.items():
            made = made.override_by_name(flow, [set_to("displayName", name)])
    if runbook:
        made = made.links([runbook_link(runbook)])
    return cast("_Panel", made)


def runbook_link(anchor: str, title: str = "Que faire ?") -> dashboard.DashboardLink:
    """A link into the runbook."""
    return (
        dashboard.DashboardLink(title)
        .type(parts.DashboardLinkType.LINK)
        .url(f"${{runbook}}{RUNBOOK_PATH}" + (f"#{anchor}" if anchor else ""))
        .icon("doc")
        .target_blank(True)
    )


def query_of(number: int, ask: Ask, *, instant: bool) -> prometheus.Dataquery:
    """A panel's query by its place."""
    query = prometheus.Dataquery().expr(ask.expr).ref_id(ref_of(number)).datasource(SOURCE)
    if ask.legend:
        query = query.legend_format(ask.legend)
    return query.instant() if instant else query.range()


def ref_of(number: int) -> str:
    """The letter of a panel's query."""
    return chr(ord("A") + number)


def _colored(panel: _Panel, colors: Mapping[str, str] | None) -> _Panel:
    made: Any = panel
    for name, color in (colors or {}).items():
        fixed = {"mode": "fixed", "fixedColor": color}
        made = made.override_by_name(name, [set_to("color", fixed)])
    return cast("_Panel", made)


def set_to(name: str, value: object) -> parts.DynamicConfigValue:
    """An override of one property."""
    return parts.DynamicConfigValue(id_val=name, value=value)
