"""Laws of slices: nothing is lost or reordered, and no commit passes what is in flight."""

from __future__ import annotations

import asyncio

from faust.types import TP
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.shells import ProcessorGroup
from streams.slices import SliceScheduler
from tests.support.fake_transport import FakeRecord, deliver, slice_app
from tests.support.tally_worker import TallyProcessor

TOPICS = ("left", "right", "plain")
fetches = st.dictionaries(
    st.builds(TP, st.sampled_from(TOPICS), st.integers(0, 3)),
    st.lists(st.integers(0, 10_000), unique=True, max_size=40).map(sorted),
)


@given(fetches, st.integers(1, 15))
def test_slices_hold_every_record_of_a_fetch_once_and_in_order(
    fetch: dict[TP, list[int]], size: int
) -> None:
    scheduler = SliceScheduler(frozenset({"left", "right"}), size)
    given_records = {
        tp: [FakeRecord(tp.topic, tp.partition, offset) for offset in offsets]
        for tp, offsets in fetch.items()
    }
    seen: dict[TP, list[int]] = {tp: [] for tp in fetch}
    for tp, found in scheduler.iterate(given_records):
        one = [found] if tp.topic == "plain" else list(found)
        assert 1 <= len(one) <= size
        seen[tp].extend(record.offset for record in one)
    assert seen == fetch


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_commits_follow_the_settled_run_whatever_the_order_of_acknowledgements(
    sizes: list[int], random: object
) -> None:
    async def run() -> None:
        consumer = slice_app((ProcessorGroup(("left",), "tally", TallyProcessor),)).consumer
        tp = TP("left", 0)
        consumer._thread.assigned = {tp}
        messages, offset = [], 0
        for size in sizes:
            messages.append(deliver(consumer, tp, offset, offset + size))
            offset += size + 1  # a gap between slices
        order = list(messages)
        random.shuffle(order)  # type: ignore[attr-defined]
        for message in order:
            message.ack(consumer)
            await consumer.commit()
            settled = [m.next_offset for m in messages if m.settled]
            unsettled = [m.next_offset for m in messages if not m.settled]
            bound = min(unsettled, default=offset)
            expected = max((n for n in settled if n < bound), default=None)
            assert consumer._thread.committed.get(tp) == expected

    asyncio.run(run())
