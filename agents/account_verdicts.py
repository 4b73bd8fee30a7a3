"""What an analyst's verdict changes in everything that is remembered of an account (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from agents.account_rows import AccountRows
    from agents.account_watch import AccountWatch
    from streams.event_time import Int64Array


def find_nothing(watch: AccountWatch, account: int) -> None:
    """Nothing is wrong: clear the evidence, take the account's ways for its habit, end quarantine."""
    rows, days = np.array([account]), watch.days.table
    was_confirmed = bool(days["confirmed_day"][account])
    watch.slow_change.rows.reserve(account + 1)
    watch.slow_change.forget(rows)
    _set(watch.enumeration.rows, account, logs=0.0)
    _set(watch.identity_only.rows, account, highest=0.0)
    watch.decoys.forget(account)
    watch.recurrence.forgive(account)
    group, day = int(days["group"][account]), int(days["last_day"][account])
    watch.takeover.accept(account, group=group, day=day)
    _set(watch.days, account, highest=0.0, bare=0.0, confirmed_day=0)
    # A level that an analyst has seen needs no ceiling from before; the next days set a new one.
    _set(
        watch.baselines.rows,
        account,
        **dict.fromkeys(("ceiling_patients", "ceiling_unexplained"), 0.0),
        **dict.fromkeys(("year_patients", "year_unexplained"), 0.0),
        ceiling_day=0,
        year_day=0,
    )
    if was_confirmed:
        # What was held back since then was a thief's.
        names = ("days", "patients", "known", "unexplained", "peak")
        _set(watch.baselines.rows, account, **{f"held_{name}": 0.0 for name in names})


def confirm(watch: AccountWatch, account: int, since_day: int) -> None:
    """The incident is real: learn nothing of the account any more, and remember it.

    Args:
        watch: everything that is remembered.
        account: row.
        since_day: first local day of the incident; 0 for the account's last day.
    """
    last_day = int(watch.days.table["last_day"][account])
    since_day = since_day or last_day or 1
    _set(watch.days, account, confirmed_day=since_day)
    watch.recurrence.confirm(account, max(since_day, last_day))


def forget_learning(watch: AccountWatch, accounts: Int64Array) -> None:
    """Keep the day that ends out of the habits of those detectors that learn as the next one begins."""
    if not accounts.size:
        return
    for rows, names in (
        (watch.enumeration.rows, ("looks", "hits")),
        (watch.identity_only.rows, ("reads", "identities")),
    ):
        rows.reserve(int(accounts.max()) + 1)
        for name in names:
            rows.table[name][accounts] = 0
        rows.touch(accounts)


def _set(rows: AccountRows, account: int, **values: float) -> None:
    rows.reserve(account + 1)
    for name, value in values.items():
        rows.table[name][account] = value
    rows.touch(np.array([account]))
