"""How much every usage was seen in the whole region, month by month (pure).

Each partition of the flows tells what its structures did in a month; since all events of a structure
lie in one partition, distinct structures of partitions add up. The parts travel on the compacted topic
of the counts, one key for each partition and month: so the last part of a month stays on it when the
partition itself has long forgotten that month.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from agents.usages import USAGES, UsageRow
from streams.vocabulary import COULOIRS

if TYPE_CHECKING:
    from collections.abc import Sequence

_FORMAT: Final = 1
_BEGINNING: Final = b'{"format":%d,' % _FORMAT
_KEY: Final = re.compile(rb"usage/([0-9]{1,5})/([0-9]{1,6})")
MONTHS_SHOWN: Final = 25
"""Newest months that are put together: two years and the month that runs."""


class UsagePart(NamedTuple):
    """What one partition's structures did in one calendar month.

    Attributes:
        partition: its number.
        month: `year * 12 + month - 1`.
        rows: cells that are not empty, in the order of usages, couloirs and departments.
    """

    partition: int
    month: int
    rows: tuple[UsageRow, ...]


def encode_usage_part(part: UsagePart) -> tuple[bytes, bytes]:
    """Key and value of a part's message.

    Words are written once, and rows name them by number.
    """
    usages, couloirs, departments = (
        list(dict.fromkeys(row[column] for row in part.rows)) for column in range(3)
    )
    places = [
        {word: place for place, word in enumerate(words)}
        for words in (usages, couloirs, departments)
    ]
    value = {
        "format": _FORMAT,
        "usages": usages,
        "couloirs": couloirs,
        "departments": departments,
        "rows": [
            [
                places[0][row.usage],
                places[1][row.couloir],
                places[2][row.department],
                row.structures,
                row.events,
            ]
            for row in part.rows
        ],
    }
    return b"usage/%d/%d" % (part.partition, part.month), orjson.dumps(value)


def _rows_of(value: bytes) -> list[UsageRow]:
    """The cells of a part's message, none if it is damaged. Usages unknown here are left out."""
    try:
        message: Any = orjson.loads(value)
        usages, couloirs, departments = (
            [str(word) for word in message[name]] for name in ("usages", "couloirs", "departments")
        )
        rows = [
            UsageRow(usages[u], couloirs[c], departments[d], int(structures), int(events))
            for u, c, d, structures, events in message["rows"]
        ]
    except (orjson.JSONDecodeError, TypeError, KeyError, ValueError, IndexError):
        return []
    return [row for row in rows if row.usage in USAGES]


class RegionUsage:
    """The region's usages: the last part of every partition and month, added up.

    Attributes:
        version: grows whenever anything may have changed.
    """

    def __init__(self) -> None:
        # Values as they came: the topic is read from its start, and most of it is overtaken by its end.
        self._parts: dict[int, dict[int, bytes]] = {}
        self._sums: dict[int, tuple[UsageRow, ...]] = {}
        self.version = 0

    def clear(self) -> None:
        """Forget everything: the counts' topic will be read again from its start, or elsewhere."""
        self._parts.clear()
        self._sums.clear()
        self.version += 1

    def take(self, key: bytes | None, value: bytes | None) -> None:
        """Take one message of the counts' topic; one that is not ours is passed over."""
        match = _KEY.fullmatch(key or b"")
        if match is None or value is None or not value.startswith(_BEGINNING):
            return
        month = int(match[2])
        self._parts.setdefault(month, {})[int(match[1])] = value
        self._sums.pop(month, None)
        for old in sorted(self._parts)[:-MONTHS_SHOWN]:
            del self._parts[old]
            self._sums.pop(old, None)
        self.version += 1

    def take_part(self, part: UsagePart) -> None:
        """Put a part in the place of what its partition told of the month before."""
        self.take(*encode_usage_part(part))

    def months(self) -> Sequence[int]:
        """The calendar months of which anything is known, oldest first (`year * 12 + month - 1`)."""
        return sorted(self._parts)

    def rows(self, month: int) -> Sequence[UsageRow]:
        """The region's cells of a month that are not empty, by usage, couloir and department."""
        rows = self._sums.get(month)
        if rows is None:
            rows = self._sums[month] = self._summed(month)
        return rows

    def _summed(self, month: int) -> tuple[UsageRow, ...]:
        sums: dict[tuple[str, str, str], tuple[int, int]] = {}
        for value in self._parts.get(month, {}).values():
            for usage, couloir, department, structures, events in _rows_of(value):
                known = sums.get((usage, couloir, department), (0, 0))
                sums[usage, couloir, department] = (known[0] + structures, known[1] + events)
        return tuple(
            UsageRow(*labels, *sums[labels]) for labels in sorted(sums, key=_order_of_labels)
        )


def _order_of_labels(labels: tuple[str, str, str]) -> tuple[int, int, str]:
    usage, couloir, department = labels
    place = COULOIRS.index(couloir) if couloir in COULOIRS else len(COULOIRS)
    return USAGES.index(usage), place, department
