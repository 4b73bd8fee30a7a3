"""Numbers, dates and odds as people read them, in French and in English (pure).

French: decimal comma, thousands apart by a narrow no-break space, a no-break space before high
punctuation and between a number and its unit, « » around quotations, a typographic apostrophe
(Imprimerie nationale, Lexique des règles typographiques).
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Final

from streams.event_time import DAY_MS

_NBSP: Final = "\u00a0"
_NARROW: Final = "\u202f"
_APOSTROPHE: Final = "\u2019"

_MONTHS_FR: Final = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)
_MONTHS_EN: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_WHOLE_FROM: Final = 100.0
_LEAST: Final = 0.1
_LEAST_DECADES: Final = 2
_MOST_DECADES: Final = 9
_MILLION: Final = 6


def french(text: str) -> str:
    """A plainly typed French sentence with its typography."""
    text = text.replace("'", _APOSTROPHE)
    text = re.sub(r" (?=[;!?])", _NARROW, text)
    text = re.sub(r" (?=[:»%])|(?<=«) ", _NBSP, text)
    return re.sub(r"(?<=\d) (?=[^\W\d])", _NBSP, text)


def number_fr(value: float) -> str:
    """`12 345` or `13,5`: one decimal below 100 unless it is a whole number."""
    return _plain(value).replace(",", _NARROW).replace(".", ",")


def number_en(value: float) -> str:
    """`12,345` or `13.5`."""
    return _plain(value)


def date_fr(day: int) -> str:
    """A local day (days since 1970-01-01) as `3 mars 2025`; the first of a month as `1er`."""
    date = datetime.fromtimestamp(day * DAY_MS / 1000, tz=UTC)
    number = "1er" if date.day == 1 else str(date.day)
    return f"{number}{_NBSP}{_MONTHS_FR[date.month - 1]} {date.year}"


def date_en(day: int) -> str:
    """A local day as `3 March 2025`."""
    date = datetime.fromtimestamp(day * DAY_MS / 1000, tz=UTC)
    return f"{date.day} {_MONTHS_EN[date.month - 1]} {date.year}"


def power_fr(log10: float) -> str | None:
    """The power of ten not above: `1 000`, `un million`, `10 millions`; `None` below a hundred."""
    decades = _decades(log10)
    if decades is None:
        return None
    if decades < _MILLION:
        return number_fr(10**decades)
    if decades == _MOST_DECADES:
        return "un milliard"
    lead = 10 ** (decades - _MILLION)
    return "un million" if lead == 1 else f"{lead} millions"


def power_en(log10: float) -> str | None:
    """The same in English."""
    decades = _decades(log10)
    if decades is None:
        return None
    if decades < _MILLION:
        return number_en(10**decades)
    if decades == _MOST_DECADES:
        return "a billion"
    lead = 10 ** (decades - _MILLION)
    return "a million" if lead == 1 else f"{lead} million"


def _decades(log10: float) -> int | None:
    # A hair of rounding must not cost a power of ten.
    decades = math.floor(log10 + 1e-9)
    return None if decades < _LEAST_DECADES else min(decades, _MOST_DECADES)


def _plain(value: float) -> str:
    if isinstance(value, int) or value >= _WHOLE_FROM or value == round(value):
        return f"{round(value):,}"
    return f"{max(value, _LEAST) if value > 0 else value:,.1f}".removesuffix(".0")
