"""Real Apache Kafka (KRaft) for the system tests: one broker process, or three.

The jars come from Maven once, into `build/kafka/<hash of the pom>/`. Every node is broker and
controller in one process, on free loopback ports, with its data in a directory that the test
owns.
"""

from __future__ import annotations

import base64
import hashlib
import os
import random
import shutil
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from simulators.broker import LOOPBACK, answers_kafka, free_port
from tests.support.servers_process import ServerError, ServerProcess

if TYPE_CHECKING:
    from types import TracebackType

POM: Final = Path(__file__).with_name("servers_kafka_pom.xml")
CACHE: Final = Path(__file__).parents[2] / "build" / "kafka"

_SERVER_PORTS: Final = (20_000, 32_000)
_MAVEN_TIMEOUT_S = 600.0
_FORMAT_TIMEOUT_S = 180.0
_READY_TIMEOUT_S = 270.0
# The serial collector and the quick compiler make three brokers live on two cores.
_JVM: Final = ("-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_LOGGING: Final = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
)


@dataclass(frozen=True, slots=True)
class _Node:
    id: int
    port: int
    controller_port: int
    data: Path
    properties: Path
    process: ServerProcess


class KafkaCluster:
    """A cluster for as long as the `with` block lasts.

    Args:
        directory: where data, settings and logs go; must not exist or be empty.
        brokers: 1 or 3.
        settings: broker settings that win over the ones here.
    """

    def __init__(
        self, directory: Path, *, brokers: int = 1, settings: dict[str, str] | None = None
    ) -> None:
        self._directory = directory
        self._settings = settings or {}
        self._classpath = f"{jars()}/*"
        self._nodes = [self._node(number) for number in range(1, brokers + 1)]

    @property
    def bootstrap(self) -> str:
        """`host:port,…` of every broker."""
        return ",".join(f"{LOOPBACK}:{node.port}" for node in self._nodes)

    @property
    def replication(self) -> int:
        """The replication factor that this cluster is there for."""
        return len(self._nodes)

    def start(self) -> None:
        """Format and start every broker; returns when all are seen by each other."""
        self._format()
        for node in self._nodes:
            node.process.start()
        for node in self._nodes:
            self._wait_ready(node)

    def kill(self, index: int) -> None:
        """`kill -9` of one broker."""
        self._nodes[index].process.kill()

    def restart(self, index: int) -> None:
        """Start a killed broker again; returns when the cluster is whole."""
        self._nodes[index].process.start()
        self._wait_ready(self._nodes[index])

    def process(self, index: int) -> ServerProcess:
        """The process of one broker, for whoever does more to it than kill it."""
        return self._nodes[index].process

    def stop(self) -> None:
        for node in self._nodes:
            node.process.close()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _node(self, number: int) -> _Node:
        home = self._directory / f"node-{number}"
        properties = home / "server.properties"
        argv = [*self._java(), "kafka.Kafka", str(properties)]
        return _Node(
            id=number,
            port=server_port(),
            controller_port=server_port(),
            data=home / "data",
            properties=properties,
            process=ServerProcess(
                f"kafka broker {number}",
                argv,
                log=self._directory / f"broker-{number}.log",
                env={"PATH": os.environ["PATH"]},
            ),
        )

    def _java(self) -> list[str]:
        java = shutil.which("java")
        if java is None:
            raise ServerError("java: not found; make servers installs it")
        return [java, *_JVM, *_LOGGING, "-cp", self._classpath]

    def _format(self) -> None:
        """Write each node's settings; format the first data directory, copy it to the others.

        One Java start instead of one per node; the nodes differ in `meta.properties` only.
        """
        for node in self._nodes:
            node.data.mkdir(parents=True)
            node.properties.write_text(self._properties(node))
        first, *others = self._nodes
        cluster_id = _kafka_uuid()
        storage_tool = [*self._java(), "kafka.tools.StorageTool"]
        asked = ["format", "--cluster-id", cluster_id, "--config", str(first.properties)]
        _run([*storage_tool, *asked], timeout_s=_FORMAT_TIMEOUT_S)
        for node in others:
            shutil.copytree(first.data, node.data, dirs_exist_ok=True)
            (node.data / "meta.properties").write_text(
                f"version=1\ncluster.id={cluster_id}\nnode.id={node.id}\n"
                f"directory.id={_kafka_uuid()}\n"
            )

    def _properties(self, node: _Node) -> str:
        count = len(self._nodes)
        in_sync = 2 if count > 1 else 1
        voters = ",".join(f"{n.id}@{LOOPBACK}:{n.controller_port}" for n in self._nodes)
        settings = {
            "process.roles": "broker,controller",
            "node.id": node.id,
            "controller.quorum.voters": voters,
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "listeners": f"PLAINTEXT://{LOOPBACK}:{node.port}"
            f",CONTROLLER://{LOOPBACK}:{node.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{node.port}",
            "log.dirs": node.data,
            # A topic that nobody declared is a fault of the service, not the broker's to mend.
            "auto.create.topics.enable": "false",
            "default.replication.factor": count,
            "min.insync.replicas": in_sync,
            "offsets.topic.replication.factor": count,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": count,
            "transaction.state.log.min.isr": in_sync,
            "share.coordinator.state.topic.replication.factor": count,
            "share.coordinator.state.topic.min.isr": in_sync,
            # Shorter than a real cluster's 3 s and 9 s, so that a rebalance or a dead broker
            # costs a test less; nothing else changes.
            "group.initial.rebalance.delay.ms": 500,
            "broker.session.timeout.ms": 5000,
            "log.cleaner.dedupe.buffer.size": 16_777_216,
            "num.network.threads": 2,
            "num.io.threads": 2,
        } | self._settings
        return "".join(f"{name}={value}\n" for name, value in settings.items())

    def _wait_ready(self, node: _Node) -> None:
        node.process.until(
            lambda: answers_kafka(LOOPBACK, node.port) and self._sees_all(node),
            timeout_s=_READY_TIMEOUT_S,
            what="ready",
        )

    def _sees_all(self, node: _Node) -> bool:
        try:
            admin = KafkaAdminClient(bootstrap_servers=f"{LOOPBACK}:{node.port}")
        except KafkaError:
            return False
        try:
            return len(admin.describe_cluster()["brokers"]) == len(self._nodes)
        except KafkaError:
            return False
        finally:
            admin.close()


def jars() -> Path:
    """The directory of Kafka's jars; brought by Maven at the first call.

    Raises:
        ServerError: Maven is missing or fails.
    """
    target = CACHE / hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    if target.is_dir():
        return target
    maven = shutil.which("mvn")
    if maven is None:
        raise ServerError("mvn: not found; make servers installs it")
    # Filled beside its place and moved: an interrupted download leaves no half-filled cache.
    filling = CACHE / f"{target.name}.{os.getpid()}"
    quiet = [maven, "--batch-mode", "--quiet", "--strict-checksums", "--file", str(POM)]
    asked = ["dependency:copy-dependencies", f"-DoutputDirectory={filling.resolve()}"]
    _run([*quiet, *asked], timeout_s=_MAVEN_TIMEOUT_S)
    filling.rename(target)
    return target


def server_port() -> int:
    """A free port below the kernel's ephemeral range (32768 on): no client can take it meanwhile.

    A killed broker must get its own port back, while clients open connections all the time.
    """
    while True:
        wanted = random.randrange(*_SERVER_PORTS)
        if free_port(wanted) == wanted:
            return wanted


def _run(argv: list[str], *, timeout_s: float) -> None:
    done = subprocess.run(
        argv,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip()[-2000:]
        raise ServerError(f"{Path(argv[0]).name} ended with {done.returncode}:\n{said}")


def _kafka_uuid() -> str:
    """A cluster or directory id in Kafka's form: 16 bytes, URL-safe base64, unpadded.

    None begins with a hyphen: the storage tool would take it for an option.
    """

    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text
