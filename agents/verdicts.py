"""An analyst's verdict on a finding, put together from what the finding says (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.findings import Verdict

if TYPE_CHECKING:
    from agents.findings import Finding, VerdictKind


def verdict_on(
    finding: Finding,
    kind: VerdictKind,
    judged_at_ms: int,
    *,
    analyst_pid: str | None = None,
    compromised_since_ms: int | None = None,
    note_code: str = "",
) -> Verdict:
    """A verdict that reaches whoever watches the finding's subject.

    Args:
        finding: any revision of it.
        kind: what it is.
        judged_at_ms: when that was decided.
        analyst_pid: who decided; `None` where nobody says.
        compromised_since_ms: from when on a confirmed account was in wrong hands.
        note_code: a word of the analysts' own list.
    """
    return Verdict(
        finding_id=finding.finding_id,
        verdict=kind,
        judged_at_ms=judged_at_ms,
        analyst_pid=analyst_pid,
        structure_pid=finding.structure_pid or "",
        actor_pid=finding.actor_pid,
        compromised_since_ms=compromised_since_ms,
        note_code=note_code,
    )
