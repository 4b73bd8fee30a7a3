from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import orjson
import pytest

from simulators import recording
from simulators.recording import LABELS_FILE
from streams import cli

if TYPE_CHECKING:
    from pathlib import Path


def test_an_attack_that_was_asked_for_is_labelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = partial(recording.simulate_to_directory, scale=0.01)
    monkeypatch.setattr(recording, "simulate_to_directory", small)
    to = tmp_path / "region"
    asked = ("--attack", "fast-harvest@2025-09-01:identities=7", "--attack", "epidemic")

    assert cli.main(("simulate", "--to", str(to), "--start", "2025-09-01", *asked)) == 0
    assert "platform-accesses" in capsys.readouterr().out
    lines = [orjson.loads(line) for line in (to / LABELS_FILE).read_bytes().splitlines()]
    assert [(line["attack"], line["kind"]) for line in lines] == [
        ("fast-harvest", "attack"),
        ("epidemic", "lookalike"),
    ]
    assert lines[0]["identities_by_day"] == {"2025-09-01": 7}


@pytest.mark.parametrize("command", [("simulate", "--to", "x", "--start", "2025-09-01"), ("demo",)])
@pytest.mark.parametrize("asked", ["fly", "predice:wings=2"])
def test_an_attack_that_does_not_exist_is_refused_with_the_names_that_do(
    command: tuple[str, ...], asked: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main((*command, "--attack", asked)) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert ("fast-harvest" if asked == "fly" else "identities") in err
