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
@pytest.mark.parametrize(
    ("words", "count", "goes_back", "stays"),
    [
        pytest.param(1_179_648, 20, (True, False), (False, False), id="large tables, at once"),
        pytest.param(262_144, 100, (True, True), (True, False), id="smaller ones, when told to"),
    ],
)
def test_what_is_freed_between_what_is_kept_goes_back(
    words: int, count: int, goes_back: tuple[bool, bool], stays: tuple[bool, bool]
) -> None:
    if not bound_heaps():
        pytest.skip("this C library has no such limits")
    all_bytes = 8 * words * count
    for (bounded, given_back), least, most in ((goes_back, 0.4, 0.6), (stays, 0.75, 1.2)):
        left = _left_bytes(bounded=bounded, given_back=given_back, words=words, count=count)
        assert least < left / all_bytes < most


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
