from __future__ import annotations

from collections import Counter

import pytest

from agents.series import enum_numbers
from agents.usage_rules import DOCUMENTS_MAX, SYMBOL_WORDS, usages_seen
from agents.usages import COUNTED, OF_FLOW
from streams.topics import (
    DMP_DEPOSITS,
    EPRESCRIPTIONS,
    FLOWS,
    INSI_CALLS,
    MSS_MESSAGES,
    PLATFORM_ACCESSES,
)
from tests.support.frames import Event, frame_of


def seen(flow: str, *events: Event) -> Counter[str]:
    """What events of a flow come to together."""
    frame = frame_of(list(events))
    numbers = enum_numbers(frame, ["outcome", *SYMBOL_WORDS[flow]])
    found = usages_seen(flow, frame, numbers["outcome"], numbers)
    assert COUNTED[found.first :][: found.volumes.shape[1]] == OF_FLOW[flow]
    return +Counter(dict(zip(OF_FLOW[flow], found.volumes.sum(axis=0).tolist(), strict=True)))


DEPOSIT = Event(operation="SUBMIT", doc_class="IMAGERIE", doc_count=2)
MESSAGE = Event(direction="SENT", kind="PRO_PRO", has_xdm=True, ins_qualified=True)
ACCESS = Event(action="READ_RECORD")


def test_a_deposit_counts_with_its_class_its_documents_and_its_identity() -> None:
    assert seen(DMP_DEPOSITS, DEPOSIT) == {
        "DMP_DEPOSIT": 1,
        "DMP_DOCUMENT": 2,
        "DMP_DEPOSIT_IMAGERIE": 1,
        "DMP_DEPOSIT_INS_QUALIFIED": 1,
        "DMP_SUBMISSION": 1,
        "DMP_SUBMISSION_INS_QUALIFIED": 1,
    }


@pytest.mark.parametrize(
    "changes",
    [
        *({"operation": word} for word in ("DELETE", "METADATA", "UNKNOWN")),
        *({"depositor": word} for word in ("PATIENT", "SYSTEM", "UNKNOWN")),
    ],
)
def test_what_no_professional_puts_in_is_no_deposit(changes: dict[str, str]) -> None:
    assert not seen(DMP_DEPOSITS, DEPOSIT.but(**changes))


def test_a_replaced_document_is_a_deposit_and_no_new_document() -> None:
    again = seen(DMP_DEPOSITS, DEPOSIT.but(operation="REPLACE"))

    assert (again["DMP_DEPOSIT"], again["DMP_DOCUMENT"]) == (1, 0)


def test_a_failed_deposit_was_submitted_only() -> None:
    failed = DEPOSIT.but(outcome="FAILURE", ins_status="VALI")

    assert seen(DMP_DEPOSITS, failed) == {"DMP_SUBMISSION": 1}


@pytest.mark.parametrize("outcome", ["SUCCESS", "PARTIAL", "UNKNOWN"])
def test_what_is_not_said_to_have_failed_counts(outcome: str) -> None:
    told = (
        (DMP_DEPOSITS, DEPOSIT, "DMP_DEPOSIT"),
        (MSS_MESSAGES, MESSAGE, "MSS_ACTIVE"),
        (INSI_CALLS, Event(), "INSI_IDENTITY"),
        (EPRESCRIPTIONS, Event(), "ERX_CREATED"),
        (PLATFORM_ACCESSES, ACCESS, "ACCESS"),
    )
    assert {flow for flow, _, _ in told} == set(FLOWS)
    for flow, event, usage in told:
        assert seen(flow, event.but(outcome=outcome))[usage] == 1
        assert seen(flow, event.but(outcome="FAILURE"))[usage] == 0


@pytest.mark.parametrize("verified", ["RECUP", "VALI", "PROV", "NR"])
def test_only_a_qualified_identity_is_qualified(verified: str) -> None:
    found = seen(DMP_DEPOSITS, DEPOSIT.but(ins_status=verified))

    assert not {name for name in found if name.endswith("QUALIFIED")}


def test_a_deposit_has_one_document_at_least_and_not_any_number_at_most() -> None:
    assert seen(DMP_DEPOSITS, DEPOSIT.but(doc_count=-3))["DMP_DOCUMENT"] == 1
    assert seen(DMP_DEPOSITS, DEPOSIT.but(doc_count=2**31 - 1))["DMP_DOCUMENT"] == DOCUMENTS_MAX


def test_a_class_that_is_not_known_is_another() -> None:
    assert seen(DMP_DEPOSITS, DEPOSIT.but(doc_class="INCONNU"))["DMP_DEPOSIT_AUTRE"] == 1


def test_a_message_between_professionals_counts_with_its_document() -> None:
    assert seen(MSS_MESSAGES, MESSAGE) == {
        "MSS_ACTIVE": 1,
        "MSS_SENT": 1,
        "MSS_PRO": 1,
        "MSS_PRO_DOCUMENT": 1,
        "MSS_DOCUMENT": 1,
        "MSS_DOCUMENT_INS_QUALIFIED": 1,
    }
    assert seen(MSS_MESSAGES, MESSAGE.but(kind="APP_PRO"))["MSS_PRO_DOCUMENT"] == 1


def test_a_message_to_a_patient_is_of_its_own_kind() -> None:
    to_patient = MESSAGE.but(kind="PRO_PATIENT", direction="READ", has_xdm=False)

    assert seen(MSS_MESSAGES, to_patient) == {
        "MSS_ACTIVE": 1,
        "MSS_DELIVERED": 1,
        "MSS_PATIENT": 1,
    }


def test_failed_messages_and_notices_do_not_count() -> None:
    assert not seen(MSS_MESSAGES, MESSAGE.but(direction="FAILED"), MESSAGE.but(kind="SYSTEM"))


def test_an_identity_without_header_is_not_qualified() -> None:
    events = (MESSAGE.but(ins_qualified=flag) for flag in (None, False, True))

    assert seen(MSS_MESSAGES, *events)["MSS_DOCUMENT_INS_QUALIFIED"] == 1


def test_a_call_counts_whatever_its_answer() -> None:
    assert seen(INSI_CALLS, Event(), Event(outcome="FAILURE")) == {
        "INSI_CALL": 2,
        "INSI_IDENTITY": 1,
    }


def test_prescriptions_count_by_origin_and_dispensing_by_the_act() -> None:
    steps = (
        Event(event="CREATED", origin="PHEV"),
        Event(event="CREATED", origin="UNKNOWN"),
        Event(event="CONSULTED"),
        Event(event="DISPENSED_PARTIAL"),
        Event(event="DISPENSED_FULL"),
        Event(event="CANCELLED"),
    )
    assert seen(EPRESCRIPTIONS, *steps) == {
        "ERX_CREATED": 2,
        "ERX_CREATED_PHEV": 1,
        "ERX_DISPENSED": 2,
        "ERX_DISPENSED_FULL": 1,
    }


def test_accesses_and_logins_by_password_alone_are_told_apart() -> None:
    acts = (
        ACCESS,
        ACCESS.but(auth="PWD_ONLY"),
        ACCESS.but(action="LOGIN_OK", auth="PWD_OTP_SMS"),
        ACCESS.but(action="LOGIN_OK", auth="PWD_ONLY"),
        ACCESS.but(action="LOGIN_FAIL", auth="PWD_ONLY"),
    )
    assert seen(PLATFORM_ACCESSES, *acts) == {
        "ACCESS": 4,
        "ACCESS_PASSWORD_ONLY": 2,
        "ACCESS_LOGIN": 2,
        "ACCESS_LOGIN_PASSWORD_ONLY": 1,
    }
