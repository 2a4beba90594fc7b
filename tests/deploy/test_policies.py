"""The manifests for Kubernetes: what they promise of the way in, spread, commands and restores."""

import os
import re
import subprocess
from datetime import timedelta
from pathlib import Path
from time import time

import pytest
import yaml

from deploy.local import ROOT
from deploy.local.stack import SERVICES
from services.gateway.pages import directory, imports
from services.gateway.web.uploads import OVERHEAD
from tests.deploy.test_manifests import Resource, built, dashed, of, pods

NAME, COMPONENT = "app.kubernetes.io/name", "app.kubernetes.io/component"
BACKUPS = timedelta(days=35)
"""How long backups are kept: docs/security.md, docs/aipd.md."""


def test_only_pages_are_reached_from_outside_encrypted_and_asked_once() -> None:
    resources = built("production")
    [ingress] = of(resources, "Ingress").values()
    [rule] = ingress["spec"]["rules"]
    [tls] = ingress["spec"]["tls"]
    assert tls["hosts"] == [rule["host"]]
    leads = {one["path"]: one["backend"]["service"]["name"] for one in rule["http"]["paths"]}
    assert {one["pathType"] for one in rule["http"]["paths"]} == {"Prefix"}
    closed = dict.fromkeys(["/metrics", "/health", "/openapi.json", "/operations"], "nowhere")
    assert leads == {"/": "gateway", **closed}
    assert "selector" not in of(resources, "Service")["nowhere"]["spec"], "nobody answers there"
    told = {k.partition("/")[2]: v for k, v in ingress["metadata"]["annotations"].items()}
    assert told["proxy-next-upstream"] == "off", "ADR 52"
    assert told["proxy-request-buffering"] == told["proxy-buffering"] == "off"
    assert told["proxy-body-size"] == "105m"
    assert max(directory.MAX_BYTES, imports.MAX_BYTES) + OVERHEAD < 105 * 1024 * 1024


def test_replicas_stand_on_several_machines_and_in_several_zones() -> None:
    for name, deployment in of(built("production"), "Deployment").items():
        spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert [one["topologyKey"] for one in spread] == [
            "kubernetes.io/hostname", "topology.kubernetes.io/zone",
        ]  # fmt: skip
        for one in spread:
            assert one["labelSelector"] == {"matchLabels": {NAME: name}}
            assert one["maxSkew"] == 1


def test_every_service_trusts_the_authorities_that_are_given() -> None:
    for name, deployment in of(built("production"), "Deployment").items():
        spec = deployment["spec"]["template"]["spec"]
        [container] = spec["containers"]
        assert {"name": "ca", "configMap": {"name": "cpro-ca"}} in spec["volumes"], name
        [mount] = [one for one in container["volumeMounts"] if one["name"] == "ca"]
        [told] = [one for one in container["env"] if one["name"] == "SSL_CERT_FILE"]
        assert told["value"] == f"{mount['mountPath']}/ca.crt"


def test_other_modules_reach_the_records_and_nothing_else() -> None:
    for overlay in ("small", "production"):
        policies = of(built(overlay), "NetworkPolicy")
        reached = {name for name, one in policies.items() if "cpro.example/modules" in str(one)}
        assert reached == {"dossier"}


@pytest.mark.parametrize("overlay", ["small", "production"])
def test_commands_have_all_that_their_service_has(overlay: str) -> None:
    resources = built(overlay)
    templates = dict(pods(resources))
    for service in map(dashed, SERVICES):
        cron = of(resources, "CronJob")[f"operate-{service}"]
        assert cron["spec"]["suspend"], "it runs when a person says so"
        assert cron["metadata"]["labels"][COMPONENT] == "operations"
        template = templates[f"operate-{service}"]
        assert template["metadata"]["labels"][COMPONENT] == "operations"
        assert template["metadata"]["labels"][NAME] == service
        server, operator = (
            templates[name]["spec"]["containers"][0] for name in (service, f"operate-{service}")
        )
        assert operator["image"] == server["image"]
        assert operator["envFrom"] == server["envFrom"]
        left_out = {"SSL_CERT_FILE", "FORWARDED_ALLOW_IPS"}  # no command calls outside, or listens
        assert _by_name(operator["env"]) == {
            name: one for name, one in _by_name(server["env"]).items() if name not in left_out
        }
    [settings] = of(resources, "ConfigMap").values()
    assert settings["metadata"]["labels"][COMPONENT] == "operations", "deployed with them"


def _by_name(given: list[Resource]) -> dict[str, Resource]:
    return {one["name"]: one for one in given}


def test_backups_are_kept_as_long_as_the_register_says() -> None:
    [store] = of(built("production"), "ObjectStore").values()
    assert store["spec"]["retentionPolicy"] == f"{BACKUPS.days}d"
    for register in ("security.md", "aipd.md"):
        told = (ROOT / "docs" / register).read_text()
        assert re.search(rf"(backups|sauvegardes).* {BACKUPS.days} (days|jours)", told), register


def test_a_trace_of_erasures_is_written_over_by_none_and_outlives_the_backups(
    tmp_path: Path,
) -> None:
    cron = of(built("production"), "CronJob")["erasures"]
    assert cron["spec"]["schedule"] == "0 * * * *"
    [container] = dict(pods(built("production")))["erasures"]["spec"]["containers"]
    *shell, script = container["command"]
    stub = tmp_path / "bin" / "python"
    stub.parent.mkdir()
    stub.write_text('#!/bin/sh\nfor last; do :; done\necho "$PWD $@" > "$last"\n')
    stub.chmod(0o755)
    folder = tmp_path / "sauvegardes"
    folder.mkdir()
    daily = [_aged(folder / f"effacements-{d}T00.jsonl", d) for d in (1, 5, BACKUPS.days + 1, 62)]
    hourly = [_aged(folder / f"effacements-{d}T07.jsonl", d) for d in (1, 5)]
    environment = {**os.environ, "PATH": f"{stub.parent}:{os.environ['PATH']}"}
    here = script.replace("/sauvegardes", str(folder))
    subprocess.run([*shell, here], check=True, env=environment, cwd=ROOT)
    kept = set(folder.iterdir())
    [written] = kept - {*daily, *hourly}
    assert re.fullmatch(r"effacements-\d{4}-\d\d-\d\dT\d\d\.jsonl", written.name)
    begun = f"{ROOT} -m services.siecle_import erase --export-trace {written}"
    assert written.read_text().strip() == begun, "where its modules are found"
    assert kept == {written, *daily[:3], hourly[0]}


def _aged(file: Path, days: int) -> Path:
    file.touch()
    then = time() - days * 86400
    os.utime(file, (then, then))
    return file


def test_a_recovered_base_reads_the_archive_that_was_and_writes_another() -> None:
    before = of(built("production"), "Cluster")
    after = of(built("recovery"), "Cluster")
    [name] = [name for name in after if after[name] != before[name]]
    spec = after[name]["spec"]
    [store] = of(built("recovery"), "ObjectStore")
    [source] = spec["externalClusters"]
    assert spec["bootstrap"].keys() == {"recovery"}, "a cluster is begun in one way"
    recovery = spec["bootstrap"]["recovery"]
    assert recovery["source"] == source["name"]
    owner = before[name]["spec"]["bootstrap"]["initdb"]
    assert (recovery["database"], recovery["owner"]) == (owner["database"], owner["owner"])
    assert source["plugin"]["parameters"] == {"barmanObjectName": store, "serverName": name}
    [archiver] = spec["plugins"]
    assert archiver["isWALArchiver"]
    assert archiver["parameters"]["barmanObjectName"] == store
    assert archiver["parameters"]["serverName"] not in {name, *after}
    assert spec["managed"] == before[name]["spec"]["managed"]


def test_what_a_restore_applies_is_the_servers_alone() -> None:
    """Its steps select by label: services stay stopped."""
    servers = [
        one["kind"]
        for one in built("recovery")
        if one["metadata"].get("labels", {}).get("app.kubernetes.io/part-of") == "cpro-servers"
    ]
    assert set(servers) == {"Cluster", "ScheduledBackup", "NetworkPolicy"}
    assert servers.count("Cluster") == len(SERVICES)


def test_compose_keeps_data_in_its_volume_whatever_image_holds_postgresql() -> None:
    """Images up to 17 declare a volume at …/data, which would hide what lies there from ours."""
    system = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    server = system["services"]["postgres"]
    [volume] = server["volumes"]
    name, folder = volume.split(":")
    assert name in system["volumes"]
    data = Path(server["environment"]["PGDATA"])
    assert data.is_relative_to(folder)
    assert not data.is_relative_to(f"{folder}/data")
