"""`vigie schemas`: the contracts' fingerprints, and whether all versions read each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.commands.options import JsonOption


def register(app: typer.Typer) -> None:
    """Declare the command."""
    app.command(
        "schemas",
        help="Check that every kept version of every Avro record reads every other "
        "(FULL_TRANSITIVE) and print the fingerprints.\n\n"
        "Violations are listed on standard error and the exit code is 1.",
        epilog="Example: vigie schemas --json",
    )(schemas)


def schemas(
    folder: Annotated[
        Path | None, typer.Option(help="Folder of the schemas; Vigie's own without.")
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Print fingerprints; 0 when all versions are compatible, else 1."""
    import sys

    from streams.commands.output import print_json, print_table
    from streams.compatibility import check_folder
    from streams.errors import InputError
    from streams.schemas import AVRO_FOLDER, Schemas

    place = folder or AVRO_FOLDER
    if not place.is_dir():
        raise InputError(f"--folder: {place}: no such directory")
    kept = Schemas.load(place)
    violations = check_folder(place)
    rows = [
        (record, f"v{version.version}", version.fingerprint.hex())
        for record in kept.records()
        for version in kept.versions(record)
    ]
    if as_json:
        keys = ("record", "version", "fingerprint")
        entries = [dict(zip(keys, row, strict=True)) for row in rows]
        print_json({"schemas": entries, "violations": violations})
    else:
        print_table(("record", "version", "fingerprint"), rows)
        for sentence in violations:
            sys.stderr.write(f"vigie: {sentence}\n")
    return 1 if violations else 0
