"""What structures did, told event by event in the words of the definition: slow and plain."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agents.series import PAIRS
from agents.usages import HOPEN2_MIN_EVENTS, HOPEN2_MIN_INS_RATIO, HOPEN2_OBJECTIVES, UsageRow
from streams.event_time import PARIS
from streams.topics import (
    DMP_DEPOSITS,
    EPRESCRIPTIONS,
    INSI_CALLS,
    MSS_MESSAGES,
)
from streams.vocabulary import COULOIRS, OUT_OF_REGION
from tests.support.frames import PARAMS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.frames import Event


def month_of(at_ms: int) -> int:
    """The calendar month of an instant in Paris."""
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(PARIS)
    return local.year * 12 + local.month - 1


def usages_of(flow: str, e: Event) -> Counter[str]:
    """What one event counts for, and how much."""
    failed = e.outcome == "FAILURE"
    if flow == DMP_DEPOSITS:
        return +_of_deposit(e, failed=failed)
    if flow == INSI_CALLS:
        return +Counter(INSI_CALL=1, INSI_IDENTITY=not failed)
    if failed:
        return Counter()
    if flow == MSS_MESSAGES:
        return +_of_message(e)
    if flow == EPRESCRIPTIONS:
        return +_of_prescription(e)
    return +_of_access(e)


def _of_deposit(e: Event, *, failed: bool) -> Counter[str]:
    seen: Counter[str] = Counter()
    if e.depositor == "PROFESSIONAL" and e.operation in {"SUBMIT", "REPLACE"}:
        qualified = e.ins_status == "QUAL"
        seen["DMP_SUBMISSION"] = 1
        seen["DMP_SUBMISSION_INS_QUALIFIED"] = qualified
        if not failed:
            other = e.doc_class in {"INCONNU", "AUTRE"}
            seen["DMP_DEPOSIT"] = 1
            seen["DMP_DEPOSIT_AUTRE" if other else f"DMP_DEPOSIT_{e.doc_class}"] = 1
            seen["DMP_DEPOSIT_INS_QUALIFIED"] = qualified
            if e.operation == "SUBMIT":
                seen["DMP_DOCUMENT"] = min(max(e.doc_count, 1), 1000)
    return seen


def _of_message(e: Event) -> Counter[str]:
    if e.direction == "FAILED" or e.kind == "SYSTEM":
        return Counter()
    professional = e.kind in {"PRO_PRO", "APP_PRO"}
    return Counter(
        MSS_ACTIVE=1,
        MSS_SENT=e.direction == "SENT",
        MSS_DELIVERED=e.direction in {"DELIVERED", "READ"},
        MSS_PRO=professional,
        MSS_PRO_DOCUMENT=professional and e.has_xdm,
        MSS_PATIENT=e.kind == "PRO_PATIENT",
        MSS_DOCUMENT=e.has_xdm,
        MSS_DOCUMENT_INS_QUALIFIED=e.has_xdm and e.ins_qualified is True,
    )


def _of_prescription(e: Event) -> Counter[str]:
    seen = Counter(
        ERX_CREATED=e.event == "CREATED",
        ERX_DISPENSED=e.event in {"DISPENSED_FULL", "DISPENSED_PARTIAL"},
        ERX_DISPENSED_FULL=e.event == "DISPENSED_FULL",
    )
    for origin in ("VILLE", "PHEV", "TELECONSULTATION"):
        seen[f"ERX_CREATED_{origin}"] = e.event == "CREATED" and e.origin == origin
    return seen


def _of_access(e: Event) -> Counter[str]:
    if e.action == "LOGIN_FAIL":
        return Counter()
    alone, login = e.auth == "PWD_ONLY", e.action == "LOGIN_OK"
    return Counter(
        ACCESS=1,
        ACCESS_PASSWORD_ONLY=alone,
        ACCESS_LOGIN=login,
        ACCESS_LOGIN_PASSWORD_ONLY=login and alone,
    )


def place_of(e: Event) -> tuple[str, str]:
    """Couloir and department as the series know them."""
    couloir = e.couloir if (e.sector, e.couloir) in PAIRS else "INCONNU"
    return couloir, e.department if e.department in PARAMS.departments else OUT_OF_REGION


def _weight(e: Event) -> tuple[bool, int, int, int]:
    couloir, department = place_of(e)
    departments = (*PARAMS.departments, OUT_OF_REGION)
    return (
        couloir != "INCONNU",
        e.at_ms,
        COULOIRS.index(couloir),
        departments.index(department),
    )


def region_rows(events: Iterable[tuple[str, Event]]) -> dict[int, set[UsageRow]]:
    """The cells of every month, from accepted events of the whole region."""
    by_structure: dict[tuple[int, str], list[tuple[str, Event]]] = {}
    for flow, event in events:
        by_structure.setdefault((month_of(event.at_ms), event.structure), []).append((flow, event))
    cells: dict[tuple[int, str, str, str], list[int]] = {}
    for (month, _), own in by_structure.items():
        couloir, department = place_of(max((event for _, event in own), key=_weight))
        volumes: Counter[str] = Counter()
        for flow, event in own:
            seen = usages_of(flow, event)
            volumes += seen
            volumes["ACTIVE"] += bool(seen)
        if couloir == "HOPITAL":
            reached = [name for name in HOPEN2_OBJECTIVES if _is_reached(name, volumes)]
            for name in reached:
                volumes[name] = volumes[HOPEN2_OBJECTIVES[name]]
            volumes["HOPEN2_ANY"] = len(reached)
        for usage, volume in (+volumes).items():
            cells.setdefault((month, usage, couloir, department), []).append(volume)
    rows: dict[int, set[UsageRow]] = {}
    for (month, *labels), volumes_of in cells.items():
        usage, couloir, department = labels
        row = UsageRow(usage, couloir, department, len(volumes_of), sum(volumes_of))
        rows.setdefault(month, set()).add(row)
    return rows


def _is_reached(name: str, volumes: Counter[str]) -> bool:
    shown = volumes[HOPEN2_OBJECTIVES[name]]
    if name == "HOPEN2_INS" and shown < HOPEN2_MIN_INS_RATIO * volumes["DMP_SUBMISSION"]:
        return False
    return shown >= HOPEN2_MIN_EVENTS


def accepted(stream: Iterable[tuple[str, Event]]) -> list[tuple[str, Event]]:
    """The events of flows in order of arrival that are neither late nor duplicates."""
    newest: Counter[str] = Counter()
    seen: set[tuple[str, int]] = set()
    kept = []
    for flow, event in stream:
        newest[flow] = max(newest[flow], event.at_ms)
        is_late = event.at_ms < newest[flow] - PARAMS.allowed_lateness_ms
        if not is_late and (flow, event.number) not in seen:
            seen.add((flow, event.number))
            kept.append((flow, event))
    return kept
