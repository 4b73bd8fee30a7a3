"""A publisher that is ended early says nothing of what it did not wait for."""

from __future__ import annotations

import kafka
import pytest
from kafka.errors import KafkaTimeoutError

from simulators.publish import Publisher
from streams.kafka_access import KafkaAccess


class _Unfinished:
    """A producer whose last records are not confirmed yet."""

    def __init__(self, **_: object) -> None:
        pass

    def close(self, timeout: float) -> None:
        raise KafkaTimeoutError(f"Timeout waiting for future after {timeout}")


@pytest.fixture(autouse=True)
def _unfinished(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "KafkaProducer", _Unfinished)


def test_an_interrupt_stays_the_one_thing_that_is_told() -> None:
    with pytest.raises(KeyboardInterrupt), Publisher(KafkaAccess("127.0.0.1:1")):
        raise KeyboardInterrupt


def test_an_orderly_end_tells_what_was_not_confirmed() -> None:
    with pytest.raises(KafkaTimeoutError), Publisher(KafkaAccess("127.0.0.1:1")):
        pass
