"""Innocent incidents of machines: a software upgrade, nightly jobs (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from simulators.attacks.accesses import OWN_NUMBERS, Looks, told_as_accesses, word
from simulators.attacks.incident import LOOKALIKE, UNCHANGED, Change, Incident
from simulators.attacks.params import ratio, whole
from simulators.attacks.whom import met_lately
from simulators.events import AUTH_METHODS, OUTCOMES, PLATFORMS, Events, code
from simulators.flows.telling import Told, latencies_ms, tell
from simulators.rosters import CERTIFICATE
from streams.event_time import HOUR_MS, MINUTE_MS, SECOND_MS
from streams.topics import INSI_CALLS, PLATFORM_ACCESSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulators.attacks.incident import Plan
    from simulators.events import Column
    from simulators.population import Int64Array
    from simulators.traffic import RegionDay

_AUTO = code(INSI_CALLS, "call_mode", "AUTO")


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A software version that makes every automatic INSi call twice, wherever it is installed.

    Attributes:
        share: structures that have the software.
        days: length.
    """

    share: float = ratio(0.3, most=1.0)
    days: int = whole(30, most=3_660)

    def incidents(self, plan: Plan) -> Sequence[Incident]:
        """One incident."""
        everyone = np.arange(len(plan.population.size))
        upgraded = everyone[plan.uniform(everyone, "has the software") < self.share]

        def change(today: RegionDay) -> Change:
            table = today.tables[INSI_CALLS]
            columns = table.columns
            doubled = (columns["call_mode"] == _AUTO) & np.isin(columns["structure_pid"], upgraded)
            again = dict(table.pick(np.flatnonzero(doubled)).columns)
            count = len(again["occurred_at"])
            if count == 0:
                return UNCHANGED
            later = plan.rng("again", today.care.ordinal).integers(1, 5 * SECOND_MS, count)
            occurred = today.care.local.clamp(again["occurred_at"] + later)
            again["recorded_at"] = occurred + again["recorded_at"] - again["occurred_at"]
            again["occurred_at"] = occurred
            return Change((Events(INSI_CALLS, again),))

        start = plan.opening()
        end = start + timedelta(days=self.days)
        nobody = upgraded[:0]
        return [Incident(plan.name, LOOKALIKE, start, end, nobody, upgraded, change)]


@dataclass(frozen=True, slots=True)
class NightJob:
    """A job that verifies a hospital's identities every night and updates their orientation files.

    It calls INSi with the hospital's certificate and reads the platform with a machine's account, from
    the hospital's network, for patients whom the hospital has met that day or lately.

    Attributes:
        calls: INSi verifications of a night.
        reads: patients looked up on the platform in a night.
        days: length.
    """

    calls: int = whole(300, least=0)
    reads: int = whole(60, least=0)
    days: int = whole(30, most=3_660)

    def incidents(self, plan: Plan) -> Sequence[Incident]:
        """One incident."""
        population = plan.population
        hospitals = population.structures_of("ES", "HOPITAL")
        large = hospitals[np.argsort(-population.size[hospitals], kind="stable")]
        large = large[: max(1, len(large) // 4)]
        structure = int(large[int(plan.rng("hospital").integers(0, len(large)))])
        account = plan.stranger_accounts(1)

        def change(today: RegionDay) -> Change:
            rng = plan.rng("night", today.care.ordinal)
            tables = (
                _verified(today, structure, self.calls, rng),
                _read_by_machine(today, int(account[0]), structure, self.reads, rng),
            )
            return Change([table for table in tables if table is not None and len(table)])

        start = plan.opening()
        end = start + timedelta(days=self.days)
        structures = np.array([structure])
        return [Incident(plan.name, LOOKALIKE, start, end, account, structures, change)]


def _by_night(today: RegionDay, hour: float, count: int, rng: np.random.Generator) -> Int64Array:
    start = today.care.local.start_ms + int(hour * HOUR_MS)
    times: Int64Array = np.sort(start + (rng.random(count) * 40 * MINUTE_MS).astype(np.int64))
    return times


def _verified(today: RegionDay, structure: int, calls: int, rng: np.random.Generator) -> Events:
    patient = met_lately(today, structure, calls, rng)
    count = len(patient)
    told = Told(
        structure=np.full(count, structure, np.int64),
        account=np.full(count, CERTIFICATE, np.int64),
        patient=patient,
        occurred_ms=_by_night(today, 2.0, count, rng),
        auth=np.full(count, AUTH_METHODS.code("CERT_STRUCTURE"), np.uint8),
        outcome=np.full(count, OUTCOMES.code("SUCCESS"), np.uint8),
        outcome_code=np.full(count, code(INSI_CALLS, "outcome_code", "VERIF_OK"), np.uint8),
    )
    one_by_one = code(INSI_CALLS, "operation", "VERIFICATION_UNITAIRE")
    own: dict[str, Column] = {
        "operation": np.full(count, one_by_one, np.uint8),
        "call_mode": np.full(count, _AUTO, np.uint8),
        "batch_size": np.ones(count, np.int64),
        "latency_ms": latencies_ms(rng, count, 380.0, 380),
    }
    return tell(today.population, today.care.local, INSI_CALLS, told, own, rng=rng)


def _read_by_machine(
    today: RegionDay, account: int, structure: int, reads: int, rng: np.random.Generator
) -> Events | None:
    patient = met_lately(today, structure, reads, rng)
    count = len(patient)
    if count == 0:
        return None
    looks = Looks(
        account=np.full(count, account, np.int64),
        structure=np.full(count, structure, np.int64),
        patient=patient,
        at_ms=_by_night(today, 3.0, count, rng),
        action=np.full(count, word("action", "READ_RECORD"), np.uint8),
        is_known=np.ones(count, np.bool_),
        auth=np.full(count, AUTH_METHODS.code("CERT_STRUCTURE"), np.uint8),
        network=np.full(count, structure, np.int64),
        net_class=np.full(count, word("net_class", "INTERNAL"), np.uint8),
        client=np.full(count, OWN_NUMBERS + account, np.int64),
        channel=np.full(count, code(PLATFORM_ACCESSES, "access_channel", "BATCH"), np.uint8),
        platform=np.full(count, PLATFORMS.code("VIATRAJECTOIRE"), np.uint8),
        searched=np.zeros(count, np.bool_),
    )
    return told_as_accesses(today, looks, rng)
