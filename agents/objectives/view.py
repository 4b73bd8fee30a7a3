"""The objectives as one worker knows them: registry, declarations and the region's usages (pure).

The declarations' topic holds one partition and is read from its start at each assignment, as that of the
counts is, so nothing is kept beside them. A declaration that was taken back is a record without value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.objectives.figures import Sight
from agents.objectives.progress import evaluate
from agents.objectives.snapshots import Snapshots
from agents.objectives.usage_cells import UsageMonths
from streams.event_time import date_of_day, paris_day

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agents.objectives.declared import Declaration
    from agents.objectives.loading import Objectives
    from agents.region_usage import RegionUsage
    from metrics.objective_rows import ObjectiveRow
    from streams.processing import Record


class ObjectivesView:
    """Implements `metrics.objective_rows.ObjectivesFeed`; fed by a subscription to the declarations.

    Args:
        objectives: the region's; `None` where it has none, and nothing is shown.
        usage: what the flows show of the whole region.
        read: a declaration from a Kafka value; raises `BadRecordError` or `ValueError` for what is none.
        is_at_end: whether this worker owns the topics of declarations and counts and has read them to
            their ends.
        clock: the stream's time at a wall time, milliseconds UTC.
        departments: the region's.
        small_cell_min: smallest number of structures that may be told.
    """

    def __init__(
        self,
        *,
        objectives: Objectives | None,
        usage: RegionUsage,
        read: Callable[[bytes | None], Declaration],
        is_at_end: Callable[[], bool | None],
        clock: Callable[[int], int],
        departments: Sequence[str],
        small_cell_min: int,
    ) -> None:
        self._objectives = objectives
        self._usage = usage
        self._read = read
        self._is_at_end = is_at_end
        self._clock = clock
        self._departments = tuple(departments)
        self._small_cell_min = small_cell_min
        self._months = UsageMonths(usage.months, usage.rows)
        self._rows: tuple[ObjectiveRow, ...] = ()
        self._made_of: tuple[int, int, int] | None = None
        self._version = 0
        self.unreadable = 0
        self.reset()

    def reset(self) -> None:
        """Forget what was declared: the topic will be read again from its start, or elsewhere."""
        known = () if self._objectives is None else self._objectives.known
        self._snapshots = Snapshots(known)
        self._whole = False
        self._made_of = None
        self.unreadable = 0

    def take(self, _partition: int, records: Sequence[Record]) -> None:
        """Take records of the topic; what is no declaration is counted and passed over.

        Raises:
            TransientError: a schema registry is used and does not answer.
        """
        if self._objectives is not None:
            self.unreadable += self._snapshots.take(records, self._read, self._objectives.scopes)

    @property
    def is_whole(self) -> bool:
        """Whether this worker owns the topics and has read them to their ends since it does."""
        if self._objectives is None:
            return False
        at_end = self._is_at_end()
        if at_end is None:
            return False
        self._whole = self._whole or at_end
        return self._whole

    @property
    def version(self) -> int:
        """Changes whenever a row that `rows` gave did."""
        return self._version

    def rows(self, now_ms: int) -> Sequence[ObjectiveRow]:
        """Every objective as of a wall time; made anew when anything that they are made of changed."""
        if self._objectives is None:
            return ()
        day = paris_day(self._clock(now_ms))
        made_of = (day, self._usage.version, self._snapshots.version)
        if made_of != self._made_of:
            sight = Sight(
                grounds=self._objectives.grounds,
                snapshots=self._snapshots,
                usage=self._months,
                departments=self._departments,
                small_cell_min=self._small_cell_min,
                today=date_of_day(day),
            )
            rows = evaluate(sight)
            self._version += rows != self._rows
            self._rows, self._made_of = rows, made_of
        return self._rows
