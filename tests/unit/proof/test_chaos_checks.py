"""The checks of `make chaos` see what is wrong: each is shown red once."""

from __future__ import annotations

from collections import Counter, deque
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from simulators.encode import varint
from streams.topics import FLOWS
from tests.proof.chaos_table import Outcome, Recovery, percentile, table
from tests.proof.chaos_traffic import Lane, Truth
from tests.proof.chaos_truth import as_severe, compared, in_order, mismatches
from tests.proof.chaos_watch import Watch
from tests.proof.wandering_clock import WanderingClock

if TYPE_CHECKING:
    from pathlib import Path

CELL = (FLOWS[0], "ES", 29_000_000)


def line(**changed: Any) -> dict[str, Any]:
    return {
        "finding_id": "f-1",
        "structure_pid": "s",
        "actor_pid": "a",
        "opened_at": "2026-01-01T00:00:00.000Z",
        "window_start": "2026-01-01T00:00:00.000Z",
        "status": "OPEN",
        "severity": "HIGH",
        "revision": 0,
        "detector": "tail",
    } | changed


def test_totals_differ_where_one_event_lacks_or_is_too_many() -> None:
    sent, came = Truth(Counter({CELL: 3})), Truth(Counter({CELL: 3}))
    assert mismatches(sent, came) == []
    came.counted[CELL] += 1
    came.late[FLOWS[1]] += 1
    assert len(mismatches(sent, came)) == 2


@pytest.mark.parametrize("name", ["actor_pid", "opened_at", "window_start", "status"])
def test_findings_differ_by_who_since_when_and_how_they_stand(name: str) -> None:
    assert compared([line()], [line()]) == []
    (text,) = compared([line()], [line(**{name: "other"})])
    assert name in text


def test_a_finding_that_one_side_lacks_is_told_and_no_pseudonym_is() -> None:
    assert len(compared([line()], [])) == len(compared([], [line()])) == 1
    (text,) = compared([line(actor_pid="acc_1")], [line(actor_pid="acc_2")])
    assert "acc_" not in text


def test_of_a_findings_revisions_the_newest_counts_whatever_their_order() -> None:
    live = [line(revision=1, severity="HIGH"), line(revision=0, severity="LOW", status="RESOLVED")]
    assert compared(live, [line()]) == []
    assert as_severe(live, [line()]) == 1
    assert as_severe(live, [line(severity="LOW")]) == 0


def test_a_recording_has_the_order_of_each_partitions_log_and_kafkas_times() -> None:
    def record(partition: int, timestamp: int, occurred: int) -> Any:
        body = b"\x48" + b"x" * 36 + varint(occurred) + varint(7) + b"rest"
        return SimpleNamespace(partition=partition, timestamp=timestamp, value=b"\0\0\0\0\1" + body)

    records = [[record(0, 1_000, 1), record(0, 900, 2)], [record(1, 950, 3)]]

    assert [body[37:] for body in in_order(records)] == [
        varint(3) + varint(950) + b"rest",
        varint(1) + varint(1_000) + b"rest",
        # Its place in the log counts, not the earlier time that it bears.
        varint(2) + varint(1_000) + b"rest",
    ]


def lanes(**ends: int) -> dict[tuple[str, int], Lane]:
    return {
        (FLOWS[0], 0): Lane(FLOWS[0], 0, deque(), [1.0, 5.0], [10, ends.get("first", 20)]),
        (FLOWS[0], 1): Lane(FLOWS[0], 1, deque(), [1.0, 6.0], [10, ends.get("second", 20)]),
    }


def watch(of: dict[tuple[str, int], Lane], **committed: int) -> Watch:
    kafka = SimpleNamespace(bootstrap="")
    found = Watch(cast("Any", SimpleNamespace(kafka=kafka)), of)
    found.committed = {
        (FLOWS[0], 0): committed.get("first", 20),
        (FLOWS[0], 1): committed.get("second", 20),
    }
    return found


def test_recovered_means_that_every_partition_counted_what_was_sent_since() -> None:
    assert watch(lanes()).recovered(4.0)
    assert not watch(lanes(), second=19).recovered(4.0)
    # Sent and not confirmed: the partition has no leader yet.
    assert not watch(lanes(second=-1)).recovered(4.0)
    # Nothing was sent since to one of them: nothing is known.
    assert not watch(lanes()).recovered(5.5)
    assert not watch(lanes(second=-1)).recovered(7.0)


def test_a_partition_that_stands_still_is_named() -> None:
    assert watch(lanes()).behind() == []
    assert watch(lanes(), second=12).behind() == [f"{FLOWS[0]}/1: 12 of 20"]


def test_the_longest_wait_is_that_of_the_oldest_record_not_counted_confirmed_or_not() -> None:
    def wait(of: dict[tuple[str, int], Lane], **committed: int) -> float:
        found = watch(of, **committed)
        found.note_waits(9.0)
        return found.longest_wait_s

    assert wait(lanes()) == 0.0
    assert wait(lanes(), second=19) == 3.0
    assert wait(lanes(), first=9) == 8.0
    assert wait(lanes(second=-1), second=10) == 3.0


def test_the_table_tells_each_kind_of_act_and_every_miss() -> None:
    outcome = Outcome(1, recoveries=[Recovery(0, "kill", 1.0, 7.5), Recovery(1, "kill", 9.0, 61.5)])
    outcome.miss("61.5 s to recover")
    text = table(outcome)
    assert text.splitlines()[1].split() == ["kill", "2", "7.5", "61.5", "61.5"]
    assert "61.5 s to recover" in text
    assert "nothing missed" not in text
    assert "nothing missed" in table(Outcome(1))


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(n) for n in range(1, 101)]
    assert percentile(values, 0.5) == 50.0
    assert percentile(values, 0.99) == 99.0
    assert percentile([3.0], 0.99) == 3.0


def test_a_wandering_clock_is_off_by_what_its_file_says(tmp_path: Path) -> None:
    off = tmp_path / "off"
    off.write_text("7200")
    clock = WanderingClock(off)
    now_s = clock.time()
    off.write_text("0")
    assert clock.time() == pytest.approx(now_s, abs=1.0)
    clock._look_at_s = 0.0
    assert clock.time() == pytest.approx(now_s - 7_200, abs=1.0)
    assert clock.time_ns() == pytest.approx(clock.time() * 1e9, abs=1e9)
