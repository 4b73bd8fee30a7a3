"""The state of one partition of the five flows: what was counted, and up to where (pure).

A shard takes decoded slices and decides for each event, in offset order: dead letter (its clock runs
ahead), late, duplicate, or counted. Events it accepted go on to the rings and to whoever else wants
them (`Applied.accepted` is the place where detectors begin).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import orjson

from agents.access_rows import SYMBOLS
from agents.account_cells import CELL
from agents.arrivals import FlowState
from agents.box_pressure import BoxPressure
from agents.flow_minutes import MinuteCells
from agents.partition_watch import PartitionWatch
from agents.rates import RollingRates
from agents.region_cells import ClosedAccountDays
from agents.structure_usage import StructureUsage
from agents.usage_rules import SYMBOL_WORDS, usages_seen
from streams.checkpoint import Journal, Section, Write
from streams.errors import StateError
from streams.event_columns import EventColumns
from streams.event_time import MINUTE_MS, SECOND_MS
from streams.topics import FLOWS, MSS_MESSAGES, VERDICTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from agents.arrivals import FlowTotals
    from agents.findings import Finding, Verdict
    from agents.partition_watch import Concluded, PartitionWatchParams
    from agents.region_cells import RegionCell
    from agents.region_usage import UsagePart
    from agents.series import Coded, SeriesCodes
    from streams.columns import EventSlice
    from streams.event_time import Int64Array

_FORMAT: Final = 5
_TELL_EVERY_MS: Final = 2 * SECOND_MS
"""Log time after which the flows' last seconds are told."""
_WATCHED: Final = {**SYMBOLS, MSS_MESSAGES: ("recipient_box_type", "direction")}
USAGE_STEP_MS: Final = 60_000
"""Log time between two tellings of what structures did, for a reader who has caught up."""
USAGE_EVENTS: Final = 50_000
"""Events between two tellings for a reader who has not: telling costs as much as counting a hundred."""


@dataclass(frozen=True, slots=True)
class ShardParams:
    """What a shard must know of the settings; changing `departments` needs a new state.

    Attributes:
        watch: of those who watch accounts; `None` counts only.
    """

    departments: tuple[str, ...]
    allowed_lateness_ms: int
    duplicate_ids_max: int
    clock_skew_ms: int
    watch: PartitionWatchParams | None = None


@dataclass(slots=True)
class Told:
    """What a partition has to say.

    Attributes:
        findings: revisions of incidents of its accounts.
        cells: for those who watch the whole region.
        usage: what its structures did, for those who add that up.
    """

    findings: list[Finding] = field(default_factory=list)
    cells: list[RegionCell] = field(default_factory=list)
    usage: list[UsagePart] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a slice.

    Attributes:
        accepted: the counted events, in offset order.
        times_ms: their event times.
        coded: their labels by number.
        ahead: positions in the slice's frame of events whose clock runs ahead of Kafka's.
        told: what those who watch conclude.
    """

    accepted: EventColumns
    times_ms: Int64Array
    coded: Coded
    ahead: Int64Array
    told: Told


class Shard:
    """One partition's state.

    Args:
        params: limits and label values.
        codes: the code space for `params.departments`; one may serve all shards of a process.
        partition: its number.
    """

    def __init__(self, params: ShardParams, codes: SeriesCodes, partition: int = 0) -> None:
        self._params = params
        self._partition = partition
        self._told_day = 0
        self._told_ms = 0
        # Not in the state: whoever takes over tells everything again, as soon as time passes.
        self._told_usage_ms: int | None = None
        self._untold_events = 0
        self._codes = codes
        limits = params.allowed_lateness_ms, params.duplicate_ids_max
        self._flows = {flow: FlowState(*limits) for flow in FLOWS}
        self._verdicts = FlowState(*limits)
        self.rates = RollingRates(codes.size)
        self.usage = StructureUsage(codes.departments)
        self.minutes = MinuteCells(codes)
        self.boxes = BoxPressure()
        self.watch = None if params.watch is None else PartitionWatch(params.watch)
        sections: list[Section] = [state.ids for state in self._flows.values()]
        sections += [*self.rates.rings, self.usage]
        if self.watch is not None:
            sections += [self.minutes, self.boxes, *self.watch.sections]
        self._journal = Journal(tuple(sections))

    def apply(self, events: EventSlice) -> Applied:
        """Take one slice whose offsets are all at or after `next_offset` of its flow."""
        state = self._flows[events.flow]
        state.next_offset = max(state.next_offset, events.next_offset)
        accepted = EventColumns.of(events.events)
        times = accepted.numbers("occurred_at")
        newest_claim = np.maximum(times, accepted.numbers("recorded_at"))
        on_time = newest_claim <= events.ingest_ms + self._params.clock_skew_ms
        rows = state.accept(times, accepted.texts("event_id"), on_time)
        if len(rows) < len(times):
            accepted, times = accepted.take(rows), times[rows]
        coded = self._rate(events.flow, accepted, times)
        told = Told()
        if self.watch is not None:
            log_ms = events.ingest_ms[rows]
            self._watch_flows(events.flow, accepted, coded, log_ms)
            told = self._told(self.watch.take(events.flow, accepted, log_ms, coded.symbols))
        applied = Applied(
            accepted=accepted,
            times_ms=times,
            coded=coded,
            ahead=np.flatnonzero(~on_time),
            told=told,
        )
        if len(rows):
            told.usage += self._count_usage(events.flow, applied)
        return applied

    def _rate(self, flow: str, accepted: EventColumns, times_ms: Int64Array) -> Coded:
        """Count accepted events by their labels; give the labels back by number."""
        watched = () if self.watch is None else _WATCHED.get(flow, ())
        symbols = tuple(dict.fromkeys((*watched, *SYMBOL_WORDS[flow])))
        coded = self._codes.of(flow, accepted, symbols)
        events = self._flows[flow].events
        place = coded.sector * events.shape[1] + coded.outcome
        events += np.bincount(place, minlength=events.size).reshape(events.shape)
        self.rates.add(times_ms, coded.codes)
        return coded

    def _watch_flows(
        self, flow: str, accepted: EventColumns, coded: Coded, log_ms: Int64Array
    ) -> None:
        """Count accepted events for those who watch the flows."""
        # What was told is final: a record that comes with an earlier log time counts from now.
        self.minutes.add(np.maximum(log_ms, self._told_ms), coded)
        if flow == MSS_MESSAGES:
            self._count_boxes(accepted, coded, log_ms)

    def _count_usage(self, flow: str, applied: Applied) -> Iterable[UsagePart]:
        coded = applied.coded
        self.usage.add(
            applied.times_ms,
            applied.accepted.texts("structure_pid").digests,
            self._codes.places(flow, coded),
            usages_seen(flow, applied.accepted, coded.outcome, coded.symbols),
        )
        self._untold_events += len(applied.times_ms)
        # A month that is about to be forgotten does not wait.
        if self.usage.is_leaving or self._untold_events >= USAGE_EVENTS:
            return self.tell_usage()
        return ()

    def tell_usage(self) -> Iterable[UsagePart]:
        """What this partition's structures did, of the months that changed since it was told last."""
        self._untold_events = 0
        return self.usage.parts(self._partition)

    def _count_boxes(self, accepted: EventColumns, coded: Coded, log_ms: Int64Array) -> None:
        numbers = coded.symbols
        is_read = numbers["direction"] == accepted.symbols("direction").index("READ")
        counted_ms = np.maximum(log_ms, self._told_ms)
        self.minutes.add_boxes(counted_ms, numbers["recipient_box_type"], is_read.astype(np.int64))
        self.boxes.add(log_ms, accepted.texts("recipient_box_pid").digests, is_read)

    def judge(self, verdicts: Sequence[Verdict], log_ms: Int64Array) -> Told:
        """Take analysts' verdicts on accounts, in their topic's order, with their Kafka timestamps."""
        if self.watch is None or not verdicts:
            return Told()
        return self._told(self.watch.judge(verdicts, log_ms))

    def pass_time(self, read_ms: Mapping[str, int]) -> Told:
        """Learn how far flows were read in log time; see `streams.processing.Processor.pass_time`."""
        told = Told() if self.watch is None else self._told(self.watch.pass_time(read_ms))
        now_ms, last_ms = max(read_ms.values(), default=0), self._told_usage_ms
        if last_ms is None or abs(now_ms - last_ms) >= USAGE_STEP_MS:
            self._told_usage_ms = now_ms
            told.usage += self.tell_usage()
        return told

    def finish(self) -> Told:
        """Conclude from everything that waits: a recording has come to its end."""
        told = Told() if self.watch is None else self._told(self.watch.finish(), is_last=True)
        told.usage += self.tell_usage()
        return told

    def _told(self, concluded: Concluded, *, is_last: bool = False) -> Told:
        told = Told(findings=concluded.findings)
        if self.watch is None:
            return told
        open_day = self.watch.open_day
        if concluded.cells or open_day > self._told_day:
            self._told_day = open_day
            cells = np.concatenate([np.zeros(0, CELL), *concluded.cells])
            told.cells.append(ClosedAccountDays(self._partition, open_day, cells))
        heard_ms = self.watch.heard_ms
        # In steps; where the steps fall depends on the slices, hence at the end the rest of one, too.
        is_due = heard_ms // _TELL_EVERY_MS > self._told_ms // _TELL_EVERY_MS
        if is_due or (is_last and heard_ms > self._told_ms):
            has_minute = is_last or heard_ms // MINUTE_MS > self._told_ms // MINUTE_MS
            self._told_ms = heard_ms
            told.cells += self.minutes.messages(self._partition, heard_ms, heard_ms)
            if has_minute:
                told.cells.append(self.boxes.message(self._partition, heard_ms, heard_ms))
        return told

    def _state(self, topic: str) -> FlowState:
        return self._verdicts if topic == VERDICTS else self._flows[topic]

    def count_dead_letter(self, flow: str, reason: str) -> None:
        """Count one record of a flow that was sent to the dead letters."""
        dead = self._state(flow).dead_letters
        dead[reason] = dead.get(reason, 0) + 1

    def skip_to(self, flow: str, next_offset: int) -> None:
        """Note that a flow was read up to an offset, although nothing of it was good."""
        state = self._state(flow)
        state.next_offset = max(state.next_offset, next_offset)

    def next_offset(self, flow: str) -> int:
        """The first offset of a flow that is not applied yet."""
        return self._state(flow).next_offset

    def totals(self) -> dict[str, FlowTotals]:
        """A snapshot of every flow's totals."""
        return {flow: state.totals() for flow, state in self._flows.items()}

    # -- checkpoint -----------------------------------------------------------------------------

    def flush(self) -> tuple[Write, ...]:
        """The changelog writes that make this state durable."""
        header = {
            "format": _FORMAT,
            "departments": self._params.departments,
            "flows": {flow: state.to_json() for flow, state in self._flows.items()},
            "verdicts": self._verdicts.to_json(),
            "told": [self._told_day, self._told_ms],
            "watch": None if self.watch is None else self.watch.to_json(),
        }
        return self._journal.flush(orjson.dumps(header))

    def pending_bytes(self) -> int:
        """About how much the next flush would write."""
        return self._journal.pending_bytes()

    def recover(self, entries: Mapping[bytes, bytes], *, owner: int = 0) -> None:
        """Rebuild from a changelog.

        Raises:
            StateError: a damaged entry, or state of another format or of other departments.
        """
        header_bytes = self._journal.recover(entries, self._check, owner=owner)
        if header_bytes is None:
            return
        header = orjson.loads(header_bytes)
        for flow, state in self._flows.items():
            state.from_json(header["flows"][flow])
            state.ids.recovered(state.watermark.value_ms)
        self.usage.recovered()
        self._verdicts.from_json(header["verdicts"])
        self._told_day, self._told_ms = header["told"]
        if self.watch is not None:
            if header["watch"] is None:
                raise StateError("changelog: written by a worker that watched no accounts")
            self.watch.from_json(header["watch"])

    def _check(self, header_bytes: bytes) -> None:
        header = orjson.loads(header_bytes)
        if header["format"] != _FORMAT:
            raise StateError(f"changelog: state format {header['format']} is not {_FORMAT}")
        if tuple(header["departments"]) != self._params.departments:
            raise StateError(
                "VIGIE_DEPARTMENTS: differs from the one that the state was written with"
            )
