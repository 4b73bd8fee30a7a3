"""What the composition root makes of the settings' files; the worker itself is a system test."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl
import pytest

from agents.left_out import LeftOutAccount
from agents.region_usage import UsagePart, encode_usage_part
from agents.usages import UsageRow
from streams.digests import text_digests
from streams.errors import ConfigError, InputError
from streams.settings import Settings
from streams.topics import ACTIVITY_COUNTS
from streams.worker import Worker, keys_of, region_params, shard_params
from tests.support.records import FakeRecord

if TYPE_CHECKING:
    from pathlib import Path


def test_decoys_and_accounts_to_leave_out_come_from_their_files(tmp_path: Path) -> None:
    decoys, left_out = tmp_path / "decoys", tmp_path / "out"
    decoys.write_text("pa_1\n# none\npa_2\n")
    left_out.write_text("st_1 ac_1 1970-01-03\n")
    settings = Settings(decoys_file=str(decoys), left_out_file=str(left_out))

    watch = shard_params(settings).watch
    assert watch is not None
    assert watch.watch.decoys.digests == set(text_digests(pl.Series(["pa_1", "pa_2"])).tolist())
    assert watch.left_out == (LeftOutAccount("st_1", "ac_1", 2),)


def test_declared_changes_come_from_their_file(tmp_path: Path) -> None:
    changes = tmp_path / "changes.toml"
    changes.write_text(
        "[[changement]]\n"
        'debut = 2026-01-05T00:00:00+01:00\nflux = "dmp-deposits"\nfacteur = 1.5\n'
        'motif = "nouveau type de document"\n'
    )

    (change,) = region_params(Settings(changes_file=str(changes))).changes
    assert change.flow == "dmp-deposits"


def test_a_worker_may_count_and_watch_nobody() -> None:
    assert shard_params(Settings(watch="off")).watch is None
    with pytest.raises(ConfigError, match="VIGIE_WATCH"):
        Settings.from_env({"VIGIE_WATCH": "maybe"})


@pytest.mark.parametrize("name", ["decoys_file", "left_out_file", "changes_file"])
def test_a_file_that_is_not_there_is_named_with_its_setting(tmp_path: Path, name: str) -> None:
    settings = replace(Settings(), **{name: str(tmp_path / "nothing")})
    params = region_params if name == "changes_file" else shard_params

    with pytest.raises(ConfigError, match=f"VIGIE_{name.upper()}: .*nothing"):
        params(settings)


def test_a_worker_hears_what_the_region_s_structures_did() -> None:
    worker = Worker(Settings())
    row = UsageRow("DMP_DEPOSIT", "HOPITAL", "59", 2, 70)
    key, value = encode_usage_part(UsagePart(3, 24308, (row,)))
    (listening,) = (one for one in worker.subscriptions() if one.topic == ACTIVITY_COUNTS)

    listening.take(0, [FakeRecord(offset=0, key=key, value=value)])
    assert worker.usage.rows(24308) == (row,)
    listening.reset()
    assert worker.usage.months() == []


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("st_1\n")

    with pytest.raises(InputError, match="out:1"):
        shard_params(Settings(left_out_file=str(path)))


SETTINGS = Settings(kafka_bootstrap="127.0.0.1:1")


def _access(tmp_path: Path, **given: object) -> Settings:
    tokens, key = tmp_path / "tokens", tmp_path / "key"
    tokens.write_text(f"ana viewer {'0' * 64}\n")
    key.write_text("k" * 43)
    for path in (tokens, key):
        path.chmod(0o640)
    files: dict[str, object] = {"tokens_file": str(tokens), "session_key_file": str(key)}
    return replace(SETTINGS, **(files | given))  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "worker-1"])  # noqa: S104 (refused)
def test_a_worker_that_others_reach_does_not_start_without_tokens(
    tmp_path: Path, host: str
) -> None:
    with pytest.raises(ConfigError, match=f"VIGIE_TOKENS_FILE: required, since .*={host} listens"):
        Worker(replace(SETTINGS, http_host=host))
    assert keys_of(_access(tmp_path, http_host=host)) is not None


def test_a_worker_of_this_machine_needs_none_and_takes_some(tmp_path: Path) -> None:
    assert keys_of(SETTINGS) is None
    assert keys_of(_access(tmp_path)) is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [("session_key_file", "key"), ("trusted_proxies", ("10.0.0.0/8",))],
)
def test_what_goes_with_tokens_alone_says_so(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"VIGIE_{name.upper()}: needs VIGIE_TOKENS_FILE"):
        keys_of(replace(SETTINGS, **{name: value}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("page_url", "is_told"),
    [
        ("", True),
        ("http://vigie.region.example/", True),
        ("https://vigie.region.example/", False),
        ("http://127.0.0.1:6066/", False),
    ],
)
def test_tokens_that_would_cross_a_network_in_clear_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, page_url: str, *, is_told: bool
) -> None:
    keys_of(_access(tmp_path, http_host="10.0.0.1", page_url=page_url))
    assert ("tokens cross the network in clear" in caplog.text) is is_told
    caplog.clear()
    keys_of(_access(tmp_path, page_url=page_url))
    assert caplog.text == ""
