"""What a worker does with its time, how it keeps its state, and what it takes of the machine (pure)."""

from __future__ import annotations

from typing import Final

from metrics.dashboards.frame import Row
from metrics.dashboards.panels import (
    BYTES,
    BYTES_PER_S,
    COUNT,
    GREEN,
    ORANGE,
    PER_S,
    RATIO,
    RED,
    SECONDS,
    Ask,
    levels,
    lines,
    numbers,
    states,
    words,
)
from metrics.dashboards.queries import WORKER, counter_rate, quantile, select, steps
from metrics.dashboards.tables import matrix

OURS: Final = ('job="vigie"', WORKER)
"""Matchers of metrics that every program has."""

_STATES: Final = words({"0": ("pas prêt", ORANGE), "1": ("prêt", GREEN)})


def _of(metric: str) -> str:
    return select(metric, WORKER)


SLICES: Final = Row(
    "Tranches",
    [
        lines(
            "Enregistrements lus",
            "Enregistrements par seconde dans les tranches prises, par topic.",
            [Ask(counter_rate("vigie_slice_records_total", WORKER, by="flow"), "{{flow}}")],
            unit=PER_S,
            span=8,
            stack=True,
        ),
        lines(
            "Enregistrements par tranche",
            "Taille moyenne d'une tranche. Elle grandit avec le retard : c'est ainsi qu'il se rattrape.",
            [
                Ask(
                    f"{counter_rate('vigie_slice_records_total', WORKER, by='flow')} / ("
                    f"{counter_rate('vigie_slices_total', WORKER, by='flow')} > 0)",
                    "{{flow}}",
                )
            ],
            unit=COUNT,
            span=8,
        ),
        lines(
            "Durée d'une tranche, p95",
            "Décoder, compter et conclure une tranche.",
            [
                Ask(
                    quantile(0.95, "vigie_slice_duration_seconds", WORKER, by="flow"),
                    "{{flow}}",
                )
            ],
            unit=SECONDS,
            span=8,
        ),
        lines(
            "Temps passé dans les tranches",
            "Part du temps de chaque worker ; proche de 1, il est au bout de ce qu'il peut.",
            [
                Ask(
                    counter_rate("vigie_slice_duration_seconds_sum", WORKER, by="instance"),
                    "{{instance}}",
                )
            ],
            unit=RATIO,
            limits=levels((None, GREEN), (0.8, ORANGE)),
        ),
        lines(
            "Enregistrements produits",
            "Marques, constats, cellules et rebuts, par topic dont ils viennent ; sans les changelogs.",
            [Ask(counter_rate("vigie_sent_records_total", WORKER, by="flow"), "{{flow}}")],
            unit=PER_S,
        ),
    ],
)

DURABILITY: Final = Row(
    "Points de reprise et reprises",
    [
        lines(
            "Durée d'un point de reprise, p95",
            "De l'état figé à la confirmation de sa dernière écriture.",
            [
                Ask(
                    quantile(0.95, "vigie_checkpoint_duration_seconds", WORKER, by="group"),
                    "{{group}}",
                )
            ],
            unit=SECONDS,
            span=8,
            limits=levels((None, GREEN), (5, ORANGE)),
            runbook="vigiecheckpointslow",
        ),
        lines(
            "Travail non confirmé",
            "Depuis quand le plus ancien travail attend, par groupe et worker.",
            [
                Ask(
                    f"max by (group, instance) ({_of('vigie_checkpoint_age_seconds')})",
                    "{{group}} {{instance}}",
                )
            ],
            unit=SECONDS,
            span=8,
            limits=levels((None, GREEN), (30, RED)),
            runbook="vigiecheckpointold",
        ),
        lines(
            "Octets écrits dans les changelogs",
            "Octets par seconde, par groupe.",
            [Ask(counter_rate("vigie_checkpoint_bytes_total", WORKER, by="group"), "{{group}}")],
            unit=BYTES_PER_S,
            span=8,
        ),
        lines(
            "Écritures dans les changelogs",
            "Écritures par seconde, par groupe.",
            [Ask(counter_rate("vigie_checkpoint_writes_total", WORKER, by="group"), "{{group}}")],
            unit=PER_S,
            span=8,
        ),
        matrix(
            "Dernière reprise",
            "De l'attribution d'une partition à son état retrouvé, par worker et groupe.",
            Ask(f"max by (instance, group) ({_of('vigie_recovery_duration_seconds')})"),
            row="instance",
            column="group",
            unit=SECONDS,
            span=8,
            limits=levels((None, GREEN), (30, ORANGE), (120, RED)),
        ),
        matrix(
            "Octets relus à la reprise",
            "Octets des changelogs dont l'état a été rebâti depuis le démarrage du worker.",
            Ask(f"sum by (instance, group) ({_of('vigie_recovery_bytes_total')})"),
            row="instance",
            column="group",
            unit=BYTES,
            span=8,
        ),
    ],
)

SHARING: Final = Row(
    "Répartition",
    [
        states(
            "Workers prêts",
            "Quand chaque worker était prêt. Un trou : Prometheus ne l'a pas joint.",
            [Ask(_of("vigie_ready"), "{{instance}}")],
            mappings=_STATES,
            limits=levels((None, ORANGE), (1, GREEN)),
            runbook="vigieworkernotready",
        ),
        lines(
            "Mouvements de partitions",
            "Partitions venues ou parties, par pas de temps : un rééquilibrage du groupe.",
            [
                Ask(
                    steps("vigie_partition_moves_total", WORKER, by="change"),
                    "{{change}}",
                )
            ],
            unit=COUNT,
            bars=True,
        ),
        matrix(
            "Partitions tenues",
            "Partitions de chaque topic que chaque worker tient.",
            Ask(_of("vigie_assigned_partitions")),
            row="flow",
            column="instance",
            unit=COUNT,
        ),
        matrix(
            "Versions",
            "Version de Vigie et de Python de chaque worker ; 1 là où elles tournent.",
            Ask(f"max by (instance, version) ({_of('vigie_build_info')})"),
            row="instance",
            column="version",
            unit=COUNT,
        ),
    ],
)

PROCESS: Final = Row(
    "Processus",
    [
        lines(
            "Mémoire",
            "Mémoire résidente de chaque worker.",
            [Ask(select("process_resident_memory_bytes", *OURS), "{{instance}}")],
            unit=BYTES,
            span=8,
            runbook="vigiememoryhigh",
        ),
        lines(
            "Processeur",
            "Cœurs occupés par chaque worker ; un worker n'en occupe guère plus d'un.",
            [
                Ask(
                    counter_rate("process_cpu_seconds_total", *OURS, by="instance"),
                    "{{instance}}",
                )
            ],
            unit=RATIO,
            span=8,
            limits=levels((None, GREEN), (0.85, ORANGE)),
        ),
        lines(
            "Descripteurs ouverts",
            "Part des descripteurs de fichiers permis qui sont ouverts.",
            [
                Ask(
                    f"{select('process_open_fds', *OURS)} / {select('process_max_fds', *OURS)}",
                    "{{instance}}",
                )
            ],
            unit=RATIO,
            span=4,
        ),
        numbers(
            "En marche depuis",
            "Depuis le démarrage de chaque worker.",
            [
                Ask(
                    f"time() - {select('process_start_time_seconds', *OURS)}",
                    "{{instance}}",
                )
            ],
            unit=SECONDS,
            span=4,
            sparkline=False,
            runbook="vigieworkerrestarts",
        ),
    ],
)
