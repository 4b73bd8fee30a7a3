from __future__ import annotations

from datetime import date

import pytest

from streams.tokens import PRESENTED_MAX, Role, Token, TokenBook, digest_of, parse_tokens

NOW_MS = 1_757_412_000_000  # 9 September 2025, noon in Paris
DIGEST = digest_of("vigie_one")
OTHER = digest_of("vigie_other")


def test_a_file_holds_a_token_a_line_and_comments() -> None:
    text = (
        f"# who may come\n\nana-1 analyst {DIGEST} 2025-12-31  # leaves then\nprom viewer {OTHER}"
    )
    book, problems = parse_tokens(text, "tokens")
    assert problems == []
    assert len(book) == 2
    ana, prom = book.holder_of("vigie_one", NOW_MS), book.holder_of("vigie_other", NOW_MS)
    assert ana == Token("ana-1", Role.ANALYST, DIGEST, 1_767_222_000_000)  # midnight in Paris
    assert prom == Token("prom", Role.VIEWER, OTHER)
    assert book.holder_of(DIGEST, NOW_MS) is None  # a digest opens nothing
    assert book.holder_of("", NOW_MS) is None


def test_a_token_is_valid_on_its_last_day() -> None:
    book, _ = parse_tokens(f"ana viewer {DIGEST} 2025-09-09", "tokens")
    end_ms = 1_757_455_200_000
    assert book.holder_of("vigie_one", end_ms - 1) is not None
    assert book.holder_of("vigie_one", end_ms) is None
    assert book.named("ana", end_ms - 1) is not None
    assert book.named("ana", end_ms) is None


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("ana analyst", "must be `name role digest [until]`"),
        (f"ana analyst {DIGEST} 2025-12-31 x", "must be `name role digest [until]`"),
        (f"Ana analyst {DIGEST}", "the name takes lower-case letters"),
        (f"{'a' * 41} analyst {DIGEST}", "the name takes lower-case letters"),
        (f"ana admin {DIGEST}", "the role must be one of viewer, analyst, unmask"),
        (f"ana ANALYST {DIGEST}", "the role must be one of"),
        ("ana analyst vigie_in_clear", "the digest must be 64 hexadecimal digits"),
        (f"ana analyst {DIGEST.upper()}", "the digest must be 64 hexadecimal digits"),
        (f"ana analyst {DIGEST} 31/12/2025", "the end must be a day"),
        (f"ana analyst {DIGEST} 9999-12-31", "the end must be a day"),
    ],
)
def test_a_wrong_line_is_named_not_repeated_and_harms_no_other(line: str, told: str) -> None:
    book, problems = parse_tokens(f"prom viewer {OTHER}\n{line}\n", "/etc/tokens")
    (problem,) = problems
    assert problem.startswith(f"/etc/tokens: line 2: {told}")
    assert "vigie_in_clear" not in problem
    assert len(book) == 1
    assert book.holder_of("vigie_other", NOW_MS) is not None


@pytest.mark.parametrize(
    ("again", "told"),
    [
        (f"prom unmask {DIGEST}", "this name stands"),
        (f"other unmask {OTHER}", "this digest stands"),
    ],
)
def test_of_two_lines_that_contradict_each_other_neither_counts(again: str, told: str) -> None:
    book, problems = parse_tokens(f"prom viewer {OTHER}\n{again}\n", "tokens")
    assert [problem.partition("line 2: ")[2][:16] for problem in problems] == [told[:16]]
    assert book.holder_of("vigie_other", NOW_MS) is None


def test_every_line_is_compared_whoever_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def compare(one: str, other: str) -> bool:
        compared.append(other)
        return one == other

    monkeypatch.setattr("hmac.compare_digest", compare)
    several = [Token(f"t{n}", Role.VIEWER, digest_of(f"vigie_{n}")) for n in range(5)]
    for presented in ("vigie_0", "vigie_4", "vigie_none"):
        compared.clear()
        TokenBook(several).holder_of(presented, NOW_MS)
        assert compared == [token.digest for token in several]


def test_what_is_far_too_long_is_not_even_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.tokens.digest_of", pytest.fail)
    book = TokenBook([Token("ana", Role.VIEWER, DIGEST)])
    assert book.holder_of("x" * (PRESENTED_MAX + 1), NOW_MS) is None


def test_a_line_is_read_as_it_was_written() -> None:
    token = Token("ana", Role.UNMASK, DIGEST)
    assert token.line() == f"ana unmask {DIGEST}"
    book, problems = parse_tokens(token.line(date(2026, 1, 31)), "tokens")
    assert (len(book), problems) == (1, [])


def test_each_role_may_do_what_those_before_it_may() -> None:
    assert Role.VIEWER < Role.ANALYST < Role.UNMASK
