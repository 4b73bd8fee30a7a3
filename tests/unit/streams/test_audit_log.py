"""Nothing that is audited is sent before its entry is confirmed."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from kafka.errors import KafkaTimeoutError

from agents.findings import VerdictKind
from agents.objectives.declared import Declaration
from agents.verdicts import verdict_on
from streams import audit_log, declarations, verdicts
from streams.audit import Actor, Origin, read_entry
from streams.errors import TransientError
from streams.kafka_access import KafkaAccess
from streams.settings import Settings
from streams.tokens import Role
from streams.topics import AUDIT, DECLARATIONS, VERDICTS
from tests.support.findings import CODEC, FINDING, NOW_MS, READER, view

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ACCESS = KafkaAccess("127.0.0.1:1")
ANALYST = Actor("analyste-3", Role.UNMASK, Origin.PAGE)


class Kafka:
    """What producers send, in order; of one topic it may confirm nothing."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes | None]] = []
        self.confirmed: list[str] = []
        self.broken = ""

    @contextmanager
    def producer(self, *_: Any, **__: Any) -> Iterator[Kafka]:
        yield self

    def partitions_for(self, _topic: str) -> set[int]:
        return {0, 1}

    def send(self, topic: str, value: bytes | None, *_: Any, **__: Any) -> Sent:
        if topic != AUDIT:
            assert self.confirmed[:1] == [AUDIT], "sent before its audit was confirmed"
        self.sent.append((topic, value))
        return Sent(self, topic)


class Sent:
    """A record on its way."""

    def __init__(self, kafka: Kafka, topic: str) -> None:
        self._kafka = kafka
        self._topic = topic

    def get(self, timeout: float) -> None:
        assert timeout > 0
        if self._topic == self._kafka.broken:
            raise KafkaTimeoutError
        self._kafka.confirmed.append(self._topic)


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Kafka:
    made = Kafka()
    for module in (verdicts, declarations, audit_log):
        monkeypatch.setattr(module, "confirming_producer", made.producer)
    return made


def _judge() -> None:
    one = verdict_on(FINDING, VerdictKind.BENIGN, NOW_MS, analyst_pid="analyste-3")
    verdicts.publish_verdict(ACCESS, one, ANALYST, CODEC)


def _declare(*, withdraw: bool = False) -> None:
    one = Declaration("mes_activation_2025", date(2025, 9, 30), "region", "", 1, 2, None, "CNAM")
    declarations.publish_declarations(
        ACCESS, [one, one], CODEC, now_ms=NOW_MS, actor=ANALYST, withdraw=withdraw
    )


def _unmask() -> None:
    desk = verdicts.Desk(Settings(kafka_bootstrap="127.0.0.1:1"), view(FINDING), CODEC)
    shown = asyncio.run(desk.unmask("f-0001", NOW_MS, ANALYST))
    assert (shown.structure, shown.accounts) == ("structure-1", ["actor-1"])


@pytest.mark.parametrize(
    ("act", "told", "then"),
    [
        (_judge, ("VERDICT", "BENIGN", "f-0001", None), [VERDICTS]),
        (_unmask, ("UNMASKING", "ACCOUNT", "f-0001", None), []),
        (_declare, ("DECLARATION", "DECLARED", "", 2), [DECLARATIONS] * 2),
        (lambda: _declare(withdraw=True), ("DECLARATION", "WITHDRAWN", "", 2), [DECLARATIONS] * 2),
    ],
)
def test_an_act_is_noted_and_confirmed_before_it_takes_place(
    kafka: Kafka, act: Callable[[], None], told: tuple[Any, ...], then: list[str]
) -> None:
    act()
    assert [topic for topic, _ in kafka.sent] == [AUDIT, *then]
    entry = read_entry(kafka.sent[0][1], READER)
    assert (entry["act"], entry["detail"], entry["finding_id"], entry["count"]) == told
    assert (entry["who"], entry["role"], entry["origin"]) == ("analyste-3", "UNMASK", "PAGE")
    assert not any(pid in str(entry) for pid in ("actor-1", "structure-1"))


@pytest.mark.parametrize("act", [_judge, _unmask, _declare])
def test_an_act_that_cannot_be_noted_does_not_take_place(
    kafka: Kafka, act: Callable[[], None]
) -> None:
    kafka.broken = AUDIT
    with pytest.raises(TransientError, match="audit: Kafka did not confirm the entry, so nothing"):
        act()
    assert [topic for topic, _ in kafka.sent] == [AUDIT]
