"""Events as columns: what a flow's generator makes and the encoder writes (pure).

A column holds numbers, never text: codes into the field's words, numbers of entities, milliseconds.
Text appears once, in the encoder. Whoever adds traffic (an attack, say) makes the same columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from simulators import pseudonyms
from simulators.population import DEPARTMENTS
from streams import vocabulary
from streams.errors import VigieError
from streams.topics import (
    DMP_DEPOSITS,
    EPRESCRIPTIONS,
    FLOWS,
    INSI_CALLS,
    MSS_MESSAGES,
    PLATFORM_ACCESSES,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

Column = npt.NDArray[Any]
Int64Array = npt.NDArray[np.int64]

NULL: Final = np.iinfo(np.int64).min
"""Null in a column of numbers."""
NO_ENTITY: Final = -1
"""Null in a column of entities."""
NULL_FLAG: Final = 2
"""Null in a column of flags (0 false, 1 true)."""


@dataclass(frozen=True, slots=True)
class Words:
    """Codes into a closed list of words: an enum or a string field."""

    words: tuple[str, ...]

    def code(self, word: str) -> int:
        """Position of a word."""
        return self.words.index(word)


@dataclass(frozen=True, slots=True)
class Entity:
    """Numbers of entities of a kind, written as pseudonyms; `NO_ENTITY` is null."""

    kind: str


@dataclass(frozen=True, slots=True)
class Number:
    """Integers; `NULL` is null where the schema allows it. Times are milliseconds UTC."""


@dataclass(frozen=True, slots=True)
class Flag:
    """Booleans as 0 and 1; `NULL_FLAG` is null where the schema allows it."""


@dataclass(frozen=True, slots=True)
class EventNumber:
    """Numbers unique among a seed's events, written as UUID text."""


def _words(text: str) -> Words:
    return Words(tuple(text.split()))


Kind = Words | Entity | Number | Flag | EventNumber

SOURCES: Final = _words("dmp mssante insi ordonnance-numerique plateforme-regionale")
"""In the order of `FLOWS`."""
KEY_ID: Final = _words("k1")
PLATFORMS: Final = _words("PREDICE VIATRAJECTOIRE ROR PORTAIL_REGIONAL")
OUTCOMES: Final = Words(vocabulary.OUTCOMES)
AUTH_METHODS: Final = Words(vocabulary.AUTH_METHODS)
BOX_TYPES: Final = _words("UNKNOWN PER ORG APP CAB PATIENT")

OUTCOME_CODES: Final[dict[str, Words]] = {
    DMP_DEPOSITS: _words(
        "OK PATIENT_UNKNOWN INS_NOT_QUALIFIED DMP_CLOSED OPPOSITION DUPLICATE "
        "FORMAT_ERROR AUTH_ERROR TECHNICAL_ERROR"
    ),
    MSS_MESSAGES: _words("OK 422 541 550 451 530"),
    INSI_CALLS: _words("R00 R01 R02 VERIF_OK VERIF_KO FAULT"),
    EPRESCRIPTIONS: _words("OK NOT_FOUND TECHNICAL_ERROR"),
    PLATFORM_ACCESSES: _words("OK BAD_CREDENTIALS NOT_FOUND TECHNICAL_ERROR"),
}

DOC_TYPES: Final = _words(
    "11502-2 18748-4 11490-0 34112-3 34874-8 11488-4 15507-7 57833-6 PRESC-BIO PRESC-INF "
    "PRESC-KINE PRESC-AAT 60591-5 60593-1 87273-9 28653-4 80788-3 60568-3"
)
"""Codes of JDV_J66-TypeCode-DMP (domain reference §3.2)."""
DOC_CLASSES: Final = _words(
    "BIOLOGIE IMAGERIE SORTIE_SEJOUR CR_OPERATOIRE CR_CONSULTATION PRESCRIPTION ARRET_TRAVAIL "
    "VACCINATION MEDICO_SOCIAL AUTRE"
)


def _fields(flow: str, own: dict[str, Kind]) -> dict[str, Kind]:
    return {
        "event_id": EventNumber(),
        "occurred_at": Number(),
        "recorded_at": Number(),
        "source_system": SOURCES,
        "sector": Words(vocabulary.SECTORS),
        "couloir": Words(vocabulary.COULOIRS),
        "department": Words(DEPARTMENTS),
        "structure_pid": Entity(pseudonyms.STRUCTURE),
        "actor_pid": Entity(pseudonyms.ACCOUNT),
        "patient_pid": Entity(pseudonyms.PATIENT),
        "auth_method": AUTH_METHODS,
        "outcome": OUTCOMES,
        "outcome_code": OUTCOME_CODES[flow],
        "key_id": KEY_ID,
        **own,
    }


FIELDS: Final[dict[str, dict[str, Kind]]] = {
    DMP_DEPOSITS: _fields(
        DMP_DEPOSITS,
        {
            "operation": _words("SUBMIT REPLACE DELETE METADATA"),
            "doc_type": DOC_TYPES,
            "doc_class": DOC_CLASSES,
            "doc_count": Number(),
            "depositor": _words("PROFESSIONAL PATIENT SYSTEM"),
            "ins_status": Words(vocabulary.INS_STATUSES),
            "latency_ms": Number(),
        },
    ),
    MSS_MESSAGES: _fields(
        MSS_MESSAGES,
        {
            "direction": _words("SENT DELIVERED FAILED READ"),
            "kind": _words("PRO_PRO PRO_PATIENT PATIENT_PRO APP_PRO SYSTEM"),
            "sender_box_pid": Entity(pseudonyms.BOX),
            "recipient_box_pid": Entity(pseudonyms.BOX),
            "sender_box_type": BOX_TYPES,
            "recipient_box_type": BOX_TYPES,
            "recipient_count": Number(),
            "has_xdm": Flag(),
            "ins_qualified": Flag(),
            "dsn_class": Words(
                (
                    "UNKNOWN",
                    "DELIVERED",
                    "RELAYED",
                    "MAILBOX_FULL",
                    "UNKNOWN_BOX",
                    "REFUSED",
                    "TEMP_FAIL",
                    "AUTH",
                )
            ),
        },
    ),
    INSI_CALLS: _fields(
        INSI_CALLS,
        {
            "operation": Words(
                (
                    "RECHERCHE_VITALE",
                    "RECHERCHE_TRAITS",
                    "VERIFICATION_UNITAIRE",
                    "VERIFICATION_MASSE",
                )
            ),
            "call_mode": _words("MANU AUTO"),
            "batch_size": Number(),
            "latency_ms": Number(),
        },
    ),
    EPRESCRIPTIONS: _fields(
        EPRESCRIPTIONS,
        {
            "event": Words(
                (
                    "CREATED",
                    "CONSULTED",
                    "DISPENSED_PARTIAL",
                    "DISPENSED_FULL",
                    "LINE_REFUSED",
                    "CANCELLED",
                    "EXPIRED",
                )
            ),
            "kind": _words("MEDICAMENT LPP BIOLOGIE INFIRMIER KINE AUTRE"),
            "origin": _words("VILLE PHEV TELECONSULTATION"),
            "prescription_pid": Entity(pseudonyms.PRESCRIPTION),
            "line_count": Number(),
            "lines_dispensed": Number(),
        },
    ),
    PLATFORM_ACCESSES: _fields(
        PLATFORM_ACCESSES,
        {
            "platform": PLATFORMS,
            "action": Words(
                (
                    "LOGIN_OK",
                    "LOGIN_FAIL",
                    "LOGOUT",
                    "SEARCH_PATIENT",
                    "READ_IDENTITY",
                    "READ_RECORD",
                    "READ_DOCUMENT",
                    "WRITE",
                    "EXPORT",
                    "ADMIN",
                )
            ),
            "resource_scope": _words("UNKNOWN IDENTITY_ONLY CLINICAL ADMINISTRATIVE"),
            "access_channel": _words("UI API BATCH"),
            "result_count": Number(),
            "care_context": Flag(),
            "directory_step": Number(),
            "session_pid": Entity(pseudonyms.SESSION),
            "net_pid": Entity(pseudonyms.NETWORK),
            "client_pid": Entity(pseudonyms.CLIENT),
            "net_class": _words("NR REGION_ISP FR_OTHER FOREIGN HOSTING_VPN INTERNAL"),
            "service_lifecycle": _words("ACTIVE WINDING_DOWN DECOMMISSIONED"),
        },
    ),
}


def code(flow: str, field: str, word: str) -> int:
    """The code of a word in a flow's field."""
    kind = FIELDS[flow][field]
    if not isinstance(kind, Words):
        raise VigieError(f"{flow}.{field} holds no words")
    return kind.code(word)


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """n events of one flow, a column per field of its record, all of length n."""

    flow: str
    columns: dict[str, Column]

    def __post_init__(self) -> None:
        if self.columns.keys() != FIELDS[self.flow].keys():
            odd = sorted(self.columns.keys() ^ FIELDS[self.flow].keys())
            raise VigieError(f"{self.flow}: columns missing or unknown: {', '.join(odd)}")
        if len({len(column) for column in self.columns.values()}) != 1:
            raise VigieError(f"{self.flow}: columns of different lengths")

    def __len__(self) -> int:
        """Number of events."""
        return len(self.columns["recorded_at"])

    def pick(self, rows: Column | slice) -> Events:
        """The given rows, in their order."""
        return Events(self.flow, {name: column[rows] for name, column in self.columns.items()})

    def in_arrival_order(self) -> Events:
        """Sorted by `recorded_at`; equal instants keep their order."""
        return self.pick(np.argsort(self.columns["recorded_at"], kind="stable"))


def merge(tables: Sequence[Events]) -> dict[str, Events]:
    """One table per flow that occurs, the tables' rows one after the other.

    This is the seam for other traffic: an attack's tables join the region's before they are ordered.
    """
    merged: dict[str, Events] = {}
    for flow in FLOWS:
        same = [table for table in tables if table.flow == flow]
        if same:
            names = FIELDS[flow]
            merged[flow] = Events(
                flow, {name: np.concatenate([t.columns[name] for t in same]) for name in names}
            )
    return merged
