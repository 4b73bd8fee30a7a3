"""Who was active: unique accounts and structures per calendar day and month (pure).

An account may work for several structures, hence appear in several partitions. So a source partition
only says "this subject was active in this flow and sector on this day" (a *mark*, once a day), and the
marks of one subject, from wherever, meet in one partition of their own topic, where they are counted
exactly. Marks are idempotent: they may be sent twice, never lost.

A subject is named by a 128-bit BLAKE2b digest of its pseudonym; the pseudonym itself does not travel.
Where an event has no account (a structure's certificate), the user is the structure, as in the INSi
statistics.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from streams.digests import EMPTY
from streams.errors import StateError
from streams.event_columns import EventColumns
from streams.event_time import day_of_month, month_of_day, paris_days
from streams.hash_table import KeyRows
from streams.topics import FLOWS
from streams.validity import LAST_DAY
from streams.vocabulary import SECTORS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from agents.series import CodeArray
    from streams.digests import UInt64Array
    from streams.event_time import BoolArray, Int64Array
    from streams.texts import Texts

KINDS: Final = ("account", "structure")
CODES: Final = len(KINDS) * len(FLOWS) * len(SECTORS)

_FORMAT: Final = b"\x01"
_MARK: Final = np.dtype([("code", "<u2"), ("day", "<i4"), ("subject", "V16")])
_CELL: Final = np.dtype([("code", "<u2"), ("month", "<i4"), ("days", "<u4"), ("subject", "V16")])
_REMEMBERED_DAYS: Final = 3
_FIRST_SUBJECTS: Final = 64
_STRUCTURES: Final = len(FLOWS) * len(SECTORS)
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
"""Sets the digest of one subject apart from code to code."""

MarkArray = npt.NDArray[np.void]
Cell = tuple[int, int, bytes]
"""Code, month, subject."""


def code_of(kind: str, flow: str, sector: str) -> int:
    """The number under which a kind of subject is counted for a flow and sector."""
    return (KINDS.index(kind) * len(FLOWS) + FLOWS.index(flow)) * len(SECTORS) + SECTORS.index(
        sector
    )


def labels_of(code: int) -> tuple[str, str, str]:
    """Kind, flow and sector of a code."""
    rest, sector = divmod(code, len(SECTORS))
    kind, flow = divmod(rest, len(FLOWS))
    return KINDS[kind], FLOWS[flow], SECTORS[sector]


class ActivityMarker:
    """Turns the events of one source partition into marks, each once a day.

    What was sent is remembered for the newest days only and is not part of the state: after a restart
    marks are sent again, which changes nothing.
    """

    def __init__(self, subjects_kept: int = 65_536) -> None:
        # By day: digests of those whose marks were sent, each mixed with its code.
        self._sent: dict[int, KeyRows] = {}
        self._subjects = _Subjects(subjects_kept)

    def marks(
        self,
        flow: str,
        events: EventColumns | pl.DataFrame,
        sectors: CodeArray,
    ) -> MarkArray:
        """The new marks of n events of one flow, whose sectors are given by number."""
        events = EventColumns.of(events)
        if not events.height:
            return np.zeros(0, _MARK)
        structures, actors = events.texts("structure_pid"), events.texts("actor_pid")
        has_account = actors.digests > EMPTY
        users = np.where(has_account, actors.digests, structures.digests)
        subjects = np.concatenate([users, structures.digests])
        codes = sectors + FLOWS.index(flow) * len(SECTORS)
        codes = np.concatenate([codes, codes + _STRUCTURES])
        keys = subjects + codes.astype(np.uint64) * _SPREAD
        days = paris_days(events.numbers("occurred_at"))
        first = int(days.min())
        if first == days.max():
            new = self._known(first).rows_of(keys)[1]
        else:
            both = np.concatenate([days, days])
            parts = [np.flatnonzero(both == day) for day in np.unique(days).tolist()]
            known = [self._known(int(both[own[0]])) for own in parts]
            new = np.concatenate(
                [own[one.rows_of(keys[own])[1]] for one, own in zip(known, parts, strict=True)]
            )
        if not new.size:
            return np.zeros(0, _MARK)
        places = new % len(days)
        is_account = has_account[places] & (new < len(days))
        marks = np.zeros(len(new), _MARK)
        marks["code"], marks["day"] = codes[new], days[places]
        names = self._subjects.of(subjects[new], (actors, structures), is_account, places)
        marks["subject"] = names
        words = names.view(">u8").reshape(-1, 2)
        return marks[np.lexsort([words[:, 1], words[:, 0], marks["day"], marks["code"]])]

    def _known(self, day: int) -> KeyRows:
        known = self._sent.setdefault(day, KeyRows())
        while len(self._sent) > _REMEMBERED_DAYS:
            del self._sent[min(other for other in self._sent if other != day)]
        return known


class _Subjects:
    """The names under which subjects travel, as far as they were worked out lately."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._rows = KeyRows()
        self._names = np.zeros(_FIRST_SUBJECTS, "V16")

    def of(
        self,
        digests: UInt64Array,
        columns: tuple[Texts, Texts],
        is_first: BoolArray,
        places: Int64Array,
    ) -> npt.NDArray[np.void]:
        """The names of n subjects by their digests.

        Args:
            digests: shape (n,).
            columns: where their pseudonyms stand.
            is_first: shape (n,), whether in the first of the columns, else in the second.
            places: shape (n,), at which place.
        """
        if len(self._rows) + len(digests) > self._most:
            # Nobody can fill the memory.
            self._rows = KeyRows()
        rows, new = self._rows.rows_of(digests)
        if new.size:
            if len(self._rows) > len(self._names):
                grown = np.zeros(2 * len(self._rows), "V16")
                grown[: len(self._names)] = self._names
                self._names = grown
            for column, own in zip(columns, (is_first[new], ~is_first[new]), strict=True):
                told = column.take(places[new[own]]).octets()
                hashed = b"".join([blake2b(name, digest_size=16).digest() for name in told])
                self._names[rows[new[own]]] = np.frombuffer(hashed, "V16")
        return self._names[rows]


def split_marks(marks: MarkArray, partitions: int) -> Iterator[tuple[int, bytes]]:
    """The marks of each mark partition as one message value; a subject has one partition."""
    if not len(marks):
        return
    words = np.frombuffer(marks["subject"].tobytes(), "<u4").reshape(-1, 4)
    target = words[:, 0] % partitions
    for partition in np.unique(target).tolist():
        yield partition, _FORMAT + marks[target == partition].tobytes()


def read_marks(value: bytes) -> MarkArray:
    """Read one message of marks.

    Raises:
        StateError: the message is not one of ours.
    """
    if value[:1] != _FORMAT or (len(value) - 1) % _MARK.itemsize:
        raise StateError("activity-marks: a message is not a list of marks")
    marks = np.frombuffer(value, _MARK, offset=1)
    days = marks["day"]
    if (marks["code"] >= CODES).any() or (days < 0).any() or (days > LAST_DAY).any():
        raise StateError("activity-marks: a mark of a code or day that does not exist")
    return marks


class ActivityCells:
    """The days on which each subject of one mark partition was active, by month.

    Args:
        months_kept: how many calendar months before the newest are kept; `None` keeps all
            (a back-test).

    As a checkpoint section its keys number the (code, month, subject) cells in order of appearance.
    """

    def __init__(self, months_kept: int | None = 1) -> None:
        self._months_kept = months_kept
        self._number: dict[Cell, int] = {}
        self._cells: list[Cell | None] = []
        self._days: list[int] = []
        self._dirty: set[int] = set()
        self._newest_month = 0
        self.month_counts: dict[tuple[int, int], int] = {}
        self.day_counts: dict[tuple[int, int], int] = {}

    def add(self, marks: MarkArray) -> bool:
        """Take n marks; say whether any count changed."""
        changed = False
        numbers, all_days = self._number, self._days
        # Most marks are of one day; of each, month and bit are worked out once.
        found: dict[int, tuple[int, int]] = {}
        for code, day, subject in zip(
            marks["code"].tolist(), marks["day"].tolist(), marks["subject"].tolist(), strict=True
        ):
            at = found.get(day)
            if at is None:
                at = found[day] = month_of_day(day), 1 << day_of_month(day)
            month, bit = at
            if month > self._newest_month:
                self._newest_month = month
                self._expire()
            elif month < self._oldest_month():
                continue
            cell = code, month, subject
            number = numbers.get(cell)
            if number is None:
                number = self._numbered(cell)
            known = all_days[number]
            if known & bit:
                continue
            if not known:
                self.month_counts[code, month] = self.month_counts.get((code, month), 0) + 1
            all_days[number] = known | bit
            self.day_counts[code, day] = self.day_counts.get((code, day), 0) + 1
            self._dirty.add(number)
            changed = True
        return changed

    def _numbered(self, cell: Cell) -> int:
        number = self._number.get(cell)
        if number is None:
            number = self._number[cell] = len(self._cells)
            self._cells.append(cell)
            self._days.append(0)
        return number

    def _oldest_month(self) -> int:
        return 0 if self._months_kept is None else self._newest_month - self._months_kept

    def _expire(self) -> None:
        oldest = self._oldest_month()
        for cell in [c for c in self._number if c[1] < oldest]:
            self._cells[self._number.pop(cell)] = None
        self.month_counts = {k: n for k, n in self.month_counts.items() if k[1] >= oldest}
        self.day_counts = {k: n for k, n in self.day_counts.items() if month_of_day(k[1]) >= oldest}

    def subjects(self, code: int) -> set[bytes]:
        """Every subject of a code, over all kept months."""
        return {cell[2] for cell in self._number if cell[0] == code}

    def drain(self) -> set[int]:
        """The cells that changed since the last drain."""
        dirty, self._dirty = self._dirty, set()
        return dirty

    def pending_bytes(self) -> int:
        """What the changed cells will take."""
        return _CELL.itemsize * len(self._dirty)

    def encode(self, keys: set[int]) -> tuple[bytes, set[int]]:
        """The cells that are still kept."""
        rows = []
        kept = set()
        for number in sorted(keys):
            cell = self._cells[number]
            if cell is not None:
                code, month, subject = cell
                rows.append((code, month, self._days[number], subject))
                kept.add(number)
        return np.array(rows, _CELL).tobytes(), kept

    def load(self, payload: bytes) -> set[int]:
        """Restore cells; days only ever add up, so the order of payloads does not matter."""
        keys = set()
        for code, month, days, subject in np.frombuffer(payload, _CELL).tolist():
            number = self._numbered((code, month, bytes(subject)))
            self._days[number] |= days
            keys.add(number)
        return keys

    def recovered(self) -> None:
        """Finish a recovery: forget what is out of date and count the rest."""
        self._newest_month = max((cell[1] for cell in self._number), default=0)
        self._expire()
        self._dirty.clear()
        self.month_counts.clear()
        self.day_counts.clear()
        if not self._number:
            return
        labels = np.array([cell[:2] for cell in self._number], np.int64)
        days = np.array([self._days[number] for number in self._number.values()], np.uint32)
        groups, inverse = np.unique(labels, axis=0, return_inverse=True)
        for place, (code, month) in enumerate(groups.tolist()):
            own = days[inverse.reshape(-1) == place]
            first = first_day_of_month(month)
            self.month_counts[code, month] = len(own)
            for number in range(1, 32):
                active = int(((own >> number) & 1).sum())
                if active:
                    self.day_counts[code, first + number - 1] = active


def first_day_of_month(month: int) -> int:
    """The local day (since 1970-01-01) on which a month begins."""
    year, index = divmod(month, 12)
    days = np.datetime64(f"{year:04d}-{index + 1:02d}-01") - np.datetime64("1970-01-01")
    return int(days.astype("timedelta64[D]").astype(np.int64))
