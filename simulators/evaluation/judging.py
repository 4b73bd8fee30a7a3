"""The seam to what is evaluated: frames go in, findings come out (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl


@dataclass(frozen=True, slots=True)
class Alert:
    """One revision of a finding, as far as it is evaluated.

    Attributes:
        finding_id: of the incident.
        at_ms: event time at which this revision was concluded.
        detectors: all that agree, the leading one first.
        severity: word of `Severity`.
        actor_pid: the account, if one.
        structure_pid: the structure, if one.
        flow: the flow, if one.
        sector: the sector.
        is_open: whether it asks for an analyst.
    """

    finding_id: str
    at_ms: int
    detectors: tuple[str, ...]
    severity: str
    actor_pid: str | None = None
    structure_pid: str | None = None
    flow: str | None = None
    sector: str = "NR"
    is_open: bool = True


class Judge(Protocol):
    """Whatever concludes from frames in the order of arrival."""

    def take(self, flow: str, frame: pl.DataFrame) -> None:
        """Take the next frame of one flow."""

    def advance(self, at_ms: int) -> None:
        """Everything that arrived before an instant was taken."""

    def finish(self) -> Sequence[Alert]:
        """Everything concluded, in order."""
