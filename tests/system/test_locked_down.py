"""A Kafka that asks for TLS and a password: least rights suffice, fewer are named in one line."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from simulators.publish import replay
from simulators.recording import simulate_to_directory
from streams.acls import ROLES
from streams.errors import InputError
from streams.kafka_access import kafka_access
from streams.settings import Settings
from streams.topic_admin import ensure_topics
from tests.support.servers_kafka_secure import SecureKafka
from tests.support.servers_worker import COMMAND, Worker, counted

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.system

PARTITIONS = 2
REFUSED_WITHIN_S = 30.0
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
            timeout_s=60.0,
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
