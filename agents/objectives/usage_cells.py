"""The flows' usages of each month, ready to be summed, and which cells of them are too small (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from agents.usages import COUNTED, HOPEN2_OBJECTIVES, OF_FLOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from agents.usages import UsageRow


class Seen(NamedTuple):
    """How much was seen: distinct structures, and events."""

    structures: int
    events: int


NOTHING: Final = Seen(0, 0)


def _told_with() -> dict[str, tuple[str, ...]]:
    """Per usage, those of the same flows: one of them is there if anything was told."""
    own = {usage: usages for usages in OF_FLOW.values() for usage in usages}
    reached = {name: own[usage] for name, usage in HOPEN2_OBJECTIVES.items()}
    of_any = tuple(dict.fromkeys(usage for several in reached.values() for usage in several))
    return {**own, **reached, "HOPEN2_ANY": of_any, "ACTIVE": COUNTED}


_TOLD_WITH: Final = _told_with()


class UsageMonths:
    """The months of the region's usages; each is put in order once and again when its rows change.

    Args:
        months: the known months, `year * 12 + month - 1`, oldest first.
        rows: the cells of a month.
    """

    def __init__(
        self, months: Callable[[], Sequence[int]], rows: Callable[[int], Sequence[UsageRow]]
    ) -> None:
        self._months = months
        self._rows = rows
        self._known: dict[int, tuple[Sequence[UsageRow], Cells]] = {}

    @classmethod
    def of(cls, rows: Mapping[int, Sequence[UsageRow]]) -> UsageMonths:
        """Months that do not change."""
        return cls(lambda: sorted(rows), lambda month: rows[month])

    def months(self) -> Sequence[int]:
        """The known months, oldest first."""
        return self._months()

    def cells(self, month: int) -> Cells:
        """A month's cells."""
        rows = self._rows(month)
        known = self._known.get(month)
        if known is None or known[0] is not rows:
            known = self._known[month] = (rows, Cells(rows))
        return known[1]


class Cells:
    """One month's cells.

    Args:
        rows: each usage, couloir and department once.
    """

    def __init__(self, rows: Iterable[UsageRow]) -> None:
        self._by_usage: dict[str, list[UsageRow]] = {}
        for row in rows:
            self._by_usage.setdefault(row.usage, []).append(row)
        self._sums: dict[tuple[str | tuple[str, ...], ...], dict[str, Seen]] = {}

    def know(self, usages: Iterable[str]) -> bool:
        """Whether anything was told of the flows that show some usages."""
        return any(known in self._by_usage for usage in usages for known in _TOLD_WITH[usage])

    def by(
        self, place: str, usages: Sequence[str], couloirs: Sequence[str], departments: Sequence[str]
    ) -> Mapping[str, Seen]:
        """What was seen by `couloir` or `department`.

        Of several usages the events are added; of their structures, which may be the same ones, the most
        that any of them has is given: there are at least so many.

        Args:
            place: which of the two.
            usages: what is counted.
            couloirs: only these; all where empty.
            departments: only these.
        """
        key = (place, tuple(usages), tuple(couloirs), tuple(departments))
        found = self._sums.get(key)
        if found is None:
            found = self._sums[key] = self._summed(*key)
        return found

    def _summed(
        self,
        place: str,
        usages: tuple[str, ...],
        couloirs: tuple[str, ...],
        departments: tuple[str, ...],
    ) -> dict[str, Seen]:
        found: dict[str, Seen] = {}
        for usage in usages:
            of_usage: dict[str, Seen] = {}
            for row in self._by_usage.get(usage, ()):
                if row.department in departments and (not couloirs or row.couloir in couloirs):
                    name = row.department if place == "department" else row.couloir
                    before = of_usage.get(name, NOTHING)
                    of_usage[name] = Seen(
                        before.structures + row.structures, before.events + row.events
                    )
            for name, seen in of_usage.items():
                before = found.get(name, NOTHING)
                found[name] = Seen(
                    max(before.structures, seen.structures), before.events + seen.events
                )
        return found


def withheld(structures: Mapping[str, int], least: int) -> set[str]:
    """The cells that must not be told, so that none of few structures can be known or worked out.

    Those of fewer structures than `least` (none at all is told: nobody stands behind it); and where
    together they have fewer, the next smallest as well, for the sum over all cells is told.

    Args:
        structures: by cell.
        least: smallest number that may be told.
    """
    hidden = {name for name, count in structures.items() if 0 < count < least}
    others = sorted((count, name) for name, count in structures.items() if count >= least)
    for _, name in others:
        if not 0 < sum(structures[one] for one in hidden) < least:
            break
        hidden.add(name)
    return hidden
