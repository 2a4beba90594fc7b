"""The alerts and the dashboard speak of figures that exist, and alerts ring when they should."""

import importlib
import json
import re
import subprocess
from collections.abc import Iterable

import pytest
import yaml
from prometheus_client import REGISTRY

from deploy.local import ROOT
from deploy.local.stack import SERVICES
from deploy.local.tools import program

FOLDER = ROOT / "deploy" / "observability"
OF_SERVERS = {
    "rabbitmq_detailed_queue_messages_ready",
    "barman_cloud_cloudnative_pg_io_last_available_backup_timestamp",
    "barman_cloud_cloudnative_pg_io_last_failed_backup_timestamp",
    "cnpg_pg_stat_archiver_last_archived_time",
    "cnpg_pg_stat_archiver_last_failed_time",
}
"""Figures of others that are used, as their manuals name them: RabbitMQ (`/metrics/detailed`,
family `queue_coarse_metrics`), CloudNativePG and its Barman Cloud plugin.
"""


def figures() -> set[str]:
    """The names of all that the services tell, as Prometheus stores them."""
    for service in SERVICES:
        importlib.import_module(f"services.{service}.__main__")
    names: set[str] = set()
    for family in REGISTRY.collect():
        ends = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
        names |= {family.name + end for end in ends.get(family.type, [""])}
    return names


def named(expressions: Iterable[str]) -> set[str]:
    """The figures that these expressions use."""
    ours = r"\b(?:cpro|rabbitmq|cnpg|barman)_\w+"
    return {name for one in expressions for name in re.findall(ours, one)}


def alert_rules() -> list[dict[str, str]]:
    rules: list[dict[str, str]] = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"][0][
        "rules"
    ]
    return rules


def test_alerts_and_dashboard_use_figures_that_exist() -> None:
    panels = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    shown = named(target["expr"] for panel in panels for target in panel.get("targets", []))
    warned = named(rule["expr"] for rule in alert_rules())
    assert shown | warned <= figures() | OF_SERVERS
    assert shown | warned >= OF_SERVERS, "no more are listed than are used"


def test_every_alert_is_tested_and_says_what_to_do() -> None:
    tested = "".join(file.read_text() for file in FOLDER.glob("alerts-*.yaml"))
    for rule in alert_rules():
        assert f"alertname: {rule['alert']}\n        exp_alerts" in tested, rule["alert"]
        assert {"summary", "action"} == set(rule["annotations"])


def test_no_service_and_no_database_goes_unmissed() -> None:
    rules = {rule["alert"]: rule["expr"] for rule in alert_rules()}
    missed = re.findall(r'absent\(up{job="cpro",service="([\w-]+)"}\)', rules["ServiceGone"])
    assert set(missed) == {service.replace("_", "-") for service in SERVICES}
    assert f"< {len(SERVICES)} or absent" in rules["BackupsUnseen"]


def test_prometheus_reads_services_queues_and_databases() -> None:
    jobs = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())["scrape_configs"]
    assert [job["job_name"] for job in jobs] == ["cpro", "rabbitmq", "postgresql"]
    assert jobs[2]["relabel_configs"][2] == {
        "source_labels": ["__meta_kubernetes_pod_label_cnpg_io_cluster"],
        "target_label": "cluster",
    }


def test_the_alarms_of_the_guide_are_rules() -> None:
    guide = (ROOT / "docs" / "operations.md").read_text()
    [table] = re.findall(r"\| alarm [^\n]*\n.*?\n\n", guide, re.DOTALL)
    told = set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE))
    assert told == {"EventsWaitForPerson", "EventsRetried", "EventsParked", "DeadLetters"}
    assert told <= {rule["alert"] for rule in alert_rules()}


@pytest.mark.parametrize("file", sorted(one.name for one in FOLDER.glob("alerts-*.yaml")))
def test_alerts_ring_when_they_should(file: str) -> None:
    command = [program("promtool"), "test", "rules", str(FOLDER / file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
