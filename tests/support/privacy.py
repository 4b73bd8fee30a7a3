"""Everything that Vigie shows over a simulated fortnight with attacks, searched for everybody in it.

One real worker (`tests.support.simulated_worker`) lives through the region of
`tests.support.simulated_traffic`: thousands of accounts, patients, boxes and sessions, four attacks, a
silent flow, spoilt records. What it shows is kept by where it was shown, and every pseudonym and
identifier of the traffic is looked for in it: all of them, at every place of every text.

Allowed is only what the names below say: `ALLOWED`.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

import orjson
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import exposition, openmetrics

import streams.commands.findings as findings_command
from agents.detectors.decoys import parse_decoys
from agents.left_out import parse_left_out
from metrics.access import AccessCounts
from metrics.web import Monitor
from metrics.web_access import Gate
from metrics.web_routes import LEAST, OPEN
from streams.cli import main as command
from streams.codec import SliceCodec
from streams.commands import findings_source
from streams.errors import VigieError
from streams.event_time import DAY_MS, HOUR_MS
from streams.logs import FORMAT, OneLineFormatter
from streams.settings import Settings
from streams.tokens import Role
from streams.topics import (
    ACTIVITY_COUNTS,
    ACTIVITY_MARKS,
    FINDINGS,
    FLOWS,
    REGION_CELLS,
)
from tests.support import simulated_traffic as traffic
from tests.support.access import ALL_ADDRESSES, Desk, bearer, keys
from tests.support.avro_events import SCHEMAS
from tests.support.simulated_log import MemoryLog
from tests.support.simulated_worker import Clock, Pager, SimulatedWorker, clock_of_the_workers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence

    import polars as pl

    from agents.findings import Finding
    from streams.processing import Outgoing

PARTITIONS: Final = 2
ALLOWED: Final = {
    "the topic of findings": "structure and account of a finding; who may read it is Kafka's to say",
    "a dead letter": "the record's own bytes and key, untouched, for whoever mends the producer",
    "the account of a finding": "to the role `unmask`, once the audit has noted who asked",
}
"""Where a pseudonym is meant to be, and why; everything else is searched."""
_WARM_MS: Final = 6 * HOUR_MS
_STEP_MS: Final = HOUR_MS
_CORE: Final = 3
"""Characters before the part of a pseudonym that is its own (`pa_`)."""


class Identifiers:
    """Everybody and everything that the traffic names, and where it occurs.

    Args:
        several: identifiers by their kind.
    """

    def __init__(self, several: Mapping[str, Iterable[str]]) -> None:
        self._kinds: dict[str, str] = {}
        for kind, names in several.items():
            for name in names:
                self._kinds[name] = kind
                # Without its prefix it is the same pseudonym.
                self._kinds[name[_CORE:] if kind != "event_id" else name.replace("-", "")] = kind
        by_length: defaultdict[int, set[str]] = defaultdict(set)
        for name in self._kinds:
            by_length[len(name)].add(name)
        self._by_length = dict(by_length)

    def __len__(self) -> int:
        return len(self._kinds)

    @property
    def kinds(self) -> Counter[str]:
        """How many there are of each kind, with and without prefix."""
        return Counter(self._kinds.values())

    def within(self, text: str) -> Iterator[str]:
        """The kind of each identifier that stands anywhere in a text."""
        for length, names in self._by_length.items():
            for at in range(len(text) - length + 1):
                piece = text[at : at + length]
                if piece in names:
                    yield self._kinds[piece]


class Shown:
    """What was shown, by where.

    Attributes:
        places: texts by the name of the place; each distinct text once.
    """

    def __init__(self) -> None:
        self.places: defaultdict[str, set[str]] = defaultdict(set)

    def add(self, place: str, text: str | bytes) -> None:
        """Keep one text; bytes are searched as they are."""
        self.places[place].add(text.decode("latin-1") if isinstance(text, bytes) else text)

    @property
    def characters(self) -> Counter[str]:
        """How much was shown where."""
        return Counter({name: sum(map(len, texts)) for name, texts in self.places.items()})

    def leaks(self, known: Identifiers) -> Counter[tuple[str, str]]:
        """How often each kind of identifier occurs in each place."""
        found: Counter[tuple[str, str]] = Counter()
        for place, texts in self.places.items():
            for line in {line for text in texts for line in text.split("\n")}:
                found.update((place, kind) for kind in known.within(line))
        return found


class _Listening(MemoryLog):
    """A log that also keeps the headers of dead letters, which are texts of Vigie's own."""

    shown: Shown

    def send(self, record: Outgoing, at_ms: int) -> None:
        for name, value in record.headers:
            self.shown.add("headers of dead letters", name.encode() + b" " + value)
        super().send(record, at_ms)


class _Hearing(Pager):
    """Alertmanagers that keep what they are told."""

    shown: Shown

    @contextlib.asynccontextmanager
    async def post(self, url: str, **told: object) -> AsyncIterator[Any]:
        self.shown.add("alerts", str(told.get("data", b"")))
        async with super().post(url, **told) as answer:
            yield answer


class _Logged(logging.Handler):
    def __init__(self, shown: Shown) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(OneLineFormatter(FORMAT))
        self._shown = shown

    def emit(self, record: logging.LogRecord) -> None:
        self._shown.add("log lines, every level", self.format(record))


def simulated_run() -> tuple[Identifiers, Shown, list[Finding]]:
    """Live through the fortnight; who is in it, what was shown, what was found."""
    flows = traffic.region_records(PARTITIONS)
    known = Identifiers(_named(flows))
    shown = Shown()
    root, handler = logging.getLogger(), _Logged(shown)
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with clock_of_the_workers(clock := Clock()):
            found = asyncio.run(_live(flows, clock, shown))
        _commands(found, shown)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    return known, shown, found


def named_in(frame: pl.DataFrame) -> dict[str, set[str]]:
    """Everybody and everything that events name, by column."""
    return {
        name: set(frame[name].drop_nulls().to_list())
        for name in frame.columns
        if name.endswith("_pid") or name == "event_id"
    }


def _named(flows: Sequence[traffic.FlowRecords]) -> dict[str, set[str]]:
    codec = SliceCodec(SCHEMAS)
    found: defaultdict[str, set[str]] = defaultdict(set)
    for flow in flows:
        for name, several in named_in(codec.decode(flow.flow, flow.values).frame).items():
            found[name] |= several
    return found


async def _live(flows: Sequence[traffic.FlowRecords], clock: Clock, shown: Shown) -> list[Finding]:
    settings = Settings(
        partitions=PARTITIONS, http_port=0, alertmanager_urls=("http://alertmanager-1:9093",)
    )
    log, pager = _Listening(PARTITIONS), _Hearing()
    log.shown = pager.shown = shown
    clock.ms = min(int(flow.times_ms[0]) for flow in flows)
    worker = SimulatedWorker(settings, log, clock, 1)
    await worker.assign(range(PARTITIONS), generation=1, singles=True)
    delivered_ms = 0
    last_day_ms = traffic.END_MS - DAY_MS
    while clock.ms < traffic.END_MS:
        step_ms = _WARM_MS if clock.ms < last_day_ms else _STEP_MS
        clock.ms = min(traffic.END_MS, clock.ms + step_ms)
        for flow in flows:
            flow.deliver(log, delivered_ms, clock.ms)
        delivered_ms = clock.ms
        await worker.read()
        await worker.pass_time(clock.ms - settings.decision_margin_ms)
        await worker.checkpoint()
        await worker.read()
        await worker.push(pager)
        if clock.ms >= last_day_ms:
            _scrape(worker, shown)
    worker.note_ends()
    _own_topics(log, shown)
    found = _findings(worker)
    await _page(worker, clock, found, shown)
    await worker.give_up()
    return found


def _scrape(worker: SimulatedWorker, shown: Shown) -> None:
    shown.add("metrics", exposition.generate_latest(worker.registry))
    shown.add("metrics", openmetrics.exposition.generate_latest(worker.registry))


def _own_topics(log: MemoryLog, shown: Shown) -> None:
    for (topic, _), records in log.logs.items():
        for record in records:
            if topic in (ACTIVITY_MARKS, ACTIVITY_COUNTS, REGION_CELLS):
                shown.add(f"topic {topic}", (record.key or b"") + b" " + (record.value or b""))


def _findings(worker: SimulatedWorker) -> list[Finding]:
    view = worker.worker._findings
    found = [view.named(row.finding_id) for row in view.rows(10_000)]
    return [one for one in found if one is not None]


async def _page(
    worker: SimulatedWorker, clock: Clock, found: Sequence[Finding], shown: Shown
) -> None:
    """Every address, with every role below `unmask`, with its own token and with none."""
    own = worker.worker
    counts = AccessCounts()
    monitor = Monitor(
        worker.registry,
        own._view,
        own._metrics,
        clock.now_ms,
        own._findings,
        desk=Desk(),
        objectives=own._objectives,
        gate=Gate(counts, clock.now_ms, keys()),
        counts=counts,
    )
    server = TestServer(monitor.app(ALL_ADDRESSES))
    await server.start_server(access_log=None)
    paths = sorted({path for method, path in (*OPEN, *LEAST) if method == "GET"} - {"/api/stream"})
    ids = [one.finding_id for one in found] + ["unknown"]
    async with TestClient(server) as client:
        for role in (None, Role.VIEWER, Role.ANALYST):
            headers = {} if role is None else bearer(role)
            for path in paths:
                for name in ids if "{finding_id}" in path else ids[:1]:
                    asked = path.replace("{finding_id}", name)
                    answer = await client.get(asked, headers=headers, allow_redirects=False)
                    shown.add("page and API", f"{answer.headers}\n{await answer.text()}")
        async with client.get("/api/stream", headers=bearer(Role.VIEWER)) as answer:
            shown.add("page and API", await answer.content.readuntil(b"\n\n"))
        body = {"verdict": "BENIGN"}
        for role in (Role.VIEWER, Role.ANALYST):
            for act in ("verdict", "account"):
                path = f"/api/findings/{ids[0]}/{act}"
                answer = await client.post(path, json=body, headers=bearer(role) | {"X-Vigie": "1"})
                if answer.status != 202:
                    shown.add("page and API", await answer.text())


def _commands(found: Sequence[Finding], shown: Shown) -> None:
    """What the command prints of the topic, and what it says of files with slips in them."""

    class Topic:
        def findings(self) -> dict[str, Finding]:
            return {one.finding_id: one for one in found}

    @contextlib.contextmanager
    def topic(_: str | None) -> Iterator[Topic]:
        yield Topic()

    (name, *_) = [one.finding_id for one in found if one.actor_pid]
    with (
        patch.object(findings_source, "kafka_log", topic),
        patch.object(findings_command, "kafka_log", topic),
        patch.dict("os.environ", {"COLUMNS": "400"}),
    ):
        for argv in (
            ["findings", "list"],
            ["findings", "list", "--json"],
            ["findings", "show", name],
            ["findings", "show", name, "--json"],
            ["findings", "show", "nobody"],
        ):
            _command(argv, shown)
    with tempfile.TemporaryDirectory() as folder:
        broken = Path(folder) / "found.ndjson"
        broken.write_bytes(found[0].to_ndjson() + found[-1].to_ndjson()[:-40] + b"\n")
        _command(["findings", "list", "--from", str(broken)], shown)
    person = next(one for one in found if one.actor_pid)
    slip = f"{person.structure_pid} {person.actor_pid} yesterday"
    for parse in (parse_left_out, parse_decoys):
        try:
            parse(slip, "file")
        except VigieError as error:
            shown.add("errors", str(error))
    codec = SliceCodec(SCHEMAS)
    for flow in FLOWS:
        row = {"event_id": person.actor_pid, "structure_pid": person.structure_pid, "outcome": 5}
        try:
            codec.encode(flow, [row])
        except VigieError as error:
            shown.add("errors", str(error))
    for one in found:
        record = one.to_record() | {"structure_pid": None, "actor_pid": None}
        shown.add(f"topic {FINDINGS}, but structure and account", orjson.dumps(record))


def _command(argv: list[str], shown: Shown) -> None:
    octets = io.BytesIO()
    said = io.TextIOWrapper(octets, encoding="utf-8", write_through=True)
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        command(argv)
    shown.add("the command", octets.getvalue().decode("utf-8"))
