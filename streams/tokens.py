"""Who may read the page, judge and unmask: tokens, of which only digests are kept (pure).

A tokens file holds a line for each token, `name role digest [until]`, empty lines and comments after `#`
apart. A digest opens nothing: whoever reads the file can neither sign in with it nor make a session.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from streams.event_time import end_of_date_ms

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX: Final = "vigie_"
"""Of every token, so that whoever finds one in the wrong place knows what it opens."""
PRESENTED_MAX: Final = 256
"""Characters of what is presented as a token; what is longer is none, and is not hashed."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class Role(IntEnum):
    """What a token opens; each role may do what those before it may.

    Attributes:
        VIEWER: rates, objectives, pipeline, findings without pseudonyms, metrics.
        ANALYST: also verdicts.
        UNMASK: also the pseudonyms of whom a finding is about.
    """

    VIEWER = 1
    ANALYST = 2
    UNMASK = 3


ROLES: Final = {role.name.lower(): role for role in Role}


@dataclass(frozen=True, slots=True)
class Token:
    """One line of a tokens file.

    Attributes:
        name: of who holds it, as the audit tells it; best a pseudonym of the team's own.
        role: what it opens.
        digest: SHA-256 of the token, in hexadecimal.
        until_ms: when it ends, milliseconds UTC; `None` for never.
    """

    name: str
    role: Role
    digest: str
    until_ms: int | None = None

    def is_valid(self, now_ms: int) -> bool:
        """Whether it has not ended."""
        return self.until_ms is None or now_ms < self.until_ms

    def line(self, until: date | None = None) -> str:
        """As it stands in a tokens file."""
        end = "" if until is None else f" {until.isoformat()}"
        return f"{self.name} {self.role.name.lower()} {self.digest}{end}"


class TokenBook:
    """The tokens of a file.

    Args:
        tokens: with names of their own.
    """

    def __init__(self, tokens: Iterable[Token] = ()) -> None:
        self._by_name = {token.name: token for token in tokens}

    def __len__(self) -> int:
        return len(self._by_name)

    def named(self, name: str, now_ms: int) -> Token | None:
        """The valid token of a name."""
        token = self._by_name.get(name)
        return token if token is not None and token.is_valid(now_ms) else None

    def holder_of(self, presented: str, now_ms: int) -> Token | None:
        """The valid token that somebody presents; `None` if there is none.

        Every line is compared, each in constant time, so how long it takes tells nothing of how near
        anybody came.
        """
        if len(presented) > PRESENTED_MAX:
            return None
        digest = digest_of(presented)
        found = None
        for token in self._by_name.values():
            if hmac.compare_digest(digest, token.digest):
                found = token
        return found if found is not None and found.is_valid(now_ms) else None


def digest_of(token: str) -> str:
    """What a tokens file keeps of a token.

    Tokens are 256 random bits, which nobody can try out, so a fast hash is enough: slow ones protect
    passwords that people choose.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def is_name(text: str) -> bool:
    """Whether a token may be called so: lower-case letters, digits, `.`, `_`, `-`; at most 40."""
    return _NAME.fullmatch(text) is not None


def parse_tokens(text: str, path: str) -> tuple[TokenBook, list[str]]:
    """The tokens of a file, and what is wrong with its other lines.

    Lines stand alone: a slip in one of them neither keeps a removed token alive nor ends the others.

    Args:
        text: content of the file.
        path: its name, for the sentences about wrong lines, which never repeat a line.
    """
    tokens: dict[str, Token] = {}
    problems = []
    doubled: set[str] = set()
    digests: set[str] = set()
    for number, raw in enumerate(text.splitlines(), 1):
        words = raw.partition("#")[0].split()
        if not words:
            continue
        try:
            token = _token(words)
        except ValueError as error:
            problems.append(f"{path}: line {number}: {error}")
            continue
        for value, known, what in (
            (token.name, tokens, "name"),
            (token.digest, digests, "digest"),
        ):
            if value in known:
                problems.append(f"{path}: line {number}: this {what} stands in an earlier line too")
                doubled.add(value)
        tokens[token.name] = token
        digests.add(token.digest)
    # Which of two lines of one name, or of one token, is meant nobody knows.
    kept = (one for one in tokens.values() if doubled.isdisjoint((one.name, one.digest)))
    return TokenBook(kept), problems


def _token(words: list[str]) -> Token:
    if len(words) not in (3, 4):
        raise ValueError("must be `name role digest [until]`")
    name, role, digest, *end = words
    if not is_name(name):
        raise ValueError("the name takes lower-case letters, digits and . _ - (at most 40)")
    if role not in ROLES:
        raise ValueError(f"the role must be one of {', '.join(ROLES)}")
    if not _DIGEST.fullmatch(digest):
        raise ValueError("the digest must be 64 hexadecimal digits; vigie token prints the line")
    return Token(name, ROLES[role], digest, _end_ms(end[0]) if end else None)


def _end_ms(text: str) -> int:
    """The end of a day in Paris: a token is valid on the day that its line names."""
    try:
        return end_of_date_ms(date.fromisoformat(text))
    except (ValueError, OverflowError):
        raise ValueError("the end must be a day (YYYY-MM-DD)") from None
