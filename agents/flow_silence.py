"""Silence of every rate, second by second, against the series' own law of silences (pure).

A silence is measured by what it swallows: the events that were expected since the last one. For
independent events the chance of so long a silence is exp(-swallowed); senders that send many at once,
sessions and people who come and go are silent for longer. So each series learns, in each eighth of the
local day, how its silences end: between 0, 1, 3, 8 and 20 swallowed events, how many ended and how much
they swallowed there. That is a hazard per stretch, and the evidence of a silence is the sum over its
stretches of (n + a) ln(1 + x / (E + b)), for x swallowed in a stretch in which n silences ended that
swallowed E. It is what a Gamma belief about the hazard comes to: where little was seen it grows slowly,
where much was, as fast as the hazard itself. The belief about a stretch at one time of day begins as
what is known of it at all times, and that as what is known of the stretch before it; for a young
series it begins lower in every stretch, since nobody knows yet how long its silences can be.

Seconds are judged as soon as every partition was read past them, so a reader that lags holds judgement
back; and what is concluded of a second does not depend on how many came with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from agents.flow_minutes import SECONDS
from agents.flow_series import ALL_CELLS, CELLS, MEMBERS, ROWS
from agents.french_calendar import HOURS
from agents.series_rows import SeriesRows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agents.flow_expected import HourExpected
    from agents.flow_minutes import HeardArray
    from agents.flow_surprise import Turn

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

SILENCE_NEED: Final = 17.0
"""Evidence that makes an outage: exp(-17) is 4e-8 per silence. Below 1.5 x 13.8, where silence has
become one in a million, with room for an expectation that is a tenth too low and a law that is wider
than the truth for as long as it is being learned."""
NEED_LEAST: Final = 16.0
_BUSY: Final = 8000.0
"""Events a day from which a series needs all of it. One that has fewer has fewer silences, and is as
rarely silent by chance if each needs less."""
SENDERS_A_DAY: Final = 12.0
"""With fewer independent sendings a day a series rests on a few people, and is as silent as they are
away."""

_STRETCHES: Final = np.array((0.0, 1.0, 3.0, 8.0, 20.0))
_COUNT: Final = len(_STRETCHES)
_TOGETHER: Final = 3.0
"""However events come together, no tail of silences is shorter than that of independent ones. Only where
it begins a hazard is believed above theirs, since most events may come at once; up to this one."""
_WIDTHS: Final = np.append(np.diff(_STRETCHES), np.inf)
_PARTS: Final = 8
_BELIEF: Final = 30.0
_BELIEF_MOST: Final = 120.0
"""Silences that the belief about a stretch is worth, at the least and at most."""
_FIRST_HAZARD: Final = 1.0
_ALIKE: Final = 0.5
"""Power with which what sets a time of day apart in one stretch does so in the next."""
_DOUBT: Final = 2.0
"""A young series may prove to be silent for longer in every further stretch."""
_LEARNED_MOST: Final = 1.25
"""No silence teaches more than so much of what makes an outage."""
_KEPT_HOURS: Final = 24.0 * 30.0
_HOUR: Final = 60
_MINUTES: Final = 1440.0
_BLOCK: Final = 5
_BLOCKS: Final = 4
"""Minutes of a block, and blocks of an hour's beginning in which it may bring less than it will."""
_EARLY: Final = 10.0
"""Events that the belief that an hour begins at once is worth."""
_AGAIN: Final = 15
"""Seconds after which a silence that was told is told once more."""
_ALL: Final = np.arange(SECONDS, dtype=np.uint64)
_STATE: Final = np.dtype(
    [
        ("swallowed", "<f8"),
        ("since", "<i8"),
        ("need", "<f8"),
        ("ended", "<f4", (_PARTS, _COUNT)),
        ("exposed", "<f4", (_PARTS, _COUNT)),
        # Of each local hour's beginning, by block: events that came, and that were due.
        ("came", "<f4", (HOURS, _BLOCKS)),
        ("due", "<f4", (HOURS, _BLOCKS)),
    ]
)
_MEMBER_CELLS: Final = [np.flatnonzero(row[:CELLS]) for row in MEMBERS]
_IS_BOX: Final = np.array([CELLS <= row < ALL_CELLS for row in range(ROWS)])
_JUDGED: Final = np.flatnonzero(~_IS_BOX)
_JOINED: Final = np.concatenate([_MEMBER_CELLS[row] for row in _JUDGED])
_STARTS: Final = np.cumsum([0, *(len(_MEMBER_CELLS[row]) for row in _JUDGED[:-1])])


class FlowSilence:
    """How long every rate has been silent, and what its silences are; a section of the checkpoint."""

    def __init__(self) -> None:
        self._rows = SeriesRows("flow silence", 1, _STATE, {"need": np.inf}, ROWS)
        # By minute, what is due per second: the same for all that is listened to within it.
        self._due: tuple[int, FloatArray] | None = None

    @property
    def section(self) -> SeriesRows:
        """For the journal."""
        return self._rows

    def begin_hour(self, part: int, hour: HourExpected) -> None:
        """Work out what must be swallowed for an outage in a new hour.

        Args:
            part: eighth of the local day.
            hour: what it should bring.
        """
        self._due = None
        table = self._rows.columns
        for field in ("ended", "exposed", "came", "due"):
            table[field] *= np.exp(-1.0 / _KEPT_HOURS)
        rate = hour.rate[:ROWS] * hour.silence[:ROWS]
        fewer = np.log(np.maximum(rate * _MINUTES / _BUSY, 1e-9))
        rest = np.clip(SILENCE_NEED + fewer, NEED_LEAST, SILENCE_NEED)
        need = np.zeros(ROWS)
        for shape, scale, width in self._law(part, hour.bar[:ROWS]):
            full = shape * np.log1p(width / scale)
            part_of = scale * np.expm1(np.minimum(rest, full) / shape)
            need += np.where(rest > 0, np.minimum(part_of, width), 0.0)
            rest = np.maximum(rest - full, 0.0)
        table["need"] = need
        self._rows.touch_all()

    def _law(self, part: int, bar: FloatArray) -> Iterator[tuple[FloatArray, FloatArray, float]]:
        """Shape and scale of each stretch's Gamma belief, and its width."""
        table = self._rows.columns
        hazard, ratio = np.full(ROWS, _FIRST_HAZARD), np.ones(ROWS)
        doubt, grown = np.ones(ROWS), np.maximum(1.0 - bar, 0.0)
        for number in range(_COUNT):
            most = 1.0 if number else 1.0 + (_TOGETHER - 1.0) * grown
            ended, exposed = table["ended"][:, :, number], table["exposed"][:, :, number]
            shape = ended.sum(axis=1) + _BELIEF
            first = np.minimum(hazard, 1.0) * doubt
            hazard = shape / np.maximum(exposed.sum(axis=1) + _BELIEF / first, shape / most)
            # Known as well as it is at all times, but never so well that its own silences do not count.
            weight = np.clip(shape, _BELIEF, _BELIEF_MOST)
            own = ended[:, part] + weight
            prior = np.minimum(hazard * ratio**_ALIKE, most)
            scale = np.maximum(exposed[:, part] + weight / prior, own / most)
            ratio = np.minimum(own / scale, 1.0) / np.minimum(hazard, 1.0)
            doubt = 1.0 / (1.0 + _DOUBT * bar)
            yield own, scale, float(_WIDTHS[number])

    def alarms(
        self, turn: Turn, heard: HeardArray, first: int, last: int
    ) -> Iterator[tuple[int, IntArray]]:
        """Seconds `[first, last)` of a minute at which rates have been silent for too long: these."""
        table = self._rows.columns
        per_second = self._per_second(turn)
        need = table["need"]
        # Few people's silences are no outage.
        judged = (per_second > 0) & (turn.hour.daily[:ROWS] * SILENCE_NEED >= SENDERS_A_DAY * need)
        masks = _of_rows(heard)
        # The place of the lowest bit is how many bits lie below it.
        quiet = np.bitwise_count((masks & (~masks + np.uint64(1))) - np.uint64(1)).astype(np.int64)
        quiet[masks == 0] = last
        longest = np.maximum(table["swallowed"] + per_second * quiet, per_second * last)
        rows = (judged & (longest >= need)).nonzero()[0]
        if not len(rows):
            return
        swallowed = self._swallowed(rows, per_second, _bits(masks[rows]))
        is_over = swallowed >= need[rows, None]
        # Told when it begins, and looked at again from time to time.
        known = np.zeros_like(is_over)
        known[:, 1:] = is_over[:, :-1]
        known[:, 0] = table["swallowed"][rows] >= need[rows]
        known[:, _AGAIN - 1 :: _AGAIN] = False
        is_over &= ~known
        for second in np.flatnonzero(is_over[:, first:last].any(axis=0)) + first:
            yield int(second), rows[is_over[:, second]]

    def state(
        self, turn: Turn, heard: HeardArray, second: int
    ) -> tuple[FloatArray, FloatArray, IntArray]:
        """What every rate's silence has swallowed by a second, what it needs, and since which minute."""
        table = self._rows.columns
        masks = _of_rows(heard & ((np.uint64(2) << np.uint64(second)) - np.uint64(1)))
        spoke = np.array([mask.bit_length() - 1 for mask in masks.tolist()])
        before = np.where(spoke < 0, table["swallowed"], 0.0)
        swallowed = before + self._per_second(turn) * (second - spoke)
        since = np.where((spoke < 0) & (table["since"] > 0), table["since"], turn.minute)
        return swallowed, table["need"], since

    def _per_second(self, turn: Turn) -> FloatArray:
        if self._due is None or self._due[0] != turn.minute:
            self._due = turn.minute, self._due_per_second(turn)
        return self._due[1]

    def _due_per_second(self, turn: Turn) -> FloatArray:
        hour = turn.hour
        rate = hour.rate * np.where(turn.judged, hour.factor, 0.0) * hour.silence
        # A nightly job comes at a minute of its own: before and after it, nobody misses it.
        jobs = np.where(hour.habit[:CELLS] > 0.0, rate[:CELLS], 0.0)
        if jobs.any():
            rate[:ROWS] = np.maximum(rate[:ROWS] - MEMBERS[:, :CELLS] @ jobs, 0.0)
        block = turn.minute % _HOUR // _BLOCK
        if block < _BLOCKS:
            # What is due in an hour's first minutes may come late: acts are recorded some time after.
            table = self._rows.columns
            came, due = (table[name][:, turn.clock, block] + _EARLY for name in ("came", "due"))
            rate[:ROWS] *= np.minimum(came / due, 1.0)
        result: FloatArray = np.where(_IS_BOX, 0.0, rate[:ROWS] / SECONDS)
        return result

    def _swallowed(self, rows: IntArray, per_second: FloatArray, bits: BoolArray) -> FloatArray:
        """What the silence at the end of each second has swallowed, shape (n, SECONDS)."""
        at = np.arange(SECONDS)
        spoke = np.maximum.accumulate(np.where(bits, at, -1), axis=1)
        rate = per_second[rows, None]
        before = self._rows.columns["swallowed"][rows, None] + rate * (at + 1)
        result: FloatArray = np.where(spoke < 0, before, rate * (at - spoke))
        return result

    def end_minute(self, turn: Turn, heard: HeardArray, values: FloatArray) -> None:
        """Learn from the silences that a whole minute ended, and go on with those that it did not.

        Args:
            turn: which minute.
            heard: the seconds in which each cell was heard.
            values: events of each rate, shape (at least ROWS,).
        """
        table = self._rows.columns
        per_second = self._per_second(turn)
        masks = _of_rows(heard)
        rows = masks.nonzero()[0]
        still = np.ones(ROWS, np.bool_)
        still[rows] = False
        begins = still & (table["since"] == 0)
        table["since"] = np.where(begins, turn.minute, table["since"])
        swallowed = table["swallowed"] + SECONDS * per_second
        if len(rows):
            place, second = np.divmod(_bits(masks[rows]).reshape(-1).nonzero()[0], SECONDS)
            row = rows[place]
            is_first = np.empty(len(place) + 1, np.bool_)  # and one more after the last
            is_first[0] = is_first[-1] = True
            np.not_equal(place[1:], place[:-1], out=is_first[1:-1])
            last, is_first = is_first[1:], is_first[:-1]
            length = second.copy()
            length[1:] -= np.where(is_first[1:], 0, second[:-1] + 1)
            gap = per_second[row] * length + np.where(is_first, table["swallowed"][row], 0.0)
            self._learn(turn, row, gap)
            swallowed[rows] = per_second[rows] * (SECONDS - 1 - second[last])
            table["since"][rows] = np.where(second[last] == SECONDS - 1, 0, turn.minute)
        table["swallowed"] = swallowed
        block = turn.minute % _HOUR // _BLOCK
        if block < _BLOCKS:
            learns = (turn.is_calm & turn.judged)[:ROWS]
            due = np.where(learns, (turn.hour.rate * turn.hour.factor)[:ROWS], 0.0)
            table["due"][:, turn.clock, block] += due
            table["came"][:, turn.clock, block] += np.where(learns, values[:ROWS], 0.0)
        self._due = None
        self._rows.touch_all()

    def _learn(self, turn: Turn, row: IntArray, gap: FloatArray) -> None:
        table = self._rows.columns
        need = table["need"]
        # A silence long enough to be told teaches as well: what recurs is no outage.
        may = turn.judged[row] & (turn.is_calm[row] | (gap >= need[row] / 2.0))
        row, gap = row[may], np.minimum(gap, _LEARNED_MOST * need[row])[may]
        ended = table["ended"][:, turn.part]
        exposed = table["exposed"][:, turn.part]
        for number in range(_COUNT):
            beyond = gap - _STRETCHES[number]
            width = _WIDTHS[number]
            exposed[:, number] += np.bincount(row, np.minimum(beyond, width), ROWS)
            is_end = beyond <= width
            ended[:, number] += np.bincount(row[is_end], minlength=ROWS)
            is_longer = ~is_end
            row, gap = row[is_longer], gap[is_longer]
            if not len(row):
                break


def _of_rows(heard: HeardArray) -> npt.NDArray[np.uint64]:
    """The seconds in which rows were heard, shape (ROWS,), from those of cells."""
    rows = np.zeros(ROWS, np.uint64)
    rows[_JUDGED] = np.bitwise_or.reduceat(heard[_JOINED], _STARTS)
    return rows


def _bits(masks: npt.NDArray[np.uint64]) -> BoolArray:
    """Shape (n, SECONDS)."""
    result: BoolArray = ((masks[:, None] >> _ALL) & np.uint64(1)).astype(np.bool_)
    return result
