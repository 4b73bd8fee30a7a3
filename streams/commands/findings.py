"""`vigie findings`: what was found, why, whom it touches, and an analyst's answer."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands.findings_source import (
    Wanted,
    kafka_log,
    newest_findings,
    one_finding,
    parse_moment,
)
from streams.commands.options import JsonOption, KafkaOption
from streams.errors import InputError

if TYPE_CHECKING:
    import polars as pl

    from agents.findings import Finding
    from streams.findings_log import FindingsLog

IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="A finding's id, or the beginning of it.")
]
FromOption = Annotated[
    Path | None,
    typer.Option("--from", metavar="F.ndjson", help="Findings of a file instead of Kafka's."),
]
UnmaskOption = Annotated[
    bool,
    typer.Option(
        "--unmask", help="With the pseudonyms of whom it is about; Kafka's audit notes who asked."
    ),
]
StatusOption = Annotated[
    str | None,
    typer.Option(metavar="S[,…]", help="OPEN, CONFIRMED, RESOLVED, BENIGN; several by commas."),
]
SeverityOption = Annotated[
    str | None, typer.Option(metavar="S", help="LOW, MEDIUM, HIGH or CRITICAL, and above.")
]
DetectorOption = Annotated[str | None, typer.Option(metavar="NAME", help="One that agrees.")]
SectorOption = Annotated[str | None, typer.Option(metavar="S", help="ES, ESMS, PSL, SOCIAL, NR.")]
SinceOption = Annotated[
    str | None, typer.Option(metavar="WHEN", help="A day or a moment; later conclusions only.")
]

# Never free text: it could name a patient.
_NOTE_CODE = re.compile(r"[A-Za-z0-9_.-]{1,40}")
# Sources' clocks may be ahead of Kafka's.
_MARGIN_MS = 3_600_000


def register(app: typer.Typer) -> None:
    """Declare the commands."""
    group = typer.Typer(
        help="What was found and why: list, show, watch; whom it touches; an analyst's verdict.",
        no_args_is_help=True,
    )
    group.command(
        "list",
        help="Findings, open ones first, the most urgent on top.",
        epilog="Example: vigie findings list --status OPEN --severity HIGH",
    )(list_findings)
    group.command(
        "show",
        help="One finding with all its reasons and figures.",
        epilog="Example: vigie findings show 9b1c0de0 --lang en",
    )(show)
    group.command(
        "watch",
        help="Open findings, then every change as it comes, until Ctrl-C.",
        epilog="Example: vigie findings watch --severity MEDIUM",
    )(watch)
    group.command(
        "patients",
        help="Pseudonyms of the patients that a finding's accounts touched in its window: platform "
        "accesses, INSi calls, consulted prescriptions.",
        epilog="Kafka's audit notes who asked, before anything is read. "
        "Example: vigie findings patients 9b1c0de0 --json",
    )(patients)
    group.command(
        "judge",
        help="Say what a finding is: confirmed (a real incident) or benign (an innocent cause). "
        "The verdict changes what the account is held against.",
        epilog="Example: vigie findings judge 9b1c0de0 confirmed --since 2024-12-03",
    )(judge)
    app.add_typer(group, name="findings")


def list_findings(
    source: FromOption = None,
    status: StatusOption = None,
    severity: SeverityOption = None,
    detector: DetectorOption = None,
    sector: SectorOption = None,
    since: SinceOption = None,
    kafka: KafkaOption = None,
    as_json: JsonOption = False,
) -> int:
    """Print a line per finding."""
    wanted = Wanted.parse(
        status=status, severity=severity, detector=detector, sector=sector, since=since
    )
    chosen = wanted.of(newest_findings(source, kafka).values())
    if source is None:
        from agents.touched_patients import masked

        chosen = [masked(one) for one in chosen]
    from streams.commands.findings_output import document, print_list
    from streams.commands.output import print_json

    if as_json:
        print_json([document(one) for one in chosen])
    else:
        print_list(chosen)
    return 0


def show(
    name: IdArgument,
    source: FromOption = None,
    lang: Annotated[str, typer.Option(metavar="fr|en", help="Language of the reasons.")] = "fr",
    unmask: UnmaskOption = False,
    kafka: KafkaOption = None,
    as_json: JsonOption = False,
) -> int:
    """Print one finding."""
    if lang not in {"fr", "en"}:
        raise InputError(f"--lang: must be fr or en, not {lang}")
    # A file is whoever's it is who reads it.
    one = (
        _from_kafka(kafka, name, is_unmasked=unmask)
        if source is None
        else one_finding(newest_findings(source, kafka), name)
    )
    from streams.commands.findings_output import document, print_finding
    from streams.commands.output import print_json

    if as_json:
        print_json(document(one))
    else:
        print_finding(one, lang)
    return 0


def _from_kafka(kafka: str | None, name: str, *, is_unmasked: bool) -> Finding:
    """A finding of the topic; with pseudonyms only once the audit has noted that they are asked for."""
    from agents.touched_patients import masked
    from streams.audit import Act

    with kafka_log(kafka) as log:
        one = one_finding(log.findings(), name)
        if not is_unmasked:
            return masked(one)
        log.note(Act.UNMASKING, "ACCOUNT", one.finding_id)
        return one


def watch(
    status: StatusOption = None,
    severity: SeverityOption = None,
    detector: DetectorOption = None,
    sector: SectorOption = None,
    seconds: Annotated[
        float | None, typer.Option(help="End by itself after so long.", show_default=False)
    ] = None,
    kafka: KafkaOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON document per line.")] = False,
) -> int:
    """Print findings as they come."""
    wanted = Wanted.parse(
        status=status, severity=severity, detector=detector, sector=sector, since=None
    )
    from agents.touched_patients import masked
    from streams.commands.findings_output import line_of
    from streams.commands.output import say

    until_s = None if seconds is None else time.monotonic() + seconds
    with kafka_log(kafka) as log:
        is_first = True
        for several in log.follow(until_s):
            # What is over already is no news; what ends from now on is.
            news = [one for one in wanted.of(several) if one.status.is_open or not is_first]
            is_first = False
            for one in news:
                shown = masked(one)
                say(shown.to_ndjson().decode().rstrip("\n") if as_json else line_of(shown))
    return 0


def patients(
    name: IdArgument,
    source: FromOption = None,
    recording: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A recording instead of Kafka's events.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="WHEN", help="From then on; the finding's window without.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="WHEN", help="Before then; the finding's window without.")
    ] = None,
    kafka: KafkaOption = None,
    as_json: JsonOption = False,
) -> int:
    """Print a line per patient."""
    from agents.touched_patients import accounts_of, by_patient
    from streams.commands.options import existing_recording

    if recording is not None:
        existing_recording(recording)
    since_ms = None if since is None else parse_moment("--since", since)
    until_ms = None if until is None else parse_moment("--until", until)
    one = one_finding(newest_findings(source, kafka), name)
    if not accounts_of(one):
        raise InputError(f"ID: {one.finding_id} is about a flow, not about an account")
    start_ms = one.window_start_ms if since_ms is None else since_ms
    end_ms = one.window_end_ms if until_ms is None else until_ms
    if recording is not None:
        if source is None:
            with kafka_log(kafka) as log:
                _note_patients(log, one, start_ms, end_ms)
        parts = _of_recording(one, recording, start_ms, end_ms)
    else:
        parts = _of_kafka(one, kafka, start_ms, end_ms)
    found = by_patient(parts)
    from streams.commands.findings_output import patients_document, print_patients
    from streams.commands.output import print_json

    if as_json:
        print_json(patients_document(one, start_ms, end_ms, found))
    else:
        print_patients(found)
    return 0


def _note_patients(log: FindingsLog, one: Finding, start_ms: int, end_ms: int) -> None:
    from streams.audit import Act

    window = {"window_start_ms": start_ms, "window_end_ms": end_ms}
    log.note(Act.UNMASKING, "PATIENTS", one.finding_id, **window)


def _of_recording(one: Finding, recording: Path, start_ms: int, end_ms: int) -> list[pl.DataFrame]:
    from agents.touched_patients import TOUCHING_FLOWS, accounts_of, touched
    from simulators.recording import Recording

    read = Recording(recording)
    return [
        touched(flow, frame, accounts_of(one), start_ms, end_ms)
        for flow in TOUCHING_FLOWS
        if flow in read.flows
        for frame in read.frames(flow)
    ]


def _of_kafka(one: Finding, kafka: str | None, start_ms: int, end_ms: int) -> list[pl.DataFrame]:
    from agents.touched_patients import TOUCHING_FLOWS, accounts_of, touched

    parts = []
    with kafka_log(kafka) as log:
        _note_patients(log, one, start_ms, end_ms)
        codec = log.codec
        for flow in TOUCHING_FLOWS:
            # Kafka's time of a record is not before its event's, a source's fast clock apart.
            for records in log.records(flow, start_ms - _MARGIN_MS):
                if records:
                    frame = codec.decode(flow, [record.value for record in records]).frame
                    parts.append(touched(flow, frame, accounts_of(one), start_ms, end_ms))
    return parts


def judge(
    name: IdArgument,
    verdict: Annotated[str, typer.Argument(metavar="confirmed|benign", help="What it is.")],
    since: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN",
            help="From when on a confirmed account was in wrong hands: its days since then leave its "
            "baseline.",
        ),
    ] = None,
    note_code: Annotated[
        str, typer.Option(metavar="CODE", help="A word of your own list that says why.")
    ] = "",
    analyst: Annotated[
        str | None, typer.Option(metavar="PID", help="Pseudonym of who decides.")
    ] = None,
    kafka: KafkaOption = None,
) -> int:
    """Publish a verdict; 0 once Kafka has confirmed it."""
    from agents.findings import VerdictKind
    from agents.verdicts import verdict_on

    kinds = {"confirmed": VerdictKind.CONFIRMED, "benign": VerdictKind.BENIGN}
    kind = kinds.get(verdict.lower())
    if kind is None:
        raise InputError(f"verdict: must be confirmed or benign, not {verdict}")
    if since is not None and kind is not VerdictKind.CONFIRMED:
        raise InputError("--since: goes with confirmed only")
    if note_code and not _NOTE_CODE.fullmatch(note_code):
        raise InputError("--note-code: one word of letters, digits, and . _ - (at most 40)")
    since_ms = None if since is None else parse_moment("--since", since)
    now_ms = time.time_ns() // 1_000_000
    if since_ms is not None and since_ms > now_ms:
        raise InputError("--since: lies in the future")
    with kafka_log(kafka) as log:
        one = one_finding(log.findings(), name)
        log.publish(
            verdict_on(
                one,
                kind,
                now_ms,
                analyst_pid=analyst,
                compromised_since_ms=since_ms,
                note_code=note_code,
            )
        )
    sys.stdout.write(f"{one.finding_id}: {kind.lower()}, confirmed by Kafka\n")
    return 0
