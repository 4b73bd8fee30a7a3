"""How fast accounts are watched, and what an account takes.

    python tests/benchmarks/account_speed.py

Slices of a steady region: every account reads 15 patients a day; a slice is a piece of the stream as a
replay reads it (4,096 accesses) or as a live worker does (8 to 256). Times are medians, of
processor time, since other work on the machine would count else.
"""

from __future__ import annotations

import time

import numpy as np

from agents.account_rows import AccountRows
from agents.account_watch import AccountWatch
from agents.detectors.base import Accesses

DAY_MS = 86_400_000
START_MS = 1_733_220_000_000
FILL = 16_384
SPREAD = np.uint64(0x9E3779B97F4A7C15)


def piece(rng: np.random.Generator, accounts: int, at_ms: int, count: int) -> tuple[Accesses, int]:
    """The next accesses of the stream, and the time at which they end."""
    span_ms = max(1, count * DAY_MS // (15 * accounts))
    account = rng.integers(0, accounts, count)
    patient = (rng.integers(1, 1 << 40, count)).astype(np.uint64) * SPREAD
    return Accesses(
        account=account,
        group=account % 12,
        time_ms=at_ms + np.sort(rng.integers(0, span_ms, count)),
        patient=patient,
        explained=(rng.random(count) > 0.15).astype(np.int8),
        act=rng.choice([1, 2, 2, 2], count).astype(np.uint8),
        directory_step=rng.integers(-(10**6), 10**6, count),
        network=(account.astype(np.uint64) + np.uint64(1)) * SPREAD,
        client=(account.astype(np.uint64) + np.uint64(1)) * SPREAD,
        net_class=np.full(count, 5, np.uint8),
        auth_method=np.full(count, 1, np.uint8),
        lifecycle=np.full(count, 1, np.uint8),
        first_seen=rng.random(count) < 0.3,
    ), at_ms + span_ms


def main() -> None:
    """Print the figures."""
    print("accounts   slice   ms/slice   accesses/s   kB/account")
    for accounts in (500, 2_000, 20_000, 100_000):
        rng = np.random.default_rng(1)
        watch, at_ms = AccountWatch(), START_MS
        for _ in range(2 * 15 * accounts // FILL + 1):
            accesses, at_ms = piece(rng, accounts, at_ms, FILL)
            watch.observe(accesses)
        for count in (4_096, 256, 8):
            times = []
            for _ in range(50):
                accesses, at_ms = piece(rng, accounts, at_ms, count)
                began = time.process_time()
                watch.observe(accesses)
                times.append(time.process_time() - began)
            spent = float(np.median(times))
            rows = [one for one in watch.sections if isinstance(one, AccountRows)]
            each = sum(one.record_bytes for one in rows) + watch.windows.sets.size_bytes / accounts
            print(
                f"{accounts:>8}  {count:>6}  {1000 * spent:>9.2f}"
                f"  {count / spent:>11.0f}  {each / 1024:>11.2f}"
            )


if __name__ == "__main__":
    main()
