from __future__ import annotations

from typing import TYPE_CHECKING

from streams.audit import Actor, Origin
from streams.command_user import command_actor
from streams.settings import Settings

if TYPE_CHECKING:
    import pytest


def test_a_command_is_kafkas_users_where_there_is_one() -> None:
    settings = Settings(kafka_bootstrap="one:1", kafka_username="analyst-7")
    assert command_actor(settings) == Actor("analyst-7", None, Origin.COMMAND)


def test_without_one_it_is_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(kafka_bootstrap="one:1")
    monkeypatch.setattr("getpass.getuser", lambda: "somebody")
    assert command_actor(settings).name == "somebody"


def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr("getpass.getuser", nameless)
    monkeypatch.setattr("os.getuid", lambda: 10001)
    assert command_actor(Settings(kafka_bootstrap="one:1")).name == "uid-10001"
