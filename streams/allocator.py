"""How the C library keeps memory: a worker gives back what a backlog or a recovery needed.

glibc raises its limits with what a program asks for: after one array of 30 MB, all smaller ones come
from heaps that only shrink from their ends, and every thread gets heaps of its own. A worker that has
read a backlog or its changelogs would hold several times its state for good. So large tables are
mappings of their own, and what lies free in the heaps is given back now and then.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any, Final

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8
"""Numbers of `mallopt` (malloc.h of glibc)."""

ARENAS: Final = 2
MAPPED_FROM_BYTES: Final = 8_388_608
"""Allocations from here on are mappings of their own, given back when freed: the state's tables are.
What a fetch brings, a slice's arrays and what a checkpoint writes are not; they would cost a page fault
for every 4 kB of each, a twentieth of a worker's time behind a backlog."""
TRIMMED_FROM_BYTES: Final = 67_108_864
"""Free memory at a heap's end from here on goes back at once."""
GIVE_BACK_EVERY_S: Final = 60.0
"""How often a running worker gives back what is free within its heaps."""


def bound_heaps(libc: Any = None) -> bool:
    """Set the limits for this process; says whether the C library knows them."""
    libc = libc or _libc()
    if not hasattr(libc, "mallopt"):
        return False
    wanted = {
        _ARENA_MAX: ARENAS,
        _MMAP_THRESHOLD: MAPPED_FROM_BYTES,
        _TRIM_THRESHOLD: TRIMMED_FROM_BYTES,
    }
    taken = [libc.mallopt(number, value) for number, value in wanted.items()]
    return all(taken)


def give_back(libc: Any = None) -> bool:
    """Return what is free to the system; says whether the C library can."""
    libc = libc or _libc()
    if not hasattr(libc, "malloc_trim"):
        return False
    libc.malloc_trim(0)
    return True


def _libc() -> Any:
    return ctypes.CDLL(None) if sys.platform.startswith("linux") else None
