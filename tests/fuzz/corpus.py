"""Hostile inputs that are kept: `python -m tests.fuzz.corpus` writes them, the quick tests replay them.

Each file lies under `corpus/<kind>/`, and `corpus/expected.json` says what must become of it. Whatever a
run of `make fuzz` finds gets its place here, once the mistake is mended.
"""

from __future__ import annotations

import json
import random
import struct
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from simulators.container import header_bytes
from simulators.encode import varint
from streams.codec import MAX_RECORD_BYTES, SliceCodec
from streams.layout import Kind
from streams.topics import FLOWS
from streams.validity import LATEST_TIME_MS
from streams.wire import CONFLUENT_MARKER, SINGLE_OBJECT_MARKER
from tests.fuzz.feedback import Tally
from tests.fuzz.hostile import NOT_UTF8, TEXTS, pieces_of
from tests.fuzz.target_files import FLOW, bomb, nested, reads, try_file
from tests.fuzz.target_registry import OneAnswer, bombs
from tests.support.avro_events import SCHEMAS, some_events
from tests.support.frames import NOON_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CORPUS: Final = Path(__file__).parent / "corpus"
EXPECTED: Final = CORPUS / "expected.json"
RECORDS: Final = "records"
FILES: Final = "files"
SCHEMAS_OF_A_REGISTRY: Final = "schemas"
CODEC: Final = SliceCodec(SCHEMAS)


def cases() -> dict[str, bytes]:
    """Every kept input, by its path below `corpus/`."""
    return dict(
        sorted(
            (f"{kind}/{name}", octets)
            for kind, several in (
                (RECORDS, _records()),
                (FILES, _files()),
                (SCHEMAS_OF_A_REGISTRY, _schemas()),
            )
            for name, octets in several
        )
    )


def outcome(path: str, octets: bytes) -> str:
    """What becomes of one input."""
    kind, _, name = path.partition("/")
    if kind == RECORDS:
        decoded = CODEC.decode(name.split(".")[0], [octets])
        return str(decoded.rejects[0].reason) if decoded.rejects else "taken"
    if kind == FILES:
        tally = Tally("corpus")
        with tempfile.TemporaryDirectory() as folder:
            found = try_file(
                name.split(".")[0].replace("_", " "), _reads(), octets, Path(folder), tally
            )
        return tally.misses[0] if tally.misses else found
    answer = {"schema": octets.decode()}
    codec = SliceCodec(SCHEMAS, OneAnswer(answer))
    (reject,) = codec.decode(FLOWS[2], [CONFLUENT_MARKER + struct.pack(">I", 1) + b"\0"]).rejects
    return str(reject.reason)


@cache
def _reads() -> dict[str, tuple[bytes, Callable[[Path], object]]]:
    return reads()


def _records() -> Iterator[tuple[str, bytes]]:
    for number, flow in enumerate(FLOWS):
        layout = SCHEMAS.flow_layout(flow)
        (event,) = some_events(flow, 1, 40 + number, edges=0.0)
        event |= {"occurred_at": NOON_MS, "recorded_at": NOON_MS}
        (good,) = CODEC.encode(flow, [event])
        head = good[:10]
        places = {column.name: place for place, column in enumerate(layout)}
        text = next(c for c in layout if c.kind is Kind.STRING and c.null_branch is None)
        whole = next(c for c in layout if c.kind is Kind.INT)
        branch = b"" if whole.null_branch is None else varint(1 - whole.null_branch)

        def with_field(name: str, octets: bytes) -> bytes:
            pieces = pieces_of(layout, event)  # noqa: B023  used before the loop goes on
            pieces[places[name]] = octets  # noqa: B023  same
            return head + b"".join(pieces)  # noqa: B023  same

        odd: dict[str, bytes] = {
            "good": good,
            "empty": b"",
            "cut": good[:-3],
            "longer": good + b"\0",
            "marker_alone": SINGLE_OBJECT_MARKER,
            "unframed": b"{" + good[1:],
            "unknown_fingerprint": SINGLE_OBJECT_MARKER + bytes(8) + good[10:],
            "of_a_registry": CONFLUENT_MARKER + struct.pack(">I", 7) + good[10:],
            "length_of_gigabytes": with_field(text.name, varint(2**40)),
            "length_below_none": with_field(text.name, varint(-7) + b"x"),
            "endless_number": with_field(text.name, b"\xff" * 12),
            "overlong_number": with_field(text.name, b"\x82\x00x"),
            "time_of_1969": with_field("occurred_at", varint(-1)),
            "time_beyond_2100": with_field("occurred_at", varint(LATEST_TIME_MS + 1)),
            "time_at_the_limit_of_bits": with_field("recorded_at", varint(2**63 - 1)),
            "count_below_none": with_field(whole.name, branch + varint(-1)),
            "count_of_too_many_bits": with_field(whole.name, branch + varint(2**40)),
        }
        for place, octets in enumerate(NOT_UTF8):
            odd[f"not_utf8_{place}"] = with_field(text.name, varint(len(octets)) + octets)
        for place, words in enumerate(TEXTS):
            octets = words.encode()
            odd[f"odd_text_{place}"] = with_field("source_system", varint(len(octets)) + octets)
        if number == 0:
            odd["too_large"] = good + bytes(MAX_RECORD_BYTES + 1 - len(good))
        yield from ((f"{flow}.{name}", octets) for name, octets in odd.items())


def _files() -> Iterator[tuple[str, bytes]]:
    dice = random.Random(7)
    sync = bytes(range(16))
    head = header_bytes(SCHEMAS.of_flow(FLOW).schema, "null", sync)
    blocks = {
        "many_records_few_bytes": varint(2**40) + varint(9) + bytes(9) + sync,
        "count_at_the_limit": varint(2**62) + varint(9) + bytes(9) + sync,
        "count_below_none": varint(-5) + varint(9) + bytes(9) + sync,
        "size_of_terabytes": varint(2) + varint(2**40) + bytes(9) + sync,
        "zeros": varint(3) + varint(90) + bytes(90) + sync,
        "empty_blocks": (varint(0) + varint(0) + sync) * 300,
        "other_marker": varint(0) + varint(0) + bytes(16),
    }
    yield from ((f"recording.{name}", head + block) for name, block in blocks.items())
    yield "recording.nested_schema", nested(20_000)
    yield "recording.no_schema", b"Obj\x01\0" + sync
    yield "deflated_recording.bomb", bomb(80_000_000)
    sheet = "indicateur;mois;portee;numerateur;denominateur;taux;source\nmes_activation_2026;"
    texts = {
        "left_out": ("st_1", "st_1 ac_1 2026-02-31", "st_1 ac_1 " + "9" * 5000, "\0 \0 2026-01-01"),
        "decoys": ("a b", "\u202ea", "#", "\0"),
        "calendar": (
            "x = " + "9" * 5000,
            "x = " + "[" * 5000,
            "[[changement]]\ndebut = 0001-01-01\nflux = '*'\nfacteur = nan\nmotif = 'x'",
            "[[changement]]\ndebut = 9999-12-31\nfin = 0001-01-01\nflux = '*'\nfacteur = 2\nmotif = 'x'",
        ),
        "declarations": (
            sheet + "2026-09;59;" + "9" * 5000 + ";3;;x",
            sheet + "2026-09;59;;3;0," + "9" * 400 + ";x",
            sheet + "2026-13;59;1;3;;x",
            sheet + '2026-09;59;"1;3;;x',
            "\u202eindicateur;mois",
        ),
        "objectives": ("x = " + "[" * 5000, "[[objectif]]\nid = 5", "[[objectif]]"),
        "reference tables": ("x = " + "9" * 5000, "[[reference]]\nfichier = '../../x'"),
        "series": (
            "timestamp,value\n1e308,1\n-1e308,2\nnan,3",
            "timestamp,value\n1,2\n1,2\n0,3",
            "timestamp\n1",
            "a,a\n1,2",
        ),
        "findings": ("[" * 5000, "{}", "null", '{"finding_id": 5}', '{"history": {"start": "x"}}'),
        "settings": ("VIGIE_PARTITIONS=" + "9" * 5000, "VIGIE_\x1b[2J=1", "VIGIE_HTTP_PORT=-1"),
    }
    for kind, several in texts.items():
        name = kind.replace(" ", "_")
        for place, text in enumerate(several):
            yield f"{name}.{place}", text.encode()
        yield f"{name}.not_utf8", b"\xff\xfe\x00" + dice.randbytes(30)
        yield f"{name}.empty", b""


def _schemas() -> Iterator[tuple[str, bytes]]:
    yield "nested.json", b"[" * 20_000
    for name, schema in bombs().items():
        text = json.dumps(schema, separators=(",", ":")).encode()
        if len(text) < 100_000:
            yield f"{name.replace(' ', '_')}.json", text


def write() -> None:
    """Write every case and what becomes of it."""
    expected: dict[str, Any] = {}
    for path, octets in cases().items():
        place = CORPUS / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(octets)
        expected[path] = outcome(path, octets)
    EXPECTED.write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
