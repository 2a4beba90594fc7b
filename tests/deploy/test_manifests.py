"""The manifests for Kubernetes: built as they are deployed, valid, and within our own rules."""

import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from ipaddress import ip_network
from typing import Any

import kubernetes_validate
import pytest
import yaml

from deploy.local import ROOT
from deploy.local.servers import DEAD_LETTERS_POLICY
from deploy.local.stack import SERVICES
from deploy.local.tools import program
from shared.messaging.topology import dead_letters_of, queue_of
from shared.service import Service

OVERLAYS = ("small", "production", "recovery")
KUBERNETES = "1.30"
"""The oldest version that the manifests are for."""
OPERATORS = {
    "postgresql.cnpg.io", "barmancloud.cnpg.io", "rabbitmq.com", "keda.sh",
}  # fmt: skip
"""Groups whose schemas are not Kubernetes' own: of these only the syntax is checked."""
WORKLOADS = ("Deployment", "Job", "CronJob")
SECRET = "a-secret"
Resource = dict[str, Any]


@pytest.fixture(scope="module", params=OVERLAYS)
def resources(request: pytest.FixtureRequest) -> list[Resource]:
    """All that an overlay deploys."""
    return built(request.param)


@cache
def built(overlay: str) -> list[Resource]:
    """What `kubectl apply -k` would send."""
    folder = ROOT / "deploy" / "kubernetes" / "overlays" / overlay
    command = [program("kubectl"), "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, "kustomize warns"
    return list(yaml.safe_load_all(done.stdout))


def of(resources: list[Resource], *kinds: str) -> dict[str, Resource]:
    """The resources of these kinds, by name."""
    return {r["metadata"]["name"]: r for r in resources if r["kind"] in kinds}


def pods(resources: list[Resource]) -> Iterator[tuple[str, Resource]]:
    """The pod template of each workload, with its name."""
    for name, workload in of(resources, *WORKLOADS).items():
        spec = workload["spec"]
        template = spec["jobTemplate"]["spec"] if workload["kind"] == "CronJob" else spec
        yield name, template["template"]


def dashed(service: str) -> str:
    """A service's name as Kubernetes takes names."""
    return service.replace("_", "-")


def test_every_resource_is_valid(resources: list[Resource]) -> None:
    for resource in resources:
        if resource["apiVersion"].partition("/")[0] not in OPERATORS:
            kubernetes_validate.validate(resource, KUBERNETES, strict=True)
        assert resource["kind"] == "Namespace" or resource["metadata"]["namespace"] == "cpro"


COMMANDS = re.findall(
    r"(?:`|^)kubectl ([^`\n#]+)", (ROOT / "docs" / "deployment.md").read_text(), re.MULTILINE
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_guide_is_one(command: str) -> None:
    """Without a cluster: it is understood, and ends where nobody answers."""
    words = shlex.split(command)
    assert "…" not in command
    asked = [program("kubectl"), "--server=http://127.0.0.1:1", *words]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    assert re.search("refused", done.stderr), done.stderr


def test_a_mistake_would_be_seen(resources: list[Resource]) -> None:
    wrong = {**of(resources, "Deployment")["transfer"]}
    wrong["spec"] = {**wrong["spec"], "replica": 2}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, KUBERNETES, strict=True)


def test_no_pattern_is_left_unnamed_and_no_secret_is_held(resources: list[Resource]) -> None:
    assert not of(resources, "Secret")
    text = yaml.safe_dump_all(resources)
    for placeholder in ("name: service\n", "service-db", "service-keys", "- module\n"):
        assert placeholder not in text


def test_each_service_is_there_whole(resources: list[Resource]) -> None:
    names = {dashed(service) for service in SERVICES}
    assert of(resources, "Deployment").keys() == names
    assert of(resources, "Service").keys() == names | {"nowhere"}
    assert {f"migrate-{name}" for name in names} == of(resources, "Job").keys()
    assert {f"operate-{name}" for name in names} | {"erasures"} == of(resources, "CronJob").keys()
    assert names <= of(resources, "NetworkPolicy").keys()


def test_no_container_is_root_unbounded_or_able_to_write(resources: list[Resource]) -> None:
    for name, pod in pods(resources):
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"], name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        for container in spec["containers"]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"], name
            assert security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"].keys() == {"cpu", "memory"}
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert container["image"].rpartition(":")[2] not in ("", "latest", "cpro")


def test_every_server_is_probed_and_left_out_before_it_stops(resources: list[Resource]) -> None:
    for name, deployment in of(resources, "Deployment").items():
        spec = deployment["spec"]["template"]["spec"]
        [container] = spec["containers"]
        start = container["startupProbe"]
        assert start["httpGet"]["path"] == "/health/live", name
        patience = start["periodSeconds"] * start["failureThreshold"]
        assert patience >= 3600, "its database may be away"
        assert container["livenessProbe"]["httpGet"]["path"] == "/health/live"
        assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"
        pause = int(container["lifecycle"]["preStop"]["exec"]["command"][-1])
        assert pause + 10 < spec["terminationGracePeriodSeconds"]
        assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_selectors_find_the_servers_of_their_service_alone(resources: list[Resource]) -> None:
    for name in of(resources, "Deployment"):
        wanted = of(resources, "Service")[name]["spec"]["selector"].items()
        found = [
            other for other, pod in pods(resources) if wanted <= pod["metadata"]["labels"].items()
        ]
        assert found == [name]
    for name, budget in of(resources, "PodDisruptionBudget").items():
        if name in of(resources, "Deployment"):
            labels = budget["spec"]["selector"]["matchLabels"]
            assert labels == of(resources, "Service")[name]["spec"]["selector"]
        assert budget["spec"].keys() == {"selector", "maxUnavailable"}
        assert budget["spec"]["maxUnavailable"] == 1, "a node can be drained"


def test_settings_of_production_are_complete(resources: list[Resource]) -> None:
    """Each service accepts what its container is told; secrets stand for themselves."""
    [shared] = of(resources, "ConfigMap").values()
    for service in SERVICES:
        pod = of(resources, "Deployment")[dashed(service)]["spec"]["template"]["spec"]
        [container] = pod["containers"]
        told = {**shared["data"], **{e["name"]: e.get("value", SECRET) for e in container["env"]}}
        assert container["args"] == [f"services.{service}", "serve"]
        _accepts(import_module(f"services.{service}.__main__").service, told)
        places = [mount["mountPath"] for mount in container["volumeMounts"]]
        assert "/tmp" in places, "uploads lie there"
        for path in (value for value in told.values() if value.startswith("/run/")):
            assert any(path.startswith(f"{place}/") for place in places), path
    known = {
        f"CPRO_{name.upper()}"
        for service in SERVICES
        for name in import_module(f"services.{service}.__main__").service.settings.model_fields
    }
    assert {name for name in shared["data"] if name.startswith("CPRO_")} <= known


def _accepts(service: Service, told: Mapping[str, str]) -> None:
    known = service.settings.model_fields
    settings = {
        name: told[f"CPRO_{name.upper()}"] for name in known if f"CPRO_{name.upper()}" in told
    }
    assert service.settings.model_validate(settings).environment == "production"


def test_a_service_is_told_of_no_database_but_its_own() -> None:
    for service, deployment in of(built("production"), "Deployment").items():
        secrets = yaml.safe_dump(deployment)
        assert secrets.count("-db-") == secrets.count(f"{service}-db-run") == 1


def test_migrations_alone_own_the_tables(resources: list[Resource]) -> None:
    for name, pod in pods(resources):
        [url] = [
            one["valueFrom"]["secretKeyRef"]
            for one in pod["spec"]["containers"][0]["env"]
            if one["name"] == "CPRO_DATABASE_URL"
        ]
        service = pod["metadata"]["labels"]["app.kubernetes.io/name"]
        role = "app" if name == f"migrate-{service}" else "run"
        assert url == {"name": f"{service}-db-{role}", "key": "uri"}, name
    for name, cluster in of(resources, "Cluster").items():
        [managed] = cluster["spec"]["managed"]["roles"]
        assert managed["passwordSecret"] == {"name": f"{name}-run"}
        [begun] = cluster["spec"]["bootstrap"].values()
        assert begun["owner"] != managed["name"]


def test_servers_outside_of_the_cluster_are_single_machines() -> None:
    policies = of(built("small"), "NetworkPolicy")
    for service in map(dashed, SERVICES):
        blocks = [
            peer["ipBlock"]["cidr"]
            for rule in policies[service]["spec"]["egress"]
            for peer in rule.get("to", ())
            if "ipBlock" in peer
        ]
        assert len(blocks) == 2, "PostgreSQL and RabbitMQ"
        assert all(ip_network(block).num_addresses == 1 for block in blocks)


def test_production_has_a_backup_and_three_nodes_of_each_server() -> None:
    resources = built("production")
    clusters = of(resources, "Cluster")
    assert clusters.keys() == {f"{dashed(service)}-db" for service in SERVICES}
    for name, backup in of(resources, "ScheduledBackup").items():
        assert backup["spec"]["cluster"] == {"name": name}
    assert of(resources, "ScheduledBackup").keys() == clusters.keys()
    assert {cluster["spec"]["instances"] for cluster in clusters.values()} == {3}
    [broker] = of(resources, "RabbitmqCluster").values()
    assert broker["spec"]["replicas"] == 3
    [policy] = of(resources, "Policy").values()
    assert policy["spec"]["rabbitmqClusterReference"] == {"name": broker["metadata"]["name"]}
    told = {
        "pattern": policy["spec"]["pattern"],
        "apply-to": policy["spec"]["applyTo"],
        "definition": policy["spec"]["definition"],
    }
    assert told == DEAD_LETTERS_POLICY
    assert re.search(told["pattern"], dead_letters_of("transfer"))
    assert not re.search(told["pattern"], queue_of("transfer"))
    for name, scaled in of(resources, "ScaledObject").items():
        queue = scaled["spec"]["triggers"][0]["metadata"]["queueName"]
        assert dashed(queue) == f"{name}.events"
        assert "replicas" not in of(resources, "Deployment")[name]["spec"]
        assert 2 == scaled["spec"]["minReplicaCount"] < scaled["spec"]["maxReplicaCount"]
