"""A Kafka that asks for TLS and a password: least rights suffice, fewer are named in one line."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.request
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import TopicAuthorizationFailedError

from simulators.publish import replay
from simulators.recording import simulate_to_directory
from streams.acls import ROLES
from streams.audit import read_entry
from streams.errors import InputError
from streams.kafka_access import kafka_access
from streams.settings import Settings
from streams.tokens import digest_of
from streams.topic_admin import ensure_topics
from streams.topics import AUDIT, FINDINGS
from tests.support.findings import READER, finding, kept
from tests.support.servers_kafka_secure import SecureKafka
from tests.support.servers_worker import COMMAND, Worker, counted

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.system

PARTITIONS = 2
REFUSED_WITHIN_S = 120.0
TOKEN = "vigie_" + "lighthouse" * 4
SHEET = """indicateur;mois;portee;numerateur;denominateur;taux;source
laboratoires_visites;2025-10;REGION;190;215;;relevé d'octobre
"""


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    with SecureKafka(tmp_path_factory.mktemp("secure") / "kafka") as kafka:
        yield kafka


@pytest.fixture(scope="module")
def settings(kafka: SecureKafka) -> Settings:
    """Settings with which the administrator has made the topics."""
    plain = Settings(kafka_bootstrap=kafka.bootstrap, partitions=PARTITIONS)
    admin = _as(plain, kafka.user("admin", ROLES["administrator"](plain)))
    assert not [state for state in ensure_topics(admin, create=True) if state.differences]
    return plain


@pytest.fixture(scope="module")
def known(kafka: SecureKafka, settings: Settings) -> dict[str, str]:
    """How a worker comes that has every right it needs and no other."""
    return kafka.user("vigie", ROLES["worker"](settings))


def _as(settings: Settings, user: dict[str, str]) -> Settings:
    changes: dict[str, Any] = user
    return replace(settings, **changes)


def _run(tmp_path: Path, user: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    """The command `vigie`, run by this user."""
    values = user | {"partitions": str(PARTITIONS), "http_port": "0"}
    env = {"PATH": os.environ["PATH"]} | {f"VIGIE_{k.upper()}": v for k, v in values.items()}
    return subprocess.run(
        (COMMAND[0], *command),
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=REFUSED_WITHIN_S,
        check=False,
    )


def _refused(tmp_path: Path, user: dict[str, str]) -> str:
    """The one line with which a worker of this user ends."""
    ended = _run(tmp_path, user, "worker")
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    return line


def test_least_rights_count_what_a_producer_with_least_rights_sends(
    tmp_path: Path, kafka: SecureKafka, settings: Settings, known: dict[str, str]
) -> None:
    edge = _as(settings, kafka.user("edge", ROLES["producer"](settings)))
    recorded = tmp_path / "day"
    made = simulate_to_directory(
        directory=recorded, start=date(2025, 9, 2), days=1, seed=1, scale=0.02
    )
    bootstrap = known["kafka_bootstrap"]
    with Worker(tmp_path, "worker", bootstrap=bootstrap, partitions=PARTITIONS, **known) as worker:
        worker.wait_ready()
        assert replay(directory=recorded, access=kafka_access(edge), speed=0).total == made.total
        worker.process.until(
            lambda: sum(counted(worker).values()) == made.total,
            timeout_s=180.0,
            what="counting everything",
        )
    password = Path(known["kafka_password_file"]).read_text()
    assert password not in (tmp_path / "worker.log").read_text()


def test_each_other_role_does_what_it_is_there_for_and_no_more(
    tmp_path: Path, kafka: SecureKafka, settings: Settings
) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(SHEET)
    analyst = kafka.user("analyst", ROLES["analyst"](settings))
    declarer = kafka.user("declarer", ROLES["declarer"](settings))
    for user, *command in (
        (analyst, "findings", "list"),
        (declarer, "declare", str(sheet)),
        (analyst, "objectives"),
    ):
        done = _run(tmp_path, user, *command)
        assert done.returncode == 0, (command, done.stderr)
    refused = _run(tmp_path, analyst, "declare", str(sheet))
    assert refused.returncode != 0
    assert "TopicAuthorizationFailed" in refused.stderr


def test_who_judges_and_who_sees_whom_is_noted_first_for_an_auditor_alone(
    tmp_path: Path, kafka: SecureKafka, settings: Settings
) -> None:
    _find(kafka, "f-0001", "f-0002")
    analyst = kafka.user("ana", ROLES["analyst"](settings))
    lifter = kafka.user("lia", ROLES["unmask"](settings))
    blind = [right for right in ROLES["unmask"](settings) if right.name != AUDIT]
    for user, *command in (
        (analyst, "findings", "judge", "f-0001", "benign"),
        (analyst, "findings", "show", "f-0002", "--unmask"),
        (lifter, "findings", "patients", "f-0002"),
    ):
        done = _run(tmp_path, user, *command)
        assert done.returncode == 0, (command, done.stderr)
        assert ("actor-1" in done.stdout) is ("--unmask" in command)

    # Nobody names patients without the right to read the flows, or without the audit.
    for user in (analyst, kafka.user("eve", blind)):
        refused = _run(tmp_path, user, "findings", "patients", "f-0001")
        assert refused.returncode != 0
        assert refused.stdout == ""

    auditor = _as(settings, kafka.user("auditor", ROLES["auditor"](settings)))
    told = [
        (entry["who"], entry["act"], entry["detail"], entry["finding_id"], entry["origin"])
        for entry in _audit(auditor)
        if entry["who"] in {"ana", "lia", "eve"}
    ]
    assert told == [
        ("ana", "VERDICT", "BENIGN", "f-0001", "COMMAND"),
        ("ana", "UNMASKING", "ACCOUNT", "f-0002", "COMMAND"),
        ("lia", "UNMASKING", "PATIENTS", "f-0002", "COMMAND"),
        # What Kafka refused afterwards was noted all the same.
        ("ana", "UNMASKING", "PATIENTS", "f-0001", "COMMAND"),
    ]
    with pytest.raises(TopicAuthorizationFailedError):
        _audit(_as(settings, analyst))


def _find(kafka: SecureKafka, *names: str) -> None:
    """Findings as if a worker had concluded them."""
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
    for name in names:
        one = kept(finding(finding_id=name))
        producer.send(FINDINGS, one.value, one.key, partition=0).get(timeout=10)
    producer.close()


def _audit(settings: Settings) -> list[dict[str, Any]]:
    """Every entry, as this user reads it."""
    consumer = KafkaConsumer(**kafka_access(settings).options(), consumer_timeout_ms=3_000)
    try:
        place = TopicPartition(AUDIT, 0)
        consumer.assign([place])
        consumer.seek_to_beginning(place)
        return [read_entry(record.value, READER) for record in consumer]
    finally:
        consumer.close()


def test_a_page_that_others_reach_opens_by_token_and_its_acts_are_audited(
    tmp_path: Path, kafka: SecureKafka, settings: Settings, known: dict[str, str]
) -> None:
    _find(kafka, "f-0003")
    tokens, secret = tmp_path / "tokens", digest_of(TOKEN)
    line = _refused(tmp_path, known | {"http_host": "0.0.0.0"})  # noqa: S104 (it is refused)
    assert line.startswith("vigie: VIGIE_TOKENS_FILE: required, since VIGIE_HTTP_HOST=0.0.0.0")
    tokens.write_text(f"lia-page unmask {secret}\n")
    tokens.chmod(0o640)
    given = known | {"tokens_file": str(tokens)}
    bootstrap = given.pop("kafka_bootstrap")
    with Worker(tmp_path, "worker", bootstrap=bootstrap, partitions=PARTITIONS, **given) as worker:
        worker.wait_ready()
        path = "/api/findings/f-0003/account"
        assert _asked(worker, path, "vigie_wrong")[0] == 401
        worker.process.until(
            lambda: _asked(worker, path, TOKEN)[0] == 200,
            timeout_s=120.0,
            what="reading the findings",
        )
        assert _asked(worker, path, TOKEN) == (
            200,
            {"structure": "structure-1", "accounts": ["actor-1"]},
        )
    entry = _audit(_as(settings, kafka.user("auditor-2", ROLES["auditor"](settings))))[-1]
    assert (entry["who"], entry["role"], entry["origin"]) == ("lia-page", "UNMASK", "API")
    log = (tmp_path / "worker.log").read_text()
    assert not any(word in log for word in (TOKEN, secret, "actor-1", "structure-1", "lia-page"))


def _asked(worker: Worker, path: str, token: str) -> tuple[int, Any]:
    headers = {"X-Vigie": "1", "Content-Type": "application/json"}
    request = urllib.request.Request(
        f"http://127.0.0.1:{worker.port}{path}",
        b'{"audited": true}',
        headers | {"Authorization": f"Bearer {token}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 (loopback)
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, None


def test_who_may_only_write_flows_makes_no_topic(kafka: SecureKafka, settings: Settings) -> None:
    curious = _as(settings, kafka.user("curious", ROLES["producer"](settings)))
    with pytest.raises(InputError, match="refuses to create it: TopicAuthorizationFailed"):
        ensure_topics(replace(curious, group_id="other"), create=True)


def test_a_wrong_password_is_told_and_not_shown(tmp_path: Path, known: dict[str, str]) -> None:
    wrong = tmp_path / "password"
    wrong.write_text("not-the-password")
    line = _refused(tmp_path, known | {"kafka_password_file": str(wrong)})
    assert line.startswith("vigie: VIGIE_KAFKA_USERNAME: Kafka at ")
    assert line.endswith(" refuses this name and password")
    assert "not-the-password" not in line


def test_a_server_that_nobody_vouches_for_is_not_spoken_to(
    tmp_path: Path, known: dict[str, str]
) -> None:
    line = _refused(tmp_path, known | {"kafka_ca_file": ""})
    assert "VIGIE_KAFKA_CA_FILE: nobody in it vouches for the certificate" in line


@pytest.mark.parametrize(
    ("name", "operation", "told"),
    [
        (
            "insi-calls",
            "READ",
            "insi-calls: no such topic in Kafka, or none that this user may see",
        ),
        ("vigie", "READ", "group vigie: Kafka does not allow this worker to READ"),
        ("findings", "WRITE", "topic findings: Kafka does not allow this worker to WRITE"),
        ("audit", "WRITE", "audit: no such topic in Kafka, or none that this user may see"),
        ("dead-letters", "WRITE", "dead-letters: no such topic in Kafka, or none that this user"),
        (
            "vigie-source-changelog",
            "WRITE",
            "topic vigie-source-changelog: Kafka does not allow this worker to WRITE",
        ),
    ],
)
def test_a_worker_without_one_of_its_rights_says_which(
    *,
    tmp_path: Path,
    kafka: SecureKafka,
    settings: Settings,
    name: str,
    operation: str,
    told: str,
) -> None:
    rights = [
        replace(right, operations=tuple(o for o in right.operations if o != operation))
        if right.name == name
        else right
        for right in ROLES["worker"](settings)
    ]
    line = _refused(tmp_path, kafka.user(f"without-{name}", rights))
    assert line.startswith(f"vigie: {told}")
