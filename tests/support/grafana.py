"""The dashboards as Grafana reads them: panels, queries, and what it puts in place of variables."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.support.servers_prometheus import Prometheus

DEPLOYED: Final = Path(__file__).parents[2] / "deploy" / "grafana"
DASHBOARDS: Final = DEPLOYED / "dashboards"

SCRAPE_MS: Final = 15_000
"""`timeInterval` of the provisioned data source; a test holds it."""
_WIDTH_PX: Final = 1_800
"""Of a dashboard on an ordinary screen; a panel gets its share, and as many points as pixels."""
# Grafana's own steps: up to and including the first number of milliseconds, the second one is taken.
# Source: roundInterval of Grafana's rangeutil.
_ROUNDED: Final = (
    (10, 1),
    (15, 10),
    (35, 20),
    (75, 50),
    (150, 100),
    (350, 200),
    (750, 500),
    (1_500, 1_000),
    (3_500, 2_000),
    (7_500, 5_000),
    (12_500, 10_000),
    (17_500, 15_000),
    (25_000, 20_000),
    (45_000, 30_000),
    (90_000, 60_000),
    (210_000, 120_000),
    (450_000, 300_000),
    (750_000, 600_000),
    (1_050_000, 900_000),
    (1_500_000, 1_200_000),
    (2_700_000, 1_800_000),
    (5_400_000, 3_600_000),
    (9_000_000, 7_200_000),
    (16_200_000, 10_800_000),
    (32_400_000, 21_600_000),
    (86_400_000, 43_200_000),
)
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_SELECTOR: Final = re.compile(r"\{[^}]*\}")
_MATCHER: Final = re.compile(r'([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')
_GROUPING: Final = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_WORD: Final = re.compile(r"(?<![\w.$:])[a-zA-Z_:][\w:]*(?!\s*\(|[\w:])")
_VARIABLE: Final = re.compile(r"\$\{?(\w+)\}?")
_LABEL_VALUES: Final = re.compile(r"label_values\((?P<series>[^,]+),(?P<label>\w+)\)")
_OPERATORS: Final = "by without on ignoring group_left group_right offset bool and or unless"
_KEYWORDS: Final = frozenset(_OPERATORS.split())


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel.

    Attributes:
        where: dashboard and panel, for messages.
        panel: the panel's JSON.
        expr: PromQL with Grafana's variables.
        instant: whether one moment is asked for, and not a range.
    """

    where: str
    panel: Mapping[str, Any]
    expr: str
    instant: bool


def dashboards() -> dict[str, dict[str, Any]]:
    """The committed dashboards by uid."""
    found = [json.loads(path.read_text()) for path in sorted(DASHBOARDS.glob("*.json"))]
    return {board["uid"]: board for board in found}


def panels(board: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel, those of collapsed rows too; rows themselves are none."""
    for panel in board["panels"]:
        if panel["type"] == "row":
            yield from panel.get("panels") or ()
        else:
            yield panel


def queries(board: Mapping[str, Any]) -> Iterator[Query]:
    """Every query of every panel."""
    for panel in panels(board):
        for target in panel["targets"]:
            where = f"{board['uid']}, {panel['title']}, {target['refId']}"
            yield Query(where, panel, target["expr"], bool(target.get("instant")))


def metrics_of(expr: str) -> frozenset[str]:
    """The names of the series that an expression reads."""
    bare = _GROUPING.sub(" ", _SELECTOR.sub(" ", _STRING.sub('""', expr)))
    bare = re.sub(r"\[[^\]]*\]|\boffset\s+\S+", " ", bare)
    return frozenset(_WORD.findall(bare)) - _KEYWORDS


def matchers_of(expr: str) -> list[tuple[str, str]]:
    """Label and value of every matcher."""
    return _MATCHER.findall(expr)


def labels_of(expr: str) -> frozenset[str]:
    """Every label that an expression names, in matchers and in groupings."""
    grouped = {
        name.strip()
        for text in _GROUPING.findall(_STRING.sub('""', expr))
        for name in text.split(",")
    }
    return frozenset(grouped - {""}) | {label for label, _ in matchers_of(expr)}


def interval_ms(panel: Mapping[str, Any], range_ms: int) -> int:
    """Grafana's `$__interval` of a panel over a range: the step between its points."""
    points = panel.get("maxDataPoints") or _WIDTH_PX * panel["gridPos"]["w"] / 24
    exact = range_ms / points
    rounded = next((step for most, step in _ROUNDED if exact <= most), 86_400_000)
    return max(rounded, SCRAPE_MS)


def interpolated(
    expr: str, panel: Mapping[str, Any], range_ms: int, values: Mapping[str, str]
) -> str:
    """An expression as Grafana sends it.

    Args:
        expr: with variables.
        panel: its panel, whose width decides the step.
        range_ms: the range that is looked at.
        values: of the dashboard's variables.
    """
    step_ms = interval_ms(panel, range_ms)
    rate_ms = max(step_ms + SCRAPE_MS, 4 * SCRAPE_MS)
    known = {
        **values,
        "__interval": f"{step_ms // 1000}s",
        "__rate_interval": f"{rate_ms // 1000}s",
        "__range": f"{range_ms // 1000}s",
    }
    return _VARIABLE.sub(lambda match: known[match[1]], expr)


def variables_of(expr: str) -> frozenset[str]:
    """The dashboard's variables that an expression uses, Grafana's own left out."""
    return frozenset(name for name in _VARIABLE.findall(expr) if not name.startswith("__"))


def offers(variable: Mapping[str, Any]) -> tuple[str, str]:
    """The selector and the label whose values a variable offers."""
    match = _LABEL_VALUES.fullmatch(variable["query"]["query"])
    assert match is not None, variable["query"]
    return match["series"], match["label"]


def label_values(variable: Mapping[str, Any], prometheus: Prometheus, at_s: float) -> list[str]:
    """The values that Grafana offers for a variable that asks for a label's values."""
    series, label = offers(variable)
    rows = prometheus.query(f"group by ({label}) ({series})", at_s=at_s)
    return sorted(pair.split("=", 1)[1] for (pair,) in rows)


def combined(options: Sequence[Sequence[tuple[str, str]]]) -> list[tuple[tuple[str, str], ...]]:
    """Every choice of one of each."""
    return list(product(*options))
