"""Looks at patients as rows of numbers, whatever flow they come in (pure).

Three flows show an account looking at a patient: accesses to the platforms, searches of an identity by
traits (INSi), and consultations of a prescription. One account may do all three, each with a rhythm of
its own; so it has one row in the table of accounts for each of these *surfaces*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from agents.detectors.base import NO_STEP, UNKNOWN, Act
from agents.waiting import DUE_FIELDS, DueRows
from streams.digests import NONE, pair_digests, text_digests
from streams.topics import EPRESCRIPTIONS, INSI_CALLS, PLATFORM_ACCESSES
from streams.vocabulary import COULOIRS, SECTORS

if TYPE_CHECKING:
    from agents.accounts import Accounts
    from streams.digests import UInt64Array
    from streams.event_time import BoolArray, Int64Array

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
_PLATFORM: Final = pl.Enum(list(PLATFORMS))
_ACTS: Final = {
    "READ_IDENTITY": Act.IDENTITY,
    "READ_RECORD": Act.CLINICAL,
    "READ_DOCUMENT": Act.CLINICAL,
    "WRITE": Act.CLINICAL,
    "EXPORT": Act.CLINICAL,
}


def looks_of(frame: pl.DataFrame, flow: str, accounts: Accounts) -> tuple[DueRows, Int64Array]:
    """The looks among n events of a flow, and their positions in the frame.

    Columns of a flow that has no looks give none. Accounts that are new are entered into the table.
    """
    chosen = _chosen(frame, flow)
    if chosen is None:
        return np.zeros(0, ACCESS), np.zeros(0, np.int64)
    places = np.flatnonzero(chosen)
    looks = frame if len(places) == frame.height else frame[places]
    rows = np.zeros(len(places), ACCESS)
    if not len(places):
        return rows, places
    rows["surface"] = surface = SURFACES.index(flow)
    rows["time_ms"] = looks["occurred_at"].to_numpy()
    structure = text_digests(looks["structure_pid"])
    rows["patient"] = text_digests(looks["patient_pid"])
    sector, couloir = _positions(looks, "sector"), _positions(looks, "couloir")
    role = couloir * len(SECTORS) + sector
    rows["auth_method"] = _positions(looks, "auth_method")
    rows["is_failure"] = (looks["outcome"] == "FAILURE").to_numpy()
    rows["care_context"] = UNKNOWN
    rows["directory_step"] = NO_SHORT_STEP
    if flow == PLATFORM_ACCESSES:
        rows["pair"] = pair_digests(structure, rows["patient"])
        rows["group"] = _fill_platform(rows, looks) * (len(COULOIRS) * len(SECTORS)) + role
    else:
        place = len(PLATFORMS) + surface - 1
        rows["group"] = place * (len(COULOIRS) * len(SECTORS)) + role
        rows["act"] = Act.OTHER if flow == INSI_CALLS else Act.CLINICAL
    rows["account"] = accounts.rows_of(looks, structure, surface)
    return rows, places


def _fill_platform(rows: DueRows, looks: pl.DataFrame) -> Int64Array:
    """Fill in what only accesses to platforms have; give back the platforms' numbers."""
    rows["net"] = text_digests(looks["net_pid"])
    rows["client"] = text_digests(looks["client_pid"])
    rows["net_class"] = _positions(looks, "net_class")
    rows["service_lifecycle"] = _positions(looks, "service_lifecycle")
    told = looks.select(
        platform=pl.col("platform").cast(_PLATFORM, strict=False).to_physical().fill_null(0),
        care_context=pl.col("care_context").cast(pl.Int8).fill_null(UNKNOWN),
        step=pl.col("directory_step").clip(-_FARTHEST, _FARTHEST).fill_null(NO_SHORT_STEP),
    )
    rows["care_context"] = told["care_context"].to_numpy()
    rows["directory_step"] = told["step"].to_numpy()
    action = looks["action"]
    symbols = action.dtype.categories.to_list()  # type: ignore[attr-defined]  # an enum's dtype
    acts = np.array([_ACTS.get(symbol, Act.OTHER) for symbol in symbols], np.uint8)
    rows["act"] = acts[action.to_physical().to_numpy()]
    platforms: Int64Array = told["platform"].to_numpy().astype(np.int64)
    return platforms


def _chosen(frame: pl.DataFrame, flow: str) -> BoolArray | None:
    """Which events are looks; `None` where the flow has none."""
    if flow == PLATFORM_ACCESSES:
        # A search tells of everybody who was found; only what was opened was looked at.
        chosen = frame["action"] != "SEARCH_PATIENT"
    elif flow == INSI_CALLS:
        # With the card in the reader the patient is there, and checks are of known identities.
        chosen = (frame["operation"] == "RECHERCHE_TRAITS") & frame["actor_pid"].is_not_null()
    elif flow == EPRESCRIPTIONS:
        chosen = (frame["event"] == "CONSULTED") & frame["actor_pid"].is_not_null()
    else:
        return None
    looks: BoolArray = chosen.to_numpy()
    return looks


def _positions(frame: pl.DataFrame, column: str) -> Int64Array:
    """An enum's symbols as their positions."""
    positions: Int64Array = frame[column].to_physical().to_numpy().astype(np.int64)
    return positions


def long_steps(steps: npt.NDArray[np.int32]) -> Int64Array:
    """Directory steps as detectors take them."""
    wide: Int64Array = steps.astype(np.int64)
    wide[steps == NO_SHORT_STEP] = NO_STEP
    return wide


def surface_of(group: int) -> str:
    """The flow whose looks a peer group makes."""
    platform = group // (len(COULOIRS) * len(SECTORS))
    return SURFACES[max(0, platform - len(PLATFORMS) + 1)]


def account_digests(structure: UInt64Array, actor: UInt64Array, surface: int) -> UInt64Array:
    """What names an account at a structure on a surface; a structure without account is its own."""
    who = np.where(actor == NONE, structure, actor)
    return pair_digests(structure, who + np.uint64(surface))
