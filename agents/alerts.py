"""A finding in the words of Alertmanager's v2 API (pure).

An alert is known by its labels: those that route it, and the finding's id, so that every revision of
a finding updates the same alert. When a revision changes a label (it became more severe, say), the
alert of the old labels ends and one with the new labels begins. No label and no annotation names a
person or bears a pseudonym.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from agents.findings import Severity

if TYPE_CHECKING:
    from agents.findings import Finding

ALERT_NAME: Final = "VigieFinding"
VALID_MS: Final = 600_000
"""How long an alert stays true if nobody repeats it: long enough for a worker to be replaced."""
TEXT_MAX: Final = 2_000
"""Characters of an annotation; what is longer is cut."""

_FRENCH: Final = {
    Severity.LOW: "pour information",
    Severity.MEDIUM: "à regarder dans la journée",
    Severity.HIGH: "à regarder dans l'heure",
    Severity.CRITICAL: "à regarder tout de suite",
}
_ENGLISH: Final = {
    Severity.LOW: "for information",
    Severity.MEDIUM: "look at it today",
    Severity.HIGH: "look at it within the hour",
    Severity.CRITICAL: "look at it now",
}


class AlertIdentity(NamedTuple):
    """The labels of an alert, its name apart."""

    finding_id: str
    detector: str
    severity: Severity
    sector: str
    flow: str

    @classmethod
    def of(cls, finding: Finding) -> AlertIdentity:
        """The labels of a revision."""
        return cls(
            finding.finding_id,
            finding.detector,
            finding.severity,
            finding.sector,
            finding.flow or "",
        )


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    Attributes:
        identity: its labels.
        finding: the newest revision of the finding, for the annotations.
        ended_ms: since when it is no longer true, milliseconds UTC; `None` while it is.
    """

    identity: AlertIdentity
    finding: Finding
    ended_ms: int | None

    @property
    def state(self) -> tuple[int, int | None]:
        """What tells this alert from an earlier telling of it."""
        return self.finding.revision, self.ended_ms

    def body(self, now_ms: int, page_url: str = "") -> dict[str, Any]:
        """As the API takes it.

        Args:
            now_ms: wall time; Alertmanager holds an alert's times against its own clock.
            page_url: of the live page, without a slash at its end; empty for no link.
        """
        finding, identity = self.finding, self.identity
        end_ms = now_ms + VALID_MS if self.ended_ms is None else min(self.ended_ms, now_ms)
        opened_ms = finding.opened_at_ms or finding.detected_at_ms
        # The stream's clock may run ahead of the wall's; an alert must not begin after its end.
        start_ms = min(opened_ms, now_ms if self.ended_ms is None else end_ms - 1)
        labels = {
            "alertname": ALERT_NAME,
            "finding": identity.finding_id,
            "detector": identity.detector,
            "severity": str(identity.severity).lower(),
            "sector": identity.sector,
        }
        if identity.flow:
            labels["flow"] = identity.flow
        link = f"{page_url}/#finding-{finding.finding_id}" if page_url else ""
        annotations = {
            "summary": _summary(identity, "Constat", " : ", _FRENCH),
            "description": _reasons(finding.reasons),
            "summary_en": _summary(identity, "Finding", ": ", _ENGLISH),
            "description_en": _reasons(finding.reasons_en),
            "patients": "" if finding.patients is None else str(finding.patients),
            "priority": f"{finding.priority:.0f}",
            "status": str(finding.status),
            "link": link,
        }
        body: dict[str, Any] = {
            "labels": labels,
            "annotations": {name: text for name, text in annotations.items() if text},
            "startsAt": _rfc_3339(start_ms),
            "endsAt": _rfc_3339(end_ms),
        }
        if link:
            body["generatorURL"] = link
        return body


def _summary(identity: AlertIdentity, noun: str, colon: str, asked: dict[Severity, str]) -> str:
    where = identity.sector if not identity.flow else f"{identity.sector}, {identity.flow}"
    what = f"{noun} {identity.detector} ({where})"
    return what + colon + asked[identity.severity] if identity.severity in asked else what


def _reasons(reasons: tuple[str, ...]) -> str:
    text = "\n".join(reasons)
    return text if len(text) <= TEXT_MAX else text[: TEXT_MAX - 1] + "…"


def _rfc_3339(time_ms: int) -> str:
    when = datetime.fromtimestamp(time_ms // 1000, tz=UTC)
    return when.replace(microsecond=time_ms % 1000 * 1000).isoformat(timespec="milliseconds")
