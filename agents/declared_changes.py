"""Changes of the flows that are known in advance, from a calendar file (pure).

A TOML file, one table per change:

    [[changement]]
    debut = 2026-01-15            # a local date, or a local date and whole hour
    fin = 2026-03-01              # first day after it; left out: it stays
    flux = "dmp-deposits"         # or "*"
    secteur = "PSL"               # optional
    couloir = "OFFICINE"          # optional
    facteur = 2.0                 # expected activity relative to before, or "inconnu"
    motif = "Nouveau type de document : compte rendu de vaccination"

During a change with a factor the expectation is multiplied by it, and what goes beyond that is still
found; one whose size is unknown silences the series that it concerns while it lasts. A change without
an end is a step: its factor becomes the series' level, or, if unknown, the level is learned anew for
three days.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from streams.errors import ConfigError
from streams.event_time import HOUR_MS, PARIS
from streams.topics import FLOWS
from streams.vocabulary import COULOIRS, SECTORS

UNKNOWN_STEP_HOURS: Final = 72
"""How long a step of unknown size keeps its series silent."""
_FACTOR_MAX: Final = 100.0
_KEYS: Final = frozenset({"debut", "fin", "flux", "secteur", "couloir", "facteur", "motif"})
_HEADER: Final = "[[changement]]"


@dataclass(frozen=True, slots=True)
class DeclaredChange:
    """One change.

    Attributes:
        start_ms: first instant, on a whole hour.
        end_ms: end, exclusive; `None` where it stays.
        flow: a flow, or `"*"`.
        sector: a sector, or `None` for all.
        couloir: a couloir, or `None` for all.
        factor: expected activity relative to before; `None` where unknown.
        reason: why, in French, for the finding and the page.
        line: in the file.
    """

    start_ms: int
    end_ms: int | None
    flow: str
    sector: str | None
    couloir: str | None
    factor: float | None
    reason: str
    line: int = 0

    def concerns(self, flow: str, sector: str, couloir: str) -> bool:
        """Whether a cell is among those that change."""
        return (
            self.flow in ("*", flow)
            and self.sector in (None, sector)
            and self.couloir in (None, couloir)
        )

    def covers(self, hour_ms: int) -> bool:
        """Whether it is under way, as something that passes or whose size is being learned."""
        end_ms = self.end_ms
        if end_ms is None:
            if self.factor is not None:
                return False
            end_ms = self.start_ms + UNKNOWN_STEP_HOURS * HOUR_MS
        return self.start_ms <= hour_ms < end_ms


def read_declared_changes(text: str, name: str) -> tuple[DeclaredChange, ...]:
    """Read and check a calendar file.

    Args:
        text: the file's content.
        name: how the file is called in error texts.

    Raises:
        ConfigError: naming the line of the table at fault, and the field.
    """
    try:
        content = tomllib.loads(text)
    except ValueError as error:  # a number of thousands of digits is none of tomllib's own
        raise ConfigError(f"{name}: {error}") from error
    except RecursionError:
        raise ConfigError(f"{name}: brackets are nested too deeply") from None
    other = sorted(content.keys() - {"changement"})
    if other:
        raise ConfigError(f"{name}: {other[0]!r} is not known; changes stand under {_HEADER}")
    tables = content.get("changement", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigError(f"{name}: changes stand under {_HEADER}")
    lines = [
        number
        for number, line in enumerate(text.splitlines(), 1)
        if line.split("#")[0].replace(" ", "") == _HEADER
    ]
    if len(lines) != len(tables):
        raise ConfigError(f"{name}: each change begins with a line {_HEADER}")
    return tuple(
        _change(table, line, f"{name}, line {line}")
        for table, line in zip(tables, lines, strict=True)
    )


def _change(table: dict[str, Any], line: int, where: str) -> DeclaredChange:
    for key in sorted(table.keys() - _KEYS):
        raise ConfigError(f"{where}: {key!r} is not known; known are {', '.join(sorted(_KEYS))}")
    for key in ("debut", "flux", "facteur", "motif"):
        if key not in table:
            raise ConfigError(f"{where}: {key!r} is missing")
    start_ms = _instant(table["debut"], f"{where}: debut")
    end_ms = _instant(table["fin"], f"{where}: fin") if "fin" in table else None
    if end_ms is not None and end_ms <= start_ms:
        raise ConfigError(f"{where}: fin is not after debut")
    reason = table["motif"]
    if not isinstance(reason, str) or not reason.strip():
        raise ConfigError(f"{where}: motif must be a text")
    return DeclaredChange(
        start_ms=start_ms,
        end_ms=end_ms,
        flow=_word(table["flux"], ("*", *FLOWS), f"{where}: flux"),
        sector=_optional(table.get("secteur"), SECTORS, f"{where}: secteur"),
        couloir=_optional(table.get("couloir"), COULOIRS, f"{where}: couloir"),
        factor=_factor(table["facteur"], f"{where}: facteur"),
        reason=reason.strip(),
        line=line,
    )


def _instant(value: object, where: str) -> int:
    if isinstance(value, datetime):
        at = value if value.tzinfo else value.replace(tzinfo=PARIS)
    elif isinstance(value, date):
        at = datetime(value.year, value.month, value.day, tzinfo=PARIS)
    else:
        raise ConfigError(f"{where} must be a date like 2026-01-15 or 2026-01-15T08:00:00")
    time_ms = int(at.timestamp() * 1000)
    if time_ms % HOUR_MS:
        raise ConfigError(f"{where} must fall on a whole hour")
    return time_ms


def _word(value: object, known: tuple[str, ...], where: str) -> str:
    if value not in known:
        raise ConfigError(f"{where} must be one of {', '.join(known)}")
    return str(value)


def _optional(value: object, known: tuple[str, ...], where: str) -> str | None:
    return None if value is None else _word(value, known, where)


def _factor(value: object, where: str) -> float | None:
    if value == "inconnu":
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigError(f'{where} must be a number or "inconnu"')
    if not 0 <= value <= _FACTOR_MAX:
        raise ConfigError(f"{where} must lie between 0 and {_FACTOR_MAX:g}")
    return float(value)
