"""From the framing of a record to the way its body is read, decided once per writer's schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streams.columnar import ColumnarReader
from streams.compatibility import violations
from streams.errors import SchemaError
from streams.layout import full_name, layout_of
from streams.lockstep import MAX_FIELDS
from streams.recordwise import BadRecordError, RejectReason, StrictReader
from streams.schemas import Schemas, parse_plain, record_of
from streams.topics import RECORD_OF_FLOW
from streams.wire import Confluent, SingleObject

if TYPE_CHECKING:
    from streams.registry import Registry


KEPT_MAX: Final = 1024
"""Schemas of a registry whose reading is kept; a contract has a handful of versions."""
DETAIL_MAX: Final = 200
"""Characters of a sentence about a foreign schema: it may name fields of any length."""


@dataclass(frozen=True, slots=True)
class Writer:
    """How bodies of one writer's schema become events of one flow.

    Attributes:
        columnar: reads many bodies at once; `None` if only `strict` can read them.
        strict: reads one body at a time.
        body_at: bytes of framing before the body.
    """

    columnar: ColumnarReader | None
    strict: StrictReader
    body_at: int


class Writers:
    """The writers met so far.

    Args:
        schemas: the kept contracts; the newest version of a record is the reader's.
        registry: where Confluent ids are looked up; `None` if there is none.
    """

    def __init__(self, schemas: Schemas, registry: Registry | None) -> None:
        self._schemas = schemas
        self._registry = registry
        self._single: dict[tuple[str, bytes], Writer] = {
            (flow, version.fingerprint): self._writer(flow, version.schema, SingleObject(b""))
            for flow, record in _flows(schemas)
            for version in schemas.versions(record)
        }
        self._confluent: dict[tuple[str, int], Writer | BadRecordError] = {}

    def known(self, flow: str) -> dict[bytes, Writer]:
        """The kept versions of a flow's record, by fingerprint."""
        return {mark: writer for (name, mark), writer in self._single.items() if name == flow}

    def find(self, flow: str, framing: SingleObject | Confluent) -> Writer:
        """The writer that a framing names.

        Raises:
            BadRecordError: nobody knows the schema, or the flow's reader cannot read it.
            TransientError: the registry does not answer.
        """
        if isinstance(framing, SingleObject):
            try:
                return self._single[flow, framing.fingerprint]
            except KeyError:
                raise BadRecordError(
                    RejectReason.UNKNOWN_SCHEMA, "no kept version has this fingerprint"
                ) from None
        kept = self._confluent.get((flow, framing.schema_id))
        if kept is None:
            kept = self._from_registry(flow, framing)
        if isinstance(kept, BadRecordError):
            raise kept
        return kept

    def _from_registry(self, flow: str, framing: Confluent) -> Writer | BadRecordError:
        if self._registry is None:
            return BadRecordError(
                RejectReason.UNKNOWN_SCHEMA, "Confluent framing, and no schema registry is set"
            )
        schema = self._registry.schema(framing.schema_id)
        if schema is None:
            return BadRecordError(
                RejectReason.UNKNOWN_SCHEMA, "the schema registry has no Avro record with this id"
            )
        try:
            writer: Writer | BadRecordError = self._writer(flow, schema, framing)
        except SchemaError as error:
            writer = BadRecordError(RejectReason.INCOMPATIBLE_SCHEMA, _short(str(error)))
        except Exception as error:  # noqa: BLE001  a made-up schema leads its parser to whatever it raises
            kind = type(error).__name__
            writer = BadRecordError(
                RejectReason.INCOMPATIBLE_SCHEMA, f"the schema's parser stopped with {kind}"
            )
        if len(self._confluent) >= KEPT_MAX:
            del self._confluent[next(iter(self._confluent))]
        self._confluent[flow, framing.schema_id] = writer
        return writer

    def _writer(
        self, flow: str, schema: dict[str, Any], framing: SingleObject | Confluent
    ) -> Writer:
        version = self._schemas.latest(record_of(flow))
        reader_layout = self._schemas.flow_layout(flow)
        if danger := _danger(schema):
            raise SchemaError(f"{version.record}: a writer's schema {danger}")
        plain = parse_plain(schema)
        if faults := violations(reader=version.schema, writer=schema):
            raise SchemaError(faults[0])
        same = schema is version.schema
        layout = reader_layout if same else layout_of(schema)
        strict = StrictReader(
            writer=version.plain if same else plain,
            reader=version.plain,
            writer_layout=layout,
            reader_layout=reader_layout,
        )
        wide = len(schema["fields"]) > MAX_FIELDS
        columnar = None if layout is None or wide else ColumnarReader(layout, reader_layout)
        return Writer(columnar, strict, framing.body_at)


def _short(text: str) -> str:
    shown = "".join(one if one.isprintable() else "?" for one in text)
    return shown if len(shown) <= DETAIL_MAX else shown[:DETAIL_MAX] + "…"


def _flows(schemas: Schemas) -> list[tuple[str, str]]:
    kept = set(schemas.records())
    return [(flow, record) for flow, record in RECORD_OF_FLOW.items() if record in kept]


def _danger(schema: Any) -> str | None:
    """What in a foreign schema could turn a few bytes into endless work, or `None`.

    A type inside itself lets a record recurse as deep as it is long; an array of items that take no
    bytes lets a length alone fill the memory; records that hold the one before twice double with each.
    """
    return _Walk().of(schema, "", frozenset()).danger


_STEPS_FREE: Final = 64
_STEPS_PER_BYTE: Final = 16


@dataclass(frozen=True, slots=True)
class _Cost:
    """What reading a type takes: least bytes, steps for those, and the danger in it."""

    least: int
    steps: int
    danger: str | None = None


class _Walk:
    def __init__(self) -> None:
        self._named: dict[str, _Cost] = {}

    def of(self, node: Any, namespace: str, open_names: frozenset[str]) -> _Cost:
        if isinstance(node, list):
            branches = [self.of(branch, namespace, open_names) for branch in node]
            steps = 1 + max((one.steps for one in branches), default=0)
            return _Cost(1, steps, next((one.danger for one in branches if one.danger), None))
        if isinstance(node, str):
            name = full_name(node, namespace)
            inside = "holds a type inside itself" if name in open_names else None
            known = self._named.get(name, _Cost(0 if node == "null" else 1, 1))
            return _Cost(0, 1, inside) if inside else known
        kind = node.get("type")
        if kind in ("record", "enum", "fixed"):
            return self._of_named(node, kind, node.get("namespace", namespace), open_names)
        if kind in ("array", "map"):
            inner = self.of(node["items" if kind == "array" else "values"], namespace, open_names)
            danger = inner.danger
            if kind == "array" and inner.least == 0:
                danger = danger or "holds an array of items without bytes"
            return _Cost(1, 1 + inner.steps, danger)
        return self.of(kind, namespace, open_names)

    def _of_named(self, node: Any, kind: str, namespace: str, open_names: frozenset[str]) -> _Cost:
        name = full_name(node["name"], namespace)
        fields = [
            self.of(field["type"], namespace, open_names | {name})
            for field in node.get("fields", ())
        ]
        least = sum(one.least for one in fields) if kind == "record" else node.get("size", 1)
        steps = 1 + sum(one.steps for one in fields)
        danger = next((one.danger for one in fields if one.danger), None)
        if steps > _STEPS_FREE + _STEPS_PER_BYTE * least:
            danger = danger or "takes many steps for few bytes"
        cost = _Cost(least, steps, danger)
        self._named[name] = cost
        return cost
