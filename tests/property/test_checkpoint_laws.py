from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import checkpoint
from streams.checkpoint import FANOUT, Journal, Write
from streams.errors import StateError

PAIR = struct.Struct("<qq")


class Numbers:
    """The simplest section: integers by integer key."""

    def __init__(self) -> None:
        self.values: dict[int, int] = {}
        self.dirty: set[int] = set()

    def put(self, key: int, value: int) -> None:
        self.values[key] = value
        self.dirty.add(key)

    def drain(self) -> set[int]:
        dirty, self.dirty = self.dirty, set()
        return dirty

    def encode(self, keys: set[int]) -> tuple[bytes, set[int]]:
        return b"".join(PAIR.pack(k, self.values[k]) for k in sorted(keys)), keys

    def load(self, payload: bytes) -> set[int]:
        pairs = dict(PAIR.iter_unpack(payload))
        self.values.update(pairs)
        return set(pairs)

    def pending_bytes(self) -> int:
        return PAIR.size * len(self.dirty)


flushes = st.lists(
    st.dictionaries(st.integers(0, 60), st.integers(0, 2**40), min_size=1, max_size=12),
    min_size=1,
    max_size=40,
)


def write_all(
    changes: list[dict[int, int]],
) -> tuple[list[Write], list[tuple[int, dict[int, int]]]]:
    """The changelog, and after how many writes which state is complete."""
    numbers = Numbers()
    journal = Journal((numbers,))
    log: list[Write] = []
    milestones = [(0, {})]
    for step, change in enumerate(changes):
        for key, value in change.items():
            numbers.put(key, value)
        writes = journal.flush(str(step).encode())
        delta_parts = checkpoint._PART.unpack_from(writes[0][1] or b"")[4]
        milestones.append((len(log) + delta_parts, dict(numbers.values)))
        log.extend(writes)
    return log, milestones


def recover(log: list[Write]) -> tuple[bytes | None, dict[int, int]]:
    numbers = Numbers()
    header = Journal((numbers,)).recover({k: v for k, v in dict(log).items() if v is not None})
    return header, numbers.values


@settings(max_examples=60, deadline=None)
@given(changes=flushes, part_bytes=st.sampled_from([40, 150, 786_432]), data=st.data())
def test_any_prefix_of_the_changelog_recovers_to_its_last_complete_delta(
    changes: list[dict[int, int]], part_bytes: int, data: st.DataObject
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "PART_BYTES", part_bytes)
        log, milestones = write_all(changes)
    cut = data.draw(st.integers(0, len(log)))

    header, values = recover(log[:cut])

    step, (_, expected) = max((i, m) for i, m in enumerate(milestones) if m[0] <= cut)
    assert values == expected
    assert header == (None if step == 0 else str(step - 1).encode())


@settings(max_examples=40, deadline=None)
@given(first=flushes, second=flushes, data=st.data())
def test_a_journal_goes_on_after_a_crash_as_if_nothing_had_happened(
    first: list[dict[int, int]], second: list[dict[int, int]], data: st.DataObject
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "PART_BYTES", 60)
        log, _ = write_all(first)
        log = log[: data.draw(st.integers(0, len(log)))]
        numbers = Numbers()
        journal = Journal((numbers,))
        journal.recover({k: v for k, v in log if v is not None})
        for change in second:
            for key, value in change.items():
                numbers.put(key, value)
            log.extend(journal.flush(b"second"))

    assert recover(log) == (b"second", numbers.values)


def test_the_changelog_holds_a_bounded_number_of_keys_and_bytes() -> None:
    log, milestones = write_all([{n % 500: n, (n * 7) % 500: n} for n in range(3000)])

    live_bytes = sum(len(value or b"") for value in dict(log).values())
    state_bytes = PAIR.size * len(milestones[-1][1])
    levels = 5  # 256 B to 16 KiB in steps of four
    assert len(dict(log)) <= levels * FANOUT
    assert live_bytes <= 2 * FANOUT * state_bytes


def test_every_byte_is_written_at_most_once_per_level() -> None:
    keys = 4096
    log, _ = write_all([{n: n for n in range(at, at + 8)} for at in range(0, keys, 8)])

    written = sum(len(value or b"") for _, value in log)
    levels = 6  # the deltas, then 256 B to 64 KiB in steps of four
    assert written <= levels * keys * PAIR.size


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda value: value[:-1] + bytes([value[-1] ^ 1]), "damaged"),
        (lambda value: b"\x09" + value[1:], "format 9"),
        (lambda value: value[:5], "not a checkpoint segment"),
    ],
)
def test_a_damaged_entry_stops_the_recovery(spoil, text: str) -> None:
    (key, value), *_ = write_all([{1: 2}])[0]

    with pytest.raises(StateError, match=text):
        recover([(key, spoil(value))])
