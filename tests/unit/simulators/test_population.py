import numpy as np
import pytest

from simulators.population import DEPARTMENTS, Population
from streams.vocabulary import COULOIRS, SECTOR_COULOIR_PAIRS, SECTORS

WHOLE = Population.create(1)


def test_a_seed_has_one_population() -> None:
    again = Population.create(1)

    assert np.array_equal(WHOLE.home, again.home)
    assert np.array_equal(WHOLE.level, again.level)
    assert not np.array_equal(WHOLE.home, Population.create(2).home)


def test_every_structure_has_a_pair_of_sector_and_couloir_that_the_field_knows() -> None:
    pairs = {(SECTORS[s], COULOIRS[c]) for s, c in zip(WHOLE.sector, WHOLE.couloir, strict=True)}

    assert pairs == set(SECTOR_COULOIR_PAIRS)


def test_esms_lie_in_the_departments_as_the_regions_table_says() -> None:
    esms = WHOLE.department[WHOLE.structures_of("ESMS", "MEDICO_SOCIAL")]
    shares = np.bincount(esms, minlength=len(DEPARTMENTS)) / len(esms)

    assert len(esms) == 2471
    assert shares == pytest.approx(np.array([269, 1108, 290, 551, 253]) / 2471, abs=0.03)


def test_every_structure_has_an_account() -> None:
    assert set(WHOLE.home.tolist()) == set(range(len(WHOLE.size)))


def test_some_accounts_work_for_two_structures_and_some_of_those_in_two_sectors() -> None:
    both = np.flatnonzero(WHOLE.second >= 0)
    crossing = WHOLE.sector[WHOLE.second[both]] != WHOLE.sector[WHOLE.home[both]]

    assert 0.03 < len(both) / len(WHOLE.home) < 0.09
    assert not np.any(WHOLE.second[both] == WHOLE.home[both])
    assert 0.1 < crossing.mean() < 0.5
