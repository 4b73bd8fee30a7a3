from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from streams import cli
from streams.commands import schemas as schemas_command
from streams.errors import ConfigError, InputError, SchemaError, TransientError

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = (
    *("demo", "worker", "objectives", "declare", "simulate", "replay", "backtest", "topics"),
    "schemas",
)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", {})


def _complaint(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """The one line that bad input gives, with its exit code checked."""
    assert cli.main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("vigie: ")
    assert err.count("\n") == 1
    return err


def test_without_arguments_the_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_an_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert "Example: " in out
    assert f"vigie {name}" in out


def test_help_waits_for_no_heavy_module() -> None:
    probe = (
        "import sys; from streams.cli import main; main(['--help']);"
        "heavy = {'polars', 'numpy', 'faust', 'kafka', 'aiohttp', 'fastavro'} & set(sys.modules);"
        "sys.exit(sorted(heavy) or None)"
    )
    start_s = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stderr == ""
    assert done.returncode == 0
    # The target is half a second; the rest is room for a machine that is busy with other tests.
    assert time.perf_counter() - start_s < 3


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (("fly",), "'fly'"),
        (("simulate", "--wings"), "--wings"),
        (("simulate", "--to", "x"), "--start"),
        (("simulate", "--to", "x", "--start", "2025-02-30"), "--start"),
        (("simulate", "--to", "x", "--start", "2025-09-01", "--days", "0"), "--days"),
        (("simulate", "--to", "x", "--start", "2025-09-01", "--days", "many"), "--days"),
        (("simulate", "--to", "x", "--start", "2025-09-01", "--speed", "nan"), "--speed"),
        (("simulate", "--to", "x", "--start", "2025-09-01", "--seed", "-1"), "--seed"),
        (("simulate", "--to", "kafka", "--start", "2025-09-01"), "VIGIE_KAFKA_BOOTSTRAP"),
        (("replay", "nowhere"), "nowhere: no such directory"),
        (("backtest", "nowhere"), "nowhere: no such directory"),
        (("demo", "--speed", "0"), "--speed"),
        (("demo", "--seconds", "inf"), "--seconds"),
        (("demo", "--port", "70000"), "--port"),
        (("worker",), "VIGIE_KAFKA_BOOTSTRAP"),
        (("topics",), "VIGIE_KAFKA_BOOTSTRAP"),
        (("topics", "--kafka", "127.0.0.1:zero"), "VIGIE_KAFKA_BOOTSTRAP"),
        (("topics", "--kafka", "x:1", "--partitions", "0"), "--partitions"),
        (("schemas", "--folder", "nowhere"), "--folder"),
    ],
)
def test_bad_input_is_one_line_that_names_it(
    argv: tuple[str, ...], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert named in _complaint(capsys, *argv)


@pytest.mark.parametrize("command", ["replay", "backtest"])
def test_a_folder_without_a_recording_is_named(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"{tmp_path}: holds no recording" in _complaint(capsys, command, str(tmp_path))


def test_rates_never_overwrite_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "insi-calls.avro").touch()
    rates = tmp_path / "rates.csv"
    rates.write_text("mine")
    complaint = _complaint(capsys, "backtest", str(tmp_path), "--rates", str(rates))
    assert "exists already" in complaint
    assert rates.read_text() == "mine"


def test_rates_into_a_folder_that_is_not_there_are_refused_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "insi-calls.avro").touch()
    rates = str(tmp_path / "deep" / "rates.csv")
    assert "--rates" in _complaint(capsys, "backtest", str(tmp_path), "--rates", rates)


@pytest.mark.parametrize(
    ("name", "value"),
    [("VIGIE_PARTITIONS", "many"), ("VIGIE_PARTITIONS", "0"), ("VIGIE_PARTITION", "8")],
)
def test_a_bad_setting_is_named(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.environ", {name: value})
    assert f"{name}: " in _complaint(capsys, "topics", "--kafka", "127.0.0.1:1")


def _raise(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("streams.schemas.Schemas.load", fail)


@pytest.mark.parametrize("kind", [ConfigError, InputError, SchemaError])
def test_errors_of_several_lines_become_one(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _raise(monkeypatch, kind("a file\nis broken"))
    assert _complaint(capsys, "schemas") == "vigie: a file is broken\n"


def test_a_server_that_stops_answering_is_no_bad_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _raise(monkeypatch, TransientError("Kafka at here:9092: gone"))
    assert cli.main(["schemas"]) == 1
    assert capsys.readouterr() == ("", "vigie: Kafka at here:9092: gone\n")


def test_a_file_that_the_system_refuses_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _raise(monkeypatch, PermissionError(13, "Permission denied", "locked.avro"))
    assert _complaint(capsys, "schemas") == "vigie: locked.avro: Permission denied\n"


def test_an_interruption_ends_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _raise(monkeypatch, KeyboardInterrupt())
    assert cli.main(["schemas"]) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("error", [RuntimeError("a mistake"), OSError("without a file")])
def test_a_mistake_of_our_own_keeps_its_traceback(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    _raise(monkeypatch, error)
    with pytest.raises(type(error)):
        cli.main(["schemas"])


def test_a_reader_that_leaves_early_is_no_error() -> None:
    line = "import sys; from streams.cli import main; sys.exit(main())"
    done = subprocess.run(
        ["/bin/sh", "-c", f"'{sys.executable}' -c '{line}' schemas --json | head -c 1"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout == "{"
    assert "Traceback" not in done.stderr


def test_schemas_print_a_fingerprint_of_every_record(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schemas"]) == 0
    out = capsys.readouterr().out
    assert all(record in out for record in ("DmpDeposit", "PlatformAccess", "Finding"))


def test_incompatible_schemas_give_exit_code_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("streams.compatibility.check_folder", lambda _: ["v1 cannot read v2: x"])
    assert schemas_command.schemas() == 1
    assert capsys.readouterr().err == "vigie: v1 cannot read v2: x\n"


def test_what_is_quoted_does_not_speak_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["findings", "list", "--since", "\x1b[2J\u202e"]) == 2

    said = capsys.readouterr().err
    assert "--since" in said
    assert said.rstrip("\n").isprintable()
