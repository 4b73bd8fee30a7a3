"""Which usages each event counts for; what each means, `agents.usages` says (pure)."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from agents.usages import COUNTED, DOCUMENT_CLASSES, OF_FLOW, ORIGINS
from streams.event_columns import EventColumns
from streams.topics import (
    DMP_DEPOSITS,
    EPRESCRIPTIONS,
    FLOWS,
    INSI_CALLS,
    MSS_MESSAGES,
    PLATFORM_ACCESSES,
)
from streams.vocabulary import AUTH_METHODS, INS_STATUSES, OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import polars as pl

    from agents.series import CodeArray

    Words = Mapping[str, str]

# The order of each is that of the symbols in `schemas/avro`; a contract test holds them together.
SYMBOL_WORDS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    DMP_DEPOSITS: {
        "operation": ("UNKNOWN", "SUBMIT", "REPLACE", "DELETE", "METADATA"),
        "doc_class": (
            "INCONNU",
            "BIOLOGIE",
            "IMAGERIE",
            "SORTIE_SEJOUR",
            "CR_OPERATOIRE",
            "CR_CONSULTATION",
            "PRESCRIPTION",
            "ARRET_TRAVAIL",
            "VACCINATION",
            "MEDICO_SOCIAL",
            "AUTRE",
        ),
        "depositor": ("UNKNOWN", "PROFESSIONAL", "PATIENT", "SYSTEM"),
        "ins_status": INS_STATUSES,
    },
    MSS_MESSAGES: {
        "direction": ("UNKNOWN", "SENT", "DELIVERED", "FAILED", "READ"),
        "kind": ("UNKNOWN", "PRO_PRO", "PRO_PATIENT", "PATIENT_PRO", "APP_PRO", "SYSTEM"),
    },
    INSI_CALLS: {},
    EPRESCRIPTIONS: {
        "event": (
            "UNKNOWN",
            "CREATED",
            "CONSULTED",
            "DISPENSED_PARTIAL",
            "DISPENSED_FULL",
            "LINE_REFUSED",
            "CANCELLED",
            "EXPIRED",
        ),
        "origin": ("UNKNOWN", "VILLE", "PHEV", "TELECONSULTATION"),
    },
    PLATFORM_ACCESSES: {
        "action": (
            "UNKNOWN",
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
        ),
        "auth_method": AUTH_METHODS,
    },
}
"""By flow: the enum columns that its usages are told by, and their symbols."""

_FLAGS: Final[dict[str, tuple[str, ...]]] = {MSS_MESSAGES: ("has_xdm", "ins_qualified")}
_DOCUMENTS: Final = OF_FLOW[DMP_DEPOSITS].index("DMP_DOCUMENT")
DOCUMENTS_MAX: Final = 1000
"""Documents of one deposit that are counted; a submission set that says more is a mistake."""


class Seen(NamedTuple):
    """What n events of one flow count for.

    Attributes:
        first: position in `COUNTED` of the flow's first usage; the others follow.
        volumes: shape (n, usages of the flow), how much each event adds to each usage.
    """

    first: int
    volumes: npt.NDArray[np.uint16]


def usages_seen(
    flow: str,
    events: EventColumns | pl.DataFrame,
    outcome: CodeArray,
    symbols: Mapping[str, CodeArray],
) -> Seen:
    """What n events of one flow count for.

    Args:
        flow: the flow.
        events: the events.
        outcome: shape (n,), positions in `OUTCOMES`.
        symbols: the enum columns of `SYMBOL_WORDS` as positions of their symbols.
    """
    events = EventColumns.of(events)
    place = outcome
    for name, words in SYMBOL_WORDS[flow].items():
        place = place * len(words) + symbols[name]
    for name in _FLAGS.get(flow, ()):
        place = place * 2 + events.numbers(name)
    volumes = _volumes(flow)[place]
    if flow == DMP_DEPOSITS:
        documents = events.numbers("doc_count")
        volumes[:, _DOCUMENTS] *= np.clip(documents, 1, DOCUMENTS_MAX).astype(np.uint16)
    return Seen(COUNTED.index(OF_FLOW[flow][0]), volumes)


@lru_cache(maxsize=len(FLOWS))
def _volumes(flow: str) -> npt.NDArray[np.uint16]:
    """1 for each usage of a flow that an event counts for, by every combination of its words."""
    columns = {"outcome": OUTCOMES, **SYMBOL_WORDS[flow]}
    columns |= dict.fromkeys(_FLAGS.get(flow, ()), ("", "yes"))
    own, rule = OF_FLOW[flow], _RULES[flow]
    combinations = (dict(zip(columns, words, strict=True)) for words in product(*columns.values()))
    return np.array([[name in seen for name in own] for seen in map(rule, combinations)], np.uint16)


def _dmp(words: Words) -> set[str]:
    if words["operation"] not in ("SUBMIT", "REPLACE") or words["depositor"] != "PROFESSIONAL":
        return set()
    kinds = {"DMP_SUBMISSION"}
    if words["outcome"] != "FAILURE":
        doc_class = words["doc_class"]
        known = doc_class if doc_class in DOCUMENT_CLASSES else "AUTRE"
        kinds |= {"DMP_DEPOSIT", f"DMP_DEPOSIT_{known}"}
        if words["operation"] == "SUBMIT":
            kinds.add("DMP_DOCUMENT")
    if words["ins_status"] == "QUAL":
        kinds |= {f"{kind}_INS_QUALIFIED" for kind in kinds & {"DMP_SUBMISSION", "DMP_DEPOSIT"}}
    return kinds


def _mss(words: Words) -> set[str]:
    direction, kind = words["direction"], words["kind"]
    if words["outcome"] == "FAILURE" or direction == "FAILED" or kind == "SYSTEM":
        return set()
    kinds = {"MSS_ACTIVE"}
    if direction == "SENT":
        kinds.add("MSS_SENT")
    if direction in ("DELIVERED", "READ"):
        kinds.add("MSS_DELIVERED")
    if kind in ("PRO_PRO", "APP_PRO"):
        kinds.add("MSS_PRO")
    if kind == "PRO_PATIENT":
        kinds.add("MSS_PATIENT")
    if words["has_xdm"]:
        kinds.add("MSS_DOCUMENT")
        if "MSS_PRO" in kinds:
            kinds.add("MSS_PRO_DOCUMENT")
        if words["ins_qualified"]:
            kinds.add("MSS_DOCUMENT_INS_QUALIFIED")
    return kinds


def _insi(words: Words) -> set[str]:
    return {"INSI_CALL"} if words["outcome"] == "FAILURE" else {"INSI_CALL", "INSI_IDENTITY"}


def _erx(words: Words) -> set[str]:
    if words["outcome"] == "FAILURE":
        return set()
    match words["event"]:
        case "CREATED":
            origin = words["origin"]
            return {"ERX_CREATED", *([f"ERX_CREATED_{origin}"] if origin in ORIGINS else [])}
        case "DISPENSED_FULL":
            return {"ERX_DISPENSED", "ERX_DISPENSED_FULL"}
        case "DISPENSED_PARTIAL":
            return {"ERX_DISPENSED"}
    return set()


def _access(words: Words) -> set[str]:
    if words["outcome"] == "FAILURE" or words["action"] == "LOGIN_FAIL":
        return set()
    kinds = {"ACCESS"} | ({"ACCESS_LOGIN"} if words["action"] == "LOGIN_OK" else set())
    if words["auth_method"] == "PWD_ONLY":
        kinds |= {f"{kind}_PASSWORD_ONLY" for kind in kinds}
    return kinds


_RULES: Final[dict[str, Callable[[Words], set[str]]]] = {
    DMP_DEPOSITS: _dmp,
    MSS_MESSAGES: _mss,
    INSI_CALLS: _insi,
    EPRESCRIPTIONS: _erx,
    PLATFORM_ACCESSES: _access,
}
