"""Every declaration that counts: the newest of each indicator, month and scope (pure)."""

from __future__ import annotations

import calendar
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from streams.recordwise import BadRecordError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date

    from agents.objectives.declared import Declaration, Scopes
    from agents.objectives.model import Scope
    from streams.processing import Record

Place = tuple["Scope", str]
"""Kind of scope and its name; the region's is `("region", "")`."""
REGION: Final[Place] = ("region", "")


class Snapshots:
    """Declarations, put in and taken out one by one.

    Args:
        several: those to begin with; a later one of the same key replaces an earlier one.

    Attributes:
        version: grows with every change.
    """

    def __init__(self, several: Iterable[Declaration] = ()) -> None:
        self._by_key: dict[str, Declaration] = {}
        self._by_indicator: dict[str, dict[int, dict[Place, Declaration]]] = {}
        self.version = 0
        for one in several:
            self.put(one)

    def put(self, one: Declaration) -> None:
        """Take a declaration in the place of what it has the key of."""
        self.drop(one.key)
        self._by_key[one.key] = one
        months = self._by_indicator.setdefault(one.indicator, {})
        months.setdefault(one.month, {})[one.kind, one.scope] = one
        self.version += 1

    def take(
        self,
        records: Iterable[Record],
        read: Callable[[bytes | None], Declaration],
        scopes: Scopes,
    ) -> int:
        """Take records of the declarations' topic; one without value takes a declaration back.

        Args:
            records: in the topic's order.
            read: a declaration from a value; raises `BadRecordError` or `ValueError` for what is none.
            scopes: the region's parts; names become labels, so no other name is let in.

        Returns:
            How many were no declaration and passed over.

        Raises:
            TransientError: a schema registry is used and does not answer.
        """
        unreadable = 0
        for record in records:
            if not record.value:
                self.drop((record.key or b"").decode("utf-8", "replace"))
                continue
            try:
                one = read(record.value)
            except (BadRecordError, ValueError):
                unreadable += 1
                continue
            if scopes.hold(one):
                self.put(one)
            else:
                unreadable += 1
        return unreadable

    def drop(self, key: str) -> None:
        """Forget a declaration, if it is known."""
        one = self._by_key.pop(key, None)
        if one is not None:
            months = self._by_indicator[one.indicator]
            del months[one.month][one.kind, one.scope]
            if not months[one.month]:
                del months[one.month]
            self.version += 1

    def months(self, indicator: str, until: date) -> Sequence[int]:
        """Months of which anything is declared that describes no later day, oldest first."""
        return [
            month
            for month, several in sorted(self._by_indicator.get(indicator, {}).items())
            if any(one.as_of <= until for one in several.values())
        ]

    def of_month(self, indicator: str, month: int, until: date) -> Mapping[Place, Declaration]:
        """What is declared for a month and describes no later day, by scope."""
        several = self._by_indicator.get(indicator, {}).get(month, {})
        return {place: one for place, one in several.items() if one.as_of <= until}

    def stock(self, indicator: str, until: date) -> Mapping[Place, Declaration]:
        """By scope, the newest that describes no later day."""
        newest: dict[Place, Declaration] = {}
        for month in self.months(indicator, until):
            newest.update(self.of_month(indicator, month, until))
        return newest

    def flow(self, indicator: str, month: int, until: date) -> Mapping[Place, Declaration]:
        """What was produced in a month: to its end, or in the present month up to this very day.

        A declaration that ends in the middle of what is counted would be a denominator of another
        time than its numerator.
        """
        last = min(until, last_day(month, like=until))
        several = self.of_month(indicator, month, until)
        return {place: one for place, one in several.items() if one.as_of == last}


def last_day(month: int, like: date) -> date:
    """The last day of a month (`year * 12 + month - 1`), as a date of `like`'s kind."""
    year, number = divmod(month, 12)
    return like.replace(year=year, month=number + 1, day=calendar.monthrange(year, number + 1)[1])


def month_of(day: date) -> int:
    """`year * 12 + month - 1` of a day."""
    return day.year * 12 + day.month - 1


def complete_sums(
    several: Mapping[Place, int], members: Mapping[Scope, Sequence[str]]
) -> int | None:
    """The whole from its parts, if every member of a kind is there; else `None`."""
    by_kind: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (kind, name), value in several.items():
        by_kind[kind][name] = value
    for kind, names in members.items():
        if names and all(name in by_kind[kind] for name in names):
            return sum(by_kind[kind][name] for name in names)
    return None
