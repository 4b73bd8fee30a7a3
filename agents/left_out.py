"""Accounts whose days teach nothing from a day on: a replay from the date of a compromise (pure).

When an analyst finds that an account has been in wrong hands for weeks, its baseline has perhaps
learned some of these weeks, and so has its peer group. The service is then started again over the kept
log under a new group id, with this list.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from streams.errors import InputError

_EPOCH: Final = date(1970, 1, 1).toordinal()
_WORDS: Final = 3
_NOBODY: Final = "-"


@dataclass(frozen=True, slots=True)
class LeftOutAccount:
    """One line of the list.

    Attributes:
        structure_pid: of its structure.
        actor_pid: of its person; `None` for the structure's certificate.
        since_day: first local day that is left out, as days since 1970-01-01.
    """

    structure_pid: str
    actor_pid: str | None
    since_day: int


def parse_left_out(text: str, name: str) -> tuple[LeftOutAccount, ...]:
    """The list from its file: `structure_pid actor_pid YYYY-MM-DD` a line; `#` begins a comment.

    A certificate's line has `-` for its person.

    Args:
        text: the file's text.
        name: of the file, for error texts.

    Raises:
        InputError: a line of another form; names its number, not what it says, for a pseudonym belongs
            into no log.
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != _WORDS:
            raise InputError(f"{name}:{number}: must be `structure_pid actor_pid YYYY-MM-DD`")
        structure_pid, actor_pid, since = words
        try:
            day = date.fromisoformat(since).toordinal() - _EPOCH
        except ValueError:
            raise InputError(f"{name}:{number}: the third word is no date (YYYY-MM-DD)") from None
        found.append(
            LeftOutAccount(structure_pid, None if actor_pid == _NOBODY else actor_pid, day)
        )
    return tuple(found)
