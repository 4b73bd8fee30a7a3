"""No secret of a setting shows itself: in no text of a value, no error, no log line, no complaint."""

from __future__ import annotations

import copy
import dataclasses
import logging
import pickle
import traceback
from typing import TYPE_CHECKING

import pytest
import trustme

from metrics.sessions import Sessions
from metrics.web_access import Keys
from streams import cli
from streams.errors import VigieError
from streams.kafka_access import kafka_access
from streams.secret import Secret
from streams.settings import Settings
from streams.tokens import digest_of
from streams.tokens_file import session_key
from streams.worker import keys_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD, KEY, TOKEN = "harbour-lantern-21", "lighthouse" * 4, "vigie_tide_table_7"

SECRET_FILES = {
    "kafka_password_file": PASSWORD,
    "kafka_key_file": "",
    "session_key_file": KEY,
    "tokens_file": f"ana viewer {digest_of(TOKEN)}\n",
    "decoys_file": "pa_of_nobody_at_all_01\n",
}
"""Settings that name a file with something in it that is not for everybody, and what is in it."""
OTHER_FILES = {"kafka_ca_file", "kafka_cert_file", "changes_file", "left_out_file"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca"))
    own = authority.issue_cert("vigie")
    own.cert_chain_pems[0].write_to_path(str(tmp_path / "cert"))
    given = {}
    for name, text in SECRET_FILES.items():
        path = tmp_path / name
        path.write_text(text or own.private_key_pem.bytes().decode())
        path.chmod(0o600)
        given[name] = str(path)
    return Settings(
        kafka_bootstrap="one:9093",
        kafka_security="SASL_SSL",
        kafka_username="vigie",
        kafka_ca_file=str(tmp_path / "ca"),
        kafka_cert_file=str(tmp_path / "cert"),
        **given,  # type: ignore[arg-type]
    )


def _texts(value: object) -> Iterator[str]:
    yield repr(value)
    yield str(value)
    yield f"{value!s:>20}"
    yield "%s" % (value,)  # noqa: UP031 (as loggers do)
    yield repr([value])


def _assert_silent(text: str, settings: Settings) -> None:
    with open(settings.kafka_key_file, encoding="utf-8") as file:  # noqa: PTH123 (as it is named)
        key_lines = file.read().splitlines()[1:-1]
    for secret in (PASSWORD, KEY, TOKEN, "pa_of_nobody_at_all_01", *key_lines):
        assert secret not in text


def test_every_file_of_the_settings_is_known_to_hold_a_secret_or_none() -> None:
    files = {one.name for one in dataclasses.fields(Settings) if one.name.endswith("_file")}
    assert files == SECRET_FILES.keys() | OTHER_FILES


def test_no_setting_is_itself_a_secret() -> None:
    words = ("password", "secret", "token", "key", "credential")
    holding = {
        one.name
        for one in dataclasses.fields(Settings)
        if any(word in one.name for word in words) and not one.name.endswith("_file")
    }
    assert holding == set()


def test_values_that_hold_a_secret_do_not_show_it(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    keys = keys_of(settings)
    assert isinstance(keys, Keys)
    access = kafka_access(settings)
    assert access.password is not None
    holders = (settings, access, access.password, keys, keys.sessions, keys.tokens, Sessions)
    for holder in (*holders, session_key(settings.session_key_file)):
        for text in _texts(holder):
            _assert_silent(text, settings)
        logging.getLogger("vigie").warning("made of %s", holder)
    _assert_silent(caplog.text, settings)
    for holder in (access.password, keys.sessions):
        with pytest.raises(TypeError):
            pickle.dumps(holder)
        with pytest.raises(TypeError):
            copy.deepcopy(holder)


@pytest.mark.parametrize("name", SECRET_FILES)
def test_no_complaint_about_a_setting_quotes_its_file(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    broken = tmp_path / "broken"
    whole = SECRET_FILES[name] or "-----BEGIN PRIVATE KEY-----\nlighthouse\n"
    for text, mode in ((whole[: len(whole) // 2], 0o600), (whole, 0o606), (whole + "\0x", 0o600)):
        broken.write_text(text)
        broken.chmod(mode)
        changed = dataclasses.replace(settings, **{name: str(broken)})
        try:
            keys_of(changed)
            kafka_access(changed)
        except VigieError as error:
            told = "".join(traceback.format_exception(error))
            shown = [line for line in told.splitlines() if not line.startswith("    ")]
            assert text.strip() not in "\n".join(shown)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "variable", ["VIGIE_KAFKA_PASSWORD", "VIGIE_TOKEN", "VIGIE_SESSION_KEY", "VIGIE_HTTP_PORT"]
)
def test_a_secret_in_a_variable_of_no_setting_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str
) -> None:
    monkeypatch.setattr("os.environ", {variable: PASSWORD})
    assert cli.main(["worker", "--kafka", "127.0.0.1:1"]) == 2
    out, err = capsys.readouterr()
    assert err.startswith(f"vigie: {variable}: ")
    assert PASSWORD not in out + err


def test_a_secret_that_an_error_carries_stays_one() -> None:
    told = "".join(traceback.format_exception(ValueError(Secret(PASSWORD))))
    assert PASSWORD not in told
    assert "Secret(***)" in told
