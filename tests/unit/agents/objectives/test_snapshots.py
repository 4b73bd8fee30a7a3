from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest

from agents.objectives.snapshots import REGION, Snapshots, complete_sums, last_day
from tests.support.objectives import declared, month, scopes

JUNE = month(2026, 6)
END = date(2026, 12, 31)


@dataclass
class Record:
    key: bytes | None
    value: bytes | None
    timestamp: int = 0
    offset: int = 0


def test_the_newest_of_one_key_counts() -> None:
    snapshots = Snapshots(
        [declared("a", date(2026, 6, 10), 1), declared("a", date(2026, 6, 30), 2)]
    )
    assert [one.numerator for one in snapshots.of_month("a", JUNE, END).values()] == [2]
    assert list(snapshots.months("a", END)) == [JUNE]


def test_what_was_taken_back_is_gone_with_its_month() -> None:
    one = declared("a", date(2026, 6, 30), 1)
    snapshots = Snapshots([one])
    before = snapshots.version
    snapshots.drop(one.key)
    assert not snapshots.months("a", END)
    assert snapshots.version > before
    snapshots.drop(one.key)  # twice is no error
    assert snapshots.version == before + 1


def test_nothing_of_a_later_day_is_seen() -> None:
    snapshots = Snapshots(
        [declared("a", date(2026, 6, 30), 1), declared("a", date(2026, 5, 31), 9)]
    )
    until = date(2026, 6, 29)
    assert list(snapshots.months("a", until)) == [month(2026, 5)]
    assert not snapshots.of_month("a", JUNE, until)
    assert snapshots.stock("a", until)[REGION].numerator == 9


def test_a_stock_holds_until_the_next() -> None:
    snapshots = Snapshots([declared("a", date(2025, 1, 31), 7)])
    assert snapshots.stock("a", END)[REGION].numerator == 7


@pytest.mark.parametrize(
    ("as_of", "until", "counts"),
    [
        (date(2026, 6, 30), date(2026, 8, 15), True),
        (date(2026, 6, 29), date(2026, 8, 15), False),
        (date(2026, 6, 15), date(2026, 6, 15), True),
        (date(2026, 6, 14), date(2026, 6, 15), False),
    ],
)
def test_a_flow_counts_to_the_months_end_or_up_to_this_very_day(
    as_of: date, until: date, counts: bool
) -> None:
    snapshots = Snapshots([declared("a", as_of, 7)])
    assert bool(snapshots.flow("a", JUNE, until)) is counts
    assert not snapshots.flow("a", JUNE + 1, until)


def test_records_are_put_taken_back_and_passed_over() -> None:
    one = declared("a", date(2026, 6, 30), 1)

    def read(value: bytes | None) -> object:
        if value != b"good":
            raise ValueError("none")
        return one

    snapshots = Snapshots()
    assert (
        snapshots.take([Record(one.key.encode(), b"good"), Record(b"x", b"bad")], read, scopes())
        == 1
    )
    assert list(snapshots.months("a", END)) == [JUNE]
    assert snapshots.take([Record(one.key.encode(), None)], read, scopes()) == 0
    assert not snapshots.months("a", END)
    assert snapshots.take([Record(None, None), Record(b"\xff", b"")], read, scopes()) == 0


@pytest.mark.parametrize(
    ("kind", "scope", "refused"),
    [
        ("department", "59", 0),
        ("department", "someone@example.org", 1),
        ("department", "AISNE", 1),
        ("region", "59", 1),
        ("region", "", 0),
    ],
)
def test_a_part_of_another_name_is_not_let_in_for_names_become_labels(
    kind: str, scope: str, refused: int
) -> None:
    one = declared("a", date(2026, 6, 30), 1, kind=kind, scope=scope)
    snapshots = Snapshots()
    assert snapshots.take([Record(b"x", b"good")], lambda _: one, scopes()) == refused
    assert len(snapshots.months("a", END)) == 1 - refused


def test_last_days() -> None:
    assert last_day(month(2024, 2), like=END) == date(2024, 2, 29)
    assert last_day(month(2026, 12), like=END) == END


def test_a_whole_is_summed_only_from_all_of_its_members() -> None:
    members = {"department": ("02", "59"), "territory": ("AISNE",), "category": ()}
    assert complete_sums({("department", "02"): 1, ("department", "59"): 2}, members) == 3
    assert complete_sums({("department", "02"): 1}, members) is None
    assert complete_sums({("department", "02"): 1, ("territory", "AISNE"): 5}, members) == 5
    assert complete_sums({}, members) is None
