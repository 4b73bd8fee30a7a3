"""Recovery: where it starts reading, when it ends, and what it must not resume."""

from __future__ import annotations

import asyncio
from typing import Any

from faust.tables.recovery import Recovery
from faust.types import TP

from agents.shells import ProcessorGroup
from tests.support.fake_transport import slice_app
from tests.support.tally_worker import TallyProcessor

CHANGELOG = TP("vigie-tally-changelog", 0)
LEFT = TP("left", 0)
GROUP = ProcessorGroup(("left", "right"), "tally", TallyProcessor)


def make() -> tuple[Any, Any]:
    app = slice_app((GROUP,))
    app.consumer._thread.assigned = {LEFT, CHANGELOG}
    app.consumer.pause_partitions({LEFT, CHANGELOG})
    app._fetcher.maybe_start = _nothing  # type: ignore[method-assign]
    return app, app.tables.recovery


async def _nothing() -> None:
    return None


def test_stock_recovery_seeks_before_the_start_of_a_compacted_changelog() -> None:
    async def run() -> None:
        app, ours = make()
        stock = Recovery(app, app.tables)
        before_the_start = {CHANGELOG: 499}  # the first offset left is 500
        await stock._seek_offsets(app.consumer, {CHANGELOG}, before_the_start, "active")
        assert app.consumer._thread.sought == {CHANGELOG: 499}
        await ours._seek_offsets(app.consumer, {CHANGELOG}, before_the_start, "active")
        assert app.consumer._thread.sought == {CHANGELOG: 500}

    asyncio.run(run())


def test_an_empty_changelog_is_read_from_zero() -> None:
    async def run() -> None:
        app, ours = make()
        await ours._seek_offsets(app.consumer, {CHANGELOG}, {CHANGELOG: -1}, "active")
        assert app.consumer._thread.sought == {CHANGELOG: 0}

    asyncio.run(run())


def test_stock_recovery_waits_for_ever_if_it_ended_before_it_began_to_wait() -> None:
    async def run() -> tuple[bool, bool]:
        app, ours = make()
        finished = []
        for recovery in (Recovery(app, app.tables), ours):
            recovery._set_recovery_started()
            waiting_for = recovery.signal_recovery_end
            recovery._set_recovery_ended()  # what _slurp_changelogs does at the last record
            waiting_for.set()
            waiting_for.clear()
            waiting = asyncio.create_task(waiting_for.wait())
            for _ in range(10):
                await asyncio.sleep(0)
            finished.append(waiting.done())
            waiting.cancel()
        return finished[0], finished[1]

    assert asyncio.run(run()) == (False, True)


def test_a_recovery_under_way_is_waited_for() -> None:
    async def run() -> None:
        _, ours = make()
        ours._set_recovery_started()
        waiting = asyncio.create_task(ours.signal_recovery_end.wait())
        await asyncio.sleep(0)
        assert not waiting.done()
        ours.signal_recovery_end.set()
        assert await waiting

    asyncio.run(run())


def test_sources_flow_once_the_state_is_built() -> None:
    async def run() -> None:
        app, ours = make()
        ours._revocations = app.consumer.revocations
        await ours.on_recovery_completed(1)
        assert app.consumer._active_partitions == {LEFT}
        assert app.binding.status.ready

    asyncio.run(run())


def test_sources_that_were_revoked_meanwhile_stay_still() -> None:
    async def run() -> None:
        app, ours = make()
        ours._revocations = app.consumer.revocations
        seek = app.consumer.perform_seek

        async def revoked_while_seeking() -> None:
            await seek()
            app.consumer.revocations += 1

        app.consumer.perform_seek = revoked_while_seeking
        app.consumer.stop_flow()
        await ours.on_recovery_completed(1)
        assert app.consumer._active_partitions == set()
        assert not app.consumer.flow_active
        assert not app.binding.status.ready

    asyncio.run(run())


def test_stock_recovery_resumes_sources_that_were_revoked_meanwhile() -> None:
    async def run() -> None:
        app, _ = make()
        stock = Recovery(app, app.tables)
        app.consumer.stop_flow()
        app.consumer.revocations += 1  # the generation changes only with the next assignment
        await stock.on_recovery_completed(1)
        assert app.consumer.flow_active

    asyncio.run(run())


def test_no_state_is_built_for_an_assignment_that_is_gone() -> None:
    async def run() -> list[str]:
        app, ours = make()
        built: list[str] = []

        async def adopt(name: str, _partition: int, _entries: object) -> bool:
            built.append(name)
            return True

        app.tables["tally"].adopt = adopt
        ours._revocations = app.consumer.revocations - 1
        await ours.on_recovery_completed(1)
        return built

    assert asyncio.run(run()) == []


def test_every_changelog_is_read_from_its_start_also_that_of_a_partition_that_stayed() -> None:
    async def run() -> None:
        app, ours = make()
        table = app.tables["tally"]
        offsets: dict[TP, int | None] = {}
        for recovery, kept in ((Recovery(app, app.tables), 900), (ours, 499)):
            recovery.tp_to_table[CHANGELOG] = table
            table.data.partitions[0] = {b"half": b"read"}
            offsets[CHANGELOG] = 900  # where an earlier recovery, or ours, stood
            await recovery._build_offsets(app.consumer, {CHANGELOG}, offsets, "active")
            assert offsets == {CHANGELOG: kept}
        assert table.data.partitions == {}

    asyncio.run(run())


def test_no_table_is_handed_over_after_the_partitions_were_given_up() -> None:
    async def run() -> list[str]:
        other = ProcessorGroup(("third",), "other", TallyProcessor)
        app = slice_app((GROUP, other))
        app._fetcher.maybe_start = _nothing  # type: ignore[method-assign]
        built: list[str] = []

        async def adopt(name: str, _partition: int, _entries: object) -> bool:
            built.append(name)
            app.consumer.revocations += 1
            return False

        ours = app.tables.recovery
        for table in app.tables.values():
            table.adopt = adopt
            ours.actives_for_table[table].add(TP(table.changelog_topic_name, 0))
        ours._revocations = app.consumer.revocations
        await ours.on_recovery_completed(1)
        return built

    assert len(asyncio.run(run())) == 1
