"""A real Kafka that asks for TLS and a password, and lets nobody do more than it was told.

The tests' own listener without encryption is its administrator's; everybody else comes by `secure`.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ResourcePattern,
    ResourceType,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from simulators.broker import LOOPBACK
from tests.support.servers_kafka import KafkaCluster, server_port

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from streams.acls import Right

MECHANISM: Final = "SCRAM-SHA-512"


class SecureKafka(KafkaCluster):
    """One broker with a SASL_SSL listener beside the administrator's.

    Args:
        directory: where data, certificates and logs go.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self.ca_file = directory / "ca.pem"
        self._passwords = directory / "passwords"
        self._passwords.mkdir()
        self._port = server_port()
        super().__init__(directory, brokers=1, settings=self._secure_settings(directory))
        (node,) = self._nodes
        open_port, controller_port = node.port, node.controller_port
        self._settings["listeners"] = (
            f"PLAINTEXT://{LOOPBACK}:{open_port},SECURE://{LOOPBACK}:{self._port}"
            f",CONTROLLER://{LOOPBACK}:{controller_port}"
        )
        self._settings["advertised.listeners"] = (
            f"PLAINTEXT://{LOOPBACK}:{open_port},SECURE://{LOOPBACK}:{self._port}"
        )

    @property
    def secure(self) -> str:
        """`host:port` of the listener that asks who comes."""
        return f"{LOOPBACK}:{self._port}"

    def user(self, name: str, rights: Iterable[Right] = ()) -> dict[str, str]:
        """Make a user with these rights; give back the settings with which it comes."""
        password = secrets.token_urlsafe(24)
        path = self._passwords / name
        path.write_text(password)
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        try:
            mechanism = ScramMechanism.SCRAM_SHA_512
            refused = admin.alter_user_scram_credentials(
                [UserScramCredentialUpsertion(name, mechanism, password)]
            )
            assert not any(refused.values()), refused
            acls = [
                ACL(
                    f"User:{name}",
                    "*",
                    ACLOperation[operation],
                    ACLPermissionType.ALLOW,
                    ResourcePattern(ResourceType[right.kind.upper()], right.name),
                )
                for right in rights
                for operation in right.operations
            ]
            if acls:
                failed = admin.create_acls(acls)["failed"]
                assert not failed, failed
        finally:
            admin.close()
        return {
            "kafka_bootstrap": self.secure,
            "kafka_security": "SASL_SSL",
            "kafka_sasl_mechanism": MECHANISM,
            "kafka_username": name,
            "kafka_password_file": str(path),
            "kafka_ca_file": str(self.ca_file),
        }

    def _secure_settings(self, directory: Path) -> dict[str, str]:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.ca_file))
        own = directory / "broker.pem"
        issued = authority.issue_cert(LOOPBACK)
        # Java reads keys in PKCS#8 only.
        key = load_pem_private_key(issued.private_key_pem.bytes(), None).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        own.write_bytes(key + b"".join(part.bytes() for part in issued.cert_chain_pems))
        listener = "listener.name.secure."
        login = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        return {
            "listener.security.protocol.map": (
                "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL"
            ),
            f"{listener}ssl.keystore.type": "PEM",
            f"{listener}ssl.keystore.location": str(own),
            f"{listener}sasl.enabled.mechanisms": MECHANISM,
            f"{listener}{MECHANISM.lower()}.sasl.jaas.config": login,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            # Who comes by the listener without TLS is nobody else than the test itself.
            "super.users": "User:ANONYMOUS",
            "allow.everyone.if.no.acl.found": "false",
        }
