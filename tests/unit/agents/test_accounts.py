from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from agents.accounts import Account, Accounts
from streams.digests import text_digests
from streams.errors import StateError


def frame_of(*named: tuple[str, str | None]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "structure_pid": [structure for structure, _ in named],
            "actor_pid": [actor for _, actor in named],
            "sector": ["ES"] * len(named),
            "department": ["59"] * len(named),
        },
        schema_overrides={"actor_pid": pl.String, "sector": pl.Enum(["UNKNOWN", "ES"])},
    )


def rows(accounts: Accounts, *named: tuple[str, str | None], surface: int = 0) -> list[int]:
    frame = frame_of(*named)
    structure, actor = text_digests(frame["structure_pid"]), text_digests(frame["actor_pid"])
    return accounts.rows_of(frame, np.arange(len(named)), structure, actor, surface).tolist()


def test_an_account_is_a_person_at_a_structure_on_a_surface() -> None:
    accounts = Accounts()

    assert rows(accounts, ("s1", "a"), ("s1", "b"), ("s2", "a"), ("s1", "a")) == [0, 1, 2, 0]
    assert rows(accounts, ("s1", "a"), surface=1) == [3]
    assert accounts[3] == Account("s1", "a", 1, "ES", "59")
    assert accounts.rows_named("s1", "a") == [0, 3]


def test_a_structure_s_certificate_is_an_account_of_its_own() -> None:
    accounts = Accounts()

    assert rows(accounts, ("s1", None), ("s1", "a"), ("s1", None)) == [0, 1, 0]
    assert accounts.rows_named("s1", None) == [0]
    assert accounts.actors[0] == accounts.structures[0] != accounts.actors[1]


def test_a_person_has_one_digest_at_all_structures() -> None:
    accounts = Accounts()
    rows(accounts, ("s1", "a"), ("s2", "a"))

    assert accounts.actors[0] == accounts.actors[1]
    assert accounts.structures[0] != accounts.structures[1]


def test_it_grows_and_comes_back_from_its_checkpoints_in_any_order() -> None:
    accounts = Accounts()
    payloads = []
    for first in range(0, 3000, 1000):
        rows(accounts, *((f"s{n}", f"a{n}" if n % 7 else None) for n in range(first, first + 1000)))
        payloads.append(accounts.encode(accounts.drain())[0])
    copy = Accounts()
    for payload in reversed(payloads):
        copy.load(payload)
    copy.recovered()

    assert len(copy) == 3000
    assert rows(copy, ("s2999", "a2999"), ("s0", None), ("new", None)) == [2999, 0, 3000]
    assert np.array_equal(copy.actors[:3000], accounts.actors[:3000])
    assert copy.drain() == {3000}


def test_a_missing_row_and_foreign_bytes_are_refused() -> None:
    accounts = Accounts()
    rows(accounts, ("s1", "a"), ("s2", "b"))
    payload, _ = accounts.encode({1})
    copy = Accounts()
    copy.load(payload)
    with pytest.raises(StateError, match="missing"):
        copy.recovered()
    with pytest.raises(StateError, match="another form"):
        copy.load(b"[[1,2]]")
