"""What the metrics and the live page read of the region's state (pure).

The core implements `RegionView`; the collectors and the page know nothing else of it. Every method
is called from the worker's loop, between two slices, and must not block: a whole scrape has 50 ms.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from metrics.specs_region import EVENT_DELAY_BOUNDS_S

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


class RateRow(NamedTuple):
    """Events per second of event time over one rolling window."""

    flow: str
    sector: str
    couloir: str
    department: str
    window: str
    events_per_second: float


class FailureRow(NamedTuple):
    """Share of failures (0 to 1) over one rolling window; rows without events are left out."""

    flow: str
    sector: str
    window: str
    ratio: float


class AuthRow(NamedTuple):
    """Share of one authentication method among a flow's events of one rolling window."""

    flow: str
    auth_method: str
    window: str
    ratio: float


class InsRow(NamedTuple):
    """Share of one INSi result code, or of one INS status of the DMP, over one rolling window."""

    code: str
    window: str
    ratio: float


class ActiveRow(NamedTuple):
    """Distinct accounts and structures of the current Europe/Paris day or month.

    `None` where the count is withheld because the cell is small.
    """

    flow: str
    sector: str
    window: str
    accounts: int | None
    structures: int | None


class FindingRow(NamedTuple):
    """The newest revision of a finding; times in milliseconds UTC, no pseudonym in any field.

    Attributes are those of `agents.findings.Finding`, and `score_log10`: the score s by which as much
    evidence is expected by chance once in 10^s account-days (series-days); `None` if not told.
    """

    finding_id: str
    revision: int
    detector: str
    detectors: list[str]
    severity: str
    status: str
    sector: str
    flow: str | None
    opened_at_ms: int | None
    detected_at_ms: int
    window_start_ms: int
    window_end_ms: int
    score: float
    score_log10: float | None
    priority: float
    patients: int | None
    reasons: list[str]
    reasons_en: list[str]


class HistoryPoint(NamedTuple):
    """One step of a finding's series; `None` where something is not known or does not apply.

    Attributes:
        start_ms: when the step begins, milliseconds UTC.
        observed: counted in it; the last step may not be over.
        unexplained: patients without a care relation.
        expected: by the subject's own past.
        high: from which count on such a step alone raises an alarm.
        peers: expected of a member of the account's peer group.
        peers_high: exceeded on one in a hundred working days of such members.
    """

    start_ms: int
    observed: int
    unexplained: int | float | None
    expected: int | float | None
    high: int | float | None
    peers: int | float | None
    peers_high: int | float | None


class HistoryRow(NamedTuple):
    """What a finding's subject did lately.

    Attributes:
        step_ms: of the points; 86,400,000 stands for local days, which have 23 to 25 hours.
        measure: `patients`, `events` or `failures`.
        points: the oldest first; none where nothing was kept.
    """

    step_ms: int
    measure: str
    points: list[HistoryPoint]


class TimelineRow(NamedTuple):
    """What one revision of a finding said; the time is its event time, milliseconds UTC."""

    at_ms: int
    revision: int
    severity: str
    status: str
    priority: float
    patients: int | None
    detector: str


class FindingDetail(NamedTuple):
    """Everything that a finding's own page shows.

    Attributes:
        finding: its newest revision.
        history: what its subject did lately.
        timeline: its revisions, the oldest first; of many the first and the last.
        related: other findings about the same account or series, the newest first.
        changed_ms: Kafka time of the newest revision.
        is_open: whether it still asks for somebody.
    """

    finding: FindingRow
    history: HistoryRow
    timeline: list[TimelineRow]
    related: list[FindingRow]
    changed_ms: int
    is_open: bool


class Unmasked(NamedTuple):
    """Whom a finding is about; the only row of a page that holds pseudonyms.

    Attributes:
        structure: of the account; `None` where several structures, or none, are concerned.
        accounts: one, or those that act together; none where a flow is concerned.
    """

    structure: str | None
    accounts: list[str]


class PushRow(NamedTuple):
    """How telling one Alertmanager goes.

    Attributes:
        alertmanager: its number in the setting, from 1.
        pushed: alerts taken, repetitions included.
        failures: requests without success.
        waiting: alerts with news that it has not taken.
        last_success_s: Unix time of the last success; `None` before the first.
    """

    alertmanager: str
    pushed: int
    failures: int
    waiting: int
    last_success_s: float | None


@dataclass(frozen=True, slots=True)
class PartitionView:
    """One partition's durable totals and its progress.

    Attributes:
        totals: events by (flow, sector, outcome), as of the last confirmed checkpoint.
        late: events by flow; same moment.
        duplicates: events by flow; same moment.
        dead_letters: records by (flow, reason); same moment.
        newest_ms: by flow, the newest event time counted, milliseconds UTC; flows without an event
            yet are left out.
        watermark_ms: by flow, the event time before which events are late; same flows.
        duplicate_horizon_ms: by flow, how far back a repeated event_id is recognised.
        account_days: days of accounts that were judged to their end.
        expected_false: findings that as many quiet account-days are expected to open, at most.
        verdicts: analysts' verdicts on findings about accounts of the partition.
        stray_verdicts: those on findings that it does not know, or not any more.
    """

    partition: int
    totals: Mapping[tuple[str, str, str], int]
    late: Mapping[str, int] = field(default_factory=dict)
    duplicates: Mapping[str, int] = field(default_factory=dict)
    dead_letters: Mapping[tuple[str, str], int] = field(default_factory=dict)
    newest_ms: Mapping[str, int] = field(default_factory=dict)
    watermark_ms: Mapping[str, int] = field(default_factory=dict)
    duplicate_horizon_ms: Mapping[str, int] = field(default_factory=dict)
    account_days: int = 0
    expected_false: float = 0.0
    verdicts: int = 0
    stray_verdicts: int = 0


class Buckets:
    """Counts of a histogram: cheap to add to, one value or a column at a time.

    Args:
        bounds: upper bounds (inclusive, as Prometheus has them), ascending, without +Inf.
    """

    __slots__ = ("_bounds", "_column_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._column_bounds = np.asarray(bounds, dtype=np.float64)
        self.counts = [0] * (len(self._bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Add one value."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def observe_column(self, values: NDArray[np.float64]) -> None:
        """Add n values at once."""
        places = np.searchsorted(self._column_bounds, values, side="left")
        added = np.bincount(places, minlength=len(self.counts))
        self.counts = [old + int(new) for old, new in zip(self.counts, added, strict=True)]
        self.total += float(values.sum())

    def cumulative(self) -> list[tuple[str, float]]:
        """Pairs of `le` text and events at or below it; the last is +Inf."""
        rows: list[tuple[str, float]] = []
        below = 0
        for bound, count in zip((*self._bounds, float("inf")), self.counts, strict=True):
            below += count
            rows.append(("+Inf" if bound == float("inf") else repr(float(bound)), float(below)))
        return rows


def delay_buckets() -> Buckets:
    """Empty buckets for the delays (seconds) of one flow's events."""
    return Buckets(EVENT_DELAY_BOUNDS_S)


class RegionView(Protocol):
    """The region as one worker knows it."""

    def partitions(self) -> Sequence[PartitionView]:
        """The partitions that this worker holds and has recovered."""

    def rates(self, now_ms: int) -> Sequence[RateRow]:
        """Rates over the windows that end at `now_ms`, over this worker's partitions."""

    def failure_ratios(self, now_ms: int) -> Sequence[FailureRow]:
        """Failure shares by flow, sector and window."""

    def auth_ratios(self, now_ms: int) -> Sequence[AuthRow]:
        """Authentication mix by flow and window."""

    def ins_results(self, now_ms: int) -> Sequence[InsRow]:
        """INSi result mix by window."""

    def ins_statuses(self, now_ms: int) -> Sequence[InsRow]:
        """INS status mix of the DMP deposits by window."""

    def active(self, now_ms: int) -> Sequence[ActiveRow]:
        """Distinct accounts and structures of the whole region by flow, sector, day and month."""

    def delays(self) -> Mapping[str, Buckets]:
        """Time from event to count by flow, since this process started (`delay_buckets`)."""


class FindingsFeed(Protocol):
    """The findings as one worker knows them."""

    @property
    def is_whole(self) -> bool:
        """Whether this worker knows all findings; if not, nothing of them is shown."""

    @property
    def version(self) -> int:
        """Changes whenever anything changes."""

    @property
    def unreadable(self) -> int:
        """Records of the topic that are no finding."""

    def opened(self) -> Mapping[tuple[str, str, str], int]:
        """Findings by detector, severity and sector of their first revision."""

    def raised(self) -> Mapping[tuple[str, str, str], int]:
        """Findings that became more severe, by detector, severity reached and sector."""

    def open_counts(self) -> Mapping[tuple[str, str], int]:
        """Open findings by detector and present severity."""

    def unjudged_counts(self) -> Mapping[tuple[str, str], int]:
        """Those of them that wait for a verdict, by detector and present severity."""

    def rows(self, limit: int) -> Sequence[FindingRow]:
        """The first findings: open ones by priority, then the others, newest first."""

    def detail(self, finding_id: str) -> FindingDetail | None:
        """Everything about one finding; `None` if it is unknown or its text was forgotten."""
