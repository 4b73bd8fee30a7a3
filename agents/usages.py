"""What a structure can be seen doing, as the regional objectives count it (pure).

An event counts for every usage whose rule it fulfils (`agents.usage_rules`). Wherever a source says how
an operation ended, a failed one does not count; where it says nothing (`UNKNOWN`), the operation counts.
Numbers in brackets are objectives of HOP'EN 2 (domain reference §1.4).

`DMP_DEPOSIT`
    Submission sets that a professional put in: `SUBMIT` or `REPLACE`, not failed.
`DMP_DOCUMENT`
    The documents of those that are `SUBMIT`; a replaced document was counted before.
`DMP_DEPOSIT_<class>`
    Deposits of a class of documents: [2] `SORTIE_SEJOUR`, [3] `CR_OPERATOIRE`, [4] `CR_CONSULTATION`,
    [5] `BIOLOGIE`, [6] `IMAGERIE`; `PRESCRIPTION`, `ARRET_TRAVAIL`, `VACCINATION`, `MEDICO_SOCIAL`; any
    other class is `AUTRE`.
`DMP_DEPOSIT_INS_QUALIFIED`
    Deposits for an identity that is qualified: status `QUAL` (`VALI` saw a paper but no INSi, §5.3).
`DMP_SUBMISSION`, `DMP_SUBMISSION_INS_QUALIFIED`
    [1] As deposits, whether they failed or not: only qualified identities can be deposited for, so the
    quality of the INS shows in what was tried.
`MSS_ACTIVE`
    Steps of messages that did not fail, whoever writes to whom, but no notices (`SYSTEM`): a box is in
    use.
`MSS_SENT`, `MSS_DELIVERED`
    Those that are `SENT`; those that are `DELIVERED` or `READ`.
`MSS_PRO`, `MSS_PRO_DOCUMENT`
    Those from professionals or applications to professionals; [7] of these, those with an XDM archive.
`MSS_PATIENT`
    [8] Those from professionals to patients.
`MSS_DOCUMENT`, `MSS_DOCUMENT_INS_QUALIFIED`
    Those with an XDM archive; of these, those whose header says that the identity is qualified.
`INSI_CALL`, `INSI_IDENTITY`
    Calls, whatever their answer, as the INSi statistics count them, one for a batch; those that found or
    confirmed an identity (did not fail).
`ERX_CREATED`, `ERX_CREATED_<origin>`
    Prescriptions written, though withdrawn later; those from `VILLE`, `PHEV` (hospital) or
    `TELECONSULTATION`.
`ERX_DISPENSED`, `ERX_DISPENSED_FULL`
    Acts of dispensing, whole or in part: a prescription that is filled in three goes counts three times,
    as « délivrances » do; acts that fill the whole of it, hence at most one for each.
`ACCESS`, `ACCESS_PASSWORD_ONLY`
    Acts on a platform that did not fail, logins among them; those of accounts that proved themselves
    by a password alone.
`ACCESS_LOGIN`, `ACCESS_LOGIN_PASSWORD_ONLY`
    Logins that did not fail; those by a password alone.

Of a structure's whole month follow (`whole_month`):

`ACTIVE`
    Structures of which any event counts; its volume is the events that count for anything.
`HOPEN2_<objective>`, `HOPEN2_ANY`
    Establishments that reached an objective of HOP'EN 2, and those that reached any; the volume of the
    latter is the objectives reached, so that their mean per establishment can be told.

A message's steps carry no number of the message, so a source that reports it as sent and as delivered
tells two steps: of messages, trust how many structures there are, and `MSS_SENT` for their number. The
flow names the structure that acts and never the recipient's, so who receives is not measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from streams.topics import (
    DMP_DEPOSITS,
    EPRESCRIPTIONS,
    FLOWS,
    INSI_CALLS,
    MSS_MESSAGES,
    PLATFORM_ACCESSES,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.event_time import BoolArray, Int64Array

DOCUMENT_CLASSES: Final = (
    "SORTIE_SEJOUR",
    "CR_OPERATOIRE",
    "CR_CONSULTATION",
    "BIOLOGIE",
    "IMAGERIE",
    "PRESCRIPTION",
    "ARRET_TRAVAIL",
    "VACCINATION",
    "MEDICO_SOCIAL",
    "AUTRE",
)
ORIGINS: Final = ("VILLE", "PHEV", "TELECONSULTATION")

OF_FLOW: Final[dict[str, tuple[str, ...]]] = {
    DMP_DEPOSITS: (
        "DMP_DEPOSIT",
        "DMP_DOCUMENT",
        *(f"DMP_DEPOSIT_{name}" for name in DOCUMENT_CLASSES),
        "DMP_DEPOSIT_INS_QUALIFIED",
        "DMP_SUBMISSION",
        "DMP_SUBMISSION_INS_QUALIFIED",
    ),
    MSS_MESSAGES: (
        "MSS_ACTIVE",
        "MSS_SENT",
        "MSS_DELIVERED",
        "MSS_PRO",
        "MSS_PRO_DOCUMENT",
        "MSS_PATIENT",
        "MSS_DOCUMENT",
        "MSS_DOCUMENT_INS_QUALIFIED",
    ),
    INSI_CALLS: ("INSI_CALL", "INSI_IDENTITY"),
    EPRESCRIPTIONS: (
        "ERX_CREATED",
        *(f"ERX_CREATED_{origin}" for origin in ORIGINS),
        "ERX_DISPENSED",
        "ERX_DISPENSED_FULL",
    ),
    PLATFORM_ACCESSES: (
        "ACCESS",
        "ACCESS_PASSWORD_ONLY",
        "ACCESS_LOGIN",
        "ACCESS_LOGIN_PASSWORD_ONLY",
    ),
}
"""The usages that single events of each flow count for."""

COUNTED: Final[tuple[str, ...]] = tuple(name for flow in FLOWS for name in OF_FLOW[flow])
"""The usages that single events count for, in the order of their columns in state."""

HOPEN2_OBJECTIVES: Final[Mapping[str, str]] = {
    "HOPEN2_INS": "DMP_SUBMISSION_INS_QUALIFIED",
    "HOPEN2_SORTIE_SEJOUR": "DMP_DEPOSIT_SORTIE_SEJOUR",
    "HOPEN2_CR_OPERATOIRE": "DMP_DEPOSIT_CR_OPERATOIRE",
    "HOPEN2_CR_CONSULTATION": "DMP_DEPOSIT_CR_CONSULTATION",
    "HOPEN2_BIOLOGIE": "DMP_DEPOSIT_BIOLOGIE",
    "HOPEN2_IMAGERIE": "DMP_DEPOSIT_IMAGERIE",
    "HOPEN2_MSS_PRO": "MSS_PRO_DOCUMENT",
    "HOPEN2_MSS_PATIENT": "MSS_PATIENT",
}
"""The eight usage objectives of HOP'EN 2 in their order, and the usage that shows each."""

HOPEN2_MIN_EVENTS: Final = 10
"""Events of a usage in a month from which an establishment has reached its objective (assumption: the
programme's own minima are not public; less than one a working day out of two is a trial)."""
HOPEN2_MIN_INS_RATIO: Final = 0.9
"""Besides, the share of an establishment's submissions whose identity is qualified (assumption)."""

WHOLE_MONTH: Final[tuple[str, ...]] = ("ACTIVE", *HOPEN2_OBJECTIVES, "HOPEN2_ANY")
"""What is seen in a structure's whole month only; see `whole_month`."""

USAGES: Final[tuple[str, ...]] = COUNTED + WHOLE_MONTH
"""The closed list of usages."""


class UsageRow(NamedTuple):
    """How much a usage was seen in one calendar month.

    Attributes:
        usage: one of `USAGES`.
        couloir: one of `streams.vocabulary.COULOIRS`.
        department: number, or HORS_REGION.
        structures: distinct structures. Small cells are for whoever publishes to withhold.
        events: how often; for `DMP_DOCUMENT` documents, for `HOPEN2_ANY` objectives reached.
    """

    usage: str
    couloir: str
    department: str
    structures: int
    events: int


_SHOWN_BY: Final = [COUNTED.index(name) for name in HOPEN2_OBJECTIVES.values()]
_SUBMISSIONS: Final = COUNTED.index("DMP_SUBMISSION")
# An event that counts for anything counts for exactly one of these.
_WIDEST: Final = [
    COUNTED.index(name)
    for name in (
        "DMP_SUBMISSION",
        "MSS_ACTIVE",
        "INSI_CALL",
        "ERX_CREATED",
        "ERX_DISPENSED",
        "ACCESS",
    )
]


def whole_month(counts: Int64Array, is_hospital: BoolArray) -> Int64Array:
    """What structures' months come to beyond single events: volumes of `WHOLE_MONTH`.

    An establishment (couloir HOPITAL) has reached an objective of HOP'EN 2 in a month with at least
    `HOPEN2_MIN_EVENTS` events of the usage that shows it; that of the INS besides with at least
    `HOPEN2_MIN_INS_RATIO` of its submissions for qualified identities.

    Args:
        counts: shape (n, len(COUNTED)), of n structures.
        is_hospital: shape (n,).

    Returns:
        Shape (n, len(WHOLE_MONTH)): the events that count; per objective those that show it, 0 where
        it is not reached; the number of objectives reached.
    """
    shown = counts[:, _SHOWN_BY]
    reached = (shown >= HOPEN2_MIN_EVENTS) & is_hospital[:, np.newaxis]
    reached[:, 0] &= shown[:, 0] >= HOPEN2_MIN_INS_RATIO * counts[:, _SUBMISSIONS]
    month: Int64Array = np.column_stack(
        [counts[:, _WIDEST].sum(axis=1), np.where(reached, shown, 0), reached.sum(axis=1)]
    )
    return month
