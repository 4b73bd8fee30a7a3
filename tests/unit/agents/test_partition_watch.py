"""What is watched of a partition takes its turns in the order of the log."""

from __future__ import annotations

import numpy as np

from agents.findings import Verdict, VerdictKind
from agents.partition_watch import PartitionWatch
from streams.event_time import DAY_MS
from streams.topics import FLOWS, VERDICTS
from tests.support.care_events import Dealing, frame_of, log_times

NOON_MS = 20_000 * DAY_MS + DAY_MS // 2


def test_a_verdict_waits_for_the_accesses_before_it() -> None:
    watch = PartitionWatch()
    verdict = Verdict(
        finding_id="f",
        verdict=VerdictKind.BENIGN,
        judged_at_ms=NOON_MS + 2,
        structure_pid="nobody",
    )
    watch.judge([verdict], np.array([NOON_MS + 2]))
    one = Dealing(1, at_ms=NOON_MS)
    # Passed by the watermark, too few to be judged at once.
    watch.take(one.flow, frame_of([one]), log_times([one]))
    watch.explainer.watermark.pass_time(dict.fromkeys((*FLOWS, VERDICTS), NOON_MS + DAY_MS))
    other = Dealing(2, at_ms=NOON_MS + DAY_MS)
    watch.take(other.flow, frame_of([other]), log_times([other]))

    assert len(watch.explainer) == 2
    assert len(watch.to_json()["verdicts"]) == 1
    watch.pass_time({})
    assert not watch.to_json()["verdicts"]
