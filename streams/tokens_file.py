"""Reads the files of tokens and of the sessions' key, and notices when the tokens change."""

from __future__ import annotations

import logging
import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streams.errors import ConfigError
from streams.secret import Secret
from streams.settings import PREFIX
from streams.tokens import TokenBook, parse_tokens

if TYPE_CHECKING:
    from collections.abc import Callable

LOOKED_AT_EVERY_MS: Final = 1_000
KEY_LENGTH_MIN: Final = 32

_TOKENS: Final = f"{PREFIX}TOKENS_FILE"
_KEY: Final = f"{PREFIX}SESSION_KEY_FILE"
_Stamp = tuple[int, int, int, int]

logger = logging.getLogger(__name__)


class TokensFile:
    """A tokens file as it stands now.

    It is looked at again at most once a second, when somebody asks. Lines that are wrong by then are
    left out and told in the log; a file that cannot be read, or that others may write, lets nobody in.

    Args:
        path: of the file.
        steady: milliseconds that never go backwards.

    Raises:
        ConfigError: the file cannot be read, holds no token, or a line of it is wrong.
    """

    def __init__(self, path: str, steady: Callable[[], int]) -> None:
        self._path = path
        self._steady = steady
        self._looked_ms = steady()
        self._stamp = self._look()
        self._book, problems = _read(path)
        self._problems = len(problems)
        if problems:
            raise ConfigError(f"{_TOKENS}: {problems[0]}")
        if not self._book:
            raise ConfigError(f"{_TOKENS}: {path} holds no token; vigie token makes one")
        if _mode(path) & stat.S_IROTH:
            logger.warning("%s: everybody on this machine may read it", _TOKENS)

    @property
    def problems(self) -> int:
        """Lines that were left out at the last reading; 1 for a file that cannot be read."""
        return self._problems

    def book(self) -> TokenBook:
        """The tokens that are valid now."""
        now_ms = self._steady()
        if now_ms - self._looked_ms < LOOKED_AT_EVERY_MS:
            return self._book
        self._looked_ms = now_ms
        try:
            stamp = self._look()
            if stamp == self._stamp:
                return self._book
            self._stamp = stamp
            self._book, problems = _read(self._path)
        except ConfigError as error:
            if len(self._book):
                logger.error("%s; nobody is let in", str(error))  # noqa: TRY400 (one line says it all)
            self._stamp = (0, 0, 0, 0)
            self._book, self._problems = TokenBook(), 1
            return self._book
        self._problems = len(problems)
        for problem in problems:
            logger.error("%s: %s; the line is left out", _TOKENS, problem)
        logger.info("%s was read again: %d tokens", _TOKENS, len(self._book))
        return self._book

    def _look(self) -> _Stamp:
        """What changes when the file does."""
        try:
            found = os.stat(self._path)  # noqa: PTH116 (the same in one call less)
        except OSError:
            raise ConfigError(f"{_TOKENS}: {self._path} cannot be read as text") from None
        return found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode


def _read(path: str) -> tuple[TokenBook, list[str]]:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"{_TOKENS}: {path} cannot be read as text") from None
    if _mode(path) & stat.S_IWOTH:
        raise ConfigError(f"{_TOKENS}: {path}: everybody on this machine may write it")
    return parse_tokens(text, path)


def session_key(path: str) -> Secret:
    """The key that signs sessions: a file's, or without one a random key of this process.

    With a key of its own a worker's sessions end when it does, and no other worker knows them.

    Raises:
        ConfigError: the file cannot be read, is too short, or everybody may read it.
    """
    if not path:
        return Secret(secrets.token_urlsafe(KEY_LENGTH_MIN))
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"{_KEY}: {path} cannot be read as text") from None
    if _mode(path) & (stat.S_IROTH | stat.S_IWOTH):
        raise ConfigError(f"{_KEY}: {path}: everybody on this machine may read or write it")
    if len(text) < KEY_LENGTH_MIN:
        raise ConfigError(f"{_KEY}: {path} holds fewer than {KEY_LENGTH_MIN} characters")
    return Secret(text)


def _mode(path: str) -> int:
    return Path(path).stat().st_mode
