from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.care_relations import CareRelations
from streams.checkpoint import Journal
from streams.errors import StateError

learnt = st.lists(
    st.lists(st.tuples(st.integers(1, 80), st.integers(1, 60), st.booleans()), max_size=20),
    max_size=25,
)


def learn(relations: CareRelations, rows: list[tuple[int, int, bool]]) -> None:
    pairs, days, kinds = zip(*rows, strict=True) if rows else ((), (), ())
    relations.learn(
        np.array(pairs, np.uint64),
        np.array(days, np.uint16),
        is_access=np.array(kinds, np.bool_),
    )


def known(relations: CareRelations, pairs: list[int]) -> list[tuple[int, int]]:
    care, access = relations.last_days(np.array(pairs, np.uint64))
    return list(zip(care.tolist(), access.tolist(), strict=True))


@settings(max_examples=60, deadline=None)
@given(batches=learnt)
def test_the_last_day_of_each_kind_is_known_for_every_pair(
    batches: list[list[tuple[int, int, bool]]],
) -> None:
    relations = CareRelations()
    expected: dict[tuple[int, bool], int] = {}
    for batch in batches:
        learn(relations, batch)
        for pair, day, kind in batch:
            expected[pair, kind] = max(day, expected.get((pair, kind), 0))

    pairs = list(range(1, 90))
    assert known(relations, pairs) == [
        (expected.get((pair, False), 0), expected.get((pair, True), 0)) for pair in pairs
    ]


def test_pairs_are_told_apart_while_the_table_fills_up_and_grows() -> None:
    relations = CareRelations()
    for first in range(1, 20_001, 500):
        learn(relations, [(pair, pair % 97 + 1, False) for pair in range(first, first + 500)])
        assert known(relations, [first + 10**6]) == [(0, 0)]

    assert known(relations, list(range(1, 20_001))) == [(p % 97 + 1, 0) for p in range(1, 20_001)]
    assert len(relations) == 20_000
    assert relations.size_bytes / len(relations) <= 32


def test_a_pair_that_is_absent_from_a_full_table_is_not_taken_for_the_last_row() -> None:
    relations = CareRelations()
    learn(relations, [(pair, 7, True) for pair in range(1, 1025)])

    assert known(relations, [5000]) == [(0, 0)]


def test_room_is_taken_from_pairs_that_no_longer_speak_before_the_table_grows() -> None:
    relations = CareRelations()
    learn(relations, [(pair, 10, False) for pair in range(1, 1001)])
    learn(relations, [(pair, 50, False) for pair in range(1, 11)])
    bytes_before = relations.size_bytes
    relations.forget_before(40)

    learn(relations, [(pair, 51, True) for pair in range(2001, 2501)])

    assert len(relations) == 510
    assert relations.size_bytes == bytes_before
    assert known(relations, [1, 10, 11, 2500]) == [(50, 0), (50, 0), (0, 0), (0, 51)]


def test_a_pair_that_comes_back_in_the_batch_that_makes_it_leave_is_kept() -> None:
    relations = CareRelations()
    learn(relations, [(pair, 10, False) for pair in range(1, 1001)])
    learn(relations, [(1, 50, False)])
    relations.forget_before(40)

    learn(relations, [(pair, 51, True) for pair in [7, 1, *range(2001, 2501), 7, 2001]])

    assert len(relations) == 502
    assert known(relations, [1, 2, 7, 2001, 2500]) == [(50, 51), (0, 0), (0, 51), (0, 51), (0, 51)]


@settings(max_examples=60, deadline=None)
@given(batches=learnt, cut=st.integers(0, 25))
def test_a_checkpoint_after_every_batch_recovers_what_was_known(
    batches: list[list[tuple[int, int, bool]]], cut: int
) -> None:
    relations = CareRelations()
    journal = Journal((relations,))
    changelog = {}
    for batch in batches[:cut]:
        learn(relations, batch)
        changelog.update(journal.flush(b""))
    recovered = CareRelations()
    Journal((recovered,)).recover({k: v for k, v in changelog.items() if v is not None})

    pairs = list(range(1, 90))
    assert known(recovered, pairs) == known(relations, pairs)


def test_a_long_life_of_checkpoints_loses_no_pair_and_writes_little() -> None:
    relations = CareRelations()
    journal = Journal((relations,))
    changelog = {}
    written = 0
    for n in range(400):
        learn(relations, [(pair, 9, False) for pair in range(1 + 10 * n, 11 + 10 * n)])
        learn(relations, [(1 + n % 7, 9 + n, True)])
        writes = journal.flush(b"")
        written += sum(len(value or b"") for _, value in writes)
        changelog.update(writes)
    recovered = CareRelations()
    Journal((recovered,)).recover({k: v for k, v in changelog.items() if v is not None})

    pairs = list(range(1, 4002))
    assert known(recovered, pairs) == known(relations, pairs)
    # Twelve bytes a pair, once per level of the journal (six here), and the segments' heads.
    assert written < 6 * 12 * 4400 + 2 * 400 * 100


def test_a_pair_that_was_dealt_with_already_that_day_is_not_written_again() -> None:
    relations = CareRelations()
    learn(relations, [(1, 9, False), (2, 9, False)])
    relations.drain()
    learn(relations, [(1, 9, False), (1, 8, False), (2, 9, True)])

    payload, _ = relations.encode(relations.drain())

    assert np.frombuffer(payload[:8], "<u8").tolist() == [2]
    assert len(payload) == 12


def test_pairs_that_no_longer_speak_leave_the_checkpoint() -> None:
    relations = CareRelations()
    learn(relations, [(1, 9, False), (2, 40, False)])
    keys = relations.drain()
    relations.forget_before(10)

    payload, kept = relations.encode(keys)

    assert len(payload) == 12
    relations.forget_before(41)
    assert relations.encode(kept) == (b"", set())


def test_a_payload_of_another_form_is_refused() -> None:
    with pytest.raises(StateError, match="care relations of another form"):
        CareRelations().load(b"12345")
