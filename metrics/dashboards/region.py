"""*Région*: how much flows where, today and on the same weekday before (pure)."""

from __future__ import annotations

from typing import Final

from metrics.dashboards.frame import Board, Row, choice, flows, label_values
from metrics.dashboards.panels import (
    COUNT,
    EVENTS_PER_S,
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
    DEPARTMENT,
    FLOW,
    SECTOR,
    WEEK_AGO,
    counter_rate,
    event_rate,
    failures,
    increase,
    ins_statuses,
    insi_results,
    of_the_region,
    select,
)
from metrics.dashboards.tables import matrix
from streams.vocabulary import SECTORS

_WINDOW: Final = "$window"
_PLACES: Final = (FLOW, SECTOR, DEPARTMENT)
_CHANGE: Final = levels((None, RED), (-0.5, ORANGE), (-0.25, GREEN), (0.5, YELLOW), (1.0, ORANGE))
_FAILURES: Final = levels((None, GREEN), (0.05, YELLOW), (0.15, ORANGE), (0.3, RED))


def _change(window: str, *matchers: str, by: str) -> str:
    """How far a rate is from that of a week ago, as a share of that."""
    now = event_rate(window, *matchers, by=by)
    before = event_rate(window, *matchers, by=by, ago=WEEK_AGO)
    return f"{now} / ({before} > 0) - 1"


def _active(metric: str, by: str, window: str) -> str:
    """Distinct accounts or structures; not to be added up over flows or sectors."""
    return of_the_region(select(metric, f'window="{window}"', FLOW, SECTOR), by)


_NOW: Final = Row(
    "Maintenant",
    [
        numbers(
            "Débit par flux",
            "Événements par seconde de temps d'événement sur la fenêtre choisie, toute la région.",
            [Ask(event_rate(_WINDOW, *_PLACES, by="flow"), "{{flow}}")],
            unit=EVENTS_PER_S,
            span=12,
            decimals=2,
        ),
        numbers(
            "Écart avec la semaine passée",
            "Débit de la dernière heure rapporté à celui de la même heure du même jour, une semaine"
            " avant. -50 % : la moitié du trafic habituel manque. Un jour férié se voit aussi.",
            [Ask(_change("1h", *_PLACES, by="flow"), "{{flow}}")],
            unit=RATIO,
            span=12,
            decimals=0,
            limits=_CHANGE,
            sparkline=False,
            runbook="vigieflowsilent",
        ),
        numbers(
            "Événements comptés",
            "Événements de la période affichée, comptés une fois chacun, au dernier point de reprise"
            " confirmé.",
            [Ask(increase("vigie_events_total", FLOW, SECTOR, by="flow"), "{{flow}}")],
            unit=COUNT,
            span=12,
            decimals=0,
            sparkline=False,
        ),
        numbers(
            "Part d'échecs, dernière heure",
            "Part des événements en échec sur la dernière heure de temps d'événement, toute la région.",
            [Ask(failures("1h", FLOW, SECTOR, by="flow"), "{{flow}}")],
            unit=RATIO,
            span=12,
            decimals=1,
            limits=_FAILURES,
            runbook="vigiefailureratio",
        ),
    ],
)

_COURSE: Final = Row(
    "Flux : aujourd'hui et le même jour de la semaine passée",
    [
        lines(
            "$flow",
            "Débit du flux sur la fenêtre choisie. En tirets, la même heure du même jour, une semaine"
            " avant ; une semaine fait 168 heures, d'où une heure d'écart après un changement d'heure.",
            [
                Ask(event_rate(_WINDOW, *_PLACES), "aujourd'hui"),
                Ask(event_rate(_WINDOW, *_PLACES, ago=WEEK_AGO), "semaine passée", dashed=True),
            ],
            unit=EVENTS_PER_S,
            span=8,
            repeat="flow",
            runbook="vigieflowsilent",
        ),
    ],
)

_SECTORS: Final = Row(
    "Secteurs et couloirs",
    [
        matrix(
            "Flux par secteur",
            "Événements par seconde sur la fenêtre choisie, par flux et secteur administratif de"
            " l'appelant. Vide : rien n'a jamais été vu.",
            Ask(event_rate(_WINDOW, *_PLACES, by="flow, sector")),
            row="flow",
            column="sector",
            unit=EVENTS_PER_S,
        ),
        matrix(
            "Écart avec la semaine passée, par secteur",
            "Débit de la dernière heure rapporté à celui de la même heure du même jour, une semaine"
            " avant. Vide : il n'y avait rien à comparer.",
            Ask(_change("1h", *_PLACES, by="flow, sector")),
            row="flow",
            column="sector",
            unit=RATIO,
            limits=_CHANGE,
        ),
        lines(
            "Débit par secteur",
            "Événements par seconde sur la fenêtre choisie, flux choisis ensemble.",
            [Ask(event_rate(_WINDOW, *_PLACES, by="sector"), "{{sector}}")],
            unit=EVENTS_PER_S,
            stack=True,
        ),
        lines(
            "Débit par couloir",
            "Événements par seconde sur la fenêtre choisie, par couloir du Ségur.",
            [Ask(event_rate(_WINDOW, *_PLACES, by="couloir"), "{{couloir}}")],
            unit=EVENTS_PER_S,
            stack=True,
        ),
        lines(
            "Événements comptés par issue",
            "Augmentation des compteurs au mur : ce qui arrive, en retard ou non. Une source coupée"
            " puis rétablie fait un creux et un pic.",
            [Ask(counter_rate("vigie_events_total", FLOW, SECTOR, by="outcome"), "{{outcome}}")],
            unit=EVENTS_PER_S,
            span=24,
            stack=True,
        ),
    ],
)

_TERRITORIES: Final = Row(
    "Territoires",
    [
        gauges(
            "Débit par département, 24 heures",
            "Événements par seconde sur 24 heures glissantes. HORS_REGION : structures d'ailleurs.",
            [Ask(event_rate("24h", *_PLACES, by="department"), "{{department}}")],
            unit=EVENTS_PER_S,
        ),
        lines(
            "Débit par département",
            "Événements par seconde sur la fenêtre choisie.",
            [Ask(event_rate(_WINDOW, *_PLACES, by="department"), "{{department}}")],
            unit=EVENTS_PER_S,
            span=16,
        ),
        matrix(
            "Flux par département",
            "Événements par seconde sur 24 heures glissantes.",
            Ask(event_rate("24h", *_PLACES, by="department, flow")),
            row="department",
            column="flow",
            unit=EVENTS_PER_S,
        ),
        matrix(
            "Écart avec la semaine passée, par département",
            "Débit de 24 heures rapporté à celui des mêmes 24 heures, une semaine avant.",
            Ask(_change("24h", *_PLACES, by="department, flow")),
            row="department",
            column="flow",
            unit=RATIO,
            limits=_CHANGE,
        ),
    ],
)

_WHO: Final = Row(
    "Comptes et structures",
    [
        matrix(
            "Comptes distincts du mois",
            "Comptes distincts du mois civil (Europe/Paris), par flux et secteur. Les petits effectifs"
            " sont masqués. Ne s'additionne pas : un compte peut servir dans deux secteurs.",
            Ask(_active("vigie_active_accounts", "flow, sector", "month")),
            row="flow",
            column="sector",
            unit=COUNT,
            span=8,
        ),
        matrix(
            "Comptes distincts du mois précédent",
            "Comptes distincts du dernier mois civil complet, par flux et secteur.",
            Ask(_active("vigie_active_accounts", "flow, sector", "previous_month")),
            row="flow",
            column="sector",
            unit=COUNT,
            span=8,
        ),
        matrix(
            "Structures distinctes du mois",
            "Structures distinctes du mois civil (Europe/Paris), par flux et secteur. Les petits"
            " effectifs sont masqués.",
            Ask(_active("vigie_active_structures", "flow, sector", "month")),
            row="flow",
            column="sector",
            unit=COUNT,
            span=8,
        ),
        lines(
            "Comptes distincts du jour",
            "Comptes distincts depuis minuit (Europe/Paris) : la courbe monte, puis repart de zéro."
            " Les petits effectifs sont masqués.",
            [Ask(_active("vigie_active_accounts", "flow, sector", "day"), "{{flow}} {{sector}}")],
            unit=COUNT,
        ),
        lines(
            "Structures distinctes du jour",
            "Structures distinctes depuis minuit (Europe/Paris). Les petits effectifs sont masqués.",
            [Ask(_active("vigie_active_structures", "flow, sector", "day"), "{{flow}} {{sector}}")],
            unit=COUNT,
        ),
    ],
)

_QUALITY: Final = Row(
    "Échecs et identité",
    [
        lines(
            "Part d'échecs par flux et secteur",
            "Part des événements en échec sur la fenêtre choisie ; sans événement, pas de valeur.",
            [Ask(failures(_WINDOW, FLOW, SECTOR, by="flow, sector"), "{{flow}} {{sector}}")],
            unit=RATIO,
            limits=levels((None, GREEN), (0.15, ORANGE)),
            runbook="vigiefailureratio",
        ),
        lines(
            "Réponses du téléservice INSi",
            "Part de chaque code retour sur une heure. R00 : identité trouvée ; R01 : aucune ; R02 :"
            " plusieurs.",
            [Ask(insi_results("1h"), "{{outcome_code}}")],
            unit=RATIO,
            span=6,
            stack=True,
        ),
        lines(
            "Statut INS des dépôts DMP",
            "Part des dépôts par statut de confiance de l'identité, sur 24 heures. QUAL : identité"
            " qualifiée.",
            [Ask(ins_statuses("24h"), "{{ins_status}}")],
            unit=RATIO,
            span=6,
            stack=True,
        ),
    ],
)

REGION: Final = Board(
    uid="vigie-region",
    title="Vigie · Région",
    description="Ce qui s'échange dans la région, par flux, secteur, couloir et département, comparé au"
    " même jour de la semaine passée.",
    refresh="30s",
    since="now-24h",
    variables=[
        flows(),
        choice(
            "sector",
            {name: name for name in SECTORS},
            "Secteur",
            "Secteurs administratifs à montrer.",
        ),
        label_values(
            "department",
            "department",
            "vigie_event_rate",
            "Département",
            "Départements des structures ; HORS_REGION pour toutes les autres.",
        ),
        choice(
            "window",
            {"1m": "1 minute", "5m": "5 minutes", "1h": "1 heure", "24h": "24 heures"},
            "Fenêtre",
            "Fenêtre glissante des débits et des parts.",
            many=False,
            first="1h",
        ),
    ],
    rows=[_NOW, _COURSE, _SECTORS, _TERRITORIES, _WHO, _QUALITY],
)
