"""Nothing that Vigie shows names anybody: a simulated fortnight with attacks, searched for everybody."""

from __future__ import annotations

import pytest

from tests.support.privacy import Identifiers, Shown, simulated_run

PATIENT = "pa_CGbF7SzdXN2sbR9snNdxUB"
EVENT = "0a6a0871-2f0a-8f1d-9623-804a19c93c60"
KNOWN = Identifiers({"patient_pid": [PATIENT], "event_id": [EVENT]})


@pytest.mark.parametrize(
    "leak",
    [
        f'vigie_events_total{{flow="{PATIENT}"}} 1',
        f"one line\nanother with {PATIENT} in it",
        f"x{PATIENT.removeprefix('pa_')}y",
        f"/api/findings/{EVENT}",
        EVENT.replace("-", ""),
        b"\x00\xff" + PATIENT.encode(),
    ],
)
def test_an_identifier_is_found_wherever_it_stands(leak: str | bytes) -> None:
    shown = Shown()
    shown.add("somewhere", "nobody")
    shown.add("somewhere", leak)

    assert {place for place, _ in shown.leaks(KNOWN)} == {"somewhere"}


def test_what_only_looks_like_an_identifier_is_none() -> None:
    shown = Shown()
    shown.add("somewhere", f"{PATIENT[:-1]} {EVENT[1:]} pa_ {PATIENT.swapcase()}")

    assert shown.leaks(KNOWN) == {}


@pytest.mark.system
def test_nothing_that_is_shown_over_a_fortnight_with_attacks_names_anybody() -> None:
    known, shown, found = simulated_run()

    assert shown.leaks(known) == {}

    # What is searched is what was shown, and whoever is in it would be found.
    assert min(shown.characters.values()) > 0
    assert {"metrics", "alerts", "page and API", "the command", "errors"} <= shown.places.keys()
    assert shown.characters["page and API"] > 100_000
    assert known.kinds["patient_pid"] > 10_000
    assert any(one.actor_pid for one in found)
    planted = Shown()
    for one in found:
        planted.add("findings as they lie in their topic", one.to_ndjson())
    assert {kind for _, kind in planted.leaks(known)} == {"structure_pid", "actor_pid"}
