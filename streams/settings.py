"""Every setting of the service, in one frozen class read from the environment (pure)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_type_hints

from streams.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "VIGIE_"


def _setting(
    default: Any, doc: str, *, minimum: int | None = None, choices: tuple[str, ...] = ()
) -> Any:
    if choices:
        doc += ": " + ", ".join(f"`{choice}`" for choice in choices)
    return field(default=default, metadata={"doc": doc, "minimum": minimum, "choices": choices})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a worker needs to know; each field is read from `VIGIE_<NAME>`.

    The field's text stands in its metadata, so that README's table and `vigie worker --help` are made
    from one place.
    """

    kafka_bootstrap: str = _setting("", "Kafka servers, `host:port[,host:port…]`; required")
    kafka_security: str = _setting(
        "PLAINTEXT",
        "how Kafka is spoken to; anything but a test asks for one of the others",
        choices=("PLAINTEXT", "SSL", "SASL_SSL"),
    )
    kafka_ca_file: str = _setting(
        "", "certificates (PEM) of who may vouch for Kafka's servers; empty takes the system's"
    )
    kafka_cert_file: str = _setting("", "own certificate (PEM), where Kafka asks for one")
    kafka_key_file: str = _setting("", "its key (PEM), unless the certificate's file holds it")
    kafka_sasl_mechanism: str = _setting(
        "SCRAM-SHA-512",
        "how name and password are shown with SASL_SSL",
        choices=("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"),
    )
    kafka_username: str = _setting("", "name, with SASL_SSL")
    kafka_password_file: str = _setting(
        "", "file that holds the password and nothing else, with SASL_SSL"
    )
    group_id: str = _setting("vigie", "consumer group, and the prefix of the changelogs")
    group_instance_id: str = _setting(
        "", "static membership id, unique per worker; empty for dynamic membership"
    )
    partitions: int = _setting(8, "partition count of the five flows and of the marks", minimum=1)
    replication: int = _setting(1, "replication factor of topics that Vigie creates", minimum=1)
    departments: tuple[str, ...] = _setting(
        ("02", "59", "60", "62", "80"), "the region's departments; any other is HORS_REGION"
    )
    allowed_lateness_s: int = _setting(
        86_400,
        "how far behind the newest event of its flow and partition an event may be and still count",
        minimum=60,
    )
    duplicate_ids_max: int = _setting(
        262_144, "event ids remembered per flow and partition; the oldest leave first", minimum=1024
    )
    clock_skew_s: int = _setting(
        600,
        "how far an event's clock may be ahead of Kafka's before it is dead-lettered",
        minimum=1,
    )
    small_cell_min: int = _setting(
        5, "active accounts or structures below this count are withheld", minimum=1
    )
    decision_margin_ms: int = _setting(
        500,
        "how long a record may take from its Kafka timestamp to the log; accesses are judged so much "
        "later than they come",
        minimum=0,
    )
    watch: str = _setting(
        "on",
        "whether accounts and flows are watched, or only counted; changing it needs a new group id",
        choices=("on", "off"),
    )
    decoys_file: str = _setting(
        "", "pseudonyms of identities that nobody has a reason to read, one a line"
    )
    changes_file: str = _setting("", "changes of the flows that are declared in advance (TOML)")
    objectives_dir: str = _setting(
        "",
        "folder of the region's objectives; empty takes those of Hauts-de-France, which show with its "
        "own departments only",
    )
    left_out_file: str = _setting(
        "", "accounts whose days teach nothing, `structure_pid actor_pid YYYY-MM-DD` a line"
    )
    checkpoint_interval_ms: int = _setting(
        500,
        "time from a checkpoint to the next, unless bytes force one sooner; ten times as long while a "
        "backlog is read",
        minimum=10,
    )
    checkpoint_max_bytes: int = _setting(
        524_288,
        "pending changelog bytes of a partition that force a checkpoint; thirty-two times as many while "
        "a backlog is read",
        minimum=4096,
    )
    slice_max_records: int = _setting(16_384, "most records in one slice", minimum=1)
    fetch_max_bytes: int = _setting(4_194_304, "most bytes fetched per partition", minimum=1024)
    session_timeout_s: int = _setting(10, "Kafka group session timeout", minimum=1)
    stall_timeout_s: int = _setting(
        60, "a worker with lag that makes no progress for this long exits with code 3", minimum=5
    )
    http_host: str = _setting("127.0.0.1", "address of the live page and /metrics")
    http_port: int = _setting(6066, "port of the live page and /metrics; 0 picks one", minimum=0)
    page_url: str = _setting(
        "", "address of the live page for its readers, `https://…`; alerts link to it"
    )
    tokens_file: str = _setting(
        "",
        "who may read the page, judge and unmask, `name role digest [until]` a line, as `vigie token` "
        "prints it; required beyond loopback, read again when it changes",
    )
    session_key_file: str = _setting(
        "",
        "secret that signs the browsers' sessions, 32 characters or more, the same for every worker; "
        "empty ends sessions with the worker",
    )
    trusted_proxies: tuple[str, ...] = _setting(
        (),
        "addresses or networks of proxies before the page whose `X-Forwarded-For` and "
        "`X-Forwarded-Proto` are believed",
    )
    alertmanager_urls: tuple[str, ...] = _setting(
        (), "Alertmanagers to push findings to, `http://host:port[,…]`: every one of a cluster"
    )
    alert_min_severity: str = _setting(
        "MEDIUM",
        "mildest severity that is pushed",
        choices=("LOW", "MEDIUM", "HIGH", "CRITICAL"),
    )
    schema_registry_url: str = _setting(
        "", "Confluent-compatible registry; empty writes Avro single-object encoding"
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, str], **overrides: Any) -> Settings:
        """Read the settings from a mapping such as `os.environ`.

        Args:
            environ: variables; those without the prefix are ignored.
            overrides: values that win over the environment (the command's options).

        Raises:
            ConfigError: an unknown `VIGIE_` name, a malformed number, a value out of range.
        """
        fields = {PREFIX + f.name.upper(): f for f in dataclasses.fields(cls)}
        unknown = sorted(n for n in environ if n.startswith(PREFIX) and n not in fields)
        if unknown:
            raise ConfigError(f"{unknown[0]}: no such setting")
        hints = get_type_hints(cls)
        values = {
            f.name: _parse(name, environ[name], hints[f.name])
            for name, f in fields.items()
            if name in environ
        }
        values.update(overrides)
        settings = cls(**values)
        for name, f in fields.items():
            minimum = f.metadata["minimum"]
            if minimum is not None and getattr(settings, f.name) < minimum:
                raise ConfigError(f"{name}: must be at least {minimum}")
            choices = f.metadata["choices"]
            if choices and getattr(settings, f.name) not in choices:
                raise ConfigError(f"{name}: must be one of {', '.join(choices)}")
        return settings

    @property
    def allowed_lateness_ms(self) -> int:
        """`allowed_lateness_s` in milliseconds."""
        return self.allowed_lateness_s * 1000

    @property
    def clock_skew_ms(self) -> int:
        """`clock_skew_s` in milliseconds."""
        return self.clock_skew_s * 1000

    def require_kafka(self) -> str:
        """The Kafka servers.

        Raises:
            ConfigError: none is set.
        """
        if not self.kafka_bootstrap:
            raise ConfigError(f"{PREFIX}KAFKA_BOOTSTRAP: required, `host:port[,host:port…]`")
        return self.kafka_bootstrap


def _parse(name: str, text: str, kind: Any) -> Any:
    if kind is int:
        try:
            return int(text)
        except ValueError:
            raise ConfigError(f"{name}: must be a whole number") from None
    if kind == tuple[str, ...]:
        parts = tuple(part.strip() for part in text.split(",") if part.strip())
        if not parts:
            raise ConfigError(f"{name}: must name at least one value")
        return parts
    return text
