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
# Every second one is kept: holes that no heap's end can give back.
arrays = [np.ones({words}) for _ in range({count})]
kept = arrays[1::2]
del arrays
if {given_back}:
    give_back()
print(resident() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's limits")
def test_large_tables_that_are_freed_between_what_is_kept_go_back_at_once() -> None:
    _skip_without_limits()
    of_9_mb = {"words": 1_179_648, "count": 20}
    assert _left_bytes(bounded=True, given_back=False, **of_9_mb) < 11 * 9_437_184
    assert _left_bytes(bounded=False, given_back=False, **of_9_mb) > 15 * 9_437_184


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's limits")
def test_smaller_holes_go_back_when_they_are_given_back() -> None:
    _skip_without_limits()
    of_2_mb = {"words": 262_144, "count": 100}
    assert _left_bytes(bounded=True, given_back=True, **of_2_mb) < 50 * 2_200_000
    assert _left_bytes(bounded=True, given_back=False, **of_2_mb) > 75 * 2_000_000


def _skip_without_limits() -> None:
    if not bound_heaps():
        pytest.skip("this C library has no such limits")


def _left_bytes(*, bounded: bool, given_back: bool, words: int, count: int) -> int:
    script = _SCRIPT.format(bounded=bounded, given_back=given_back, words=words, count=count)
    done = subprocess.run(
        [sys.executable, "-c", script],
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
