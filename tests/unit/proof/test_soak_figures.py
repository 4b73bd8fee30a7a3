"""What a soak measures, on events whose latencies are known."""

from __future__ import annotations

import numpy as np
import pytest

from streams.topics import FLOWS
from tests.proof.soak_figures import BIN_MS, Ages, Sent, drift

PARTITIONS = 2
TICK_MS = 100


def shown(sent_until: dict[str, list[int]]) -> dict[str, np.ndarray]:
    return {flow: np.array(sent_until.get(flow, [0] * PARTITIONS), np.int64) for flow in FLOWS}


def scraped(latency_ms: dict[int, int], seconds: int = 60) -> Ages:
    """Scrapes at odd moments of one flow; each partition shows its events as late as told."""
    flow, sent, ages = FLOWS[0], Sent(PARTITIONS), Ages()
    random = np.random.default_rng(1)
    scrapes = np.sort(random.integers(2_000, seconds * 1_000, 10 * seconds)).tolist()
    tick = 0
    for at_ms in scrapes:
        while tick * TICK_MS <= at_ms:
            sent.sent(flow, np.array([10, 10]), tick * TICK_MS)
            tick += 1
        counts = [
            10 * ((at_ms - latency_ms[number]) // TICK_MS + 1) for number in range(PARTITIONS)
        ]
        oldest_ms = ages.observe(sent, shown({flow: counts}), at_ms)
        assert max(latency_ms.values()) - TICK_MS <= oldest_ms < max(latency_ms.values())
    return ages


def test_the_latency_of_every_event_is_found_however_rarely_one_scrapes() -> None:
    ages = scraped({0: 700, 1: 700})
    for share in (0.01, 0.5, 0.99):
        assert ages.quantile_ms(share) == pytest.approx(700, abs=BIN_MS)
    assert ages.longest_ms == pytest.approx(700, abs=BIN_MS)


def test_half_of_the_events_may_be_slower_than_the_others() -> None:
    ages = scraped({0: 300, 1: 1_200})
    assert ages.quantile_ms(0.45) == pytest.approx(300, abs=BIN_MS)
    assert ages.quantile_ms(0.55) == pytest.approx(1_200, abs=BIN_MS)


def test_without_an_event_nothing_is_claimed() -> None:
    ages = Ages()
    assert ages.observe(Sent(PARTITIONS), shown({}), 1_000) == 0
    assert ages.quantile_ms(0.99) == float("inf")


def test_a_book_keeps_what_is_still_asked_for() -> None:
    sent = Sent(PARTITIONS)
    for tick in range(10):
        sent.sent(FLOWS[0], np.array([1]), tick * 1_000)
    times, after, before = sent.recent(FLOWS[0], 7_000)
    assert times.tolist() == [7_000, 8_000, 9_000]
    assert after[:, 0].tolist() == [8, 9, 10]
    assert before[:, 0].tolist() == [7, 8, 9]
    again, _, _ = sent.recent(FLOWS[0], 8_000)
    assert again.tolist() == [8_000, 9_000]
    assert sent.total == 10


def test_memory_that_grows_is_told_and_noise_is_not() -> None:
    steady = [(float(at), 100.0 + 20 * (at % 17 == 0)) for at in range(600)]
    assert drift(steady, 100, 600) == 0
    growing = [(at, size + 0.05 * at) for at, size in steady]
    assert drift(growing, 100, 600) == pytest.approx(0.05 * 480 / 105, rel=0.1)
    assert drift([], 100, 600) == float("inf")
