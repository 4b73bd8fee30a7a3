"""Several stolen accounts that each take a little, found by what they share (pure).

Twenty accounts with five more patients a day are nothing to a detector of accounts. Together they are,
if they can be put together: by the network or the client that they come from, by the minutes in which
they act, by a list of the directory that they divide or repeat. Each such group is judged once a day,
from the cells of all accounts (`agents.account_cells`):

- *network*, *client*: unexplained patients through the key, against what its users usually show and
  what the key itself has shown before;
- *rhythm*: accounts whose burst of unexplained patients lies in the same ten minutes of the day;
- *order*: accounts with several unexplained patients who are neighbours in the directory, by the
  distance between them; and accounts of different structures that read the same two one after the other.

A day's evidence is an e-value, a mean of likelihood ratios over how strong the group may be. Over days
it is added up by an e-detector (after Shin, Ramdas, Rinaldo 2023: the sum of the products since each
day) that forgets, so that its expectation on quiet days stays bounded. Days of evidence are not learned
as usual.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from agents.account_cells import CELL
from agents.collusion_groups import (
    COUNT_RATIOS,
    SHARE_RATIOS,
    Uses,
    grouped,
    linked,
    log_e_value,
    structures_worth,
    uses_of,
)
from agents.collusion_history import GroupHistory, Rates
from agents.group_suspicion import GroupEvidence, GroupSuspicion, Share
from agents.waiting import DUE_FIELDS, Waiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agents.account_cells import CellArray
    from agents.distributions import FloatArray
    from streams.checkpoint import Section
    from streams.event_time import BoolArray, Int64Array

BUDGET: Final = 5.0
"""Score of an alarm: `-log10` of quiet group incidents per account-day, so 1 in 100,000 of them, a
tenth of what the detectors of accounts have (`agents.detectors.calibration.BUDGET`)."""

WINDOWS: Final = 288
_WINDOW_MINUTES: Final = 5
GAP_BUCKETS: Final = 13
_LINKED: Final = WINDOWS + GAP_BUCKETS
"""Keys of rhythm are windows of the day, those of order follow: distances by powers of two, and last the
accounts that repeat each other's sequences."""
_TRACES: Final = _LINKED + 1
_SHOWN: Final = 256


_CODES: Final = {share: code for code, share in enumerate(Share)}


@dataclass(frozen=True, slots=True)
class Params:
    """What a group is, and how much it must show.

    Attributes:
        members_least: accounts of a group.
        excess_most: patients beyond its expectation that one account adds at most.
        burst_least: unexplained patients of a burst.
        near_least: neighbours in the directory that make a list.
        worth_least: independent accounts that must act in step; `k` of one structure are `sqrt(k)`.
        spread: relative variance of a group beyond its structures' (assumption).
        trace_spread: relative variance of how many accounts act in step by chance (assumption).
        report_from: score from which a group is handed on.
    """

    members_least: int = 3
    excess_most: float = 10.0
    burst_least: int = 3
    near_least: int = 2
    worth_least: float = 3.0
    spread: float = 0.02
    trace_spread: float = 0.5
    report_from: float = BUDGET


_WAITING_CELL: Final = np.dtype([*DUE_FIELDS, ("cell", CELL)])


class Collusion:
    """The groups of the whole region.

    Args:
        params: limits.

    Attributes:
        late_cells: cells of days that were closed already; they are left out.
    """

    def __init__(self, params: Params | None = None) -> None:
        self.params = params or Params()
        self.late_cells = 0
        self._cells = Waiting(_WAITING_CELL)
        self._groups = GroupHistory()
        self._rates = Rates(_TRACES)

    @property
    def sections(self) -> tuple[Section, ...]:
        """What a checkpoint holds of it, in an order that must not change."""
        return (self._cells, self._groups.rows, self._rates.rows, self._groups.days.rows)

    def recovered(self) -> None:
        """Finish a recovery from a checkpoint."""
        self._cells.recovered(self._rates.closed_day + 1)
        self._groups.recovered()

    @property
    def closed_day(self) -> int:
        """The last local day that was closed; 0 before the first."""
        return self._rates.closed_day

    def take(self, cells: CellArray) -> None:
        """Take n cells of any days; one that comes again replaces what came before."""
        is_late = cells["day"] <= self._rates.closed_day
        self.late_cells += int(is_late.sum())
        rows = np.zeros(len(cells), _WAITING_CELL)
        rows["cell"], rows["due_ms"] = cells, cells["day"]
        if not is_late.all():
            self._cells.add(rows[~is_late])

    def close(self, day: int) -> list[GroupSuspicion]:
        """Close all local days up to and with `day`, in their order."""
        if day <= self._rates.closed_day:
            return []
        waiting = self._cells.release(day + 1)
        cells = waiting["cell"]
        order = np.lexsort([waiting["number"], cells["structure"], cells["account"], cells["day"]])
        cells = cells[order]
        same = np.ones(len(cells), np.bool_)
        for name in ("day", "account", "structure"):
            same[:-1] &= cells[name][:-1] == cells[name][1:]
        same[-1:] = False
        cells = cells[~same]
        found: list[GroupSuspicion] = []
        for one in np.unique(cells["day"]).tolist():
            found += self._close_day(cells[cells["day"] == one], one)
        self._rates.set_closed(day)
        return found

    def _close_day(self, cells: CellArray, day: int) -> list[GroupSuspicion]:
        usual = cells["known"] * cells["expected_share"].astype(np.float64)
        told = np.minimum(cells["unexplained"], usual + 3.0)
        factor = float(np.clip((told.sum() + 20.0) / (usual.sum() + 20.0), 0.8, 1.3))
        found: list[GroupSuspicion] = []
        for share in (Share.NETWORK, Share.CLIENT):
            found += self._by_key(share, cells, day, factor)
        found += self._in_step(cells, day, usual * factor)
        self._rates.learn_scatter(cells, usual * factor)
        return _distinct(found)

    # -- networks and clients -------------------------------------------------------------------

    def _by_key(
        self, share: Share, cells: CellArray, day: int, factor: float
    ) -> Iterator[GroupSuspicion]:
        params = self.params
        uses = uses_of(cells, share, factor)
        groups = grouped(uses, cells, least=params.members_least, most_excess=params.excess_most)
        if not len(groups.key):
            return
        rows = self._groups.rows_of(_CODES[share], groups.key, day)
        expected = groups.expected * self._groups.usual_ratio(rows)
        spread = params.spread + self._groups.ratio_spread(rows)
        spread += self._rates.structure_spread * groups.concentration
        logs = log_e_value(groups.observed, expected, spread, SHARE_RATIOS)
        odds = self._groups.add(rows, logs, day)
        self._groups.learn(rows, groups.observed, groups.expected, logs)
        for at in self._groups.gathering(rows).tolist():
            own = uses.key == groups.key[at]
            self._groups.days.note(
                int(rows[at]), day, float(uses.observed[own].sum()), float(uses.expected[own].sum())
            )
        score = _score(odds, len(rows), len(cells))
        for at in np.flatnonzero((score >= params.report_from) & (logs > 0)).tolist():
            own = np.flatnonzero(uses.key == groups.key[at])
            yield self._suspicion(
                share,
                int(groups.key[at]),
                cells,
                Uses(*(getattr(uses, name)[own] for name in Uses.__slots__)),
                in_step=(0, 0.0),
                weight=(float(score[at]), float(odds[at]), int(rows[at])),
            )

    # -- rhythm and order -----------------------------------------------------------------------

    def _in_step(self, cells: CellArray, day: int, usual: FloatArray) -> list[GroupSuspicion]:
        params = self.params
        members = self._traces(cells)
        worth, count = np.zeros(_TRACES), np.zeros(_TRACES)
        for key, own in members.items():
            worth[key] = structures_worth(cells["structure"][own])
            count[key] = len(own)
        expected = len(cells) * self._rates.per_cell(WINDOWS)
        spread = np.full(_TRACES, params.trace_spread)
        logs = log_e_value(worth, expected, spread, COUNT_RATIOS)
        logs = np.where(worth < params.worth_least, np.minimum(logs, 0.0), logs)
        rows = self._groups.rows_of(_CODES[Share.RHYTHM], np.arange(_TRACES, dtype=np.uint64), day)
        odds = self._groups.add(rows, logs, day)
        score = _score(odds, _TRACES, len(cells))
        self._rates.learn(count, expected, len(cells), logs)
        for key in self._groups.gathering(rows).tolist():
            own = members.get(key, np.zeros(0, np.int64))
            seen, mean = float(cells["unexplained"][own].sum()), float(usual[own].sum())
            self._groups.days.note(int(rows[key]), day, seen, mean)
        found: list[GroupSuspicion] = []
        # A day without evidence of its own is not told, whatever earlier ones have left.
        reached = (score >= params.report_from) & (logs > 0)
        for key in (key for key in members if reached[key]):
            own = members[key]
            is_rhythm = key < WINDOWS
            found.append(
                self._suspicion(
                    Share.RHYTHM if is_rhythm else Share.ORDER,
                    key * _WINDOW_MINUTES if is_rhythm else key - WINDOWS,
                    cells,
                    Uses(
                        key=np.full(len(own), key, np.uint64),
                        cell=own,
                        observed=cells["unexplained"][own].astype(np.float64),
                        expected=usual[own],
                    ),
                    in_step=(len(own), float(expected[key])),
                    weight=(float(score[key]), float(odds[key]), int(rows[key])),
                )
            )
        return found

    def _traces(self, cells: CellArray) -> dict[int, Int64Array]:
        """The cells with each trace."""
        found: dict[int, Int64Array] = {}
        bursts = np.flatnonzero(cells["burst"] >= self.params.burst_least)
        window = cells["burst_minute"][bursts].astype(np.int64) // _WINDOW_MINUTES
        for key in np.unique(np.concatenate([window, (window - 1) % WINDOWS])).tolist():
            # A window and the one after it: ten minutes.
            found[key] = bursts[(window == key) | ((window - 1) % WINDOWS == key)]
        lists = np.flatnonzero(cells["near"] >= self.params.near_least)
        bucket = np.log2(np.maximum(cells["near_gap"][lists], 1)).astype(np.int64)
        for one in np.unique(bucket).tolist():
            found[WINDOWS + one] = lists[bucket == one]
        repeated = np.flatnonzero(linked(cells))
        if repeated.size:
            found[_LINKED] = repeated
        return found

    def _suspicion(
        self,
        share: Share,
        key_hint: int,
        cells: CellArray,
        uses: Uses,
        *,
        in_step: tuple[int, float],
        weight: tuple[float, float, int],
    ) -> GroupSuspicion:
        """What is told of a group; `weight` is its score, its log10 odds and its row."""
        own = cells[uses.cell]
        excess = uses.observed - uses.expected
        is_member: BoolArray = (excess > 0) if in_step[0] == 0 else np.ones(len(own), np.bool_)
        order = np.lexsort([own["account"], -excess])
        accounts = own["account"][order][is_member[order]].tolist()
        score, odds, row = weight
        day = int(own["day"][0])
        return GroupSuspicion(
            kind=share,
            key_hint=key_hint,
            members=tuple(dict.fromkeys(accounts))[:_SHOWN],
            day=day,
            score=score,
            evidence=GroupEvidence(
                members=len(np.unique(own["account"])),
                structures=len(np.unique(own["structure"])),
                observed_patients=float(uses.observed.sum()),
                expected_patients=float(uses.expected.sum()),
                in_step=in_step[0],
                expected_in_step=in_step[1],
                log10_odds=odds,
                since_day=self._groups.since(row),
            ),
            history=self._groups.days.of(row, day),
        )


def _distinct(found: list[GroupSuspicion]) -> list[GroupSuspicion]:
    """Of groups that are mostly the same accounts, the one known for longest, then the strongest.

    A gang may share two things, and its minutes lie in two windows that overlap.
    """
    kept: list[GroupSuspicion] = []
    taken: list[set[int]] = []
    for one in sorted(
        found,
        key=lambda one: (
            one.evidence.since_day,
            -one.score,
            -one.evidence.members,
            _CODES[one.kind],
            one.key_hint,
        ),
    ):
        members = set(one.members)
        if all(len(members & other) <= 0.5 * min(len(members), len(other)) for other in taken):
            kept.append(one)
            taken.append(members)
    return kept


def _score(odds: FloatArray, groups: int, cells: int) -> FloatArray:
    """From log10 odds to -log10 of quiet incidents per account-day: so many groups are looked at."""
    score: FloatArray = odds - np.log10(max(groups, 1) / max(cells, 1))
    return score
