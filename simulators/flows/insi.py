"""INSi calls: an identity is looked up or verified when a patient is admitted (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from simulators.day import Care, rng_of
from simulators.events import NULL, OUTCOMES, Events, code
from simulators.flows.telling import Draw, Told, by_couloir, habits, latencies_ms, tell, words_of
from simulators.rosters import CERTIFICATE, INSI
from streams.event_time import MINUTE_MS
from streams.topics import INSI_CALLS

if TYPE_CHECKING:
    from simulators.population import Population

# The card is read where the patient stands; hospitals also work from traits and lists (assumption).
_TOWN: Final = {"RECHERCHE_VITALE": 0.68, "RECHERCHE_TRAITS": 0.24, "VERIFICATION_UNITAIRE": 0.08}
_OPERATIONS: Final[dict[str, dict[str, float]]] = {
    "HOPITAL": {
        "RECHERCHE_VITALE": 0.15,
        "RECHERCHE_TRAITS": 0.5,
        "VERIFICATION_UNITAIRE": 0.27,
        "VERIFICATION_MASSE": 0.08,
    },
    "LABO_BIOLOGIE": {
        "RECHERCHE_VITALE": 0.4,
        "RECHERCHE_TRAITS": 0.4,
        "VERIFICATION_UNITAIRE": 0.17,
        "VERIFICATION_MASSE": 0.03,
    },
    "MEDICO_SOCIAL": {"RECHERCHE_TRAITS": 0.8, "VERIFICATION_UNITAIRE": 0.2},
    "MEDECINE_VILLE": _TOWN,
    "OFFICINE": _TOWN,
    "RADIOLOGIE": _TOWN,
    "AUTRE": _TOWN,
    "INCONNU": _TOWN,
}
_SEARCH: Final = {"R00": 88.0, "R01": 8.0, "R02": 2.0, "FAULT": 2.0}
_VERIFY: Final = {"VERIF_OK": 95.0, "VERIF_KO": 3.0, "FAULT": 2.0}
"""Result mixes: the searches' is the domain reference's (§12.2), the verifications' assumed."""


def insi_calls(population: Population, care: Care) -> Events:
    """The day's calls."""
    acts, count = care.acts[INSI], len(care.acts[INSI])
    rng = rng_of(population.seed, INSI_CALLS, care.ordinal)
    couloir = population.couloir[acts.structure]
    operation = by_couloir(INSI_CALLS, "operation", _OPERATIONS, couloir, rng.random(count))
    verifies = operation >= code(INSI_CALLS, "operation", "VERIFICATION_UNITAIRE")
    number = rng.random(count)
    codes = words_of(INSI_CALLS, "outcome_code")
    outcome_code = np.where(verifies, Draw(codes, _VERIFY)(number), Draw(codes, _SEARCH)(number))
    good = (outcome_code == codes.code("R00")) | (outcome_code == codes.code("VERIF_OK"))
    by_list = operation == code(INSI_CALLS, "operation", "VERIFICATION_MASSE")
    automatic = by_list | ((acts.account == CERTIFICATE) & (rng.random(count) < 0.6))
    return tell(
        population,
        care.local,
        INSI_CALLS,
        Told(
            structure=acts.structure,
            account=acts.account,
            patient=care.visits.patient[acts.visit],
            occurred_ms=care.visits.at_ms[acts.visit]
            + rng.exponential(1.5 * MINUTE_MS, count).astype(np.int64),
            auth=habits(population, INSI_CALLS, acts.account, rng),
            outcome=np.where(good, OUTCOMES.code("SUCCESS"), OUTCOMES.code("FAILURE")).astype(
                np.uint8
            ),
            outcome_code=outcome_code,
        ),
        {
            "operation": operation,
            "call_mode": automatic.astype(np.uint8),
            "batch_size": np.where(by_list, rng.integers(20, 2000, count), 1),
            "latency_ms": latencies_ms(rng, count, 380.0, NULL),
        },
        rng=rng,
    )
