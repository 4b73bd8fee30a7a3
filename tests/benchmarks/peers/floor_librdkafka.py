"""The floor under every client of librdkafka: the same bytes in batches, looked at by nobody."""

from __future__ import annotations

from confluent_kafka import Consumer

from tests.benchmarks.peers.confluent_loop import BATCH
from tests.benchmarks.peers.work import Order, Progress, Result


def main() -> None:
    order = Order.from_environment()
    consumer = Consumer(order.librdkafka())
    consumer.subscribe(list(order.flow_of_topic))
    progress, done = Progress(order.progress), 0
    while done < order.events:
        done += len(consumer.consume(BATCH, 0.2))
        progress.note(done)
    progress.end(done)
    consumer.close()
    Result(done, {}, {}).write(order.result)


if __name__ == "__main__":
    main()
