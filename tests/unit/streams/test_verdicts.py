from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from agents.findings import Verdict, VerdictKind
from streams import verdicts
from streams.audit import Actor, Origin
from streams.errors import InputError
from streams.settings import Settings
from streams.tokens import Role
from streams.verdicts import Desk
from tests.support.findings import CODEC, NOW_MS, finding, view

if TYPE_CHECKING:
    from streams.codec import SliceCodec
    from streams.kafka_access import KafkaAccess

ANALYST = Actor("analyste-3", Role.ANALYST, Origin.PAGE)
NOBODY = Actor("", None, Origin.API)
SETTINGS = Settings(kafka_bootstrap="127.0.0.1:1")


def test_a_verdict_from_the_page_names_whom_the_finding_is_about(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[tuple[str, Verdict]] = []

    def publish(access: KafkaAccess, verdict: Verdict, actor: Actor, _: SliceCodec) -> None:
        assert actor in (ANALYST, NOBODY)
        sent.append((access.bootstrap, verdict))

    monkeypatch.setattr(verdicts, "publish_verdict", publish)
    several = view(finding(), finding(finding_id="flow", structure_pid=None, actor_pid=None))

    async def judge() -> None:
        desk = Desk(SETTINGS, several, CODEC)
        await desk.judge("f-0001", "CONFIRMED", NOW_MS, ANALYST)
        await desk.judge("flow", "BENIGN", NOW_MS + 1, NOBODY)

    asyncio.run(judge())
    confirmed, benign = VerdictKind.CONFIRMED, VerdictKind.BENIGN
    assert sent == [
        (
            "127.0.0.1:1",
            Verdict("f-0001", confirmed, NOW_MS, "analyste-3", "structure-1", "actor-1"),
        ),
        ("127.0.0.1:1", Verdict("flow", benign, NOW_MS + 1)),
    ]


def test_a_finding_that_was_forgotten_meanwhile_is_not_judged() -> None:
    with pytest.raises(InputError, match="not known any more"):
        asyncio.run(Desk(SETTINGS, view(), CODEC).judge("f-0001", "BENIGN", NOW_MS, NOBODY))


def test_a_kafka_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.confirmed._CONNECT_MS", 200)
    with pytest.raises(InputError, match="no Kafka answers"):
        asyncio.run(
            Desk(SETTINGS, view(finding()), CODEC).judge("f-0001", "BENIGN", NOW_MS, NOBODY)
        )
