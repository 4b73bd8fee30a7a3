"""The hand-written loop: librdkafka in batches, fastavro, dictionaries.

Runs in the benchmark's own environment. fastavro reads whole records: told to read only the fields that
are needed, it takes a third longer.

Nothing of what it counts outlives it: after kill -9 the totals are gone while its committed offsets say
that the events were read. It is the least that one has to write, not what one could run.
"""

from __future__ import annotations

from confluent_kafka import Consumer, KafkaException

from streams.collector import collect_seldom
from tests.benchmarks.peers.work import Order, Progress, Tally, readers

BATCH = 10_000


def main() -> None:
    order = Order.from_environment()
    read = {order.prefix + flow: (flow, reader) for flow, reader in readers().items()}
    consumer = Consumer(order.librdkafka())
    consumer.subscribe(list(read))
    tally, progress, done = Tally(), Progress(order.progress), 0
    collect_seldom()  # what helps the worker helps here too
    add = tally.add
    while done < order.events:
        messages = consumer.consume(BATCH, 0.2)
        for message in messages:
            error = message.error()
            if error is not None:
                raise KafkaException(error)
            flow, reader = read[message.topic()]
            add(flow, reader(message.value()))
        done += len(messages)
        progress.note(done)
    progress.end(done)
    consumer.close()
    tally.result(done).write(order.result)


if __name__ == "__main__":
    main()
