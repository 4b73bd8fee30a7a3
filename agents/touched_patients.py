"""Which patients an account touched within a window, from the events themselves (pure)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import polars as pl

from streams.topics import EPRESCRIPTIONS, INSI_CALLS, PLATFORM_ACCESSES

if TYPE_CHECKING:
    from agents.findings import Finding

TOUCHING_FLOWS: Final = (PLATFORM_ACCESSES, INSI_CALLS, EPRESCRIPTIONS)
"""Flows whose events can show a patient to an account."""

_MEMBER: Final = "member_"


def accounts_of(finding: Finding) -> tuple[str, ...]:
    """Pseudonyms of the accounts that a finding is about; none for a broken flow.

    A structure whose certificate acts without a person is an account of its own.
    """
    members = [
        str(value) for name, value in finding.evidence.items() if name.startswith(_MEMBER) and value
    ]
    own = finding.actor_pid or finding.structure_pid
    return tuple(members) or ((own,) if own else ())


def masked(finding: Finding) -> Finding:
    """A finding without the pseudonyms of whom it is about."""
    evidence = {k: v for k, v in finding.evidence.items() if not k.startswith(_MEMBER)}
    return replace(finding, structure_pid=None, actor_pid=None, evidence=evidence)


def touched(
    flow: str, frame: pl.DataFrame, accounts: tuple[str, ...], start_ms: int, end_ms: int
) -> pl.DataFrame:
    """Events that showed a patient to one of the accounts: columns `patient_pid`, `time_ms`, `flow`.

    Args:
        flow: topic of the events.
        frame: the events, as the codec or a recording gives them.
        accounts: pseudonyms.
        start_ms: start of the window, included.
        end_ms: its end, excluded.
    """
    is_wanted = (
        pl.coalesce("actor_pid", "structure_pid").is_in(accounts)
        & pl.col("patient_pid").is_not_null()
        & (pl.col("occurred_at") >= start_ms)
        & (pl.col("occurred_at") < end_ms)
    )
    if flow == EPRESCRIPTIONS:
        # Whoever writes or dispenses a prescription has the patient before him.
        is_wanted &= pl.col("event").cast(pl.String) == "CONSULTED"
    return frame.filter(is_wanted).select(
        "patient_pid", pl.col("occurred_at").alias("time_ms"), pl.lit(flow).alias("flow")
    )


def by_patient(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """A row per patient, the first touched first.

    Columns: `patient_pid`, `count` (events), `first_ms`, `last_ms`, `flows` (sorted, joined by commas).
    """
    schema = {"patient_pid": pl.String, "time_ms": pl.Int64, "flow": pl.String}
    return (
        pl.concat([pl.DataFrame(schema=schema), *parts])
        .group_by("patient_pid")
        .agg(
            pl.len().cast(pl.Int64).alias("count"),
            pl.col("time_ms").min().alias("first_ms"),
            pl.col("time_ms").max().alias("last_ms"),
            pl.col("flow").unique().sort().str.join(", ").alias("flows"),
        )
        .sort("first_ms", "patient_pid")
    )
