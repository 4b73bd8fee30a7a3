"""What the worker concludes of accounts follows from the logs alone, whatever reads them and when."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from agents.account_history import history_of
from agents.findings import Verdict, VerdictKind
from agents.left_out import LeftOutAccount
from agents.partition_watch import PartitionWatchParams
from agents.patient_sets import EXACT
from agents.series import SeriesCodes
from agents.shard import Shard, ShardParams
from streams.columns import EventSlice
from streams.event_time import DAY_MS, HOUR_MS
from streams.topics import FLOWS, VERDICTS
from tests.support.frames import WATCHING
from tests.support.small_region import small_region

if TYPE_CHECKING:
    import polars as pl

    from agents.finding_history import FindingHistory
    from agents.findings import Finding
    from agents.region_cells import RegionCell

CODES = SeriesCodes(WATCHING.departments)
REGION = small_region("fast-harvest@2025-09-09")


class Reader:
    """One partition that reads everything, and what it tells."""

    def __init__(self, params: ShardParams = WATCHING) -> None:
        self.shard = Shard(params, CODES)
        self.findings: list[Finding] = []
        self.cells: list[RegionCell] = []
        self.entries: dict[bytes, bytes] = {}

    def take(self, flow: str, frame: pl.DataFrame) -> None:
        first = self.shard.next_offset(flow)
        told = self.shard.apply(
            EventSlice(
                flow=flow,
                events=frame,
                offsets=np.arange(first, first + frame.height),
                ingest_ms=frame["recorded_at"].to_numpy(),
                next_offset=first + frame.height,
            )
        ).told
        self.findings += told.findings
        self.cells += told.cells

    def pass_time(self, until_ms: int) -> None:
        told = self.shard.pass_time(dict.fromkeys((*FLOWS, VERDICTS), until_ms))
        self.findings += told.findings
        self.cells += told.cells

    def judge(self, verdict: Verdict, log_ms: int) -> None:
        self.findings += self.shard.judge([verdict], np.array([log_ms])).findings

    def finish(self) -> None:
        self.findings += self.shard.finish().findings

    def crash(self) -> None:
        """Go on from the changelog alone."""
        for key, value in self.shard.flush():
            if value is None:
                self.entries.pop(key, None)
            else:
                self.entries[key] = value
        self.shard = Shard(WATCHING, CODES)
        self.shard.recover(self.entries, owner=1)


def read(window_ms: int, *, crash_every: int = 0, turn: bool = False) -> Reader:
    reader = Reader()
    for number, (end_ms, parts) in enumerate(REGION.windows(window_ms), 1):
        for place, (flow, frame) in enumerate(reversed(parts) if turn else parts):
            reader.take(flow, frame)
            # Also between a slice and the word that it can be judged.
            if crash_every and (number + place) % crash_every == 0:
                reader.crash()
        reader.pass_time(end_ms)
        if crash_every and number % crash_every == 0:
            reader.crash()
    reader.finish()
    return reader


def told(findings: list[Finding]) -> list[tuple[str, int, str, int]]:
    """What must be the same in every run: who, since when, and how it stands.

    Not which detector leads: a slice's strongest evidence is told, and slices differ.
    """
    last = {one.finding_id: one for one in findings}
    return sorted(
        (one.finding_id, one.opened_at_ms or 0, str(one.status), one.window_start_ms)
        for one in last.values()
    )


def closed_days(reader: Reader) -> dict[str, FindingHistory | None]:
    """Every account's series up to the last closed day, by the account's pseudonyms."""
    watch = reader.shard.watch
    assert watch is not None
    return {
        f"{account.structure_pid}/{account.actor_pid}/{account.surface}": history_of(
            watch.watch, row, watch.open_day - 1
        )
        for row, account in enumerate(watch.accounts[row] for row in range(len(watch.accounts)))
    }


def assert_alike(one: FindingHistory | None, other: FindingHistory | None) -> None:
    """The same series; beyond `EXACT` patients in 24 hours a count is an estimate."""
    if one is None or other is None or max(one.observed) <= EXACT:
        assert one == other
        return
    assert replace(one, observed=(), unexplained=()) == replace(other, observed=(), unexplained=())
    for count, again in zip(one.observed, other.observed, strict=True):
        assert count == pytest.approx(again, rel=0.05 if again > EXACT else 0)


WHOLE = read(HOUR_MS)


def test_the_attack_is_found_and_nobody_else_is_accused() -> None:
    assert {one.actor_pid for one in WHOLE.findings} == REGION.actors


@pytest.mark.parametrize(
    ("window_ms", "crash_every", "turn"),
    [(20 * 60_000, 0, True), (HOUR_MS, 31, False), (3 * HOUR_MS, 4, True), (DAY_MS, 1, False)],
)
def test_cuts_order_and_crashes_change_no_finding(
    window_ms: int, crash_every: int, turn: bool
) -> None:
    other = read(window_ms, crash_every=crash_every, turn=turn)

    assert told(other.findings) == told(WHOLE.findings)
    theirs, ours = closed_days(other), closed_days(WHOLE)
    assert theirs.keys() == ours.keys()
    for name, series in theirs.items():
        assert_alike(series, ours[name])


def test_a_finding_shows_what_its_account_did_and_at_most_its_present_day_is_under_way() -> None:
    final = closed_days(WHOLE)
    for one in WHOLE.findings:
        assert one.history is not None
        assert one.history.starts_ms()[-1] < one.detected_at_ms
        whole = [
            dict(zip(own.starts_ms(), own.observed, strict=True))
            for name, own in final.items()
            if own is not None and name.startswith(f"{one.structure_pid}/{one.actor_pid}/")
        ]
        shown = dict(zip(one.history.starts_ms(), one.history.observed, strict=True))
        now_ms = max(shown)
        assert any(
            all(shown[at_ms] == own.get(at_ms) for at_ms in shown if at_ms < now_ms)
            and shown[now_ms] <= own.get(now_ms, shown[now_ms])
            for own in whole
        )
    assert any(max(one.history.observed) > 200 for one in WHOLE.findings if one.history)


def test_a_verdict_takes_its_place_in_the_log_however_late_it_is_read() -> None:
    found = WHOLE.findings[0]
    benign = Verdict(
        finding_id=found.finding_id,
        verdict=VerdictKind.BENIGN,
        judged_at_ms=found.detected_at_ms + HOUR_MS,
        structure_pid=found.structure_pid or "",
        actor_pid=found.actor_pid,
    )
    outcomes = []
    for window_ms in (HOUR_MS, DAY_MS):
        reader = Reader()
        for end_ms, parts in REGION.windows(window_ms):
            if end_ms - window_ms <= benign.judged_at_ms < end_ms:
                reader.judge(benign, benign.judged_at_ms)
            for flow, frame in parts:
                reader.take(flow, frame)
            reader.pass_time(end_ms)
        reader.finish()
        outcomes.append(told(reader.findings))

    assert outcomes[0] == outcomes[1]
    assert (found.finding_id, "BENIGN") in {(one[0], one[2]) for one in outcomes[0]}


def test_an_account_that_is_left_out_raises_no_finding() -> None:
    left_out = tuple(
        LeftOutAccount(one.structure_pid or "", one.actor_pid, 0) for one in WHOLE.findings[:1]
    )
    reader = Reader(replace(WATCHING, watch=PartitionWatchParams(left_out=left_out)))
    for end_ms, parts in REGION.windows():
        for flow, frame in parts:
            reader.take(flow, frame)
        reader.pass_time(end_ms)

    assert reader.findings == []


def test_a_recording_that_runs_ahead_of_the_clock_is_judged_in_its_own_time() -> None:
    reader = Reader()
    clock_ms = REGION.windows()[0][0] - 30 * DAY_MS
    for _, parts in REGION.windows():
        for flow, frame in parts:
            reader.take(flow, frame)
        # Every topic is read to its end, at a wall time long before the records'.
        reader.pass_time(clock_ms)

    assert {one.finding_id for one in reader.findings} == {one.finding_id for one in WHOLE.findings}
