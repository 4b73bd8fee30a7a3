"""One run under fire, from the first worker to the last alert's end."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from agents.findings import Severity, VerdictKind
from agents.verdicts import verdict_on
from streams.findings_log import FindingsLog
from streams.settings import Settings
from tests.proof.chaos_plan import BROKER_ACTS, Kind
from tests.proof.chaos_service import PARTITIONS, Service
from tests.proof.chaos_table import RECOVERY_MAX_S, Outcome, Recovery
from tests.proof.chaos_traffic import Traffic
from tests.proof.chaos_truth import (
    as_lines,
    as_severe,
    backtest,
    backtest_mismatches,
    by_flow_and_sector,
    compared,
    counted_by_state,
    live_revisions,
    mismatches,
    write_recording,
)
from tests.proof.chaos_watch import Watch
from tests.support.servers_findings import latest
from tests.support.servers_process import ServerError
from tests.support.servers_worker import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from agents.findings import Finding
    from tests.proof.chaos_plan import Act

_START_TIMEOUT_S: Final = 120.0
_GIVE_UP_S: Final = 180.0
"""An act that is not recovered from after so long ends the run."""
_SETTLE_TIMEOUT_S: Final = 90.0
_ALERT_TIMEOUT_S: Final = 150.0
_STEP_S: Final = 0.1
_LATE_S: Final = 120.0
"""No act begins so long after the end that was asked for."""
_SPARE_S: Final = _LATE_S + 2 * _GIVE_UP_S + 60.0
"""Traffic for acts that come later than planned."""
_KILLED: Final = (Kind.KILL_WORKER, Kind.KILL_BROKER, Kind.DISK_FULL)
"""After these the rest must recover while what was killed is still away."""


class GaveUpError(Exception):
    """The service did not come back at all."""


class Run:
    """Runs a plan against a service of its own.

    Args:
        directory: where everything writes; must be empty.
        acts: the plan.
        seed: of the traffic.
        minutes: that the plan is for.
        rate: events per second.
        attacks: that take place in the traffic.
        margin_ms: the workers' decision margin.
        session_timeout_s: of the workers; by default that of the settings.
        say: told a line now and then.
    """

    def __init__(
        self,
        directory: Path,
        acts: Sequence[Act],
        *,
        seed: int,
        minutes: float,
        rate: int,
        attacks: Sequence[str],
        margin_ms: int,
        session_timeout_s: int = Settings().session_timeout_s,
        say: Callable[[str], object],
    ) -> None:
        self._directory, self._acts = directory, acts
        self._seed, self._seconds, self._rate = seed, minutes * 60, rate
        self._attacks, self._margin_ms, self._say = attacks, margin_ms, say
        self._session_timeout_s = session_timeout_s
        self.outcome = Outcome(seed, kills_asked=sum(act.is_kill for act in acts))
        self._beside: list[tuple[float, Act]] = []

    def run(self) -> Outcome:
        """Everything in order; what does not hold stands in the outcome."""
        with Service(
            self._directory / "service",
            margin_ms=self._margin_ms,
            session_timeout_s=self._session_timeout_s,
        ) as self.service:
            self.traffic = Traffic(
                self.service.kafka.bootstrap,
                seed=self._seed,
                rate=self._rate,
                seconds=self._seconds + _SPARE_S,
                spread_s=self._seconds,
                partitions=PARTITIONS,
                registry_url=self.service.registry.url,
                attacks=self._attacks,
            )
            with Watch(self.service, self.traffic.lanes) as self.watch:
                try:
                    self._under_fire()
                    self._settle()
                except (GaveUpError, ServerError) as error:
                    self.outcome.miss(str(error))
                    self.traffic.abandon()
                    return self.outcome
            with FindingsLog(self.service.settings) as log:
                self._compare(log)
                self._resolve(log)
                self._stop(log)
        return self.outcome

    # -- the acts -------------------------------------------------------------------------------

    def _under_fire(self) -> None:
        self.traffic.start()
        started_s = time.monotonic()
        self._until(lambda: self.watch.steady(started_s), _START_TIMEOUT_S, "the start")
        self._say(f"at work after {time.monotonic() - started_s:.1f} s")
        self._started_s = time.monotonic()
        for act in self._acts:
            self._wait_until(self._started_s + act.at_s)
            if self._now_s() > self._seconds + _LATE_S:
                self.outcome.miss(f"no time was left for act {act.number} and those after it")
                break
            self._say(
                f"{self._now_s():7.1f} s  {act.number:3} {act.kind} [{act.target}] {act.hold_s} s"
            )
            if act.is_beside:
                self.service.begin(act, self.traffic)
                self._beside.append((time.monotonic() + act.hold_s, act))
                self.outcome.beside[str(act.kind)] = self.outcome.beside.get(str(act.kind), 0) + 1
            else:
                self._perform(act)
        self._wait_until(max([self._started_s + self._seconds, *(at for at, _ in self._beside)]))
        self.outcome.minutes = self._now_s() / 60

    def _perform(self, act: Act) -> None:
        at_s = self._now_s()
        begun_s = time.monotonic()
        self.service.begin(act, self.traffic)
        self.outcome.kills += act.is_kill
        self._wait_until(begun_s + act.hold_s)
        what = f"act {act.number}, {act.kind}"
        if act.kind is Kind.JOIN:
            # Who is told to leave before it has come has nothing to leave.
            self._until(lambda: self.watch.steady(begun_s), _GIVE_UP_S, what)
        self.service.end(act, self.traffic)
        since_s = begun_s if act.kind in _KILLED else time.monotonic()
        ended_s = self._until(
            lambda: self.watch.steady(since_s),
            _GIVE_UP_S,
            what,
        )
        recovery = Recovery(act.number, str(act.kind), round(at_s, 1), round(ended_s - begun_s, 2))
        self.outcome.recoveries.append(recovery)
        self._say(f"{self._now_s():7.1f} s      recovered after {recovery.seconds:.1f} s")
        if recovery.seconds > RECOVERY_MAX_S:
            self.outcome.miss(f"{what}: {recovery.seconds:.1f} s to recover")
        if act.kind in BROKER_ACTS:
            back_s = time.monotonic()
            self._until(
                lambda: self.watch.whole_since(back_s),
                _GIVE_UP_S,
                f"replicas after act {act.number}",
            )

    def _now_s(self) -> float:
        return time.monotonic() - self._started_s

    def _wait_until(self, at_s: float) -> None:
        while time.monotonic() < at_s:
            self._step()

    def _until(self, ready: Callable[[], bool], timeout_s: float, what: str) -> float:
        deadline_s = time.monotonic() + timeout_s
        while not ready():
            self._step()
            if time.monotonic() > deadline_s:
                raise GaveUpError(f"{what}: not at work after {timeout_s:.0f} s")
        return time.monotonic()

    def _step(self) -> None:
        time.sleep(_STEP_S)
        self.traffic.check()
        self.service.tend()
        now_s = time.monotonic()
        for at_s, act in [one for one in self._beside if one[0] <= now_s]:
            self._beside.remove((at_s, act))
            self.service.end(act, self.traffic)

    # -- the end --------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Let the traffic end, everything be counted, and everything be judged."""
        self.traffic.finish()
        self._ended_ms = time.time_ns() // 1_000_000
        outcome, truth = self.outcome, self.traffic.truth
        outcome.rate, outcome.leanest_rate = self.traffic.rates()
        outcome.records, outcome.counted_sent = truth.records, truth.counted.total()
        outcome.slowest_confirmation_s = self.traffic.slowest_s
        if outcome.rate < self._rate * 0.99:
            outcome.miss(f"{outcome.rate:.0f} events/s were made, not {self._rate}")
        if outcome.kills < outcome.kills_asked:
            outcome.miss(f"{outcome.kills} kills of {outcome.kills_asked}")
        if outcome.slowest_confirmation_s * 1000 > self._margin_ms:
            outcome.miss(
                f"a record took {outcome.slowest_confirmation_s:.1f} s to the log, longer than the"
                f" workers' margin of {self._margin_ms / 1000:.0f} s: findings may rightly differ"
            )
        try:
            self._until(lambda: not self.watch.behind(), _SETTLE_TIMEOUT_S, "the end")
        except GaveUpError:
            for text in self.watch.behind():
                outcome.miss(f"stuck partition: {text}")
        outcome.longest_wait_s = self.watch.longest_wait_s
        if outcome.longest_wait_s > RECOVERY_MAX_S:
            outcome.miss(f"a record waited {outcome.longest_wait_s:.1f} s to be counted")
        # What came last is judged a margin later.
        judged_at_s = time.monotonic() + self._margin_ms / 1000 + 5
        self._wait_until(judged_at_s)
        outcome.unplanned_exits = {str(code): n for code, n in self.service.exits.items()}

    def _compare(self, log: FindingsLog) -> None:
        """Findings against the back-test; those opened after the last record tell of the end itself."""
        revisions = live_revisions(log)
        live = [one for one in revisions if one.detected_at_ms <= self._ended_ms]
        recording = self._directory / "recording"
        write_recording(log, recording)
        document, recorded = backtest(
            recording, self.service.settings, self._directory / "findings.ndjson"
        )
        lines = b"".join(one.to_ndjson() for one in revisions)
        (self._directory / "findings-live.ndjson").write_bytes(lines)
        outcome = self.outcome
        outcome.mismatches += backtest_mismatches(self.traffic.truth, document)
        outcome.findings_different = compared(as_lines(live), recorded)
        outcome.findings_as_severe = as_severe(as_lines(live), recorded)
        outcome.findings = len({one.finding_id for one in live})
        outcome.findings_backtest = len({line["finding_id"] for line in recorded})
        of_finding: dict[str, Counter[int]] = defaultdict(Counter)
        for one in revisions:
            of_finding[one.finding_id][one.revision] += 1
        outcome.revisions = sum(len(own) for own in of_finding.values())
        outcome.repeated_revisions = len(revisions) - outcome.revisions
        for name, own in of_finding.items():
            if sorted(own) != list(range(len(own))):
                outcome.miss(f"{name}: revisions {sorted(own)}")
        if not outcome.findings:
            outcome.miss("no finding at all")
        for text in outcome.findings_different:
            outcome.miss(f"finding {text}")

    def _resolve(self, log: FindingsLog) -> None:
        """Every due alert is firing; judged, it ends."""
        service, outcome = self.service, self.outcome

        def due() -> dict[str, Finding]:
            return {
                name: one
                for name, one in latest(live_revisions(log)).items()
                if one.status.is_open and one.severity.rank >= Severity.MEDIUM.rank
            }

        asked = due()
        if not self._holds(lambda: service.alertmanager.firing() == set(due())):
            firing = service.alertmanager.firing()
            outcome.miss(
                f"alerts: {len(firing - set(asked))} too many, {len(set(asked) - firing)} lack"
            )
        asked = due()
        outcome.alerts = len(asked)
        for one in asked.values():
            now_ms = time.time_ns() // 1_000_000
            log.publish(verdict_on(one, VerdictKind.BENIGN, now_ms))
        self._holds(lambda: not service.alertmanager.firing() & set(asked))
        ended = set(asked) - service.alertmanager.firing()
        outcome.alerts_resolved = len(ended)
        if len(ended) < len(asked):
            outcome.miss(f"{len(asked) - len(ended)} alerts did not end with their verdict")
        if not self._holds(
            lambda: {(name, "resolved") for name in asked} <= set(service.pager.told)
        ):
            outcome.miss("somebody was not told of an alert's end")

    def _holds(self, ready: Callable[[], bool]) -> bool:
        deadline_s = time.monotonic() + _ALERT_TIMEOUT_S
        while not ready():
            if time.monotonic() > deadline_s:
                return False
            self.service.tend()
            time.sleep(1.0)
        return True

    def _stop(self, log: FindingsLog) -> None:
        """End in order, and read the totals from the state that is left."""
        outcome, truth = self.outcome, self.traffic.truth
        shown: Counter[tuple[str, str]] = Counter()
        for (flow, sector, _), count in counted(*self.service.workers).items():
            shown[flow, sector] += count
        sent = by_flow_and_sector(truth)
        outcome.mismatches += [
            f"/metrics {cell}: {shown[cell]}, sent {sent[cell]}"
            for cell in sorted(shown.keys() | sent.keys())
            if shown[cell] != sent[cell]
        ]
        for code in self.service.stop_workers():
            if code:
                outcome.miss(f"a worker ended with {code} when told to stop")
        found = counted_by_state(log, self.service.settings)
        outcome.mismatches += mismatches(truth, found)
        outcome.counted = found.counted.total()
        outcome.duplicates = found.duplicates.total()
        outcome.late, outcome.ahead = found.late.total(), found.ahead.total()
        for text in outcome.mismatches[:20]:
            outcome.miss(text)
