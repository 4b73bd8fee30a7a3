"""The commands and settings of the compose file, run without Docker.

Docker is not needed for most of what a first `up` can stumble over: the brokers' settings, the commands,
the workers' settings, the scrape configuration and the rules are the compose file's own here. Only host
names, ports and directories are others, and Prometheus scrapes more often.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from simulators.broker import LOOPBACK
from tests.support.deployment import DEPLOY, argv, environment, services
from tests.support.servers_kafka import KafkaCluster, server_port
from tests.support.servers_process import ServerProcess
from tests.support.servers_prometheus import Prometheus
from tests.support.servers_worker import Worker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

pytestmark = pytest.mark.system

SERVICES = services()
ASSIGNED = 'sum by (instance) (vigie_assigned_partitions{flow="insi-calls"})'
WORKERS = ("worker-1", "worker-2")
RULE_FAILURES = "sum(prometheus_rule_evaluation_failures_total)"
RULES = "sum(prometheus_rule_group_rules)"
TOOLS = Path(sys.executable).parent
# What says where a broker is; everything else of the file goes to the brokers as it stands.
PLACES = re.compile(
    r"process|node|controller|listener|listeners|advertised|inter\.broker|log\.dirs"
)


def test_a_first_up_ends_with_two_workers_that_prometheus_scrapes(tmp_path: Path) -> None:
    started_s = time.monotonic()
    with ExitStack() as stack:
        kafka = KafkaCluster(tmp_path / "kafka", brokers=3, settings=_broker_settings())
        stack.enter_context(kafka)

        for folder in ("access", "scrape"):
            (tmp_path / "etc" / folder).mkdir(parents=True)
        tokens = _process("tokens", tmp_path, kafka.bootstrap)
        tokens.start()
        assert tokens.wait(60) == 0, tokens.log.read_text()
        topics = _process("topics", tmp_path, kafka.bootstrap)
        topics.start()
        assert topics.wait(60) == 0, topics.log.read_text()
        assert topics.log.read_text().count(" created ") >= 11

        simulator = _process("simulator", tmp_path, kafka.bootstrap)
        stack.callback(simulator.close)
        simulator.start()
        workers = [_worker(name, tmp_path, kafka.bootstrap) for name in WORKERS]
        for worker in workers:
            stack.enter_context(worker)
        for worker in workers:
            worker.wait_ready()

        for worker in workers:
            # Nobody's guess opens it, a supervisor's question apart.
            assert _asked(worker, "/metrics") == _asked(worker, "/api/state") == 401
            assert _asked(worker, "/healthz") == 200
        mine = _process("tokens", tmp_path, kafka.bootstrap, _as_the_readme_says())
        mine.start()
        assert mine.wait(60) == 0
        (token,) = re.findall(r"^vigie_\S+$", mine.log.read_text(), re.MULTILINE)
        for worker in workers:
            worker.process.until(
                lambda worker=worker: _asked(worker, "/api/state", token) == 200,
                timeout_s=60,
                what="taking a token that was added",
            )

        prometheus = stack.enter_context(_prometheus(tmp_path, workers))
        prometheus.wait_scraped()
        deadline_s = time.monotonic() + 60
        while not prometheus.scalar("sum(vigie_events_total) > 50"):
            assert time.monotonic() < deadline_s, "no events counted"
            assert simulator.running, simulator.log.read_text()
            time.sleep(0.5)
        # Each worker is scraped at its own moment: the second one's partitions may come a scrape later.
        held: list[float] = []
        while held != [4, 4]:
            assert time.monotonic() < deadline_s, f"partitions held: {held}"
            time.sleep(0.5)
            held = list(prometheus.query(ASSIGNED).values())
        assert prometheus.query('up{job="vigie"}')
        # Every recording rule and alert of the file is evaluated without an error.
        assert _figure(prometheus, RULE_FAILURES, deadline_s) == 0
        assert _figure(prometheus, RULES, deadline_s) > 0

        assert simulator.terminate() == 0
        for worker in workers:
            assert worker.process.terminate() == 0
    print(
        f"three brokers, topics, two workers, traffic, scraped: {time.monotonic() - started_s:.0f} s"
    )


def _figure(prometheus: Prometheus, query: str, deadline_s: float) -> float:
    """What `query` over Prometheus' own figures answers, once there is a figure.

    Prometheus is scraped by itself: it has no figures before its first scrape, nor for a moment
    after it was too busy to answer itself in time.
    """
    while (value := prometheus.scalar(query)) is None:
        assert time.monotonic() < deadline_s, f"no figures for {query}"
        time.sleep(0.5)
    return value


def _broker_settings() -> dict[str, str]:
    """The brokers' settings as the image reads them of its environment, places apart."""
    given = {
        name.removeprefix("KAFKA_").replace("_", ".").lower(): value
        for name, value in environment(SERVICES["kafka-1"]).items()
        if name.startswith("KAFKA_") and name != "KAFKA_HEAP_OPTS"
    }
    settings = {name: value for name, value in given.items() if not PLACES.match(name)}
    assert settings["min.insync.replicas"] == "2"
    return settings


def _as_the_readme_says() -> list[str]:
    """The arguments with which somebody makes a token for himself."""
    text = (DEPLOY / "README.md").read_text()
    (line,) = re.findall(r"run --rm tokens (token .* --add-to .*)$", text, re.MULTILINE)
    return str(line).replace("NAME", "somebody").split()


def _asked(worker: Worker, path: str, token: str = "") -> int:
    url = f"http://{LOOPBACK}:{worker.port}{path}"
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        request = urllib.request.Request(url, headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 (loopback)
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def _settings(name: str, directory: Path, bootstrap: str) -> dict[str, str]:
    given = {key: _here(value, directory) for key, value in environment(SERVICES[name]).items()}
    if "VIGIE_KAFKA_BOOTSTRAP" in given:
        given["VIGIE_KAFKA_BOOTSTRAP"] = bootstrap
    return given


def _here(text: str, directory: Path) -> str:
    """A path in a volume, moved to the test's folder."""
    return text.replace("/etc/vigie/", f"{directory}/etc/")


def _process(
    name: str, directory: Path, bootstrap: str, arguments: Sequence[str] = ()
) -> ServerProcess:
    """A service that runs one of the image's programs, with other arguments where they are given."""
    asked = environment(SERVICES["topics"])["VIGIE_KAFKA_BOOTSTRAP"]
    program, *rest = argv(SERVICES[name], ("vigie",))
    words = [bootstrap if word == asked else _here(word, directory) for word in arguments or rest]
    settings = _settings(name, directory, bootstrap)
    return ServerProcess(
        name,
        [str(TOOLS / program), *words],
        log=directory / f"{name}-{len(arguments)}.log",
        env={"PATH": os.environ["PATH"], "COLUMNS": "120", **settings},
    )


def _worker(name: str, directory: Path, bootstrap: str) -> Worker:
    command = argv(SERVICES[name], ("vigie",))
    # The page's address and Alertmanager's are other containers'; nobody listens there in a test.
    given = _settings(name, directory, bootstrap) | {"VIGIE_HTTP_HOST": LOOPBACK}
    given["VIGIE_ALERTMANAGER_URLS"] = f"http://{LOOPBACK}:{server_port()}"
    del given["VIGIE_HTTP_PORT"]  # the test's worker picks a free one
    values = {key.removeprefix("VIGIE_").lower(): value for key, value in given.items()}
    del values["kafka_bootstrap"]
    program = (str(TOOLS / command[0]), *command[1:])
    return Worker(directory, name, bootstrap=bootstrap, command=program, **values)


def _prometheus(directory: Path, workers: list[Worker]) -> Prometheus:
    """Prometheus with the project's own configuration, its targets moved to the test's ports."""
    home = directory / "prometheus"
    prometheus = Prometheus(home, ports=[worker.port for worker in workers])
    configuration = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    for pattern in configuration["rule_files"]:
        for path in (DEPLOY / "prometheus").glob(pattern):
            target = home / path.relative_to(DEPLOY / "prometheus")
            target.parent.mkdir(exist_ok=True)
            shutil.copy(path, target)
    often = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    configuration["global"] |= often
    places = {
        "localhost:9090": f"{LOOPBACK}:{prometheus._port}",
        **{
            f"{name}:6066": f"{LOOPBACK}:{worker.port}"
            for name, worker in zip(WORKERS, workers, strict=True)
        },
    }
    jobs = {job["job_name"]: job for job in configuration["scrape_configs"]}
    credentials = jobs["vigie"]["authorization"]
    credentials["credentials_file"] = _here(credentials["credentials_file"], directory)
    for name in ("vigie", "prometheus"):
        groups = [*jobs[name].pop("static_configs", ()), *_discovered(jobs[name])]
        jobs[name]["static_configs"] = [_moved(group, places) for group in groups]
    # Alertmanager is not started here; its own file is another test's.
    configuration["scrape_configs"] = [jobs["vigie"], jobs["prometheus"]]
    (home / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    return prometheus


def _discovered(job: dict[str, Any]) -> list[dict[str, Any]]:
    """The groups of targets in the job's own files; the job is left without the files."""
    found = []
    for discovery in job.pop("file_sd_configs", ()):
        for pattern in discovery["files"]:
            for path in (DEPLOY / "prometheus").glob(pattern):
                found += yaml.safe_load(path.read_text())
    return found


def _moved(group: dict[str, Any], places: Mapping[str, str]) -> dict[str, Any]:
    return group | {"targets": [places[target] for target in group["targets"]]}
