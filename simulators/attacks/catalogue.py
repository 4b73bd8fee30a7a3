"""All attacks and look-alikes by name, and how one is asked for: `NAME[@START][:PARAM=VALUE,…]`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from simulators.attacks.care_ramp import CareRamp
from simulators.attacks.collusion import Collusion
from simulators.attacks.enumeration import Enumeration
from simulators.attacks.machines import NightJob, Upgrade
from simulators.attacks.params import with_params
from simulators.attacks.poisoning import Poisoning
from simulators.attacks.predice import Predice
from simulators.attacks.search_first import SearchFirst
from simulators.attacks.seasons import Epidemic, SummersEnd, Vaccination
from simulators.attacks.staff import HolidayReturn, Locum, NewHire, NightShift
from simulators.attacks.takeover import Takeover
from simulators.attacks.volume import Camouflage, OwnShare, PerDay
from streams.errors import InputError

if TYPE_CHECKING:
    from simulators.attacks.incident import Story

ATTACKS: Final[dict[str, Story]] = {
    "predice": Predice(),
    "fast-harvest": PerDay(identities=500, days=10, on="every"),
    "per-day-100": PerDay(identities=100, days=45),
    "doubling": OwnShare(share=1.0, days=45),
    "plus-50": OwnShare(share=0.5, days=45),
    "plus-25": OwnShare(share=0.25, days=90),
    "ramp": OwnShare(share=0.0, growth=0.1, days=91),
    "camouflage": Camouflage(),
    "takeover": Takeover(),
    "enumeration": Enumeration(),
    "enumeration-interleaved": Enumeration(form="interleaved"),
    "enumeration-shuffled": Enumeration(form="shuffled"),
    "collusion": Collusion(),
    "poisoning": Poisoning(),
    "care-ramp": CareRamp(),
    "search-first": SearchFirst(),
}
LOOKALIKES: Final[dict[str, Story]] = {
    "epidemic": Epidemic(),
    "new-hire": NewHire(),
    "locum": Locum(),
    "holiday-return": HolidayReturn(),
    "night-shift": NightShift(),
    "vaccination": Vaccination(),
    "software-upgrade": Upgrade(),
    "night-jobs": NightJob(),
    "august-september": SummersEnd(),
}
STORIES: Final[dict[str, Story]] = {**ATTACKS, **LOOKALIKES}

_FORM: Final = re.compile(r"(?P<name>[^@:]*)(?:@(?P<start>[^:]*))?(?::(?P<params>.*))?")


@dataclass(frozen=True, slots=True)
class Wanted:
    """An attack or look-alike as it was asked for.

    Attributes:
        text: the words in which it was asked for.
        name: which.
        start: first day, if given.
        story: what it is, with its parameters.
    """

    text: str
    name: str
    start: date | None
    story: Story


def wanted(text: str) -> Wanted:
    """Read one request.

    Args:
        text: `NAME[@YYYY-MM-DD][:PARAM=VALUE,…]`.

    Raises:
        InputError: no such name, day or parameter, or a value out of its bounds; names it.
    """
    found = _FORM.fullmatch(text)
    name = found["name"] if found else text
    if found is None or name not in STORIES:
        raise InputError(f"--attack: no attack {name!r}; there are: {', '.join(STORIES)}")
    start = None
    if found["start"] is not None:
        try:
            start = date.fromisoformat(found["start"])
        except ValueError:
            raise InputError(f"--attack {name}: not a day (YYYY-MM-DD): {found['start']}") from None
    given: dict[str, str] = {}
    for part in (found["params"] or "").split(",") if found["params"] is not None else ():
        key, equals, value = part.partition("=")
        if not equals:
            raise InputError(f"--attack {name}: not PARAM=VALUE: {part!r}")
        given[key] = value
    return Wanted(text, name, start, with_params(name, STORIES[name], given))
