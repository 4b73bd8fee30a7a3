"""All dashboards."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from metrics.dashboards import objectives
from metrics.dashboards.operations import OPERATIONS
from metrics.dashboards.region import REGION
from metrics.dashboards.security import SECURITY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metrics.dashboards.frame import Board

# Names of the shipped objectives; data, not code, so that this room knows no other.
REGISTRY: Final = Path(__file__).parents[2] / "agents" / "objectives" / "data" / "objectifs.toml"


def boards() -> tuple[Board, ...]:
    """Every dashboard, with the shipped objectives called by their names."""
    return (REGION, objectives.board(_names()), SECURITY, OPERATIONS)


def _names() -> Mapping[str, str]:
    registry = tomllib.loads(REGISTRY.read_text(encoding="utf-8"))
    return {one["id"]: one["libelle"] for one in registry["objectif"]}
