"""Everything that watches the accounts of one partition, in one straight line (pure).

    events -> looks -> explained, in the order of the log -> event order -> detectors -> findings

What is concluded depends on the logs alone: accesses are judged in the order of their log time, the
days of care and the analysts' verdicts take their places in that order.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from agents.access_rows import SURFACES, long_steps
from agents.account_days import AccountDays, by_local_day
from agents.account_history import history_of
from agents.account_watch import AccountWatch, WatchParams
from agents.accounts import Accounts
from agents.detectors.base import Accesses
from agents.event_order import EventOrder
from agents.explaining import AccessExplainer, CareParams
from agents.finding_history import excess_of
from agents.findings import Verdict, VerdictKind
from agents.fusion import Fusion, FusionParams
from agents.signals import SubjectKind, account_signal, account_subject
from streams.event_time import MINUTE_MS, paris_day, start_of_day_ms
from streams.packed_rows import rows_at
from streams.topics import VERDICTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    import polars as pl

    from agents.account_cells import CellArray
    from agents.account_watch import Suspicion
    from agents.explaining import ExplainedAccesses
    from agents.finding_history import FindingHistory
    from agents.findings import Finding
    from agents.left_out import LeftOutAccount
    from agents.signals import Signal, Subject
    from streams.checkpoint import Section
    from streams.event_columns import EventColumns
    from streams.event_time import BoolArray, Int64Array


_AHEAD_MS: Final = MINUTE_MS


@dataclass(frozen=True, slots=True)
class PartitionWatchParams:
    """Parameters of everything that watches accounts."""

    care: CareParams = field(default_factory=CareParams)
    watch: WatchParams = field(default_factory=WatchParams)
    fusion: FusionParams = field(default_factory=FusionParams)
    left_out: tuple[LeftOutAccount, ...] = ()


@dataclass(slots=True)
class Concluded:
    """What came out of some events.

    Attributes:
        findings: revisions of incidents, in the order in which they were concluded.
        cells: of accounts whose day was closed.
    """

    findings: list[Finding] = field(default_factory=list)
    cells: list[CellArray] = field(default_factory=list)


class PartitionWatch:
    """The accounts of one partition and what is known of them."""

    def __init__(self, params: PartitionWatchParams | None = None) -> None:
        params = params or PartitionWatchParams()
        self.accounts = Accounts()
        self.explainer = AccessExplainer(params.care)
        self._left_out = params.left_out
        self.watch = AccountWatch(params.watch, self._is_left_out if params.left_out else None)
        self.fusion = Fusion(params.fusion)
        self._order = EventOrder()
        self._days = AccountDays(self.watch.baselines)
        self._verdicts: list[tuple[int, Verdict]] = []

    @property
    def open_day(self) -> int:
        """Every local day before this one is closed, as days since 1970-01-01."""
        return self._order.open_day

    @property
    def heard_ms(self) -> int:
        """Everything with an earlier log time was read."""
        return self.explainer.watermark.value_ms

    def take(
        self,
        flow: str,
        events: EventColumns | pl.DataFrame,
        log_ms: Int64Array,
        symbols: Mapping[str, Int64Array] | None = None,
    ) -> Concluded:
        """Take n accepted events of one flow, in the flow's order, with their Kafka timestamps.

        The flow's `agents.access_rows.SYMBOLS` may be given as numbers.
        """
        judged = self.explainer.take(flow, events, log_ms, self.accounts, symbols=symbols)
        return self._conclude(judged)

    def judge(self, verdicts: Sequence[Verdict], log_ms: Int64Array) -> Concluded:
        """Take analysts' verdicts, in their topic's order, with their Kafka timestamps.

        Each takes its place in the order of the log, as the events do.
        """
        due = self.explainer.watermark.observe(VERDICTS, log_ms)
        self._verdicts += zip(due.tolist(), verdicts, strict=True)
        return self._conclude(self.explainer.pass_time({}))

    def pass_time(self, read_ms: Mapping[str, int]) -> Concluded:
        """Learn how far flows and verdicts were read in log time."""
        told_ms, newest_ms = read_ms.get(VERDICTS), self.explainer.watermark.newest_ms
        if told_ms is not None and newest_ms > told_ms + _AHEAD_MS:
            # A recording that is replayed faster than the clock runs ahead of it. Nobody judges in its
            # time, and waiting for the clock to catch up would hold every finding back.
            read_ms = {**read_ms, VERDICTS: newest_ms}
        return self._conclude(self.explainer.pass_time(read_ms))

    def finish(self) -> Concluded:
        """Conclude from everything that waits: a recording has come to its end."""
        return self._conclude(self.explainer.finish())

    def _conclude(self, judged: ExplainedAccesses) -> Concluded:
        concluded = Concluded()
        start = 0
        due = judged.accesses["due_ms"]
        turns: list[tuple[int, int, int | Verdict]] = [
            (due_ms, 0, day) for due_ms, day in judged.days.tolist()
        ]
        turns += [(due_ms, 1, verdict) for due_ms, verdict in self._due_verdicts()]
        for due_ms, _, turn in sorted(turns, key=lambda one: one[:2]):
            end = int(np.searchsorted(due, due_ms))
            self._observe(judged, slice(start, end), concluded)
            if isinstance(turn, Verdict):
                self._judge(turn, concluded)
            else:
                self._begin_day(turn, concluded)
            start = end
        self._observe(judged, slice(start, len(judged)), concluded)
        return concluded

    def _due_verdicts(self) -> list[tuple[int, Verdict]]:
        if not self._verdicts:
            return []
        # Not the watermark: accesses that it has passed may still wait, and come before a verdict.
        before_ms = self.explainer.judged_ms
        due = [one for one in self._verdicts if one[0] < before_ms]
        self._verdicts = [one for one in self._verdicts if one[0] >= before_ms]
        return due

    def _observe(self, judged: ExplainedAccesses, part: slice, concluded: Concluded) -> None:
        accesses = self._accesses(judged, part)
        for of_day in by_local_day(accesses):
            own = accesses if len(of_day) == len(accesses) else accesses[of_day]
            actors = self.accounts.actors[own.account]
            structures = self.accounts.structures[own.account]
            self._close(self._days.observe(own, actors, structures), concluded)
            self._fuse(self.watch.observe(own), concluded)

    def _accesses(self, judged: ExplainedAccesses, part: slice) -> Accesses:
        rows = judged.accesses[part]
        looked = np.flatnonzero(~rows["is_failure"])
        rows = rows_at(rows, looked)
        account = rows["account"].astype(np.int64)
        return Accesses(
            account=account,
            group=rows["group"].astype(np.int64),
            time_ms=self._order.settle(account, np.ascontiguousarray(rows["time_ms"])),
            patient=np.ascontiguousarray(rows["patient"]),
            explained=judged.explained[part][looked],
            act=np.ascontiguousarray(rows["act"]),
            directory_step=long_steps(rows["directory_step"]),
            network=np.ascontiguousarray(rows["net"]),
            client=np.ascontiguousarray(rows["client"]),
            net_class=np.ascontiguousarray(rows["net_class"]),
            auth_method=np.ascontiguousarray(rows["auth_method"]),
            lifecycle=np.ascontiguousarray(rows["service_lifecycle"]),
            first_seen=judged.first_seen[part][looked],
        )

    def _begin_day(self, day: int, concluded: Concluded) -> None:
        """Begin a local day: no event of an earlier one counts as such any more.

        Days of care are UTC days, which begin an hour or two after those of Paris; what is a little
        late still finds its day open.
        """
        if day <= self._order.open_day:
            return
        self._order.begin_day(day)
        begin_ms = start_of_day_ms(day)
        self._close(self._days.pass_time(begin_ms), concluded)
        self._fuse(self.watch.pass_time(begin_ms), concluded)
        self._tell(self.fusion.pass_time(begin_ms), concluded)

    def _close(self, cells: CellArray, concluded: Concluded) -> None:
        """Account for closed days: what an open incident touched, and what the region is told."""
        if not len(cells):
            return
        concluded.cells.append(cells)
        self.fusion.watched(len(cells))
        for subject in self._open_accounts():
            for row in self.accounts.rows_named(subject.structure_pid or "", subject.actor_pid):
                own = cells[
                    (cells["account"] == self.accounts.actors[row])
                    & (cells["structure"] == self.accounts.structures[row])
                ]
                for cell in own:
                    extra = round(float(cell["patients"]) - float(cell["expected_patients"]))
                    end_ms = start_of_day_ms(int(cell["day"]) + 1)
                    touched = self.fusion.touched(subject, int(cell["day"]), max(extra, 0), end_ms)
                    self._tell(touched, concluded)

    def _open_accounts(self) -> list[Subject]:
        return [
            incident.subject
            for incident in self.fusion.book
            if incident.status.is_open and incident.subject.kind is SubjectKind.ACCOUNT
        ]

    def _fuse(self, suspicions: list[Suspicion], concluded: Concluded) -> None:
        if suspicions:
            self._tell(self.fusion.take([self._signal(one) for one in suspicions]), concluded)

    def _signal(self, suspicion: Suspicion) -> Signal:
        account = self.accounts[suspicion.account]
        subject = account_subject(
            account.structure_pid, account.actor_pid, account.sector, account.department
        )
        return account_signal(suspicion, subject, flow=SURFACES[account.surface])

    def _judge(self, verdict: Verdict, concluded: Concluded) -> None:
        for row in self.accounts.rows_named(verdict.structure_pid, verdict.actor_pid):
            if verdict.verdict is not VerdictKind.UNKNOWN:
                self.watch.judged(
                    row,
                    benign=verdict.verdict is VerdictKind.BENIGN,
                    since_ms=verdict.compromised_since_ms,
                )
        self._tell(self.fusion.judge(verdict), concluded)

    def _tell(self, found: list[Finding], concluded: Concluded) -> None:
        concluded.findings += [replace(one, history=self._history(one)) for one in found]

    def _history(self, finding: Finding) -> FindingHistory | None:
        """What the account did until then: on the finding's surface, or where it stood out most."""
        # A verdict is told by the clock, which a recording's days may be far behind.
        last_day = min(paris_day(finding.detected_at_ms - 1), self.watch.newest_day)
        rows = self.accounts.rows_named(finding.structure_pid or "", finding.actor_pid)
        own = [row for row in rows if SURFACES[self.accounts[row].surface] == finding.flow]
        found = [history_of(self.watch, row, last_day) for row in own or rows]
        return max((one for one in found if one is not None), key=excess_of, default=None)

    def _is_left_out(self, accounts: npt.NDArray[np.int64], days: Int64Array) -> BoolArray:
        left: BoolArray = np.zeros(len(accounts), np.bool_)
        for one in self._left_out:
            rows = self.accounts.rows_named(one.structure_pid, one.actor_pid)
            left |= np.isin(accounts, rows) & (days >= one.since_day)
        return left

    # -- checkpoint -----------------------------------------------------------------------------

    @property
    def sections(self) -> tuple[Section, ...]:
        """What a checkpoint holds of it, in an order that must not change."""
        return (
            self.accounts,
            *self.explainer.sections,
            self._order.rows,
            *self._days.sections,
            *self.watch.sections,
            *self.fusion.sections,
            *self.watch.history.sections,
        )

    def to_json(self) -> dict[str, Any]:
        """What the header of a checkpoint must hold."""
        return {
            "explainer": self.explainer.to_json(),
            "order": self._order.to_json(),
            "verdicts": [[due, verdict.to_record()] for due, verdict in self._verdicts],
        }

    def from_json(self, state: Mapping[str, Any]) -> None:
        """Finish a recovery, after the sections were loaded."""
        self.accounts.recovered()
        self.explainer.from_json(state["explainer"])
        self._order.from_json(state["order"])
        self._verdicts = [(due, Verdict.from_record(own)) for due, own in state["verdicts"]]
        self._days.recovered()
        self.watch.recovered()
