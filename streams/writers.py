"""From the framing of a record to the way its body is read, decided once per writer's schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
            writer = BadRecordError(RejectReason.INCOMPATIBLE_SCHEMA, str(error))
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


def _flows(schemas: Schemas) -> list[tuple[str, str]]:
    kept = set(schemas.records())
    return [(flow, record) for flow, record in RECORD_OF_FLOW.items() if record in kept]


def _danger(schema: Any) -> str | None:
    """What in a foreign schema could turn a few bytes into endless work, or `None`.

    A type inside itself lets a record recurse as deep as it is long; an array of items that take no
    bytes lets a length alone fill the memory.
    """
    return _walk(schema, "", {}, frozenset())[1]


def _walk(
    node: Any, namespace: str, sizes: dict[str, int], open_names: frozenset[str]
) -> tuple[int, str | None]:
    """The least bytes that a type takes, and the danger in it."""
    if isinstance(node, list):
        dangers = [_walk(branch, namespace, sizes, open_names)[1] for branch in node]
        return 1, next((danger for danger in dangers if danger), None)
    if isinstance(node, str):
        name = full_name(node, namespace)
        if name in open_names:
            return 0, "holds a type inside itself"
        return sizes.get(name, 0 if node == "null" else 1), None
    kind = node.get("type")
    if kind in ("record", "enum", "fixed"):
        namespace = node.get("namespace", namespace)
        name = full_name(node["name"], namespace)
        size: int = node.get("size", 1) if kind != "record" else 0
        danger: str | None = None
        for field in node.get("fields", ()):
            least, found = _walk(field["type"], namespace, sizes, open_names | {name})
            size += least
            danger = danger or found
        sizes[name] = size
        return size, danger
    if kind in ("array", "map"):
        least, danger = _walk(
            node["items" if kind == "array" else "values"], namespace, sizes, open_names
        )
        if kind == "array" and least == 0:
            danger = danger or "holds an array of items without bytes"
        return 1, danger
    return _walk(kind, namespace, sizes, open_names)
