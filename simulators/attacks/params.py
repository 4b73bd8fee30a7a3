"""Parameters of attacks and look-alikes: declared with their bounds, read from text (pure)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeVar

from streams.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.attacks.incident import Story

StoryT = TypeVar("StoryT", bound="Story")


def whole(default: int, least: int = 1, most: int = 1_000_000) -> Any:
    """A whole number within bounds."""
    return dataclasses.field(default=default, metadata={"least": least, "most": most})


def ratio(default: float, least: float = 0.0, most: float = 1_000.0) -> Any:
    """A number within bounds."""
    return dataclasses.field(default=default, metadata={"least": least, "most": most})


def one_of(default: str, *words: str) -> Any:
    """One of some words."""
    return dataclasses.field(default=default, metadata={"words": words})


def ratios(default: tuple[float, ...], most: float = 1_000.0) -> Any:
    """Numbers from 0 on, written with plus signs between them."""
    return dataclasses.field(default=default, metadata={"least": 0.0, "most": most})


def with_params(name: str, story: StoryT, given: Mapping[str, str]) -> StoryT:
    """A story with some of its parameters set.

    Raises:
        InputError: no such parameter, or a value out of its bounds; names both.
    """
    known = {field.name: field for field in dataclasses.fields(story)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for key, text in given.items():
        if key not in known:
            has = ", ".join(sorted(known)) or "none"
            raise InputError(f"--attack {name}: no parameter {key!r}; it has: {has}")
        values[key] = _value(f"--attack {name}: {key}", known[key], text)
    changed: StoryT = dataclasses.replace(story, **values)  # type: ignore[type-var]
    return changed


def _value(what: str, field: dataclasses.Field[Any], text: str) -> Any:
    words = field.metadata.get("words")
    if words is not None:
        if text not in words:
            raise InputError(f"{what}: must be one of {', '.join(words)}")
        return text
    if isinstance(field.default, tuple):
        return tuple(_number(what, field, part, float) for part in text.split("+"))
    return _number(what, field, text, type(field.default))


def _number(what: str, field: dataclasses.Field[Any], text: str, kind: type) -> Any:
    try:
        value = kind(text)
    except ValueError:
        noun = "a whole number" if kind is int else "a number"
        raise InputError(f"{what}: not {noun}: {text}") from None
    least, most = field.metadata["least"], field.metadata["most"]
    if not least <= value <= most:
        raise InputError(f"{what}: must lie between {least:g} and {most:g}")
    return value
