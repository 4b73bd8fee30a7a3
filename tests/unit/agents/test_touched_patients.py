from __future__ import annotations

import polars as pl

from agents.touched_patients import accounts_of, by_patient, touched
from tests.support.findings import finding

START, END = 1_000, 2_000


def _events(*rows: tuple[str | None, str, str | None, int, str]) -> pl.DataFrame:
    names = ("actor_pid", "structure_pid", "patient_pid", "occurred_at", "event")
    columns = list(zip(*rows, strict=True))
    return pl.DataFrame(
        {name: list(values) for name, values in zip(names, columns, strict=True)},
        schema_overrides={"actor_pid": pl.String, "patient_pid": pl.String},
    )


def _patients(flow: str, frame: pl.DataFrame, *accounts: str) -> list[str]:
    return touched(flow, frame, accounts, START, END)["patient_pid"].to_list()


def test_only_the_accounts_own_events_in_the_window_with_a_patient_count() -> None:
    frame = _events(
        ("a", "s", "in", START, ""),
        ("a", "s", "end", END, ""),
        ("a", "s", "before", START - 1, ""),
        ("b", "s", "other", START, ""),
        ("a", "s", None, START, ""),
        (None, "s", "of-the-structure", START, ""),
    )
    assert _patients("platform-accesses", frame, "a") == ["in"]
    assert _patients("insi-calls", frame, "s") == ["of-the-structure"]


def test_of_prescriptions_those_consulted_count() -> None:
    frame = _events(("a", "s", "read", START, "CONSULTED"), ("a", "s", "own", START, "CREATED"))
    assert _patients("eprescriptions", frame, "a") == ["read"]


def test_a_patient_stands_on_one_row_with_first_last_and_flows() -> None:
    one = touched(
        "platform-accesses",
        _events(("a", "s", "p", 1_500, ""), ("a", "s", "p", 1_100, ""), ("a", "s", "q", 1_050, "")),
        ("a",),
        START,
        END,
    )
    two = touched("insi-calls", _events(("a", "s", "p", 1_900, "")), ("a",), START, END)
    assert by_patient([one, two]).rows() == [
        ("q", 1, 1_050, 1_050, "platform-accesses"),
        ("p", 3, 1_100, 1_900, "insi-calls, platform-accesses"),
    ]


def test_nobody_touched_is_an_empty_table() -> None:
    assert by_patient([]).is_empty()


def test_a_finding_is_about_its_account_its_structure_its_group_or_none() -> None:
    assert accounts_of(finding()) == ("actor-1",)
    assert accounts_of(finding(actor_pid=None)) == ("structure-1",)
    group = finding(
        actor_pid=None, structure_pid=None, evidence={"member_01": "a", "member_02": "b"}
    )
    assert accounts_of(group) == ("a", "b")
    assert accounts_of(finding(actor_pid=None, structure_pid=None, evidence={})) == ()
