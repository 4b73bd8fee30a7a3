from __future__ import annotations

import orjson
import pytest

from agents.region import RegionCounts
from agents.region_usage import MONTHS_SHOWN, RegionUsage, UsagePart, encode_usage_part
from agents.usages import UsageRow

MONTH = 2025 * 12 + 8
DEPOSITS = UsageRow("DMP_DEPOSIT", "HOPITAL", "59", 2, 70)
CALLS = UsageRow("INSI_CALL", "OFFICINE", "02", 1, 5)


def told(*parts: UsagePart) -> RegionUsage:
    region = RegionUsage()
    for part in parts:
        region.take(*encode_usage_part(part))
    return region


def test_partitions_add_up_in_the_order_of_usages() -> None:
    region = told(UsagePart(0, MONTH, (CALLS, DEPOSITS)), UsagePart(11, MONTH, (DEPOSITS,)))

    assert region.months() == [MONTH]
    assert region.rows(MONTH) == (DEPOSITS._replace(structures=4, events=140), CALLS)


def test_a_later_part_takes_the_place_of_the_one_before() -> None:
    more = DEPOSITS._replace(structures=3, events=90)
    region = told(UsagePart(0, MONTH, (DEPOSITS,)))
    assert region.rows(MONTH) == (DEPOSITS,)
    region.take(*encode_usage_part(UsagePart(0, MONTH, (more,))))

    assert region.rows(MONTH) == (more,)


def test_months_stand_beside_each_other() -> None:
    region = told(UsagePart(0, MONTH, (DEPOSITS,)), UsagePart(0, MONTH + 1, (CALLS,)))

    assert region.months() == [MONTH, MONTH + 1]
    assert region.rows(MONTH) == (DEPOSITS,)
    assert region.rows(MONTH + 1) == (CALLS,)
    assert region.rows(MONTH + 2) == ()


def test_the_version_grows_with_every_part_and_with_forgetting() -> None:
    region = told(UsagePart(0, MONTH, (DEPOSITS,)))
    first = region.version
    region.take(*encode_usage_part(UsagePart(1, MONTH, (DEPOSITS,))))
    second = region.version
    region.clear()

    assert first < second < region.version
    assert region.months() == []


def test_only_the_newest_months_are_kept() -> None:
    region = told(*(UsagePart(0, MONTH + n, (CALLS,)) for n in range(MONTHS_SHOWN + 3)))

    assert len(region.months()) == MONTHS_SHOWN
    assert region.months()[-1] == MONTH + MONTHS_SHOWN + 2


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (None, b"{}"),
        (b"3", b'{"format":1,"months":[],"days":[]}'),
        (b"usage/3", b"{}"),
        (b"usage/x/24308", b"{}"),
        (b"usage/3/24308", None),
        (b"usage/3/24308", b"{"),
        (b"usage/3/24308", b'{"format":2,"usages":[],"couloirs":[],"departments":[],"rows":[]}'),
    ],
)
def test_a_message_that_is_not_ours_is_passed_over(key: bytes | None, value: bytes | None) -> None:
    region = RegionUsage()
    region.take(key, value)

    assert region.months() == []
    assert region.version == 0


@pytest.mark.parametrize(
    "rest",
    [
        b"",
        b'"usages":[]}',
        b'"usages":[],"couloirs":[],"departments":[],"rows":[[0,0,0,1,1]]}',
        b'"usages":[],"couloirs":[],"departments":[],"rows":[[1]]}',
    ],
)
def test_a_damaged_part_counts_nothing_and_harms_no_other(rest: bytes) -> None:
    region = told(UsagePart(0, MONTH, (DEPOSITS,)))
    region.take(b"usage/3/%d" % MONTH, b'{"format":1,' + rest)

    assert region.rows(MONTH) == (DEPOSITS,)


def test_a_usage_of_a_later_version_is_left_out() -> None:
    key, value = encode_usage_part(UsagePart(0, MONTH, (DEPOSITS, CALLS)))
    message = orjson.loads(value)
    message["usages"][0] = "SOMETHING_NEW"
    region = RegionUsage()
    region.take(key, orjson.dumps(message))

    assert region.rows(MONTH) == (CALLS,)


def test_the_counts_of_marks_pass_over_these_messages() -> None:
    counts = RegionCounts()
    counts.take(*encode_usage_part(UsagePart(3, MONTH, (DEPOSITS,))))

    assert counts._parts == {}
