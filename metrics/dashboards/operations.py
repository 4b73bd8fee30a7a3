"""*Exploitation*: whether the workers keep up, and keep what they know (pure)."""

from __future__ import annotations

from typing import Final

from metrics.dashboards.frame import Board, Row, flows, label_values
from metrics.dashboards.panels import (
    COUNT,
    EVENTS_PER_S,
    GREEN,
    ORANGE,
    RED,
    SECONDS,
    YELLOW,
    Ask,
    levels,
    lines,
    numbers,
)
from metrics.dashboards.queries import (
    FLOW,
    WORKER,
    counter_rate,
    increase,
    quantile,
    select,
    steps,
)
from metrics.dashboards.worker_rows import DURABILITY, OURS, PROCESS, SHARING, SLICES

_LAG: Final = levels((None, GREEN), (10_000, YELLOW), (100_000, ORANGE), (1_000_000, RED))
_DELAY: Final = levels((None, GREEN), (60, YELLOW), (900, ORANGE), (14_400, RED))
_UNCONFIRMED: Final = levels((None, GREEN), (5, YELLOW), (30, RED))
_NONE_WANTED: Final = levels((None, GREEN), (1, ORANGE))


def _of(metric: str, *matchers: str) -> str:
    return select(metric, *matchers, WORKER)


_NOW: Final = Row(
    "Maintenant",
    [
        numbers(
            "Workers prêts",
            "Workers dont l'état est retrouvé et qui prennent des événements, sur ceux que Prometheus"
            " relève.",
            [
                Ask(f"sum({_of('vigie_ready')})", "prêts"),
                Ask(f"count({select('up', *OURS)})", "attendus"),
            ],
            unit=COUNT,
            span=4,
            decimals=0,
            sparkline=False,
            runbook="vigieworkerdown",
        ),
        numbers(
            "Retard de lecture",
            "Enregistrements dans Kafka que personne n'a encore pris, tous topics ensemble.",
            [Ask(f"sum({_of('vigie_consumer_lag_records')})")],
            unit=COUNT,
            span=4,
            decimals=0,
            limits=_LAG,
            runbook="vigielag",
        ),
        numbers(
            "Délai p95",
            "Délai en dessous duquel 95 % des événements sont comptés après avoir eu lieu, tous flux"
            " ensemble. Les dépôts arrivent souvent bien après l'acte : le délai de la source y est.",
            [
                Ask(
                    "histogram_quantile(0.95, sum by (le) (rate("
                    f"{_of('vigie_event_delay_seconds_bucket', FLOW)}[$__rate_interval])))"
                )
            ],
            unit=SECONDS,
            span=4,
            limits=_DELAY,
            runbook="vigieeventdelay",
        ),
        numbers(
            "Travail non confirmé",
            "Depuis quand le plus ancien travail attend la confirmation de son point de reprise.",
            [Ask(f"max({_of('vigie_checkpoint_age_seconds')})")],
            unit=SECONDS,
            span=4,
            decimals=1,
            limits=_UNCONFIRMED,
            runbook="vigiecheckpointold",
        ),
        numbers(
            "Rebuts sur la période",
            "Enregistrements illisibles ou invraisemblables, mis au rebut sur la période affichée.",
            [Ask(increase("vigie_dead_letters_total", FLOW, WORKER))],
            unit=COUNT,
            span=4,
            decimals=0,
            limits=_NONE_WANTED,
            sparkline=False,
            runbook="vigiedeadletters",
        ),
        numbers(
            "Points de reprise manqués",
            "Points de reprise que Kafka n'a pas confirmés sur la période ; le worker s'arrête alors.",
            [Ask(increase("vigie_checkpoint_failures_total", WORKER))],
            unit=COUNT,
            span=4,
            decimals=0,
            limits=levels((None, GREEN), (1, RED)),
            sparkline=False,
            runbook="vigiecheckpointfailed",
        ),
    ],
)

_LATENESS: Final = Row(
    "Retard et délais",
    [
        lines(
            "Retard de lecture par topic",
            "Enregistrements qui attendent dans Kafka, par topic. Un retard n'est pas un silence : tant"
            " qu'il dure, rien n'est conclu sur les flux.",
            [Ask(f"sum by (flow) ({_of('vigie_consumer_lag_records')})", "{{flow}}")],
            unit=COUNT,
            limits=levels((None, GREEN), (100_000, ORANGE)),
            runbook="vigielag",
        ),
        lines(
            "Retard de lecture par partition",
            "Les dix partitions les plus en retard : une seule qui monte est une partition bloquée.",
            [
                Ask(
                    "topk(10, sum by (flow, partition) ("
                    f"{_of('vigie_consumer_lag_records', FLOW)}))",
                    "{{flow}} {{partition}}",
                )
            ],
            unit=COUNT,
            runbook="vigiepartitionstuck",
        ),
        lines(
            "Délai des événements : médiane et p95",
            "De l'événement à son décompte, par flux.",
            [
                Ask(
                    quantile(0.95, "vigie_event_delay_seconds", FLOW, WORKER, by="flow"),
                    "p95 {{flow}}",
                ),
                Ask(
                    quantile(0.5, "vigie_event_delay_seconds", FLOW, WORKER, by="flow"),
                    "médiane {{flow}}",
                    dashed=True,
                ),
            ],
            unit=SECONDS,
            limits=levels((None, GREEN), (14_400, ORANGE)),
            runbook="vigieeventdelay",
        ),
        lines(
            "Délai moyen des événements",
            "Somme des délais rapportée au nombre d'événements comptés, par flux.",
            [
                Ask(
                    f"{counter_rate('vigie_event_delay_seconds_sum', FLOW, WORKER, by='flow')} / ("
                    f"{counter_rate('vigie_event_delay_seconds_count', FLOW, WORKER, by='flow')} > 0)",
                    "{{flow}}",
                )
            ],
            unit=SECONDS,
        ),
        lines(
            "Âge de l'événement le plus récent",
            "Depuis quand le flux n'a rien apporté de neuf. Monte de une seconde par seconde quand une"
            " source se tait.",
            [
                Ask(
                    f"time() - max by (flow) ({_of('vigie_newest_event_timestamp_seconds', FLOW)})",
                    "{{flow}}",
                )
            ],
            unit=SECONDS,
            runbook="vigieflowstale",
        ),
        lines(
            "Âge du filigrane",
            "Plus ancien instant d'un événement qui compterait encore, dans la partition la plus en"
            " retard : le retard admis, plus le silence de la source.",
            [
                Ask(
                    f"time() - min by (flow) ({_of('vigie_watermark_timestamp_seconds', FLOW)})",
                    "{{flow}}",
                )
            ],
            unit=SECONDS,
            runbook="vigiewatermarkbehind",
        ),
    ],
)

_QUALITY: Final = Row(
    "Rebuts, retardataires et doublons",
    [
        lines(
            "Rebuts par raison",
            "Enregistrements mis au rebut par pas de temps, par raison. Leurs octets attendent dans"
            " « dead-letters ».",
            [
                Ask(
                    f"{steps('vigie_dead_letters_total', FLOW, WORKER, by='flow, reason')} > 0",
                    "{{flow}} {{reason}}",
                )
            ],
            unit=COUNT,
            bars=True,
            runbook="vigiedeadletters",
        ),
        lines(
            "Événements trop tardifs",
            "Événements arrivés après le retard admis : comptés à part, dans aucune fenêtre.",
            [Ask(counter_rate("vigie_late_events_total", FLOW, WORKER, by="flow"), "{{flow}}")],
            unit=EVENTS_PER_S,
            runbook="vigielateevents",
        ),
        lines(
            "Doublons",
            "Événements dont l'identifiant était déjà connu : un producteur a réessayé.",
            [
                Ask(
                    counter_rate("vigie_duplicate_events_total", FLOW, WORKER, by="flow"),
                    "{{flow}}",
                )
            ],
            unit=EVENTS_PER_S,
        ),
        lines(
            "Horizon des doublons",
            "Jusqu'où un identifiant répété est reconnu, dans la partition où il l'est le moins loin."
            " La charge le raccourcit ; ce qui est plus vieux est refusé comme tardif.",
            [
                Ask(
                    f"min by (flow) ({_of('vigie_duplicate_horizon_seconds', FLOW)})",
                    "{{flow}}",
                )
            ],
            unit=SECONDS,
            runbook="vigieduplicatehorizonshort",
        ),
    ],
)

OPERATIONS: Final = Board(
    uid="vigie-exploitation",
    title="Vigie · Exploitation",
    description="Les workers suivent-ils, et gardent-ils ce qu'ils savent : retard, délais, rebuts,"
    " points de reprise, tranches, mémoire.",
    refresh="30s",
    since="now-6h",
    variables=[
        flows(),
        label_values(
            "instance",
            "instance",
            "vigie_build_info",
            "Worker",
            "Workers à montrer ; à un seul, les sommes ne sont plus celles de la région.",
        ),
    ],
    rows=[_NOW, _LATENESS, _QUALITY, SLICES, DURABILITY, SHARING, PROCESS],
)
