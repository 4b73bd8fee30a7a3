"""What the simulated region produces beside what its flows show: documents and prescriptions (pure).

No flow counts what is *not* deposited or not electronic, so the simulated region declares it: so much
that its flows are the shares below (assumptions). The figures are those of the present month up to now,
as the traffic goes out; each replaces the one before.
"""

from __future__ import annotations

from collections import Counter
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from simulators.declared_sheet import SOURCE
from simulators.events import code
from simulators.recording import RecordedBatch
from streams.codec import SliceCodec
from streams.event_time import date_of_day, month_of_day, paris_day
from streams.topics import DECLARATIONS, DMP_DEPOSITS, EPRESCRIPTIONS
from streams.vocabulary import COULOIRS

if TYPE_CHECKING:
    from simulators.events import Column, Events
    from streams.schemas import Schemas

DEPOSITED_RATIO: Final = {
    "HOPITAL": 0.74,
    "MEDECINE_VILLE": 0.58,
    "OFFICINE": 0.41,
    "LABO_BIOLOGIE": 0.91,
    "RADIOLOGIE": 0.79,
    "MEDICO_SOCIAL": 0.22,
}
"""Share of the documents that each couloir produces that it also deposits."""
ELECTRONIC_RATIO: Final = {"prescriptions_ecrites": 0.72, "delivrances_faites": 0.55}
"""Share of prescriptions and dispensations that are electronic."""


class Produced:
    """Counts what goes out and tells what must have been produced.

    Args:
        schemas: the contracts.
    """

    def __init__(self, schemas: Schemas) -> None:
        self._codec = SliceCodec(schemas)
        self._month = -1
        self._shown: Counter[str] = Counter()

    def count(self, events: Events) -> None:
        """Learn of events that go out now."""
        columns = events.columns
        month = month_of_day(paris_day(int(columns["recorded_at"][-1])))
        if month != self._month:
            self._month = month
            self._shown.clear()
        if events.flow == DMP_DEPOSITS:
            is_new = _is(events, "operation", "SUBMIT") & ~_is(events, "outcome", "FAILURE")
            for number in np.unique(columns["couloir"][is_new]).tolist():
                of_couloir = is_new & (columns["couloir"] == number)
                documents = int(columns["doc_count"][of_couloir].sum())
                self._shown[COULOIRS[number]] += documents
        elif events.flow == EPRESCRIPTIONS:
            done = ~_is(events, "outcome", "FAILURE")
            filled = _is(events, "event", "DISPENSED_FULL") | _is(
                events, "event", "DISPENSED_PARTIAL"
            )
            created = _is(events, "event", "CREATED")
            self._shown["prescriptions_ecrites"] += int((created & done).sum())
            self._shown["delivrances_faites"] += int((filled & done).sum())

    def batch(self, now_ms: int) -> RecordedBatch:
        """The declarations of the present month up to now, as records of their topic."""
        day = paris_day(now_ms)
        rows = [
            _record("documents_produits", "COULOIR", couloir, self._shown[couloir] / ratio)
            for couloir, ratio in DEPOSITED_RATIO.items()
        ]
        rows += [
            _record(name, "REGION", "", self._shown[name] / ratio)
            for name, ratio in ELECTRONIC_RATIO.items()
        ]
        rows = [
            row | {"as_of": day, "source": SOURCE, "declared_at": now_ms}
            for row in rows
            if row["numerator"]
        ]
        month = date_of_day(day).strftime("%Y-%m")
        keys = [f"{row['indicator']}/{month}/{row['scope'] or 'REGION'}".encode() for row in rows]
        values = self._codec.encode("Declaration", rows) if rows else []
        return RecordedBatch(DECLARATIONS, keys, values, np.full(len(rows), now_ms, np.int64))


def _is(events: Events, field: str, word: str) -> Column:
    is_it: Column = events.columns[field] == code(events.flow, field, word)
    return is_it


def _record(indicator: str, kind: str, scope: str, produced: float) -> dict[str, Any]:
    return {
        "indicator": indicator,
        "scope_kind": kind,
        "scope": scope,
        "numerator": ceil(produced),
        "denominator": None,
        "ratio": None,
    }
