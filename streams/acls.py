"""What each role may do in Kafka, and nothing more (pure).

`vigie acls` prints these rights as the broker's own tool takes them; before a worker starts, it holds
what the broker grants it against them. READ and WRITE imply DESCRIBE, and WRITE on any topic is all
that an idempotent producer needs (Kafka 2.8 and later).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from streams.topics import (
    ACTIVITY_COUNTS,
    ACTIVITY_MARKS,
    AUDIT,
    DEAD_LETTERS,
    DECLARATIONS,
    FINDINGS,
    FLOWS,
    REGION_CELLS,
    TOPICS,
    VERDICTS,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.settings import Settings

STATE_TABLES: Final[dict[str, int | None]] = {"source": None, "activity": None, "region": 1}
"""Groups of topics with state and their partition count, `None` for the settings' common one."""

Operation = Literal["READ", "WRITE", "CREATE", "DESCRIBE", "DESCRIBE_CONFIGS"]


@dataclass(frozen=True, slots=True)
class Right:
    """Operations on one resource.

    Attributes:
        kind: of the resource.
        name: of the resource, whole.
        operations: that are allowed.
    """

    kind: Literal["topic", "group"]
    name: str
    operations: tuple[Operation, ...]


def changelog_names(settings: Settings) -> tuple[str, ...]:
    """The changelogs of a worker group, as Faust names them."""
    return tuple(f"{settings.group_id}-{table}-changelog" for table in STATE_TABLES)


def worker_rights(settings: Settings) -> tuple[Right, ...]:
    """A worker: reads the flows and what the service tells itself, writes its conclusions and state."""
    return (
        Right("group", settings.group_id, ("READ",)),
        *(Right("topic", name, ("READ",)) for name in (*FLOWS, DECLARATIONS)),
        *(
            Right("topic", name, ("READ", "WRITE"))
            for name in (ACTIVITY_MARKS, ACTIVITY_COUNTS, REGION_CELLS, FINDINGS, VERDICTS)
        ),
        *(Right("topic", name, ("WRITE",)) for name in (DEAD_LETTERS, AUDIT)),
        *(Right("topic", name, ("READ", "WRITE")) for name in changelog_names(settings)),
    )


def producer_rights(settings: Settings) -> tuple[Right, ...]:
    """A collector at the edge, `vigie simulate` or `vigie replay`: writes the flows, reads nothing."""
    del settings
    return tuple(Right("topic", name, ("WRITE",)) for name in FLOWS)


def analyst_rights(settings: Settings) -> tuple[Right, ...]:
    """`vigie findings` and `vigie objectives`: reads what they show, writes verdicts.

    What it shows and judges it writes into the audit, which it cannot read.
    """
    del settings
    return (
        *(Right("topic", name, ("READ",)) for name in (FINDINGS, DECLARATIONS, ACTIVITY_COUNTS)),
        Right("topic", VERDICTS, ("READ", "WRITE")),
        Right("topic", AUDIT, ("WRITE",)),
    )


def unmask_rights(settings: Settings) -> tuple[Right, ...]:
    """`vigie findings patients` as well: reads the flows for the patients that a finding touched."""
    return (
        *analyst_rights(settings),
        *(Right("topic", name, ("READ",)) for name in FLOWS),
    )


def auditor_rights(settings: Settings) -> tuple[Right, ...]:
    """Who answers for the audit: reads it with a tool of Kafka's, and nothing else."""
    del settings
    return (Right("topic", AUDIT, ("READ",)),)


def declarer_rights(settings: Settings) -> tuple[Right, ...]:
    """`vigie declare`: writes what no flow can tell, and who did."""
    del settings
    return tuple(Right("topic", name, ("WRITE",)) for name in (DECLARATIONS, AUDIT))


def administrator_rights(settings: Settings) -> tuple[Right, ...]:
    """`vigie topics --create`: makes and verifies the topics, reads no record of them."""
    names = (*TOPICS, *changelog_names(settings))
    return tuple(Right("topic", name, ("CREATE", "DESCRIBE", "DESCRIBE_CONFIGS")) for name in names)


ROLES: Final[dict[str, Callable[[Settings], tuple[Right, ...]]]] = {
    "worker": worker_rights,
    "producer": producer_rights,
    "analyst": analyst_rights,
    "unmask": unmask_rights,
    "auditor": auditor_rights,
    "declarer": declarer_rights,
    "administrator": administrator_rights,
}


def commands(rights: tuple[Right, ...], principal: str) -> list[str]:
    """The arguments of Kafka's `kafka-acls` for these rights, a line each.

    Args:
        rights: what is to be allowed.
        principal: to whom, such as `User:vigie`.
    """
    return [
        f"--add --allow-principal {principal} --{right.kind} {right.name}"
        + "".join(f" --operation {_spelled(operation)}" for operation in right.operations)
        for right in rights
    ]


def _spelled(operation: str) -> str:
    return "".join(part.capitalize() for part in operation.split("_"))
