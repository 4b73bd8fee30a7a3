from __future__ import annotations

import numpy as np
import pytest

from agents.waiting import DUE_FIELDS, Waiting, earliest
from streams.checkpoint import Journal
from streams.errors import StateError

KIND = np.dtype([*DUE_FIELDS, ("word", "<u4")])


def rows(*due: int) -> np.ndarray:
    found = np.zeros(len(due), KIND)
    found["due_ms"] = due
    found["word"] = np.array(due) * 2
    return found


def test_rows_leave_when_their_due_time_was_passed_and_only_once() -> None:
    waiting = Waiting(KIND)
    waiting.add(rows(5, 3, 9))

    assert waiting.release(3)["due_ms"].tolist() == []
    assert waiting.release(6)["due_ms"].tolist() == [3, 5]
    assert waiting.release(6)["due_ms"].tolist() == []
    assert waiting.release(10)["word"].tolist() == [18]
    assert len(waiting) == 0


def test_many_wait_and_few_leave_without_loss() -> None:
    waiting = Waiting(KIND)
    left: list[int] = []
    for n in range(300):
        waiting.add(rows(*range(n * 20, n * 20 + 20)))
        left += waiting.release(n * 7)["due_ms"].tolist()
        assert len(waiting) == len(waiting.due_ms) == (n + 1) * 20 - len(left)
    left += waiting.release(10**9)["due_ms"].tolist()

    assert left == list(range(6000))


def test_a_recovery_keeps_what_waits_once_and_drops_what_had_left() -> None:
    waiting = Waiting(KIND)
    journal = Journal((waiting,))
    changelog = {}
    copies = 0
    for n in range(40):
        waiting.add(rows(*range(n * 10, n * 10 + 10)))
        waiting.release(n * 8)
        changelog.update(journal.flush(b""))
        recovered = Waiting(KIND)
        Journal((recovered,)).recover({k: v for k, v in changelog.items() if v is not None})
        # What a merged segment was made of stays until its place is written again.
        copies += len(recovered) - len(set(recovered.due_ms.tolist()))
        recovered.recovered(n * 8)
        recovered.add(rows(10**6))

        assert sorted(recovered.due_ms.tolist()) == [*sorted(waiting.due_ms.tolist()), 10**6]
        numbers = recovered.release(10**9)["number"]
        assert len(set(numbers.tolist())) == len(numbers)
    assert copies > 0


def test_many_small_batches_between_two_checkpoints_are_put_together() -> None:
    waiting = Waiting(KIND)
    for n in range(1000):
        waiting.add(rows(n, 2000 - n))
        assert len(waiting._batches) <= 66
        assert len(waiting) == 2 * n + 2

    assert waiting.due_before(500) == 500
    assert waiting.release(500)["due_ms"].tolist() == list(range(500))
    assert sorted(waiting.release(10**9)["due_ms"].tolist()) == sorted(
        [*range(500, 1000), *range(1001, 2001)]
    )


def test_a_checkpoint_of_what_has_left_meanwhile_is_empty() -> None:
    waiting = Waiting(KIND)
    waiting.add(rows(1, 2))
    waiting.release(3)

    keys = waiting.drain()
    assert len(keys) == 1
    assert waiting.encode(keys) == (b"", set())
    assert waiting.drain() == set()


def test_the_earliest_rows_are_found_among_several_waiting() -> None:
    one, two = Waiting(KIND), Waiting(KIND)
    one.add(rows(5, 1))
    two.add(rows(3, 9))

    assert [earliest((one, two), surplus) for surplus in (1, 2, 3, 4)] == [1, 3, 5, 9]


def test_a_payload_of_another_form_is_refused() -> None:
    with pytest.raises(StateError, match="waiting events of another form"):
        Waiting(KIND).load(b"12345")
