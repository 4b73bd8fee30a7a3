from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streams.commands.options import above_zero, at_least, existing_recording, load_settings
from streams.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def test_an_option_that_is_given_wins_over_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "os.environ", {"VIGIE_KAFKA_BOOTSTRAP": "there:9092", "VIGIE_PARTITIONS": "3"}
    )
    settings = load_settings(kafka_bootstrap="here:9092", partitions=None)
    assert (settings.kafka_bootstrap, settings.partitions) == ("here:9092", 3)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_above_zero_means_a_number_above_zero(value: float) -> None:
    with pytest.raises(InputError, match="--speed: must be above 0"):
        above_zero("--speed", value)


def test_the_least_value_is_allowed() -> None:
    at_least("--days", 1, 1)


def test_one_flow_is_a_recording(tmp_path: Path) -> None:
    (tmp_path / "insi-calls.avro").touch()
    assert existing_recording(tmp_path) == tmp_path
