"""Hostile files through every reader of files that the command and the worker's settings have.

Held to be true: a file is read, or refused with one of Vigie's own errors in one line without a control
character, and no file makes memory of what it only claims to hold.
"""

from __future__ import annotations

import json
import random
import struct
import tempfile
import warnings
import zlib
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agents.declared_changes import read_declared_changes
from agents.detectors.decoys import parse_decoys
from agents.left_out import parse_left_out
from agents.objectives.declared_lines import read_declarations
from agents.objectives.loading import SHIPPED, load_objectives
from agents.objectives.references import read_references
from agents.objectives.registry import read_registry
from simulators.container import header_bytes
from simulators.encode import varint
from simulators.recording import Recording
from streams.codec import SliceCodec
from streams.commands.backtest_series import backtest_series
from streams.commands.findings_output import document, line_of
from streams.commands.findings_source import read_file
from streams.errors import ConfigError, InputError, SchemaError
from streams.settings import Settings
from streams.tokens import digest_of, parse_tokens
from tests.fuzz.hostile import LIMITS, NOT_UTF8, TEXTS
from tests.support.avro_events import SCHEMAS, some_events
from tests.support.findings import finding
from tests.support.frames import NOON_MS
from tests.support.page_server import account_history

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fuzz.feedback import Tally

DEPARTMENTS: Final = ("02", "59", "60", "62", "80")
REFUSALS: Final = (ConfigError, InputError, SchemaError)
FLOW: Final = "insi-calls"
_WORDS: Final = (
    *(
        "0",
        "-1",
        "1e308",
        "NaN",
        "inf",
        "9" * 400,
        "9" * 5000,
        "0," + "9" * 400,
        "1 234",
        "1.234",
        "101 %",
    ),
    *(
        "2026-13",
        "0000-00",
        "9999-12-31",
        "0001-01-01",
        "31/02/2026",
        "2026-01-15T25:00",
        "-",
        "*",
        ";",
    ),
    *(
        '"',
        "'",
        "#",
        "[[",
        "]]",
        "=",
        "{",
        "[" * 3000,
        "a.b = 1",
        "\t",
        " ",
        ",",
        "null",
        "true",
        "inconnu",
    ),
)


def reads() -> dict[str, tuple[bytes, Callable[[Path], object]]]:
    """Each kind of file: a good one, and what the command or the worker does with it."""
    objectives = load_objectives("", DEPARTMENTS)
    assert objectives is not None
    registry, scopes = objectives.grounds.registry, objectives.scopes
    references = objectives.grounds.references
    today = date(2026, 11, 22)

    def text(parse: Callable[[str, str], object]) -> Callable[[Path], object]:
        def read(path: Path) -> object:
            try:
                content = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:  # as `streams.worker` and `vigie declare` do
                raise InputError(f"{path.name}: is not UTF-8 text") from None
            return parse(content, path.name)

        return read

    def findings(path: Path) -> None:
        for one in read_file(path).values():
            document(one)
            line_of(one)

    def series(path: Path) -> None:
        out = path.with_suffix(".out")
        backtest_series(path, out)
        out.unlink()

    def recording(path: Path) -> None:
        folder = path.parent / "recording"
        folder.mkdir(exist_ok=True)
        path.replace(folder / f"{FLOW}.avro")
        one = Recording(folder, SCHEMAS)
        one.total_records()
        for batch in one.batches(shift_ms=5):
            len(batch)

    histories = account_history(NOON_MS)
    return {
        "left out": (b"# list\nst_1 ac_1 2026-01-15\nst_1 - 2026-02-01\n", text(parse_left_out)),
        "decoys": (b"pa_1\npa_2 # two\n", text(parse_decoys)),
        "calendar": (
            (
                b'[[changement]]\ndebut = 2026-01-15\nfin = 2026-03-01\nflux = "dmp-deposits"\n'
                b'secteur = "PSL"\nfacteur = 2.0\nmotif = "essai"\n'
            ),
            text(read_declared_changes),
        ),
        "declarations": (
            (SHIPPED / "declarations.csv").read_bytes(),
            text(lambda content, name: read_declarations(content, name, registry, scopes, today)),
        ),
        "objectives": (
            (SHIPPED / "objectifs.toml").read_bytes()[:6000],
            text(lambda content, name: read_registry(content, name, references)),
        ),
        "reference tables": (
            (SHIPPED / "references.toml").read_bytes(),
            text(
                lambda content, name: read_references(
                    content, name, lambda sheet: (SHIPPED / Path(sheet).name).read_text("utf-8")
                )
            ),
        ),
        "reference sheet": (
            (SHIPPED / "esms.csv").read_bytes(),
            text(
                lambda content, _: read_references(
                    (SHIPPED / "references.toml").read_text("utf-8"),
                    "references.toml",
                    lambda sheet: (
                        content
                        if sheet == "esms.csv"
                        else (SHIPPED / Path(sheet).name).read_text("utf-8")
                    ),
                )
            ),
        ),
        "series": (
            b"timestamp,value\n"
            + b"".join(b"%d,%d\n" % (1_757_930_400 + 300 * n, 50 + n % 7) for n in range(60)),
            series,
        ),
        "findings": (
            finding(history=histories).to_ndjson() + finding(finding_id="f-2").to_ndjson(),
            findings,
        ),
        "recording": (container(), recording),
        "deflated recording": (container(deflated=True), recording),
        "tokens": (
            f"# who\nanna viewer {digest_of('x')} 2027-01-31\n".encode(),
            text(parse_tokens),
        ),
        "settings": (
            b"VIGIE_PARTITIONS=8\nVIGIE_DEPARTMENTS=02,59\nVIGIE_HTTP_PORT=0\nVIGIE_WATCH=on\n",
            text(lambda content, _: Settings.from_env(_environ(content))),
        ),
    }


def _environ(text: str) -> dict[str, str]:
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {name: value for name, value in pairs if "\0" not in name + value}


def container(*, deflated: bool = False) -> bytes:
    """A recording of one flow, in two blocks."""
    schema = SCHEMAS.of_flow(FLOW).schema
    sync = bytes(range(16))
    parts = [header_bytes(schema, "deflate" if deflated else "null", sync)]
    for seed in (1, 2):
        events = [
            event | {"occurred_at": NOON_MS + n, "recorded_at": NOON_MS + n}
            for n, event in enumerate(some_events(FLOW, 9, seed, edges=0.0))
        ]
        data = b"".join(value[10:] for value in SliceCodec(SCHEMAS).encode(FLOW, events))
        if deflated:
            data = _deflated(data)
        parts += [varint(len(events)), varint(len(data)), data, sync]
    return b"".join(parts)


def _deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def bomb(inflated_bytes: int, count: int = 5) -> bytes:
    """A container of which a block of some kilobytes inflates to as much as is asked for."""
    data = _deflated(bytes(inflated_bytes))
    sync = bytes(range(16))
    head = header_bytes(SCHEMAS.of_flow(FLOW).schema, "deflate", sync)
    return b"".join((head, varint(count), varint(len(data)), data, sync))


def nested(depth: int) -> bytes:
    """A container whose schema is as deep as asked for."""
    schema = b'{"type":"record","name":"InsiCall","fields":' + b"[" * depth + b"]" * depth + b"}"
    head = json.dumps("avro.schema").encode()[1:-1]
    parts = [b"Obj\x01", varint(1), varint(len(head)), head, varint(len(schema)), schema, b"\0"]
    return b"".join([*parts, bytes(16)])


class FileTarget:
    """Every reader in turn, each with its own kind of file made hostile.

    Args:
        seed: decides everything.
        tally: where outcomes are noted.
    """

    def __init__(self, seed: int, tally: Tally) -> None:
        self._dice = random.Random(seed)
        self._tally = tally
        self._reads = reads()

    def run(self, hostile: int) -> None:
        """Give so many hostile files."""
        names = list(self._reads)
        with tempfile.TemporaryDirectory() as folder:
            for number in range(hostile):
                name = names[number % len(names)]
                good, _ = self._reads[name]
                try_file(name, self._reads, self._mutated(good), Path(folder), self._tally)

    def _mutated(self, good: bytes) -> bytes:
        dice = self._dice
        octets = good
        for _ in range(dice.choice((1, 1, 2, 4))):
            octets = self._once(octets)
        return octets

    def _once(self, octets: bytes) -> bytes:
        dice = self._dice
        at = dice.randrange(len(octets) + 1)
        end = min(len(octets), at + dice.choice((0, 1, 4, 20)))
        number = dice.choice(LIMITS)
        put = dice.choice(
            (
                dice.choice(_WORDS).encode(),
                dice.choice(_WORDS).encode(),
                dice.choice(TEXTS).encode(),
                dice.choice(NOT_UTF8),
                str(number).encode(),
                varint(number),
                struct.pack("<d", dice.choice((float("nan"), float("inf"), -1e308))),
                dice.randbytes(dice.randrange(1, 9)),
                b"\n",
                b"",
            )
        )
        match dice.randrange(6):
            case 0:
                return octets[:at]
            case 1:
                return octets[:at] + octets[at:] * 2
            case 2:
                swapped = octets.split(b"\n")
                dice.shuffle(swapped)
                return b"\n".join(swapped)
            case _:
                return octets[:at] + put + octets[end:]


def try_file(
    name: str,
    known: dict[str, tuple[bytes, Callable[[Path], object]]],
    octets: bytes,
    folder: Path,
    tally: Tally,
) -> str:
    """Read one file; what became of it."""
    path = folder / "hostile"
    path.write_bytes(octets)
    tally.given += 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a warning is a line that nobody can do anything about
            known[name][1](path)
    except REFUSALS as error:
        outcome = type(error).__name__
    except (Exception, BaseException) as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        tally.miss(f"{name}: {type(error).__name__}: {error}")
        outcome = "missed"
    else:
        outcome = "read"
    tally.note(f"{name}: {outcome}")
    return outcome
