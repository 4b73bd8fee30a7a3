from __future__ import annotations

import pytest

from streams import cli


def test_a_line_per_resource_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["acls", "--role", "producer", "--principal", "User:edge"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "--add --allow-principal User:edge --topic dmp-deposits --operation Write"
    assert len(lines) == 5


@pytest.mark.parametrize(
    ("arguments", "option"),
    [(["--role", "king"], "--role"), (["--principal", "me"], "--principal")],
)
def test_bad_options_are_named(
    arguments: list[str], option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["acls", *arguments]) == 2
    assert option in capsys.readouterr().err
