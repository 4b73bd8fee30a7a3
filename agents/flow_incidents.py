"""Incidents of the flows: begun by a surprise, widened, followed and ended (pure).

One incident per cause. Where most parts of a total change alike, the total is the explanation, and what
is found of its parts meanwhile belongs to it; where one part makes the total change, the part is. A
burst after a silence is what the silence held back, up to what it owed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import orjson

from agents.flow_explanation import BELOW, Minute, explains
from agents.flow_series import ALL_CELLS, CELLS, ROWS, SERIES, WIDTHS
from agents.flow_surprise import DRIFT, SILENCE
from agents.flow_suspicion import FlowEvidence, FlowSuspicion
from streams.errors import StateError
from streams.event_time import DAY_MS, HOUR_MS, MINUTE_MS

if TYPE_CHECKING:
    from agents.flow_surprise import Found
    from agents.flow_suspicion import Kind

IntArray = npt.NDArray[np.int64]

_HOUR: Final = HOUR_MS // MINUTE_MS
_DAY: Final = DAY_MS // MINUTE_MS
_SHIFT_AFTER: Final = 6 * _HOUR
_ADAPT_AFTER: Final = 3 * _DAY
_DORMANT_AFTER: Final = 14 * _DAY
_TELL_EVERY: Final = _HOUR
_AFTERMATH: Final = 30
_KNOWN_AFTER: Final = 10
_OWED_FACTOR: Final = 1.3
_OWED_LEAST: Final = 6 * _HOUR
_MEMORY: Final = 12.0
_END_WINDOWS: Final = (3, 5, 10, 30, 2, 60)
"""Least minutes over which an incident's end is judged, by the statistic that found it."""
_SCORE_MAX: Final = 30.0


@dataclass(slots=True)
class _Open:
    series: int
    direction: int
    kind: Kind
    begin: int
    found: int
    score: float
    revision: int
    observed: float
    expected: float
    near_observed: float
    near_expected: float
    depth: float
    window: int
    last_bad: int
    told: int
    told_score: float

    @property
    def name(self) -> str:
        """Of the incident."""
        return f"flow-{self.series}-{self.begin}-{'up' if self.direction > 0 else 'down'}"


@dataclass(slots=True)
class _Past:
    """What an ended incident leaves: its aftermath, and what a silence owes."""

    series: int
    direction: int
    ended: int
    owed: float
    until: int


class FlowIncidents:
    """Open incidents and their aftermath; a section of the checkpoint, its one key 0."""

    def __init__(self) -> None:
        self._open: dict[int, _Open] = {}
        self._past: list[_Past] = []
        self._is_dirty = False
        self.accepted: list[tuple[int, float]] = []
        self.dormant: list[int] = []
        self._suspect = np.zeros(2 * ROWS, np.bool_)

    @property
    def suspect(self) -> npt.NDArray[np.bool_]:
        """Series that an open incident touches, shape (2 * ROWS,)."""
        return self._suspect

    @property
    def is_busy(self) -> bool:
        """Whether an incident is open or has an aftermath."""
        return bool(self._open or self._past)

    @staticmethod
    def part_of(series: int) -> npt.NDArray[np.int64]:
        """A series and everything below it, of the same measure."""
        return np.flatnonzero(BELOW[series % ROWS]) + series // ROWS * ROWS

    def may_hush(self, series: IntArray, *, is_last: bool) -> npt.NDArray[np.bool_]:
        """Which of n rates' silences are news; at the end of a minute also those that are known."""
        explained = np.zeros(ROWS, np.bool_)
        for one in self._open.values():
            if one.direction < 0 and one.series < ROWS:
                explained |= BELOW[one.series]
                explained[one.series] = not is_last
        result: npt.NDArray[np.bool_] = ~explained[series]
        return result

    def hush(self, now: Minute, found: Found) -> list[FlowSuspicion]:
        """Take what a second of silence brought, before its minute is over; see `step`."""
        told = [self._begin(now, one, place) for one, place in self._in_order([found])]
        self._is_dirty = True
        self._mark(now)
        return [one for group in told for one in group]

    def step(self, now: Minute, found: list[Found]) -> list[FlowSuspicion]:
        """Take what a minute brought; give back the incidents that changed.

        Afterwards `accepted` holds the series whose new level is now the normal one, with its ratio to
        the old, and `dormant` those that have been silent for so long that they are given up.
        """
        self.accepted, self.dormant = [], []
        if not found and not self._open and not self._past:
            return []
        told = [self._begin(now, one, place) for one, place in self._in_order(found)]
        older = [self._open[s] for s in sorted(self._open) if self._open[s].found < now.minute]
        told += [self._follow(now, one) for one in older]
        self._past = [past for past in self._past if past.until > now.minute]
        self._is_dirty = True
        self._mark(now)
        return [one for group in told for one in group]

    @staticmethod
    def _in_order(found: list[Found]) -> list[tuple[Found, int]]:
        """Widest first, then the most surprising."""
        pairs = [(one, place) for one in found for place in range(len(one.series))]
        return sorted(
            pairs,
            key=lambda pair: (
                -WIDTHS[pair[0].series[pair[1]] % ROWS],
                -pair[0].decades[pair[1]],
                pair[0].series[pair[1]],
                pair[0].statistic,
            ),
        )

    def _begin(self, now: Minute, one: Found, place: int) -> list[FlowSuspicion]:
        series, score = int(one.series[place]), float(min(one.decades[place], _SCORE_MAX))
        known = self._open.get(series)
        if known is not None:
            if known.direction == one.direction:
                known.score = max(known.score, score)
                if one.statistic == SILENCE and known.kind == "drop":
                    known.kind = "outage"
            return []
        since = int(one.since[place])
        if self._belongs(series, one):
            return []
        if not explains(series, one, now, self._explained(now, one, since)):
            return []
        begin = since
        observed, expected = float(one.observed[series]), float(one.expected[series])
        if one.statistic == DRIFT:
            kind: Kind = "level_shift"
        elif one.statistic == SILENCE:
            kind, observed = "outage", 0.0
        elif one.direction < 0 and observed == 0 and series < ROWS:
            kind = "outage"
        else:
            kind = "spike" if one.direction > 0 else "drop"
            if CELLS <= series < ALL_CELLS:
                kind = "flooding"
        ratio = observed / max(expected, 1e-9)
        opened = _Open(
            series=series,
            direction=one.direction,
            kind=kind,
            begin=begin,
            found=now.minute,
            score=score,
            revision=0,
            observed=observed,
            expected=expected,
            near_observed=observed,
            near_expected=expected,
            depth=float(min(max(abs(1.0 - ratio), 0.2), 20.0)),
            window=_END_WINDOWS[one.statistic],
            last_bad=now.minute,
            told=now.minute,
            told_score=score,
        )
        merged = [
            self._close(now, inner, begin, opened.name)
            for inner in list(self._open.values())
            if inner.direction == one.direction and _is_below(inner.series, series)
        ]
        self._open[series] = opened
        return [*merged, self._tell(now, opened, None)]

    def _belongs(self, series: int, one: Found) -> bool:
        """Whether a wider incident, or the aftermath of one, explains it."""
        for wide in self._open.values():
            same = wide.direction == one.direction and series // ROWS == wide.series // ROWS
            # While a rate is out of its habit, its failures are no news of their own.
            if (same or wide.series < ROWS <= series) and _is_below(series, wide.series):
                return True
        excess = float(one.observed[series] - one.expected[series])
        for past in self._past:
            if not _is_below(series, past.series) and not _is_below(past.series, series):
                continue
            same = past.direction == one.direction or past.series < ROWS <= series
            if same and one.since.min() <= past.ended + _AFTERMATH:
                return True
            if past.direction < 0 < one.direction and excess <= _OWED_FACTOR * past.owed:
                return True
        return False

    def _explained(self, now: Minute, one: Found, since: int) -> npt.NDArray[np.bool_]:
        """Series whose change was known before: they cannot be what is new; shape (2 * ROWS,)."""
        known = np.zeros(2 * ROWS, np.bool_)
        for other in self._open.values():
            is_older = other.begin < since or other.found < now.minute - _KNOWN_AFTER
            if other.direction == one.direction and is_older:
                known[self.part_of(other.series)] = True
        return known

    def _follow(self, now: Minute, one: _Open) -> list[FlowSuspicion]:
        value, mean = float(now.values[one.series]), float(now.mean[one.series])
        one.observed += value
        one.expected += mean
        scatter = max(float(now.scatter[one.series]), 1.0)
        memory = max(_MEMORY * scatter / min(one.depth, 1.0) ** 2, one.window * mean)
        kept = float(np.exp(-mean / memory))
        if one.kind == "outage":
            # It ends with the silence, not with the memory of it.
            memory = max(6.0 * scatter, 2.0 * mean)
            kept = float(np.exp(-mean / memory))
        one.near_observed = one.near_observed * kept + value
        one.near_expected = one.near_expected * kept + mean
        if value == 0 and mean > 0:
            one.last_bad = now.minute
        gap = (one.near_observed - one.near_expected) * one.direction
        age = now.minute - one.begin
        if gap < 0.5 * min(one.depth, 10.0) * one.near_expected and mean > 0:
            end = now.minute + 1
            if one.kind == "outage":
                end = self._spoke_again(one, now, memory, mean)
            return [self._close(now, one, max(end, one.begin + 1), None)]
        if one.kind == "outage":
            if age >= _DORMANT_AFTER:
                self.dormant.append(one.series)
                return [self._close(now, one, now.minute + 1, None)]
        elif age >= _ADAPT_AFTER:
            ratio = one.near_observed / max(one.near_expected, 1e-9)
            self.accepted.append((one.series, float(np.clip(ratio, 0.02, 50.0))))
            return [self._close(now, one, now.minute + 1, None)]
        elif age >= _SHIFT_AFTER and one.kind in ("spike", "drop"):
            one.kind = "level_shift"
            return [self._tell(now, one, None)]
        grown = one.score >= one.told_score + 2.0
        if grown or now.minute - one.told >= _TELL_EVERY:
            return [self._tell(now, one, None)]
        return []

    @staticmethod
    def _spoke_again(one: _Open, now: Minute, memory: float, mean: float) -> int:
        """About when a silence ended: what has been heard since then, at the expected pace."""
        heard = min(one.near_observed, memory)
        return max(one.last_bad + 1 if mean > 1 else 0, now.minute + 1 - int(heard / mean) - 1)

    def _close(self, now: Minute, one: _Open, end: int, merged_into: str | None) -> FlowSuspicion:
        del self._open[one.series]
        if merged_into is None:
            owed = max(one.expected - one.observed, 0.0) if one.direction < 0 else 0.0
            age = now.minute - one.begin
            until = now.minute + max(_AFTERMATH, min(age, 2 * _DAY), _OWED_LEAST if owed else 0)
            self._past.append(_Past(one.series, one.direction, now.minute, owed, until))
        return self._tell(now, one, end, merged_into)

    def _tell(
        self, now: Minute, one: _Open, end: int | None, merged_into: str | None = None
    ) -> FlowSuspicion:
        one.score = min(one.score, _SCORE_MAX)
        told = FlowSuspicion(
            incident=one.name,
            revision=one.revision,
            series=SERIES[one.series],
            kind=one.kind,
            begin_ms=one.begin * MINUTE_MS,
            end_ms=None if end is None else end * MINUTE_MS,
            score=one.score,
            evidence=FlowEvidence(
                one.observed,
                one.expected,
                10.0**one.score,
                int(now.first_hours[one.series]) * HOUR_MS,
                one.begin * MINUTE_MS,
            ),
            ended=end is not None,
            merged_into=merged_into,
        )
        one.revision += 1
        one.told, one.told_score = now.minute, one.score
        return told

    def _mark(self, now: Minute) -> None:
        self._suspect[:] = False
        for one in self._open.values():
            row, measure = one.series % ROWS, one.series // ROWS * ROWS
            under = np.flatnonzero(BELOW[row])
            self._suspect[under + measure] = True
            if not measure:
                self._suspect[under + ROWS] = True
            above = np.flatnonzero(BELOW[:, row])
            heavy = now.mean[one.series] > 0.2 * now.mean[above + measure]
            self._suspect[above[heavy] + measure] = True

    # -- checkpoint section ---------------------------------------------------------------------

    def drain(self) -> set[int]:
        """The one key, if anything changed since the last drain."""
        dirty, self._is_dirty = self._is_dirty, False
        return {0} if dirty else set()

    def pending_bytes(self) -> int:
        """A guess."""
        return 300 * (len(self._open) + len(self._past) + 1) if self._is_dirty else 0

    def encode(self, keys: set[int]) -> tuple[bytes, set[int]]:
        """Everything."""
        state = {
            "format": 1,
            "open": [asdict(one) for one in self._open.values()],
            "past": [asdict(one) for one in self._past],
            "suspect": np.flatnonzero(self._suspect).tolist(),
        }
        return orjson.dumps(state), set(keys)

    def load(self, payload: bytes) -> set[int]:
        """Restore everything.

        Raises:
            StateError: written by another version.
        """
        state = orjson.loads(payload)
        if state.get("format") != 1:
            raise StateError("flow incidents: state of another version")
        self._open = {one["series"]: _Open(**one) for one in state["open"]}
        self._past = [_Past(**one) for one in state["past"]]
        self._suspect[:] = False
        self._suspect[np.array(state["suspect"], np.int64)] = True
        return {0}


def _is_below(inner: int, outer: int) -> bool:
    """Whether a series is part of another one, of the same measure or a failure ratio of its rate."""
    if inner // ROWS < outer // ROWS:
        return False
    return bool(BELOW[outer % ROWS, inner % ROWS])
