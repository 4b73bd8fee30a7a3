"""A region that is watched from its very first day, with no history at all.

The first days are a holiday's weekend, and on Monday a whole peer group sees several times as many
patients as on any day before. That is nobody's attack; a theft on the same Monday is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pytest

from agents.backtest import Backtest
from streams.event_time import HOUR_MS, start_of_day_ms
from tests.support.frames import WATCHING
from tests.support.small_region import small_region

if TYPE_CHECKING:
    from agents.findings import Finding

HOLIDAY = date(2025, 11, 1)  # a Saturday
MONDAY = HOLIDAY.toordinal() - date(1970, 1, 1).toordinal() + 2


@dataclass(frozen=True)
class Watched:
    """First revisions of the findings on accounts, and the attacked ones."""

    findings: tuple[Finding, ...]
    attacked: frozenset[str]

    def of_attacked(self) -> list[Finding]:
        return [one for one in self.findings if one.actor_pid in self.attacked]


def watched(*attacks: str, scale: float) -> Watched:
    region = small_region(*attacks, days=3, scale=scale, start=HOLIDAY)
    core = Backtest(WATCHING, 1, lambda keys: keys)
    for end_ms, parts in region.windows(6 * HOUR_MS):
        for flow, frame in parts:
            core.take(flow, frame)
        core.pass_time(end_ms)
    core.finish()
    opened = (one for one in core.findings if one.revision == 0 and one.actor_pid)
    return Watched(tuple(opened), region.actors)


def test_the_first_working_day_after_a_quiet_weekend_is_nobodys_attack() -> None:
    assert watched(scale=0.1).findings == ()


@pytest.mark.parametrize("attack", ["predice", "enumeration", "fast-harvest"])
def test_a_theft_on_the_third_day_is_found_within_it(attack: str) -> None:
    seen = watched(f"{attack}@2025-11-03", scale=0.02)
    found = seen.of_attacked()
    assert {one.actor_pid for one in found} == seen.attacked
    assert all(one.detected_at_ms < start_of_day_ms(MONDAY + 1) for one in found)
    assert len(found) == len(seen.findings)
