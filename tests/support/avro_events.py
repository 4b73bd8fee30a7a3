"""Seeded events, broken bytes and other schema versions for the codec's tests."""

from __future__ import annotations

import copy
import random
from typing import Any

from streams.layout import Column, Kind, Layout
from streams.schemas import Schemas, SchemaVersion

SCHEMAS = Schemas.load()


def some_event(layout: Layout, dice: random.Random, edges: float) -> dict[str, Any]:
    """One plausible event; a share `edges` of its numbers is as large as can be."""
    return {column.name: _some_value(column, dice, edges) for column in layout}


def some_events(flow: str, count: int, seed: int, edges: float = 0.02) -> list[dict[str, Any]]:
    dice = random.Random(seed)
    layout = SCHEMAS.flow_layout(flow)
    return [some_event(layout, dice, edges) for _ in range(count)]


def _some_value(column: Column, dice: random.Random, edges: float) -> Any:
    if column.null_branch is not None and dice.random() < 0.3:
        return None
    edge = dice.random() < edges
    values: dict[Kind, Any] = {
        Kind.STRING: f"{dice.getrandbits(128):0{64 if edge else 32}x}"
        if "_" in column.name
        else "PRÉDICE",
        Kind.INT: 2**31 - 1 if edge else dice.choice([0, 1, 63, 64, 500]),
        Kind.LONG: dice.choice([2**55 - 1, -(2**55), 2**62, -(2**63), 2**63 - 1])
        if edge
        else dice.choice([0, -1, 127, -(10**6)]),
        Kind.BOOLEAN: dice.random() < 0.5,
        Kind.ENUM: dice.choice(column.symbols or ("",)),
    }
    if column.is_time:
        return dice.randrange(1_700_000_000_000, 1_760_000_000_000)
    return values[column.kind]


def broken(value: bytes, dice: random.Random) -> bytes:  # noqa: C901  a flat list of mishaps
    """A value with one thing done to it that a bad producer, disk or hand may do."""
    octets = bytearray(value)
    place = dice.randrange(len(octets))
    in_body = dice.randrange(10, len(octets)) if len(octets) > 10 else place
    match dice.randrange(11):
        case 0:
            octets[place] ^= 1 << dice.randrange(8)
        case 1:
            octets.insert(place, dice.randrange(256))
        case 2:
            del octets[place]
        case 3:
            del octets[place:]
        case 4:
            octets += dice.randbytes(dice.randrange(1, 20))
        case 5:  # a huge or overlong number
            octets[in_body : in_body + 1] = b"\xff" * dice.randrange(1, 12) + dice.randbytes(1)
        case 6:  # the same number, one byte longer than needed
            octets[in_body] |= 0x80
            octets.insert(in_body + 1, 0)
        case 7:  # another branch, another symbol, a negative one, another length
            octets[in_body] = dice.choice([0, 1, 2, 3, 4, 5, 0x7F, 0x80, 0xFF])
        case 8:  # bytes that are not UTF-8
            octets[in_body : in_body + 2] = dice.choice([b"\xff\xfe", b"\xc3\x28", b"\xed\xa0"])
        case 9:  # a piece exchanged
            end = dice.randrange(in_body, len(octets) + 1)
            octets[in_body:end] = dice.randbytes(dice.randrange(6))
        case _:
            octets = bytearray(dice.randbytes(dice.randrange(300)))
    return bytes(octets)


def next_version(version: SchemaVersion) -> SchemaVersion:
    """A version 2 that is FULL-compatible: a field less, two more, other symbols, another order."""
    schema = copy.deepcopy(version.schema)
    fields = schema["fields"]
    fields[:] = [field for field in fields if field["name"] != "department"]
    fields.insert(3, {"name": "added_text", "type": "string", "doc": "New.", "default": "né"})
    fields.append({"name": "added_count", "type": ["null", "int"], "doc": "New.", "default": None})
    for field in fields:
        if field["name"] == "outcome":
            field["type"]["symbols"] = ["CANCELLED", *field["type"]["symbols"]]
    fields[0], fields[-2] = fields[-2], fields[0]
    # A named type is spelt out where it is first met, so a swap may only move plain fields.
    return SchemaVersion(version.record, version.version + 1, schema)


def with_versions(record: str, *versions: SchemaVersion) -> Schemas:
    """The kept schemas with other versions of one record."""
    kept = {name: SCHEMAS.versions(name) for name in SCHEMAS.records()}
    kept[record] = versions
    return Schemas(kept)
