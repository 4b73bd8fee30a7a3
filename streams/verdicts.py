"""Publishes verdicts, for the command and for the page: audited first, confirmed before they count."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from agents.findings import VerdictKind, verdict_bytes
from agents.touched_patients import accounts_of
from agents.verdicts import verdict_on
from metrics.views import Unmasked
from simulators.partitions import partition_of
from streams.audit import Act, AuditEntry
from streams.audit_log import note_entry, write_entry
from streams.confirmed import confirming_producer
from streams.errors import InputError
from streams.kafka_access import kafka_access
from streams.topics import VERDICTS

if TYPE_CHECKING:
    from agents.findings import Finding, Verdict
    from agents.findings_view import FindingsView
    from streams.audit import Actor
    from streams.codec import SliceCodec
    from streams.kafka_access import KafkaAccess
    from streams.settings import Settings

_CONFIRM_S: Final = 15.0


def publish_verdict(access: KafkaAccess, verdict: Verdict, actor: Actor, codec: SliceCodec) -> None:
    """Send a verdict to where its structure's events go, and wait until Kafka has confirmed it.

    Kafka confirms the audit's entry of it first.

    Raises:
        EncodeError: a value does not fit the schema.
        InputError: no Kafka answers.
        TransientError: it was not confirmed, or a registry is used and does not answer.
    """
    key, value = verdict.structure_pid.encode(), verdict_bytes(verdict, codec)
    entry = AuditEntry(
        verdict.judged_at_ms, actor, Act.VERDICT, str(verdict.verdict), verdict.finding_id
    )
    with confirming_producer(
        access, client_id="vigie-verdicts", failure="did not confirm the verdict"
    ) as producer:
        write_entry(producer, entry, codec)
        place = partition_of(key, len(producer.partitions_for(VERDICTS)))
        producer.send(VERDICTS, value, key, partition=place).get(timeout=_CONFIRM_S)


class Desk:
    """Takes verdicts from the page and names whom a finding is about; see `metrics.web_findings.Desk`.

    A producer is made for each act: there are few, and none that idles for weeks can have lost its
    connection. It works in a thread of its own, so that the worker's loop goes on meanwhile.

    Args:
        settings: which Kafka.
        findings: the present findings, which know whom a finding is about.
        codec: writes the record.
    """

    def __init__(self, settings: Settings, findings: FindingsView, codec: SliceCodec) -> None:
        self._settings = settings
        self._findings = findings
        self._codec = codec
        self._one_at_a_time = asyncio.Lock()

    async def judge(self, finding_id: str, verdict: str, now_ms: int, actor: Actor) -> None:
        """Publish a verdict on a known finding, and wait until Kafka has confirmed it.

        Raises:
            InputError: the finding is not known any more, or no Kafka answers.
            TransientError: it was not confirmed.
        """
        one = verdict_on(
            self._known(finding_id), VerdictKind(verdict), now_ms, analyst_pid=actor.name or None
        )
        async with self._one_at_a_time:
            await asyncio.to_thread(
                publish_verdict, kafka_access(self._settings), one, actor, self._codec
            )

    async def unmask(self, finding_id: str, now_ms: int, actor: Actor) -> Unmasked:
        """Whom a finding is about, once Kafka has confirmed the audit's entry of it.

        Raises:
            InputError: the finding is not known any more, or no Kafka answers.
            TransientError: the entry was not confirmed.
        """
        finding = self._known(finding_id)
        entry = AuditEntry(now_ms, actor, Act.UNMASKING, "ACCOUNT", finding_id)
        async with self._one_at_a_time:
            await asyncio.to_thread(note_entry, kafka_access(self._settings), entry, self._codec)
        return Unmasked(finding.structure_pid, list(accounts_of(finding)))

    def _known(self, finding_id: str) -> Finding:
        finding = self._findings.named(finding_id)
        if finding is None:
            raise InputError("the finding is not known any more")
        return finding
