"""DMP deposits: the documents that a visit leaves behind (pure)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np

from simulators.day import Care, rng_of
from simulators.events import (
    DOC_CLASSES,
    DOC_TYPES,
    NULL,
    OUTCOMES,
    Events,
    Words,
    code,
)
from simulators.flows.telling import (
    Draw,
    Told,
    by_couloir,
    habits,
    in_batches,
    latencies_ms,
    tell,
    words_of,
)
from simulators.rosters import CERTIFICATE, DMP
from streams.event_time import MINUTE_MS
from streams.topics import DMP_DEPOSITS

if TYPE_CHECKING:
    from simulators.population import Population

_CLASS_OF: Final[dict[str, str]] = {
    "11502-2": "BIOLOGIE",
    "60568-3": "BIOLOGIE",
    "18748-4": "IMAGERIE",
    "11490-0": "SORTIE_SEJOUR",
    "34112-3": "SORTIE_SEJOUR",
    "15507-7": "SORTIE_SEJOUR",
    "34874-8": "CR_OPERATOIRE",
    "11488-4": "CR_CONSULTATION",
    "57833-6": "PRESCRIPTION",
    "PRESC-BIO": "PRESCRIPTION",
    "PRESC-INF": "PRESCRIPTION",
    "PRESC-KINE": "PRESCRIPTION",
    "PRESC-AAT": "ARRET_TRAVAIL",
    "60591-5": "AUTRE",
    "60593-1": "AUTRE",
    "87273-9": "VACCINATION",
    "28653-4": "MEDICO_SOCIAL",
    "80788-3": "MEDICO_SOCIAL",
}
_CLASS_CODES: Final = np.array(
    [DOC_CLASSES.code(_CLASS_OF[word]) for word in DOC_TYPES.words], np.uint8
)

# What each couloir deposits: codes per couloir of the domain reference §3.2, shares assumed so that
# biology and prescriptions come to about 39 and 23 % of a month (2024, national).
_TYPES: Final[dict[str, dict[str, float]]] = {
    "LABO_BIOLOGIE": {"11502-2": 97, "60568-3": 3},
    "MEDECINE_VILLE": {
        "57833-6": 46,
        "PRESC-BIO": 12,
        "PRESC-INF": 4,
        "PRESC-KINE": 4,
        "PRESC-AAT": 6,
        "11488-4": 21,
        "60591-5": 4,
        "87273-9": 3,
    },
    "HOPITAL": {
        "34112-3": 25,
        "11490-0": 30,
        "34874-8": 8,
        "11488-4": 20,
        "15507-7": 7,
        "11502-2": 10,
    },
    "RADIOLOGIE": {"18748-4": 1},
    "OFFICINE": {"60593-1": 70, "87273-9": 30},
    "MEDICO_SOCIAL": {"28653-4": 55, "80788-3": 45},
}
SICK_LEAVE_FROM: Final = date(2025, 1, 1)
"""Sick-leave forms are sent to the DMP « à compter de 2025 » (domain reference §1.5)."""

_CODES: Final = {
    "OK": 95.0,
    "INS_NOT_QUALIFIED": 1.6,
    "DMP_CLOSED": 0.8,
    "OPPOSITION": 0.5,
    "DUPLICATE": 0.6,
    "FORMAT_ERROR": 0.4,
    "PATIENT_UNKNOWN": 0.3,
    "AUTH_ERROR": 0.2,
    "TECHNICAL_ERROR": 0.6,
}
_OPERATIONS: Final = {"SUBMIT": 96.5, "REPLACE": 2.5, "DELETE": 0.5, "METADATA": 0.5}


def dmp_deposits(population: Population, care: Care) -> Events:
    """The day's deposits."""
    acts, count = care.acts[DMP], len(care.acts[DMP])
    seed = population.seed
    rng = rng_of(seed, DMP_DEPOSITS, care.ordinal)
    couloir = population.couloir[acts.structure]
    types = by_couloir(DMP_DEPOSITS, "doc_type", _types(care.local.day), couloir, rng.random(count))
    outcome_code = Draw(words_of(DMP_DEPOSITS, "outcome_code"), _CODES)(rng.random(count))
    good = outcome_code == code(DMP_DEPOSITS, "outcome_code", "OK")
    unqualified = outcome_code == code(DMP_DEPOSITS, "outcome_code", "INS_NOT_QUALIFIED")
    occurred = care.visits.at_ms[acts.visit] + rng.exponential(14.0 * MINUTE_MS, count).astype(
        np.int64
    )
    machine = acts.account == CERTIFICATE
    occurred[machine] = in_batches(occurred[machine], acts.structure[machine], seed, rng)
    several = (rng.random(count) < 0.05) * rng.integers(1, 4, count)
    return tell(
        population,
        care.local,
        DMP_DEPOSITS,
        Told(
            structure=acts.structure,
            account=acts.account,
            patient=care.visits.patient[acts.visit],
            occurred_ms=occurred,
            auth=habits(population, DMP_DEPOSITS, acts.account, rng),
            outcome=np.where(good, OUTCOMES.code("SUCCESS"), OUTCOMES.code("FAILURE")).astype(
                np.uint8
            ),
            outcome_code=outcome_code,
        ),
        {
            "operation": Draw(words_of(DMP_DEPOSITS, "operation"), _OPERATIONS)(rng.random(count)),
            "doc_type": types,
            "doc_class": _CLASS_CODES[types],
            "doc_count": 1 + several,
            "depositor": np.zeros(count, np.uint8),
            "ins_status": _ins_status(rng, unqualified),
            "latency_ms": latencies_ms(rng, count, 900.0, NULL),
        },
        rng=rng,
    )


def _types(day: date) -> dict[str, dict[str, float]]:
    if day >= SICK_LEAVE_FROM:
        return _TYPES
    town = {word: share for word, share in _TYPES["MEDECINE_VILLE"].items() if word != "PRESC-AAT"}
    return {**_TYPES, "MEDECINE_VILLE": town}


def _ins_status(rng: np.random.Generator, unqualified: np.ndarray) -> np.ndarray:
    words: Words = words_of(DMP_DEPOSITS, "ins_status")
    weak = Draw(words, {"VALI": 50, "PROV": 30, "RECUP": 20})(rng.random(len(unqualified)))
    return np.where(unqualified, weak, np.uint8(words.code("QUAL")))
