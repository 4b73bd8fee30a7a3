"""What a run under fire came to, and its table."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

RECOVERY_MAX_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Recovery:
    """How long an act was felt.

    Attributes:
        number: the act's.
        kind: its kind in words.
        at_s: since the start of the run.
        seconds: from its beginning until everything was at work again.
    """

    number: int
    kind: str
    at_s: float
    seconds: float


@dataclass
class Outcome:
    """The figures of a run; `misses` is empty if all of it held."""

    seed: int
    minutes: float = 0.0
    kills: int = 0
    kills_asked: int = 0
    recoveries: list[Recovery] = field(default_factory=list)
    beside: dict[str, int] = field(default_factory=dict)
    records: int = 0
    counted_sent: int = 0
    counted: int = 0
    duplicates: int = 0
    late: int = 0
    ahead: int = 0
    rate: float = 0.0
    leanest_rate: float = 0.0
    slowest_confirmation_s: float = 0.0
    longest_wait_s: float = 0.0
    mismatches: list[str] = field(default_factory=list)
    findings: int = 0
    revisions: int = 0
    repeated_revisions: int = 0
    findings_backtest: int = 0
    findings_as_severe: int = 0
    findings_different: list[str] = field(default_factory=list)
    alerts: int = 0
    alerts_resolved: int = 0
    unplanned_exits: dict[str, int] = field(default_factory=dict)
    misses: list[str] = field(default_factory=list)

    def miss(self, text: str) -> None:
        """Note what did not hold."""
        self.misses.append(text)


def percentile(values: list[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * share) - 1)]


def table(outcome: Outcome) -> str:
    """The figures in columns, then what was missed."""
    lines = [f"{'act':42}{'times':>6}{'p50 s':>9}{'p99 s':>9}{'max s':>9}"]
    of_kind: dict[str, list[float]] = defaultdict(list)
    for one in outcome.recoveries:
        of_kind[one.kind].append(one.seconds)
    everything = [one.seconds for one in outcome.recoveries]
    for kind, seconds in [
        *sorted(of_kind.items()),
        ("all that must be recovered from", everything),
    ]:
        if seconds:
            lines.append(
                f"{kind:42}{len(seconds):6}{percentile(seconds, 0.5):9.1f}"
                f"{percentile(seconds, 0.99):9.1f}{max(seconds):9.1f}"
            )
    lines += [f"{kind:42}{count:6}" for kind, count in sorted(outcome.beside.items())]
    exits = ", ".join(f"{n} with {code}" for code, n in sorted(outcome.unplanned_exits.items()))
    rows = [
        ("seed; minutes", f"{outcome.seed}; {outcome.minutes:.1f}"),
        ("kills -9 of workers and brokers", f"{outcome.kills} of {outcome.kills_asked}"),
        (
            "events/s sent: on average; leanest 10 s",
            f"{outcome.rate:.0f}; {outcome.leanest_rate:.0f}",
        ),
        ("records sent", f"{outcome.records}"),
        ("events to be counted; counted", f"{outcome.counted_sent}; {outcome.counted}"),
        (
            "repeated; late; dated ahead",
            f"{outcome.duplicates}; {outcome.late}; {outcome.ahead}",
        ),
        ("totals that differ", f"{len(outcome.mismatches)}"),
        ("longest confirmation of a record", f"{outcome.slowest_confirmation_s:.1f} s"),
        ("longest wait to be counted, at any time", f"{outcome.longest_wait_s:.1f} s"),
        ("findings live; in the back-test", f"{outcome.findings}; {outcome.findings_backtest}"),
        ("findings that differ", f"{len(outcome.findings_different)}"),
        ("of all findings as severe in both", f"{outcome.findings_as_severe}"),
        (
            "revisions told; told twice",
            f"{outcome.revisions}; {outcome.repeated_revisions}",
        ),
        ("alerts due and firing; resolved", f"{outcome.alerts}; {outcome.alerts_resolved}"),
        ("workers that ended by themselves", exits or "none"),
    ]
    lines += [f"{name:42}{text:>33}" for name, text in rows]
    if outcome.misses:
        lines += ["missed:", *(f"  {text}" for text in outcome.misses)]
    else:
        lines.append("nothing missed")
    return "\n".join(lines)
