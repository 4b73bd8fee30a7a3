"""A Quix Streams application: state in RocksDB under each record's key, with a changelog in Kafka.

Runs in the benchmark's own environment. Records are keyed by their structure already, so the state of
a key is a structure's; neither a `group_by` nor a window is asked for, which would send every event
through Kafka once more or write two keys for one. At-least-once is its default: after kill -9 state is
rolled back to the committed offset, and nothing is lost.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import rocksdict
from quixstreams import Application, State
from quixstreams.models import Deserializer

from tests.benchmarks.peers.work import (
    LIBRDKAFKA_FETCH,
    MINUTE_MS,
    AccountDay,
    MinuteKey,
    Order,
    ParisDays,
    Progress,
    Result,
    is_look,
    readers,
)

if TYPE_CHECKING:
    from collections.abc import Callable


class SingleObject(Deserializer):  # type: ignore[misc]  # typed in its own environment
    """Avro single-object encoding."""

    def __init__(self, read: Callable[[bytes], dict[str, Any]]) -> None:
        super().__init__()
        self._read = read

    def __call__(self, value: bytes, ctx: Any) -> dict[str, Any]:
        del ctx
        return self._read(value)


def main() -> None:
    order = Order.from_environment()
    app = Application(
        broker_address=order.bootstrap,
        consumer_group=order.group,
        auto_offset_reset="earliest",
        state_dir=order.state,
        auto_create_topics=True,
        loglevel="WARNING",
        consumer_extra_config=LIBRDKAFKA_FETCH,
        producer_extra_config={"linger.ms": 50, "compression.type": "lz4"},
    )
    progress, days, done = Progress(order.progress), ParisDays(), 0

    def counting(flow: str) -> Callable[[dict[str, Any], State], None]:
        def count(record: dict[str, Any], state: State) -> None:
            nonlocal done
            time_ms = record["occurred_at"]
            cell = f"{time_ms // MINUTE_MS}|{flow}|{record['sector']}|{record['department']}"
            state.set(cell, state.get(cell, 0) + 1)
            if is_look(flow, record):
                account = f"{days.of(time_ms)}|{record['actor_pid'] or ''}"
                patient = f"{account}|{record['patient_pid']}"
                if not state.exists(patient):
                    state.set(patient, 1)
                    state.set(account, state.get(account, 0) + 1)
            done += 1
            progress.note(done)
            if done == order.events:
                progress.end(done)
                app.stop()

        return count

    for flow, reader in readers().items():
        topic = app.topic(order.prefix + flow, value_deserializer=SingleObject(reader))
        app.dataframe(topic).update(counting(flow), stateful=True)
    app.run()
    stored(order, done).write(order.result)


def stored(order: Order, done: int) -> Result:
    """What the stores on disk hold: the sum over all structures, and every account of them."""
    minutes: Counter[MinuteKey] = Counter()
    patients: dict[AccountDay, int] = {}
    for store in sorted((order.state / order.group / "default").glob("*/*")):
        flow = store.parent.name.removeprefix(order.prefix)
        options = rocksdict.Options(raw_mode=True)
        with_rows = rocksdict.Rdict(
            str(store), options, access_type=rocksdict.AccessType.read_only()
        )
        for key, value in with_rows.items():
            structure, _, rest = key.decode().partition("|")
            parts = rest.strip('"').split("|")
            if len(parts) == 4:
                minute, _, sector, department = parts
                minutes[int(minute), flow, sector, department] += int(value)
            elif len(parts) == 2:
                patients[int(parts[0]), flow, structure, parts[1]] = int(value)
        with_rows.close()
    return Result(done, dict(minutes), patients)


if __name__ == "__main__":
    main()
