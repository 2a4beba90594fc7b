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
    """The figures of ours that these expressions use."""
    return {name for one in expressions for name in re.findall(r"\bcpro_\w+", one)}


def alert_rules() -> list[dict[str, str]]:
    rules: list[dict[str, str]] = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"][0][
        "rules"
    ]
    return rules


def test_alerts_and_dashboard_use_figures_that_exist() -> None:
    panels = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    shown = named(target["expr"] for panel in panels for target in panel.get("targets", []))
    warned = named(rule["expr"] for rule in alert_rules())
    assert shown | warned <= figures()


def test_every_alert_is_tested_and_says_what_to_do() -> None:
    tested = "".join(file.read_text() for file in FOLDER.glob("alerts-*.yaml"))
    for rule in alert_rules():
        assert f"alertname: {rule['alert']}\n        exp_alerts" in tested, rule["alert"]
        assert {"summary", "action"} == set(rule["annotations"])


@pytest.mark.parametrize("file", ["alerts-test.yaml", "alerts-year-test.yaml"])
def test_alerts_ring_when_they_should(file: str) -> None:
    command = [program("promtool"), "test", "rules", str(FOLDER / file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
