from __future__ import annotations

from datetime import date

import pytest

from agents.objectives.declared import declaration_bytes, read_declaration
from streams.codec import SliceCodec
from streams.own_records import RecordReader
from streams.recordwise import BadRecordError
from streams.schemas import Schemas
from tests.support.objectives import declared, scopes

SCHEMAS = Schemas.load()


def test_a_declaration_travels_through_kafka_unchanged() -> None:
    one = declared(
        "activation_2026",
        date(2026, 6, 30),
        1000,
        denominator=2000,
        kind="department",
        scope="59",
        source="CNAM",
        declared_at_ms=1_780_000_000_000,
    )
    [value] = declaration_bytes([one], SliceCodec(SCHEMAS))
    assert read_declaration(value, RecordReader(SCHEMAS)) == one


@pytest.mark.parametrize(
    "changes",
    [
        {"ratio": 1.5},
        {"ratio": -0.1},
        {"ratio": float("nan")},
        {"numerator": -1},
        {"denominator": 0},
        {"numerator": 3, "denominator": 2},
        {"scope_kind": "UNKNOWN"},
        {"as_of": 2**31 - 1},
    ],
)
def test_a_record_that_nobody_can_have_declared_is_refused(changes: dict[str, object]) -> None:
    record = declared("activation", date(2026, 6, 30), None).to_record() | changes
    [value] = SliceCodec(SCHEMAS).encode("Declaration", [record])
    with pytest.raises(ValueError, match=r"\w"):
        read_declaration(value, RecordReader(SCHEMAS))


def test_bytes_that_are_no_declaration_are_refused() -> None:
    with pytest.raises(BadRecordError):
        read_declaration(b"not a declaration", RecordReader(SCHEMAS))


@pytest.mark.parametrize(
    ("name", "kind"),
    [("59", "department"), ("HOPITAL", "couloir"), ("AISNE", "territory"), ("PH", "category")],
)
def test_a_name_belongs_to_one_kind_of_scope(name: str, kind: str) -> None:
    assert scopes().kind_of(name) == kind
    assert sum(name in names for names in scopes().names.values()) == 1


def test_another_name_belongs_to_none() -> None:
    assert scopes().kind_of("75") is None
