from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from kafka.errors import PolicyViolationError, TopicAlreadyExistsError

from streams import cli, topic_admin
from streams.errors import InputError
from streams.settings import Settings
from streams.topic_admin import ensure_topics, prepare_worker, wanted_topics
from streams.topics import FLOWS, TOPICS

SETTINGS = Settings(kafka_bootstrap="127.0.0.1:1", partitions=4)


class FakeAdmin:
    """A cluster's topics, as kafka-python's admin client tells them."""

    def __init__(self) -> None:
        self.topics: dict[str, SimpleNamespace] = {}
        self.refusal: Exception | None = None

    def create_topics(self, wanted: dict[str, dict[str, Any]], **_: Any) -> None:
        if self.refusal is not None:
            raise self.refusal
        for name, options in wanted.items():
            self.topics[name] = SimpleNamespace(
                partitions=options["num_partitions"],
                replicas=options["replication_factor"],
                configs={"retention.ms": "604800000", **options["configs"]},
            )

    def describe_topics(self) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "error_code": 0,
                "partitions": [{"replica_nodes": [1] * topic.replicas}] * topic.partitions,
            }
            for name, topic in self.topics.items()
        ]

    def describe_configs(self, resources: list[Any], **_: Any) -> dict[str, Any]:
        return {
            "topic": {
                resource.name: {
                    key: {"value": value}
                    for key, value in self.topics[resource.name].configs.items()
                }
                for resource in resources
            }
        }

    def close(self) -> None:
        pass


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeAdmin:
    admin = FakeAdmin()
    monkeypatch.setattr(topic_admin, "KafkaAdminClient", lambda **_: admin)
    return admin


def _differences(settings: Settings = SETTINGS) -> dict[str, tuple[str, ...]]:
    states = ensure_topics(settings, create=False)
    return {state.name: state.differences for state in states if state.differences}


def test_every_topic_and_every_changelog_is_wanted() -> None:
    names = {topic.name for topic in wanted_topics(SETTINGS)}
    changelogs = {f"vigie-{table}-changelog" for table in ("source", "activity", "region")}
    assert names == {*TOPICS, *changelogs}


def test_changelogs_are_compacted_and_partitioned_like_their_flows() -> None:
    changelogs = [topic for topic in wanted_topics(SETTINGS) if "changelog" in topic.name]
    assert [t.partitions for t in changelogs] == [4, 4, 1]
    assert {t.configs["cleanup.policy"] for t in changelogs} == {"compact"}


def test_verifying_creates_nothing(cluster: FakeAdmin) -> None:
    assert set(_differences().values()) == {("does not exist",)}
    assert cluster.topics == {}


def test_creating_twice_changes_nothing_the_second_time(cluster: FakeAdmin) -> None:
    first = ensure_topics(SETTINGS, create=True)
    assert all(state.created and not state.differences for state in first)
    second = ensure_topics(SETTINGS, create=True)
    assert not any(state.created or state.differences for state in second)
    assert cluster.topics["insi-calls"].partitions == 4
    assert cluster.topics["dead-letters"].partitions == 1


def test_a_topic_that_differs_is_told_setting_by_setting_and_left_alone(
    cluster: FakeAdmin,
) -> None:
    ensure_topics(SETTINGS, create=True)
    topic = cluster.topics["insi-calls"]
    topic.partitions, topic.configs["cleanup.policy"] = 3, "compact"
    assert _differences() == {
        "insi-calls": (
            "has 3 partitions, 4 are needed",
            "cleanup.policy is compact, delete is needed",
        )
    }
    ensure_topics(SETTINGS, create=True)
    assert topic.partitions == 3


@pytest.mark.usefixtures("cluster")
def test_too_few_replicas_are_a_difference() -> None:
    ensure_topics(SETTINGS, create=True)
    careful = Settings(kafka_bootstrap="127.0.0.1:1", partitions=4, replication=3)
    assert _differences(careful)["findings"] == ("has 1 replicas, 3 are needed",)


def test_what_a_broker_does_not_tell_is_not_called_right(cluster: FakeAdmin) -> None:
    ensure_topics(SETTINGS, create=True)
    del cluster.topics["findings"].configs["retention.ms"]
    (state,) = [s for s in ensure_topics(SETTINGS, create=False) if s.name == "findings"]
    assert state.untold == ("retention.ms",)
    assert state.differences == ()


def test_a_topic_that_somebody_else_made_in_between_is_verified(cluster: FakeAdmin) -> None:
    cluster.refusal = TopicAlreadyExistsError()
    assert all(s.differences == ("does not exist",) for s in ensure_topics(SETTINGS, create=True))


def test_a_worker_makes_the_changelogs_it_lacks_and_leaves_the_others(cluster: FakeAdmin) -> None:
    prepare_worker(SETTINGS, {"vigie-source-changelog": 4})
    kept = cluster.topics["vigie-source-changelog"]
    prepare_worker(SETTINGS, {"vigie-source-changelog": 4, "vigie-region-changelog": 1})
    assert cluster.topics["vigie-source-changelog"] is kept
    assert set(cluster.topics) == {"vigie-source-changelog", "vigie-region-changelog"}
    assert kept.configs["cleanup.policy"] == "compact"


@pytest.mark.usefixtures("cluster")
def test_a_changelog_with_other_partitions_ends_the_start() -> None:
    prepare_worker(SETTINGS, {"vigie-source-changelog": 3})
    with pytest.raises(InputError, match=r"vigie-source-changelog: has 3 partitions, 4 are needed"):
        prepare_worker(SETTINGS, {"vigie-source-changelog": 4})


def test_a_refused_topic_is_named(cluster: FakeAdmin) -> None:
    cluster.refusal = PolicyViolationError()
    with pytest.raises(InputError, match=r"dmp-deposits: Kafka refuses .*PolicyViolation"):
        ensure_topics(SETTINGS, create=True)


def test_a_kafka_that_is_not_there_is_named_within_ten_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert topic_admin._CONNECT_MS <= 10_000
    monkeypatch.setattr(topic_admin, "_CONNECT_MS", 200)
    start_s = time.perf_counter()
    with pytest.raises(InputError, match=r"no Kafka answers at 127\.0\.0\.1:1"):
        ensure_topics(SETTINGS, create=False)
    assert time.perf_counter() - start_s < 5


def test_the_command_answers_one_while_topics_differ(
    cluster: FakeAdmin, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["topics", "--kafka", "127.0.0.1:1", "--partitions", "4"]
    assert cli.main(argv) == 1
    assert cli.main([*argv, "--create"]) == 0
    capsys.readouterr()
    assert cli.main([*argv, "--json"]) == 0
    assert '"differences": []' in capsys.readouterr().out
    assert len(cluster.topics) == len(TOPICS) + 3


def test_records_of_flows_are_dated_an_hour_ahead_at_most_unless_replays_are_wanted() -> None:
    key = "message.timestamp.after.max.ms"
    for replays, furthest_ms in ((False, 3_600_000), (True, 2**63 - 1)):
        told = {topic.name: topic.configs for topic in wanted_topics(SETTINGS, replays=replays)}
        assert {told[flow][key] for flow in FLOWS} == {str(furthest_ms)}
        assert key not in told["findings"]
