import re
import uuid

import numpy as np

from simulators.pseudonyms import (
    ACCOUNT,
    PATIENT,
    event_ids,
    mix,
    pseudonym,
    pseudonyms,
    salt_of,
    uniform,
)

NUMBERS = np.arange(50_000)


def texts(matrix: np.ndarray) -> list[str]:
    return [bytes(row).decode() for row in matrix]


def test_a_pseudonym_is_a_prefix_and_22_url_safe_characters() -> None:
    for text in texts(pseudonyms(1, PATIENT, NUMBERS[:2000])):
        assert re.fullmatch(r"pa_[A-Za-z0-9_-]{22}", text)


def test_no_two_entities_share_a_pseudonym() -> None:
    assert len(set(texts(pseudonyms(1, PATIENT, NUMBERS)))) == len(NUMBERS)


def test_a_pseudonym_depends_on_seed_kind_and_number_alone() -> None:
    assert pseudonym(1, ACCOUNT, 7) == texts(pseudonyms(1, ACCOUNT, np.array([3, 7])))[1]
    assert pseudonym(1, ACCOUNT, 7) != pseudonym(2, ACCOUNT, 7)
    assert pseudonym(1, ACCOUNT, 7)[3:] != pseudonym(1, PATIENT, 7)[3:]


def test_every_character_of_a_pseudonym_varies() -> None:
    matrix = pseudonyms(1, PATIENT, NUMBERS)

    assert min(len(np.unique(matrix[:, place])) for place in range(3, 25)) == 64


def test_event_ids_are_distinct_uuids_of_version_8() -> None:
    found = texts(event_ids(mix(NUMBERS, 1), mix(NUMBERS, 2)))

    assert len(set(found)) == len(NUMBERS)
    for text in found[:500]:
        parsed = uuid.UUID(text)
        assert str(parsed) == text
        assert (parsed.version, parsed.variant) == (8, uuid.RFC_4122)


def test_uniform_numbers_fill_the_unit_interval_evenly() -> None:
    number = uniform(NUMBERS, salt_of(1, "anything"))

    assert number.min() >= 0
    assert number.max() < 1
    counts, _ = np.histogram(number, bins=20, range=(0, 1))
    assert abs(counts / (len(NUMBERS) / 20) - 1).max() < 0.08


def test_uses_of_one_seed_are_unrelated() -> None:
    one, other = (uniform(NUMBERS, salt_of(1, name)) for name in ("one", "other"))

    assert abs(np.corrcoef(one, other)[0, 1]) < 0.02
