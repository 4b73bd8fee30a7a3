from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.series import SeriesCodes
from agents.shard import Shard
from streams.columns import EventSlice
from streams.event_time import WINDOWS
from tests.support.frames import NOON_MS, PARAMS, Event, slice_of

CODES = SeriesCodes(PARAMS.departments)

events = st.builds(
    Event,
    number=st.integers(0, 60),
    # Around both ends of the allowed hour of lateness, and a little ahead.
    at_ms=st.integers(-4_000, 300).map(lambda s: NOON_MS + s * 1000),
    sector=st.sampled_from(["PSL", "ES"]),
    outcome=st.sampled_from(["SUCCESS", "FAILURE"]),
)
streams = st.lists(events, min_size=1, max_size=60)


def new_shard() -> Shard:
    return Shard(PARAMS, CODES)


def feed(shard: Shard, stream: list[Event], cuts: list[int], start: int = 0) -> None:
    at = start
    for end in [*sorted(c for c in cuts if start < c < len(stream)), len(stream)]:
        if end > at:
            shard.apply(slice_of(stream[at:end], first_offset=at))
        at = end


def everything(shard: Shard) -> object:
    totals = shard.totals()["insi-calls"]
    return (
        totals.events.tolist(),
        (totals.duplicates, totals.late, totals.watermark_ms, shard.next_offset("insi-calls")),
        [shard.rates.window(w, NOON_MS + 400_000).tolist() for w in WINDOWS],
    )


def reference(stream: list[Event]) -> tuple[int, int, int]:
    """Counted, duplicate and late, by the words of the definition, one event at a time."""
    newest, seen = 0, set()
    counted = duplicates = late = 0
    for event in stream:
        newest = max(newest, event.at_ms)
        if event.at_ms < newest - PARAMS.allowed_lateness_ms:
            late += 1
        elif event.number in seen:
            duplicates += 1
        else:
            seen.add(event.number)
            counted += 1
    return counted, duplicates, late


@settings(max_examples=60, deadline=None)
@given(stream=streams)
def test_every_event_is_counted_once_or_late_or_a_duplicate(stream: list[Event]) -> None:
    shard = new_shard()
    feed(shard, stream, [])

    totals = shard.totals()["insi-calls"]
    assert (int(totals.events.sum()), totals.duplicates, totals.late) == reference(stream)


@settings(max_examples=60, deadline=None)
@given(stream=streams, cuts=st.lists(st.integers(0, 60), max_size=8))
def test_the_state_does_not_depend_on_how_the_stream_was_cut(
    stream: list[Event], cuts: list[int]
) -> None:
    whole, pieces = new_shard(), new_shard()
    feed(whole, stream, [])
    feed(pieces, stream, cuts)

    assert everything(whole) == everything(pieces)


@settings(max_examples=60, deadline=None)
@given(
    stream=streams,
    cuts=st.lists(st.integers(0, 60), max_size=8),
    crash=st.integers(0, 200),
    data=st.data(),
)
def test_a_shard_that_crashes_at_any_write_and_is_replayed_ends_in_the_same_state(
    stream: list[Event], cuts: list[int], crash: int, data: st.DataObject
) -> None:
    whole, shard = new_shard(), new_shard()
    feed(whole, stream, [])
    log = []
    at = 0
    for end in [*sorted(c for c in cuts if 0 < c < len(stream)), len(stream)]:
        if end > at:
            shard.apply(slice_of(stream[at:end], first_offset=at))
            log.extend(shard.flush())
        at = end
    survived = log[: min(crash, len(log))]

    recovered = new_shard()
    recovered.recover({key: value for key, value in survived if value is not None})
    start = recovered.next_offset("insi-calls")
    feed(recovered, stream, data.draw(st.lists(st.integers(0, 60), max_size=4)), start)

    assert everything(recovered) == everything(whole)


@settings(max_examples=30, deadline=None)
@given(stream=streams)
def test_a_clock_that_runs_ahead_is_refused_and_moves_no_watermark(stream: list[Event]) -> None:
    normal, disturbed = new_shard(), new_shard()
    feed(normal, stream, [])
    ahead = Event(number=999, at_ms=NOON_MS + 10**9, recorded_ms=NOON_MS + 10**9)
    clean = slice_of([*stream, ahead])
    lied = EventSlice(
        flow=clean.flow,
        events=clean.events,
        offsets=clean.offsets,
        ingest_ms=np.append(clean.ingest_ms[:-1], NOON_MS),
        next_offset=clean.next_offset,
    )
    applied = disturbed.apply(lied)

    assert applied.ahead.tolist() == [len(stream)]
    before, after = normal.totals()["insi-calls"], disturbed.totals()["insi-calls"]
    assert before.events.tolist() == after.events.tolist()
    assert before.watermark_ms == after.watermark_ms
