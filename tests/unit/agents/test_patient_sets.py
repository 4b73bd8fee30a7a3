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
    patients: list[int] = sets.gather(np.array([row]))[0]["patient"].tolist()
    return patients


def test_a_set_keeps_what_was_written_when_others_grow_past_it() -> None:
    sets = PatientSets()
    for row in range(300):
        replace(sets, row, row)
    for size in (9, 30, 100, 250):
        replace(sets, 7, *range(size))
    assert held(sets, 7) == list(range(250))
    assert all(held(sets, row) == [row] for row in range(300) if row != 7)


def test_new_entries_take_the_places_of_those_who_left_before_a_set_grows() -> None:
    sets = PatientSets()
    replace(sets, 1, *range(10, 18))
    replace(sets, 2, *range(20, 28))
    rows = np.array([1, 2])
    first, second = sets.held(rows).place[[2, 5]], sets.held(rows).place[[8]]
    before = sets.size_bytes
    places, lengths = sets.make_room(
        rows, np.array([1, 3]), np.concatenate([first, second]), np.array([0, 0, 1])
    )
    sets.write(places, np.array([91, 92, 93, 94], np.uint64), places, places * 0, places * 0)
    assert lengths.tolist() == [8, 10]
    assert held(sets, 1) == [10, 11, 91, 13, 14, 15, 16, 17]
    assert held(sets, 2) == [92, *range(21, 28), 93, 94]
    assert sets.size_bytes == before


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
