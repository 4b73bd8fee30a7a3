from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from streams import cli
from streams.secret import Secret
from streams.tokens import PREFIX, Role, parse_tokens
from streams.tokens_file import TokensFile, session_key

if TYPE_CHECKING:
    from pathlib import Path

NOW_MS = 1_757_412_000_000


def _made(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[str, str]:
    """The token, and what is said beside it."""
    assert cli.main(["token", *argv]) == 0
    out, err = capsys.readouterr()
    (token,) = out.splitlines()
    assert token.startswith(PREFIX)
    assert len(token) == len(PREFIX) + 43
    assert token not in err
    return token, err


def _complaint(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert cli.main(["token", *argv]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


def test_a_token_is_printed_once_with_the_line_that_lets_it_in(
    capsys: pytest.CaptureFixture[str],
) -> None:
    token, err = _made(capsys, "ana-3", "analyst", "--until", "2099-06-30")
    line = err.partition("VIGIE_TOKENS_FILE: ")[2]
    book, problems = parse_tokens(line, "tokens")
    assert problems == []
    found = book.holder_of(token, NOW_MS)
    assert found is not None
    assert (found.name, found.role) == ("ana-3", Role.ANALYST)
    assert found.until_ms is not None
    assert _made(capsys, "ana-3", "analyst")[0] != token


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        ((), "NAME ROLE: who holds"),
        (("ana",), "NAME ROLE: who holds"),
        (("Ana Durand", "viewer"), "NAME: lower-case letters"),
        (("ana", "admin"), "ROLE: must be one of viewer, analyst, unmask"),
        (("ana", "viewer", "--until", "soon"), "--until: not a day"),
        (("ana", "viewer", "--until", "2020-01-01"), "--until: is over"),
        (("--first-use", "/nowhere"), "--first-use: goes with --scrape-token"),
        (
            ("ana", "viewer", "--first-use", "/nowhere", "--scrape-token", "/nowhere/x"),
            "--first-use: goes with --scrape-token, and with no name",
        ),
        (("ana", "viewer", "--add-to", "/nowhere/tokens"), "/nowhere/"),
    ],
)
def test_what_is_wrong_is_one_line(
    capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], told: str
) -> None:
    assert _complaint(capsys, *argv).startswith(f"vigie: {told}")


def test_a_line_is_added_to_a_file_once_for_each_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tokens"
    first, _ = _made(capsys, "ana", "viewer", "--add-to", str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.write_text(path.read_text().rstrip("\n"))  # an editor left the last line open
    second, _ = _made(capsys, "bob", "unmask", "--add-to", str(path))
    book, problems = parse_tokens(path.read_text(), "tokens")
    assert problems == []
    assert [getattr(book.holder_of(one, NOW_MS), "name", None) for one in (first, second)] == [
        "ana",
        "bob",
    ]
    assert "has a token of this name" in _complaint(capsys, "bob", "viewer", "--add-to", str(path))
    path.write_text("bob annalyst\n")
    assert "line 1: must be" in _complaint(capsys, "eve", "viewer", "--add-to", str(path))
    assert [one.name for one in tmp_path.iterdir()] == ["tokens"]


def test_the_first_files_are_made_once_and_are_what_a_worker_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, scrape = tmp_path / "access", tmp_path / "scrape" / "token"
    for made in (folder, scrape.parent):
        made.mkdir()
    argv = ["token", "--first-use", str(folder), "--scrape-token", str(scrape)]
    assert cli.main(argv) == 0
    out, _ = capsys.readouterr()
    token = scrape.read_text().strip()
    assert token not in out
    book = TokensFile(str(folder / "tokens"), lambda: 0).book()
    found = book.holder_of(token, NOW_MS)
    assert found is not None
    assert (found.name, found.role) == ("prometheus", Role.VIEWER)
    assert isinstance(session_key(str(folder / "session.key")), Secret)
    before = {path: path.read_bytes() for path in (scrape, *folder.iterdir())}
    assert {path.name for path in before} == {"token", "tokens", "session.key"}
    assert cli.main(argv) == 0
    assert {path: path.read_bytes() for path in before} == before
