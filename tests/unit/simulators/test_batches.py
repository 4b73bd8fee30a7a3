import io
from datetime import date
from itertools import islice, pairwise

import fastavro
import pytest

from simulators.batches import BatchEncoder, in_windows
from simulators.live import live_events, working_day
from simulators.recording import Recording, simulate_to_directory
from simulators.traffic import RegionTraffic
from streams.errors import InputError
from streams.event_time import HOUR_MS
from streams.schemas import Schemas
from streams.topics import FLOWS

SCHEMAS = Schemas.load()
START = date(2025, 9, 1)
# Saturday 6 September 2025, 15:00 in Paris.
SATURDAY_MS = 1_757_163_600_000


def test_kafka_is_sent_the_very_values_of_the_recording(tmp_path) -> None:
    simulate_to_directory(directory=tmp_path / "r", start=START, days=2, seed=1, scale=0.01)
    encoder = BatchEncoder(SCHEMAS, 1)
    recorded = {flow: [] for flow in FLOWS}
    sent = {flow: [] for flow in FLOWS}
    for batch in Recording(tmp_path / "r").batches():
        recorded[batch.flow] += zip(batch.keys, batch.values, batch.recorded_ms, strict=True)
    for events in in_windows(RegionTraffic(1, 0.01).recorded(START, 2), HOUR_MS):
        batch = encoder.batch(events)
        sent[batch.flow] += zip(batch.keys, batch.values, batch.recorded_ms, strict=True)

    assert sent == recorded


@pytest.mark.parametrize("most", [7, 4096])
def test_windows_follow_each_other_and_lose_nothing(most: int) -> None:
    days = list(RegionTraffic(1, 0.01).recorded(START, 2))
    windows = list(in_windows(days, 1_800_000, most))

    starts = [int(events.columns["recorded_at"][0]) // 1_800_000 for events in windows]
    assert starts == sorted(starts)
    assert max(map(len, windows)) <= most
    for events in windows:
        recorded = events.columns["recorded_at"]
        assert recorded[0] // 1_800_000 == recorded[-1] // 1_800_000
    assert sum(map(len, windows)) == sum(len(t) for tables in days for t in tables.values())


def test_live_events_are_due_from_now_on_and_stamped_with_the_time_of_their_moment() -> None:
    version = {flow: SCHEMAS.of_flow(flow) for flow in FLOWS}
    due = []
    for batch in islice(live_events(seed=1, start_ms=SATURDAY_MS, speed=8.0, scale=0.1), 200):
        due.append(int(batch.recorded_ms[-1]))
        record = fastavro.schemaless_reader(
            io.BytesIO(batch.values[-1][10:]), version[batch.flow].plain, None
        )
        assert record["recorded_at"] == due[-1]
        assert record["occurred_at"] <= record["recorded_at"]

    assert due[0] < SATURDAY_MS + 60_000
    assert due[-1] > SATURDAY_MS
    assert all(later > earlier - 250 for earlier, later in pairwise(due))


def test_live_events_of_two_starts_have_other_ids() -> None:
    one, other = (
        next(live_events(seed=1, start_ms=start, speed=8.0, scale=0.1)).values[0]
        for start in (SATURDAY_MS, SATURDAY_MS + 1)
    )

    assert one[10:47] != other[10:47]


def test_the_demo_opens_on_a_working_day() -> None:
    assert working_day(SATURDAY_MS) == date(2025, 9, 8)
    assert working_day(SATURDAY_MS - 86_400_000) == date(2025, 9, 5)


@pytest.mark.parametrize("speed", [0.0, -1.0, float("inf"), float("nan")])
def test_a_live_speed_must_be_above_zero(speed: float) -> None:
    with pytest.raises(InputError, match="speed"):
        next(live_events(seed=1, start_ms=SATURDAY_MS, speed=speed))
