"""Pictures of the page for the README: the worker's own code over weeks of an attacked region.

`make screenshots` writes them to `deploy/screenshots/`. It takes some minutes, needs a Chromium and
leaves the recording in `build/screenshots/`, from which the next run starts. The moment is a Tuesday's
half past ten; the figures that no flow can tell are declared for it, and as made up as the rest.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from agents.backtest import Backtest
from agents.findings import finding_bytes, read_finding
from agents.findings_view import FindingsView
from agents.objectives.loading import SHIPPED, load_objectives
from agents.objectives.view import ObjectivesView
from agents.series import SeriesCodes
from agents.view import StreamClock, WorkerView
from metrics.registry import build_registry
from metrics.web import Monitor
from metrics.worker import WorkerMetrics
from simulators.attacks.catalogue import wanted
from simulators.publish import partitions_of
from simulators.recording import Recording, simulate_to_directory
from streams.commands.backtest import FRAME_MS
from streams.errors import TransientError
from streams.event_time import PARIS
from streams.observing import Position, WorkerStatus
from streams.settings import Settings
from streams.topics import FLOWS
from streams.worker import region_params, shard_params
from tests.support.browser import PHONE, chromium, watched_page
from tests.support.findings import CODEC, READER, Kept, Lag
from tests.support.page_server import serving

if TYPE_CHECKING:
    from agents.shard import Shard
    from metrics.views import Unmasked
    from streams.audit import Actor
    from streams.event_time import Int64Array

OUT = Path("deploy/screenshots")
WORK = Path("build/screenshots")
START, DAYS = date(2025, 9, 1), 23
NOW_MS = int(datetime(2025, 9, 23, 10, 30, 4, tzinfo=PARIS).timestamp()) * 1000
ATTACKS = ("fast-harvest@2025-09-22", "per-day-100@2025-09-17", "enumeration@2025-09-20")
DECLARED = """\
mes_activation_2025;08/2025;REGION;1923000;5310000;;exemple
mes_activation_2026;08/2025;REGION;1923000;5310000;;exemple
cyber_exercice_es;31/05/2025;REGION;214;231;;exemple
cyber_exercice_esms_2026;31/08/2025;REGION;61;2471;;exemple
pco_prise_en_main;31/08/2025;REGION;11;14;;exemple
prado_viatrajectoire;08/2025;REGION;1642;2310;;exemple
documents_produits;23/09/2025;HOPITAL;560000;;;exemple
documents_produits;23/09/2025;MEDECINE_VILLE;1080000;;;exemple
documents_produits;23/09/2025;LABO_BIOLOGIE;990000;;;exemple
documents_produits;23/09/2025;RADIOLOGIE;272000;;;exemple
esms_medicalises;31/08/2025;REGION;1214;;;exemple
laboratoires;31/08/2025;REGION;215;;;exemple
"""


@dataclass
class _Held:
    """What the view asks of a source's processor, around a shard that was fed without Kafka."""

    shard: Shard

    @property
    def durable(self) -> Any:
        return self.shard.totals()


class _Active:
    """The region's activity counts as a back-test put them together."""

    def __init__(self, backtest: Backtest) -> None:
        self._cells = backtest._cells

    def day(self, code: int, day: int) -> int:
        return self._cells.day_counts.get((code, day), 0)

    def month(self, code: int, month: int) -> int:
        return self._cells.month_counts.get((code, month), 0)


def _settings() -> Settings:
    return Settings.from_env({}, kafka_bootstrap="127.0.0.1:9092")


def _fed(settings: Settings) -> Backtest:
    """The recorded days up to the moment, through every detector."""
    recording = WORK / "recording"
    if not recording.exists():
        simulate_to_directory(
            directory=recording,
            start=START,
            days=DAYS,
            seed=1,
            attacks=[wanted(text) for text in ATTACKS],
        )

    def partition_of(keys: Any) -> Int64Array:
        return partitions_of(keys, settings.partitions)

    backtest = Backtest(
        shard_params(settings), settings.partitions, partition_of, region_params(settings)
    )
    for end_ms, frames in Recording(recording).windows(FRAME_MS):
        backtest.pass_time(end_ms - FRAME_MS)
        for flow, frame in frames:
            backtest.take(flow, frame.filter(pl.col("recorded_at") < NOW_MS))
        if end_ms > NOW_MS:
            break
    backtest.pass_time(NOW_MS)
    return backtest


def _monitor(settings: Settings, backtest: Backtest) -> Monitor:
    clock = StreamClock(settings.clock_skew_ms)
    clock.observe(NOW_MS - 900, NOW_MS)
    view = WorkerView(
        codes=SeriesCodes(settings.departments),
        shards={number: _Held(shard) for number, shard in enumerate(backtest._shards)},  # type: ignore[arg-type, misc]
        region=_Active(backtest),  # type: ignore[arg-type]
        clock=clock,
        small_cell_min=settings.small_cell_min,
    )
    found = FindingsView(lambda value: read_finding(value, READER), Lag())
    found.take(0, [_record(one) for one in backtest.findings])
    folder = WORK / "objectives"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SHIPPED, folder)
    with (folder / "declarations.csv").open("a") as sheet:
        sheet.write(DECLARED)
    backtest.usage_rows(START.year * 12 + START.month - 1)
    objectives = ObjectivesView(
        objectives=load_objectives(str(folder), settings.departments),
        usage=backtest.usage,
        read=lambda _: (_ for _ in ()).throw(ValueError),
        is_at_end=lambda: True,
        clock=clock.now_ms,
        departments=settings.departments,
        small_cell_min=settings.small_cell_min,
    )
    status = WorkerStatus()
    status.phase = "running"
    worker = WorkerMetrics(status)
    for flow in FLOWS:
        for partition in range(settings.partitions):
            worker.assigned(flow, partition)
            status.positions[flow, partition] = Position(0, 0)
    registry = build_registry(view, worker, lambda: NOW_MS, found)
    return Monitor(
        registry, view, worker, lambda: NOW_MS, found, desk=_NoDesk(), objectives=objectives
    )


class _NoDesk:
    """Lets the page offer its verdicts, which nobody gives while pictures are taken."""

    async def judge(self, finding_id: str, verdict: str, now_ms: int, actor: Actor) -> None:
        del finding_id, verdict, now_ms, actor
        raise TransientError("no Kafka stands behind the pictures")

    async def unmask(self, finding_id: str, now_ms: int, actor: Actor) -> Unmasked:
        del finding_id, now_ms, actor
        raise TransientError("no Kafka stands behind the pictures")


def _record(one: Any) -> Kept:
    return Kept(0, one.detected_at_ms, one.finding_id.encode(), finding_bytes(one, CODEC))


def main() -> None:
    """Write the pictures."""
    settings = _settings()
    monitor = _monitor(settings, _fed(settings))
    OUT.mkdir(parents=True, exist_ok=True)
    with serving(monitor.app("127.0.0.1")) as url, chromium() as browser:
        for name, view, options in (
            ("page", "#", {"size": (1440, 1170)}),
            ("page-dark", "#", {"dark": True}),
            ("page-phone", "#", {"size": PHONE, "scale": 2.0}),
            ("finding", "", {}),
            ("objectives", "#/objectifs", {}),
        ):
            with watched_page(browser, url + view, **options) as watched:  # type: ignore[arg-type]
                page = watched.page
                page.wait_for_selector("#status[data-state=live]")
                page.wait_for_selector(".objective" if name == "objectives" else ".spark canvas")
                if name == "finding":
                    page.locator("#look-list a").first.click()
                    page.wait_for_selector("#behaviour-chart canvas")
                page.wait_for_load_state("load")
                page.mouse.move(0, 0)
                whole = name in ("finding", "page-dark")
                page.screenshot(path=OUT / f"{name}.png", full_page=whole)
                sys.stdout.write(f"{OUT / name}.png {watched.faults or ''}\n")


if __name__ == "__main__":
    main()
