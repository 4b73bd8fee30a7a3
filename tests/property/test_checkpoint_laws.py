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
        delta_parts = checkpoint._PART.unpack_from(writes[0][1] or b"")[3]
        milestones.append((len(log) + delta_parts, dict(numbers.values)))
        log.extend(writes)
    return log, milestones


def table(log: list[Write]) -> dict[bytes, bytes]:
    """What a compacted topic keeps of a log."""
    return {key: value for key, value in dict(log).items() if value is not None}


def recover(log: list[Write]) -> tuple[bytes | None, dict[int, int]]:
    numbers = Numbers()
    header = Journal((numbers,)).recover(table(log))
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
        journal.recover(table(log))
        for change in second:
            for key, value in change.items():
                numbers.put(key, value)
            log.extend(journal.flush(b"second"))

    assert recover(log) == (b"second", numbers.values)


@settings(max_examples=60, deadline=None)
@given(reigns=st.lists(flushes, min_size=2, max_size=4))
def test_owner_after_owner_recovers_what_the_last_one_made_durable(
    reigns: list[list[dict[int, int]]],
) -> None:
    log: list[Write] = []
    expected: dict[int, int] = {}
    for owner, changes in enumerate(reigns):
        numbers = Numbers()
        journal = Journal((numbers,))
        journal.recover(table(log), owner=owner)
        assert numbers.values == expected
        for change in changes:
            for key, value in change.items():
                numbers.put(key, value)
            log.extend(journal.flush(b""))
        expected = dict(numbers.values)
    assert recover(log)[1] == expected


@settings(max_examples=80, deadline=None)
@given(before=flushes, late=flushes, after=flushes, data=st.data())
def test_one_late_flush_of_a_former_owner_changes_nothing(
    before: list[dict[int, int]],
    late: list[dict[int, int]],
    after: list[dict[int, int]],
    data: st.DataObject,
) -> None:
    former, log = Numbers(), []
    stopped = Journal((former,))
    stopped.recover({}, owner=1)
    for change in before:
        for key, value in change.items():
            former.put(key, value)
        log.extend(stopped.flush(b"former"))
    # The next owner recovers, then the former one's flush arrives, at any place among the next one's.
    numbers = Numbers()
    journal = Journal((numbers,))
    journal.recover(table(log), owner=2)
    for key, value in late[0].items():
        former.put(key, value)
    intruding = list(stopped.flush(b"late"))
    own: list[Write] = []
    for change in after:
        for key, value in change.items():
            numbers.put(key, value)
        own.extend(journal.flush(b"own"))
    place = data.draw(st.integers(0, len(own)))

    assert recover([*log, *own[:place], *intruding, *own[place:]]) == (b"own", numbers.values)


def test_a_reign_leaves_no_keys_of_earlier_ones_for_ever() -> None:
    log, _ = write_all([{n: n} for n in range(50)])
    for owner in range(2, 6):
        numbers = Numbers()
        journal = Journal((numbers,))
        journal.recover(table(log), owner=owner)
        for n in range(300):
            numbers.put(n, n)
            log.extend(journal.flush(b""))

    epochs = {checkpoint._KEY.unpack(key)[0] for key in table(log)}
    assert len(epochs) <= 2
    assert len(table(log)) <= 8 * FANOUT


def test_the_changelog_holds_a_bounded_number_of_keys_and_bytes() -> None:
    log, milestones = write_all([{n % 500: n, (n * 7) % 500: n} for n in range(3000)])

    live_bytes = sum(map(len, table(log).values()))
    state_bytes = PAIR.size * len(milestones[-1][1])
    levels = 5  # 256 B to 16 KiB in steps of four
    assert len(table(log)) <= levels * FANOUT
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


def test_segments_are_read_whether_they_were_written_compressed_or_not(monkeypatch) -> None:
    sizes = {}
    for limit in (0, 1_000, checkpoint.DEFLATED_TO_BYTES):
        monkeypatch.setattr(checkpoint, "DEFLATED_TO_BYTES", limit)
        log, milestones = write_all([{n % 90: n, n: 1} for n in range(300)])
        assert recover(log) == (b"299", milestones[-1][1])
        forms = {checkpoint._PART.unpack_from(value)[0] for value in table(log).values()}
        assert forms == {0: {1}, 1_000: {1, 2}}.get(limit, {2})
        sizes[limit] = sum(len(value or b"") for _, value in log)
    assert sizes[checkpoint.DEFLATED_TO_BYTES] < 0.6 * sizes[0]


def test_an_owner_goes_on_from_segments_that_were_written_uncompressed(monkeypatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "DEFLATED_TO_BYTES", 0)
        log, milestones = write_all([{n: n} for n in range(30)])
    numbers = Numbers()
    journal = Journal((numbers,))
    journal.recover(table(log), owner=2)
    numbers.put(99, 1)
    assert recover([*log, *journal.flush(b"on")]) == (b"on", milestones[-1][1] | {99: 1})
