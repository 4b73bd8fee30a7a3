"""How people prove who they are, and how much they look up beside their peers (pure)."""

from __future__ import annotations

from typing import Final

from metrics.dashboards.frame import Row
from metrics.dashboards.panels import (
    COUNT,
    GREEN,
    ORANGE,
    RATIO,
    RED,
    YELLOW,
    Ask,
    gauges,
    levels,
    lines,
    numbers,
)
from metrics.dashboards.queries import (
    WEEK_AGO,
    authentication,
    event_rate,
    of_the_region,
    select,
)
from metrics.dashboards.tables import matrix

_ACCESSES: Final = 'flow="platform-accesses"'
_ONE_FACTOR: Final = "PWD_ONLY"
_SHARE: Final = levels((None, GREEN), (0.1, YELLOW), (0.3, ORANGE), (0.5, RED))
_DAY_S: Final = 86_400


def _mean_per_account(flow: str) -> str:
    """Events of a day per account of the month, by sector.

    In a month's first days the month before tells how many accounts there are.
    """
    own = f'flow="{flow}"'
    months = 'window=~"month|previous_month"'
    accounts = of_the_region(select("vigie_active_accounts", own, months), "sector")
    return f"{event_rate('24h', own, by='sector')} * {_DAY_S} / {accounts}"


def _against_peers(flow: str) -> str:
    """How a department's day compares with a week ago, held against the region's."""
    own = f'flow="{flow}"'
    here = (
        f"{event_rate('24h', own, by='department')}"
        f" / ({event_rate('24h', own, by='department', ago=WEEK_AGO)} > 0)"
    )
    region = f"{event_rate('24h', own)} / ({event_rate('24h', own, ago=WEEK_AGO)} > 0)"
    return f"{here} / on () group_left () ({region})"


AUTHENTICATION: Final = Row(
    "Authentification",
    [
        numbers(
            "Accès par mot de passe seul",
            "Part des accès aux plateformes sans second facteur, sur 24 heures : la porte par laquelle"
            " entrent les comptes volés.",
            [Ask(authentication("24h", _ACCESSES, method=_ONE_FACTOR))],
            unit=RATIO,
            decimals=1,
            limits=_SHARE,
            runbook="vigiepasswordonlyrising",
        ),
        gauges(
            "Moyens d'authentification des accès, 24 heures",
            "Part de chaque moyen parmi les accès aux plateformes, toute la région.",
            [Ask(f"{authentication('24h', _ACCESSES)} > 0", "{{auth_method}}")],
            unit=RATIO,
            span=9,
            high=1.0,
        ),
        lines(
            "Mot de passe seul, et la semaine passée",
            "Part des accès sans second facteur sur 24 heures. En tirets, une semaine avant.",
            [
                Ask(authentication("24h", _ACCESSES, method=_ONE_FACTOR), "aujourd'hui"),
                Ask(
                    authentication("24h", _ACCESSES, method=_ONE_FACTOR, ago=WEEK_AGO),
                    "semaine passée",
                    dashed=True,
                ),
            ],
            unit=RATIO,
            span=9,
            limits=_SHARE,
            runbook="vigiepasswordonlyrising",
        ),
        lines(
            "Moyens d'authentification des accès",
            "Part de chaque moyen sur une heure ; sans accès, pas de valeur.",
            [Ask(authentication("1h", _ACCESSES), "{{auth_method}}")],
            unit=RATIO,
            stack=True,
        ),
        matrix(
            "Moyens d'authentification par flux",
            "Part de chaque moyen sur 24 heures, par flux.",
            Ask(f"{authentication('24h')} > 0"),
            row="flow",
            column="auth_method",
            unit=RATIO,
        ),
    ],
)

PEERS: Final = Row(
    "Entre pairs",
    [
        lines(
            "Accès par compte et par secteur",
            "Accès aux plateformes sur 24 heures, rapportés aux comptes distincts du mois. Un secteur"
            " qui s'éloigne des autres consulte plus, à effectif égal.",
            [Ask(_mean_per_account("platform-accesses"), "{{sector}}")],
            unit=COUNT,
            span=8,
        ),
        lines(
            "Appels INSi par compte et par secteur",
            "Appels INSi sur 24 heures, rapportés aux comptes distincts du mois.",
            [Ask(_mean_per_account("insi-calls"), "{{sector}}")],
            unit=COUNT,
            span=8,
        ),
        lines(
            "Départements rapportés à la région",
            "Évolution des accès d'un département en une semaine, rapportée à celle de la région. 1 :"
            " comme ses pairs ; 2 : deux fois plus qu'eux.",
            [Ask(_against_peers("platform-accesses"), "{{department}}")],
            unit="none",
            span=8,
            limits=levels((None, GREEN), (2, ORANGE)),
        ),
    ],
)
