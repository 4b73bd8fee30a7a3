"""Trials against the truth, judged by somebody who says what the test wants."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from simulators.evaluation import report_flows
from simulators.evaluation.judging import Alert
from simulators.evaluation.plan import Case, Outage, Span
from simulators.evaluation.region import TrialRegion, outage_ms
from simulators.evaluation.results import OURS, TrialResult
from simulators.evaluation.trial import run_trial
from streams.event_time import DAY_MS, HOUR_MS
from streams.schemas import Schemas
from streams.topics import DMP_DEPOSITS, PLATFORM_ACCESSES

if TYPE_CHECKING:
    import polars as pl

SPAN = Span(
    name="autumn",
    start=date(2025, 9, 1),
    enrolment_days=8,
    test_days=6,
    scale=0.03,
    cases=(
        Case("per-day-100", "per-day-100@2025-09-09:days=3"),
        Case("new-hire", "new-hire@2025-09-09"),
        Case("collusion-network", "collusion@2025-09-09:accounts=3,days=3"),
    ),
    newcomer_ratio=0.3,
    is_whole=True,
    outages=(Outage(DMP_DEPOSITS, "ES", date(2025, 9, 12), 9, 8),),
)
SCHEMAS = Schemas.load()


class Saying:
    """Says what it was told to, and remembers what it was given."""

    has_region = True

    def __init__(self, *alerts: Alert) -> None:
        self.alerts, self.rows, self.edges = alerts, 0, [0]

    def take(self, flow: str, frame: pl.DataFrame) -> None:
        del flow
        self.rows += frame.height
        assert (frame["recorded_at"] >= self.edges[-1]).all()

    def advance(self, at_ms: int) -> None:
        self.edges.append(at_ms)

    def finish(self) -> tuple[Alert, ...]:
        return self.alerts


@pytest.fixture(scope="module")
def region() -> TrialRegion:
    built = TrialRegion(SPAN, 7, SCHEMAS)
    assert sum(len(pieces) for _, pieces in built.turns()) > 5 * SPAN.days
    return built


def judged(*alerts: Alert) -> TrialResult:
    judge = Saying(*alerts)
    result = run_trial(SPAN, 7, SCHEMAS, judge)
    assert judge.rows == result.events
    assert judge.edges == sorted(judge.edges)
    return result


def alert(number: int, at_ms: int, **given: object) -> Alert:
    told = Alert(f"f{number}", at_ms, ("tail",), "MEDIUM")
    return replace(told, **given)  # type: ignore[arg-type]


def test_a_found_account_is_told_with_its_delay_and_its_losses(region: TrialRegion) -> None:
    truth = region.truths[0]
    (account,) = truth.incident.actors.tolist()
    (name,) = region.names(truth.incident.actors)
    first = truth.first_ms_of(account)
    assert first is not None
    before = alert(1, first - DAY_MS, actor_pid=name, flow=PLATFORM_ACCESSES)
    found = alert(2, first + HOUR_MS, actor_pid=name, flow=PLATFORM_ACCESSES)
    (own,) = [
        one
        for one in judged(before, found).attacked
        if one.judge == OURS and one.case == "per-day-100"
    ]
    assert own.found_ms == HOUR_MS
    assert 0 < own.lost == truth.patients(first + HOUR_MS + 1, account) < own.total
    assert own.by_detector == (("tail", HOUR_MS, own.lost),)


def test_what_is_never_found_loses_everything() -> None:
    result = judged()
    own = [one for one in result.attacked if one.judge == OURS]
    assert all(math.isinf(one.found_ms) and one.lost == one.total for one in own)
    assert {one.judge for one in result.attacked} > {OURS, "static threshold"}
    assert [case for case, after in result.collusions if math.isinf(after)] == ["collusion-network"]


def test_findings_on_quiet_accounts_are_false_and_those_on_newcomers_their_own(
    region: TrialRegion,
) -> None:
    newcomers = region.newcomers
    quiet = [
        n for n in region.accounts.tolist() if n not in newcomers and n not in region.concerned
    ]
    at_ms = region.truths[0].first_ms
    told = []
    for number, account in enumerate([quiet[0], quiet[1], *newcomers]):
        (name,) = region.names([account])
        told.append(alert(number, at_ms + 4 * DAY_MS, actor_pid=name, flow=PLATFORM_ACCESSES))
    early = alert(99, at_ms - 5 * DAY_MS, actor_pid=told[0].actor_pid)
    result = judged(*told, early)
    assert result.enrolment_false == 1
    # Quiet accounts of other structures than their home's are counted apart, but counted.
    assert sum(result.false_account.values()) + result.new_false == len(told)
    assert sum(result.account_days.values()) > 0


def test_a_look_alike_and_a_group_are_known_for_what_they_are(region: TrialRegion) -> None:
    hire, group = region.truths[1], region.truths[2]
    (name,) = region.names(hire.incident.actors)
    result = judged(
        alert(1, hire.first_ms + DAY_MS, actor_pid=name, severity="CRITICAL"),
        alert(2, group.first_ms + DAY_MS, detectors=("collusion",)),
    )
    assert [(one.case, one.severity) for one in result.lookalikes] == [("new-hire", "CRITICAL")]
    assert result.collusions == [("collusion-network", DAY_MS)]
    assert not result.false_account
    assert not result.flow_findings


def test_an_outage_is_held_against_the_silence_that_is_rare() -> None:
    begin_ms, _ = outage_ms(SPAN.outages[0])
    found = alert(1, begin_ms + HOUR_MS, flow=DMP_DEPOSITS, sector="ES", detectors=("outage",))
    elsewhere = alert(2, begin_ms + 2 * DAY_MS, flow=DMP_DEPOSITS, sector="PSL")
    result = judged(found, elsewhere)
    (silence,) = result.silences
    assert silence.found_ms == HOUR_MS
    assert 0 < silence.limit_ms < 8 * HOUR_MS
    assert len(result.flow_findings) == 1
    rows = {
        row.name: row for row in report_flows.lookalike_rows([replace_span(result, "festival")])
    }
    assert rows["outage, by the flow's own silences"].measured.startswith(("1.000", "0.000"))


def replace_span(result: TrialResult, name: str) -> TrialResult:
    return replace(result, span=name)
