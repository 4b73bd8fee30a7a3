"""All dashboards (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from metrics.dashboards.objectives import OBJECTIVES
from metrics.dashboards.operations import OPERATIONS
from metrics.dashboards.region import REGION
from metrics.dashboards.security import SECURITY

if TYPE_CHECKING:
    from metrics.dashboards.frame import Board

BOARDS: Final[tuple[Board, ...]] = (REGION, OBJECTIVES, SECURITY, OPERATIONS)
