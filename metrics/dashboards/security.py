"""*Sécurité*: what was found, how people authenticate, and who is told (pure)."""

from __future__ import annotations

from typing import Final

from metrics.dashboards.access_rows import AUTHENTICATION, PEERS
from metrics.dashboards.audit_rows import ACCESS
from metrics.dashboards.frame import Board, Row, choice
from metrics.dashboards.panels import (
    COUNT,
    GREEN,
    ORANGE,
    PER_S,
    RATIO,
    RED,
    SECONDS,
    SEVERITY_COLORS,
    YELLOW,
    Ask,
    levels,
    lines,
    numbers,
)
from metrics.dashboards.queries import (
    DETECTOR,
    SEVERITY,
    counter_rate,
    findings,
    increase,
    of_the_region,
    steps,
)
from metrics.dashboards.tables import matrix
from metrics.labels import FINDING_DETECTORS, SEVERITIES

_OF_FLOWS: Final = ("spike", "drop", "level_shift", "outage", "flooding")
_OF_ACCOUNTS: Final = f'detector!~"{"|".join(_OF_FLOWS)}"'
_FOUND: Final = findings("vigie_findings_total", _OF_ACCOUNTS)
_CHOSEN: Final = (DETECTOR, SEVERITY)


_NOW: Final = Row(
    "Constats en cours",
    [
        numbers(
            "Ouverts par gravité",
            "Constats ouverts ou confirmés, à leur gravité présente. La page en direct donne leurs"
            " raisons.",
            [Ask(findings("vigie_findings_open", *_CHOSEN, by="severity"), "{{severity}}")],
            unit=COUNT,
            span=12,
            decimals=0,
            colors=SEVERITY_COLORS,
            runbook="constats",
        ),
        numbers(
            "Sans verdict par gravité",
            "Constats ouverts qu'aucun analyste n'a encore jugés.",
            [Ask(findings("vigie_findings_unjudged", *_CHOSEN, by="severity"), "{{severity}}")],
            unit=COUNT,
            span=12,
            decimals=0,
            colors=SEVERITY_COLORS,
            runbook="vigiefindingunjudged",
        ),
        lines(
            "Constats ouverts",
            "Constats ouverts ou confirmés, par gravité, dans le temps.",
            [Ask(findings("vigie_findings_open", *_CHOSEN, by="severity"), "{{severity}}")],
            unit=COUNT,
            stack=True,
            colors=SEVERITY_COLORS,
        ),
        matrix(
            "Ouverts par détecteur et gravité",
            "Constats ouverts ou confirmés, selon le détecteur qui mène.",
            Ask(f"{findings('vigie_findings_open', *_CHOSEN, by='detector, severity')} > 0"),
            row="detector",
            column="severity",
            unit=COUNT,
        ),
    ],
)

_OPENED: Final = Row(
    "Ce qui a été trouvé",
    [
        lines(
            "Constats par détecteur",
            "Constats qui se sont ouverts, une fois chacun, par pas de temps.",
            [
                Ask(
                    steps("vigie_findings_total", *_CHOSEN, by="detector"),
                    "{{detector}}",
                )
            ],
            unit=COUNT,
            bars=True,
            stack=True,
        ),
        lines(
            "Constats aggravés",
            "Constats devenus plus graves qu'ils ne l'avaient jamais été, à la gravité atteinte, par"
            " pas de temps.",
            [
                Ask(
                    steps("vigie_findings_raised_total", *_CHOSEN, by="severity"),
                    "{{severity}}",
                )
            ],
            unit=COUNT,
            bars=True,
            stack=True,
            colors=SEVERITY_COLORS,
        ),
        matrix(
            "Ouverts sur la période, par détecteur",
            "Constats qui se sont ouverts sur la période affichée, à la gravité de leur ouverture."
            " Additionnés à ceux aggravés en CRITICAL, tous ceux qui le sont devenus.",
            Ask(f"{increase('vigie_findings_total', *_CHOSEN, by='detector, severity')} > 0.5"),
            row="detector",
            column="severity",
            unit=COUNT,
            span=8,
        ),
        matrix(
            "Ouverts sur la période, par secteur",
            "Les mêmes par secteur administratif du compte ou du flux.",
            Ask(f"{increase('vigie_findings_total', *_CHOSEN, by='sector, severity')} > 0.5"),
            row="sector",
            column="severity",
            unit=COUNT,
            span=8,
        ),
        matrix(
            "Aggravés sur la période",
            "Constats devenus plus graves sur la période affichée, à la gravité atteinte.",
            Ask(
                f"{increase('vigie_findings_raised_total', *_CHOSEN, by='detector, severity')} > 0.5"
            ),
            row="detector",
            column="severity",
            unit=COUNT,
            span=8,
        ),
    ],
)

_TRUST: Final = Row(
    "Peut-on s'y fier ?",
    [
        numbers(
            "Constats de comptes, trouvés",
            "Constats sur des comptes ouverts depuis que l'état des partitions a commencé. Ceux des"
            " flux (pannes, pics) n'en sont pas.",
            [Ask(_FOUND)],
            unit=COUNT,
            span=5,
            decimals=0,
        ),
        numbers(
            "Attendus à tort, au plus",
            "Constats que le même nombre de journées calmes ouvrirait : une borne. Rapportée aux"
            " constats trouvés, elle borne la part des faux.",
            [Ask("sum(vigie_findings_expected_false)")],
            unit=COUNT,
            span=5,
            decimals=2,
            runbook="vigiefalsefindingsexpected",
        ),
        numbers(
            "Part de faux, au plus",
            "Attendus à tort rapportés aux constats de comptes trouvés.",
            [Ask(f"clamp_max(sum(vigie_findings_expected_false) / ({_FOUND} > 0), 1)")],
            unit=RATIO,
            span=5,
            decimals=0,
            limits=levels((None, GREEN), (0.3, YELLOW), (0.6, ORANGE)),
        ),
        numbers(
            "Journées de comptes jugées",
            "Journées de comptes jugées jusqu'à leur terme depuis que l'état a commencé.",
            [Ask("sum(vigie_watched_account_days)")],
            unit=COUNT,
            span=5,
            decimals=0,
        ),
        numbers(
            "Verdicts pris en compte",
            "Verdicts d'analystes sur des constats de comptes depuis que l'état a commencé ; « sans"
            " suite » : sur des constats que la partition ne connaît pas, ou plus.",
            [
                Ask("sum(vigie_verdicts_taken)", "pris en compte"),
                Ask("sum(vigie_verdicts_unknown)", "sans suite"),
            ],
            unit=COUNT,
            span=4,
            decimals=0,
        ),
        lines(
            "Trouvés et attendus à tort",
            "Les deux cumulés : l'écart entre les courbes est ce que la surveillance apporte.",
            [
                Ask(_FOUND, "trouvés"),
                Ask("sum(vigie_findings_expected_false)", "attendus à tort, au plus", dashed=True),
            ],
            unit=COUNT,
        ),
        lines(
            "Journées de comptes jugées, par partition",
            "Une partition dont la courbe s'arrête n'est plus surveillée.",
            [Ask("sum by (partition) (vigie_watched_account_days)", "partition {{partition}}")],
            unit=COUNT,
        ),
    ],
)

_TOLD: Final = Row(
    "Transmission à Alertmanager",
    [
        numbers(
            "Dernière transmission acceptée",
            "Depuis qu'un Alertmanager a pris des alertes pour la dernière fois ; tant qu'un constat est"
            " ouvert, elles sont répétées chaque minute.",
            [
                Ask(
                    "time() - max by (alertmanager) (vigie_alert_push_timestamp_seconds)",
                    "Alertmanager {{alertmanager}}",
                )
            ],
            unit=SECONDS,
            decimals=0,
            limits=levels((None, GREEN), (180, YELLOW), (600, RED)),
            runbook="vigiealertpushfailing",
        ),
        numbers(
            "Alertes en attente",
            "Alertes avec du nouveau qu'un Alertmanager n'a pas encore prises.",
            [Ask("max by (alertmanager) (vigie_alerts_waiting)", "Alertmanager {{alertmanager}}")],
            unit=COUNT,
            decimals=0,
            limits=levels((None, GREEN), (1, YELLOW), (10, ORANGE)),
            runbook="vigiealertswaiting",
        ),
        lines(
            "Alertes prises",
            "Alertes par seconde que chaque Alertmanager a prises, répétitions comprises.",
            [
                Ask(
                    counter_rate("vigie_alerts_pushed_total", by="alertmanager"),
                    "Alertmanager {{alertmanager}}",
                )
            ],
            unit=PER_S,
            span=6,
        ),
        lines(
            "Transmissions refusées ou sans réponse",
            "Requêtes par seconde qu'un Alertmanager n'a pas acceptées.",
            [
                Ask(
                    counter_rate("vigie_alert_push_failures_total", by="alertmanager"),
                    "Alertmanager {{alertmanager}}",
                )
            ],
            unit=PER_S,
            span=6,
            runbook="vigiealertpushfailing",
        ),
        numbers(
            "Constats illisibles",
            "Enregistrements du topic des constats qui n'en sont pas : quelqu'un d'autre y écrit.",
            [Ask(of_the_region("vigie_findings_unreadable_total"))],
            unit=COUNT,
            decimals=0,
            limits=levels((None, GREEN), (1, RED)),
            runbook="vigiefindingunreadable",
        ),
    ],
)

SECURITY: Final = Board(
    uid="vigie-securite",
    title="Vigie · Sécurité",
    description="Les constats, ce qu'ils valent, les moyens d'authentification, et qui en est prévenu.",
    refresh="1m",
    since="now-24h",
    variables=[
        choice(
            "detector",
            {name: name for name in FINDING_DETECTORS},
            "Détecteur",
            "Détecteurs qui mènent les constats.",
        ),
        choice(
            "severity",
            {name: name for name in reversed(SEVERITIES)},
            "Gravité",
            "Gravités à montrer.",
        ),
    ],
    rows=[_NOW, _OPENED, _TRUST, AUTHENTICATION, PEERS, _TOLD, ACCESS],
)
