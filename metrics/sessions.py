"""Sessions of browsers: a signed text in a cookie, and nothing kept on the server (pure).

Signed are name, role, end and the digest of the token: so a session ends when its token is removed,
replaced or given another role, on every worker that has the same tokens and key.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Final

from streams.secret import Secret

if TYPE_CHECKING:
    from streams.tokens import Token, TokenBook

LASTS_MS: Final = 12 * 3_600_000
"""A working day and what comes after it; a token that ends earlier ends its session earlier."""

_VERSION: Final = "1"
_PURPOSE: Final = b"vigie session 1"
_LENGTH_MAX: Final = 256


class Sessions:
    """Makes sessions and reads them.

    Args:
        key: signs them; whoever has it can make one for every token of the book.
    """

    def __init__(self, key: Secret) -> None:
        self._key = Secret(hmac.digest(key.reveal().encode(), _PURPOSE, hashlib.sha256).hex())

    def issue(self, token: Token, now_ms: int) -> tuple[str, int]:
        """A session of a token's holder, and when it ends.

        Args:
            token: valid at `now_ms`.
            now_ms: milliseconds UTC.
        """
        end_ms = now_ms + LASTS_MS
        if token.until_ms is not None:
            end_ms = min(end_ms, token.until_ms)
        return f"{_VERSION}:{token.name}:{end_ms}:{self._signature(token, str(end_ms))}", end_ms

    def holder_of(self, session: str, book: TokenBook, now_ms: int) -> Token | None:
        """The token whose holder a session is; `None` if it is none, or none any more."""
        if len(session) > _LENGTH_MAX or not session.isascii():
            return None
        version, _, rest = session.partition(":")
        name, _, rest = rest.partition(":")
        end, _, signature = rest.partition(":")
        token = book.named(name, now_ms)
        if version != _VERSION or token is None:
            return None
        # What is signed is the text itself, so that no other spelling of the same end is one.
        if not hmac.compare_digest(signature, self._signature(token, end)):
            return None
        return token if now_ms < int(end) else None

    def _signature(self, token: Token, end: str) -> str:
        signed = f"{token.name}\0{token.role.name}\0{end}\0{token.digest}"
        return hmac.new(self._key.reveal().encode(), signed.encode(), hashlib.sha256).hexdigest()
