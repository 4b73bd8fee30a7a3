"""Memory goes back to the system."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from streams.allocator import bound_heaps, give_back

_SCRIPT = """
import os
from pathlib import Path
import numpy as np
from streams.allocator import bound_heaps, give_back

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

if {bounded}:
    bound_heaps()
before = resident()
np.ones(3_900_000)  # freed at once, which raises the limits where nobody set them
# Arrays of 2 MB, every second one kept a while: holes that no heap's end can give back.
arrays = [np.ones(262_144) for _ in range(100)]
kept = arrays[1::2]
del arrays
print(resident() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's limits")
def test_what_is_freed_between_what_is_kept_goes_back() -> None:
    if not bound_heaps():
        pytest.skip("this C library has no such limits")
    left = {bounded: _left_bytes(bounded=bounded) for bounded in (True, False)}
    assert left[True] < 50 * 2_200_000
    assert left[False] > 75 * 2_000_000


def _left_bytes(*, bounded: bool) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT.format(bounded=bounded)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    return int(done.stdout)


def test_a_c_library_without_these_functions_is_left_alone() -> None:
    bare = object()
    assert not bound_heaps(bare)
    assert not give_back(bare)


def test_limits_that_are_refused_are_told() -> None:
    class Refusing:
        def mallopt(self, number: int, _value: int) -> int:
            return 0 if number == -8 else 1

    assert not bound_heaps(Refusing())
