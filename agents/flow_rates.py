"""What each flow series is expected to do in an hour: level x hour of the week x kind of day (pure).

Every series keeps, for each of the 168 hours of a local week and the 24 of a public holiday, the events
and the exposure that it has seen there, older visits fading. What it has not seen itself it borrows:
first from the same hour on days of the same kind, and that from its parent's rhythm at its own share.
Above this rhythm stands a level that follows within days. Where the calendar says that activity steps
(school holidays and August begin or end, a month begins), the level first jumps as it jumped the last
time, then follows faster, and is trusted less for two days.

Learned is what an hour brought, but never more than the edge of what the hour could bring, and nothing
at all of an hour in which the series, its parts or what it is part of were under suspicion.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from agents.flow_expected import HourExpected
from agents.flow_series import ALL_CELLS, GENERATIONS, MEMBERS, PARENTS, ROWS
from agents.french_calendar import AUGUST, BINS, HOURS, SEASONS, local_hour, same_kind
from agents.series_rows import SeriesRows

if TYPE_CHECKING:
    from agents.french_calendar import LocalHour

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_SIZE: Final = 2 * ROWS
_BINS: Final = np.dtype([("events", "<f4", (BINS,)), ("exposure", "<f4", (BINS,))])
_LEVELS: Final = np.dtype(
    [
        ("observed", "<f8"),
        ("expected", "<f8"),
        ("events", "<f8"),
        ("hours", "<f8"),
        ("first_hour", "<i8"),
        ("before_edge", "<f8"),
        ("edge_hour", "<i8"),
        ("edge_size", "<f8"),
        ("month_hour", "<i8"),
        ("edge_kind", "<i4"),
        ("season", "<i4"),
        ("jumps", "<f8", (SEASONS, SEASONS)),
        # By hour of the day: events of the last visit under suspicion, when, how often alike.
        ("held", "<f8", (HOURS,)),
        ("held_hour", "<i8", (HOURS,)),
        ("held_times", "<i4", (HOURS,)),
        ("spoilt_hours", "<f8"),
        # The level of the weeks before, by which silence is measured where it is lower.
        ("slow", "<f8"),
        # Of the hour under way: what it should bring, the declared factor, what spoilt it.
        ("sending", "<f8"),
        ("rate", "<f8"),
        ("before", "<f8"),
        ("daily", "<f8"),
        ("habit", "<f8"),
        ("tolerance", "<f8"),
        ("silence", "<f8"),
        ("known", "?"),
        ("bar", "<f8"),
        ("factor", "<f8"),
        ("spoilt", "?"),
    ]
)
_VISIT_KEPT: Final = 0.8
"""What is left of a bin's past at each further visit: about five visits count."""
_LEVEL_HOURS: Final = 120.0
_LEVEL_PRIOR: Final = 30.0
_SLOW_HOURS: Final = 480.0
"""A campaign of a week must not make the Sunday after it look silent."""
_EDGE_KEPT: Final = 0.05
_MONTH_KEPT: Final = 0.3
_JUMP_AFTER_HOURS: Final = 72
_EDGE_HOURS: Final = 48.0
_SCHOOL_TOLERANCE: Final = 0.20
_AUGUST_TOLERANCE: Final = 0.40
_UNKNOWN_TOLERANCE: Final = 0.50
_MONTH_TOLERANCE: Final = 0.20
_UNUSUAL_TOLERANCE: Final = 0.40
_LEAST_TOLERANCE: Final = 0.10
_OWN: Final = 5.0
_KIND: Final = 2.0
"""Independent sendings that the belief about an hour is worth, and about its like on other days."""
_VISITS_NEEDED: Final = 0.75
_HOURS_NEEDED: Final = 72
_EVENTS_NEEDED: Final = 20.0
_UNSURE_SHARE: Final = 0.3
"""A declared change of unknown size silences what it makes this much of."""
_RECURS_HOURS: Final = (20, 8 * 24)
"""What comes again at an hour of the day after no less and no more than this may be a habit."""
_RECURS_LIKE: Final = 2.0
_RECURS_TIMES: Final = 2
"""Visits alike from which it is one."""
_RECURS_BRIEF: Final = 10.0
"""Hours of the last day or so under suspicion, above which it is not brief, but lasts."""
_FEW: Final = 5.0
_FIRST_JUMPS: Final = ((0.0, -0.05, -0.25), (0.05, 0.0, -0.20), (0.25, 0.20, 0.0))
"""Of the level's logarithm from season to season until an own one was seen (assumption; the INSi
statistics show +43 % to +96 % from August to September)."""


class FlowRates:
    """The rhythms and levels of all series; two sections of the checkpoint."""

    def __init__(self) -> None:
        self._bins = SeriesRows("flow rhythms", 1, _BINS, {}, _SIZE)
        blank = {
            "observed": _LEVEL_PRIOR,
            "expected": _LEVEL_PRIOR,
            "jumps": _FIRST_JUMPS,
            "slow": 1.0,
        }
        blank |= {"edge_hour": -(1 << 40), "month_hour": -(1 << 40)}
        self._levels = SeriesRows("flow levels", 3, _LEVELS, blank, _SIZE)
        self._every = np.arange(_SIZE)

    @property
    def sections(self) -> tuple[SeriesRows, ...]:
        """For the journal."""
        return (self._bins, self._levels)

    @property
    def expected(self) -> HourExpected:
        """What the hour under way should bring."""
        table = self._levels.columns
        return HourExpected(
            table["rate"],
            table["before"],
            table["daily"],
            table["habit"],
            table["tolerance"],
            table["silence"],
            table["known"],
            table["bar"],
            table["factor"],
        )

    def first_hours(self) -> npt.NDArray[np.int64]:
        """The UTC hour (`time_ms // HOUR_MS`) from which each baseline was learned."""
        return self._levels.columns["first_hour"]

    def begin_hour(self, hour: int, scatter: FloatArray) -> None:
        """Work out what a UTC hour should bring; call it once per hour, in their order.

        Args:
            hour: the UTC hour.
            scatter: variance of an hour's events in units of their mean, at this time of day, shape
                (2 * ROWS,).
        """
        local = local_hour(hour)
        levels = self._levels.columns
        self._cross_edges(hour, local)
        # Where people come and go, so many events say no more than one.
        levels["sending"] = np.where(self._every < ROWS, np.maximum(scatter, 1.0), 1.0)
        rhythm, visits, own, sendings = self._rhythm(local.bin)
        level = levels["observed"] / levels["expected"]
        rate = rhythm * level
        edge = levels["edge_size"] * np.exp((levels["edge_hour"] - hour) / _EDGE_HOURS)
        edge += _MONTH_TOLERANCE * np.exp((levels["month_hour"] - hour) / _EDGE_HOURS)
        if local.is_unusual:
            edge = edge + _UNUSUAL_TOLERANCE
        unseen = 0.3 / np.sqrt(np.maximum(visits, 0.5))
        known = (visits >= _VISITS_NEEDED) & (levels["hours"] >= _HOURS_NEEDED)
        known &= levels["events"] >= _EVENTS_NEEDED
        rate = np.where(known, rate, 0.0)
        levels["before"] = np.where(levels["known"] & known, levels["rate"], rate)
        levels["rate"] = rate
        levels["daily"] = 24.0 * levels["events"] / np.maximum(levels["hours"], 1.0)
        at = local.bin % HOURS
        recurs = (levels["held_times"][:, at] >= _RECURS_TIMES) & known
        recurs &= hour - levels["held_hour"][:, at] <= _RECURS_HOURS[1]
        # A job's failures are not those of the rest of the hour.
        known[ROWS:] &= ~recurs[:ROWS]
        levels["habit"] = np.where(recurs, _RECURS_LIKE * levels["held"][:, at], 0.0)
        levels["tolerance"] = _LEAST_TOLERANCE + edge + unseen + 0.7 / np.sqrt(own + _OWN)
        levels["silence"] = np.minimum(levels["slow"] / level, 1.0)
        levels["silence"] /= 1.0 + 0.5 * edge + np.maximum(unseen - 0.15, 0.0)
        # A rate that rests on few sendings may be too high by chance.
        levels["silence"] /= 1.0 + 1.0 / np.sqrt(sendings + 1.0)
        levels["known"] = known
        levels["bar"] = np.clip(1.5 * (1.0 - levels["hours"] / (14 * 24.0)), 0.0, 1.5)
        levels["factor"] = 1.0
        levels["spoilt"] = False
        self._levels.touch_all()

    def moved(self, factor: float | None, cells: npt.NDArray[np.bool_]) -> FloatArray:
        """What a change of some cells by a factor makes of every series, shape (2 * ROWS,).

        Args:
            factor: `None` where unknown.
            cells: shape (ALL_CELLS,).

        Returns:
            Factors; NaN where an unknown change makes too much of a series. Failure ratios stay as
            they are, or are unknown with their rate.
        """
        events = self._levels.columns["events"][:ROWS]
        changing = MEMBERS @ np.where(cells, events[:ALL_CELLS], 0.0)
        share = np.where(MEMBERS @ cells > 0, changing / np.maximum(events, 1.0), 0.0)
        share[:ALL_CELLS] = cells
        share = np.minimum(share, 1.0)
        if factor is None:
            unknown = np.where(share > _UNSURE_SHARE, np.nan, 1.0)
            return np.concatenate((unknown, unknown))
        return np.concatenate((1.0 + (factor - 1.0) * share, np.ones(ROWS)))

    def declare(self, factor: FloatArray) -> None:
        """Multiply what the hour under way should bring; NaN leaves a series unjudged."""
        self._levels.columns["factor"] *= factor

    def spoil(self, series: BoolArray) -> None:
        """Learn nothing of the hour under way about these series."""
        self._levels.columns["spoilt"] |= series

    def end_hour(
        self, hour: int, observed: FloatArray, exposure: FloatArray, scatter: FloatArray
    ) -> None:
        """Learn from the hour under way, which is over.

        Args:
            hour: the UTC hour.
            observed: events of each series.
            exposure: minutes, or events for failures.
            scatter: variance of an hour's events in units of their mean.
        """
        expected = self.expected
        is_suspect, factor = self._levels.columns["spoilt"], expected.factor
        local = local_hour(hour)
        bins, levels = self._bins.columns, self._levels.columns
        self._note_jump(hour, is_suspect)
        mean = expected.rate * exposure * np.where(np.isfinite(factor), factor, 1.0)
        room = 4.0 * np.sqrt(scatter * np.maximum(mean, 0.25)) + expected.tolerance * mean
        taken = np.where(
            expected.known, np.clip(observed, np.maximum(mean - room, 0), mean + room), observed
        )
        # In hours with a habit the scatter is the habit's, so only chance is room.
        has_habit = expected.habit > 0.0
        chance = 4.0 * np.sqrt(mean + 1.0) + expected.tolerance * mean
        is_over = expected.known & (observed > mean + np.where(has_habit, chance, room))
        # What comes at once, at a minute of its own, is no rate that its absence could be told by.
        learns = ~is_suspect & np.isfinite(factor) & ~(is_over & has_habit)
        learns[ROWS:] &= ~has_habit[:ROWS]
        self._recur(hour, observed, is_over)
        factor = np.where(learns, factor, 1.0)
        level = levels["observed"] / levels["expected"] * factor
        if not local.is_unusual:
            rhythm = self._rhythm(local.bin)[0]
            kept = np.where(learns & expected.known, math.exp(-1.0 / _LEVEL_HOURS), 1.0)
            gained = np.where(learns & expected.known, 1.0, 0.0)
            levels["observed"] = kept * levels["observed"] + gained * taken
            levels["expected"] = kept * levels["expected"] + gained * rhythm * exposure * factor
            # A level that rests on nearly nothing is that of the rhythm.
            thin = _LEVEL_PRIOR * levels["sending"] * (1.0 - kept)
            levels["observed"] += thin
            levels["expected"] += thin
            risen = levels["observed"] / levels["expected"] - levels["slow"]
            levels["slow"] += np.where(gained > 0, risen / _SLOW_HOURS, 0.0)
        # The day before or after a holiday teaches nothing about ordinary days.
        is_ordinary = not local.is_unusual or local.bin >= BINS - 24
        weight = np.where(learns & is_ordinary & (exposure > 0), 1.0, 0.0)
        fade = np.where(weight > 0, _VISIT_KEPT, 1.0)
        for field, gain in (("events", taken), ("exposure", exposure * level)):
            column = bins[field][:, local.bin]
            bins[field][:, local.bin] = column * fade + weight * gain
        levels["events"] += np.where(learns, observed, 0.0)
        new = (levels["events"] > 0) & (levels["hours"] == 0)
        levels["first_hour"] = np.where(new, hour, levels["first_hour"])
        levels["hours"] += levels["events"] > 0
        self._bins.touch_all()
        self._levels.touch_all()

    def _recur(self, hour: int, observed: FloatArray, is_over: BoolArray) -> None:
        """Remember what made an hour of the day suspect, briefly, by too many on several days alike."""
        levels = self._levels.columns
        spoilt = levels["spoilt"]
        levels["spoilt_hours"] = levels["spoilt_hours"] * math.exp(-1.0 / 24.0) + spoilt
        at = local_hour(hour).bin % HOURS
        rows = np.flatnonzero(
            (spoilt | (levels["habit"] > 0.0))
            & is_over
            & (levels["spoilt_hours"] <= _RECURS_BRIEF)
            & (self._every < ROWS)
        )
        held, held_hour = levels["held"][rows, at], levels["held_hour"][rows, at]
        like = (observed[rows] + _FEW) / (held + _FEW)
        recurs = (like <= _RECURS_LIKE) & (like >= 1.0 / _RECURS_LIKE)
        recurs &= (hour - held_hour >= _RECURS_HOURS[0]) & (hour - held_hour <= _RECURS_HOURS[1])
        times = np.where(recurs, levels["held_times"][rows, at] + 1, 1)
        levels["held"][rows, at], levels["held_hour"][rows, at] = observed[rows], hour
        levels["held_times"][rows, at] = times

    def step(self, series: npt.NDArray[np.int64], factor: FloatArray | float) -> None:
        """Take a new level over at once: `factor` times the one before."""
        self._levels.columns["observed"][series] *= factor
        self._levels.columns["slow"][series] *= factor
        self._levels.columns["rate"][series] *= factor
        self._levels.touch(series)

    def forget(self, series: int) -> None:
        """Let a series begin anew, as if it had never been seen."""
        for section in self.sections:
            section.clear(np.array([series]))

    def loosen(self, series: npt.NDArray[np.int64], hour: int) -> None:
        """Learn the level of some series anew from here, as at an edge of the calendar."""
        levels = self._levels.columns
        self._forget_level(series, _EDGE_KEPT)
        levels["edge_hour"][series] = hour
        levels["edge_kind"][series] = 0
        levels["edge_size"][series] = _UNKNOWN_TOLERANCE
        self._levels.touch(series)

    def _forget_level(self, series: npt.NDArray[np.int64], kept: float) -> None:
        levels = self._levels.columns
        level = levels["observed"][series] / levels["expected"][series]
        weight = np.maximum(levels["expected"][series] * kept, min(_LEVEL_PRIOR, 5.0))
        levels["expected"][series] = weight
        levels["observed"][series] = level * weight

    def _cross_edges(self, hour: int, local: LocalHour) -> None:
        levels = self._levels.columns
        before = local_hour(hour - 1)
        if local.month != before.month:
            self._forget_level(self._every, _MONTH_KEPT)
            levels["month_hour"] = hour
        if local.season == before.season:
            return
        levels["before_edge"] = np.log(levels["observed"] / levels["expected"])
        jump = levels["jumps"][:, before.season, local.season]
        went = np.exp(np.clip(jump, -0.8, 0.8))
        levels["observed"] *= went
        levels["slow"] *= went
        self._forget_level(self._every, _EDGE_KEPT)
        levels["edge_hour"] = hour
        levels["edge_kind"] = before.season * SEASONS + local.season + 1
        is_august = AUGUST in (before.season, local.season)
        levels["edge_size"] = _AUGUST_TOLERANCE if is_august else _SCHOOL_TOLERANCE
        levels["season"] = local.season

    def _note_jump(self, hour: int, is_suspect: BoolArray) -> None:
        """Three days after an edge: how far the level went."""
        levels = self._levels.columns
        rows = np.flatnonzero(
            (levels["edge_hour"] == hour - _JUMP_AFTER_HOURS)
            & (levels["edge_kind"] > 0)
            & ~is_suspect
        )
        if len(rows):
            went = np.log(levels["observed"][rows] / levels["expected"][rows])
            kind = levels["edge_kind"][rows] - 1
            own = levels["jumps"][rows, kind // SEASONS, kind % SEASONS]
            new = own + 0.7 * (went - levels["before_edge"][rows] - own)
            levels["jumps"][rows, kind // SEASONS, kind % SEASONS] = new

    def _rhythm(self, number: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """What is known of an hour of the week, each of shape (2 * ROWS,).

        Returns:
            Rate at level 1, visits of bins of this kind, own events in the bin, and independent
            sendings in bins of this kind.
        """
        bins = self._bins.columns
        events = bins["events"][:, number].astype(np.float64)
        exposure = bins["exposure"][:, number].astype(np.float64)
        kind = list(same_kind(number))
        kind_events = bins["events"][:, kind].sum(axis=1, dtype=np.float64)
        kind_exposure = bins["exposure"][:, kind].sum(axis=1, dtype=np.float64)
        total = self._levels.columns["events"]
        base = np.zeros(_SIZE)
        rate = np.zeros(_SIZE)
        sending = self._levels.columns["sending"]
        visits = kind_exposure / 60.0
        for generation in GENERATIONS:
            for start in (0, ROWS):
                rows, parents = generation + start, PARENTS[generation] + start
                if start:
                    # A failure ratio is its own in size, and flat until it shows otherwise.
                    own = total[rows] / np.maximum(total[rows - ROWS], 1.0)
                    visits[rows] = visits[rows - ROWS]
                    base[rows] = own
                elif generation[0] == ROWS - 1:
                    base[rows] = kind_events[rows] / np.maximum(kind_exposure[rows], 1.0)
                else:
                    share = total[rows] / np.maximum(total[parents], 1.0)
                    base[rows] = rate[parents] * share
                base[rows] = np.maximum(base[rows], 1e-9)
                like, own_like = _KIND * sending[rows], _OWN * sending[rows]
                middle = (kind_events[rows] + like) / (kind_exposure[rows] + like / base[rows])
                rate[rows] = (events[rows] + own_like) / (exposure[rows] + own_like / middle)
        return rate, visits, events, kind_events / sending
