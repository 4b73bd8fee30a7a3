"""From runs to one table, ratios first, and to a judgement against the targets.

Judged is what a core does: events per second of processor time, all threads and the kernel's part in
it. On a machine that does nothing else this is events per second on one core, for all of them are bound
by it; on any other it is what the neighbours disturb least. The clock's figures stand beside it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.benchmarks.peers.running import Measured

WORKER: Final = "vigie worker"
COUNTING: Final = "vigie worker, watching nobody"
FAUST: Final = "stock Faust agent"
QUIX: Final = "Quix Streams"
LOOP: Final = "confluent-kafka + fastavro loop"
STREAMS: Final = "Kafka Streams"
FLOOR_FETCHER: Final = "floor: its own fetcher alone"
FLOOR_LIBRDKAFKA: Final = "floor: librdkafka alone"

TARGETS: Final = {FAUST: 60.0, QUIX: 4.0, LOOP: 1.3, STREAMS: 1.0}
"""How many times as much the whole worker, every detector on, has to do with a core."""
AFTER_KILL: Final = {
    WORKER: "counts each event once",
    COUNTING: "counts each event once",
    FAUST: "recounts what was not committed",
    QUIX: "goes back to the last commit",
    LOOP: "loses everything counted",
    STREAMS: "recounts what was not committed",
    FLOOR_FETCHER: "counts nothing",
    FLOOR_LIBRDKAFKA: "counts nothing",
}


@dataclass(frozen=True, slots=True)
class Figures:
    """The medians of one competitor's rounds.

    Attributes:
        name: who.
        ratio: how many times as many events the whole worker takes per second of processor time, round
            by round, in the median.
        ratios: of each round.
        counting_ratio: the same of the worker that watches nobody.
        clock_ratio: the whole worker's events per second of the clock against these, likewise.
        per_second: events per second on one core.
        cpu_us: processor time per event, microseconds.
        peak_bytes: most resident memory.
        wrong: in which its counts differ from the truth, in any round.
    """

    name: str
    ratio: float
    ratios: tuple[float, ...]
    counting_ratio: float
    clock_ratio: float
    per_second: float
    cpu_us: float
    peak_bytes: int
    wrong: str


def figures_of(runs: Mapping[str, Sequence[Measured]]) -> list[Figures]:
    """The figures of all that ran, in the order in which they ran.

    Args:
        runs: by name, one for each round; `WORKER` and `COUNTING` among them.
    """
    whole, counting = runs[WORKER], runs[COUNTING]
    found = []
    for name, theirs in runs.items():
        ratios = tuple(b.cpu_us / a.cpu_us for a, b in zip(whole, theirs, strict=True))
        of_counting = [b.cpu_us / a.cpu_us for a, b in zip(counting, theirs, strict=True)]
        by_clock = [a.per_second / b.per_second for a, b in zip(whole, theirs, strict=True)]
        found.append(
            Figures(
                name=name,
                ratio=median(ratios),
                ratios=ratios,
                counting_ratio=median(of_counting),
                clock_ratio=median(by_clock),
                per_second=median(run.per_second for run in theirs),
                cpu_us=median(run.cpu_us for run in theirs),
                peak_bytes=max(run.peak_bytes for run in theirs),
                wrong="; ".join(dict.fromkeys(run.wrong for run in theirs if run.wrong)),
            )
        )
    return found


def missed(found: Sequence[Figures]) -> list[str]:
    """Targets that were missed, and competitors that counted something else, a line each."""
    lines = [f"{one.name}: {one.wrong}" for one in found if one.wrong]
    return lines + [
        f"{one.name}: the worker takes {one.ratio:.2f} times as many events, not {target:g}"
        for one in found
        if (target := TARGETS.get(one.name)) is not None and one.ratio < target
    ]


def table_of(found: Sequence[Figures], title: str) -> Table:
    """The one table."""
    table = Table(title=title)
    for heading in ("ratio", "target", "rounds", "counting only", "by the clock"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("the whole worker against", no_wrap=True)
    for heading in ("events/s", "CPU µs", "peak MB"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("counts")
    table.add_column("after kill -9", no_wrap=True)
    for one in found:
        target = TARGETS.get(one.name)
        counts = "" if one.name.startswith("floor") else one.wrong or "equal"
        table.add_row(
            f"{one.ratio:.2f}",
            "" if target is None else f"≥ {target:g}",
            f"{min(one.ratios):.2f}–{max(one.ratios):.2f}",  # noqa: RUF001 (a range)
            f"{one.counting_ratio:.2f}",
            f"{one.clock_ratio:.2f}",
            one.name,
            f"{one.per_second:,.0f}",
            f"{one.cpu_us:.1f}",
            f"{one.peak_bytes / 1e6:,.0f}",
            counts,
            AFTER_KILL[one.name],
        )
    return table


def document_of(found: Sequence[Figures], **said: Any) -> dict[str, Any]:
    """The figures as they go into a file."""
    rows = [asdict(one) | {"target": TARGETS.get(one.name)} for one in found]
    return said | {"competitors": rows, "missed": missed(found)}
