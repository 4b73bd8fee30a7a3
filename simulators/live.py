"""The region's traffic without end, for the demo.

Its own process: `python -m simulators.live SERVERS SPEED SEED [ATTACK…]`.

Simulated time runs `speed` times as fast as the clock and every event is stamped with the wall time
of its moment, so a day's rhythm is watched in hours and rates are `speed` times the region's. Attacks
begin some seconds after the start, whatever their dates.
"""

from __future__ import annotations

import signal
import sys
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from simulators.attacks.catalogue import Wanted, wanted
from simulators.attacks.scenario import Scenario
from simulators.batches import BatchEncoder, in_windows
from simulators.calendar import SUNDAY, is_public_holiday, midnight_ms
from simulators.events import Events
from simulators.pacing import Pace, window_ms
from simulators.produced import Produced
from simulators.publish import Publisher
from simulators.traffic import RegionTraffic
from streams.errors import InputError, TransientError
from streams.event_time import HOUR_MS, PARIS, SECOND_MS
from streams.kafka_access import KafkaAccess
from streams.schemas import Schemas

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from simulators.recording import RecordedBatch

_OPENING_HOUR: Final = 9
_DAYS_AT_A_TIME: Final = 366
_ARGUMENTS: Final = 4

DECLARE_EVERY_MS: Final = 15_000
"""Wall time between two declarations of what the region has produced."""

ATTACK_AFTER_S: Final = 45.0
"""Wall time from the start to the attacks: long enough to see the region at peace first."""

AT_ITS_WORST: Final = {"predice": "predice:identities=7353"}
"""Attacks as they are watched when nothing else is said: in minutes instead of days."""


def live_events(
    *,
    seed: int,
    start_ms: int,
    speed: float,
    scale: float = 1.0,
    attacks: Sequence[Wanted] = (),
    attack_after_s: float = ATTACK_AFTER_S,
    produced: Produced | None = None,
) -> Iterator[RecordedBatch]:
    """Small batches for ever, from a working day's opening hour on.

    Args:
        seed: any integer.
        start_ms: wall time of the first event, milliseconds UTC.
        speed: simulated seconds per second, above 0.
        scale: size relative to the region.
        attacks: attacks and look-alikes that take place, from the first day on.
        attack_after_s: wall time from the start before which no attack acts.
        produced: learns of every event before it is given out.

    Yields:
        Batches whose `recorded_ms` is the wall time at which they are due, ascending in steps of a
        quarter of a second.
    """
    if not 0 < speed < float("inf"):
        raise InputError(f"speed: must be above 0, not {speed}")
    first_day = working_day(start_ms)
    origin_ms = midnight_ms(first_day) + _OPENING_HOUR * HOUR_MS
    # A second run of the same seed is other events: its ids must not be taken for duplicates.
    encoder = BatchEncoder(Schemas.load(), seed, run=start_ms)
    traffic = RegionTraffic(seed, scale)
    begin_ms = origin_ms + int(attack_after_s * speed * SECOND_MS)
    begin_day = datetime.fromtimestamp(begin_ms / 1000, tz=UTC).astimezone(PARIS).date()
    dated = [replace(one, start=begin_day) for one in attacks]
    scenario = Scenario(dated, traffic, first_day, _DAYS_AT_A_TIME, begin_ms)
    day = first_day
    while True:
        tables = traffic.recorded(day, _DAYS_AT_A_TIME, rewrite=scenario.rewrite)
        for events in in_windows(tables, window_ms(speed)):
            if int(events.columns["recorded_at"][-1]) >= origin_ms:
                stamped = _restamped(events, origin_ms, start_ms, speed)
                if produced is not None:
                    produced.count(stamped)
                yield encoder.batch(stamped)
        day += timedelta(days=_DAYS_AT_A_TIME)


def working_day(at_ms: int) -> date:
    """The day of an instant in Paris, or the next that is no weekend and no public holiday."""
    day = datetime.fromtimestamp(at_ms / 1000, tz=UTC).astimezone(PARIS).date()
    while day.weekday() >= SUNDAY - 1 or is_public_holiday(day):
        day += timedelta(days=1)
    return day


def _restamped(events: Events, origin_ms: int, start_ms: int, speed: float) -> Events:
    columns = dict(events.columns)
    for name in ("occurred_at", "recorded_at"):
        columns[name] = start_ms + ((columns[name] - origin_ms) / speed).astype("int64")
    return Events(events.flow, columns)


def main(bootstrap: str, speed: float, seed: int, attacks: Sequence[str] = ()) -> None:
    """Send the traffic until the process is told to end."""
    pace = Pace(1.0)
    start_ms = time.time_ns() // 1_000_000
    with Publisher(KafkaAccess(bootstrap)) as publisher:
        pace.wait_for(start_ms)
        asked = [wanted(text) for text in attacks]
        produced = Produced(Schemas.load())
        declared_ms = start_ms
        for batch in live_events(
            seed=seed, start_ms=start_ms, speed=speed, attacks=asked, produced=produced
        ):
            now_ms = int(batch.recorded_ms[-1])
            pace.wait_for(now_ms)
            publisher.send(batch)
            if now_ms >= declared_ms + DECLARE_EVERY_MS:
                declared_ms = now_ms
                publisher.send(produced.batch(now_ms))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if len(sys.argv) < _ARGUMENTS:
        sys.exit("usage: python -m simulators.live SERVERS SPEED SEED [ATTACK...]")
    try:
        main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[_ARGUMENTS:])
    except KeyboardInterrupt:
        sys.exit(0)
    except (InputError, TransientError) as error:
        sys.exit(f"vigie: {error}")
