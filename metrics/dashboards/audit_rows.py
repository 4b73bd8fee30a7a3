"""Who is let in, and what is done on purpose (pure)."""

from __future__ import annotations

from typing import Final

from metrics.dashboards.frame import Row
from metrics.dashboards.panels import COUNT, GREEN, ORANGE, Ask, levels, lines, numbers
from metrics.dashboards.queries import steps

ACCESS: Final = Row(
    "Accès à Vigie et audit",
    [
        lines(
            "Requêtes refusées",
            "Requêtes à la page, à l'API et aux métriques qui ont été refusées, par raison et par pas de"
            " temps. « no_token » : un navigateur qui arrive ; « wrong_token » : un jeton qui n'ouvre"
            " rien.",
            [Ask(steps("vigie_access_refused_total", by="reason"), "{{reason}}")],
            unit=COUNT,
            span=8,
            bars=True,
            stack=True,
            runbook="vigiewrongtokens",
        ),
        lines(
            "Verdicts et levées de pseudonyme",
            "Actes par la page ou l'API, chacun noté d'abord dans le sujet « audit », par pas de temps ;"
            " « refusé par Kafka » : ceux qui n'ont pas eu lieu.",
            [
                Ask(steps("vigie_audited_acts_total", by="act"), "{{act}}"),
                Ask(steps("vigie_acts_failed_total", by="act"), "{{act}} refusé par Kafka"),
            ],
            unit=COUNT,
            span=8,
            bars=True,
            runbook="vigieauditfailing",
        ),
        lines(
            "Entrées",
            "Navigateurs entrés avec un jeton, par pas de temps.",
            [Ask(steps("vigie_sign_ins_total", by="instance"), "{{instance}}")],
            unit=COUNT,
            span=4,
            bars=True,
        ),
        numbers(
            "Lignes de jetons fausses",
            "Lignes du fichier des jetons laissées de côté, par worker.",
            [Ask("vigie_tokens_unusable", "{{instance}}")],
            unit=COUNT,
            span=4,
            decimals=0,
            limits=levels((None, GREEN), (1, ORANGE)),
            runbook="vigietokensunusable",
        ),
    ],
)
