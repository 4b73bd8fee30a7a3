"""The app: every setting of Faust explicit, nothing started, nothing global."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from agents.shells import ProcessorGroup, Subscription
from streams.app import changelog_topics, create_app
from streams.consumer import SliceConsumer, SliceProducer
from streams.errors import ConfigError
from streams.recovery import SliceRecovery
from tests.support.fake_transport import SETTINGS
from tests.support.tally_worker import TallyProcessor

if TYPE_CHECKING:
    from streams.settings import Settings

GROUPS = (
    ProcessorGroup(("left", "right"), "source", TallyProcessor),
    ProcessorGroup(("marks",), "activity", TallyProcessor),
)
COUNTS = Subscription("counts", lambda _partition, _records: None, lambda: None)


def built(settings: Settings = SETTINGS, **options: Any) -> Any:
    async def run() -> Any:
        return create_app(settings, GROUPS, subscriptions=(COUNTS,), **options)

    return asyncio.run(run())


def test_groups_and_subscriptions_become_tables_agents_and_slice_topics() -> None:
    app = built()
    assert set(app.tables) == {"source", "activity"}
    assert app.tables["source"].partitions == SETTINGS.partitions
    assert app.binding.slice_topics == {"left", "right", "marks", "counts"}
    assert app.binding.replay_topics == {"counts"}
    acks = {topic: agent.channel.acks for agent in app.agents.values() for topic in _topics(agent)}
    assert acks == {"left": True, "right": True, "marks": True, "counts": False}


def _topics(agent: Any) -> list[str]:
    return list(agent.channel.topics)


def test_the_app_uses_our_classes() -> None:
    app = built()
    assert app.transport.Consumer is SliceConsumer
    assert app.transport.Producer is SliceProducer
    assert isinstance(app.tables.recovery, SliceRecovery)


def test_no_page_of_faust_shows_table_data() -> None:
    conf = built().conf
    assert not conf.web_enabled
    assert not conf.web_tables_enabled
    assert not conf.web_router_enabled


def test_the_settings_reach_faust() -> None:
    settings = dataclasses.replace(
        SETTINGS,
        kafka_bootstrap="one:9092, two:9093",
        replication=3,
        session_timeout_s=6,
        group_instance_id="worker-1",
    )
    conf = built(settings).conf
    assert [str(url) for url in conf.broker_consumer] == ["kafka://one:9092", "kafka://two:9093"]
    assert (conf.topic_partitions, conf.topic_replication_factor) == (settings.partitions, 3)
    assert (conf.table_standby_replicas, conf.stream_wait_empty) == (0, False)
    assert (conf.broker_session_timeout, conf.consumer_group_instance_id) == (6.0, "worker-1")
    assert conf.consumer_auto_offset_reset == "earliest"
    assert conf.producer_acks == -1


@pytest.mark.parametrize("grants", [True, False])
def test_the_producer_is_idempotent_where_kafka_can(grants: bool) -> None:
    async def run() -> Any:
        app = create_app(SETTINGS, GROUPS, idempotent=grants)
        return app.producer._settings_extra()

    assert asyncio.run(run()) == {"acks": "all", "enable_idempotence": grants}


def test_the_changelogs_are_named_as_faust_names_them() -> None:
    app = built()
    names = tuple(app.tables[group.table_name].changelog_topic_name for group in GROUPS)
    assert changelog_topics(SETTINGS, GROUPS) == names


def test_a_worker_without_kafka_servers_says_which_setting_is_missing() -> None:
    with pytest.raises(ConfigError, match="VIGIE_KAFKA_BOOTSTRAP"):
        built(dataclasses.replace(SETTINGS, kafka_bootstrap=""))
