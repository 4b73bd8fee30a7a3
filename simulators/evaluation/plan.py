"""What is tried: spans of simulated days, and the attacks and look-alikes that fall into them (pure).

A seed's *autumn* is the region from 4 October 2024 on; sixty days later, on the day of the real one, the
attacks begin, each on accounts of its own. Its *summer* ends with the second and third wave on accounts
that the first never touched, and with the collusions. In both the events of structures without an
account on the platforms are left out: they explain no access, so that nothing that is concluded of an
account depends on them. A *harvest festival* of look-alikes is told of a smaller region with all its
events, for what is concluded of flows; it ends with outages.

A *beginning* is a quiet region whose watch knows nothing at all of it, on the first fortnight of a
deployment; each begins on another kind of day.

At scale 1 the region has 2,000 accounts on the platforms, 9,000 accesses and 276,000 events a day, of
which 79,000 are left in autumn and summer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

PREDICE_RATES: Final = (60, 74, 735, 7353)
"""Identities per account and day (domain reference §11.3)."""
SHARES: Final = ("network", "client", "rhythm", "order")


@dataclass(frozen=True, slots=True)
class Case:
    """One incident that is asked for.

    Attributes:
        key: the row of the evaluation to which it counts.
        text: as `--attack` takes it.
    """

    key: str
    text: str

    @property
    def start(self) -> date:
        """Its first day, as the text says."""
        return date.fromisoformat(self.text.partition("@")[2][:10])


@dataclass(frozen=True, slots=True)
class Outage:
    """A flow of a sector that falls silent.

    Attributes:
        flow: which.
        sector: whose.
        begin: local day.
        hour: local hour at which it begins.
        hours: length.
        comes_late: whether its source keeps what it cannot send, and sends it afterwards; else it is
            lost.
    """

    flow: str
    sector: str
    day: date
    hour: int
    hours: int
    comes_late: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """Days of a region with incidents in them.

    Attributes:
        name: of the span.
        start: first day.
        enrolment_days: days before the first incident, from which nothing is counted.
        test_days: days after them.
        scale: size of the region.
        cases: what happens.
        newcomer_ratio: share of the accounts that no incident concerns whose accesses begin only
            after the enrolment, so that they are new to a region that is known.
        is_whole: keep the events of structures without an account on the platforms.
        outages: what falls silent.
    """

    name: str
    start: date
    enrolment_days: int
    test_days: int
    scale: float
    cases: tuple[Case, ...]
    newcomer_ratio: float = 0.0
    is_whole: bool = False
    outages: tuple[Outage, ...] = ()

    @property
    def test_start(self) -> date:
        """First day that counts."""
        return self.start + timedelta(days=self.enrolment_days)

    @property
    def days(self) -> int:
        """All days."""
        return self.enrolment_days + self.test_days


_FIRST_WAVE: Final = date(2024, 12, 3)
_SECOND_WAVE: Final = date(2025, 6, 22)
_THIRD_WAVE: Final = date(2025, 7, 11)

_COPIES: Final[dict[str, tuple[int, int, int]]] = {
    # Name: copies, first start and distance of the starts in days after the first wave's.
    "fast-harvest": (6, 0, 7),
    "per-day-100": (8, 0, 6),
    "doubling": (12, 0, 3),
    "plus-50": (12, 0, 3),
    "plus-25": (12, 0, 0),
    "ramp": (8, 0, 0),
    "poisoning": (8, 0, 1),
    "camouflage": (6, 0, 6),
    "takeover": (10, 1, 7),
    "enumeration": (6, 1, 7),
    "enumeration-interleaved": (6, 2, 7),
    "enumeration-shuffled": (6, 3, 7),
    "new-hire": (4, 6, 3),
    "locum": (4, 6, 14),
    "holiday-return": (3, 36, 8),
    "night-shift": (3, 10, 20),
    "night-jobs": (2, 6, 20),
    "care-ramp": (8, 0, 4),
    "search-first": (8, 0, 4),
}


def autumn(scale: float = 1.0, test_days: int = 94) -> Span:
    """The first wave, and every attack on single accounts."""
    cases = [
        Case(f"predice-1-{rate}", f"predice@{_FIRST_WAVE}:identities={rate},waves=1")
        for rate in PREDICE_RATES
    ]
    for name, (copies, first, apart) in _COPIES.items():
        for copy in range(copies):
            day = _FIRST_WAVE + timedelta(days=first + copy * apart)
            cases.append(Case(name, f"{name}@{day}"))
    last = _FIRST_WAVE + timedelta(days=test_days)
    kept = tuple(c for c in cases if c.start < last)
    start = _FIRST_WAVE - timedelta(days=60)
    return Span("autumn", start, 60, test_days, scale, kept, newcomer_ratio=0.2)


def summer(scale: float = 1.0) -> Span:
    """The second and third wave on their own, and the collusions, a week each."""
    cases = [
        Case(f"predice-{wave}-{rate}", f"predice@{day}:identities={rate},waves={wave}")
        for wave, day in ((2, _SECOND_WAVE), (3, _THIRD_WAVE))
        for rate in PREDICE_RATES
    ]
    for week, share in enumerate(SHARES):
        day = _SECOND_WAVE + timedelta(days=1 + 7 * week)
        cases.append(Case(f"collusion-{share}", f"collusion@{day}:share={share},days=7"))
    start = _SECOND_WAVE - timedelta(days=60)
    return Span("summer", start, 60, 32, scale, tuple(cases), newcomer_ratio=0.2)


BEGINNINGS: Final = (
    date(2025, 11, 1),
    date(2025, 9, 8),
    date(2025, 12, 24),
    date(2025, 8, 14),
    date(2025, 5, 8),
    date(2025, 3, 16),
)
"""A holiday on a Saturday; a plain Monday; Christmas Eve; a Thursday before a long weekend in August; a
holiday on a Thursday with a bridge behind it; a Sunday."""
_FORTNIGHT: Final = 14


def beginning(start: date, scale: float = 1.0) -> Span:
    """A new deployment's first days: nothing happens, and nothing is known."""
    return Span("beginning", start, 0, _FORTNIGHT, scale, ())


_FESTIVAL: Final = date(2025, 9, 1)
_LOOKALIKES: Final = (
    ("august-september", 0, ""),
    ("new-hire", 1, ""),
    ("locum", 2, ""),
    ("holiday-return", 21, ""),
    ("night-shift", 8, ""),
    ("night-jobs", 3, ""),
    ("vaccination", 14, ":days=7"),
    ("epidemic", 21, ""),
    ("software-upgrade", 28, ":days=10"),
)


def festival(scale: float = 0.1) -> Span:
    """Every look-alike once, then a week with outages of several flows and hours."""
    cases = tuple(
        Case(name, f"{name}@{_FESTIVAL + timedelta(days=day)}{params}")
        for name, day, params in _LOOKALIKES
    )
    silent = _FESTIVAL + timedelta(days=39)
    outages = (
        Outage("dmp-deposits", "ES", silent, 10, 6, comes_late=True),
        Outage("insi-calls", "PSL", silent + timedelta(days=1), 15, 4),
        Outage("mss-messages", "ES", silent + timedelta(days=2), 2, 8),
        Outage("eprescriptions", "PSL", silent + timedelta(days=3), 9, 6, comes_late=True),
        Outage("platform-accesses", "ES", silent + timedelta(days=4), 9, 10),
    )
    start = _FESTIVAL - timedelta(days=30)
    return Span("festival", start, 30, 45, scale, cases, is_whole=True, outages=outages)
