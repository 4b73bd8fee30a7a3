"""Laws of who is let in: how often one may be wrong, and that no forged session is one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from metrics.attempts import (
    ALL_BURST,
    ALL_PACE_MS,
    KNOWN_FOR_MS,
    OWN_BURST,
    OWN_PACE_MS,
    Attempts,
    Bucket,
)
from metrics.sessions import LASTS_MS, Sessions
from streams.secret import Secret
from streams.tokens import Role, Token, TokenBook, digest_of, parse_tokens
from tests.support.access import KEY, PRESENTED, token

NOW_MS = 1_757_412_000_000
SESSIONS = Sessions(KEY)
BOOK = TokenBook(map(token, Role))

steps = st.lists(st.integers(0, 3 * OWN_PACE_MS), min_size=1, max_size=80)
clients = st.sampled_from([f"203.0.113.{number}" for number in range(30)])
tries = st.lists(st.tuples(clients, st.integers(0, 2_000)), min_size=1, max_size=300)
roles = st.sampled_from(list(Role))


@given(st.integers(1, 20), st.integers(1, 10_000), steps)
def test_a_bucket_lets_no_more_through_than_its_burst_and_its_pace(
    burst: int, pace_ms: int, gaps: list[int]
) -> None:
    bucket, now_ms, taken = Bucket(burst, pace_ms), 0, []
    for gap in gaps:
        now_ms += gap
        if bucket.wait_ms(now_ms) == 0:
            bucket.take(now_ms)
            taken.append(now_ms)
    for first, start_ms in enumerate(taken):
        for last in range(first, len(taken)):
            assert last - first + 1 <= burst + (taken[last] - start_ms) // pace_ms


@given(st.integers(1, 20), st.integers(1, 10_000), steps)
def test_what_a_bucket_says_one_has_to_wait_is_enough_and_not_too_much(
    burst: int, pace_ms: int, gaps: list[int]
) -> None:
    bucket, now_ms = Bucket(burst, pace_ms), 0
    for gap in gaps:
        now_ms += gap
        wait_ms = bucket.wait_ms(now_ms)
        assert bucket.wait_ms(now_ms + wait_ms) == 0
        assert wait_ms == 0 or bucket.wait_ms(now_ms + wait_ms - 1) == 1
        bucket.take(now_ms)


@given(tries)
def test_wrong_tokens_that_are_looked_at_are_bounded_for_each_and_for_all(
    tried: list[tuple[str, int]],
) -> None:
    attempts, now_ms = Attempts(), 0
    looked: list[tuple[str, int]] = []
    for client, gap in tried:
        now_ms += gap
        if attempts.wait_ms(client, now_ms) == 0:
            attempts.failed(client, now_ms)
            looked.append((client, now_ms))
    assert len(looked) <= ALL_BURST + now_ms // ALL_PACE_MS
    for client in {name for name, _ in looked}:
        own = sum(name == client for name, _ in looked)
        assert own <= OWN_BURST + now_ms // OWN_PACE_MS


@given(st.lists(st.integers(0, ALL_PACE_MS // 2), min_size=150, max_size=300))
def test_many_who_are_wrong_once_each_are_bounded_together(gaps: list[int]) -> None:
    attempts, now_ms, looked = Attempts(), 0, 0
    for number, gap in enumerate(gaps):
        now_ms += gap
        client = f"198.51.100.{number}"
        if attempts.wait_ms(client, now_ms) == 0:
            attempts.failed(client, now_ms)
            looked += 1
    assert ALL_BURST <= looked <= ALL_BURST + now_ms // ALL_PACE_MS


@given(tries, st.integers(0, KNOWN_FOR_MS - 1))
def test_nobody_locks_out_a_client_that_came_with_a_valid_token(
    tried: list[tuple[str, int]], later_ms: int
) -> None:
    attempts, now_ms = Attempts(), 0
    attempts.succeeded("prometheus", now_ms)
    for client, _ in tried * 3:
        attempts.failed(client, later_ms)
    assert attempts.wait_ms("prometheus", later_ms) == 0


@given(tries, st.integers(1, 8))
def test_what_is_remembered_is_bounded(tried: list[tuple[str, int]], clients_max: int) -> None:
    attempts, now_ms = Attempts(clients_max), 0
    for client, gap in tried:
        now_ms += gap
        if gap % 2:
            attempts.failed(client, now_ms)
        else:
            attempts.succeeded(client, now_ms)
        assert len(attempts) <= 2 * clients_max


@given(roles, st.integers(0, LASTS_MS - 1))
def test_a_session_is_its_tokens_until_it_ends(role: Role, later_ms: int) -> None:
    session, end_ms = SESSIONS.issue(token(role), NOW_MS)
    assert end_ms == NOW_MS + LASTS_MS
    assert SESSIONS.holder_of(session, BOOK, NOW_MS + later_ms) == token(role)
    assert SESSIONS.holder_of(session, BOOK, end_ms) is None
    # Another worker with the same tokens and key takes it as well.
    assert Sessions(Secret(KEY.reveal())).holder_of(session, BOOK, NOW_MS) == token(role)
    assert Sessions(Secret("another" * 6)).holder_of(session, BOOK, NOW_MS) is None


@given(roles, st.data())
def test_a_session_with_any_bit_changed_is_none(role: Role, data: st.DataObject) -> None:
    session, _ = SESSIONS.issue(token(role), NOW_MS)
    raw = session.encode()
    bit = data.draw(st.integers(0, 8 * len(raw) - 1))
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    assert SESSIONS.holder_of(bytes(changed).decode("latin-1"), BOOK, NOW_MS) is None


@given(roles, st.data())
def test_a_session_cut_or_lengthened_is_none(role: Role, data: st.DataObject) -> None:
    session, _ = SESSIONS.issue(token(role), NOW_MS)
    place = data.draw(st.integers(0, len(session) - 1))
    extra = data.draw(st.text(min_size=1, max_size=3))
    assert SESSIONS.holder_of(session[:place], BOOK, NOW_MS) is None
    assert SESSIONS.holder_of(session + extra, BOOK, NOW_MS) is None
    assert SESSIONS.holder_of(session[:place] + extra + session[place:], BOOK, NOW_MS) is None


@given(st.text(max_size=300))
def test_no_text_is_a_session_by_chance(text: str) -> None:
    assert SESSIONS.holder_of(text, BOOK, NOW_MS) is None
    assert SESSIONS.holder_of(f"1:a-viewer:{text}", BOOK, NOW_MS) is None


@given(roles, roles)
def test_a_session_of_one_role_is_none_of_another(role: Role, other: Role) -> None:
    session, _ = SESSIONS.issue(token(role), NOW_MS)
    held = Token(token(role).name, other, token(role).digest)
    found = SESSIONS.holder_of(session, TokenBook([held]), NOW_MS)
    assert (found is not None) is (role is other)
    renewed = Token(token(role).name, role, digest_of("vigie_another"))
    assert SESSIONS.holder_of(session, TokenBook([renewed]), NOW_MS) is None


@given(st.text(max_size=300))
def test_no_text_is_a_token_by_chance(text: str) -> None:
    assert BOOK.holder_of(text, NOW_MS) is None
    for role in Role:
        assert BOOK.holder_of(PRESENTED[role] + text, NOW_MS) == (None if text else token(role))


@given(st.text(max_size=400))
def test_no_tokens_file_breaks_the_reading_and_no_problem_repeats_its_line(text: str) -> None:
    book, problems = parse_tokens(text, "tokens")
    lines = text.splitlines()
    assert len(book) <= len(lines)
    for problem in problems:
        assert problem.startswith("tokens: line ")
        number = int(problem.split()[2].rstrip(":"))
        assert 1 <= number <= len(lines)
