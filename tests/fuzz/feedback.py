"""What a run found: counts by kind, misses, and which outcomes were new.

An outcome that nobody has seen before (a reason with its sentence, numbers left out) keeps the input
that led to it as a seed for further ones: what coverage guidance does with branches, done with what can
be observed from outside.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random

SEEDS_MAX: Final = 512
SHOWN: Final = 5
_NUMBER: Final = re.compile(r"[0-9]+")


class Missed(AssertionError):  # noqa: N818  what a run has missed, not what went wrong in it
    """Something held to be true of hostile input is not."""


@dataclass
class Tally:
    """What became of the inputs of one target.

    Attributes:
        name: of the target.
        given: how many hostile inputs it got.
        good: how many good neighbours stood among them.
        outcomes: how often each outcome occurred.
        misses: what went wrong, one sentence each.
    """

    name: str
    given: int = 0
    good: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    misses: list[str] = field(default_factory=list)
    _seeds: dict[str, bytes] = field(default_factory=dict)

    def note(self, outcome: str, value: bytes | None = None) -> None:
        """Count an outcome; a new one's input becomes a seed."""
        self.outcomes[outcome] += 1
        mark = _NUMBER.sub("#", outcome)
        if value and mark not in self._seeds and len(self._seeds) < SEEDS_MAX:
            self._seeds[mark] = value

    def seed(self, dice: random.Random) -> bytes | None:
        """An input that led to something new, now and then."""
        if self._seeds and dice.random() < 0.1:
            return dice.choice(list(self._seeds.values()))
        return None

    def miss(self, sentence: str) -> None:
        """Note that something is wrong; a run goes on and fails at its end."""
        if len(self.misses) < 1000:
            self.misses.append(sentence)

    @property
    def new(self) -> int:
        """How many different outcomes there were."""
        return len({_NUMBER.sub("#", outcome) for outcome in self.outcomes})
