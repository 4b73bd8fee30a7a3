"""`vigie acls`: what each role has to be allowed in Kafka."""

from __future__ import annotations

from typing import Annotated

import typer

from streams.commands.options import JsonOption, load_settings
from streams.errors import InputError


def register(app: typer.Typer) -> None:
    """Declare the command."""
    app.command(
        "acls",
        help="Print the least rights of a role as arguments of Kafka's kafka-acls, a line each.\n\n"
        "VIGIE_GROUP_ID names the group and the changelogs.",
        epilog="Example: vigie acls --role worker --principal User:vigie |"
        " xargs -L1 kafka-acls.sh --bootstrap-server localhost:9093 --command-config admin.properties",
    )(acls)


def acls(
    role: Annotated[
        str,
        typer.Option(
            metavar="ROLE",
            help="worker, producer, analyst, unmask, declarer, auditor or administrator.",
        ),
    ] = "worker",
    principal: Annotated[
        str, typer.Option(metavar="TYPE:NAME", help="Who is to be allowed.")
    ] = "User:vigie",
    as_json: JsonOption = False,
) -> int:
    """Print a line per resource."""
    from streams.acls import ROLES, commands
    from streams.commands.output import print_json

    if role not in ROLES:
        raise InputError(f"--role: must be one of {', '.join(ROLES)}")
    kind, _, name = principal.partition(":")
    if not (kind and name) or any(c.isspace() for c in principal):
        raise InputError("--principal: not a principal such as User:vigie")
    rights = ROLES[role](load_settings())
    if as_json:
        print_json(
            [
                {"kind": right.kind, "name": right.name, "operations": right.operations}
                for right in rights
            ]
        )
    else:
        typer.echo("\n".join(commands(rights, principal)))
    return 0
