"""The kept corpus, and a short run of every target."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from streams import codec
from streams.event_columns import EventColumns
from tests.fuzz.__main__ import PARTS, ROUNDS, Part, fuzz, main, table
from tests.fuzz.corpus import CORPUS, EXPECTED, cases, outcome

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fuzz.feedback import Tally

KEPT = json.loads(EXPECTED.read_text(encoding="utf-8"))
KINDS = sorted({path.split(".")[0] for path in KEPT})


def test_the_corpus_is_what_its_code_writes() -> None:
    written = {path: (CORPUS / path).read_bytes() for path in KEPT}

    assert written == cases()
    assert max(map(len, written.values())) < 100_000


@pytest.mark.parametrize("kind", KINDS)
def test_every_kept_input_comes_to_what_is_expected_of_it(kind: str) -> None:
    several = [path for path in KEPT if path.split(".")[0] == kind]

    found = {path: outcome(path, (CORPUS / path).read_bytes()) for path in several}

    assert found == {path: KEPT[path] for path in several}


@pytest.mark.parametrize("part", PARTS, ids=[part.name for part in PARTS])
def test_a_short_run_misses_nothing(part: Part) -> None:
    (line,) = fuzz(4_000, 20_251_122, [part], rounds=4)

    assert line.tally.misses == []
    assert line.tally.given >= part.least


def test_a_record_that_vanishes_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.codec._judge", lambda *_: {})

    (line,) = fuzz(900, 1, [PARTS[0]], rounds=3)

    assert any("neither an event nor a dead letter" in one for one in line.tally.misses)


def backwards(events: EventColumns) -> EventColumns:
    return EventColumns.of(events.frame.reverse())


def test_a_neighbour_that_is_read_as_another_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    in_order = codec._in_order
    monkeypatch.setattr(
        "streams.codec._in_order",
        lambda empty, parts: (backwards(in_order(empty, parts)[0]), in_order(empty, parts)[1]),
    )

    (line,) = fuzz(900, 1, [PARTS[0]], rounds=3)

    assert any("read as another" in one for one in line.tally.misses)


def test_a_reader_that_raises_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr("agents.findings_view.timeline_row", broken)

    (line,) = fuzz(8_000, 1, [PARTS[1]], rounds=3)

    assert any("findings: ZeroDivisionError: planted" in one for one in line.tally.misses)


class _Forgetful:
    """Remembers too much, and loses a neighbour."""

    kept: list[bytes]

    def __init__(self, seed: int, tally: Tally) -> None:
        del seed
        self._tally = tally
        self.kept = []

    def run(self, hostile: int) -> None:
        self.kept.append(b"x" * (8 << 20))
        self._tally.given += hostile
        self._tally.miss("a good record was lost")


def test_a_run_says_what_it_missed_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    leaky = Part("leaky", _Forgetful, 1.0)
    monkeypatch.setattr("tests.fuzz.__main__.PARTS", (leaky,))

    (line,) = fuzz(ROUNDS, 1, [leaky])
    monkeypatch.setattr("tests.fuzz.__main__.fuzz", lambda *_: [line])
    code = main(["--records", "24", "--json", str(tmp_path / "figures.json")])

    assert code == 1
    told = capsys.readouterr().out
    assert "a good record was lost" in told
    assert "memory grew" in told
    assert json.loads((tmp_path / "figures.json").read_text())["missed"] == ROUNDS + 1
    assert "leaky" in table([line])
