"""Looks at patients as rows of numbers, whatever flow they come in (pure).

Three flows show an account looking at a patient: accesses to the platforms, searches of an identity by
traits (INSi), and consultations of a prescription. One account may do all three, each with a rhythm of
its own; so it has one row in the table of accounts for each of these *surfaces*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from agents.detectors.base import NO_STEP, UNKNOWN, Act
from agents.series import enum_numbers
from agents.waiting import DUE_FIELDS, DueRows
from streams.digests import NONE, pair_digests
from streams.texts import Labels
from streams.topics import EPRESCRIPTIONS, INSI_CALLS, PLATFORM_ACCESSES
from streams.vocabulary import COULOIRS, OUTCOMES, SECTORS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agents.accounts import Accounts
    from streams.digests import UInt64Array
    from streams.event_columns import EventColumns
    from streams.event_time import Int64Array
    from streams.texts import Texts

SURFACES: Final = (PLATFORM_ACCESSES, INSI_CALLS, EPRESCRIPTIONS)

PLATFORMS: Final = ("AUTRE", "PREDICE", "VIATRAJECTOIRE", "ROR", "PORTAIL_REGIONAL")
"""Any other platform counts as the first."""

GROUPS: Final = (len(PLATFORMS) + len(SURFACES) - 1) * len(COULOIRS) * len(SECTORS)
"""Peer groups: a role (couloir) in a sector on a platform, or on another surface."""

ACCESS: Final = np.dtype(
    [
        *DUE_FIELDS,
        ("time_ms", "<i8"),
        ("pair", "<u8"),
        ("patient", "<u8"),
        ("net", "<u8"),
        ("client", "<u8"),
        ("account", "<u4"),
        ("directory_step", "<i4"),
        ("group", "<u2"),
        ("surface", "u1"),
        ("act", "u1"),
        ("auth_method", "u1"),
        ("net_class", "u1"),
        ("service_lifecycle", "u1"),
        ("care_context", "i1"),
        ("is_failure", "?"),
    ]
)
"""A look by number.

`pair` is the digest of structure and patient, `NONE` where no care relation is asked for; `patient`,
`net` and `client` are digests of pseudonyms, `NONE` for null; `account` is the row of the table;
`directory_step` is `NO_SHORT_STEP` for null; `group` is the peer group, `surface` the position in
`SURFACES`; `act` an `Act`; the enums stand as positions of their symbols; `care_context` is 1, 0 or -1
for null.
"""

NO_SHORT_STEP: Final = np.iinfo(np.int32).min

_FARTHEST: Final = 1 << 30
_NULL_STEP: Final = np.iinfo(np.int64).min
_CHOSEN_BY: Final = {
    PLATFORM_ACCESSES: "action",
    INSI_CALLS: "operation",
    EPRESCRIPTIONS: "event",
}
_NUMBERS: Final = ("sector", "couloir", "auth_method", "outcome")
_OWN_NUMBERS: Final = {PLATFORM_ACCESSES: ("net_class", "service_lifecycle")}
SYMBOLS: Final = {
    flow: (told, *_NUMBERS, *_OWN_NUMBERS.get(flow, ())) for flow, told in _CHOSEN_BY.items()
}
"""The enum columns that tell looks, by flow."""

_PLATFORM_LABELS: Final = Labels(PLATFORMS, other=0)
_FAILURE: Final = OUTCOMES.index("FAILURE")
_ACTS: Final = {
    "READ_IDENTITY": Act.IDENTITY,
    "READ_RECORD": Act.CLINICAL,
    "READ_DOCUMENT": Act.CLINICAL,
    "WRITE": Act.CLINICAL,
    "EXPORT": Act.CLINICAL,
}


def looks_of(
    events: EventColumns,
    flow: str,
    accounts: Accounts,
    *,
    symbols: Mapping[str, Int64Array] | None = None,
) -> tuple[DueRows, Int64Array]:
    """The looks among n events of a flow, and their positions among them.

    A flow that has no looks gives none. Accounts that are new are entered into the table.

    Args:
        events: the events.
        flow: the flow.
        accounts: the partition's table.
        symbols: the columns of `SYMBOLS` as numbers, if somebody has them already.
    """
    told = _CHOSEN_BY.get(flow)
    if told is None or not events.height:
        return np.zeros(0, ACCESS), np.zeros(0, np.int64)
    numbers = enum_numbers(events, SYMBOLS[flow]) if symbols is None else symbols
    structure = events.texts("structure_pid").digests
    words = events.symbols(told)
    if flow == PLATFORM_ACCESSES:
        # A search tells of everybody who was found; only what was opened was looked at.
        places = np.flatnonzero(numbers[told] != words.index("SEARCH_PATIENT"))
        actor = _some(events.texts("actor_pid"), places).digests
    else:
        # With the card in the reader the patient is there, and checks are of known identities; a
        # certificate looks at nobody.
        word = "RECHERCHE_TRAITS" if flow == INSI_CALLS else "CONSULTED"
        places = np.flatnonzero(numbers[told] == words.index(word))
        actor = _some(events.texts("actor_pid"), places).digests
        places, actor = places[actor != NONE], actor[actor != NONE]
    rows = np.zeros(len(places), ACCESS)
    if not len(places):
        return rows, places
    surface = SURFACES.index(flow)
    rows["surface"] = surface
    rows["time_ms"] = events.numbers("occurred_at")[places]
    rows["patient"] = events.texts("patient_pid").digests[places]
    role = (numbers["couloir"] * len(SECTORS) + numbers["sector"])[places]
    rows["auth_method"] = numbers["auth_method"][places]
    rows["is_failure"] = numbers["outcome"][places] == _FAILURE
    rows["care_context"] = UNKNOWN
    rows["directory_step"] = NO_SHORT_STEP
    if flow == PLATFORM_ACCESSES:
        rows["pair"] = pair_digests(structure[places], rows["patient"])
        acts = np.array([_ACTS.get(word, Act.OTHER) for word in words], np.uint8)
        rows["act"] = acts[numbers[told][places]]
        for name in _OWN_NUMBERS[flow]:
            rows[name] = numbers[name][places]
        platform = _fill_platform(rows, events, places)
        rows["group"] = platform * (len(COULOIRS) * len(SECTORS)) + role
    else:
        place = len(PLATFORMS) + surface - 1
        rows["group"] = place * (len(COULOIRS) * len(SECTORS)) + role
        rows["act"] = Act.OTHER if flow == INSI_CALLS else Act.CLINICAL
    rows["account"] = accounts.rows_of(events, places, structure[places], actor, surface)
    return rows, places


def _some(texts: Texts, places: Int64Array) -> Texts:
    return texts if len(places) == len(texts) else texts.take(places)


def _fill_platform(rows: DueRows, events: EventColumns, places: Int64Array) -> Int64Array:
    """Fill in what only accesses to platforms have; give back the platforms' numbers."""
    rows["net"] = _some(events.texts("net_pid"), places).digests
    rows["client"] = _some(events.texts("client_pid"), places).digests
    rows["care_context"] = events.numbers("care_context", null=UNKNOWN)[places]
    steps = events.numbers("directory_step", null=_NULL_STEP)[places]
    short = np.clip(steps, -_FARTHEST, _FARTHEST)
    short[steps == _NULL_STEP] = NO_SHORT_STEP
    rows["directory_step"] = short
    return _PLATFORM_LABELS.of(_some(events.texts("platform"), places))


def long_steps(steps: npt.NDArray[np.int32]) -> Int64Array:
    """Directory steps as detectors take them."""
    wide: Int64Array = steps.astype(np.int64)
    wide[steps == NO_SHORT_STEP] = NO_STEP
    return wide


def surface_of(group: int) -> str:
    """The flow whose looks a peer group makes."""
    platform = group // (len(COULOIRS) * len(SECTORS))
    return SURFACES[max(0, platform - len(PLATFORMS) + 1)]


def account_digests(
    structure: UInt64Array, actor: UInt64Array, surface: int | UInt64Array
) -> UInt64Array:
    """What names an account at a structure on a surface; a structure without account is its own."""
    who = np.where(actor == NONE, structure, actor)
    return pair_digests(structure, who + np.asarray(surface, np.uint64))
