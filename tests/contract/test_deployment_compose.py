"""The compose file works at the first `up`, as far as that can be known without Docker."""

from __future__ import annotations

import base64
import json
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import typer
import yaml

from simulators.attacks.catalogue import wanted
from streams.app import STOP_TIMEOUT_S
from streams.cli import app
from streams.settings import PREFIX, Settings
from tests.support.deployment import (
    COMPOSE,
    DEPLOY,
    ROOT,
    argv,
    compose,
    environment,
    published,
    services,
)
from tests.support.servers_kafka import POM

if TYPE_CHECKING:
    from pathlib import Path

SERVICES = services()
BROKERS = ("kafka-1", "kafka-2", "kafka-3")
WORKERS = ("worker-1", "worker-2")
OWN = ("topics", "tokens", *WORKERS, "simulator")


def test_the_file_fits_the_compose_specification() -> None:
    folder = files("check_jsonschema") / "builtin_schemas" / "vendor"
    schema = json.loads((folder / "compose-spec.json").read_text())
    jsonschema.Draft7Validator(schema).validate(compose())


def test_no_variable_has_to_be_set_and_none_is_called_like_a_setting() -> None:
    text = COMPOSE.read_text().replace("$$", "")
    variables = dict(re.findall(r"\$\{(\w+)(:-)?", text))
    assert variables == {"ATTACK": ":-", "GRAFANA_ADMIN_PASSWORD": ":-"}
    assert re.findall(r"\$(?!\{)", text) == []
    for name in variables:
        assert f"#   {name} " in text, f"{name} is not explained at the file's head"


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_pinned_by_its_exact_version_and_names_no_registry(name: str) -> None:
    image = SERVICES[name]["image"]
    assert re.fullmatch(r"([a-z]+/)?[a-z]+:v?\d+\.\d+\.\d+", image)


def test_the_images_are_what_the_tests_run_and_the_project_is() -> None:
    kafka = re.search(r"<artifactId>kafka_\S+?</artifactId>\s*<version>(.+?)<", POM.read_text())
    assert kafka is not None
    assert {SERVICES[name]["image"] for name in BROKERS} == {f"apache/kafka:{kafka[1]}"}
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert {SERVICES[name]["image"] for name in OWN} == {f"vigie:{version[1]}"}


@pytest.mark.parametrize("name", OWN)
def test_the_image_is_built_from_this_checkout(name: str) -> None:
    build = SERVICES[name]["build"]
    assert SERVICES[name]["pull_policy"] == "build"
    context = (DEPLOY / build["context"]).resolve()
    assert context == ROOT
    assert (context / build["dockerfile"]).is_file()


def test_ports_are_published_on_loopback_only_and_once() -> None:
    ports = [port for service in SERVICES.values() for port in published(service)]
    assert {address for address, _, _ in ports} == {"127.0.0.1"}
    outside = [port for _, port, _ in ports]
    assert len(outside) == len(set(outside))
    head = COMPOSE.read_text().partition("\nname:")[0]
    assert {int(port) for port in re.findall(r"http://127\.0\.0\.1:(\d+)/", head)} == set(outside)
    # The brokers have no password.
    assert not any("ports" in SERVICES[name] for name in BROKERS)
    assert compose()["networks"]["kafka"] == {"internal": True}
    assert all(SERVICES[name]["networks"] == ["kafka"] for name in BROKERS)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["cap_drop"] == ["ALL"]
    assert service.get("read_only", False) is (name not in BROKERS)
    assert {"privileged", "cap_add", "network_mode", "pid", "user"}.isdisjoint(service)
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert service["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_waits_for_can_happen(name: str) -> None:
    waits = SERVICES[name].get("depends_on", {})
    for other, how in waits.items() if isinstance(waits, dict) else ((one, {}) for one in waits):
        condition = how.get("condition", "service_started")
        if condition == "service_healthy":
            assert "test" in SERVICES[other]["healthcheck"]
        elif condition == "service_completed_successfully":
            assert SERVICES[other]["restart"] == "no"
        else:
            assert other in SERVICES
    if SERVICES[name]["restart"] != "no" and name != "simulator":
        assert "test" in SERVICES[name]["healthcheck"]


@pytest.mark.parametrize("name", SERVICES)
def test_mounts_and_networks_are_there(name: str) -> None:
    document = compose()
    for volume in SERVICES[name].get("volumes", ()):
        source, target, *mode = volume.split(":")
        assert target.startswith("/")
        if source.startswith("./"):
            assert (DEPLOY / source).is_dir(), f"{source} is mounted and does not exist"
            assert mode == ["ro"]
        else:
            assert source in document["volumes"]
    assert set(SERVICES[name]["networks"]) <= set(document["networks"])


@pytest.mark.parametrize("name", OWN)
def test_the_settings_are_settings(name: str) -> None:
    given = environment(SERVICES[name])
    assert all(variable.startswith(PREFIX) for variable in given)
    settings = Settings.from_env(given)
    if name in {"simulator", "tokens"}:
        return
    assert settings.kafka_bootstrap == ",".join(f"{broker}:9092" for broker in BROKERS)
    assert settings.replication == len(BROKERS)


def test_workers_are_static_members_that_others_reach() -> None:
    ids = set()
    for name in WORKERS:
        settings = Settings.from_env(environment(SERVICES[name]))
        ids.add(settings.group_instance_id)
        assert settings.http_host == "0.0.0.0"  # noqa: S104 (published on loopback, see above)
        assert {inside for _, _, inside in published(SERVICES[name])} == {settings.http_port}
        assert f":{settings.http_port}/readyz" in SERVICES[name]["healthcheck"]["test"][-1]
        pages = {f"http://{host}:{port}/" for host, port, _ in published(SERVICES["worker-1"])}
        assert settings.page_url in pages
        for url in settings.alertmanager_urls:
            _assert_served(url.removeprefix("http://"))
        grace_s = int(SERVICES[name]["stop_grace_period"].removesuffix("s"))
        assert grace_s > STOP_TIMEOUT_S
    assert ids == set(WORKERS)


def test_the_commands_are_commands() -> None:
    assert argv(SERVICES["topics"], ("vigie",)) == ["vigie", "topics", "--create"]
    for name in ("topics", "tokens", *WORKERS):
        program, command, *options = argv(SERVICES[name], ("vigie",))
        assert program == "vigie"
        _parse(command, options)


@pytest.mark.parametrize("attack", ["", "predice:identities=7353"])
def test_the_simulator_gets_its_arguments_with_and_without_an_attack(attack: str) -> None:
    service = services({"ATTACK": attack})["simulator"]
    python, dash, module, bootstrap, speed, seed, *attacks = argv(service, ())
    assert (python, dash, module) == ("python", "-m", "simulators.live")
    assert bootstrap == environment(SERVICES["topics"])["VIGIE_KAFKA_BOOTSTRAP"]
    assert (float(speed), int(seed)) == (1.0, 1)
    assert attacks == ([attack] if attack else [])
    for text in attacks:
        wanted(text)
    assert "ATTACK                  an attack" in COMPOSE.read_text()


def test_three_brokers_are_one_cluster() -> None:
    ids = {}
    for name in BROKERS:
        given = environment(SERVICES[name])
        ids[given["KAFKA_NODE_ID"]] = name
        assert given["KAFKA_ADVERTISED_LISTENERS"] == f"PLAINTEXT://{name}:9092"
        voters = dict(
            voter.split("@") for voter in given["KAFKA_CONTROLLER_QUORUM_VOTERS"].split(",")
        )
        assert {number: host.split(":")[0] for number, host in voters.items()} == dict(
            zip(("1", "2", "3"), BROKERS, strict=True)
        )
        for setting, value in given.items():
            if setting.endswith("REPLICATION_FACTOR"):
                assert int(value) == len(BROKERS)
            if setting.endswith(("MIN_ISR", "MIN_INSYNC_REPLICAS")):
                assert int(value) == len(BROKERS) - 1
        (volume,) = SERVICES[name]["volumes"]
        assert volume == f"{name}:{given['KAFKA_LOG_DIRS']}"
        cluster = given["CLUSTER_ID"]
        raw = base64.urlsafe_b64decode(cluster + "==")
        assert len(raw) == 16
        assert base64.urlsafe_b64encode(raw).decode().rstrip("=") == cluster
    assert ids == dict(zip(("1", "2", "3"), BROKERS, strict=True))


def test_what_prometheus_reaches_is_a_service() -> None:
    configuration = _yaml(DEPLOY / "prometheus" / "prometheus.yml")
    jobs = {job["job_name"]: set(_targets(job)) for job in configuration["scrape_configs"]}
    for target in set().union(*jobs.values()):
        _assert_served(target.replace("localhost:9090", "prometheus:9090"))
    assert jobs["vigie"] == {f"{name}:6066" for name in WORKERS}
    for manager in configuration["alerting"]["alertmanagers"]:
        for target in _targets(manager):
            _assert_served(target)
    for pattern in configuration["rule_files"]:
        assert list((DEPLOY / "prometheus").glob(pattern)), f"{pattern}: no such rules"


def test_who_may_come_is_decided_by_files_that_the_first_up_makes() -> None:
    made = _volumes("tokens")
    program, command, first, folder, second, scrape = argv(SERVICES["tokens"], ("vigie",))
    assert (program, command, first, second) == ("vigie", "token", "--first-use", "--scrape-token")
    assert made == {"access": (folder, ""), "scrape": (scrape.rpartition("/")[0], "")}
    user = (DEPLOY / "Dockerfile").read_text()
    # A new volume is the image's user's, or the tokens could not be written.
    owned = re.findall(r"install --directory --owner 10001 .* (/\S+)", user)
    assert {path for path, _ in made.values()} <= set(owned)
    for name in WORKERS:
        settings = Settings.from_env(environment(SERVICES[name]))
        assert _volumes(name) == {"access": (folder, "ro")}
        assert settings.tokens_file == f"{folder}/tokens"
        assert settings.session_key_file == f"{folder}/session.key"
        assert "tokens" in SERVICES[name]["depends_on"]
    assert _volumes("prometheus")["scrape"] == (scrape.rpartition("/")[0], "ro")
    assert "access" not in _volumes("prometheus")
    configuration = _yaml(DEPLOY / "prometheus" / "prometheus.yml")
    (job,) = [one for one in configuration["scrape_configs"] if one["job_name"] == "vigie"]
    assert job["authorization"] == {"credentials_file": scrape}
    assert "tokens" in SERVICES["prometheus"]["depends_on"]


def test_the_head_and_the_readme_say_how_somebody_gets_in() -> None:
    command = r"compose --?f(?:ile)? deploy/compose.yaml run --rm (tokens .*)$"
    told = [
        re.findall(command, text, re.MULTILINE)
        for text in (COMPOSE.read_text(), (DEPLOY / "README.md").read_text())
    ]
    lines = [line for several in told for line in several if line.startswith("tokens ")]
    assert len(lines) >= 2
    for line in lines:
        service, command, *options = line.split()
        assert service == "tokens"
        _parse(command, [*options])  # which it empties
        assert options[-1] == "/etc/vigie/access/tokens"


def _volumes(name: str) -> dict[str, tuple[str, str]]:
    """The volumes of a service that are no folders of this checkout: where, and how."""
    split = [volume.split(":") for volume in SERVICES[name]["volumes"]]
    return {
        source: (target, "".join(mode))
        for source, target, *mode in split
        if not source.startswith("./")
    }


def test_grafana_is_provisioned_from_what_is_mounted() -> None:
    mounts = dict(volume.split(":")[:2] for volume in SERVICES["grafana"]["volumes"])
    provisioning = DEPLOY / "grafana" / "provisioning"
    (sources,) = provisioning.glob("datasources/*.y*ml")
    for source in _yaml(sources)["datasources"]:
        if source["type"] == "prometheus":
            _assert_served(source["url"].removeprefix("http://"))
    (providers,) = provisioning.glob("dashboards/*.y*ml")
    for provider in _yaml(providers)["providers"]:
        assert provider["options"]["path"] == mounts["./grafana/dashboards"]
    assert list((DEPLOY / "grafana" / "dashboards").glob("*.json"))


def test_grafana_has_no_password_that_anybody_could_know() -> None:
    given = environment(SERVICES["grafana"])
    assert given["GRAFANA_ADMIN_PASSWORD"] == ""
    assert not any("PASSWORD" in name for name in given if name.startswith("GF_"))
    assert "/dev/urandom" in SERVICES["grafana"]["entrypoint"][-1]
    assert given["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"


def _targets(job: dict[str, Any]) -> list[str]:
    groups = list(job.get("static_configs", ()))
    for discovery in job.get("file_sd_configs", ()):
        for pattern in discovery["files"]:
            found = sorted((DEPLOY / "prometheus").glob(pattern))
            assert found, f"{pattern}: no such targets"
            groups += [group for path in found for group in _yaml(path)]
    return [target for group in groups for target in group["targets"]]


def _assert_served(address: str) -> None:
    """The address is a service of the compose file and the port it listens on."""
    host, _, port = address.rstrip("/").partition(":")
    assert host in SERVICES, f"{address}: no such service"
    assert int(port) in {inside for _, _, inside in published(SERVICES[host])}, address


def _parse(command: str, options: list[str]) -> None:
    group = typer.main.get_command(app)
    context = group.make_context("vigie", [command, *options])
    one = group.get_command(context, command)
    assert one is not None, f"vigie has no command {command}"
    one.make_context(command, options)


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text())
