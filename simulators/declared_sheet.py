"""What the simulated region would declare: a sheet of invented monthly figures, marked so (pure).

Every objective that no flow can measure gets half a year of snapshots, so that each state can be seen:
reached, on its way, behind, missed. Sizes are the region's order of magnitude where the domain reference
has one (inhabitants, CPAM territories, structures); everything else is invented.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np

from simulators.population import DEPARTMENTS, GROUPS, INHABITANTS
from simulators.pseudonyms import salt_of, uniform

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HEAD: Final = "indicateur;mois;portee;numerateur;denominateur;taux;source"
SOURCE: Final = "Région simulée, valeurs inventées"
MONTHS: Final = 6
"""Snapshots of each monthly indicator: the months that are over last."""

_WEIGHTS: Final = {
    department: people / sum(INHABITANTS)
    for department, people in zip(DEPARTMENTS, INHABITANTS, strict=True)
}
_STRUCTURES: Final = {
    group.couloir: group.structures for group in GROUPS if group.sector != "SOCIAL"
}
_DOCTORS: Final = {
    "AISNE": 258,
    "FLANDRES": 279,
    "LILLE_DOUAI": 617,
    "ROUBAIX_TOURCOING": 378,
    "HAINAUT": 375,
    "OISE": 328,
    "COTE_OPALE": 344,
    "ARTOIS": 504,
    "SOMME": 407,
}
"""Town doctors by CPAM territory (domain reference §1.4)."""
_PHARMACIES: Final = {
    "AISNE": 163,
    "FLANDRES": 153,
    "LILLE_DOUAI": 294,
    "ROUBAIX_TOURCOING": 173,
    "HAINAUT": 238,
    "OISE": 213,
    "COTE_OPALE": 185,
    "ARTOIS": 288,
    "SOMME": 181,
}


@dataclass(frozen=True, slots=True)
class Course:
    """How one indicator went.

    Attributes:
        size: denominator of the whole.
        first: ratio of the first snapshot.
        last: ratio of the last.
        shares: the parts that are declared beside the whole, by their share of it.
    """

    size: int
    first: float
    last: float
    shares: Mapping[str, float]


def _shares(sizes: Mapping[str, int]) -> dict[str, float]:
    return {name: size / sum(sizes.values()) for name, size in sizes.items()}


_NONE: Final[dict[str, float]] = {}
_MONTHLY: Final = {
    "mes_activation_2026": Course(5_400_000, 0.472, 0.533, _WEIGHTS),
    "appli_carte_vitale": Course(5_400_000, 0.060, 0.118, _WEIGHTS),
    "es_accompagnement_usagers": Course(_STRUCTURES["HOPITAL"], 0.58, 0.81, _NONE),
    "ins_taux_qualification": Course(4_100_000, 0.861, 0.902, _NONE),
    "pco_prise_en_main": Course(16, 0.50, 0.94, _NONE),
    "prado_viatrajectoire": Course(2_300, 0.52, 0.74, _WEIGHTS),
    "ror_qualite": Course(3_150, 0.83, 0.955, _WEIGHTS),
    "vigilans_eparcours": Course(310, 0.90, 1.0, _NONE),
    "cyber_exercice_esms_2026": Course(2_471, 0.011, 0.037, _NONE),
    "ssi_observatoire": Course(1_920, 0.66, 0.79, _NONE),
    "crrc_avancement": Course(100, 0.62, 0.88, _NONE),
    "hopen2_taux_moyen": Course(190, 0.66, 0.78, _NONE),
    "visites_medecins": Course(3_490, 0.68, 0.83, _shares(_DOCTORS)),
    "visites_officines": Course(1_888, 0.76, 0.91, _shares(_PHARMACIES)),
}
_ONCE: Final = (
    # Objectives of May 2025 and before, as they ended.
    ("mes_activation_2024", date(2024, 12, 31), 1_512_000, 5_400_000),
    ("mes_activation_mai_2025", date(2025, 5, 31), 1_750_000, 5_400_000),
    ("mes_activation_2025", date(2025, 12, 31), 2_214_000, 5_400_000),
    ("mes_sensibilisation", date(2025, 5, 31), 1_500, 1_500),
    ("mes_consultation_es", date(2025, 5, 31), 97, _STRUCTURES["HOPITAL"]),
    ("parcours_patients", date(2025, 5, 31), 3, 3),
    ("cyber_exercice_es", date(2025, 5, 31), 262, _STRUCTURES["HOPITAL"]),
    ("cyber_exercice_esms_2025", date(2025, 5, 31), 71, 2_223),
)
_MEDICALISED_RATIO: Final = 0.55


def declared_sheet(seed: int, today: date) -> str:
    """A sheet as `vigie declare` takes it, of what is over on a day.

    Args:
        seed: of the simulated region; moves every figure a little.
        today: nothing later is declared.
    """
    lines = [HEAD, *_stocks(today)]
    lines += [
        _line(name, as_of, "REGION", numerator, denominator)
        for name, as_of, numerator, denominator in _ONCE
        if as_of <= today
    ]
    for name, course in _MONTHLY.items():
        for number, as_of in enumerate(_months_before(today)):
            lines += _snapshot(seed, name, course, number, as_of)
    return "\n".join(lines) + "\n"


def _stocks(today: date) -> Iterator[str]:
    as_of = _months_before(today)[-1]
    yield _line("etablissements_sante", as_of, "REGION", _STRUCTURES["HOPITAL"], None)
    yield _line("laboratoires", as_of, "REGION", _STRUCTURES["LABO_BIOLOGIE"], None)
    esms = round(_STRUCTURES["MEDICO_SOCIAL"] * _MEDICALISED_RATIO)
    yield _line("esms_medicalises", as_of, "REGION", esms, None)


def _snapshot(seed: int, name: str, course: Course, number: int, as_of: date) -> Iterator[str]:
    way = course.first + (course.last - course.first) * number / (MONTHS - 1)
    parts: list[tuple[str, int, int]] = []
    for place, (part, share) in enumerate(course.shares.items()):
        out_of = round(course.size * share)
        # A tenth of the way's length to either side, and always the same for the same seed.
        draw = float(uniform(np.array([place], np.int64), salt_of(seed, name))[0]) - 0.5
        ratio = min(1.0, max(0.0, way + 0.2 * draw * (1 - way)))
        parts.append((part, round(out_of * ratio), out_of))
    if parts:
        total = (sum(counted for _, counted, _ in parts), sum(out_of for *_, out_of in parts))
    else:
        total = (round(course.size * way), course.size)
    yield _line(name, as_of, "REGION", *total)
    for part, counted, out_of in parts:
        yield _line(name, as_of, part, counted, out_of)


def _line(name: str, as_of: date, place: str, numerator: int, denominator: int | None) -> str:
    out_of = "" if denominator is None else str(denominator)
    return f"{name};{as_of.isoformat()};{place};{numerator};{out_of};;{SOURCE}"


def _months_before(today: date) -> list[date]:
    """The last days of the months that are over, the oldest first."""
    present = today.year * 12 + today.month - 1
    return [
        date(year, number + 1, calendar.monthrange(year, number + 1)[1])
        for year, number in (divmod(present - back, 12) for back in range(MONTHS, 0, -1))
    ]
