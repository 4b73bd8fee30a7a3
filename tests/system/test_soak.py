"""The soak in short: a steady load, every event and every probe arrives, within bounds for any machine.

The hour with the real bounds is `make soak`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.proof.soak import Bounds, soak

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.system

SECONDS = 40.0
RATE = 500
LOOSE = Bounds(
    # In the first minute the population is still being met for the first time.
    drift=0.5,
    metric_ms=6_000,
    finding_ms=8_000,
    block_ms=10_000,
)


def test_a_steady_load_is_counted_and_its_probes_are_found(tmp_path: Path) -> None:
    figures, rows = soak(tmp_path, seconds=SECONDS, rate=RATE, probe_every_s=1.0)
    print(figures)
    assert figures.missed(LOOSE) == []
    assert figures.other_findings == 0
    assert len(rows) > SECONDS / 4
    assert figures.metric_p50_ms > 0
