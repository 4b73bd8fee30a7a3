from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from streams.errors import ConfigError
from streams.tokens import digest_of
from streams.tokens_file import LOOKED_AT_EVERY_MS, TokensFile, session_key

if TYPE_CHECKING:
    from pathlib import Path

NOW_MS = 1_757_412_000_000
ONE, OTHER = f"ana analyst {digest_of('vigie_one')}\n", f"prom viewer {digest_of('vigie_other')}\n"


class Clock:
    """Milliseconds that a test moves on."""

    def __init__(self) -> None:
        self.now_ms = 0

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "tokens"
    made.write_text(ONE + OTHER)
    made.chmod(0o640)
    return made


def _knows(file: TokensFile, presented: str) -> bool:
    return file.book().holder_of(presented, NOW_MS) is not None


def test_a_file_that_changes_is_read_again_within_a_second(path: Path) -> None:
    clock = Clock()
    file = TokensFile(str(path), clock)
    assert _knows(file, "vigie_one")
    path.write_text(OTHER)
    assert _knows(file, "vigie_one")  # not looked at yet
    clock.now_ms += LOOKED_AT_EVERY_MS
    assert not _knows(file, "vigie_one")
    assert _knows(file, "vigie_other")


def test_a_slip_in_one_line_neither_keeps_a_removed_token_nor_ends_the_others(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    file = TokensFile(str(path), clock)
    path.write_text(f"bob annalyst {digest_of('vigie_bob')}\n{OTHER}")
    clock.now_ms += LOOKED_AT_EVERY_MS
    with caplog.at_level(logging.INFO):
        assert not _knows(file, "vigie_one")
    assert _knows(file, "vigie_other")
    assert file.problems == 1
    assert "line 1: the role must be one of" in caplog.text
    path.write_text(ONE)
    clock.now_ms += LOOKED_AT_EVERY_MS
    assert _knows(file, "vigie_one")
    assert file.problems == 0


@pytest.mark.parametrize("how", ["removed", "writable", "binary"])
def test_a_file_that_cannot_be_trusted_any_more_lets_nobody_in_until_it_can(
    path: Path, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    clock = Clock()
    file = TokensFile(str(path), clock)
    if how == "removed":
        path.unlink()
    elif how == "writable":
        path.chmod(0o646)
    else:
        path.write_bytes(b"\xff\xfe")
    for _ in range(3):
        clock.now_ms += LOOKED_AT_EVERY_MS
        assert len(file.book()) == 0
    assert file.problems == 1
    assert caplog.text.count("nobody is let in") == 1
    path.write_text(ONE)
    path.chmod(0o640)
    clock.now_ms += LOOKED_AT_EVERY_MS
    assert _knows(file, "vigie_one")
    assert file.problems == 0


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [
        ("", 0o640, "holds no token"),
        ("# nobody\n", 0o640, "holds no token"),
        ("ana analyst\n", 0o640, "line 1: must be"),
        (ONE, 0o646, "everybody on this machine may write it"),
    ],
)
def test_a_worker_does_not_start_with_a_file_that_is_wrong(
    path: Path, text: str, mode: int, told: str
) -> None:
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(ConfigError, match=f"^VIGIE_TOKENS_FILE: .*{told}"):
        TokensFile(str(path), Clock())


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^VIGIE_TOKENS_FILE: .*nowhere cannot be read"):
        TokensFile(str(tmp_path / "nowhere"), Clock())


def test_a_file_that_everybody_may_read_is_told(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.chmod(0o644)
    TokensFile(str(path), Clock())
    assert "everybody on this machine may read it" in caplog.text


def test_the_sessions_key_is_the_files_or_a_workers_own(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("k" * 43 + "\n")
    path.chmod(0o400)
    assert session_key(str(path)).reveal() == "k" * 43
    assert session_key("").reveal() != session_key("").reveal()


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [
        ("k" * 31, 0o400, "holds fewer than 32 characters"),
        ("k" * 43, 0o404, "everybody on this machine may read or write it"),
        (None, 0, "cannot be read as text"),
    ],
)
def test_a_key_that_is_none_is_refused_and_not_shown(
    tmp_path: Path, text: str | None, mode: int, told: str
) -> None:
    path = tmp_path / "key"
    if text is not None:
        path.write_text(text)
        path.chmod(mode)
    with pytest.raises(ConfigError, match=f"^VIGIE_SESSION_KEY_FILE: .*{told}") as refused:
        session_key(str(path))
    assert "kkk" not in str(refused.value)
