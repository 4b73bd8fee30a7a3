from itertools import takewhile

from simulators.attacks.catalogue import wanted
from simulators.live import live_events
from simulators.recording import RecordedBatch
from streams.codec import SliceCodec
from streams.schemas import Schemas
from streams.topics import PLATFORM_ACCESSES

NOW_MS = 1_757_930_400_000
SCHEMAS = Schemas.load()


def first_minutes(minutes: float, *attacks: str, after_s: float = 20.0) -> list[RecordedBatch]:
    batches = live_events(
        seed=1,
        start_ms=NOW_MS,
        speed=8.0,
        scale=0.05,
        attacks=[wanted(text) for text in attacks],
        attack_after_s=after_s,
    )
    end_ms = NOW_MS + minutes * 60_000
    return list(takewhile(lambda batch: batch.recorded_ms[-1] < end_ms, batches))


def identity_reads(batches: list[RecordedBatch]) -> dict[str, list[int]]:
    """When each account read identity sheets over the API."""
    codec = SliceCodec(SCHEMAS)
    found: dict[str, list[int]] = {}
    for batch in batches:
        if batch.flow != PLATFORM_ACCESSES:
            continue
        frame = codec.decode(batch.flow, batch.values).frame
        for row in frame.to_dicts():
            if (row["action"], row["access_channel"]) == ("READ_IDENTITY", "API"):
                found.setdefault(row["actor_pid"], []).append(row["occurred_at"])
    return found


def test_an_attack_begins_so_many_seconds_after_the_start_at_full_pace() -> None:
    reads = identity_reads(first_minutes(2.5, "predice:identities=7353"))

    attackers = {actor: times for actor, times in reads.items() if len(times) > 50}
    assert len(attackers) == 2
    for times in attackers.values():
        assert NOW_MS + 20_000 <= min(times) < NOW_MS + 25_000
        # 7353 in six hours, watched eight times as fast, for two minutes.
        assert 250 < len(times) < 400


def test_without_an_attack_nobody_reads_identities_like_that() -> None:
    assert all(len(times) < 30 for times in identity_reads(first_minutes(2.5)).values())
