"""Declared figures as values: what no flow can tell, month by month (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streams.event_time import date_of_day, day_of_date
from streams.vocabulary import COULOIRS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from agents.objectives.model import Scope
    from streams.codec import SliceCodec
    from streams.own_records import RecordReader

DECLARATION: Final = "Declaration"
WHOLE: Final = "REGION"
CATEGORIES: Final = ("PA", "PH", "DOMICILE", "PDE", "PDS", "AHI")
"""Categories of ESMS."""
WORDS: Final[dict[Scope, str]] = {
    "region": "region",
    "department": "departement",
    "couloir": "couloir",
    "territory": "territoire",
    "category": "categorie",
}


@dataclass(frozen=True, slots=True)
class Declaration:
    """One snapshot of one indicator and scope.

    Attributes:
        indicator: id of an objective or a quantity.
        as_of: last day that it describes.
        kind: what the scope is.
        scope: its name; empty for the region.
        numerator: what was counted, or a quantity's value.
        denominator: what it is out of; `None` where the registry knows.
        ratio: where only that was declared.
        source: who says so.
        declared_at_ms: when it was declared.
    """

    indicator: str
    as_of: date
    kind: Scope = "region"
    scope: str = ""
    numerator: int | None = None
    denominator: int | None = None
    ratio: float | None = None
    source: str = ""
    declared_at_ms: int = 0

    @property
    def month(self) -> int:
        """`year * 12 + month - 1` of the day that it describes."""
        return self.as_of.year * 12 + self.as_of.month - 1

    @property
    def key(self) -> str:
        """What a later declaration must have in common to replace this one."""
        return f"{self.indicator}/{self.as_of:%Y-%m}/{self.scope or WHOLE}"

    def to_record(self) -> dict[str, Any]:
        """As the newest Avro `Declaration`."""
        return {
            "indicator": self.indicator,
            "as_of": day_of_date(self.as_of),
            "scope_kind": self.kind.upper(),
            "scope": self.scope,
            "numerator": self.numerator,
            "denominator": self.denominator,
            "ratio": self.ratio,
            "source": self.source,
            "declared_at": self.declared_at_ms,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Declaration:
        """From the newest Avro `Declaration`.

        Raises:
            ValueError: it was never written by `vigie declare`: no such day or kind of scope, or figures
                that cannot be.
        """
        numerator, denominator, ratio = (
            record[name] for name in ("numerator", "denominator", "ratio")
        )
        if ratio is not None and not 0 <= ratio <= 1:
            raise ValueError("a ratio beyond the whole")
        if (numerator or 0) < 0 or (denominator is not None and denominator < 1):
            raise ValueError("a number below none")
        if None not in (numerator, denominator) and numerator > denominator:
            raise ValueError("a numerator above its denominator")
        kind = record["scope_kind"].lower()
        if kind not in WORDS:
            raise ValueError("unknown kind of scope")
        try:
            as_of = date_of_day(record["as_of"])
        except OverflowError:
            raise ValueError("no such day") from None
        return cls(
            indicator=record["indicator"],
            as_of=as_of,
            kind=kind,
            scope=record["scope"],
            numerator=numerator,
            denominator=denominator,
            ratio=ratio,
            source=record["source"],
            declared_at_ms=record["declared_at"],
        )


def declaration_bytes(several: Sequence[Declaration], codec: SliceCodec) -> list[bytes]:
    """Kafka values; the keys are `declaration.key.encode()`.

    Raises:
        EncodeError: a value does not fit the schema.
        TransientError: a registry is used and does not answer.
    """
    return codec.encode(DECLARATION, [one.to_record() for one in several])


def read_declaration(value: bytes | None, reader: RecordReader) -> Declaration:
    """A declaration from its Kafka value.

    Raises:
        BadRecordError: it is none.
        ValueError: it is one that nobody can have meant.
        TransientError: a registry is used and does not answer.
    """
    return Declaration.from_record(reader.read(DECLARATION, value))


@dataclass(frozen=True, slots=True)
class Scopes:
    """The names that parts may have.

    Attributes:
        names: by kind; a name belongs to one kind only.
    """

    names: Mapping[Scope, Sequence[str]]

    def kind_of(self, name: str) -> Scope | None:
        """What a name is; `None` for one that is not known."""
        return next((kind for kind, names in self.names.items() if name in names), None)

    def hold(self, one: Declaration) -> bool:
        """Whether a declaration is of the region or of one of these parts."""
        if one.kind == "region":
            return not one.scope
        return one.scope in self.names.get(one.kind, ())


def scopes_of(departments: Sequence[str], territories: Sequence[str]) -> Scopes:
    """The scopes of a region with these departments and CPAM territories."""
    return Scopes(
        {
            "department": tuple(departments),
            "couloir": COULOIRS,
            "territory": tuple(territories),
            "category": CATEGORIES,
        }
    )
