"""Ordonnances numériques: written by prescribers, consulted and filled by pharmacies (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from simulators.day import DISPENSED_KINDS_RATIO, Care, is_hospital, kind_uniform, rng_of
from simulators.events import OUTCOMES, Column, Events, code
from simulators.flows.telling import Draw, Told, habits, tell, words_of
from simulators.pseudonyms import uniform
from simulators.rosters import DISPENSED, PRESCRIBED
from streams.event_time import SECOND_MS
from streams.topics import EPRESCRIPTIONS

if TYPE_CHECKING:
    from simulators.population import CodeArray, Int64Array, Population

# Pharmacies fill the first two, 75 % together (`DISPENSED_KINDS_RATIO`); shares assumed.
_KINDS: Final = {
    "MEDICAMENT": DISPENSED_KINDS_RATIO - 0.05,
    "LPP": 0.05,
    "BIOLOGIE": 0.14,
    "INFIRMIER": 0.05,
    "KINE": 0.04,
    "AUTRE": 0.02,
}
_DISPENSED: Final = {"DISPENSED_FULL": 81.0, "DISPENSED_PARTIAL": 18.0, "LINE_REFUSED": 1.0}
CANCELLED_RATIO: Final = 0.008
"""Prescriptions withdrawn by their writer (assumption)."""
TELECONSULTATION_RATIO: Final = 0.05
"""Town prescriptions written at a distance (assumption)."""


def eprescriptions(population: Population, care: Care) -> Events:
    """The day's steps: creation, a few withdrawals, consultation before every dispensation."""
    rng = rng_of(population.seed, EPRESCRIPTIONS, care.ordinal)
    writing, filling = care.acts[PRESCRIBED], care.acts[DISPENSED]
    filled = np.flatnonzero(care.filled >= 0)
    withdrawn = np.flatnonzero(rng.random(len(writing)) < CANCELLED_RATIO)
    at_counter = care.visits.at_ms[filling.visit[filled]]
    looking = rng.uniform(40, 240, len(filled)) * SECOND_MS
    steps = (
        (writing, np.arange(len(writing)), care.prescribed, care.prescribed_at_ms, "CREATED"),
        (
            writing,
            withdrawn,
            care.prescribed[withdrawn],
            care.prescribed_at_ms[withdrawn]
            + (rng.exponential(900.0, len(withdrawn)) * SECOND_MS).astype(np.int64),
            "CANCELLED",
        ),
        (filling, filled, care.filled[filled], at_counter - looking.astype(np.int64), "CONSULTED"),
        (filling, filled, care.filled[filled], at_counter, ""),
    )
    number = np.concatenate([numbers for _, _, numbers, _, _ in steps])
    count = len(number)
    dispensed = Draw(words_of(EPRESCRIPTIONS, "event"), _DISPENSED)(rng.random(len(filled)))
    event = np.concatenate(
        [
            np.full(len(rows), code(EPRESCRIPTIONS, "event", word), np.uint8) if word else dispensed
            for _, rows, _, _, word in steps
        ]
    )
    account = _gather([(acts.account, rows) for acts, rows, _, _, _ in steps])
    lines = 1 + np.floor(5.0 * uniform(number, 0x6C696E65) ** 1.6).astype(np.int64)
    failed = (rng.random(count) < 0.006) & (event == code(EPRESCRIPTIONS, "event", "CONSULTED"))
    return tell(
        population,
        care.local,
        EPRESCRIPTIONS,
        Told(
            structure=_gather([(acts.structure, rows) for acts, rows, _, _, _ in steps]),
            account=account,
            patient=_gather(
                [(care.visits.patient[acts.visit], rows) for acts, rows, _, _, _ in steps]
            ),
            occurred_ms=np.concatenate([at_ms for _, _, _, at_ms, _ in steps]),
            auth=habits(population, EPRESCRIPTIONS, account, rng),
            outcome=np.where(failed, OUTCOMES.code("FAILURE"), OUTCOMES.code("SUCCESS")).astype(
                np.uint8
            ),
            outcome_code=np.where(
                failed, code(EPRESCRIPTIONS, "outcome_code", "TECHNICAL_ERROR"), 0
            ).astype(np.uint8),
        ),
        {
            "event": event,
            "kind": Draw(words_of(EPRESCRIPTIONS, "kind"), _KINDS)(kind_uniform(number)),
            "origin": _origin(number),
            "prescription_pid": number,
            "line_count": lines,
            "lines_dispensed": _lines_dispensed(event, lines),
        },
        rng=rng,
    )


def _gather(pairs: list[tuple[Int64Array, Int64Array]]) -> Int64Array:
    return np.concatenate([values[rows] for values, rows in pairs])


def _lines_dispensed(event: CodeArray, lines: Int64Array) -> Column:
    whole = event == code(EPRESCRIPTIONS, "event", "DISPENSED_FULL")
    part = event == code(EPRESCRIPTIONS, "event", "DISPENSED_PARTIAL")
    return np.where(whole, lines, np.where(part, np.maximum(lines - 1, 1), 0))


def _origin(number: Int64Array) -> CodeArray:
    remote = uniform(number, 0x74656C65) < TELECONSULTATION_RATIO
    town = np.where(
        remote,
        code(EPRESCRIPTIONS, "origin", "TELECONSULTATION"),
        code(EPRESCRIPTIONS, "origin", "VILLE"),
    )
    hospital = code(EPRESCRIPTIONS, "origin", "PHEV")
    return np.where(is_hospital(number), hospital, town).astype(np.uint8)
