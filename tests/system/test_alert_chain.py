"""A broken target reaches whom the project's own files say, through real servers, once, to its end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from simulators.broker import free_port
from tests.support.servers_alerting import (
    ProjectPrometheus,
    Receivers,
    Target,
    project_alertmanager,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.system

WITHIN_S = 120.0
METRICS = """\
vigie_ready 1
vigie_alerts_waiting{alertmanager="1"} 0
vigie_findings_unreadable_total 0
"""


def _until(ready: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not ready():
        assert time.monotonic() < deadline, f"not within {WITHIN_S:.0f} s: {what}"
        time.sleep(0.1)


def test_workers_that_fall_silent_are_told_together_once_and_to_their_end(tmp_path: Path) -> None:
    targets = [Target(free_port(), METRICS) for _ in range(3)]
    for target in targets:
        target.up()
    with (
        Receivers() as receivers,
        project_alertmanager(tmp_path / "alertmanager", receivers) as alertmanager,
        ProjectPrometheus(
            tmp_path / "prometheus",
            ports=[target.port for target in targets],
            alertmanager=alertmanager.url,
        ) as prometheus,
    ):
        try:
            prometheus.wait_scraped()
            _until(lambda: receivers.of("veille", "VigieWatchdog"), "the dead-man's switch")
            assert not receivers.of("exploitation", "VigieWorkerDown")

            for target in targets[:2]:
                target.down()
            _until(lambda: receivers.of("exploitation", "VigieWorkerDown"), "two workers down")
            time.sleep(3)
            (told,) = receivers.of("exploitation", "VigieWorkerDown")
            assert told.status == "firing"
            assert {labels["instance"].partition(":")[2] for labels, _ in told.alerts} == {
                str(target.port) for target in targets[:2]
            }
            for labels, annotations in told.alerts:
                assert labels["severity"] == "warning"
                assert not {"runbook_base", "dashboard_base"} & set(labels)
                assert annotations["runbook_url"].startswith("https://vigie.example/deploy/")
                assert labels["instance"] in annotations["summary"]

            for target in targets[:2]:
                target.up()
            # One of them may be scraped a second before the other.
            _until(
                lambda: receivers.of("exploitation", "VigieWorkerDown")[-1].status == "resolved",
                "that it is over",
            )

            receivers.told.clear()
            for target in targets:
                target.down()
            _until(
                lambda: receivers.of("astreinte-exploitation", "VigieAllWorkersDown"),
                "that nobody answers",
            )
            time.sleep(3)
            # One cause, one page: that each of them is down is inhibited.
            assert not receivers.of("exploitation", "VigieWorkerDown")
            for target in targets:
                target.up()
            _until(
                lambda: (
                    receivers.of("astreinte-exploitation", "VigieAllWorkersDown")[-1].status
                    == "resolved"
                ),
                "that they answer again",
            )
        finally:
            for target in targets:
                target.down()
