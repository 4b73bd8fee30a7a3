"""What all flows share: draws by share, means of authentication, arrival, common columns (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from simulators.events import AUTH_METHODS, FIELDS, Column, Events, Words
from simulators.pseudonyms import salt_of, uniform
from simulators.rosters import CERTIFICATE
from streams.event_time import HOUR_MS, MINUTE_MS, SECOND_MS
from streams.topics import (
    DMP_DEPOSITS,
    EPRESCRIPTIONS,
    FLOWS,
    INSI_CALLS,
    MSS_MESSAGES,
    PLATFORM_ACCESSES,
)
from streams.vocabulary import COULOIRS

if TYPE_CHECKING:
    from simulators.calendar import LocalDay
    from simulators.population import CodeArray, FloatArray, Int64Array, Population

LATEST_MS: Final = 20 * HOUR_MS
"""No event is recorded later than this after it occurred."""

_CERTIFICATE_CODE: Final = AUTH_METHODS.code("CERT_STRUCTURE")

# Shares of accounts by their usual means. Platform: assumption of the domain reference §12.2, with
# Pro Santé Connect split 72/28 as there; the other flows: assumptions (cards where the law asks them).
AUTH_SHARES: Final[dict[str, dict[str, float]]] = {
    DMP_DEPOSITS: {"CPS_CARD": 0.78, "PSC_CPS": 0.14, "PSC_ECPS": 0.08},
    MSS_MESSAGES: {"PSC_CPS": 0.3, "PSC_ECPS": 0.25, "PWD_OTP_SMS": 0.3, "PWD_ONLY": 0.15},
    INSI_CALLS: {"CPS_CARD": 1.0},
    EPRESCRIPTIONS: {"CPS_CARD": 0.85, "PSC_CPS": 0.07, "PSC_ECPS": 0.05, "PSC_FI_LOCAL": 0.03},
    PLATFORM_ACCESSES: {"PWD_ONLY": 0.35, "PWD_OTP_SMS": 0.25, "PSC_CPS": 0.28, "PSC_ECPS": 0.12},
}
FAITHFUL_RATIO: Final = 0.97
"""How often an account keeps to its usual means (assumption)."""


class Draw:
    """Codes of words, drawn by share.

    Args:
        words: the field's words.
        shares: share of each word that occurs; they are normalised.
    """

    def __init__(self, words: Words, shares: dict[str, float]) -> None:
        self._codes = np.array([words.code(word) for word in shares], np.uint8)
        self._line = np.cumsum(np.array(list(shares.values()), np.float64))
        self._line /= self._line[-1]

    def __call__(self, number: FloatArray) -> CodeArray:
        """One code for each number in [0, 1)."""
        codes: CodeArray = self._codes[np.searchsorted(self._line[:-1], number, side="right")]
        return codes


def words_of(flow: str, field: str) -> Words:
    """The words of a flow's field."""
    kind = FIELDS[flow][field]
    if not isinstance(kind, Words):
        raise TypeError(f"{flow}.{field} holds no words")
    return kind


def by_couloir(
    flow: str,
    field: str,
    shares: dict[str, dict[str, float]],
    couloir: CodeArray,
    number: FloatArray,
) -> CodeArray:
    """Codes of a field drawn by the shares of each row's couloir."""
    codes = np.zeros(len(couloir), np.uint8)
    for name, words in shares.items():
        rows = np.flatnonzero(couloir == COULOIRS.index(name))
        codes[rows] = Draw(words_of(flow, field), words)(number[rows])
    return codes


def habits(
    population: Population, flow: str, account: Int64Array, rng: np.random.Generator
) -> CodeArray:
    """Means of authentication of n acts: an account's usual one, now and then another."""
    usual = population.habit[account]
    other = rng.random(len(account))
    strays = rng.random(len(account)) >= FAITHFUL_RATIO
    codes = Draw(AUTH_METHODS, AUTH_SHARES[flow])(np.where(strays, other, usual))
    return np.where(account == CERTIFICATE, np.uint8(_CERTIFICATE_CODE), codes)


def in_batches(
    times_ms: Int64Array, structures: Int64Array, seed: int, rng: np.random.Generator
) -> Int64Array:
    """Instants moved to the structure's next sending, every 15 minutes, seconds apart."""
    period = 15 * MINUTE_MS
    phase = (uniform(structures, salt_of(seed, "sending")) * period).astype(np.int64)
    sending = times_ms + (phase - times_ms) % period
    return sending + rng.exponential(6.0 * SECOND_MS, len(times_ms)).astype(np.int64)


def delays_ms(
    population: Population,
    flow: str,
    ordinal: int,
    structures: Int64Array,
    rng: np.random.Generator,
) -> Int64Array:
    """From occurrence to record: under a second mostly, minutes at times, hours when a link is down.

    On a bad day (1 of 100 per structure and flow) everything of the structure waits a few hours.
    """
    number = rng.random(len(structures))
    spread = rng.standard_normal(len(structures))
    delay = 700.0 * np.exp(0.9 * spread)
    minutes = number < 0.04
    delay[minutes] = 4.0 * MINUTE_MS * np.exp(0.8 * spread[minutes])
    hours = number < 0.003
    delay[hours] = 2.5 * HOUR_MS * np.exp(0.7 * spread[hours])
    bad_day = uniform(structures, salt_of(population.seed, f"{flow} {ordinal}")) < 0.01
    delay[bad_day] += 3.0 * HOUR_MS * (0.5 + number[bad_day])
    return np.clip(delay, 1, LATEST_MS).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """n acts of a flow, before its own fields.

    Attributes:
        structure: shape (n,).
        account: shape (n,), -1 for a certificate.
        patient: shape (n,), -1 for none.
        occurred_ms: shape (n,).
        auth: shape (n,), codes.
        outcome: shape (n,), codes.
        outcome_code: shape (n,), codes of the flow's words.
    """

    structure: Int64Array
    account: Int64Array
    patient: Int64Array
    occurred_ms: Int64Array
    auth: CodeArray
    outcome: CodeArray
    outcome_code: CodeArray


def tell(
    population: Population,
    local: LocalDay,
    flow: str,
    told: Told,
    own: dict[str, Column],
    *,
    rng: np.random.Generator,
) -> Events:
    """The day's events of a flow, in the order of the acts."""
    count = len(told.structure)
    ordinal = local.day.toordinal()
    occurred = local.clamp(told.occurred_ms)
    zeros = np.zeros(count, np.uint8)
    return Events(
        flow,
        {
            "event_id": (ordinal << 24) + np.arange(count),
            "occurred_at": occurred,
            "recorded_at": occurred + delays_ms(population, flow, ordinal, told.structure, rng),
            "source_system": np.full(count, FLOWS.index(flow), np.uint8),
            "sector": population.sector[told.structure],
            "couloir": population.couloir[told.structure],
            "department": population.department[told.structure],
            "structure_pid": told.structure,
            "actor_pid": told.account,
            "patient_pid": told.patient,
            "auth_method": told.auth,
            "outcome": told.outcome,
            "outcome_code": told.outcome_code,
            "key_id": zeros,
            **own,
        },
    )


def latencies_ms(
    rng: np.random.Generator, count: int, median_ms: float, null: int
) -> npt.NDArray[np.int64]:
    """Answer times, log-normal; 3 % were not measured."""
    latency = (median_ms * np.exp(0.6 * rng.standard_normal(count))).astype(np.int64)
    return np.where(rng.random(count) < 0.03, null, latency)
