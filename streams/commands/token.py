"""`vigie token`: a fresh token for somebody, shown once, and the line that lets it in."""

from __future__ import annotations

import os
import secrets
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from streams.commands.options import parse_day
from streams.errors import InputError

SCRAPER = "prometheus"
"""Who holds the first token of all."""
_TOKEN_BYTES = 32
_PRIVATE, _SHARED, _READABLE = 0o400, 0o640, 0o444


def register(app: typer.Typer) -> None:
    """Declare the command."""
    app.command(
        "token",
        help="Make a token for somebody and print it, once: nobody can read it anywhere afterwards. "
        "With it goes the line for VIGIE_TOKENS_FILE, which holds no secret.\n\n"
        "viewer reads everything but pseudonyms; analyst may judge; unmask may see whom a finding is "
        "about. Take the line away and the token ends, with its sessions.",
        epilog="Example: vigie token analyst-3 analyst --until 2027-06-30",
    )(token)


def token(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Of who holds it, as the audit will tell it."),
    ] = None,
    role: Annotated[
        str | None, typer.Argument(metavar="ROLE", help="viewer, analyst or unmask.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="Its last day; none without.")
    ] = None,
    add_to: Annotated[
        Path | None,
        typer.Option("--add-to", metavar="FILE", help="Write the line into this tokens file."),
    ] = None,
    first_use: Annotated[
        Path | None,
        typer.Option(
            "--first-use",
            metavar="DIR",
            help="Make `tokens` and `session.key` in this folder, with a token for Prometheus, unless "
            "they are there.",
        ),
    ] = None,
    scrape_token: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --first-use: where Prometheus reads its token."),
    ] = None,
) -> int:
    """Print a token and its line, or make the first files."""
    if first_use is not None:
        if name is not None or scrape_token is None:
            raise InputError("--first-use: goes with --scrape-token, and with no name")
        return _first_use(first_use, scrape_token)
    from streams.tokens import ROLES, Token, digest_of, is_name

    if name is None or role is None:
        raise InputError("NAME ROLE: who holds the token, and what it opens")
    if not is_name(name):
        raise InputError("NAME: lower-case letters, digits and . _ - (at most 40)")
    if role not in ROLES:
        raise InputError(f"ROLE: must be one of {', '.join(ROLES)}")
    end = None if until is None else parse_day("--until", until)
    if end is not None and end < date.today():  # noqa: DTZ011 (the day of whoever asks)
        raise InputError("--until: is over")
    fresh = _fresh()
    line = Token(name, ROLES[role], digest_of(fresh)).line(end)
    if add_to is None:
        typer.echo(fresh)
        typer.echo(f"its line in VIGIE_TOKENS_FILE: {line}", err=True)
        return 0
    _add(add_to, line, name)
    typer.echo(fresh)
    typer.echo(f"{add_to}: {name} may come as {role}", err=True)
    return 0


def _fresh() -> str:
    from streams.tokens import PREFIX

    return PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)


def _add(path: Path, line: str, name: str) -> None:
    """A tokens file with one line more, in one step."""
    from streams.tokens import parse_tokens

    text = path.read_text(encoding="utf-8") if path.exists() else ""
    _, problems = parse_tokens(text, str(path))
    if problems:
        raise InputError(f"--add-to: {problems[0]}")
    if name in {known.split()[0] for known in text.splitlines() if known.split("#")[0].split()}:
        raise InputError(f"--add-to: {path} has a token of this name; take its line away first")
    mode = path.stat().st_mode & 0o777 if path.exists() else _SHARED
    _write(path, text + ("" if text.endswith("\n") or not text else "\n") + line + "\n", mode)


def _first_use(folder: Path, scrape_token: Path) -> int:
    """The files without which no worker starts beyond loopback; `tokens` last, so that all are there."""
    from streams.tokens import Role, Token, digest_of

    tokens = folder / "tokens"
    if tokens.exists():
        typer.echo(f"{tokens}: is there")
        return 0
    fresh = _fresh()
    _write(scrape_token, fresh + "\n", _READABLE)
    _write(folder / "session.key", secrets.token_urlsafe(_TOKEN_BYTES) + "\n", _PRIVATE)
    _write(tokens, Token(SCRAPER, Role.VIEWER, digest_of(fresh)).line() + "\n", _SHARED)
    typer.echo(f"{tokens}: {SCRAPER} may read; vigie token NAME ROLE --add-to {tokens} lets you in")
    return 0


def _write(path: Path, text: str, mode: int) -> None:
    """Write a file whole or not at all; nobody sees it before its mode is set."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        place = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(place, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), mode)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
