"""Faults of stock Faust that our worker has nothing left of: each is shown, then its absence."""

from __future__ import annotations

import asyncio
import logging
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from faust.topics import Topic
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.transport.producer import ProducerBuffer
from faust.types.tuples import FutureMessage

from agents.shells import ProcessorGroup
from streams import app as our_app
from streams.processing import Outgoing
from tests.support.fake_transport import slice_app, stock_app
from tests.support.tally_worker import TallyProcessor

if TYPE_CHECKING:
    import pytest

GROUP = ProcessorGroup(("left", "right"), "tally", TallyProcessor)


def test_stock_faust_only_logs_a_send_that_failed(caplog: pytest.LogCaptureFixture) -> None:
    """B7. Ours ends the worker: `test_partition_work`, a failed send ends the worker."""

    async def run() -> FutureMessage[Any]:
        app = stock_app("left")
        topic = app.topic("out")
        failed = asyncio.get_running_loop().create_future()
        failed.set_exception(OSError("refused"))
        message: Any = FutureMessage(SimpleNamespace(channel=topic, callback=None))  # type: ignore[arg-type]
        Topic._on_published(topic, failed, message, app.producer, None)
        assert not app.should_stop
        return message

    with caplog.at_level(logging.WARNING):
        message = asyncio.run(run())
    assert isinstance(message.exception(), OSError)
    assert "_on_published error" in caplog.text


def test_a_stock_buffer_past_a_hundred_messages_holds_the_stream_up() -> None:
    """B8: nothing is sent here, and still everybody waits."""

    async def run() -> float:
        buffer = ProducerBuffer()
        buffer.app = SimpleNamespace(conf=SimpleNamespace(producer_threaded=False))
        buffer.flush_atmost = lambda _most: asyncio.sleep(0.01)
        for _ in range(101):
            buffer.put(FutureMessage(SimpleNamespace()))  # type: ignore[arg-type]
        started = asyncio.get_running_loop().time()
        await buffer.wait_until_ebb()
        return asyncio.get_running_loop().time() - started

    assert asyncio.run(run()) >= 0.01


def test_our_sends_never_wait_in_that_buffer() -> None:
    async def run() -> tuple[int, int]:
        app = slice_app((GROUP,))
        sent = []

        async def send(*record: Any) -> None:
            sent.append(record)

        app.producer.send = send
        for number in range(200):
            await app.shell._ports.send(Outgoing("out", None, b"%d" % number))
        return len(sent), app.producer.buffer.size

    assert asyncio.run(run()) == (200, 0)


def test_stock_faust_logs_that_it_stands_still_and_stands_still(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """B20. Ours exits with code 3: `test_watchdog`, lag without progress is a stall."""
    nothing_active = SimpleNamespace(
        _fetcher=SimpleNamespace(
            _subscriptions=SimpleNamespace(subscription=SimpleNamespace(assignment=None))
        )
    )
    thread: Any = SimpleNamespace(
        _ensure_consumer=lambda: nothing_active, time_started=0.0, log=logging.getLogger("stock")
    )

    with caplog.at_level(logging.ERROR):
        stopped = AIOKafkaConsumerThread._verify_aiokafka_event_path(
            thread, 1e6, SimpleNamespace(topic="left", partition=0)
        )

    assert stopped
    assert "No active partitions" in caplog.text


def test_a_dead_thread_ends_our_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """B20: without its consumer thread stock Faust waits for ever."""
    ended: list[tuple[int, str]] = []
    monkeypatch.setattr(our_app, "end_process", lambda *told: ended.append(told))
    monkeypatch.setattr(threading, "excepthook", our_app._end_with_thread)

    def die() -> None:
        raise RuntimeError("secret st_123")

    thread = threading.Thread(target=die, name="consumer")
    thread.start()
    thread.join()

    ((code, line),) = ended
    assert code == 1
    assert line.startswith("consumer died")
    assert "st_123" not in line


def test_only_stock_faust_offers_its_tables_to_whoever_asks() -> None:
    """B24."""

    async def run() -> tuple[Any, Any]:
        return stock_app("left").conf, slice_app((GROUP,)).conf

    stock, ours = asyncio.run(run())
    assert (stock.web_enabled, stock.web_tables_enabled, stock.web_router_enabled) == (True,) * 3
    assert (ours.web_enabled, ours.web_tables_enabled, ours.web_router_enabled) == (False,) * 3
