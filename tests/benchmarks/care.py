"""What the care relations cost and what they explain, on a simulated region.

    .venv/bin/python tests/benchmarks/care.py [--days 45] [--seed 1] [--partitions 8] [--from DIR]

All five flows through one `AccessExplainer` per partition, in frames of an hour as a back-test has them.
Shares are of looks after the horizon has filled: an access within ten minutes of the structure's last
one to the same patient is part of the same look. Exits 1 if a bound that the README states is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import orjson
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from agents.accounts import Accounts
from agents.care_relations import CareRelations
from agents.detectors.base import UNKNOWN
from agents.explaining import AccessExplainer, CareParams, ExplainedAccesses
from simulators.partitions import partitions_of
from simulators.recording import Recording, simulate_to_directory
from streams.checkpoint import Journal
from streams.event_time import DAY_MS, MINUTE_MS
from streams.topics import FLOWS, VERDICTS
from streams.vocabulary import SECTORS

BYTES_PER_PAIR_MAX = 32.0
PROBE_MS_MAX = 1.0
SLICE = 4096
LOOK_MS = 10 * MINUTE_MS


class Partition:
    """One partition's explainer, its journal, and what they took."""

    def __init__(self, params: CareParams, *, flush_every: int) -> None:
        self.explainer = AccessExplainer(params)
        self.accounts = Accounts()
        self.journal = Journal(self.explainer.sections)
        self.judged: list[ExplainedAccesses] = []
        self.sectors: list[int] = []
        self.entries: dict[bytes, bytes] = {}
        self.events = self.written = self.waiting = 0
        self.take_s = self.flush_s = 0.0
        self._flush_every = flush_every
        self._since = 0

    def take(self, flow: str, frame: pl.DataFrame) -> None:
        started = time.perf_counter()
        # A source tells of an event when it has written it down: that is the time of its log.
        judged = self.explainer.take(flow, frame, frame["recorded_at"].to_numpy(), self.accounts)
        self.take_s += time.perf_counter() - started
        self.note(judged)
        self.waiting = max(self.waiting, len(self.explainer))
        self.events += frame.height
        self._since += frame.height
        if self._since >= self._flush_every:
            self._since = 0
            self.flush()

    def pass_time(self, until_ms: int) -> None:
        started = time.perf_counter()
        judged = self.explainer.pass_time(dict.fromkeys((*FLOWS, VERDICTS), until_ms))
        self.take_s += time.perf_counter() - started
        self.note(judged)

    def note(self, judged: ExplainedAccesses) -> None:
        if len(judged):
            self.judged.append(judged)
            rows = judged.accesses["account"].tolist()
            self.sectors += [SECTORS.index(self.accounts[row].sector) for row in rows]

    def flush(self) -> None:
        started = time.perf_counter()
        writes = self.journal.flush(orjson.dumps(self.explainer.to_json()))
        self.flush_s += time.perf_counter() - started
        self.written += sum(len(key) + len(value or b"") for key, value in writes)
        for key, value in writes:
            if value is None:
                self.entries.pop(key, None)
            else:
                self.entries[key] = value


def probes() -> tuple[float, float, float]:
    """Milliseconds to learn and to look up 4096 pairs among a million, bytes per live pair."""
    rng = np.random.default_rng(1)
    pairs = rng.integers(1, 2**64, 1_000_000, dtype=np.uint64)
    relations = CareRelations()
    learn, look = [], []
    for at in range(0, len(pairs), SLICE):
        part = pairs[at : at + SLICE]
        days = np.full(len(part), 20_000, np.uint16)
        started = time.perf_counter()
        relations.learn(part, days, is_access=np.zeros(len(part), np.bool_))
        learn.append(time.perf_counter() - started)
    for at in range(0, len(pairs) - SLICE, SLICE):
        started = time.perf_counter()
        relations.last_days(pairs[at : at + SLICE])
        look.append(time.perf_counter() - started)
    # The mean of learning holds the growths of the table, its median does not.
    print(f"{'  learning with its growths, mean ms':42}{1e3 * float(np.mean(learn)):10.2f}")
    return (
        1e3 * float(np.median(learn)),
        1e3 * float(np.median(look)),
        relations.size_bytes / len(relations),
    )


def shares(parts: list[Partition], start_ms: int) -> None:
    judged = [one for part in parts for one in part.judged]
    rows = np.concatenate([one.accesses for one in judged])
    table = pl.DataFrame(
        {
            "pair": rows["pair"],
            "time_ms": rows["time_ms"],
            "sector": [sector for part in parts for sector in part.sectors],
            "explained": np.concatenate([one.explained for one in judged]),
            "first_seen": np.concatenate([one.first_seen for one in judged]),
        }
    ).filter((pl.col("explained") != UNKNOWN) & (pl.col("time_ms") >= start_ms))
    since = pl.col("time_ms") - pl.col("time_ms").shift(1).over("pair", order_by="time_ms")
    if not table.height:
        print("no access is later than the horizon: a longer recording tells shares")
        return
    looks = table.filter(since.is_null() | (since > LOOK_MS))
    print(f"{'judged accesses with a patient':42}{table.height:10,}   {looks.height:,} looks")
    print(f"{'explained, of accesses':42}{table['explained'].mean():10.1%}")
    print(f"{'explained, of looks':42}{looks['explained'].mean():10.1%}")
    for number, sector in enumerate(SECTORS):
        own = looks.filter(pl.col("sector") == number)
        if own.height:
            text = f"  {sector}, explained of {own.height:,} looks"
            first = own["first_seen"].mean()
            print(f"{text:42}{own['explained'].mean():10.1%}   first seen {first:.1%}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=45)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--window-minutes", type=int, default=60)
    parser.add_argument("--from", dest="source", type=Path, help="an existing recording")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        directory = options.source or Path(passing) / "recording"
        if options.source is None:
            simulate_to_directory(
                directory=directory,
                start=date(2025, 9, 1),
                days=options.days,
                seed=options.seed,
            )
        return measure(Recording(directory), options)


def measure(recording: Recording, options: argparse.Namespace) -> int:
    params = CareParams()
    parts = [Partition(params, flush_every=SLICE) for _ in range(options.partitions)]
    for until_ms, window in recording.windows(options.window_minutes * MINUTE_MS):
        for flow, frame in window:
            place = partitions_of(frame["structure_pid"], options.partitions)
            for number in np.unique(place).tolist():
                parts[number].take(flow, frame.filter(pl.Series(place == number)))
        for part in parts:
            part.pass_time(until_ms)
    for part in parts:
        part.flush()
    states = [part.explainer for part in parts]
    for part in parts:
        part.note(part.explainer.finish())
    events = sum(part.events for part in parts)
    take_s, flush_s = (sum(getattr(p, name) for p in parts) for name in ("take_s", "flush_s"))
    pairs = sum(len(state.relations) for state in states)
    pair_bytes = sum(state.relations.size_bytes for state in states) / pairs
    written = sum(part.written for part in parts)
    stored = sum(sum(map(len, part.entries.values())) for part in parts)
    overtaken = {f: sum(s.watermark.overtaken[f] for s in states) for f in FLOWS}
    print(f"{'events, five flows':42}{events:10,}   {options.partitions} partitions")
    print(f"{'events/s, take':42}{events / take_s:10,.0f}")
    print(f"{'events/s, take and checkpoints':42}{events / (take_s + flush_s):10,.0f}")
    print(f"{'changelog bytes written/event':42}{written / events:10.1f}")
    print(f"{'changelog bytes at the end':42}{stored:10,}")
    print(f"{'pairs':42}{pairs:10,}")
    print(f"{'bytes per pair':42}{pair_bytes:10.1f}   bound {BYTES_PER_PAIR_MAX:.0f}")
    print(f"{'most events waiting, one partition':42}{max(p.waiting for p in parts):10,}")
    print(f"{'overtaken, judged early':42}{sum(overtaken.values()):10,}", end="   ")
    print(f"{sum(s.judged_early for s in states):,}")
    started = time.perf_counter()
    copy = AccessExplainer(params)
    header = Journal(copy.sections).recover(parts[0].entries)
    copy.from_json(orjson.loads(header or b""))
    print(f"{'recovery of a partition, s':42}{time.perf_counter() - started:10.2f}", end="   ")
    print(f"{len(copy.relations):,} pairs")
    start_ms = recording.first_recorded_ms() // DAY_MS * DAY_MS + params.horizon_days * DAY_MS
    shares(parts, start_ms)
    learn_ms, look_ms, worst_bytes = probes()
    print(f"{'4096 new pairs among a million, ms':42}{learn_ms:10.2f}   bound {PROBE_MS_MAX:.0f}")
    print(f"{'4096 look-ups among a million, ms':42}{look_ms:10.2f}   bound {PROBE_MS_MAX:.0f}")
    missed = (
        max(pair_bytes, worst_bytes) > BYTES_PER_PAIR_MAX or max(learn_ms, look_ms) > PROBE_MS_MAX
    )
    print("missed" if missed else "within bounds")
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
