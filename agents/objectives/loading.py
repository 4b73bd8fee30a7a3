"""Loads a region's objectives from a folder: registry, reference tables, what is known already."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agents.objectives.declared import CATEGORIES, scopes_of
from agents.objectives.declared_lines import read_declarations
from agents.objectives.holding import Grounds
from agents.objectives.references import read_references
from agents.objectives.registry import read_registry
from streams.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agents.objectives.declared import Declaration, Scopes
    from agents.objectives.model import Scope
    from agents.objectives.references import ReferenceTable

SHIPPED: Final = Path(__file__).parent / "data"
"""The objectives of Hauts-de-France."""
REGISTRY: Final = "objectifs.toml"
REFERENCES: Final = "references.toml"
KNOWN: Final = "declarations.csv"
"""What the region has published; a folder may do without."""


@dataclass(frozen=True, slots=True)
class Objectives:
    """A region's objectives.

    Attributes:
        grounds: registry, reference tables, names of parts.
        scopes: the same names, as declarations bear them.
        known: declarations that come with the objectives.
    """

    grounds: Grounds
    scopes: Scopes
    known: tuple[Declaration, ...]


def load_objectives(directory: str, departments: Sequence[str]) -> Objectives | None:
    """Read and check a folder of objectives.

    Args:
        directory: the folder; empty for the shipped one.
        departments: of the region.

    Returns:
        The objectives; `None` where the shipped ones are of other departments than the region's.

    Raises:
        ConfigError: the folder cannot be read, or its tables are of other departments.
        InputError: a file of it is wrong; names file, line and field.
    """
    folder = Path(directory) if directory else SHIPPED
    if not folder.is_dir():
        raise ConfigError(f"VIGIE_OBJECTIVES_DIR: {folder}: no such folder")
    references = read_references(
        _text(folder, REFERENCES), REFERENCES, lambda name: _sheet(folder, name)
    )
    foreign = _foreign(references.values(), departments)
    if foreign is not None:
        if not directory:
            return None
        raise ConfigError(f"VIGIE_DEPARTMENTS: table {foreign} of {folder} has other departments")
    registry = read_registry(_text(folder, REGISTRY), REGISTRY, references)
    territories = dict.fromkeys(
        name
        for table in references.values()
        if table.lines_are == "territoire"
        for name in table.cells
    )
    scopes = scopes_of(departments, tuple(territories))
    known: list[Declaration] = []
    if (folder / KNOWN).exists():
        # Whoever evaluates sees nothing that describes a later day, so no clock is needed here.
        known = read_declarations(_text(folder, KNOWN), KNOWN, registry, scopes, date.max)
    members: dict[Scope, Sequence[str]] = {
        "department": tuple(departments),
        "territory": tuple(territories),
        "category": CATEGORIES,
    }
    grounds = Grounds(registry, references, members)
    return Objectives(grounds, scopes, tuple(known))


def _foreign(tables: Iterable[ReferenceTable], departments: Sequence[str]) -> str | None:
    """The first table by department whose departments are not the region's."""
    return next(
        (
            table.id
            for table in tables
            if table.lines_are == "departement" and set(table.cells) != set(departments)
        ),
        None,
    )


def _text(folder: Path, name: str) -> str:
    try:
        return _sheet(folder, name)
    except OSError as error:
        raise ConfigError(f"VIGIE_OBJECTIVES_DIR: {folder / name}: {error.strerror}") from None


def _sheet(folder: Path, name: str) -> str:
    path = folder / name
    # A table's file is named by the folder's own description: it must not lead out of the folder.
    if Path(name).name != name:
        raise InputError(f"{name}: is no file name of {folder}")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{name}: is not UTF-8 text") from None
