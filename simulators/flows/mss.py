"""MSSanté messages: letters and results to colleagues and patients after a visit (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from simulators.day import Care, rng_of
from simulators.events import BOX_TYPES, NO_ENTITY, NULL_FLAG, OUTCOMES, Events, code
from simulators.flows.telling import Draw, Told, habits, in_batches, tell, words_of
from simulators.pseudonyms import mix, salt_of
from simulators.rosters import CERTIFICATE, MSS
from streams.event_time import MINUTE_MS
from streams.topics import MSS_MESSAGES

if TYPE_CHECKING:
    from simulators.population import Int64Array, Population

PRO_PATIENT_RATIO: Final = 0.05
"""Domain reference §12.2 (assumption)."""
CORRESPONDENTS: Final = 24
"""Boxes that a structure writes to, the first ones most (assumption)."""

# Numbers of boxes: one per account, one application box per structure, one per patient.
_STRUCTURE_BOX: Final = 10_000_000
_PATIENT_BOX: Final = 100_000_000

_DIRECTIONS: Final = {"SENT": 78.0, "DELIVERED": 14.0, "READ": 6.0, "FAILED": 2.0}
_FAILURES: Final = {"UNKNOWN_BOX": 45.0, "MAILBOX_FULL": 25.0, "REFUSED": 10.0, "TEMP_FAIL": 20.0}
_SMTP_CODES: Final = {
    "UNKNOWN_BOX": "550",
    "MAILBOX_FULL": "422",
    "REFUSED": "541",
    "TEMP_FAIL": "451",
}


def mss_messages(population: Population, care: Care) -> Events:
    """The day's messages: of each, the last step that its operator has reported."""
    acts, count = care.acts[MSS], len(care.acts[MSS])
    seed = population.seed
    rng = rng_of(seed, MSS_MESSAGES, care.ordinal)
    machine = acts.account == CERTIFICATE
    to_patient = rng.random(count) < PRO_PATIENT_RATIO
    with_document = rng.random(count) < np.where(machine, 0.82, 0.45)
    patient = care.visits.patient[acts.visit]
    known = np.where(with_document | to_patient, patient, NO_ENTITY)
    direction = Draw(words_of(MSS_MESSAGES, "direction"), _DIRECTIONS)(rng.random(count))
    failed = direction == code(MSS_MESSAGES, "direction", "FAILED")
    dsn_words = words_of(MSS_MESSAGES, "dsn_class")
    number = rng.random(count)
    dsn = np.where(
        failed,
        Draw(dsn_words, _FAILURES)(number),
        Draw(dsn_words, {"DELIVERED": 9.0, "RELAYED": 1.0})(number),
    )
    dsn[direction == code(MSS_MESSAGES, "direction", "SENT")] = dsn_words.code("UNKNOWN")
    outcome_code = np.zeros(count, np.uint8)
    for word, smtp in _SMTP_CODES.items():
        rows = dsn == dsn_words.code(word)
        outcome_code[rows] = code(MSS_MESSAGES, "outcome_code", smtp)
    occurred = care.visits.at_ms[acts.visit] + rng.exponential(40.0 * MINUTE_MS, count).astype(
        np.int64
    )
    occurred[machine] = in_batches(occurred[machine], acts.structure[machine], seed, rng)
    correspondent = _correspondents(population, acts.structure, rng)
    practice = (population.habit[np.maximum(acts.account, 0)] * 10.0) % 1.0 < 0.3
    kinds = words_of(MSS_MESSAGES, "kind")
    person = np.where(practice, BOX_TYPES.code("CAB"), BOX_TYPES.code("PER"))
    return tell(
        population,
        care.local,
        MSS_MESSAGES,
        Told(
            structure=acts.structure,
            account=acts.account,
            patient=known,
            occurred_ms=occurred,
            auth=habits(population, MSS_MESSAGES, acts.account, rng),
            outcome=np.where(failed, OUTCOMES.code("FAILURE"), OUTCOMES.code("SUCCESS")).astype(
                np.uint8
            ),
            outcome_code=outcome_code,
        ),
        {
            "direction": direction,
            "kind": np.where(
                to_patient,
                kinds.code("PRO_PATIENT"),
                np.where(machine, kinds.code("APP_PRO"), kinds.code("PRO_PRO")),
            ).astype(np.uint8),
            "sender_box_pid": np.where(machine, _STRUCTURE_BOX + acts.structure, acts.account),
            "recipient_box_pid": np.where(to_patient, _PATIENT_BOX + patient, correspondent),
            "sender_box_type": np.where(machine, BOX_TYPES.code("APP"), person).astype(np.uint8),
            "recipient_box_type": np.where(
                to_patient, BOX_TYPES.code("PATIENT"), BOX_TYPES.code("PER")
            ).astype(np.uint8),
            "recipient_count": 1 + (rng.random(count) < 0.12) * rng.integers(1, 4, count),
            "has_xdm": with_document.astype(np.uint8),
            "ins_qualified": np.where(
                with_document, (rng.random(count) < 0.9).astype(np.uint8), np.uint8(NULL_FLAG)
            ),
            "dsn_class": dsn,
        },
        rng=rng,
    )


def _correspondents(
    population: Population, structures: Int64Array, rng: np.random.Generator
) -> Int64Array:
    """The box that each structure writes to: one of its usual correspondents' personal boxes."""
    rank = (CORRESPONDENTS * rng.random(len(structures)) ** 2.0).astype(np.int64)
    bits = mix(structures * CORRESPONDENTS + rank, salt_of(population.seed, "correspondent"))
    return (bits % np.uint64(len(population.home))).astype(np.int64)
