"""The present findings, put together from the `findings` topic (pure).

The topic holds every revision of every finding; of one id the highest revision counts. Whoever owns the
topic's only partition reads it from its start at each assignment, so nothing is kept beside it.

What is counted never falls while the topic keeps its records: a finding counts once, at the severity
of its first revision; each time that it becomes more severe than it ever was, it counts once as
*raised* to that severity. So opened plus raised at `CRITICAL` is every finding that became critical,
and the sum of opened is the number of findings.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agents.alerts import Alert, AlertIdentity
from agents.finding_rows import Subject, history_row, row_of, subject_of, timeline_row
from agents.findings import FindingStatus, newest_of
from metrics.labels import FINDING_DETECTORS, OTHER_DETECTOR
from metrics.views import FindingDetail
from streams.recordwise import BadRecordError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from agents.findings import Finding, Severity
    from metrics.views import FindingRow, TimelineRow
    from streams.processing import Record

FULL_MAX: Final = 4_000
"""Findings kept with their text; closed ones leave first. About 3 kB each, and 6 to 12 kB of history."""
MARKS_MAX: Final = 200_000
"""Findings known by their id, so that each counts once; about 300 bytes each."""
TIMELINE_MAX: Final = 51
"""Revisions of a finding in its timeline: the first and the last fifty. About 200 bytes each, so some
10 kB at most, where most findings have two or three."""
RELATED_MAX: Final = 20
"""Other findings about the same subject that are shown, the newest."""
IDENTITIES_MAX: Final = 8
"""Label sets under which one finding was alerted that are remembered."""


@dataclass(slots=True)
class _Mark:
    """What stays of a finding when its text has gone."""

    revision: int
    highest: int
    open_as: tuple[str, str] | None
    is_judged: bool = False


@dataclass(slots=True)
class _Entry:
    """A finding with its text.

    Attributes:
        finding: the newest revision.
        changed_ms: Kafka time of that revision.
        ended_ms: by label set, when it stopped being true; `None` for the one that is.
        timeline: its revisions.
        subject: what it shares with others about the same.
    """

    finding: Finding
    changed_ms: int
    ended_ms: dict[AlertIdentity, int | None]
    timeline: list[TimelineRow]
    subject: Subject | None


class FindingsView:
    """Implements `metrics.views.FindingsFeed`; fed by a subscription to the topic.

    Args:
        read: a finding from a Kafka value; raises `BadRecordError` for what is none.
        lag: records of the topic that wait, `None` where this worker does not own it.
        full_max: findings kept with their text.
        marks_max: findings known by their id.
    """

    def __init__(
        self,
        read: Callable[[bytes | None], Finding],
        lag: Callable[[], int | None],
        *,
        full_max: int = FULL_MAX,
        marks_max: int = MARKS_MAX,
    ) -> None:
        self._read = read
        self._lag = lag
        self._full_max = full_max
        self._marks_max = marks_max
        self._listeners: list[Callable[[], None]] = []
        self._version = 0
        self.reset()

    def reset(self) -> None:
        """Forget everything: the topic will be read again from its start, or elsewhere."""
        self._whole = False
        self._marks: dict[str, _Mark] = {}
        self._open: dict[str, _Entry] = {}
        self._closed: dict[str, _Entry] = {}
        self._of_subject: dict[Subject, set[str]] = {}
        self._opened: Counter[tuple[str, str, str]] = Counter()
        self._raised: Counter[tuple[str, str, str]] = Counter()
        self._open_counts: Counter[tuple[str, str]] = Counter()
        self._unjudged_counts: Counter[tuple[str, str]] = Counter()
        self._unreadable = 0
        self._version += 1

    def take(self, _partition: int, records: Sequence[Record]) -> None:
        """Take records of the topic; what is no finding is counted and passed over.

        Raises:
            TransientError: a registry is used and does not answer.
        """
        for record in records:
            try:
                finding = self._read(record.value)
            except BadRecordError:
                self._unreadable += 1
                continue
            self._take(finding, record.timestamp)
        self._version += 1
        for listener in self._listeners:
            listener()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every change; it must not block."""
        self._listeners.append(listener)

    @property
    def is_whole(self) -> bool:
        """Whether this worker owns the topic and has read it to its end since it does."""
        lag = self._lag()
        if lag is None:
            return False
        self._whole = self._whole or lag == 0
        return self._whole

    @property
    def version(self) -> int:
        """A number that changes whenever anything here does."""
        return self._version

    @property
    def unreadable(self) -> int:
        """Records of the topic that are no finding."""
        return self._unreadable

    def opened(self) -> Mapping[tuple[str, str, str], int]:
        """Findings by detector, severity and sector of their first revision."""
        return self._opened

    def raised(self) -> Mapping[tuple[str, str, str], int]:
        """Findings that became more severe, by detector, severity reached and sector."""
        return self._raised

    def open_counts(self) -> Mapping[tuple[str, str], int]:
        """Findings that are open now, by detector and present severity."""
        return self._open_counts

    def unjudged_counts(self) -> Mapping[tuple[str, str], int]:
        """Those of them that wait for a verdict, by detector and present severity."""
        return self._unjudged_counts

    def rows(self, limit: int) -> Sequence[FindingRow]:
        """The first `limit` findings: open ones by priority, then the others, newest first."""
        first = sorted(
            (entry.finding for entry in self._open.values()),
            key=lambda one: (-one.priority, -one.detected_at_ms, one.finding_id),
        )
        rest = (entry.finding for entry in reversed(self._closed.values()))
        chosen = [*first[:limit], *(one for _, one in zip(range(limit), rest, strict=False))]
        return [row_of(one) for one in chosen[:limit]]

    def named(self, finding_id: str) -> Finding | None:
        """The newest revision of a finding; `None` if it is unknown or its text was forgotten."""
        entry = self._entry(finding_id)
        return None if entry is None else entry.finding

    def detail(self, finding_id: str) -> FindingDetail | None:
        """Everything that a finding's own page shows; `None` as of `named`."""
        entry = self._entry(finding_id)
        if entry is None:
            return None
        others = set() if entry.subject is None else self._of_subject[entry.subject]
        related = [
            other.finding
            for name in others
            if name != finding_id and (other := self._entry(name)) is not None
        ]
        related.sort(key=lambda one: (-(one.opened_at_ms or one.detected_at_ms), one.finding_id))
        return FindingDetail(
            finding=row_of(entry.finding),
            history=history_row(entry.finding),
            timeline=list(entry.timeline),
            related=[row_of(one) for one in related[:RELATED_MAX]],
            changed_ms=entry.changed_ms,
            is_open=entry.finding.status.is_open,
        )

    def _entry(self, finding_id: str) -> _Entry | None:
        return self._open.get(finding_id) or self._closed.get(finding_id)

    def alerts(self, least: Severity) -> Iterator[Alert]:
        """Every label set at or above a severity under which a finding is or was alerted.

        The oldest first; those that are no longer true say since when.
        """
        for entries in (self._open, self._closed):
            for entry in entries.values():
                for identity, ended_ms in entry.ended_ms.items():
                    if identity.severity.rank >= least.rank:
                        yield Alert(identity, entry.finding, ended_ms)

    def _take(self, finding: Finding, at_ms: int) -> None:
        mark = self._marks.get(finding.finding_id)
        detector = finding.detector if finding.detector in FINDING_DETECTORS else OTHER_DETECTOR
        place = (detector, str(finding.severity), finding.sector)
        if mark is None:
            mark = self._marks[finding.finding_id] = _Mark(-1, finding.severity.rank, None)
            self._opened[place] += 1
        elif finding.revision <= mark.revision:
            return  # sent again after a restart
        elif finding.severity.rank > mark.highest:
            mark.highest = finding.severity.rank
            self._raised[place] += 1
        mark.revision = finding.revision
        self._count_open(mark, -1)
        mark.open_as = place[:2] if finding.status.is_open else None
        mark.is_judged = finding.status is not FindingStatus.OPEN
        self._count_open(mark, 1)
        self._keep(finding, at_ms)
        while len(self._marks) > self._marks_max:
            forgotten = self._marks.pop(next(iter(self._marks)))
            self._count_open(forgotten, -1)

    def _count_open(self, mark: _Mark, step: int) -> None:
        if mark.open_as is not None:
            self._open_counts[mark.open_as] += step
            if not mark.is_judged:
                self._unjudged_counts[mark.open_as] += step

    def _keep(self, finding: Finding, at_ms: int) -> None:
        name = finding.finding_id
        entry = self._strike(name)
        finding = newest_of(None if entry is None else entry.finding, finding)
        ended_ms = {} if entry is None else dict(entry.ended_ms)
        identity = AlertIdentity.of(finding)
        for other, ended in ended_ms.items():
            if ended is None:
                ended_ms[other] = at_ms
        ended_ms.pop(identity, None)
        ended_ms[identity] = None if finding.status.is_open else at_ms
        while len(ended_ms) > IDENTITIES_MAX:
            ended_ms.pop(next(iter(ended_ms)))
        timeline = [] if entry is None else entry.timeline
        timeline.append(timeline_row(finding))
        del timeline[1 : max(1, len(timeline) - TIMELINE_MAX + 1)]
        subject = subject_of(finding)
        if subject is not None:
            self._of_subject.setdefault(subject, set()).add(name)
        place = self._open if finding.status.is_open else self._closed
        place[name] = _Entry(finding, at_ms, ended_ms, timeline, subject)
        while len(self._open) + len(self._closed) > self._full_max:
            self._strike(next(iter(self._closed or self._open)))

    def _strike(self, name: str) -> _Entry | None:
        """Take a finding's text away; give it back if there was any."""
        entry = self._open.pop(name, None) or self._closed.pop(name, None)
        if entry is not None and entry.subject is not None:
            same = self._of_subject[entry.subject]
            same.discard(name)
            if not same:
                del self._of_subject[entry.subject]
        return entry
