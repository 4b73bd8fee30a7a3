"""The rules that others publish, on the same looks, each with the same budget of false alerts (pure).

A rule gives every look a score that grows with the account's day, so that the moment at which a
threshold is reached is told to the look. Each is a plain reading of what its authors document
(detection reference, sections 2.1, 2.2 and 4.2), not their product. Its threshold is the lowest that
keeps to the budget on the quiet accounts of the very days on which it is then judged: better than any
operator could set it, and better than ours is set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from simulators.evaluation.looks import Looks
    from streams.event_time import Int64Array

    FloatArray = npt.NDArray[np.float64]
    BoolArray = npt.NDArray[np.bool_]

QUIET_GAP_DAYS: Final = 14
"""Alerts on an account that are closer than this are one incident."""
NEIGHBOURS: Final = 10
"""As in CADS's evaluation (detection reference §2.2)."""
_COMMUNITY_DAYS: Final = 7
_HALVINGS: Final = 40


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Looks with each account's counts by day.

    Attributes:
        looks: the looks.
        counts: shape (accounts, days), distinct patients.
        group: shape (accounts,), peer groups as numbers from 0.
    """

    looks: Looks
    counts: FloatArray
    group: Int64Array

    @classmethod
    def of(cls, looks: Looks, group: Int64Array, days: int) -> Table:
        """Count the looks."""
        counts = np.zeros((len(group), days))
        inside = looks.day < days
        np.add.at(counts, (looks.account[inside], looks.day[inside]), 1.0)
        return cls(looks, counts, group)

    def at(self, of_day: FloatArray) -> FloatArray:
        """A figure of each account and day, shape (accounts, days), for every look."""
        days = of_day.shape[1]
        found: FloatArray = of_day[self.looks.account, np.minimum(self.looks.day, days - 1)]
        return found


Rule = "Callable[[Table], FloatArray]"


def static_threshold(table: Table) -> FloatArray:
    """Distinct patients of the day, the same limit for everybody (Sigma's value_count and the like)."""
    return table.looks.rank.astype(np.float64)


def sentinel_7d(table: Table) -> FloatArray:
    """Distance from the mean of the last 7 days, in their standard deviations, days off counted.

    After Sentinel's UncommonHighVolumeOperations, whose look-back is 7 days.
    """
    mean, sd, _ = _trailing(table.counts, np.ones_like(table.counts), 7)
    return (table.looks.rank - table.at(mean)) / np.maximum(table.at(sd), 1.0)


def secops_30d(table: Table) -> FloatArray:
    """Distance from the mean of the last 30 days' active ones, in their standard deviations.

    After SecOps's metrics `1d:30d`, which know days with events alone. Fewer than three are no metric.
    """
    mean, sd, days = _trailing(table.counts, (table.counts > 0).astype(np.float64), 30)
    z = (table.looks.rank - table.at(mean)) / np.maximum(table.at(sd), 1.0)
    return np.where(table.at(days) >= 3, z, 0.0)


def peer_z(table: Table) -> FloatArray:
    """Distance from the mean of the peer group's last 30 days, in its standard deviations."""
    groups = int(table.group.max()) + 1
    shape = (groups, table.counts.shape[1])
    total, square, days = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    np.add.at(total, table.group, table.counts)
    np.add.at(square, table.group, table.counts**2)
    np.add.at(days, table.group, (table.counts > 0).astype(np.float64))
    total, square, days = (_window_sums(one, 30) for one in (total, square, days))
    mean = total / np.maximum(days, 1.0)
    sd = np.sqrt(np.maximum(square / np.maximum(days, 1.0) - mean**2, 1.0))
    return (table.looks.rank - table.at(mean[table.group])) / table.at(sd[table.group])


def explained_share(table: Table) -> FloatArray:
    """Distance of the day's looks without a care relation from the region's share, in deviations.

    After EBAS: what cannot be explained is looked at.
    """
    looks = table.looks
    strange = np.cumsum(looks.is_strange)
    before: Int64Array = strange - looks.is_strange
    own: Int64Array = strange - before[np.arange(len(looks)) - (looks.rank - 1)]
    # Each day of an account counts once, so that no harvest makes strangers look usual.
    last = np.append(looks.rank[1:] == 1, True)[: len(looks)]
    share = float((own / looks.rank)[last].mean()) if len(looks) else 0.0
    spread = np.sqrt(looks.rank * share * (1.0 - share) + 1.0)
    return np.asarray((own - looks.rank * share) / spread, np.float64)


def cads_knn(table: Table) -> FloatArray:
    """Distance from the nearest accounts by shared patients, nightly, against that night's others.

    After CADS: the patients of 7 days as a vector weighted by rarity, cosine distance to the ten
    nearest accounts, times the root of the number of patients. Known at the day's end alone.
    """
    looks, days = table.looks, table.counts.shape[1]
    nightly = np.zeros_like(table.counts)
    for day in range(_COMMUNITY_DAYS, days):
        inside = (looks.day > day - _COMMUNITY_DAYS) & (looks.day <= day)
        nightly[:, day] = _lonely(looks.account[inside], looks.patient[inside], len(nightly))
    last = np.append(looks.rank[1:] == 1, True)[: len(looks)]
    return np.where(last, table.at(nightly), -np.inf)


def _lonely(account: Int64Array, patient: Int64Array, accounts: int) -> FloatArray:
    pairs = pl.DataFrame({"account": account, "patient": patient}).unique()
    weighted = pairs.with_columns(
        (accounts / pl.len().over("patient")).log().alias("weight")
    ).with_columns(
        (pl.col("weight") / (pl.col("weight") ** 2).sum().over("account").sqrt()).alias("weight")
    )
    shared = weighted.filter(pl.len().over("patient") > 1)
    likeness = (
        shared.join(shared, on="patient", suffix="_other")
        .filter(pl.col("account") != pl.col("account_other"))
        .group_by("account", "account_other")
        .agg((pl.col("weight") * pl.col("weight_other")).sum().alias("likeness"))
        .group_by("account")
        .agg(pl.col("likeness").top_k(NEIGHBOURS).sum() / NEIGHBOURS)
    )
    near = np.zeros(accounts)
    near[likeness["account"].to_numpy()] = likeness["likeness"].to_numpy()
    size = np.bincount(pairs["account"].to_numpy(), minlength=accounts)
    active = size > 0
    score: FloatArray = np.where(active, (1.0 - near) * np.sqrt(size), 0.0)
    if not active.any():
        return score
    return np.asarray((score - score[active].mean()) / max(float(score[active].std()), 1e-9))


RULES: Final[dict[str, Callable[[Table], FloatArray]]] = {
    "static threshold": static_threshold,
    "7-day volume (Sentinel)": sentinel_7d,
    "30-day z (SecOps)": secops_30d,
    "peer z": peer_z,
    "kNN (CADS-like)": cads_knn,
    "explained share (EBAS)": explained_share,
}


def threshold_for(
    table: Table, score: FloatArray, quiet: BoolArray, first_day: int, allowed: float
) -> float:
    """The lowest threshold with at most `allowed` incidents on quiet accounts from a day on.

    Args:
        table: the looks.
        score: shape (n,), of each look.
        quiet: shape (accounts,).
        first_day: first day that counts, since the span's first.
        allowed: incidents.
    """
    counted = quiet[table.looks.account] & (table.looks.day >= first_day) & np.isfinite(score)
    if not counted.any():
        return np.inf
    highest = np.full(table.counts.shape, -np.inf)
    day = np.minimum(table.looks.day[counted], table.counts.shape[1] - 1)
    np.maximum.at(highest, (table.looks.account[counted], day), score[counted])
    low, high = float(score[counted].min()), float(score[counted].max()) + 1e-9
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if incidents(highest >= middle) <= allowed else (middle, high)
    return high


def incidents(alerted: BoolArray) -> int:
    """Incidents in alerts of shape (accounts, days): those after `QUIET_GAP_DAYS` without."""
    recent = _window_sums(alerted.astype(np.float64), QUIET_GAP_DAYS)
    return int((alerted & (recent == 0)).sum())


def _window_sums(values: FloatArray, days: int) -> FloatArray:
    """Sums of the `days` days before each one, shape as given."""
    total = np.cumsum(values, axis=1)
    before = np.zeros_like(total)
    before[:, 1:] = total[:, :-1]
    old = np.zeros_like(total)
    old[:, days + 1 :] = total[:, : -days - 1]
    sums: FloatArray = before - old
    return sums


def _trailing(
    counts: FloatArray, counted: FloatArray, days: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean and standard deviation of the days before that count, and how many there are."""
    number = _window_sums(counted, days)
    mean = _window_sums(counts * counted, days) / np.maximum(number, 1.0)
    square = _window_sums(counts**2 * counted, days) / np.maximum(number, 1.0)
    return mean, np.sqrt(np.maximum(square - mean**2, 0.0)), number
