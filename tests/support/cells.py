"""Account-day cells, built by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agents.account_cells import CELL, NO_MINUTE

if TYPE_CHECKING:
    from agents.account_cells import CellArray

DAY = 20_000


def region(day: int = DAY, accounts: int = 300, *, seed: int = 1, share: float = 0.1) -> CellArray:
    """A quiet day: five accounts a structure, each with its own client, all in its network."""
    rng = np.random.default_rng([seed, day])
    cells = np.zeros(accounts, CELL)
    cells["account"] = 1_000 + np.arange(accounts)
    cells["structure"] = 1 + np.arange(accounts) // 5
    cells["day"] = day
    cells["patients"] = cells["known"] = 8 + rng.poisson(6, accounts)
    cells["unexplained"] = rng.binomial(cells["known"], share)
    cells["expected_patients"], cells["expected_share"] = 14.0, share
    cells["burst_minute"] = NO_MINUTE
    cells["network"][:, 0] = cells["structure"] + 5_000
    cells["client"][:, 0] = cells["account"] + 50_000
    for name in ("network", "client"):
        cells[name + "_patients"][:, 0] = cells["patients"]
        cells[name + "_unexplained"][:, 0] = cells["unexplained"]
    # A few people read three new patients in a row, whenever they begin.
    early = np.flatnonzero(rng.random(accounts) < 0.03)
    cells["burst"][early] = 3
    cells["burst_minute"][early] = rng.integers(420, 1_080, len(early))
    return cells


def through(
    cells: CellArray, name: str, key: int, rows: range, *, looks: int = 5, unexplained: int = 5
) -> CellArray:
    """The day, but these accounts read more patients through one network or client besides."""
    changed = cells.copy()
    at = np.array(rows)
    changed[name][at, 1] = key
    changed[name + "_patients"][at, 1] = looks
    changed[name + "_unexplained"][at, 1] = unexplained
    for field, more in (("patients", looks), ("known", looks), ("unexplained", unexplained)):
        changed[field][at] += more
    return changed
