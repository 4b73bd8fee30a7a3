from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from agents.detectors.calibration import BUDGET, calibrated
from agents.detectors.decoys import REMEMBERED, Decoys, Params, parse_decoys
from streams.digests import text_digests
from streams.errors import InputError
from tests.support.accesses import Access, accesses_of, digest

LIST = Params(digests=frozenset(digest(patient) for patient in range(100, 120)))


def test_one_read_of_a_decoy_is_far_beyond_the_budget() -> None:
    found = Decoys(LIST).observe(accesses_of([Access(0, 7), Access(1, 101), Access(2, 8)]), 1)
    assert found.tolist() == [0.0, 1.0, 0.0]
    assert calibrated("decoys", found)[1] >= BUDGET + 4.0


def test_distinct_decoys_are_counted_and_repeated_reads_are_not() -> None:
    decoys = Decoys(LIST)
    told = [Access(n, patient) for n, patient in enumerate((101, 101, 102, 101))]
    assert decoys.observe(accesses_of(told), 5).tolist() == [1.0, 1.0, 2.0, 2.0]
    evidence = decoys.evidence(0, 2.0)
    assert (evidence.decoys, evidence.reads, evidence.first_day) == (2, 4, 5)


def test_accounts_are_counted_apart() -> None:
    decoys = Decoys(LIST)
    decoys.observe(accesses_of([Access(0, 101, account=1), Access(1, 102, account=2)]), 5)
    assert decoys.evidence(1, 1.0).decoys == decoys.evidence(2, 1.0).decoys == 1


def test_counting_begins_anew_after_a_month_without_a_decoy() -> None:
    decoys = Decoys(LIST)
    decoys.observe(accesses_of([Access(0, 101)]), 5)
    assert decoys.observe(accesses_of([Access(0, 102)]), 35).tolist() == [2.0]
    assert decoys.observe(accesses_of([Access(0, 103)]), 66).tolist() == [1.0]


def test_more_decoys_than_are_told_apart_count_no_further() -> None:
    decoys = Decoys(LIST)
    found = decoys.observe(accesses_of([Access(n, 100 + n) for n in range(20)]), 5)
    assert found[-1] == REMEMBERED


def test_without_a_list_nobody_reads_a_decoy() -> None:
    decoys = Decoys(Params())
    assert not decoys.observe(accesses_of([Access(0, 101)]), 5).any()
    assert decoys.observe(accesses_of([]), 5).size == 0


def test_a_verdict_starts_the_count_anew_even_for_an_account_without_one() -> None:
    decoys = Decoys(LIST)
    decoys.observe(accesses_of([Access(0, 101)]), 5)
    decoys.forget(0)
    decoys.forget(9_999)
    assert decoys.observe(accesses_of([Access(1, 102)]), 5).tolist() == [1.0]


def test_a_settings_file_holds_one_pseudonym_a_line_and_comments() -> None:
    text = "# kept by the region\npt_a\n\n  pt_b  # since 2025\npt_a\n"
    wanted = text_digests(pl.Series(["pt_a", "pt_b"])).tolist()
    assert parse_decoys(text, "decoys.txt") == frozenset(wanted)
    assert parse_decoys("# nobody\n", "decoys.txt") == frozenset()


def test_a_bad_line_is_named_without_its_words() -> None:
    with pytest.raises(InputError, match=r"decoys\.txt: line 2: not one pseudonym") as raised:
        parse_decoys("pt_a\npt_b pt_c\n", "decoys.txt")
    assert "pt_" not in str(raised.value)


def test_digests_are_found_wherever_they_stand_in_the_order() -> None:
    every = sorted(LIST.digests)
    accesses = accesses_of([Access(n, 100 + n, account=n) for n in range(20)])
    assert Decoys(LIST).observe(accesses, 1).tolist() == [1.0] * 20
    outside = accesses_of([Access(n, 1000 + n) for n in range(50)])
    assert np.isin(outside.patient, every).sum() == 0
    assert not Decoys(LIST).observe(outside, 1).any()
