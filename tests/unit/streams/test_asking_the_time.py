"""How far a log was read is told by the brokers' clock, and in a silence somebody asks for it."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import NotEnoughReplicasError
from faust.types import TP

from agents.shells import ProcessorGroup
from streams.app import CLOCK_KEY, create_app
from streams.consumer import SliceConsumerThread
from streams.kafka_clock import KafkaClock
from streams.observing import Position, WorkerStatus
from streams.settings import Settings
from streams.topic_admin import wanted_topics
from tests.support.fake_transport import SETTINGS
from tests.support.tally_worker import TallyProcessor

PLACE = TP("left", 3)
WRONG_BY_MS = 7_200_000


def test_changelogs_are_stamped_by_brokers_so_that_their_confirmations_tell_the_time() -> None:
    changelogs = [one for one in wanted_topics(Settings()) if one.name.endswith("-changelog")]
    assert len(changelogs) == 3
    assert {one.configs["message.timestamp.type"] for one in changelogs} == {"LogAppendTime"}


@pytest.mark.parametrize("wrong_by_ms", [WRONG_BY_MS, -WRONG_BY_MS])
def test_a_worker_whose_clock_is_wrong_knows_how_far_it_has_read(wrong_by_ms: int) -> None:
    def wall_s() -> float:
        return time.time() + wrong_by_ms / 1000

    clock = KafkaClock(wall_s=wall_s)
    clock.hear(SimpleNamespace(timestamp=int(time.time() * 1000), timestamp_type=1))
    stock = SimpleNamespace(
        assignment=lambda: {TopicPartition(*PLACE)},
        last_poll_timestamp=lambda _: int(wall_s() * 1000) - 250,
        highwater=lambda _: 40,
    )
    binding = SimpleNamespace(clock=clock)
    thread: Any = SimpleNamespace(
        app=SimpleNamespace(binding=binding), _ensure_consumer=lambda: stock
    )

    read_until_ms = SliceConsumerThread.read_until_ms(thread, PLACE, 40)

    assert read_until_ms == pytest.approx(time.time() * 1000 - 250, abs=200)
    assert SliceConsumerThread.read_until_ms(thread, PLACE, 39) is None


class FakeProducer:
    """Confirms or refuses what it is given."""

    def __init__(self, answer: object) -> None:
        self.sent: list[tuple[Any, ...]] = []
        self._answer = answer

    async def send(self, *record: Any) -> Any:
        self.sent.append(record)
        told: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        if isinstance(self._answer, Exception):
            told.set_exception(self._answer)
        else:
            told.set_result(self._answer)
        return told


async def _asked(answer: object) -> tuple[FakeProducer, KafkaClock]:
    status = WorkerStatus(
        positions={("unrelated", 0): Position(0, 0), tuple(PLACE): Position(0, 0)}
    )
    clock = KafkaClock()
    groups = (ProcessorGroup(("left",), "tally", TallyProcessor),)
    app = create_app(SETTINGS, groups, status=status, clock=clock)
    producer = FakeProducer(answer)
    app.producer = producer
    await app._ask_the_time()
    return producer, clock


def test_asking_the_time_deletes_what_nobody_wrote_in_a_partition_that_is_held() -> None:
    producer, clock = asyncio.run(_asked(SimpleNamespace(timestamp=5_000, timestamp_type=1)))
    (record,) = producer.sent
    assert record[1:4] == (CLOCK_KEY, None, PLACE.partition)
    assert not clock.is_due


def test_a_kafka_that_does_not_tell_the_time_is_asked_again_later() -> None:
    _, clock = asyncio.run(_asked(NotEnoughReplicasError()))
    assert clock.is_due
    assert clock.now_ms() is None
