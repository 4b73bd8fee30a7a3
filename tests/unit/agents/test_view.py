from __future__ import annotations

from dataclasses import replace

from agents.activity import ActivityMarker, code_of, split_marks
from agents.findings import Verdict, VerdictKind
from agents.partition_watch import PartitionWatchParams
from agents.region import ActivityProcessor, RegionCounts
from agents.series import SeriesCodes
from agents.shard import Shard
from agents.source import SourceProcessor
from agents.view import StreamClock, WorkerView
from streams.codec import SliceCodec
from streams.event_time import DAY_MS, HOUR_MS
from streams.own_records import RecordReader
from streams.schemas import Schemas
from streams.topics import ACTIVITY_MARKS, DMP_DEPOSITS, FLOWS, INSI_CALLS
from streams.vocabulary import SECTORS
from tests.support.frames import NOON_MS, PARAMS, Event, frame_of, slice_of
from tests.support.records import FakeRecord

CODES = SeriesCodes(PARAMS.departments)
SCHEMAS = Schemas.load()
CODEC = SliceCodec(SCHEMAS)
READER = RecordReader(SCHEMAS)
NOW_MS = NOON_MS + 5_000


def view_of(
    *events: Event, flow: str = INSI_CALLS
) -> tuple[WorkerView, dict[int, SourceProcessor]]:
    source = SourceProcessor(
        partition=2, codec=CODEC, reader=READER, params=PARAMS, codes=CODES, mark_partitions=1
    )
    applied = source.shard.apply(slice_of(list(events), flow=flow))
    source.confirm(source.checkpoint().token)
    shards = {2: source}
    region = RegionCounts()
    view = WorkerView(
        codes=CODES, shards=shards, region=region, clock=StreamClock(1000), small_cell_min=5
    )
    marks = ActivityMarker().marks(flow, applied.accepted, applied.coded.sector)
    activity = ActivityProcessor(partition=0)
    for offset, (_, value) in enumerate(split_marks(marks, 1)):
        for message in activity.process(ACTIVITY_MARKS, [FakeRecord(offset=offset, value=value)]):
            region.take(message.key, message.value)
    return view, shards


def some(n: int, **changes: object) -> list[Event]:
    return [Event(number=i, actor=f"ac_{i}").but(**changes) for i in range(n)]


def test_a_rate_is_events_per_second_of_its_window() -> None:
    view, _ = view_of(*some(6))

    rates = {row.window: row.events_per_second for row in view.rates(NOW_MS)}
    assert rates["1m"] == 6 / 60
    assert rates["5m"] == 6 / 300
    # The hour starts on a whole minute: it is 3605 seconds long at this moment.
    assert rates["1h"] == 6 / 3605


def test_a_series_once_seen_goes_on_as_zero_and_ends_with_nothing_else() -> None:
    view, _ = view_of(*some(6))
    seen = view.rates(NOW_MS)
    later = view.rates(NOW_MS + 2 * DAY_MS)

    assert [row[:5] for row in later] == [row[:5] for row in seen]
    assert {row.events_per_second for row in later} == {0.0}
    assert view.failure_ratios(NOW_MS + 2 * DAY_MS) == []


def test_failures_are_shares_of_their_sector() -> None:
    failing = Event(number=99, sector="ES", couloir="HOPITAL", outcome="FAILURE")
    view, _ = view_of(*some(6), failing)

    ratios = {(row.sector, row.window): row.ratio for row in view.failure_ratios(NOW_MS)}
    assert ratios["PSL", "1m"] == 0.0
    assert ratios["ES", "1m"] == 1.0


def test_the_mixes_add_up_to_one() -> None:
    events = [
        *some(3),
        *(e.but(number=10 + i, auth="PWD_ONLY", outcome_code="R02") for i, e in enumerate(some(1))),
    ]
    view, _ = view_of(*events)

    auth = {row.auth_method: row.ratio for row in view.auth_ratios(NOW_MS) if row.window == "1m"}
    results = {row.code: row.ratio for row in view.ins_results(NOW_MS) if row.window == "1m"}
    assert (auth["CPS_CARD"], auth["PWD_ONLY"], sum(auth.values())) == (0.75, 0.25, 1.0)
    assert (results["R00"], results["R02"], sum(results.values())) == (0.75, 0.25, 1.0)


def test_ins_statuses_come_from_the_dmp_only() -> None:
    view, _ = view_of(*some(4, ins_status="VALI"), flow=DMP_DEPOSITS)

    statuses = {row.code: row.ratio for row in view.ins_statuses(NOW_MS) if row.window == "1m"}
    assert statuses["VALI"] == 1.0
    assert view.ins_results(NOW_MS) == []


def test_small_cells_are_withheld_on_the_region_s_total() -> None:
    view, _ = view_of(*some(5))

    day, month = view.active(NOW_MS)
    assert (day.window, day.accounts, day.structures) == ("day", 5, None)
    assert (month.window, month.accounts, month.structures) == ("month", 5, None)

    few, _ = view_of(*some(4))
    assert few.active(NOW_MS) == []


def test_active_accounts_are_those_of_the_stream_s_day() -> None:
    view, _ = view_of(*some(6))

    assert {row.window for row in view.active(NOW_MS + DAY_MS)} == {"month"}
    assert {row.window for row in view.active(NOW_MS + 31 * DAY_MS)} == {"previous_month"}
    assert view.active(NOW_MS + 62 * DAY_MS) == []


def test_partitions_show_durable_totals_under_their_labels() -> None:
    view, shards = view_of(*some(3))
    shards[2].shard.apply(slice_of([Event(number=50)], first_offset=3))

    (part,) = view.partitions()
    assert part.partition == 2
    assert part.totals == {(INSI_CALLS, "PSL", "SUCCESS"): 3}
    assert part.watermark_ms == {INSI_CALLS: NOON_MS - PARAMS.allowed_lateness_ms}
    assert part.duplicate_horizon_ms == {INSI_CALLS: PARAMS.allowed_lateness_ms}


def test_watched_account_days_say_how_many_false_findings_to_expect() -> None:
    view, shards = view_of(*some(3))
    (idle,) = view.partitions()
    assert (idle.account_days, idle.expected_false) == (0, 0.0)

    watching = replace(PARAMS, watch=PartitionWatchParams())
    shards[2].shard = Shard(watching, CODES, 2)
    assert shards[2].shard.watch is not None
    shards[2].shard.watch.fusion.watched(20_000)
    (part,) = view.partitions()
    assert (part.account_days, part.expected_false) == (20_000, 2.0)


def test_verdicts_on_nothing_known_show() -> None:
    view, shards = view_of(*some(3))
    watching = replace(PARAMS, watch=PartitionWatchParams())
    shards[2].shard = Shard(watching, CODES, 2)
    assert shards[2].shard.watch is not None
    shards[2].shard.watch.fusion.judge(Verdict("nobody", VerdictKind.BENIGN, NOW_MS))
    (part,) = view.partitions()
    assert (part.verdicts, part.stray_verdicts) == (0, 1)


def test_a_partition_that_leaves_takes_its_rates_along() -> None:
    view, shards = view_of(*some(3))
    assert any(row.events_per_second for row in view.rates(NOW_MS))
    shards.clear()

    assert not any(row.events_per_second for row in view.rates(NOW_MS + 1000))


def test_the_stream_s_clock_is_the_wall_clock_while_traffic_is_live() -> None:
    clock = StreamClock(skew_ms=1000)
    assert clock.now_ms(NOON_MS) == NOON_MS

    clock.observe(NOON_MS - 200, NOON_MS)
    assert clock.now_ms(NOON_MS + 10_000) == NOON_MS + 9_800


def test_one_fast_clock_does_not_empty_the_windows() -> None:
    clock = StreamClock(skew_ms=600_000)
    clock.observe(NOON_MS + 500_000, NOON_MS)

    assert clock.now_ms(NOON_MS + 1) == NOON_MS + 1


def test_a_replay_has_its_own_present_and_goes_on_when_it_falls_silent() -> None:
    clock = StreamClock(skew_ms=1000)
    clock.observe(NOON_MS, NOON_MS + 400 * DAY_MS)
    clock.observe(NOON_MS - 5000, NOON_MS + 400 * DAY_MS + 3)

    assert clock.now_ms(NOON_MS + 400 * DAY_MS + 60_000) == NOON_MS + 60_000


def test_delays_are_measured_from_event_to_count() -> None:
    view, _ = view_of(*some(1))
    times = frame_of(some(3))["occurred_at"].to_numpy()
    view.counted(INSI_CALLS, times, NOON_MS + 2000)

    delays = view.delays()[INSI_CALLS]
    assert (sum(delays.counts), delays.total) == (3, 6.0)


def test_a_source_whose_clock_is_ahead_makes_no_delay_and_takes_none_back() -> None:
    view, _ = view_of(*some(1))
    times = frame_of(some(1))["occurred_at"].to_numpy()
    view.counted(INSI_CALLS, times, NOON_MS + 2000)
    view.counted(INSI_CALLS, times + 60_000, NOON_MS + 3000)

    delays = view.delays()[INSI_CALLS]
    assert (sum(delays.counts), delays.total) == (2, 2.0)


def test_codes_of_kinds_do_not_overlap() -> None:
    assert code_of("account", INSI_CALLS, "PSL") != code_of("structure", INSI_CALLS, "PSL")


def test_the_tempo_has_every_event_in_its_cell_of_each_grain() -> None:
    earlier = Event(number=50, at_ms=NOON_MS - HOUR_MS // 2)
    view, _ = view_of(*some(6), earlier)

    fine, hour, day = view.tempo(NOW_MS)
    place = (FLOWS.index(INSI_CALLS), SECTORS.index("PSL"))
    for grain, events in ((fine, 6), (hour, 7), (day, 7)):
        cells = grain.counts[:, *place]
        ends_ms = grain.start_ms + len(cells) * grain.step_ms
        assert grain.counts.sum() == cells.sum() == events
        assert ends_ms - grain.step_ms <= NOW_MS < ends_ms
    at = (NOON_MS - HOUR_MS // 2 - day.start_ms) // day.step_ms
    assert day.counts[at, *place] == 1


def test_the_tempo_of_a_day_without_events_is_zero_and_not_what_the_ring_held_before() -> None:
    view, _ = view_of(*some(6))
    assert [grain.counts.sum() for grain in view.tempo(NOW_MS + 2 * DAY_MS)] == [0, 0, 0]


def test_a_worker_without_partitions_has_no_tempo() -> None:
    view, shards = view_of(*some(6))
    shards.clear()
    assert [len(grain.counts) for grain in view.tempo(NOW_MS)] == [0, 0, 0]
