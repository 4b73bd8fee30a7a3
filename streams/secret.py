"""A text that is shown only on purpose: passwords, keys, tokens (pure)."""

from __future__ import annotations

from typing import Any


class Secret:
    """A text that is shown only on purpose.

    Args:
        text: what is secret.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the client that has to send it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __reduce__(self) -> Any:
        raise TypeError("a secret is not stored")
