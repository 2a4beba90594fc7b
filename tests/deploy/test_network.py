"""Who may call whom in production: all network policies together, worked out as Kubernetes does, so
that a rule too many is noticed wherever it stands, and one that lacks as well.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from deploy.local.stack import SERVICES
from tests.deploy.test_manifests import Resource, built, dashed, of, pods

OURS = "cpro"
OUTSIDE = "outside"
"""Stands for the namespace of what is not in the cluster."""
BROKER = "cpro-rabbitmq"
MODULES = "modules"
OTHERS = (
    "cnpg-system", "ingress-nginx", "keda", "kube-system", MODULES, "monitoring",
    "rabbitmq-system", "somewhere-else", OUTSIDE,
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """A pod: what policies know of it."""

    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict)


@cache
def places() -> Mapping[str, Place]:
    """Our pods and servers by their names; of each other namespace one pod, by the namespace's."""
    resources = built("production")
    servers = {
        **{name: Place(OURS, {"cnpg.io/cluster": name}) for name in of(resources, "Cluster")},
        **{
            name: Place(OURS, {"app.kubernetes.io/name": name})
            for name in of(resources, "RabbitmqCluster")
        },
    }
    own = {name: Place(OURS, pod["metadata"]["labels"]) for name, pod in pods(resources)}
    return own | servers | {name: Place(name) for name in OTHERS}


def _allowed(direction: str, side: str, place: Place, other: Place, port: int) -> bool:
    policies = [
        policy["spec"]
        for policy in of(built("production"), "NetworkPolicy").values()
        if direction in policy["spec"]["policyTypes"]
        and place.namespace == OURS
        and _chosen(policy["spec"]["podSelector"], place.labels)
    ]
    return not policies or any(
        _of_port(rule, port) and _of_peer(rule, side, other)
        for policy in policies
        for rule in policy.get(direction.lower(), ())
    )


def _chosen(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    assert selector.keys() <= {"matchLabels"}, "more than this test understands"
    wanted: Mapping[str, str] = selector.get("matchLabels", {})
    return wanted.items() <= labels.items()


def _of_port(rule: Resource, port: int) -> bool:
    ports = rule.get("ports", [{"port": port}])
    return any(one["port"] <= port <= one.get("endPort", one["port"]) for one in ports)


def _of_peer(rule: Resource, side: str, other: Place) -> bool:
    return side not in rule or any(_is(peer, other) for peer in rule[side])


def _is(peer: Resource, other: Place) -> bool:
    assert peer.keys() <= {"podSelector", "namespaceSelector"}, "more than this test understands"
    inside = other.namespace == OURS
    if "namespaceSelector" in peer:
        known = {"kubernetes.io/metadata.name": other.namespace}
        known |= {"cpro.example/modules": "true"} if other.namespace == MODULES else {}
        inside = other.namespace != OUTSIDE and _chosen(peer["namespaceSelector"], known)
    return inside and _chosen(peer.get("podSelector", {}), other.labels)


def let_in(target: str, port: int) -> set[str]:
    """The names of all whom the policies of `target` let in."""
    end = places()[target]
    return {name for name, one in places().items() if _allowed("Ingress", "from", end, one, port)}


def let_out(target: str, port: int) -> set[str]:
    """The names of those of our pods that their own policies let call `target`."""
    end = places()[target]
    return {name for name in workloads() if _allowed("Egress", "to", places()[name], end, port)}


def workloads(service: str = "") -> set[str]:
    """Our pods: of all services, or of one the server, its migration and its commands."""
    return {
        name
        for name, pod in pods(built("production"))
        if not service or pod["metadata"]["labels"]["app.kubernetes.io/name"] == service
    }


def test_a_database_is_open_to_its_service_its_replicas_and_its_operator_alone() -> None:
    """Said twice: what lets too many in stops nobody who is not let out, and the reverse."""
    for service in map(dashed, SERVICES):
        database = f"{service}-db"
        own = workloads(service)
        assert {service, f"migrate-{service}", f"operate-{service}"} <= own
        assert let_in(database, 5432) == own | {database, "cnpg-system"}
        assert let_out(database, 5432) == own
        assert let_in(database, 8000) == {database, "cnpg-system"}
        assert let_in(database, 9187) == {"monitoring"}
        assert _allowed("Egress", "to", places()[database], places()[OUTSIDE], 443), "backups"


def test_the_broker_is_open_to_the_services_to_who_scales_and_who_measures() -> None:
    inside = {BROKER, "rabbitmq-system"}
    assert let_in(BROKER, 5672) == workloads() | inside | {"keda"}
    assert let_out(BROKER, 5672) == workloads()
    commands = {f"operate-{dashed(service)}" for service in SERVICES}
    assert let_in(BROKER, 15672) == inside | commands, "the doctor; services never ask it"
    assert let_out(BROKER, 15672) == commands
    assert let_in(BROKER, 15692) == inside | {"monitoring"}


def test_services_are_open_to_one_another_and_two_of_them_to_others() -> None:
    others = {"gateway": {"ingress-nginx"}, "dossier": {MODULES}}
    for service in map(dashed, SERVICES):
        assert let_in(service, 8000) == workloads() | {"monitoring"} | others.get(service, set())
        assert let_out(service, 8000) == workloads()


def test_only_who_must_reaches_the_outside() -> None:
    assert let_out("kube-system", 53) == let_out("monitoring", 4318) == workloads(), "names, traces"
    by_port = {443: "gateway", 3128: "gateway", 465: "notifier", 587: "notifier"}
    for port in (*_ports(), 22):
        by = by_port.get(port)
        assert let_out(OUTSIDE, port) == (workloads(by) if by else set()), port


def _ports() -> Iterator[int]:
    """All that any policy names."""
    for policy in of(built("production"), "NetworkPolicy").values():
        for rule in (*policy["spec"].get("ingress", ()), *policy["spec"].get("egress", ())):
            yield from (one["port"] for one in rule.get("ports", ()))
