from __future__ import annotations

import pytest

from streams.acls import ROLES, Right, commands, worker_rights
from streams.settings import Settings
from streams.topic_admin import wanted_topics
from streams.topics import FLOWS, TOPICS

SETTINGS = Settings(kafka_bootstrap="127.0.0.1:1", group_id="lookout")


def _operations(role: str) -> dict[str, tuple[str, ...]]:
    return {right.name: right.operations for right in ROLES[role](SETTINGS)}


def test_a_worker_touches_every_topic_and_its_group_and_nothing_else() -> None:
    rights = _operations("worker")
    assert set(rights) == {"lookout", *(topic.name for topic in wanted_topics(SETTINGS))}


def test_a_worker_may_not_write_what_it_is_told() -> None:
    rights = _operations("worker")
    assert {rights[flow] for flow in FLOWS} == {("READ",)}
    assert rights["dead-letters"] == ("WRITE",)


def test_nobody_but_the_administrator_may_create_and_the_administrator_reads_nothing() -> None:
    creating = {
        role
        for role in ROLES
        if any("CREATE" in operations for operations in _operations(role).values())
    }
    assert creating == {"administrator"}
    granted = {name for operations in _operations("administrator").values() for name in operations}
    assert not granted & {"READ", "WRITE"}


def test_a_producer_writes_the_flows_alone() -> None:
    assert _operations("producer") == dict.fromkeys(FLOWS, ("WRITE",))


@pytest.mark.parametrize("role", ROLES)
def test_every_topic_that_a_role_names_exists(role: str) -> None:
    changelogs = {f"lookout-{table}-changelog" for table in ("source", "activity", "region")}
    named = {right.name for right in ROLES[role](SETTINGS) if right.kind == "topic"}
    assert named <= {*TOPICS, *changelogs}


def test_rights_are_spelled_as_kafkas_own_tool_takes_them() -> None:
    rights = (
        Right("group", "lookout", ("READ",)),
        Right("topic", "x", ("READ", "DESCRIBE_CONFIGS")),
    )
    assert commands(rights, "User:me") == [
        "--add --allow-principal User:me --group lookout --operation Read",
        "--add --allow-principal User:me --topic x --operation Read --operation DescribeConfigs",
    ]


def test_the_groups_name_reaches_its_changelogs() -> None:
    assert Right("topic", "lookout-source-changelog", ("READ", "WRITE")) in worker_rights(SETTINGS)
