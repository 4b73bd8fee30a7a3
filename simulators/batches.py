"""The region's traffic as Kafka records, without a file between (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simulators.encode import EventEncoder
from simulators.pseudonyms import STRUCTURE, pseudonyms
from simulators.recording import RecordedBatch
from streams.topics import FLOWS
from streams.wire import single_object_header

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from simulators.events import Events
    from streams.schemas import Schemas


class BatchEncoder:
    """Turns tables of events into Kafka records.

    Args:
        schemas: the contracts.
        seed: the simulation's seed.
        run: tells runs apart whose events must not share identifiers; 0 for the recordings' own.
    """

    def __init__(self, schemas: Schemas, seed: int, run: int = 0) -> None:
        versions = {flow: schemas.of_flow(flow) for flow in FLOWS}
        self._seed = seed
        self._headers = {f: single_object_header(v.fingerprint) for f, v in versions.items()}
        self._encoders = {
            flow: EventEncoder(flow, version.schema, seed, run)
            for flow, version in versions.items()
        }

    def batch(self, events: Events) -> RecordedBatch:
        """The records of a table, in its order."""
        encoded = self._encoders[events.flow].encode(events, self._headers[events.flow])
        keys = pseudonyms(self._seed, STRUCTURE, events.columns["structure_pid"])
        return RecordedBatch(
            events.flow,
            keys.view(f"S{keys.shape[1]}").ravel().tolist(),
            encoded.bodies(),
            events.columns["recorded_at"],
        )


def in_windows(
    days: Iterable[Mapping[str, Events]], window_ms: int, most: int = 4096
) -> Iterator[Events]:
    """Cut ordered tables into windows of `recorded_at`; all flows' window w comes before w + 1.

    Args:
        days: tables per flow, each ordered by `recorded_at`, successive in time.
        window_ms: length of a window.
        most: largest number of events in a table that is given out.
    """
    for tables in days:
        starts = {
            flow: table.columns["recorded_at"] // window_ms
            for flow, table in tables.items()
            if len(table)
        }
        for window in np.unique(np.concatenate([*starts.values(), np.zeros(0, np.int64)])).tolist():
            for flow, of_window in starts.items():
                begin, end = np.searchsorted(of_window, [window, window + 1]).tolist()
                for first in range(begin, end, most):
                    yield tables[flow].pick(slice(first, min(first + most, end)))
