"""Recordings: a folder with one Avro container file per flow and the ground truth of its attacks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, Final

import polars as pl

from simulators.attacks.catalogue import Wanted
from simulators.attacks.scenario import Scenario
from simulators.blocks import BlockReader
from simulators.container import SYNC_BYTES, Container, ContainerWriter
from simulators.encode import EventEncoder
from simulators.merging import in_arrival_order
from simulators.traffic import Extra, RegionTraffic, no_extra
from streams.errors import InputError
from streams.event_time import HOUR_MS
from streams.schemas import Schemas
from streams.topics import FLOWS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from simulators.blocks import Int64Array, Rows
    from simulators.events import Events

LABELS_FILE: Final = "labels.ndjson"
BLOCK_RECORDS: Final = 4096
"""Records of a block: about 700 kB, which keeps the encoder's matrix in the processor's cache."""

Progress = Callable[[int], None]
"""Told how many more events are done."""


def no_progress(events: int) -> None:
    """Tell nobody."""
    del events


@dataclass(frozen=True, slots=True)
class SimulationSummary:
    """What a simulation made.

    Attributes:
        events: number of events of each flow.
    """

    events: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Number of events of all flows."""
        return sum(self.events.values())


def recording_file(directory: Path, flow: str) -> Path:
    """The container file of a flow."""
    return directory / f"{flow}.avro"


def simulate_to_directory(
    *,
    directory: Path,
    start: date,
    days: int,
    seed: int,
    progress: Progress = no_progress,
    scale: float = 1.0,
    extra: Extra = no_extra,
    attacks: Sequence[Wanted] = (),
) -> SimulationSummary:
    """Write the region's traffic into a folder: `<topic>.avro` per flow and `labels.ndjson`.

    The same arguments give the same bytes. Files carry passing names until all of them are complete;
    on any failure none of them stays.

    Args:
        directory: created if need be; must not hold a recording yet.
        start: first local day.
        days: number of local days, at least 1.
        seed: any integer.
        progress: called with the number of events that were just written.
        scale: size relative to the region.
        extra: more traffic, as `RegionTraffic.recorded` takes it.
        attacks: attacks and look-alikes that take place; `labels.ndjson` holds their ground truth.

    Raises:
        InputError: `days` below 1, an attack outside of the days, or a folder that cannot be used.
    """
    require_days(start, days)
    _require_empty(directory)
    schemas = Schemas.load()
    traffic = RegionTraffic(seed, scale)
    scenario = Scenario(attacks, traffic, start, days)
    encoders = {flow: EventEncoder(flow, schemas.of_flow(flow).schema, seed) for flow in FLOWS}
    labels = directory / f".{LABELS_FILE}.partial"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            writers = {
                flow: stack.enter_context(
                    ContainerWriter(
                        recording_file(directory, flow),
                        schemas.of_flow(flow).schema,
                        _sync(flow, start, days, seed, scale, *attacks),
                    )
                )
                for flow in FLOWS
            }
            stack.callback(labels.unlink, missing_ok=True)
            labels.write_bytes(b"")
            for tables in traffic.recorded(start, days, extra, scenario.rewrite):
                for flow, events in tables.items():
                    _write(writers[flow], encoders[flow], events, progress)
            for writer in writers.values():
                writer.complete()
            labels.write_bytes(scenario.labels())
            labels.replace(directory / LABELS_FILE)
            return SimulationSummary({flow: writers[flow].records for flow in FLOWS})
    except OSError as error:
        raise InputError(f"{directory}: cannot be written ({error.strerror})") from None


def require_days(start: date, days: int) -> None:
    """Refuse a span that cannot be simulated.

    Raises:
        InputError: `days` below 1, or a span outside the years 1971 to 2038.
    """
    if days < 1:
        raise InputError(f"days: must be at least 1, not {days}")
    # Times are told apart from other numbers by their width, and zone tables end there.
    if start < date(1971, 1, 1) or start.toordinal() + days > date(2038, 1, 1).toordinal():
        raise InputError("start: the simulated days must lie between 1971 and 2037")


def _require_empty(directory: Path) -> None:
    if directory.exists() and not directory.is_dir():
        raise InputError(f"{directory}: is not a folder")
    for name in (*(f"{flow}.avro" for flow in FLOWS), LABELS_FILE):
        if (directory / name).exists():
            raise InputError(f"{directory / name}: exists; a recording is never overwritten")


def _sync(flow: str, start: date, days: int, seed: int, *rest: float | Wanted) -> bytes:
    told = [one.text if isinstance(one, Wanted) else repr(one) for one in rest]
    text = " ".join((flow, f"{start}", f"{days}", f"{seed}", *told))
    return hashlib.sha256(text.encode()).digest()[:SYNC_BYTES]


def _write(
    writer: ContainerWriter, encoder: EventEncoder, events: Events, progress: Progress
) -> None:
    for begin in range(0, len(events), BLOCK_RECORDS):
        block = events.pick(slice(begin, begin + BLOCK_RECORDS))
        writer.write_block(len(block), encoder.encode(block).data.data)
        progress(len(block))


@dataclass(frozen=True, slots=True, eq=False)
class RecordedBatch:
    """Recorded events of one flow as Kafka records, in file order.

    Attributes:
        flow: the flow.
        keys: n Kafka keys, the structures' pseudonyms.
        values: n Kafka values.
        recorded_ms: shape (n,); when each was recorded, shifted as the values are.
    """

    flow: str
    keys: list[bytes]
    values: list[bytes]
    recorded_ms: Int64Array

    def __len__(self) -> int:
        """Number of events."""
        return len(self.values)


class Recording:
    """A folder of container files, whoever wrote them.

    Args:
        directory: holds `<topic>.avro` for at least one flow.
        schemas: the contracts; loaded if not given.

    Raises:
        InputError: no such folder, no flow in it, or a file that is no container of its flow's record.
    """

    def __init__(self, directory: Path, schemas: Schemas | None = None) -> None:
        self.directory = directory
        if not directory.is_dir():
            raise InputError(f"{directory}: no such folder")
        known = schemas or Schemas.load()
        self._containers = {
            flow: Container(recording_file(directory, flow))
            for flow in FLOWS
            if recording_file(directory, flow).exists()
        }
        if not self._containers:
            raise InputError(f"{directory}: holds no recording (no {FLOWS[0]}.avro or the like)")
        self._readers = {
            flow: BlockReader(container, known.of_flow(flow))
            for flow, container in self._containers.items()
        }

    @property
    def flows(self) -> tuple[str, ...]:
        """The flows that the recording holds."""
        return tuple(self._containers)

    def total_records(self, flow: str | None = None) -> int:
        """Records of a flow, or of all, from the blocks' headers.

        Raises:
            InputError: a block's frame is broken.
        """
        containers = self._containers.values() if flow is None else (self._containers[flow],)
        return sum(block.count for container in containers for block in container.blocks())

    def frames(self, flow: str) -> Iterator[pl.DataFrame]:
        """A flow's blocks as columns, in file order.

        Raises:
            InputError: a block is broken.
        """
        for rows in self._readers[flow].rows():
            yield rows.frame

    def windows(
        self, window_ms: int = HOUR_MS
    ) -> Iterator[tuple[int, list[tuple[str, pl.DataFrame]]]]:
        """All flows as columns, window of `recorded_at` after window.

        Yields:
            The window's end, milliseconds UTC, and each flow's events in file order.

        Raises:
            InputError: a block is broken.
        """
        for start_ms, parts in in_arrival_order(self._rows(), window_ms):
            frames = [
                (flow, [rows.frame for of_flow, rows in parts if of_flow == flow])
                for flow in self.flows
            ]
            yield (
                start_ms + window_ms,
                [(flow, pl.concat(found)) for flow, found in frames if found],
            )

    def merged_frames(self, window_ms: int = HOUR_MS) -> Iterator[tuple[str, pl.DataFrame]]:
        """All flows as columns in the order of arrival: every flow's window before the next window.

        Raises:
            InputError: a block is broken.
        """
        for _, parts in self.windows(window_ms):
            yield from parts

    def batches(self, window_ms: int = HOUR_MS, shift_ms: int = 0) -> Iterator[RecordedBatch]:
        """All flows as Kafka records in the order of arrival, in windows of `recorded_at`.

        Args:
            window_ms: length of a window in recorded time.
            shift_ms: moves `occurred_at` and `recorded_at` of every event.

        Raises:
            InputError: a block is broken.
        """
        for _, parts in in_arrival_order(self._rows(), window_ms):
            for flow, rows in parts:
                keys = [key.encode() for key in rows.frame["structure_pid"].to_list()]
                yield RecordedBatch(flow, keys, rows.values(shift_ms), rows.recorded_ms + shift_ms)

    def first_recorded_ms(self) -> int:
        """When the recording's first event was recorded, milliseconds UTC.

        Raises:
            InputError: the recording holds no event, or a block is broken.
        """
        firsts = [
            rows.recorded_ms.min() for reader in self._rows().values() for rows in islice(reader, 1)
        ]
        if not firsts:
            raise InputError(f"{self.directory}: holds no event")
        return int(min(firsts))

    def _rows(self) -> dict[str, Iterator[Rows]]:
        return {flow: reader.rows() for flow, reader in self._readers.items()}
