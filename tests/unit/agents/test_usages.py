from __future__ import annotations

import numpy as np

from agents.usages import (
    COUNTED,
    HOPEN2_MIN_EVENTS,
    HOPEN2_OBJECTIVES,
    OF_FLOW,
    USAGES,
    WHOLE_MONTH,
    whole_month,
)
from streams.topics import FLOWS

ACTIVE = WHOLE_MONTH.index("ACTIVE")
ANY = WHOLE_MONTH.index("HOPEN2_ANY")


def month(*, is_hospital: bool = True, **volumes: int) -> dict[str, int]:
    """What one structure's month comes to, without zeros."""
    counts = np.zeros((1, len(COUNTED)), np.int64)
    for name, volume in volumes.items():
        counts[0, COUNTED.index(name)] = volume
    (found,) = whole_month(counts, np.array([is_hospital])).tolist()
    return {name: volume for name, volume in zip(WHOLE_MONTH, found, strict=True) if volume}


def test_usages_are_named_once_and_every_flow_has_some() -> None:
    assert len(set(USAGES)) == len(USAGES)
    assert all(OF_FLOW[flow] for flow in FLOWS)
    assert set(HOPEN2_OBJECTIVES.values()) < set(COUNTED)
    assert len(HOPEN2_OBJECTIVES) == 8


def test_an_objective_is_reached_with_its_least_volume() -> None:
    assert month(MSS_PATIENT=HOPEN2_MIN_EVENTS - 1) == {}
    assert month(MSS_PATIENT=HOPEN2_MIN_EVENTS) == {
        "HOPEN2_MSS_PATIENT": HOPEN2_MIN_EVENTS,
        "HOPEN2_ANY": 1,
    }


def test_only_establishments_have_objectives() -> None:
    assert month(is_hospital=False, MSS_PATIENT=500) == {}


def test_the_identity_s_objective_wants_nine_submissions_of_ten_qualified() -> None:
    good = month(DMP_SUBMISSION_INS_QUALIFIED=90, DMP_SUBMISSION=100)
    poor = month(DMP_SUBMISSION_INS_QUALIFIED=90, DMP_SUBMISSION=101)

    assert good == {"ACTIVE": 100, "HOPEN2_INS": 90, "HOPEN2_ANY": 1}
    assert poor == {"ACTIVE": 101}


def test_all_eight_objectives_count_together() -> None:
    everything = month(**dict.fromkeys(HOPEN2_OBJECTIVES.values(), 40), DMP_SUBMISSION=40)

    assert everything["HOPEN2_ANY"] == 8
    assert {name for name in everything if name.startswith("HOPEN2")} == {
        *HOPEN2_OBJECTIVES,
        "HOPEN2_ANY",
    }


def test_an_event_counts_once_as_activity_however_many_usages_it_shows() -> None:
    assert month(DMP_SUBMISSION=3, DMP_DEPOSIT=3, DMP_DOCUMENT=9, ACCESS=2)["ACTIVE"] == 5
