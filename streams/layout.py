"""A flat record as a row of columns: what the columnar decoder can read (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, cast

import polars as pl


class Kind(StrEnum):
    """Avro types that a column may have."""

    STRING = "string"
    INT = "int"
    LONG = "long"
    BOOLEAN = "boolean"
    ENUM = "enum"


_SIMPLE: Final = {kind.value: kind for kind in Kind if kind is not Kind.ENUM}
_UNION_OF_TWO: Final = 2


@dataclass(frozen=True, slots=True)
class Column:
    """One field of a flat record.

    Attributes:
        name: the field's name.
        kind: its Avro type, without null.
        null_branch: index of `null` in the field's union (0 or 1); `None` when it is not nullable.
        symbols: an enum's symbols in wire order.
        enum_name: an enum's full name; a reader takes only the enum of the same name.
        fallback: the symbol that stands for symbols which a reader does not know.
        has_default: whether a reader may fill the field in.
        default: the value that it then takes.
        is_time: whether it is a `timestamp-millis`.
    """

    name: str
    kind: Kind
    null_branch: int | None = None
    symbols: tuple[str, ...] = ()
    enum_name: str = ""
    fallback: str | None = None
    has_default: bool = False
    default: object = None
    is_time: bool = False

    @property
    def dtype(self) -> pl.DataType:
        """The polars type of the decoded column."""
        match self.kind:
            case Kind.STRING:
                return pl.String()
            case Kind.INT:
                return pl.Int32()
            case Kind.LONG:
                return pl.Int64()
            case Kind.BOOLEAN:
                return pl.Boolean()
            case Kind.ENUM:
                return pl.Enum(self.symbols)


Layout = tuple[Column, ...]


def layout_of(schema: dict[str, Any]) -> Layout | None:
    """The columns of a record schema, or `None` if one of its fields is not flat.

    Flat are string, int, long, boolean, enum, and a union of null with one of them. Anything else
    (arrays, maps, nested records, bytes, floats) is left to the record-by-record reader.
    """
    named: dict[str, dict[str, Any]] = {}
    namespace = schema.get("namespace", "")
    columns = [_column(field, named, namespace) for field in schema["fields"]]
    return cast("Layout", tuple(columns)) if all(columns) else None


def full_name(name: str, namespace: str) -> str:
    """A name with its namespace, unless it already bears one."""
    return name if "." in name or not namespace else f"{namespace}.{name}"


def _column(
    field: dict[str, Any], named: dict[str, dict[str, Any]], namespace: str
) -> Column | None:
    kind = field["type"]
    null_branch = None
    if isinstance(kind, list):
        if len(kind) != _UNION_OF_TWO or kind.count("null") != 1:
            return None
        null_branch = kind.index("null")
        kind = kind[1 - null_branch]
    logical = None
    if isinstance(kind, str) and kind not in _SIMPLE:
        kind = named.get(full_name(kind, namespace))
    elif isinstance(kind, dict) and isinstance(kind.get("type"), str) and kind["type"] in _SIMPLE:
        logical, kind = kind.get("logicalType"), kind["type"]
    if isinstance(kind, dict) and kind.get("type") == "enum":
        name = full_name(kind["name"], kind.get("namespace", namespace))
        named[name] = kind
        return Column(
            name=field["name"],
            kind=Kind.ENUM,
            null_branch=null_branch,
            symbols=tuple(kind["symbols"]),
            enum_name=name,
            fallback=kind.get("default"),
            has_default="default" in field,
            default=field.get("default"),
        )
    if not isinstance(kind, str):
        return None
    return Column(
        name=field["name"],
        kind=_SIMPLE[kind],
        null_branch=null_branch,
        has_default="default" in field,
        default=field.get("default"),
        is_time=logical == "timestamp-millis" and kind == "long",
    )
