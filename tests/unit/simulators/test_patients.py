import math

import numpy as np

from simulators.patients import (
    PATIENTS,
    Panels,
    department_of,
    directory_position,
    patient_at,
)
from simulators.population import INHABITANTS, Population

POPULATION = Population.create(1, 0.05)
PANELS = Panels(POPULATION)
DAY = 739_495
SHIFT = int(directory_position(np.array([0]))[0])


def test_the_directory_is_a_permutation_of_the_patients() -> None:
    sample = np.arange(0, PATIENTS, 997)

    assert np.array_equal(patient_at(directory_position(sample)), sample)
    assert math.gcd(int(directory_position(np.array([1]))[0]) - SHIFT, PATIENTS) == 1


def test_directory_positions_wrap_around_the_end() -> None:
    assert patient_at(np.array([PATIENTS]))[0] == patient_at(np.array([0]))[0]


def test_patients_live_where_their_number_says() -> None:
    assert department_of(
        np.array([0, INHABITANTS[0] - 1, INHABITANTS[0], PATIENTS - 1])
    ).tolist() == [
        0,
        0,
        1,
        4,
    ]


def test_most_patients_live_in_their_structures_department() -> None:
    structures = np.random.default_rng(1).integers(0, len(POPULATION.size), 20_000)
    patients = PANELS.pick(structures, DAY, np.random.default_rng(2).random(20_000))

    near = department_of(patients) == POPULATION.department[structures]
    assert 0.92 < near.mean() < 0.98


def test_a_panel_is_the_same_whenever_it_is_asked() -> None:
    number = np.linspace(0, 0.999, 50)
    structures = np.full(50, 3)

    assert np.array_equal(
        PANELS.pick(structures, DAY, number), PANELS.pick(structures, DAY, number)
    )


def overlap(couloir: str, days: int) -> float:
    structure = np.full(4000, POPULATION.structures_of(*couloir.split("/"))[0])
    number = np.linspace(0, 0.9999, 4000)
    today = set(PANELS.pick(structure, DAY, number).tolist())
    later = set(PANELS.pick(structure, DAY + days, number).tolist())
    return len(today & later) / len(today)


def test_residents_stay_and_hospital_patients_leave() -> None:
    assert overlap("ESMS/MEDICO_SOCIAL", 30) > 0.85
    assert overlap("ES/HOPITAL", 9) < 0.05
    assert overlap("PSL/MEDECINE_VILLE", 10) > 0.5
