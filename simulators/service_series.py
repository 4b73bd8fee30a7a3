"""Series like those of live services, with labelled events and innocent oddities, from a seed (pure).

Eight families; the events are the same kinds everywhere: spike, drop, outage, level shift, burst of
noise. What is not labelled must stay silent: holidays, a clock change, gaps, missing and repeated rows,
a job at a fixed time each night, a slow trend.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

DAY_S = 86_400
START_S = 1_709_251_200  # 2024-03-01; the clocks change on 31 March at 01:00 UTC
CLOCK_CHANGE_S = 1_711_846_800


@dataclass(frozen=True)
class Event:
    """One labelled event: rows `start` to `end` (excluded)."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class Series:
    """A series of n rows and its truth; a value that is not a number is missing."""

    family: str
    step_s: int
    times_s: FloatArray
    values: FloatArray
    events: list[Event]

    @property
    def days(self) -> float:
        """Its length by its rows."""
        return len(self.times_s) * self.step_s / DAY_S


def _local_hours(times: FloatArray) -> FloatArray:
    hours: FloatArray = (times + 3600 * np.where(times >= CLOCK_CHANGE_S, 2, 1)) / 3600
    return hours


def _rhythm(times: FloatArray, night: float, weekend: float, peak: float) -> FloatArray:
    hours = _local_hours(times)
    of_day = hours % 24
    day = (hours // 24 + 3) % 7  # 1970-01-01 was a Thursday
    wave = np.exp(-0.5 * ((of_day - peak) / 3.2) ** 2) + 0.7 * np.exp(
        -0.5 * ((of_day - peak - 6) / 2.2) ** 2
    )
    factor = np.where(day >= 5, weekend, 1.0)
    shape: FloatArray = (night + (1 - night) * wave) * factor
    return shape


def _noise(rng: np.random.Generator, rows: int, memory: float) -> FloatArray:
    """A stationary AR(1) of unit variance, by blocks of its impulse response."""
    white = rng.normal(size=rows)
    if memory == 0:
        return white
    response = memory ** np.arange(min(rows, int(np.log(1e-4) / np.log(memory)) + 1))
    noise: FloatArray = np.convolve(white, response)[:rows] * np.sqrt(1 - memory**2)
    return noise


def _counts(rng: np.random.Generator, means: FloatArray, dispersion: float) -> FloatArray:
    rate = means * rng.gamma(dispersion, 1 / dispersion, size=len(means))
    return rng.poisson(rate).astype(np.float64)


def _web(rng: np.random.Generator, times: FloatArray) -> tuple[FloatArray, FloatArray]:
    mean = 10 ** rng.uniform(1.5, 3.5) * _rhythm(times, 0.12, rng.uniform(0.4, 0.9), 10)
    mean *= np.exp(0.06 * _noise(rng, len(times), 0.99))
    return mean, _counts(rng, mean, 60)


def _steady(rng: np.random.Generator, times: FloatArray) -> tuple[FloatArray, FloatArray]:
    mean = 10 ** rng.uniform(1.0, 2.5) * _rhythm(times, 0.7, 1.0, 11)
    return mean, _counts(rng, mean, 200)


def _bursty(rng: np.random.Generator, times: FloatArray) -> tuple[FloatArray, FloatArray]:
    mean = 10 ** rng.uniform(1.0, 2.3) * _rhythm(times, 0.2, 0.6, 12)
    return mean, _counts(rng, mean, 3)


def _latency(rng: np.random.Generator, times: FloatArray) -> tuple[FloatArray, FloatArray]:
    base = rng.uniform(20, 400) * (1 + 0.4 * _rhythm(times, 0.1, 0.7, 11))
    return base, base * np.exp(
        0.10 * _noise(rng, len(times), 0.5) + 0.06 * rng.gumbel(size=len(times))
    )


def _cpu(rng: np.random.Generator, times: FloatArray) -> tuple[FloatArray, FloatArray]:
    base = rng.uniform(15, 30) + 25 * _rhythm(times, 0.1, 0.6, 11)
    values = base + 2.0 * _noise(rng, len(times), 0.9) + 0.8 * rng.normal(size=len(times))
    nightly = np.floor(times % DAY_S / 60) // 15 == 8  # a job from 02:00 to 02:15
    return base, np.clip(np.round(values + 30 * nightly, 1), 0, 100)


def _queue(rng: np.random.Generator, times: FloatArray) -> tuple[FloatArray, FloatArray]:
    base = np.full(len(times), rng.uniform(1e5, 1e7))
    trend = 1 + 0.1 * np.arange(len(times)) / len(times)
    return base, base * trend * (1 + 0.02 * _noise(rng, len(times), 0.97))


def _hourly(rng: np.random.Generator, times: FloatArray) -> tuple[FloatArray, FloatArray]:
    mean = 10 ** rng.uniform(0.7, 2.0) * _rhythm(times, 0.08, 0.5, 11)
    return mean, _counts(rng, mean, 30)


def _few(rng: np.random.Generator, times: FloatArray) -> tuple[FloatArray, FloatArray]:
    mean = rng.uniform(4, 40) / 24 * _rhythm(times, 0.3, 0.7, 12) * 1.6
    return mean, _counts(rng, mean, 30)


Draw = Callable[[np.random.Generator, FloatArray], tuple[FloatArray, FloatArray]]
FAMILIES: dict[str, tuple[Draw, int, int]] = {
    "web": (_web, 60, 42),
    "steady": (_steady, 60, 42),
    "bursty": (_bursty, 60, 42),
    "latency": (_latency, 300, 60),
    "cpu": (_cpu, 300, 60),
    "queue": (_queue, 300, 60),
    "hourly": (_hourly, 3600, 180),
    "few": (_few, 3600, 365),
}
"""Family: how it is drawn, step in seconds, days."""


def draw(family: str, seed: int, *, events_per_day: float = 0.2) -> Series:
    """One series and its truth."""
    source, step, days = FAMILIES[family]
    rng = np.random.default_rng([seed, list(FAMILIES).index(family)])
    times = START_S + step * np.arange(days * DAY_S // step, dtype=np.float64)
    mean, values = source(rng, times)
    is_count = family in {"web", "steady", "bursty", "hourly", "few"}
    events = _inject(rng, values, mean, step, events_per_day, is_count=is_count)
    if is_count:
        values = np.round(values * (1 - 0.4 * _holiday(times)))
    return _weather(rng, Series(family, step, times, values * 10 ** rng.uniform(-3, 3), events))


def _holiday(times: FloatArray) -> FloatArray:
    """How much of a holiday it is: one day that begins and ends in the small hours."""
    day = (times - times[0]) / DAY_S - 32
    share: FloatArray = np.clip(np.minimum(day - 0.05, 1.15 - day) / 0.15, 0, 1)
    return share


def _inject(
    rng: np.random.Generator,
    values: FloatArray,
    mean: FloatArray,
    step: int,
    per_day: float,
    *,
    is_count: bool,
) -> list[Event]:
    """Events of what an operator would call an incident: several times the series' own scatter."""
    rows, per = len(values), DAY_S // step
    events: list[Event] = []
    at = 8 * per
    while True:
        at += int(rng.exponential(per / per_day)) + max(per // 4, 6)
        kind = str(rng.choice(("spike", "spike", "drop", "outage", "shift", "burst")))
        minutes = {"spike": 15, "drop": 30, "outage": 90, "shift": 240, "burst": 45}[kind]
        length = max(1, round(rng.uniform(0.3, 1.5) * minutes * 60 / step))
        if at + length + per >= rows:
            return events
        usual = float(mean[at : at + length].mean())
        if is_count and usual < 12 and kind in {"drop", "outage", "shift"}:
            # Of so few events no drop can be seen but in the sum: one in a million at 13.8 expected
            # events, and half as many again are given.
            kind = "outage"
            awaited = np.cumsum(mean[at : at + 12 * per])
            length = int(np.searchsorted(awaited, 1.5 * 13.8)) + 1
            if length >= len(awaited):
                continue
        before = values[max(at - max(per // 24, 12), 0) : at]
        scatter = max(
            float(np.std(np.diff(before))) / np.sqrt(2), np.sqrt(usual) if is_count else 0
        )
        size = max(rng.uniform(6, 15) * scatter, 0.3 * usual)
        part = values[at : at + length]
        part[:] = _struck(rng, kind, part, size, usual)
        if is_count:
            part[:] = np.maximum(np.round(part + (3 if kind == "spike" else 0)), 0)
        events.append(Event(kind, at, at + length))
        at += length


def _struck(
    rng: np.random.Generator, kind: str, values: FloatArray, size: float, usual: float
) -> FloatArray:
    """The values of an event's rows once it has happened."""
    if kind == "spike":
        return values + size
    if kind == "drop":
        return np.maximum(values * 0.2, values - 1.5 * size)
    if kind == "outage":
        return np.zeros(len(values))
    if kind == "shift":
        return values + (size if rng.random() < 0.6 else -min(size, 0.7 * usual))
    return values + (0.5 + np.abs(rng.normal(size=len(values)))) * size


def _weather(rng: np.random.Generator, series: Series) -> Series:
    """Missing values, repeated rows, a gap of two days, none of them inside an event."""
    rows, per = len(series.values), DAY_S // series.step_s
    busy = np.zeros(rows + 1, dtype=bool)
    for event in series.events:
        busy[max(event.start - 2, 0) : event.end + 2] = True
    values = series.values.copy()
    missing = (rng.random(rows) < 0.002) & ~busy[:rows]
    values[missing] = np.nan
    times = series.times_s
    copies = np.ones(rows, dtype=int)
    copies[(rng.random(rows) < 0.001) & ~busy[:rows]] = 2
    gap = int(rng.uniform(0.5, 0.8) * rows)
    if not busy[gap : gap + 2 * per].any():
        copies[gap : gap + 2 * per] = 0
    starts = np.concatenate(([0], np.cumsum(copies)))
    events = [Event(e.kind, int(starts[e.start]), int(starts[e.end])) for e in series.events]
    return Series(
        series.family, series.step_s, np.repeat(times, copies), np.repeat(values, copies), events
    )


@dataclass
class Tally:
    """What alerts came to against the truth."""

    events: int = 0
    found: int = 0
    alerts: int = 0
    true_alerts: int = 0
    days: float = 0.0
    alert_minutes: float = 0.0
    event_minutes: float = 0.0

    def __post_init__(self) -> None:
        self.delays: list[int] = []
        self.missed: dict[str, int] = {}

    def add(self, series: Series, ranges: list[tuple[int, int]]) -> None:
        """Count one series; an alert is true when it overlaps an event (or its two next rows)."""
        minutes = series.step_s / 60
        self.days += series.days
        self.alerts += len(ranges)
        self.events += len(series.events)
        starts = np.array([start for start, _ in ranges], dtype=int)
        ends = np.array([end for _, end in ranges], dtype=int)
        for event in series.events:
            hits = np.flatnonzero((starts < event.end) & (ends > event.start))
            self.event_minutes += (event.end - event.start) * minutes
            if len(hits):
                self.found += 1
                self.delays.append(max(0, int(starts[hits[0]]) - event.start))
            else:
                self.missed[event.kind] = self.missed.get(event.kind, 0) + 1
        for start, end in ranges:
            self.alert_minutes += (end - start) * minutes
            self.true_alerts += any(e.start < end and start < e.end + 2 for e in series.events)

    def merge(self, other: Tally) -> None:
        """Add another tally's counts."""
        for name in vars(other):
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(theirs, dict):
                for key, count in theirs.items():
                    mine[key] = mine.get(key, 0) + count
            else:
                setattr(self, name, mine + theirs)

    @property
    def recall(self) -> float:
        """Share of the events that an alert overlaps."""
        return self.found / max(self.events, 1)

    @property
    def precision(self) -> float:
        """Share of the alerts that are true."""
        return self.true_alerts / max(self.alerts, 1)

    @property
    def alerts_per_day(self) -> float:
        """Alerts, true or not, per series and day."""
        return self.alerts / max(self.days, 1e-9)

    @property
    def median_delay(self) -> float:
        """Samples from an event's first row to its alert's, over the events found."""
        return float(np.median(self.delays)) if self.delays else float("nan")
