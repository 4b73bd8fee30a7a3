"""What has to come out, reckoned with polars from the records themselves.

It shares neither code nor library with `work.Tally` or the Java topology, so that equal results mean
something.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import polars as pl

from streams.codec import SliceCodec
from streams.event_time import MINUTE_MS, paris_days
from streams.schemas import Schemas
from streams.topics import EPRESCRIPTIONS, INSI_CALLS, PLATFORM_ACCESSES
from tests.benchmarks.peers.work import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.peers.work import AccountDay

_MINUTE: Final = ("minute", "flow", "sector", "department")
_ACCOUNT: Final = ("day", "flow", "structure_pid", "actor_pid")
_HAS_PERSON: Final = pl.col("actor_pid").is_not_null()
_LOOKS: Final = {
    PLATFORM_ACCESSES: pl.col("action").cast(pl.String) != "SEARCH_PATIENT",
    INSI_CALLS: (pl.col("operation").cast(pl.String) == "RECHERCHE_TRAITS") & _HAS_PERSON,
    EPRESCRIPTIONS: (pl.col("event").cast(pl.String) == "CONSULTED") & _HAS_PERSON,
}


@dataclass(slots=True)
class Truth:
    """Takes the records that are produced."""

    events: int = 0
    _minutes: list[pl.DataFrame] = field(default_factory=list)
    _looks: list[pl.DataFrame] = field(default_factory=list)
    _held_over: set[AccountDay] = field(default_factory=set)
    _codec: SliceCodec = field(default_factory=lambda: SliceCodec(Schemas.load()))

    def add(self, flow: str, values: Sequence[bytes]) -> None:
        """Count n wire values of a flow.

        Raises:
            AssertionError: one of them is no record, or came before.
        """
        decoded = self._codec.decode(flow, list(values))
        assert not decoded.rejects, "the simulated region sends sound records"
        frame = decoded.frame.with_columns(pl.lit(flow).alias("flow"))
        self.events += frame.height
        minutes = frame.with_columns((pl.col("occurred_at") // MINUTE_MS).alias("minute"))
        labels = [pl.col(name).cast(pl.String) for name in ("sector", "department")]
        self._minutes.append(minutes.with_columns(labels).group_by(_MINUTE).len())
        if flow in _LOOKS:
            failed = pl.col("outcome").cast(pl.String) == "FAILURE"
            looks = frame.filter(_LOOKS[flow] & pl.col("patient_pid").is_not_null() & ~failed)
            days = pl.Series("day", paris_days(looks["occurred_at"].to_numpy()))
            came = pl.Series("came", paris_days(looks["recorded_at"].to_numpy()))
            looks = looks.with_columns(days, came, pl.col("actor_pid").fill_null(""))
            late = looks.filter(pl.col("came") > pl.col("day")).select("came", *_ACCOUNT[1:])
            self._held_over.update(late.iter_rows())
            self._looks.append(looks.select(*_ACCOUNT, "patient_pid").unique())

    def result(self) -> Result:
        """What everything so far comes to."""
        minutes = pl.concat(self._minutes).group_by(_MINUTE).agg(pl.col("len").sum())
        patients = pl.concat(self._looks).unique().group_by(_ACCOUNT).len()
        return Result(
            self.events,
            {(minute, flow, one, two): n for minute, flow, one, two, n in minutes.iter_rows()},
            {(day, flow, one, two): n for day, flow, one, two, n in patients.iter_rows()},
            frozenset(self._held_over),
        )
