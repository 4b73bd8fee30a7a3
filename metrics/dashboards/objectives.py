"""*Objectifs*: where the region stands, where it should, and how old the word on it is (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from metrics.dashboards.frame import Board, Row, label_values
from metrics.dashboards.panels import (
    COUNT,
    DAY,
    GREEN,
    GREY,
    ORANGE,
    RATIO,
    RED,
    SECONDS,
    YELLOW,
    Ask,
    gauges,
    levels,
    lines,
    numbers,
    plain,
    texts,
    words,
)
from metrics.dashboards.queries import of_the_region, select
from metrics.dashboards.tables import matrix, sheet

if TYPE_CHECKING:
    from collections.abc import Mapping

_DAY_S: Final = 86_400
_CHOSEN: Final = 'objective="$objective"'
_OLD: Final = 120
"""Days after which a declared figure is old: the monthly snapshot was missed four times."""

_AGE: Final = levels((None, GREEN), (45 * _DAY_S, YELLOW), (_OLD * _DAY_S, ORANGE))
_LEFT: Final = levels((None, GREY), (0, ORANGE), (90 * _DAY_S, GREEN))
_SHARES: Final = levels((None, RED), (0.25, ORANGE), (0.5, YELLOW), (0.75, GREEN))


def _of(metric: str, *matchers: str) -> str:
    """An objective's figure, from whoever knows the region."""
    return of_the_region(select(f"vigie_objective_{metric}", *matchers), "objective")


_ALL_DEADLINES: Final = _of("deadline_timestamp_seconds")

_SUMMARY: Final = Row(
    "Où en est la région",
    [
        numbers(
            "En bonne voie ou atteints",
            "Objectifs dont la valeur est au moins celle qu'exige aujourd'hui le chemin droit de leur"
            " point de départ à leur cible.",
            [Ask(f"count({_of('off_track')} == 0) or vector(0)")],
            unit=COUNT,
            decimals=0,
            limits=plain(GREEN),
            sparkline=False,
        ),
        numbers(
            "En retard ou manqués",
            "Objectifs en dessous du chemin de leur cible, ou dont l'échéance est passée sans elle.",
            [Ask(f"count({_of('off_track')} == 1) or vector(0)")],
            unit=COUNT,
            decimals=0,
            limits=levels((None, GREEN), (1, ORANGE)),
            sparkline=False,
            runbook="vigieobjectiveofftrack",
        ),
        numbers(
            "Avec échéance, mais sans jugement",
            "Objectifs dont la valeur, le dénominateur ou la cible manque : déclarez-les avec"
            " « vigie declare ». Aucune part n'est montrée sans son dénominateur.",
            [Ask(f"count({_ALL_DEADLINES} unless {_of('off_track')}) or vector(0)")],
            unit=COUNT,
            decimals=0,
            limits=levels((None, GREEN), (1, YELLOW)),
            sparkline=False,
        ),
        numbers(
            f"Chiffres de plus de {_OLD} jours",
            "Objectifs dont la dernière valeur, mesurée ou déclarée, a vieilli.",
            [
                Ask(
                    f"count(time() - {_of('updated_timestamp_seconds')} > {_OLD * _DAY_S})"
                    " or vector(0)"
                )
            ],
            unit=COUNT,
            decimals=0,
            limits=levels((None, GREEN), (1, YELLOW)),
            sparkline=False,
            runbook="vigieobjectivestale",
        ),
    ],
)

_ONE: Final = Row(
    "L'objectif choisi : $objective",
    [
        numbers(
            "Valeur",
            "Numérateur rapporté au dénominateur.",
            [Ask(_of("ratio", _CHOSEN), "valeur"), Ask(_of("target_ratio", _CHOSEN), "cible")],
            unit=RATIO,
            decimals=1,
            sparkline=False,
        ),
        numbers(
            "Numérateur et dénominateur",
            "Ce qui est compté, et à quoi il est rapporté, chacun dans son unité.",
            [
                Ask(_of("numerator", _CHOSEN), "numérateur"),
                Ask(_of("denominator", _CHOSEN), "dénominateur"),
            ],
            unit=COUNT,
            decimals=0,
            sparkline=False,
        ),
        numbers(
            "Temps restant",
            "Jusqu'à la fin du dernier jour de l'objectif ; négatif une fois l'échéance passée.",
            [Ask(f"{_of('deadline_timestamp_seconds', _CHOSEN)} - time()")],
            unit=SECONDS,
            decimals=0,
            limits=_LEFT,
            sparkline=False,
            runbook="vigieobjectivedeadlinenear",
        ),
        numbers(
            "Âge du chiffre",
            "Depuis la fin du mois mesuré ou du jour déclaré.",
            [Ask(f"time() - {_of('updated_timestamp_seconds', _CHOSEN)}")],
            unit=SECONDS,
            decimals=0,
            limits=_AGE,
            sparkline=False,
            runbook="vigieobjectivestale",
        ),
        lines(
            "Valeur, chemin et cible dans le temps",
            "La valeur, le point où se trouve le chemin droit vers la cible, et la cible.",
            [
                Ask(_of("ratio", _CHOSEN), "valeur"),
                Ask(_of("required_ratio", _CHOSEN), "exigé", dashed=True),
                Ask(_of("target_ratio", _CHOSEN), "cible", dashed=True),
            ],
            unit=RATIO,
            span=14,
            runbook="vigieobjectiveofftrack",
        ),
        gauges(
            "Par département",
            "L'objectif choisi dans chaque département dont le dénominateur est connu.",
            [
                Ask(
                    of_the_region(
                        select("vigie_objective_department_ratio", _CHOSEN), "department"
                    ),
                    "{{department}}",
                )
            ],
            unit=RATIO,
            span=10,
            limits=plain(),
        ),
    ],
)


def _table(names: Mapping[str, str]) -> Row:
    """Every objective on a line of its own, by the name that readers know."""
    return Row(
        "Tous les objectifs",
        [
            sheet(
                "Valeur, chemin et cible",
                "Une ligne par objectif ; un clic sur son nom le choisit plus bas. « Exigé » est le"
                " point où se trouve aujourd'hui le chemin droit vers la cible. L'écart est en points ;"
                " pour un objectif qui doit baisser (accès par mot de passe seul), un écart positif est"
                " un retard : l'état en tient compte.",
                {
                    "Numérateur": Ask(_of("numerator")),
                    "Dénominateur": Ask(_of("denominator")),
                    "Valeur": Ask(_of("ratio")),
                    "Exigé": Ask(_of("required_ratio")),
                    "Cible": Ask(_of("target_ratio")),
                    "Écart à l'exigé": Ask(f"{_of('ratio')} - {_of('required_ratio')}"),
                    "État": Ask(_of("off_track")),
                    "Échéance": Ask(f"{_ALL_DEADLINES} * 1000"),
                    "Temps restant": Ask(f"{_ALL_DEADLINES} - time()"),
                    "Âge du chiffre": Ask(f"time() - {_of('updated_timestamp_seconds')}"),
                },
                key="objective",
                key_title="Objectif",
                units={
                    "Numérateur": COUNT,
                    "Dénominateur": COUNT,
                    "Valeur": RATIO,
                    "Exigé": RATIO,
                    "Cible": RATIO,
                    "Écart à l'exigé": RATIO,
                    "État": COUNT,
                    "Échéance": DAY,
                    "Temps restant": SECONDS,
                    "Âge du chiffre": SECONDS,
                },
                limits={
                    "Temps restant": _LEFT,
                    "Âge du chiffre": _AGE,
                    "État": levels((None, GREEN), (1, ORANGE)),
                },
                mappings={
                    "Objectif": texts(names),
                    "État": words({"0": ("en bonne voie", GREEN), "1": ("en retard", ORANGE)}),
                },
                sort="État",
                height=18,
                link=(
                    "Choisir cet objectif",
                    "/d/vigie-objectifs?var-objective=${__value.raw}&${datasource:queryparam}",
                ),
            ),
        ],
    )


def _departments(names: Mapping[str, str]) -> Row:
    """Every objective by department."""
    return Row(
        "Départements",
        [
            matrix(
                "Objectifs par département",
                "Part atteinte par département, pour les objectifs dont le dénominateur est connu par"
                " département. Les couleurs disent la part, non le retard.",
                Ask(of_the_region("vigie_objective_department_ratio", "objective, department")),
                row="objective",
                column="department",
                unit=RATIO,
                span=24,
                limits=_SHARES,
                names=texts(names),
            ),
        ],
    )


def board(names: Mapping[str, str]) -> Board:
    """The dashboard.

    Args:
        names: by objective, how readers call it; others are called by their ids.
    """
    return Board(
        uid="vigie-objectifs",
        title="Vigie · Objectifs",
        description="Chaque objectif régional : sa valeur, ce qu'exige son chemin aujourd'hui, sa cible,"
        " son échéance et l'âge de son chiffre.",
        refresh="5m",
        since="now-30d",
        variables=[
            label_values(
                "objective",
                "objective",
                '{__name__=~"vigie_objective_(numerator|ratio|target_ratio)"}',
                "Objectif",
                "L'objectif montré en détail.",
                many=False,
            ),
        ],
        rows=[_SUMMARY, _table(names), _ONE, _departments(names)],
    )
