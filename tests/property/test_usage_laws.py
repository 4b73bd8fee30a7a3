"""Usages are counted once each, whatever the flows' cuts and order, crashes and takeovers."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.region_usage import RegionUsage, encode_usage_part
from agents.series import SeriesCodes
from agents.shard import USAGE_STEP_MS, Shard
from agents.usages import UsageRow
from streams.event_time import HOUR_MS
from streams.topics import FLOWS
from tests.support.frames import PARAMS, Event, slice_of
from tests.support.usage_reference import accepted, region_rows

CODES = SeriesCodes(PARAMS.departments)
OCTOBER_MS = 1_759_269_600_000  # 2025-10-01 00:00 in Paris, 22:00 UTC the day before

Stream = list[tuple[str, Event]]
Rows = dict[int, set[UsageRow]]

PLACES = [
    ("ES", "HOPITAL", "59"),
    ("ES", "HOPITAL", "62"),
    ("PSL", "LABO_BIOLOGIE", "59"),
    ("ES", "OFFICINE", "59"),  # a pair that the field does not know
    ("NR", "INCONNU", "NR"),
]
SHAPES = [
    {},
    {"outcome": "FAILURE"},
    {"outcome": "UNKNOWN", "doc_class": "AUTRE", "has_xdm": True, "event": "DISPENSED_FULL"},
    {"operation": "REPLACE", "doc_count": 3, "direction": "READ", "kind": "PRO_PATIENT"},
    {"operation": "DELETE", "direction": "FAILED", "action": "LOGIN_FAIL", "event": "CONSULTED"},
    {"doc_count": 4, "has_xdm": True, "ins_qualified": True, "action": "LOGIN_OK"},
    {"ins_status": "VALI", "auth": "PWD_ONLY", "event": "DISPENSED_PARTIAL", "origin": "PHEV"},
    {"depositor": "PATIENT", "kind": "SYSTEM", "action": "LOGIN_OK", "auth": "PWD_ONLY"},
]


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    """Events of several flows around the turn of a month, in one order of arrival."""
    chosen = draw(
        st.lists(
            st.tuples(
                st.sampled_from(FLOWS),
                st.integers(0, 25),
                # Around both ends of the allowed hour of lateness, over the turn of the month.
                st.integers(-3_000, 3_000),
                st.integers(0, 4),
                st.sampled_from(PLACES),
                st.sampled_from(SHAPES),
                # A bundle of like events, so that minima are reached.
                st.sampled_from([1, 1, 1, 12]),
            ),
            min_size=1,
            max_size=40,
        )
    )
    stream = []
    for flow, number, after_s, structure, (sector, couloir, department), shape, times in chosen:
        event = Event(
            at_ms=OCTOBER_MS + after_s * 1000,
            recorded_ms=OCTOBER_MS + HOUR_MS,
            sector=sector,
            couloir=couloir,
            department=department,
            structure=f"st_{structure}",
        ).but(**shape)
        stream += [(flow, event.but(number=number + 100 * n)) for n in range(times)]
    return stream


cut_lists = st.lists(st.integers(0, 200), max_size=8)


def chunks(stream: Stream, cuts: list[int]) -> list[tuple[str, int, list[Event]]]:
    """The stream as slices: flow, first offset, events; cut where flows change and where told."""
    offsets = dict.fromkeys(FLOWS, 0)
    found: list[tuple[str, int, list[Event]]] = []
    for at, (flow, event) in enumerate(stream):
        if found and found[-1][0] == flow and at not in cuts:
            found[-1][2].append(event)
        else:
            found.append((flow, offsets[flow], [event]))
        offsets[flow] += 1
    return found


def feed(shard: Shard, region: RegionUsage, stream: Stream, cuts: list[int]) -> None:
    """Apply what the shard has not applied yet, and let the region hear what it tells."""
    for number, (flow, first, events) in enumerate(chunks(stream, cuts)):
        done = shard.next_offset(flow)
        if first + len(events) > done:
            rest = events[max(done - first, 0) :]
            applied = shard.apply(slice_of(rest, first_offset=max(first, done), flow=flow))
            hear(region, applied.told.usage)
        if number % 3 == 0:
            hear(region, shard.pass_time({flow: OCTOBER_MS + number * USAGE_STEP_MS}).usage)


def hear(region: RegionUsage, parts: list) -> None:  # type: ignore[type-arg]  # parts of a shard's told
    for part in parts:
        region.take(*encode_usage_part(part))


def rows_of(region: RegionUsage) -> Rows:
    return {month: set(rows) for month in region.months() if (rows := region.rows(month))}


def new_shard(partition: int = 0) -> Shard:
    return Shard(PARAMS, CODES, partition)


@settings(max_examples=80, deadline=None)
@given(stream=streams(), cuts=cut_lists)
def test_the_region_is_told_what_the_definition_counts(stream: Stream, cuts: list[int]) -> None:
    shard, region = new_shard(), RegionUsage()
    feed(shard, region, stream, cuts)
    hear(region, shard.finish().usage)

    assert rows_of(region) == region_rows(accepted(stream))


@settings(max_examples=60, deadline=None)
@given(stream=streams(), order=st.randoms(use_true_random=False), cuts=cut_lists)
def test_it_does_not_matter_how_the_flows_are_mixed(
    stream: Stream, order: object, cuts: list[int]
) -> None:
    queues = {flow: [event for own, event in stream if own == flow] for flow in FLOWS}
    mixed: Stream = []
    while any(queues.values()):
        flow = order.choice([name for name in FLOWS if queues[name]])  # type: ignore[attr-defined]  # a Random
        mixed.append((flow, queues[flow].pop(0)))
    shard, region = new_shard(), RegionUsage()
    feed(shard, region, mixed, cuts)
    hear(region, shard.finish().usage)

    assert rows_of(region) == region_rows(accepted(stream))


@settings(max_examples=60, deadline=None)
@given(stream=streams(), cuts=cut_lists, again=cut_lists, crash=st.integers(0, 300))
def test_who_takes_over_after_a_crash_at_any_write_tells_the_whole(
    stream: Stream, cuts: list[int], again: list[int], crash: int
) -> None:
    """The region goes on with what the first owner told it, which may be more than is durable."""
    shard, region = new_shard(), RegionUsage()
    log: list[tuple[bytes, bytes | None]] = []
    for number in range(0, len(stream), 7):
        feed(shard, region, stream[: number + 7], cuts)
        log.extend(shard.flush())
    entries: dict[bytes, bytes] = {}
    for key, value in log[:crash]:
        if value is None:
            entries.pop(key, None)
        else:
            entries[key] = value

    heir = new_shard()
    heir.recover(entries)
    feed(heir, region, stream, again)
    hear(region, heir.pass_time({FLOWS[0]: OCTOBER_MS + 10**9}).usage)

    assert rows_of(region) == region_rows(accepted(stream))


@settings(max_examples=40, deadline=None)
@given(stream=streams(), cuts=cut_lists)
def test_partitions_add_up_to_the_whole(stream: Stream, cuts: list[int]) -> None:
    region = RegionUsage()
    expected = []
    for partition in range(3):
        own = [(flow, event) for flow, event in stream if int(event.structure[3:]) % 3 == partition]
        expected += accepted(own)
        shard = new_shard(partition)
        feed(shard, region, own, cuts)
        hear(region, shard.finish().usage)

    assert rows_of(region) == region_rows(expected)
