"""A worker with the source group only and a bare `/metrics`, run as a script by the system tests."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from aiohttp import web

from agents.series import SeriesCodes
from agents.shard import ShardParams
from agents.shells import ProcessorGroup
from agents.source import SourceProcessor
from streams.app import run_worker
from streams.codec import SliceCodec
from streams.schemas import Schemas
from streams.settings import Settings
from streams.topics import FLOWS
from streams.vocabulary import OUTCOMES, SECTORS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streams.observing import WorkerStatus


def main() -> int:
    settings = Settings.from_env(os.environ)
    codec = SliceCodec(Schemas.load())
    codes = SeriesCodes(settings.departments)
    held: dict[int, SourceProcessor] = {}

    def build(partition: int) -> SourceProcessor:
        held[partition] = SourceProcessor(
            partition=partition,
            codec=codec,
            params=ShardParams(
                departments=settings.departments,
                allowed_lateness_ms=settings.allowed_lateness_ms,
                duplicate_ids_max=settings.duplicate_ids_max,
                clock_skew_ms=settings.clock_skew_ms,
            ),
            codes=codes,
            mark_partitions=settings.partitions,
        )
        return held[partition]

    @contextlib.asynccontextmanager
    async def page(status: WorkerStatus) -> AsyncIterator[None]:
        async def metrics(_: web.Request) -> web.Response:
            mine = {partition for _, partition in status.positions}
            return web.Response(text="".join(_lines({p: held[p] for p in held if p in mine})))

        async def ready(_: web.Request) -> web.Response:
            return web.Response(status=200 if status.ready else 503)

        app = web.Application()
        app.router.add_get("/metrics", metrics)
        app.router.add_get("/readyz", ready)
        runner = web.AppRunner(app, handle_signals=False)
        await runner.setup()
        await web.TCPSite(runner, settings.http_host, settings.http_port).start()
        yield
        await runner.cleanup()

    return run_worker(settings, (ProcessorGroup(FLOWS, "source", build),), services=(page,))


def _lines(held: dict[int, SourceProcessor]) -> list[str]:
    lines = ["# TYPE vigie_events counter\n"]
    for partition, processor in held.items():
        for flow, totals in processor.durable.items():
            for s, sector in enumerate(SECTORS):
                for o, outcome in enumerate(OUTCOMES):
                    labels = f'flow="{flow}",sector="{sector}",outcome="{outcome}"'
                    labels += f',partition="{partition}"'
                    lines.append(f"vigie_events_total{{{labels}}} {totals.events[s, o]}\n")
    return lines


if __name__ == "__main__":
    sys.exit(main())
