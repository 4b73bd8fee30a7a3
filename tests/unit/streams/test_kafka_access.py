from __future__ import annotations

import copy
import pickle
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from streams.errors import ConfigError
from streams.faust_settings import faust_settings
from streams.kafka_access import KafkaAccess, kafka_access
from streams.secret import Secret
from streams.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "harbour-lantern-21"  # noqa: S105  # nobody's


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    own = authority.issue_cert("vigie")
    own.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "own.pem"))
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    return {
        "kafka_ca_file": str(tmp_path / "ca.pem"),
        "kafka_cert_file": str(tmp_path / "own.pem"),
        "kafka_password_file": str(tmp_path / "password"),
    }


def _settings(**given: str) -> Settings:
    return Settings(kafka_bootstrap="one:9093, two:9093", **given)  # type: ignore[arg-type]


def test_without_security_only_the_servers_are_told() -> None:
    assert kafka_access(_settings()).options() == {"bootstrap_servers": ["one:9093", "two:9093"]}


def test_name_password_and_certificates_reach_every_client(files: dict[str, str]) -> None:
    del files["kafka_cert_file"]
    access = kafka_access(_settings(kafka_security="SASL_SSL", kafka_username="vigie", **files))
    options = access.options()
    context = options.pop("ssl_context")
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert options == {
        "bootstrap_servers": ["one:9093", "two:9093"],
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "vigie",
        "sasl_plain_password": PASSWORD,
    }


def test_a_client_certificate_needs_no_name(files: dict[str, str]) -> None:
    del files["kafka_password_file"]
    options = kafka_access(_settings(kafka_security="SSL", **files)).options()
    assert set(options) == {"bootstrap_servers", "security_protocol", "ssl_context"}


def test_faust_gets_the_same_credentials(files: dict[str, str]) -> None:
    del files["kafka_cert_file"]
    settings = _settings(kafka_security="SASL_SSL", kafka_username="vigie", **files)
    credentials = faust_settings(settings)["broker_credentials"]
    assert credentials.protocol.value == "SASL_SSL"
    assert credentials.mechanism.value == "SCRAM-SHA-512"
    assert (credentials.username, credentials.password) == ("vigie", PASSWORD)
    assert faust_settings(_settings())["broker_credentials"] is None


def test_a_secret_shows_itself_to_nobody() -> None:
    secret = Secret(PASSWORD)
    access = KafkaAccess("one:9093", "SASL_SSL", "PLAIN", "vigie", secret)
    for shown in (repr(secret), str(secret), f"{access}", repr([secret]), f"{secret!s:>20}"):
        assert PASSWORD not in shown
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.deepcopy(secret)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"kafka_username": "vigie"}, "VIGIE_KAFKA_USERNAME: needs VIGIE_KAFKA_SECURITY=SASL_SSL"),
        ({"kafka_ca_file": "x"}, "VIGIE_KAFKA_CA_FILE: needs VIGIE_KAFKA_SECURITY=SSL or SASL_SSL"),
        ({"kafka_security": "SASL_SSL"}, "VIGIE_KAFKA_USERNAME: required with SASL_SSL"),
        (
            {"kafka_security": "SASL_SSL", "kafka_username": "vigie"},
            "VIGIE_KAFKA_PASSWORD_FILE: required with SASL_SSL",
        ),
        (
            {"kafka_security": "SSL", "kafka_ca_file": "nowhere.pem"},
            "VIGIE_KAFKA_CA_FILE: nowhere.pem holds no certificates",
        ),
        (
            {"kafka_security": "SSL", "kafka_key_file": "nowhere.pem"},
            "VIGIE_KAFKA_KEY_FILE: needs VIGIE_KAFKA_CERT_FILE",
        ),
        (
            {"kafka_security": "SSL", "kafka_cert_file": "nowhere.pem"},
            "VIGIE_KAFKA_CERT_FILE: nowhere.pem holds no certificate with its unencrypted key",
        ),
    ],
)
def test_what_does_not_fit_is_named(given: dict[str, str], line: str) -> None:
    with pytest.raises(ConfigError) as refused:
        kafka_access(_settings(**given))
    assert str(refused.value) == line


@pytest.mark.parametrize(("content", "why"), [("", "is empty"), ("\n", "is empty")])
def test_a_password_file_without_a_password_is_refused(
    tmp_path: Path, content: str, why: str
) -> None:
    path = tmp_path / "password"
    path.write_text(content)
    settings = _settings(
        kafka_security="SASL_SSL", kafka_username="vigie", kafka_password_file=str(path)
    )
    with pytest.raises(ConfigError, match=why):
        kafka_access(settings)


def test_a_password_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = _settings(
        kafka_security="SASL_SSL",
        kafka_username="vigie",
        kafka_password_file=str(tmp_path / "nowhere"),
    )
    with pytest.raises(ConfigError, match=r"VIGIE_KAFKA_PASSWORD_FILE: .*cannot be read"):
        kafka_access(settings)
