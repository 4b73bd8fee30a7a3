"""Whose command it is, for the audit."""

from __future__ import annotations

import getpass
import os
from typing import TYPE_CHECKING

from streams.audit import Actor, Origin

if TYPE_CHECKING:
    from streams.settings import Settings


def command_actor(settings: Settings) -> Actor:
    """Who runs this command: Kafka's user, which Kafka has verified; without one the machine's."""
    return Actor(settings.kafka_username or _user_of_the_machine(), None, Origin.COMMAND)


def _user_of_the_machine() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"  # a container's user need not have a name
