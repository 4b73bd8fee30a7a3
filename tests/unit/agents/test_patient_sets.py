from __future__ import annotations

import numpy as np
import pytest

from agents.patient_sets import PatientSets
from streams.errors import StateError


def entries(*patients: int) -> np.ndarray:
    told = np.zeros(len(patients), PatientSets.entry)
    told["patient"] = patients
    return told


def replace(sets: PatientSets, row: int, *patients: int) -> None:
    sets.replace(np.array([row]), entries(*patients), np.array([len(patients)]), np.array([0]))


def held(sets: PatientSets, row: int) -> list[int]:
    return sets.gather(np.array([row]))[0]["patient"].tolist()


def test_a_set_keeps_what_was_written_when_others_grow_past_it() -> None:
    sets = PatientSets()
    for row in range(300):
        replace(sets, row, row)
    for size in (9, 30, 100, 250):
        replace(sets, 7, *range(size))
    assert held(sets, 7) == list(range(250))
    assert all(held(sets, row) == [row] for row in range(300) if row != 7)


def test_changed_sets_are_encoded_once_and_loaded_over_older_ones() -> None:
    sets, back = PatientSets(), PatientSets()
    replace(sets, 3, 1, 2, 3)
    replace(sets, 900, 4)
    first, kept = sets.encode(sets.drain())
    replace(sets, 3, 5)
    second, _ = sets.encode(sets.drain())
    assert kept == {3, 900}
    assert sets.drain() == set()
    assert back.load(first) == {3, 900}
    assert back.load(second) == {3}
    assert (held(back, 3), held(back, 900)) == ([5], [4])


def test_state_of_another_version_or_cut_short_is_refused_by_name() -> None:
    sets = PatientSets()
    replace(sets, 3, 1, 2, 3)
    payload, _ = sets.encode({3})
    with pytest.raises(StateError, match="patient-windows: state version 9 is not 1"):
        PatientSets().load(b"\x09" + payload[1:])
    with pytest.raises(StateError, match="patient-windows: a payload is cut short"):
        PatientSets().load(payload[:-1])
