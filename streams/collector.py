"""How seldom Python looks for circular garbage.

A worker makes records by ten thousands, and keeps none of them in a circle: whatever is done with goes
when its last reference does. Left to its defaults, Python goes through everything young after every 700
objects; of a worker's time that was a fifth.
"""

from __future__ import annotations

import gc
from typing import Final

YOUNG_OBJECTS: Final = 100_000
"""More than a few fetched slices hold: a look at so many takes a few milliseconds."""
OLDER_ROUNDS: Final = 20
"""Looks at the young for one at those that have survived one, and of these for one at all."""


def collect_seldom() -> None:
    """Set this process's limits, and leave out for good what the program itself is made of."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, OLDER_ROUNDS, OLDER_ROUNDS)
