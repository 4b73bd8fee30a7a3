"""Platform accesses of an incident, from who looks at whom, when and with what (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from simulators.events import NO_ENTITY, NULL, OUTCOMES, Events, code
from simulators.flows.platform import SCOPE_CODES, care_context
from simulators.flows.platform_accounts import lifecycle
from simulators.flows.telling import Told, tell
from streams.event_time import SECOND_MS
from streams.topics import PLATFORM_ACCESSES

if TYPE_CHECKING:
    from simulators.population import CodeArray, Int64Array
    from simulators.traffic import RegionDay

BoolArray = npt.NDArray[np.bool_]

OWN_NUMBERS: Final = 1 << 62
"""Numbers from here on are those of incidents: events, sessions, networks, clients."""


def word(field: str, name: str) -> int:
    """The code of a word in a field of the platforms' accesses."""
    return code(PLATFORM_ACCESSES, field, name)


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """n reads of patients, an account's together and in the order in which it makes them.

    Attributes:
        account: shape (n,).
        structure: shape (n,).
        patient: shape (n,).
        at_ms: shape (n,), ascending within an account.
        action: shape (n,), codes.
        is_known: shape (n,), whether the structure has met the patient lately.
        auth: shape (n,), codes.
        network: shape (n,), numbers.
        net_class: shape (n,), codes.
        client: shape (n,), numbers.
        channel: shape (n,), codes.
        platform: shape (n,), codes.
        searched: shape (n,), whether a search for the patient comes before.
    """

    account: Int64Array
    structure: Int64Array
    patient: Int64Array
    at_ms: Int64Array
    action: CodeArray
    is_known: BoolArray
    auth: CodeArray
    network: Int64Array
    net_class: CodeArray
    client: Int64Array
    channel: CodeArray
    platform: CodeArray
    searched: BoolArray


SESSION_GAP_MS: Final = 30 * 60 * SECOND_MS
"""Silence after which an account has to log in again."""
_SEARCH_LEAD_MS: Final = 4 * SECOND_MS
_LOGIN_LEAD_MS: Final = 9 * SECOND_MS


def told_as_accesses(today: RegionDay, looks: Looks, rng: np.random.Generator) -> Events:
    """The reads with the logins and searches that lead to them; event numbers are given later."""
    count = len(looks.account)
    opens = np.ones(count, np.bool_)
    same = looks.account[1:] == looks.account[:-1]
    opens[1:] = ~same | (np.diff(looks.at_ms) > SESSION_GAP_MS)
    opened = np.cumsum(opens) - 1
    # Sessions are counted anew for every account, whose rows lie together.
    of_account = np.concatenate([[True], ~same]) if count else opens
    session = opened - opened[of_account][np.cumsum(of_account) - 1]
    reads, logins, searches = (
        np.arange(count),
        np.flatnonzero(opens),
        np.flatnonzero(looks.searched),
    )
    row = np.concatenate([logins, searches, reads])
    lead = np.repeat([_LOGIN_LEAD_MS, _SEARCH_LEAD_MS, 0], [len(logins), len(searches), count])
    is_read = lead == 0
    action = np.concatenate(
        [
            np.full(len(logins), word("action", "LOGIN_OK"), np.uint8),
            np.full(len(searches), word("action", "SEARCH_PATIENT"), np.uint8),
            looks.action,
        ]
    )
    is_search = action == word("action", "SEARCH_PATIENT")
    patient = np.where(is_read, looks.patient[row], NO_ENTITY)
    total = len(row)
    number = OWN_NUMBERS + (today.care.ordinal << 36) + (looks.account[row] << 14) + session[row]
    return tell(
        today.population,
        today.care.local,
        PLATFORM_ACCESSES,
        Told(
            structure=looks.structure[row],
            account=looks.account[row],
            patient=patient,
            occurred_ms=looks.at_ms[row] - lead,
            auth=looks.auth[row],
            outcome=np.full(total, OUTCOMES.code("SUCCESS"), np.uint8),
            outcome_code=np.zeros(total, np.uint8),
        ),
        {
            "platform": looks.platform[row],
            "action": action,
            "resource_scope": SCOPE_CODES[action],
            "access_channel": looks.channel[row],
            "result_count": np.where(is_search, rng.geometric(0.45, total), NULL),
            "care_context": care_context(is_read, is_read & looks.is_known[row], rng),
            "directory_step": np.full(total, NULL, np.int64),
            "session_pid": number,
            "net_pid": looks.network[row],
            "client_pid": looks.client[row],
            "net_class": looks.net_class[row],
            "service_lifecycle": lifecycle(looks.platform[row], today.care.local.day),
        },
        rng=rng,
    )
