"""The watchdog: what counts as a stall, what counts as a pause, what a reason may say."""

from __future__ import annotations

import asyncio
import time

import pytest

from streams.errors import StateError
from streams.observing import Position, WorkerStatus
from streams.watchdog import EXIT_FAILED, EXIT_STALLED, Watchdog, describe


class Ended:
    """Collects what would have ended the process."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, str]] = []

    def __call__(self, code: int, line: str) -> None:
        self.calls.append((code, line))


def make(status: WorkerStatus) -> tuple[Watchdog, Ended, float]:
    ended = Ended()
    dog = Watchdog(status, stall_timeout_s=60, session_timeout_s=10, end=ended)
    return dog, ended, time.monotonic()


def running(*, lag: int) -> WorkerStatus:
    positions = {("left", 0): Position(next_offset=100, highwater=100 + lag)}
    return WorkerStatus(phase="running", positions=positions)


def tick(dog: Watchdog, now_s: float) -> None:
    dog._ticked_at = now_s


def test_lag_without_progress_is_a_stall() -> None:
    dog, ended, now_s = make(running(lag=5))
    tick(dog, now_s + 59)
    assert dog.check_stall(now_s + 59)
    tick(dog, now_s + 62)
    assert not dog.check_stall(now_s + 62)
    assert ended.calls == [(EXIT_STALLED, "stalled: running, 5 records wait, no progress for 62 s")]


def test_progress_is_no_stall() -> None:
    status = running(lag=5)
    dog, ended, now_s = make(status)
    for step in range(10):
        status.positions["left", 0].next_offset += 1
        status.positions["left", 0].highwater += 1
        tick(dog, now_s + 50 * step)
        assert dog.check_stall(now_s + 50 * step)
    assert ended.calls == []


def test_an_idle_worker_may_stand_still() -> None:
    dog, ended, now_s = make(running(lag=0))
    tick(dog, now_s + 10_000)
    assert dog.check_stall(now_s + 10_000)
    assert ended.calls == []


def test_a_recovery_that_does_not_move_is_a_stall_and_one_that_moves_is_not() -> None:
    status = WorkerStatus(phase="recovering")
    dog, _, now_s = make(status)
    status.recovery_steps += 1
    tick(dog, now_s + 50)
    assert dog.check_stall(now_s + 50)
    tick(dog, now_s + 109)
    assert dog.check_stall(now_s + 109)
    tick(dog, now_s + 112)
    assert not dog.check_stall(now_s + 112)


def test_a_rebalance_gets_the_time_that_the_group_may_take() -> None:
    dog, _, now_s = make(WorkerStatus(phase="rebalancing"))
    tick(dog, now_s + 119)
    assert dog.check_stall(now_s + 119)
    tick(dog, now_s + 121)
    assert not dog.check_stall(now_s + 121)


def test_a_blocked_event_loop_is_a_stall_even_without_lag() -> None:
    dog, ended, now_s = make(running(lag=0))
    assert not dog.check_stall(now_s + 62)
    assert ended.calls[0][0] == EXIT_STALLED
    assert "event loop" in ended.calls[0][1]


def test_a_process_that_stood_still_longer_than_the_session_may_not_write() -> None:
    dog, ended, now_s = make(running(lag=0))
    assert dog.may_write()
    tick(dog, now_s - 11)
    assert not dog.may_write()
    assert ended.calls[0][0] == EXIT_FAILED


def test_the_watching_thread_ends_a_worker_whose_loop_is_blocked() -> None:
    ended = Ended()
    status = running(lag=0)
    dog = Watchdog(status, stall_timeout_s=0.03, session_timeout_s=10, end=ended)

    async def refresh() -> None:
        raise OSError("Kafka is away")

    async def run() -> None:
        watching = asyncio.create_task(dog.run(refresh))
        await asyncio.sleep(0)
        until = time.monotonic() + 5
        while not ended.calls and time.monotonic() < until:
            pass  # the loop is blocked, on purpose
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    asyncio.run(run())
    assert ended.calls[0][0] == EXIT_STALLED
    assert dog._stopped.is_set()


def test_a_reason_never_quotes_what_an_exception_carries() -> None:
    with pytest.raises(ValueError, match="secret") as caught:
        int("secret-pseudonym")
    text = describe(caught.value)
    assert text.startswith("ValueError in ")
    assert "secret" not in text
    assert describe(StateError("changelog: two ends")) == "changelog: two ends"
    assert describe(KeyError("secret")) == "KeyError"
