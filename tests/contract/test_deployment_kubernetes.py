"""The Kubernetes manifests hold together, and against Kubernetes' own schemas."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import kubernetes_validate
import pytest
import typer
import yaml

from streams.app import STOP_TIMEOUT_S
from streams.cli import app
from streams.settings import PREFIX, Settings
from streams.topics import FLOWS
from tests.support.deployment import DEPLOY, KUBERNETES, ROOT, objects, services, settings_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

OBJECTS = objects()
OF_OPERATORS = ("keda.sh/", "monitoring.coreos.com/")
PODS = {
    "worker": OBJECTS["StatefulSet", "vigie-worker"]["spec"]["template"],
    "topics": OBJECTS["Job", "vigie-topics"]["spec"]["template"],
}
SETTINGS = settings_file()
# What KEDA's Kafka scaler takes (its documentation, version 2.17), as far as it is used here.
SCALER_KEYS = {
    "bootstrapServers",
    "consumerGroup",
    "topic",
    "lagThreshold",
    "offsetResetPolicy",
    "allowIdleConsumers",
    "ensureEvenDistributionOfPartitions",
    "version",
    "sasl",
    "tls",
}


@pytest.mark.parametrize("version", ["1.33", "1.37"])
@pytest.mark.parametrize(
    "name", [key for key, one in OBJECTS.items() if not one["apiVersion"].startswith(OF_OPERATORS)]
)
def test_an_object_fits_its_strict_schema(name: tuple[str, str], version: str) -> None:
    kubernetes_validate.validate(OBJECTS[name], version, strict=True)


def test_a_field_that_kubernetes_does_not_know_is_noticed() -> None:
    wrong = OBJECTS["PodDisruptionBudget", "vigie-worker"] | {"spec": {"maxUnavailble": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.37", strict=True)


@pytest.mark.parametrize("pod", PODS)
def test_a_pod_fits_the_restricted_standard(pod: str) -> None:
    spec = PODS[pod]["spec"]
    namespace = OBJECTS["Namespace", "vigie"]["metadata"]["labels"]
    assert namespace["pod-security.kubernetes.io/enforce"] == "restricted"
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert {"hostNetwork", "hostPID", "hostIPC"}.isdisjoint(spec)
    assert {kind for volume in spec["volumes"] for kind in volume} <= {"name", "secret", "emptyDir"}
    for container in spec["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["readOnlyRootFilesystem"] is True
        assert container["resources"]["limits"]["memory"]
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}


@pytest.mark.parametrize("pod", PODS)
def test_a_pod_runs_as_the_images_user_without_a_token(pod: str) -> None:
    spec = PODS[pod]["spec"]
    (user,) = re.findall(r"^USER (\d+):(\d+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    context = spec["securityContext"]
    assert (str(context["runAsUser"]), str(context["runAsGroup"])) == user
    assert spec["automountServiceAccountToken"] is False
    assert (
        OBJECTS["ServiceAccount", spec["serviceAccountName"]]["automountServiceAccountToken"]
        is False
    )


@pytest.mark.parametrize("pod", PODS)
def test_a_pods_settings_are_settings(pod: str) -> None:
    spec = PODS[pod]["spec"]
    # Kubernetes' own variables of the Services vigie-… would be taken for settings.
    assert spec["enableServiceLinks"] is False
    (container,) = spec["containers"]
    assert [one["configMapRef"]["name"] for one in container["envFrom"]] == ["vigie-settings"]
    given = SETTINGS | {one["name"]: "from-elsewhere" for one in container["env"]}
    assert all(name.startswith(PREFIX) for name in given)
    settings = Settings.from_env(given)
    (mount,) = (one for one in container["volumeMounts"] if one["name"] == "kafka")
    (volume,) = (one for one in spec["volumes"] if one["name"] == "kafka")
    keys = {"username", "password", "ca.crt"}
    for path in (settings.kafka_ca_file, settings.kafka_password_file):
        assert PurePosixPath(path).parent == PurePosixPath(mount["mountPath"])
        assert PurePosixPath(path).name in keys
    for one in container["env"]:
        if "secretKeyRef" in one["valueFrom"]:
            assert one["valueFrom"]["secretKeyRef"]["name"] == volume["secret"]["secretName"]
            assert one["valueFrom"]["secretKeyRef"]["key"] in keys
    assert settings.kafka_username


def test_a_worker_finds_who_may_come_where_the_settings_say() -> None:
    spec = PODS["worker"]["spec"]
    (mount,) = (one for one in spec["containers"][0]["volumeMounts"] if one["name"] == "access")
    (volume,) = (one for one in spec["volumes"] if one["name"] == "access")
    assert mount["readOnly"] is True
    secret = volume["secret"]
    assert secret["defaultMode"] == 0o440  # the sessions' key is refused if everybody may read it
    made = re.search(
        rf"create secret generic {secret['secretName']} (--from-file=.*)$",
        (DEPLOY / "README.md").read_text(),
        re.MULTILINE,
    )
    assert made is not None
    keys = {PurePosixPath(path).name for path in re.findall(r"--from-file=(\S+)", made[1])}
    for name in ("VIGIE_TOKENS_FILE", "VIGIE_SESSION_KEY_FILE"):
        path = PurePosixPath(SETTINGS[name])
        assert path.parent == PurePosixPath(mount["mountPath"])
        assert path.name in keys
    assert Settings.from_env(SETTINGS).http_host != "127.0.0.1"


def test_prometheus_comes_with_a_token() -> None:
    (endpoint,) = OBJECTS["ServiceMonitor", "vigie-workers"]["spec"]["endpoints"]
    credentials = endpoint["authorization"]["credentials"]
    assert (
        f"generic {credentials['name']} --from-file={credentials['key']}="
        in (DEPLOY / "README.md").read_text()
    )


@pytest.mark.parametrize("pod", PODS)
def test_a_pods_command_is_a_command(pod: str) -> None:
    (container,) = PODS[pod]["spec"]["containers"]
    group = typer.main.get_command(app)
    command, *options = container["args"]
    one = group.get_command(group.make_context("vigie", [command]), command)
    assert one is not None
    one.make_context(command, options)
    assert "command" not in container  # it would replace the image's entry point
    assert container["image"] == "vigie"


def test_no_secret_is_kept_here_and_each_is_explained() -> None:
    assert not [name for name in OBJECTS if name[0] == "Secret"]
    wanted = set(_values(OBJECTS, ("secretName",)))
    (endpoint,) = OBJECTS["ServiceMonitor", "vigie-workers"]["spec"]["endpoints"]
    wanted.add(endpoint["authorization"]["credentials"]["name"])
    wanted |= {
        one["name"]
        for one in OBJECTS["TriggerAuthentication", "vigie-kafka"]["spec"]["secretTargetRef"]
    }
    readme = (DEPLOY / "README.md").read_text()
    assert {name for name in wanted if name not in readme} == set()


def test_the_image_is_the_one_that_compose_builds() -> None:
    kustomization = _yaml(KUBERNETES / "kustomization.yaml")
    (image,) = kustomization["images"]
    assert f"{image['name']}:{image['newTag']}" == services()["worker-1"]["image"]


def test_a_worker_is_a_static_member_with_time_to_leave() -> None:
    spec = PODS["worker"]["spec"]
    (member,) = (
        one for one in spec["containers"][0]["env"] if one["name"] == "VIGIE_GROUP_INSTANCE_ID"
    )
    assert member["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    assert spec["terminationGracePeriodSeconds"] > STOP_TIMEOUT_S
    assert OBJECTS["StatefulSet", "vigie-worker"]["spec"]["replicas"] <= int(
        SETTINGS["VIGIE_PARTITIONS"]
    )


def test_probes_ask_what_the_worker_answers() -> None:
    (container,) = PODS["worker"]["spec"]["containers"]
    answers = (ROOT / "metrics" / "web.py").read_text()
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": int(SETTINGS["VIGIE_HTTP_PORT"])}
    for kind, path in (("startup", "/healthz"), ("liveness", "/healthz"), ("readiness", "/readyz")):
        assert container[f"{kind}Probe"]["httpGet"] == {"path": path, "port": "http"}
        assert f'add_get("{path}"' in answers


def test_every_selector_finds_the_workers_and_nothing_else() -> None:
    common = _yaml(KUBERNETES / "base" / "kustomization.yaml")["labels"][0]
    assert common["includeTemplates"] is True
    labels = {
        pod: common["pairs"] | template["metadata"]["labels"] for pod, template in PODS.items()
    }
    selectors = [
        OBJECTS["StatefulSet", "vigie-worker"]["spec"]["selector"]["matchLabels"],
        OBJECTS["PodDisruptionBudget", "vigie-worker"]["spec"]["selector"]["matchLabels"],
        OBJECTS["Service", "vigie-workers"]["spec"]["selector"],
        OBJECTS["Service", "vigie-page"]["spec"]["selector"],
        OBJECTS["NetworkPolicy", "vigie-worker"]["spec"]["podSelector"]["matchLabels"],
        *(
            one["labelSelector"]["matchLabels"]
            for one in PODS["worker"]["spec"]["topologySpreadConstraints"]
        ),
    ]
    for selector in selectors:
        assert [pod for pod, has in labels.items() if selector.items() <= has.items()] == ["worker"]
    policy = OBJECTS["NetworkPolicy", "vigie-topics"]["spec"]["podSelector"]["matchLabels"]
    assert [pod for pod, has in labels.items() if policy.items() <= has.items()] == ["topics"]
    scraped = OBJECTS["ServiceMonitor", "vigie-workers"]["spec"]["selector"]["matchLabels"]
    found = [
        name
        for (kind, name), one in OBJECTS.items()
        if kind == "Service"
        and scraped.items() <= (common["pairs"] | one["metadata"]["labels"]).items()
    ]
    assert found == ["vigie-workers"]
    assert OBJECTS["StatefulSet", "vigie-worker"]["spec"]["serviceName"] == "vigie-workers"
    assert OBJECTS["Service", "vigie-workers"]["spec"]["clusterIP"] == "None"


def test_the_network_lets_through_what_the_settings_name() -> None:
    for pod in PODS:
        policy = OBJECTS["NetworkPolicy", f"vigie-{pod}"]["spec"]
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        wanted = [("kafka", SETTINGS["VIGIE_KAFKA_BOOTSTRAP"])]
        if pod == "worker":
            wanted.append(
                ("monitoring", SETTINGS["VIGIE_ALERTMANAGER_URLS"].removeprefix("http://"))
            )
        for namespace, address in wanted:
            host, _, port = address.partition(":")
            assert host.split(".")[1] == namespace
            assert {"protocol": "TCP", "port": int(port)} in _let_out(policy, namespace)
        assert {"protocol": "UDP", "port": 53} in _let_out(policy, "kube-system")


def test_keda_scales_on_the_lag_of_each_flow_within_the_partitions() -> None:
    spec = OBJECTS["ScaledObject", "vigie-worker"]["spec"]
    assert spec["scaleTargetRef"] == {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "name": "vigie-worker",
    }
    assert 2 <= spec["minReplicaCount"] <= spec["maxReplicaCount"]
    assert spec["maxReplicaCount"] == int(SETTINGS["VIGIE_PARTITIONS"])
    assert [one["metadata"]["topic"] for one in spec["triggers"]] == list(FLOWS)
    for trigger in spec["triggers"]:
        scaler = trigger["metadata"]
        assert trigger["type"] == "kafka"
        assert scaler.keys() <= SCALER_KEYS
        assert all(isinstance(value, str) for value in scaler.values())
        assert scaler["bootstrapServers"] == SETTINGS["VIGIE_KAFKA_BOOTSTRAP"]
        assert scaler["consumerGroup"] == SETTINGS["VIGIE_GROUP_ID"]
        mechanism = SETTINGS["VIGIE_KAFKA_SASL_MECHANISM"]
        assert scaler["sasl"] == mechanism.lower().replace("-sha-", "_sha")
        # Kafka 4 speaks with nothing older than 2.1 (KIP-896), which is newer than KEDA's default.
        assert tuple(int(part) for part in scaler["version"].split(".")) >= (2, 1, 0)
        assert ("TriggerAuthentication", trigger["authenticationRef"]["name"]) in OBJECTS
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    up, down = (behavior[way]["stabilizationWindowSeconds"] for way in ("scaleUp", "scaleDown"))
    assert up < down <= 3600  # Kubernetes allows no more than an hour


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl here to render with")
@pytest.mark.parametrize("with_operator", [False, True])
def test_kustomize_puts_it_together(tmp_path: Path, with_operator: bool) -> None:
    copy = tmp_path / "kubernetes"
    shutil.copytree(KUBERNETES, copy)
    if with_operator:
        top = copy / "kustomization.yaml"
        top.write_text(top.read_text().replace("# - prometheus-operator", "- prometheus-operator"))
    rendered = _kustomize(copy)
    kinds = [one["kind"] for one in rendered]
    assert kinds.count("ScaledObject") == 1
    assert kinds.count("ServiceMonitor") == int(with_operator)
    by_kind = {one["kind"]: one for one in rendered}
    worker = by_kind["StatefulSet"]["spec"]
    # What KEDA decides is not set back by applying the files again.
    assert "replicas" not in worker
    (container,) = worker["template"]["spec"]["containers"]
    assert container["image"] == services()["worker-1"]["image"]
    (source,) = container["envFrom"]
    assert (
        source["configMapRef"]["name"]
        == by_kind["ConfigMap"]["metadata"]["name"]
        != "vigie-settings"
    )
    assert by_kind["ConfigMap"]["data"] == SETTINGS
    assert {one["metadata"].get("namespace", "vigie") for one in rendered} == {"vigie"}
    for one in rendered:
        if not one["apiVersion"].startswith(OF_OPERATORS):
            kubernetes_validate.validate(one, "1.37", strict=True)


def _kustomize(folder: Path) -> list[dict[str, Any]]:
    kubectl = shutil.which("kubectl")
    assert kubectl is not None
    done = subprocess.run(
        [kubectl, "kustomize", str(folder)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return list(yaml.safe_load_all(done.stdout))


def _let_out(policy: Mapping[str, Any], namespace: str) -> list[dict[str, Any]]:
    wanted = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    return [port for rule in policy["egress"] if rule["to"] == [wanted] for port in rule["ports"]]


def _values(value: Any, keys: tuple[str, ...]) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            if key in keys:
                yield one
            yield from _values(one, keys)
    elif isinstance(value, list):
        for one in value:
            yield from _values(one, keys)


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text())
