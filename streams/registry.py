"""A small client of a Confluent-compatible schema registry, used only when its URL is set.

Answers are kept: a known id costs no request. An id that the registry does not know is asked for again
after a minute, since its writer may have registered it on a replica that is behind.

Neither side is trusted with the worker's time or memory. Whoever makes ids up gets `UNKNOWN_MAX`
requests a minute out of it, and then the answer "no such id"; a registry's answer is read up to
`ANSWER_MAX_BYTES`.
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from streams.errors import ConfigError, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable

ASK_AGAIN_S: Final = 60.0
"""How long the answer "no such id" is believed."""

UNKNOWN_MAX: Final = 256
"""Ids that are believed to be unknown at a time; while they are so many, no further one is asked for."""
SCHEMAS_MAX: Final = 1024
"""Schemas that are kept; a contract has a handful of versions."""
ANSWER_MAX_BYTES: Final = 262_144
SCHEMA_MAX_CHARACTERS: Final = 131_072
"""Ten times the longest of ours; what a schema can make its parser do grows with its length."""

_MEDIA_TYPE: Final = "application/vnd.schemaregistry.v1+json"


class Registry:
    """The registry at one address.

    Args:
        url: `http://host[:port][/path]` or `https://…`; it may hold no user name or password.
        timeout_s: longest wait for one answer, seconds.
        clock: seconds that never go backwards; tests bring their own.

    Raises:
        ConfigError: the URL is not one of these.
    """

    def __init__(
        self, url: str, *, timeout_s: float = 5.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError("VIGIE_SCHEMA_REGISTRY_URL: must be http://host[:port] or https://…")
        if parts.username or parts.password:
            raise ConfigError("VIGIE_SCHEMA_REGISTRY_URL: must not hold a user name or a password")
        self._url = url.rstrip("/")
        self._timeout_s = timeout_s
        self._clock = clock
        self._schemas: dict[int, dict[str, Any]] = {}
        self._unknown_until: dict[int, float] = {}
        self._ids: dict[tuple[str, str], int] = {}

    def schema(self, schema_id: int) -> dict[str, Any] | None:
        """The Avro record schema with this id; `None` if there is none.

        Raises:
            TransientError: the registry does not answer, or not in its protocol.
        """
        if schema_id in self._schemas:
            return self._schemas[schema_id]
        if not self._may_ask(schema_id):
            return None
        answer = self._ask(f"/schemas/ids/{schema_id}", None)
        parsed = None if answer is None else _record_in(answer)
        if parsed is None:
            self._unknown_until[schema_id] = self._clock() + ASK_AGAIN_S
            return None
        if len(self._schemas) >= SCHEMAS_MAX:
            del self._schemas[next(iter(self._schemas))]
        self._schemas[schema_id] = parsed
        return parsed

    def _may_ask(self, schema_id: int) -> bool:
        now_s = self._clock()
        until_s = self._unknown_until.get(schema_id)
        if until_s is not None:
            return now_s >= until_s
        if len(self._unknown_until) >= UNKNOWN_MAX:
            self._unknown_until = {
                known: until_s for known, until_s in self._unknown_until.items() if until_s > now_s
            }
        return len(self._unknown_until) < UNKNOWN_MAX

    def register(self, subject: str, schema: dict[str, Any]) -> int:
        """Make a schema known under a subject (a no-op in the registry if it is) and give its id.

        Raises:
            ConfigError: the registry refuses the schema.
            TransientError: the registry does not answer, or not in its protocol.
        """
        text = json.dumps(schema, ensure_ascii=False, sort_keys=True)
        if (subject, text) not in self._ids:
            path = f"/subjects/{urllib.parse.quote(subject, safe='')}/versions"
            answer = self._ask(path, {"schema": text})
            identity = None if answer is None else answer.get("id")
            if not isinstance(identity, int):
                raise TransientError("schema registry: gave no id for a registered schema")
            self._ids[subject, text] = identity
        return self._ids[subject, text]

    def _ask(self, path: str, body: dict[str, str] | None) -> dict[str, Any] | None:
        request = urllib.request.Request(  # noqa: S310  the scheme is checked by the constructor
            self._url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Accept": _MEDIA_TYPE, "Content-Type": _MEDIA_TYPE},
        )
        try:
            with urllib.request.urlopen(request, timeout=self._timeout_s) as reply:  # noqa: S310  same
                octets = reply.read(ANSWER_MAX_BYTES + 1)
            if len(octets) > ANSWER_MAX_BYTES:
                raise TransientError(f"schema registry: answers {path} with too much")
            answer = json.loads(octets)
        except urllib.error.HTTPError as error:
            if error.code == HTTPStatus.NOT_FOUND and body is None:
                return None
            if error.code in (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY):
                raise ConfigError(f"schema registry: refuses the schema of {path}") from None
            raise TransientError(f"schema registry: answers {error.code} to {path}") from None
        except (OSError, ValueError, RecursionError, http.client.HTTPException) as error:
            raise TransientError(
                f"schema registry: no answer to {path} ({type(error).__name__})"
            ) from None
        if not isinstance(answer, dict):
            raise TransientError(f"schema registry: answers {path} outside its protocol")
        return answer


def _record_in(answer: dict[str, Any]) -> dict[str, Any] | None:
    """The Avro record in the registry's answer; `None` for JSON Schema, Protobuf or no record."""
    if answer.get("schemaType", "AVRO") != "AVRO":
        return None
    text = answer.get("schema")
    if not isinstance(text, str) or len(text) > SCHEMA_MAX_CHARACTERS:
        return None
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return schema if isinstance(schema, dict) and schema.get("type") == "record" else None
