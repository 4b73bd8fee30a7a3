"""A hostile schema registry: schema bombs, answers of every kind, and producers that make ids up.

Held to be true: a slice is decoded or the registry is said not to answer (`TransientError`), a foreign
schema never costs more than `SECONDS_MAX`, and neither ids nor schemas pile up.
"""

from __future__ import annotations

import copy
import json
import random
import struct
import time
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from streams.codec import SliceCodec
from streams.errors import TransientError
from streams.own_records import RecordReader
from streams.recordwise import BadRecordError
from streams.registry import SCHEMAS_MAX, UNKNOWN_MAX, Registry
from streams.topics import FLOWS
from streams.wire import CONFLUENT_MARKER
from tests.support.avro_events import SCHEMAS, some_events

if TYPE_CHECKING:
    from tests.fuzz.feedback import Tally

SECONDS_MAX: Final = 2.0
GOOD: Final = 40
_TYPES: Final = (
    *(
        "null",
        "int",
        "long",
        "string",
        "bytes",
        "float",
        "double",
        "boolean",
        "nothing",
        "",
        "record",
    ),
    *(
        [],
        {},
        None,
        5,
        True,
        ["null"],
        ["null", "null"],
        [["null"]],
        {"type": "array"},
        {"type": "enum"},
    ),
    {"type": "array", "items": "null"},
    {"type": "map", "values": {"type": "map", "values": "string"}},
    {"type": "enum", "name": "E", "symbols": []},
    {"type": "enum", "name": "E", "symbols": ["A", "A"]},
    {"type": "enum", "name": "E", "symbols": "A"},
    {"type": "fixed", "name": "F", "size": 2**40},
    {"type": "fixed", "name": "F", "size": -1},
    {"type": "fixed", "name": "F", "size": "many"},
    {"type": "record", "name": "R", "fields": [{"name": "r", "type": "R"}]},
    {"type": "record", "name": "R", "fields": [{"name": "r", "type": ["null", "R"]}]},
    {"type": "record", "name": "R", "fields": [{}]},
    {"type": "record", "name": "R", "fields": {"name": "r"}},
    {"type": {"type": {"type": "string"}}},
    {"type": "long", "logicalType": "decimal", "precision": 10**9},
    {"type": "bytes", "logicalType": "decimal", "precision": -1, "scale": 9},
)


def bombs() -> dict[str, Any]:
    """Schemas made to cost more than they look, by name."""
    fields = [{"name": f"f{n}", "type": ["null", "string"], "default": None} for n in range(1_500)]
    deep: Any = "string"
    for _ in range(400):
        deep = {"type": "array", "items": deep}
    doubling: list[Any] = [{"type": "record", "name": "R0", "fields": []}]
    for n in range(1, 40):
        pair = [{"name": "a", "type": f"R{n - 1}"}, {"name": "b", "type": f"R{n - 1}"}]
        doubling.append({"type": "record", "name": f"R{n}", "fields": pair})
    nested: Any = "string"
    for n in range(60):
        nested = {"type": "record", "name": f"N{n}", "fields": [{"name": "n", "type": nested}]}
    return {
        "fifteen hundred fields": _with_fields(fields),
        "an array in an array in an array": _with_fields([{"name": "deep", "type": deep}]),
        "records that double": _with_fields(
            [{"name": f"r{n}", "type": one} for n, one in enumerate(doubling)]
        ),
        "sixty records in each other": _with_fields([{"name": "n", "type": nested}]),
        "a union of thousands": _with_fields(
            [
                {
                    "name": "u",
                    "type": [{"type": "fixed", "name": f"F{n}", "size": 1} for n in range(2000)],
                }
            ]
        ),
        "ten thousand symbols": _with_fields(
            [
                {
                    "name": "e",
                    "type": {
                        "type": "enum",
                        "name": "E",
                        "symbols": [f"S{n}" for n in range(10_000)],
                    },
                }
            ]
        ),
        "a name of a megabyte": _with_fields([{"name": "x" * 900_000, "type": "string"}]),
    }


def _with_fields(fields: list[Any]) -> dict[str, Any]:
    schema = copy.deepcopy(SCHEMAS.of_flow(FLOWS[2]).schema)
    schema["fields"] = [*schema["fields"], *fields]
    return schema


class _Hostile(Registry):
    """A registry that answers what it is told to."""

    def __init__(self, now_s: list[float]) -> None:
        super().__init__("http://127.0.0.1:9", clock=lambda: now_s[0])
        self.answers: dict[int, Any] = {}
        self.asked = 0

    def _ask(self, path: str, body: dict[str, str] | None) -> dict[str, Any] | None:
        del body
        self.asked += 1
        answer = self.answers.get(int(path.rpartition("/")[2]))
        if isinstance(answer, TransientError):
            raise answer
        return answer


class OneAnswer(Registry):
    """A registry that says the same of every id."""

    def __init__(self, answer: dict[str, Any] | None) -> None:
        super().__init__("http://127.0.0.1:9")
        self._answer = answer

    def _ask(self, path: str, body: dict[str, str] | None) -> dict[str, Any] | None:
        del path, body
        return self._answer


class RegistryTarget:
    """Producers with made-up ids and a registry with made-up answers.

    Args:
        seed: decides everything.
        tally: where outcomes are noted.
    """

    def __init__(self, seed: int, tally: Tally) -> None:
        self._dice = random.Random(seed)
        self._tally = tally
        self._now_s = [0.0]
        self._registry = _Hostile(self._now_s)
        self._codec = SliceCodec(SCHEMAS, self._registry)
        self._reader = RecordReader(SCHEMAS, self._registry)
        self._number = 0
        own = SliceCodec(SCHEMAS)
        self._plain = {
            flow: own.encode(flow, some_events(flow, GOOD, seed, edges=0.0)) for flow in FLOWS
        }

    def run(self, hostile: int) -> None:
        """Meet so many hostile schemas, the bombs first, each with records that name it."""
        several = list(bombs().values())[:hostile]
        for schema in several:
            self._meet({"schema": json.dumps(schema)})
        for _ in range(hostile - len(several)):
            self._meet(self._answer())
        self._flood()

    def _meet(self, answer: Any) -> None:
        dice, tally = self._dice, self._tally
        tally.given += 1
        self._number += 1
        self._now_s[0] += 0.3
        flow = FLOWS[2] if self._number < 9 else dice.choice(FLOWS)
        self._registry.answers = {self._number: answer}
        plain = self._plain[flow]
        head = CONFLUENT_MARKER + struct.pack(">I", self._number)
        hostile = [head + value[10:] for value in plain[:8]] + [head, head + dice.randbytes(40)]
        places = sorted(dice.sample(range(GOOD), len(hostile)))
        values = list(plain)
        for place, value in zip(reversed(places), hostile, strict=True):
            values.insert(place, value)
        began = time.perf_counter()
        try:
            decoded = self._codec.decode(flow, values)
            for record in ("Finding", "Verdict", "Declaration"):
                self._read(record, hostile[0])
        except TransientError:
            tally.note("the registry does not answer")
            return
        except Exception as error:  # noqa: BLE001  whatever it is, it would have ended the worker
            tally.miss(f"registry: {type(error).__name__}: {str(error)[:200]}")
            return
        if time.perf_counter() - began > SECONDS_MAX:
            tally.miss(f"registry: a schema cost {time.perf_counter() - began:.1f} s")
        tally.good += GOOD
        if len(decoded.rows) < GOOD:
            tally.miss(f"registry: {GOOD} good records, {len(decoded.rows)} read")
        for reject in decoded.rejects:
            if len(reject.detail) > 400 or not reject.detail.isprintable():
                tally.miss("registry: a dead letter's reason repeats a foreign schema")
            tally.note(f"{reject.reason}: {reject.detail[:60]}")

    def _read(self, record: str, value: bytes) -> None:
        try:
            self._reader.read(record, value)
        except BadRecordError as error:
            self._tally.note(f"{record}: {error.reason}")

    def _answer(self) -> Any:
        dice = self._dice
        schema = copy.deepcopy(SCHEMAS.of_flow(dice.choice(FLOWS)).schema)
        for _ in range(dice.choice((0, 1, 1, 2, 5))):
            self._spoil(schema)
        text: Any = json.dumps(schema)
        match dice.randrange(12):
            case 0:
                text = "[" * dice.choice((10, 5_000)) + "]" * 9
            case 1:
                text = dice.choice(("", "null", "5", '"string"', "{}", None, 7, [], text[:-9]))
            case 2:
                return dice.choice((None, {}, {"schema": text, "schemaType": "JSON"}, {"id": 5}))
            case 3:
                return TransientError("schema registry: no answer")
            case _:
                pass
        return {"schema": text}

    def _spoil(self, schema: Any) -> None:
        dice = self._dice
        fields = schema.get("fields")
        if not isinstance(fields, list) or not fields:
            return
        field = dice.choice(fields)
        if not isinstance(field, dict) or not field:
            return
        match dice.randrange(8):
            case 0:
                fields.remove(field)
            case 1:
                fields.append(copy.deepcopy(field))
            case 2:
                field["name"] = dice.choice(
                    ("", "\0", "a b", "x" * 5000, 5, None, "\u202e", "event_id")
                )
            case 3:
                del field[dice.choice(list(field))]
            case 4:
                field["default"] = dice.choice((None, {}, [], "x", 2**70, float("nan")))
            case 5:
                schema[dice.choice(("name", "namespace", "type", "fields"))] = dice.choice(_TYPES)
            case 6:
                dice.shuffle(fields)
            case _:
                field["type"] = copy.deepcopy(dice.choice(_TYPES))

    def _flood(self) -> None:
        """Thousands of ids that nobody registered: few questions, and nothing kept of them."""
        self._registry.answers = {}
        self._registry.asked = 0
        self._now_s[0] += 120
        values = [CONFLUENT_MARKER + struct.pack(">I", 10**6 + n) + b"x" for n in range(5000)]
        with patch.object(self._registry, "_timeout_s", 0.1):
            decoded = self._codec.decode(FLOWS[0], values)
        if len(decoded.rejects) != len(values):
            self._tally.miss("registry: a made-up id was neither read nor refused")
        if self._registry.asked > UNKNOWN_MAX:
            self._tally.miss(f"registry: {self._registry.asked} questions for made-up ids")
        kept = len(self._registry._unknown_until)
        if kept > UNKNOWN_MAX or len(self._registry._schemas) > SCHEMAS_MAX:
            self._tally.miss(f"registry: {kept} made-up ids are kept")
