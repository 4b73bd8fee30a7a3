"""How Vigie reaches Kafka: one place for addresses, TLS and credentials.

Every client is built from `KafkaAccess.options()`, so none of them can forget the encryption.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from streams.errors import ConfigError
from streams.secret import Secret

if TYPE_CHECKING:
    from streams.settings import Settings

_PREFIX: Final = "VIGIE_KAFKA_"


@dataclass(frozen=True, slots=True)
class KafkaAccess:
    """Servers, and what they ask of a client.

    Attributes:
        bootstrap: `host:port[,host:port…]`.
        protocol: Kafka's `security.protocol`.
        mechanism: SASL mechanism; without meaning where the protocol has no SASL.
        username: SASL name.
        password: SASL password.
        tls: how the server is verified and, with a certificate, the client shown.
    """

    bootstrap: str
    protocol: str = "PLAINTEXT"
    mechanism: str = ""
    username: str = ""
    password: Secret | None = None
    tls: ssl.SSLContext | None = None

    @property
    def servers(self) -> list[str]:
        """`host:port` of each server."""
        return [server.strip() for server in self.bootstrap.split(",")]

    def options(self) -> dict[str, Any]:
        """Keyword arguments that kafka-python's and aiokafka's clients have in common."""
        given: dict[str, Any] = {"bootstrap_servers": self.servers}
        if self.protocol != "PLAINTEXT":
            given |= {"security_protocol": self.protocol, "ssl_context": self.tls}
        if self.password is not None:
            given |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password.reveal(),
            }
        return given


def kafka_access(settings: Settings) -> KafkaAccess:
    """What the settings say of Kafka, with its files read.

    Raises:
        ConfigError: a setting is missing, does not fit the others, or names a file that cannot be used.
    """
    bootstrap = settings.require_kafka()
    protocol = settings.kafka_security
    has_tls, has_sasl = protocol != "PLAINTEXT", protocol == "SASL_SSL"
    _only_with("SSL or SASL_SSL", has_tls, settings, "ca_file", "cert_file", "key_file")
    _only_with("SASL_SSL", has_sasl, settings, "username", "password_file")
    if not has_tls:
        return KafkaAccess(bootstrap)
    tls = _context(settings)
    if not has_sasl:
        return KafkaAccess(bootstrap, protocol, tls=tls)
    for name in ("username", "password_file"):
        if not getattr(settings, f"kafka_{name}"):
            raise ConfigError(f"{_PREFIX}{name.upper()}: required with SASL_SSL")
    return KafkaAccess(
        bootstrap,
        protocol,
        settings.kafka_sasl_mechanism,
        settings.kafka_username,
        _password(settings.kafka_password_file),
        tls,
    )


def _only_with(what: str, is_so: bool, settings: Settings, *names: str) -> None:
    for name in names:
        if not is_so and getattr(settings, f"kafka_{name}"):
            raise ConfigError(f"{_PREFIX}{name.upper()}: needs {_PREFIX}SECURITY={what}")


def _password(path: str) -> Secret:
    try:
        text = Path(path).read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"{_PREFIX}PASSWORD_FILE: {path} cannot be read as text") from None
    if not text:
        raise ConfigError(f"{_PREFIX}PASSWORD_FILE: {path} is empty")
    return Secret(text)


def _context(settings: Settings) -> ssl.SSLContext:
    ca, cert, key = settings.kafka_ca_file, settings.kafka_cert_file, settings.kafka_key_file
    if key and not cert:
        raise ConfigError(f"{_PREFIX}KEY_FILE: needs {_PREFIX}CERT_FILE")
    try:
        context = ssl.create_default_context(cafile=ca or None)
    except (OSError, ssl.SSLError):
        raise ConfigError(f"{_PREFIX}CA_FILE: {ca} holds no certificates") from None
    if cert:
        try:
            context.load_cert_chain(cert, key or None, password=_no_password)
        except (OSError, ssl.SSLError):
            raise ConfigError(
                f"{_PREFIX}CERT_FILE: {cert} holds no certificate with its unencrypted key"
            ) from None
    return context


def _no_password() -> str:
    # Without it OpenSSL would ask on the terminal.
    return ""
