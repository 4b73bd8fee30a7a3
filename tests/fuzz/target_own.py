"""Hostile records on Vigie's own topics, between good ones: findings, verdicts, declarations, marks,
counts, cells, and the changelogs.

Only Vigie may write there (`vigie acls`), so what is held to be true is less: nothing is raised but what
the reader's contract names, what cannot be read is counted or becomes a dead letter, and the good ones
around it are all taken.
"""

from __future__ import annotations

import random
import zlib
from typing import TYPE_CHECKING, Final

from streams.errors import StateError
from tests.fuzz.hostile import Mutations
from tests.fuzz.own_topics import Cells, Counts, Declarations, Findings, Marks, OwnTopic, Verdicts
from tests.support.frames import NOON_MS
from tests.support.records import FakeRecord

if TYPE_CHECKING:
    from tests.fuzz.feedback import Tally

BATCH: Final = 24


class Changelog:
    """The state itself: damage there stops a worker on purpose, by name, and never otherwise."""

    name = "changelogs"

    def __init__(self) -> None:
        verdicts = Verdicts()
        verdicts.fresh()
        self._built = []
        for several in (verdicts, Marks(), Cells()):
            several.fresh()
            records = [FakeRecord(n, value) for n, value in enumerate(several.values)]
            several.give(records)
            if isinstance(several, Verdicts):
                self._built.append((several, several._processor.checkpoint().writes))
        self.values = [value for _, writes in self._built for _, value in writes if value]

    def recover(self, dice: random.Random, mutations: Mutations) -> str:
        """A worker starts over a changelog of which one entry or key is hostile."""
        several, writes = dice.choice(self._built)
        entries = {key: value for key, value in writes if value is not None}
        key = dice.choice(list(entries))
        value = mutations.make(dice, entries[key])[1] or b""
        if dice.random() < 0.2:
            key = mutations.make(dice, key)[1] or b""
        elif dice.random() < 0.8:
            # A sound checksum, so that what lies behind it is read.
            value = value[:13] + zlib.crc32(value[17:]).to_bytes(4, "little") + value[17:]
        entries[key] = value
        several.fresh()
        try:
            several._processor.recover(entries, owner=2)
        except StateError as error:
            return str(error)
        return "recovered"


class OwnTarget:
    """All of them in turn.

    Args:
        seed: decides everything.
        tally: where outcomes are noted.
    """

    def __init__(self, seed: int, tally: Tally) -> None:
        self._dice = random.Random(seed)
        self._tally = tally
        self._topics: list[OwnTopic] = [
            Findings(),
            Declarations(),
            Verdicts(),
            Marks(),
            Cells(),
            Counts(),
        ]
        self._changelog = Changelog()
        self._mutations = {
            one.name: Mutations(one.values[0][:10], None, (), one.values, [b"\xc3\x01" + bytes(8)])
            for one in (*self._topics, self._changelog)
        }

    def run(self, hostile: int) -> None:
        """Give so many hostile records."""
        for topic in self._topics:
            topic.fresh()
        left, batches = hostile, 0
        while left > 0:
            if batches % 40 == 39:
                for topic in self._topics:
                    topic.fresh()
            batches += 1
            if batches % 8 == 0:
                left -= self._recover()
            else:
                left -= self._batch(self._dice.choice(self._topics), min(left, BATCH))

    def _batch(self, topic: OwnTopic, hostile: int) -> int:
        dice, mutations = self._dice, self._mutations[topic.name]
        values: list[bytes | None] = [mutations.make(dice)[1] for _ in range(hostile)]
        for good in topic.values:
            values.insert(dice.randrange(len(values) + 1), good)
        records = [
            FakeRecord(
                offset=self._tally.given + n,
                value=value,
                key=topic.key(dice),
                timestamp=NOON_MS + self._tally.given + n,
            )
            for n, value in enumerate(values)
        ]
        try:
            aside = topic.give(records)
        except Exception as error:  # noqa: BLE001  whatever it is, it would have ended the worker
            self._tally.miss(f"{topic.name}: {type(error).__name__}: {error}")
            topic.fresh()
        else:
            self._tally.note(f"{topic.name}: batch with some set aside")
            if aside > hostile and not isinstance(topic, Counts):
                self._tally.miss(f"{topic.name}: {aside} set aside of {hostile} hostile ones")
        self._tally.given += hostile
        self._tally.good += len(topic.values)
        return hostile

    def _recover(self) -> int:
        try:
            outcome = self._changelog.recover(self._dice, self._mutations["changelogs"])
        except Exception as error:  # noqa: BLE001  only a clear refusal is right
            self._tally.miss(f"changelog: {type(error).__name__}: {error}")
        else:
            self._tally.note(f"changelogs: {outcome}")
        self._tally.given += 1
        return 1
