"""The rows of one series, one after another: surprise, rarity, episode, alert (pure).

This is the part in which a row depends on the row before, hence the one loop over rows; everything that
does not is computed for whole blocks beforehand. State is a few dozen numbers, whatever the step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from agents.detectors.series_params import DAY_S, SeriesEvidence, SeriesParams
from agents.detectors.series_tails import TAIL_DECADES, Tail

if TYPE_CHECKING:
    from collections.abc import Sequence

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

SILENCE_ODDS: Final = 1e-6
"""Silence is an outage once it is this unlikely (detection goals of the study, outage row)."""

_SILENCE: Final = -math.log(SILENCE_ODDS)
_NAN: Final = math.nan
_STATISTICS: Final = 6
_USUAL_BUDGET: Final = 0.5
_BELOW_BAR: Final = 0.7
_PRESSURE: Final = 0.08
_PURSE_DAYS: Final = 14
_FIRST_TOKENS: Final = 0.75
_GAP_STEPS: Final = 6
_DECADES_MAX: Final = 40.0
# Surprises are clipped before they are averaged, so that one row alone is no lasting shift.
_CLIP_SHORT: Final = 8.0
_CLIP_MIDDLE: Final = 4.0
_CALM: Final = 2.5
_RETURNED: Final = 3.0
# A low count's level is the events of its last rows against those expected, shrunk by four of each.
_EVENTS_KEPT: Final = 60.0
_ROWS_KEPT: Final = 100
_EVENTS_PRIOR: Final = 4.0
_RELUCTANCE: Final = 0.25
_ADAPT_SPANS: Final = 4
_NEVER: Final = -1e9
_TINY: Final = 1e-300


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """n rows of one block with what the past says of each; every array has shape (n,).

    Attributes:
        times_s: seconds since 1970.
        raw: values as given, NaN where missing.
        values: values as judged: by their root where none is negative.
        changes: expected change of the judged value since the row before.
        scales: usual size of a surprise in the judged value.
        expected: expected count in units; used for low counts alone.
    """

    times_s: FloatArray
    raw: FloatArray
    values: FloatArray
    changes: FloatArray
    scales: FloatArray
    expected: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Habit:
    """What holds for a whole block.

    Attributes:
        span: over how many rows the level is averaged; 0 while nothing is known yet.
        count_unit: the unit of a low count; 0 where the series is none.
        count_mean: its mean per row, in units.
        tails: of the up and down side of one row, of about four, of about sixteen.
    """

    span: int
    count_unit: float
    count_mean: float
    tails: Sequence[Tail]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What the rows came to; every array has shape (n,).

    Attributes:
        scores: in [0, 1]; 0.5 is where an episode begins, and while one lasts the score is its peak.
        flags: alerts.
        surprises: of one row, in scales; NaN inside an episode and where the value is missing.
        shorts: their mean over about four rows.
        middles: their mean over about sixteen rows.
        usual: the judged value, or what was expected instead of it inside an episode.
    """

    scores: FloatArray
    flags: BoolArray
    surprises: FloatArray
    shorts: FloatArray
    middles: FloatArray
    usual: FloatArray


class Course:
    """Where a series stands after its last row.

    Args:
        params: settings.
        step_s: the series' step in seconds.
        start_s: its first row's time, from which it is being learnt.
    """

    __slots__ = (
        "_adapt_rows", "_age", "_awaited", "_bar", "_base", "_foreseen", "_fresh", "_inside",
        "_is_alert", "_level", "_middle", "_moved", "_newest_s", "_params", "_peak", "_pressure",
        "_quiet", "_quiet_rows", "_remembered", "_remembered_until_s", "_seen", "_short",
        "_silent", "_since_s", "_start_s", "_step_s", "_tokens", "evidence",
    )  # fmt: skip

    def __init__(self, params: SeriesParams, step_s: float, start_s: float) -> None:
        self._params = params
        self._step_s = step_s
        self._start_s = start_s
        trials = _STATISTICS * DAY_S / max(step_s, 1.0) / params.noise_share
        self._base = max(params.decades_min, math.log10(trials / _USUAL_BUDGET) - _BELOW_BAR)
        self._bar = max(self._base, math.log10(trials / params.alerts_per_day))
        self._adapt_rows = round(max(params.adapt_rows, params.adapt_s / step_s))
        self._quiet_rows = int(min(5, max(2, 300 // step_s)))
        self.evidence: SeriesEvidence | None = None
        self._newest_s = -math.inf
        self._tokens, self._pressure = _FIRST_TOKENS, 0.0
        self._peak, self._quiet, self._inside, self._since_s = 0.0, 0, _NAN, start_s
        self.forget()

    def forget(self) -> None:
        """Start the level anew; the budget stays spent."""
        self._level, self._moved, self._short, self._middle = _NAN, 0.0, 0.0, 0.0
        self._age, self._is_alert = -1, False
        self._remembered, self._remembered_until_s = _NAN, 0.0
        self._seen = self._awaited = self._silent = 0.0
        self._fresh = self._foreseen = 0.0

    def walk(self, rows: Rows, habit: Habit) -> Judged:  # noqa: C901, PLR0912, PLR0915 - the one loop over
        # rows: calls in it would cost a third of its speed.
        """Judge n further rows."""
        count, params = len(rows.raw), self._params
        gap_s = _GAP_STEPS * self._step_s
        level, moved, short, middle = self._level, self._moved, self._short, self._middle
        age, peak, quiet, inside = self._age, self._peak, self._quiet, self._inside
        is_alert, tokens, pressure = self._is_alert, self._tokens, self._pressure
        newest_s, since_s = self._newest_s, self._since_s
        remembered, until_s = self._remembered, self._remembered_until_s
        count_unit = habit.count_unit
        is_low, is_new = count_unit > 0, habit.span == 0
        pace = 2 / (habit.span + 1)
        (start0, start1, start2, start3, start4, start5) = (tail.start for tail in habit.tails)
        (decades0, decades1, decades2, decades3, decades4, decades5) = (
            tail.decades for tail in habit.tails
        )
        base = self._base
        refill = params.alerts_per_day / DAY_S
        purse = _PURSE_DAYS * params.alerts_per_day + 1
        seen, awaited, silent = self._seen, self._awaited, self._silent
        fresh, foreseen = self._fresh, self._foreseen
        kept = max(_EVENTS_KEPT, _ROWS_KEPT * habit.count_mean)
        inside_rows = max(4, habit.span)
        adapt = max(3, min(self._adapt_rows, habit.span * _ADAPT_SPANS))
        scores, flags = [0.0] * count, [False] * count
        surprises, shorts, middles = [_NAN] * count, [_NAN] * count, [_NAN] * count
        usual = [_NAN] * count
        columns = (rows.times_s, rows.raw, rows.values, rows.changes, rows.scales, rows.expected)
        lists = (column.tolist() for column in columns)
        for i, (time_s, x, y, change, noise, awaits) in enumerate(zip(*lists, strict=True)):
            moved += change
            if time_s > newest_s:
                passed_s = time_s - newest_s
                if passed_s > gap_s:
                    # After a gap the level is anyone's guess: it is taken anew.
                    level, short, middle, silent, age, is_alert = _NAN, 0.0, 0.0, 0.0, -1, False
                if passed_s < math.inf:
                    flow = refill * passed_s
                    tokens = min(tokens + flow, purse)
                    pressure = pressure - flow if pressure > flow else 0.0
                newest_s = time_s
            if y != y:  # noqa: PLR0124 - the fastest test for NaN
                if age >= 0:
                    scores[i], flags[i] = 1 - 0.5 ** (peak / base), is_alert
                continue
            here = y - moved
            if level != level:  # noqa: PLR0124 - as above
                level = here
            if is_new:
                level += 0.3 * (here - level)
                surprises[i], usual[i] = here - level, y
                continue
            due = hush = 0.0
            if is_low:
                due = awaits * (seen + _EVENTS_PRIOR) / (awaited + _EVENTS_PRIOR)
                events = x / count_unit
                # The signed root of the Poisson deviance: nearly Gaussian down to small means.
                if events > 0:
                    gap = 2 * (events * math.log(events / due) - events + due)
                    u = math.sqrt(gap) if gap > 0 else 0.0
                    u = -u if events < due else u
                    silent = 0.0
                else:
                    u = -math.sqrt(2 * due)
                    silent += due
                    hush = silent
            else:
                scale = noise if noise > 0 else _TINY
                u = (here - level) / scale
                if (
                    not -_RETURNED < u < _RETURNED
                    and time_s < until_s
                    and -_CALM < (here - remembered) / scale < _CALM
                ):
                    # Back on the level before the last accepted shift.
                    level, until_s, age, is_alert = remembered, 0.0, -1, False
                    u, short, middle = (here - level) / scale, 0.0, 0.0
            if u > _CLIP_SHORT:
                short += 0.4 * (_CLIP_SHORT - short)
            elif u < -_CLIP_SHORT:
                short -= 0.4 * (_CLIP_SHORT + short)
            else:
                short += 0.4 * (u - short)
            if u > _CLIP_MIDDLE:
                middle += 0.12 * (_CLIP_MIDDLE - middle)
            elif u < -_CLIP_MIDDLE:
                middle -= 0.12 * (_CLIP_MIDDLE + middle)
            else:
                middle += 0.12 * (u - middle)
            if age < 0:
                # An episode's later rows would teach the tails that incidents are ordinary.
                surprises[i], shorts[i], middles[i] = u, short, middle
            rare = 0.0
            if u > start0:
                rare = decades0(u)
            elif -u > start1:
                rare = decades1(-u)
            if short > start2:
                rare = max(rare, decades2(short))
            elif -short > start3:
                rare = max(rare, decades3(-short))
            if middle > start4:
                rare = max(rare, decades4(middle))
            elif -middle > start5:
                rare = max(rare, decades5(-middle))
            if rare > 0:
                rare = min(rare + TAIL_DECADES, _DECADES_MAX)
            if hush > _SILENCE:
                rare = max(rare, self._bar + hush / _SILENCE - 1)
            if age < 0 and rare >= base:
                age, peak, quiet, inside, since_s = 0, rare, 0, here, time_s
                fresh = foreseen = 0.0
            if age < 0:
                scores[i] = min(0.499, 1 - 0.5 ** (rare / base))
                usual[i] = y
                if is_low:
                    seen, awaited = seen + events, awaited + awaits
                    if awaited > kept:
                        seen, awaited = seen * kept / awaited, kept
                else:
                    gap = max(-3 * scale, min(3 * scale, here - level))
                    # A suspect level is followed reluctantly, or it is normal before it is found.
                    level += (pace if rare == 0 else _RELUCTANCE * pace) * gap
                continue
            age += 1
            peak = max(peak, rare)
            wanted = y - here + level
            if not is_alert and tokens >= 1 and peak >= self._bar_at(time_s, pressure):
                is_alert = True
                tokens -= 1
                pressure += 1
                expects = due * count_unit if is_low else wanted
                self.evidence = SeriesEvidence(x, y, expects, is_low, 10.0**-peak, since_s)
            if is_low:
                fresh, foreseen = fresh + events, foreseen + awaits
            inside += (here - inside) / min(age, inside_rows)
            scores[i], flags[i] = 1 - 0.5 ** (peak / base), is_alert
            usual[i] = math.sqrt(awaits * count_unit) if is_low else wanted
            is_calm = hush < _SILENCE and rare < base and -_CALM < u < _CALM
            quiet = quiet + 1 if is_calm else 0
            if quiet >= self._quiet_rows or (is_calm and is_low and hush == 0):
                age, is_alert, short, middle = -1, False, 0.0, 0.0
                level += pace * (here - level)
            elif age >= adapt * (params.silence_factor if x == 0 else 1):
                remembered, until_s = level, time_s + params.memory_s
                level, short, middle, age, is_alert = inside, 0.0, 0.0, -1, False
                seen, awaited = fresh, foreseen
                if x == 0:
                    # Silence that has become normal is no news again before something is heard.
                    silent = _NEVER
        self._level, self._moved, self._short, self._middle = level, moved, short, middle
        self._age, self._peak, self._quiet, self._inside = age, peak, quiet, inside
        self._is_alert, self._tokens, self._pressure = is_alert, tokens, pressure
        self._newest_s, self._since_s = newest_s, since_s
        self._remembered, self._remembered_until_s = remembered, until_s
        self._seen, self._awaited, self._silent = seen, awaited, silent
        self._fresh, self._foreseen = fresh, foreseen
        return Judged(
            np.array(scores),
            np.array(flags, dtype=np.bool_),
            np.array(surprises),
            np.array(shorts),
            np.array(middles),
            np.array(usual),
        )

    def _bar_at(self, time_s: float, pressure: float) -> float:
        """What an alert needs: more while the days' rhythm is unknown, and after many alerts."""
        left = 1 - (time_s - self._start_s) / self._params.learning_s
        young = 1 + self._params.learning_bar * max(0.0, left)
        return self._bar * young * (1 + _PRESSURE * pressure)
