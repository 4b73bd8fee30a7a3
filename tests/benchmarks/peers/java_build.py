"""Builds the Kafka Streams competitor with Maven, once per content of its folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.support.servers_process import ServerError

PROJECT: Final = Path(__file__).with_name("kafka_streams")
CACHE: Final = Path(__file__).parents[3] / "build" / "peers"
_TIMEOUT_S: Final = 600.0
# One core: the serial collector and no heap that has to grow while it is timed.
_JVM: Final = ("-Xms1g", "-Xmx3g", "-XX:+UseSerialGC")
_LOGGING: Final = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",)


def java_peer() -> tuple[str, ...]:
    """The command line that runs it; builds it if need be.

    Raises:
        ServerError: Java's compiler or Maven is missing, or the build fails.
    """
    java = _program("java", "make servers installs it")
    target = _built()
    classpath = f"{target / 'classes'}:{target / 'jars'}/*"
    return (java, *_JVM, *_LOGGING, "-cp", classpath, "vigie.peers.Peer")


def _built() -> Path:
    sources = sorted(path for path in PROJECT.rglob("*") if path.is_file())
    content = b"".join(path.read_bytes() for path in sources)
    target = CACHE / hashlib.sha256(content).hexdigest()[:12]
    if target.is_dir():
        return target
    maven = _program("mvn", "make servers installs it")
    _program("javac", "Debian and Ubuntu: apt-get install default-jdk-headless")
    # Filled beside its place and moved: an interrupted build leaves no half-filled folder.
    filling = CACHE / f"{target.name}.{os.getpid()}"
    quiet = [maven, "--batch-mode", "--quiet", "--strict-checksums"]
    quiet += ["--file", str(PROJECT / "pom.xml"), f"-Dpeer.target={filling.resolve()}"]
    goals = ["compile", "dependency:copy-dependencies", "-DincludeScope=runtime"]
    done = subprocess.run(
        [*quiet, *goals, f"-DoutputDirectory={filling.resolve() / 'jars'}"],
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        shutil.rmtree(filling, ignore_errors=True)
        said = (done.stdout + done.stderr).strip()[-2000:]
        raise ServerError(f"mvn ended with {done.returncode}:\n{said}")
    filling.rename(target)
    return target


def _program(name: str, advice: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ServerError(f"{name}: not found; {advice}")
    return found
