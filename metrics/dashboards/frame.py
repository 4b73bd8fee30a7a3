"""What all dashboards have alike: variables, links, rows, numbering (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as parts

from metrics.dashboards.panels import FLOW_NAMES, SOURCE, runbook_link

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grafana_foundation_sdk.cog.builder import Builder

TAG: Final = "vigie"
TIMEZONE: Final = "Europe/Paris"
RUNBOOK_BASE: Final = "https://vigie.example"
"""Same default as the rules' external label `runbook_base`; whoever deploys sets both."""
PAGE_BASE: Final = "http://localhost:6066"


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: Sequence[Builder[parts.Panel]]


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard.

    Attributes:
        uid: stable; addresses and alerts refer to it.
        refresh: how often Grafana asks again.
        since: where the range begins that is shown first.
        variables: beside the data source and the addresses, which all have.
    """

    uid: str
    title: str
    description: str
    refresh: str
    since: str
    variables: Sequence[Builder[parts.VariableModel]]
    rows: Sequence[Row]

    def json(self) -> str:
        """The dashboard as Grafana's provisioning reads it, the same text every time."""
        return JSONEncoder(indent=2, sort_keys=True, ensure_ascii=False).encode(self.build()) + "\n"

    def build(self) -> parts.Dashboard:
        """The dashboard with its panels in place and numbered."""
        board = (
            dashboard.Dashboard(self.title)
            .uid(self.uid)
            .description(self.description)
            .tags([TAG])
            .timezone(TIMEZONE)
            .week_start("monday")
            .refresh(self.refresh)
            .time(self.since, "now")
            .tooltip(parts.DashboardCursorSync.CROSSHAIR)
            .readonly()
            .variables([_data_source(), *self.variables, *_addresses()])
            .links(_links())
        )
        for row in self.rows:
            board = board.with_row(dashboard.Row(row.title))
            for panel in row.panels:
                board = board.with_panel(panel)
        built = board.build()
        for number, placed in enumerate(built.panels or (), 1):
            placed.id_val = number
        return built


def label_values(
    name: str, label: str, series: str, title: str, description: str, *, many: bool = True
) -> dashboard.QueryVariable:
    """A variable of the values that a label has now.

    Args:
        name: as queries call it.
        label: of the series.
        series: the selector of the series that have it.
        title: as readers call it.
        description: what it is for.
        many: whether several can be chosen, and all.
    """
    query: dict[str, object] = {"query": f"label_values({series},{label})", "refId": "Variable"}
    variable = (
        dashboard.QueryVariable(name)
        .label(title)
        .description(description)
        .datasource(SOURCE)
        .query(query)
        .refresh(parts.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(parts.VariableSort.ALPHABETICAL_ASC)
        .multi(many)
        .include_all(many)
    )
    return variable.all_value(".*").current(_all()) if many else variable


def choice(
    name: str,
    values: Mapping[str, str],
    title: str,
    description: str,
    *,
    many: bool = True,
    first: str = "",
) -> dashboard.CustomVariable:
    """A variable of a closed list.

    Args:
        name: as queries call it.
        values: what stands in queries, and what readers read.
        title: as readers call it.
        description: what it is for.
        many: whether several can be chosen, and all.
        first: the value that is chosen at first, where it is one.
    """
    variable = (
        dashboard.CustomVariable(name)
        .label(title)
        .description(description)
        .values(",".join(f"{text} : {value}" for value, text in values.items()))
        .options(
            [
                parts.VariableOption(text=text, value=value, selected=value == first)
                for value, text in values.items()
            ]
        )
        .multi(many)
        .include_all(many)
    )
    if many:
        return variable.all_value(".*").current(_all())
    return variable.current(parts.VariableOption(text=values[first], value=first, selected=True))


def flows() -> dashboard.CustomVariable:
    """The variable of the five flows."""
    return choice("flow", FLOW_NAMES, "Flux", "Flux d'événements à montrer.")


def _all() -> parts.VariableOption:
    return parts.VariableOption(text="All", value="$__all", selected=True)


def _data_source() -> Builder[parts.VariableModel]:
    return (
        dashboard.DatasourceVariable("datasource")
        .label("Source de données")
        .description("Le Prometheus qui relève les workers de Vigie.")
        .type("prometheus")
    )


def _addresses() -> list[Builder[parts.VariableModel]]:
    """Where the links lead that leave Grafana."""
    return [
        _address("runbook", "Adresse du runbook", "Base des liens « Que faire ? ».", RUNBOOK_BASE),
        _address("page", "Adresse de la page", "Base des liens vers la page en direct.", PAGE_BASE),
    ]


def _address(name: str, title: str, description: str, base: str) -> Builder[parts.VariableModel]:
    return (
        dashboard.TextBoxVariable(name)
        .label(title)
        .description(description)
        .default_value(base)
        .current(parts.VariableOption(text=base, value=base, selected=True))
    )


def _links() -> list[Builder[parts.DashboardLink]]:
    return [
        dashboard.DashboardLink("Tableaux Vigie")
        .type(parts.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(True)
        .keep_time(True)
        .include_vars(False),
        runbook_link("", "Runbook").tooltip("Que faire quand une alerte sonne."),
        dashboard.DashboardLink("Page en direct")
        .type(parts.DashboardLinkType.LINK)
        .url("${page}")
        .icon("external link")
        .tooltip("Les constats, leurs raisons et leurs verdicts.")
        .target_blank(True),
    ]
