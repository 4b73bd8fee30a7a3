"""What people tell the service around the simulated day: figures that no flow shows, and verdicts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Final

from agents.findings import VerdictKind, verdict_bytes
from agents.objectives.declared import declaration_bytes
from agents.objectives.declared_lines import read_declarations
from agents.objectives.loading import load_objectives
from agents.verdicts import verdict_on
from simulators.partitions import partition_of
from streams.codec import SliceCodec
from streams.schemas import Schemas
from streams.settings import Settings
from streams.topics import DECLARATIONS, VERDICTS

if TYPE_CHECKING:
    from agents.findings import Finding
    from tests.support.simulated_log import MemoryLog

_HEAD: Final = "indicateur;mois;portee;numerateur;denominateur;taux;source\n"
_PROFILES: Final = {"02": 520, "59": 2_600, "60": 830, "62": 1_460, "80": 570}
"""Thousands of insured persons by department, about; what matters is that they are declared."""
_OLD: Final = {"02": 0.19, "59": 0.22, "60": 0.21, "62": 0.20, "80": 0.23}
_NEW: Final = {"02": 0.30, "59": 0.35, "60": 0.33, "62": 0.31, "80": 0.36}

OCTOBER: Final = ("2025-10", _OLD)
NOVEMBER: Final = ("2025-11", _NEW)


def declare(log: MemoryLog, snapshot: tuple[str, dict[str, float]], at_ms: int) -> None:
    """Publish a month's activations of Mon espace santé and prescriptions, by department."""
    month, shares = snapshot
    settings = Settings()
    objectives = load_objectives("", settings.departments)
    assert objectives is not None
    sheet = _HEAD + "".join(_lines(month, shares))
    several = read_declarations(
        sheet, "simulated", objectives.grounds.registry, objectives.scopes, date(2025, 12, 9)
    )
    codec = SliceCodec(Schemas.load(), None)
    for one, value in zip(several, declaration_bytes(several, codec), strict=True):
        log.append(DECLARATIONS, 0, at_ms=at_ms, key=one.key.encode(), value=value)


def confirm(log: MemoryLog, finding: Finding, at_ms: int) -> None:
    """Publish an analyst's verdict on a finding, and one on a finding that nobody knows."""
    codec = SliceCodec(Schemas.load(), None)
    known = verdict_on(finding, VerdictKind.CONFIRMED, at_ms)
    for verdict in (known, replace(known, finding_id="0" * len(known.finding_id))):
        key = verdict.structure_pid.encode()
        log.append(
            VERDICTS,
            partition_of(key, log.partitions),
            at_ms=at_ms,
            key=key,
            value=verdict_bytes(verdict, codec),
        )


def _lines(month: str, shares: dict[str, float]) -> list[str]:
    active = {name: round(1000 * _PROFILES[name] * share) for name, share in shares.items()}
    rows = [(name, active[name], 1000 * _PROFILES[name]) for name in active]
    rows.append(("REGION", sum(active.values()), 1000 * sum(_PROFILES.values())))
    found = [f"mes_activation_2026;{month};{place};{n};{of};;simulation\n" for place, n, of in rows]
    for place, _, of in rows:
        found.append(f"prescriptions_ecrites;{month};{place};{of // 100};;;simulation\n")
    return found
