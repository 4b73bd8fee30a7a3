"""How often somebody may be wrong about a token (pure: times are passed in).

Tokens cannot be guessed, so this holds back noise and what it costs, and makes trying visible. Each
client has a bucket of its own, and all clients together have one more, which those are spared that
lately came with a valid token: nobody locks out Prometheus or an analyst from elsewhere. Who has no room
is refused whatever it presents, for as long as it is told.
"""

from __future__ import annotations

from typing import Final

OWN_BURST: Final = 10
"""Wrong tokens of one client that may come at once."""
OWN_PACE_MS: Final = 6_000
"""After that, one in so many milliseconds."""
ALL_BURST: Final = 100
ALL_PACE_MS: Final = 200
KNOWN_FOR_MS: Final = 3_600_000
"""How long a client that came with a valid token is spared the bucket of all."""
CLIENTS_MAX: Final = 4_096
"""Clients remembered of each kind; about 150 bytes each."""


class Bucket:
    """So many at once, then one now and then: exact, in two integers.

    Args:
        burst: how many at once.
        pace_ms: after how long there is room for one more.
    """

    __slots__ = ("_full_until_ms", "_pace_ms", "_slack_ms")

    def __init__(self, burst: int, pace_ms: int) -> None:
        self._pace_ms = pace_ms
        self._slack_ms = (burst - 1) * pace_ms
        self._full_until_ms: int | None = None

    def wait_ms(self, now_ms: int) -> int:
        """How long until there is room for one; 0 if there is now."""
        if self._full_until_ms is None:
            return 0
        return max(0, self._full_until_ms - self._slack_ms - now_ms)

    def take(self, now_ms: int) -> None:
        """Take room for one, whether there is any or not."""
        start_ms = now_ms if self._full_until_ms is None else max(self._full_until_ms, now_ms)
        self._full_until_ms = start_ms + self._pace_ms

    def is_empty(self, now_ms: int) -> bool:
        """Whether it is as if nothing had ever been taken."""
        return self._full_until_ms is None or self._full_until_ms <= now_ms


class Attempts:
    """Wrong tokens, by client and in all.

    Args:
        clients_max: clients remembered of each kind.
    """

    def __init__(self, clients_max: int = CLIENTS_MAX) -> None:
        self._clients_max = clients_max
        self._all = Bucket(ALL_BURST, ALL_PACE_MS)
        # Both in the order of the last time, the oldest first.
        self._own: dict[str, Bucket] = {}
        self._known_ms: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._own) + len(self._known_ms)

    def wait_ms(self, client: str, now_ms: int) -> int:
        """How long a client has to wait before what it presents is looked at; 0 if it has not.

        Args:
            client: who presents it; an address, or the network that one person has.
            now_ms: a clock that does not go back.
        """
        own = self._own.get(client)
        wait_ms = 0 if own is None else own.wait_ms(now_ms)
        known_ms = self._known_ms.get(client)
        if known_ms is None or now_ms - known_ms >= KNOWN_FOR_MS:
            wait_ms = max(wait_ms, self._all.wait_ms(now_ms))
        return wait_ms

    def failed(self, client: str, now_ms: int) -> None:
        """A client presented something that is no valid token."""
        own = self._own.pop(client, None) or Bucket(OWN_BURST, OWN_PACE_MS)
        self._own[client] = own
        own.take(now_ms)
        self._all.take(now_ms)
        while len(self._own) > self._clients_max:
            # The one that was wrong the longest ago; what it gains, the bucket of all bounds.
            del self._own[next(iter(self._own))]

    def succeeded(self, client: str, now_ms: int) -> None:
        """A client presented a valid token."""
        own = self._own.get(client)
        if own is not None and own.is_empty(now_ms):
            del self._own[client]
        self._known_ms.pop(client, None)
        self._known_ms[client] = now_ms
        while len(self._known_ms) > self._clients_max:
            del self._known_ms[next(iter(self._known_ms))]
