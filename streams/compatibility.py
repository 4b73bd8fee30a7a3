"""May a reader's schema read what a writer's wrote? FULL_TRANSITIVE over all kept versions.

The rules are those of the Avro 1.11 specification, "Schema Resolution". What is not covered here in a
reader (aliases, a change of logical type) is refused, so that silence always means yes.
"""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any, Final

from streams.layout import full_name
from streams.schemas import AVRO_FOLDER, Schemas

if TYPE_CHECKING:
    from pathlib import Path

_PRIMITIVES: Final = frozenset(
    {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}
)
_PROMOTIONS: Final = frozenset(
    {
        ("int", "long"),
        ("int", "float"),
        ("int", "double"),
        ("long", "float"),
        ("long", "double"),
        ("float", "double"),
        ("string", "bytes"),
        ("bytes", "string"),
    }
)
"""Writer type, reader type."""

_NAMED: Final = frozenset({"record", "enum", "fixed"})
_COMPLEX: Final = _NAMED | {"array", "map"}
_KNOWN_KEYS: Final = frozenset(
    {"type", "name", "namespace", "doc", "fields", "symbols", "default"}
    | {"items", "values", "size", "logicalType"}
)
_KNOWN_FIELD_KEYS: Final = frozenset({"name", "type", "doc", "default"})


def check_folder(folder: Path = AVRO_FOLDER) -> list[str]:
    """Hold every kept version of every record against every other, both ways.

    Returns:
        A sentence per violation, beginning with the record and the two versions; empty when all is well.

    Raises:
        SchemaError: the folder cannot be loaded.
    """
    schemas = Schemas.load(folder)
    found: list[str] = []
    for record in schemas.records():
        versions = schemas.versions(record)
        if len(versions) == 1:
            # Against itself: what this check does not understand is named from the first version on.
            found += violations(reader=versions[0].schema, writer=versions[0].schema)
        for reader, writer in permutations(versions, 2):
            found += [
                f"v{reader.version} cannot read v{writer.version}: {sentence}"
                for sentence in violations(reader=reader.schema, writer=writer.schema)
            ]
    return found


def violations(*, reader: Any, writer: Any) -> list[str]:
    """Why `reader` cannot read what `writer` wrote: a sentence per reason, naming `Record.field`."""
    check = _Check()
    check.compare("schema", _Named(reader), reader, _Named(writer), writer)
    return check.found


class _Named:
    """The named types of one schema, by full name, as far as they are reached."""

    def __init__(self, schema: Any) -> None:
        self._types: dict[str, tuple[dict[str, Any], str]] = {}
        self._collect(schema, "")

    def _collect(self, node: Any, namespace: str) -> None:
        if isinstance(node, list):
            for branch in node:
                self._collect(branch, namespace)
        if not isinstance(node, dict):
            return
        if isinstance(node.get("type"), str) and node["type"] in _NAMED:
            namespace = node.get("namespace", namespace)
            self._types[full_name(node["name"], namespace)] = (node, namespace)
            for field in node.get("fields", ()):
                self._collect(field["type"], namespace)
            return
        for key in ("type", "items", "values"):
            self._collect(node.get(key), namespace)

    def resolve(self, node: Any) -> Any:
        """A node with its name looked up and `{"type": "string"}` opened to `"string"`."""
        if isinstance(node, str) and node not in _PRIMITIVES:
            matches = [t for name, (t, _) in self._types.items() if _last(name) == _last(node)]
            return matches[0] if matches else node
        if isinstance(node, dict) and isinstance(node.get("type"), dict | list):
            return self.resolve(node["type"])
        return node


class _Check:
    def __init__(self) -> None:
        self.found: list[str] = []
        self._compared: set[tuple[int, int]] = set()

    def compare(self, at: str, r_names: _Named, reader: Any, w_names: _Named, writer: Any) -> None:
        """Add a sentence for everything that keeps `reader` from reading `writer`."""
        reader, writer = r_names.resolve(reader), w_names.resolve(writer)
        if isinstance(writer, list):
            for branch in writer:
                self.compare(at, r_names, reader, w_names, branch)
            return
        if isinstance(reader, list):
            self._compare_union(at, r_names, reader, w_names, writer)
            return
        if sentence := _clash(reader, writer):
            self.found.append(f"{at}: {sentence}")
            return
        kind = _kind(reader)
        if kind != _kind(writer):
            return  # a promotion: nothing lies within
        if kind == "record":
            self._compare_fields(r_names, reader, w_names, writer)
        elif kind == "enum":
            self._compare_symbols(at, reader, writer)
        elif kind == "array":
            self.compare(f"{at}[]", r_names, reader["items"], w_names, writer["items"])
        elif kind == "map":
            self.compare(f"{at}{{}}", r_names, reader["values"], w_names, writer["values"])

    def _compare_union(
        self, at: str, r_names: _Named, reader: list[Any], w_names: _Named, writer: Any
    ) -> None:
        for branch in reader:
            trial = _Check()
            trial._compared = set(self._compared)
            trial.compare(at, r_names, branch, w_names, writer)
            if not trial.found:
                return
        self.found.append(f"{at}: no branch of the reader's union reads {_kind(writer)}")

    def _compare_fields(
        self, r_names: _Named, reader: dict[str, Any], w_names: _Named, writer: dict[str, Any]
    ) -> None:
        pair = (id(reader), id(writer))
        if pair in self._compared:
            return
        self._compared.add(pair)
        written = {field["name"]: field for field in writer["fields"]}
        for field in reader["fields"]:
            at = f"{reader['name']}.{field['name']}"
            for key in sorted(set(field) - _KNOWN_FIELD_KEYS):
                self.found.append(f"{at}: {key} is not understood by this check")
            if field["name"] in written:
                self.compare(at, r_names, field["type"], w_names, written[field["name"]]["type"])
            elif "default" not in field:
                self.found.append(f"{at}: the writer lacks it and the reader has no default")

    def _compare_symbols(self, at: str, reader: dict[str, Any], writer: dict[str, Any]) -> None:
        default = reader.get("default")
        if default is not None and default not in reader["symbols"]:
            self.found.append(f"{at}: default {default} is no symbol of {reader['name']}")
        missing = [symbol for symbol in writer["symbols"] if symbol not in reader["symbols"]]
        if missing and default is None:
            self.found.append(
                f"{at}: {reader['name']} lacks {', '.join(missing)} and has no default symbol"
            )


def _clash(reader: Any, writer: Any) -> str | None:
    """What keeps two types, neither a union, from resolving, leaving aside what lies within them."""
    # A writer's annotations change nothing for its reader, and Java writers have many.
    for unknown in (_strange_key(reader), _strange_type(reader), _strange_type(writer)):
        if unknown:
            return f"{unknown} is not understood by this check"
    r_kind, w_kind = _kind(reader), _kind(writer)
    if _logical(reader) != _logical(writer):
        return "the logical type changes"
    if r_kind != w_kind:
        return None if (w_kind, r_kind) in _PROMOTIONS else f"{w_kind} cannot be read as {r_kind}"
    if r_kind in _NAMED and _last(reader["name"]) != _last(writer["name"]):
        return f"{r_kind} {writer['name']} is renamed {reader['name']}"
    if r_kind == "fixed" and reader["size"] != writer["size"]:
        return f"the size of fixed {reader['name']} changes"
    return None


def _kind(node: Any) -> str:
    return str(node["type"] if isinstance(node, dict) else node)


def _logical(node: Any) -> str | None:
    return node.get("logicalType") if isinstance(node, dict) else None


def _last(name: str) -> str:
    return name.rsplit(".", 1)[-1]


def _strange_key(node: Any) -> str | None:
    strange = sorted(set(node) - _KNOWN_KEYS) if isinstance(node, dict) else []
    return str(strange[0]) if strange else None


def _strange_type(node: Any) -> str | None:
    known = _PRIMITIVES | _COMPLEX if isinstance(node, dict) else _PRIMITIVES
    return None if _kind(node) in known else f"type {_kind(node)}"
