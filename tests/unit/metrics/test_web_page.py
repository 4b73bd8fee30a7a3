from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestClient, TestServer

import metrics.web
from metrics.registry import build_registry
from metrics.web import ASSETS, HEADERS, Monitor
from metrics.worker import WorkerMetrics
from streams.observing import WorkerStatus
from tests.support.fake_region import NOW_MS, FakeRegion

if TYPE_CHECKING:
    from pathlib import Path

CHARTS = "/vendor/uPlot.esm.js"


def _answers(*paths: str) -> dict[str, tuple[int, str, bytes]]:
    """Status, content type and body of each address, all with the page's security headers."""
    worker, region = WorkerMetrics(WorkerStatus()), FakeRegion()
    monitor = Monitor(
        build_registry(region, worker, lambda: NOW_MS), region, worker, lambda: NOW_MS
    )

    async def run() -> dict[str, tuple[int, str, bytes]]:
        answers = {}
        async with TestClient(TestServer(monitor.app("127.0.0.1"))) as client:
            for path in paths:
                answer = await client.get(path)
                assert HEADERS.items() <= dict(answer.headers).items()
                answers[path] = (answer.status, answer.content_type, await answer.read())
        return answers

    return asyncio.run(asyncio.wait_for(run(), 10))


def test_every_asset_is_served_as_what_it_is() -> None:
    answers = _answers(*ASSETS)
    assert {path: answer[:2] for path, answer in answers.items()} == {
        path: (200, kind) for path, (_, kind) in ASSETS.items()
    }


@pytest.mark.parametrize("is_here", [True, False])
def test_the_chart_library_is_served_if_it_was_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_here: bool
) -> None:
    library = tmp_path / "charts.js"
    if is_here:
        library.write_text("export default null;")
    monkeypatch.setattr(metrics.web, "VENDOR", {CHARTS: (str(library), "text/javascript")})
    status, _, body = _answers(CHARTS)[CHARTS]
    assert (status, body[:6]) == ((200, b"export") if is_here else (404, b"404: N"))


def test_the_recent_past_is_answered() -> None:
    status, kind, body = _answers("/api/tempo")["/api/tempo"]
    assert (status, kind) == (200, "application/json")
    assert b'"grains"' in body
