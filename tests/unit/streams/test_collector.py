"""Python's collector leaves a worker's records alone and still finds what only it can free."""

from __future__ import annotations

import subprocess
import sys

_SCRIPT = """
import gc
from streams.collector import collect_seldom

class Circle:
    alive = 0
    def __init__(self):
        Circle.alive += 1
        self.own = self
    def __del__(self):
        Circle.alive -= 1

def records():
    looks = sum(one["collections"] for one in gc.get_stats())
    for _ in range(20):
        kept = [[n] for n in range(16_384)]
    return sum(one["collections"] for one in gc.get_stats()) - looks

before = records()
collect_seldom()
print(before, records())
for _ in range(200_000):
    Circle()
print(Circle.alive)
"""


def test_slices_of_records_are_not_looked_through_and_circles_still_go() -> None:
    said = subprocess.run(
        [sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()
    before, after, alive = map(int, said)
    assert before > 100
    assert after <= 3
    assert alive < 120_000
