"""Drives `deploy/compose.yaml` from this machine: builds, starts, tells where all is, stops."""

import csv
import io
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from joserfc.jwk import OKPKey

from deploy.local import ROOT
from deploy.local.errors import MissingPartError, StartError
from deploy.local.stack import SERVICES
from deploy.local.tokens import Signer

FILE = ROOT / "deploy" / "compose.yaml"
PORTS = {name: 8001 + number for number, name in enumerate(SERVICES[:-1])} | {"gateway": 8000}
"""Where the proxy lets each service be reached, within its container (`haproxy.cfg`)."""
FIGURES = "http://127.0.0.1:8404/;csv"
START_SECONDS = 600
LOG_LINES = "30"


@dataclass(frozen=True)
class Containers:
    """The system of one compose project, running; `urls` holds the base URL of each service."""

    project: str
    environment: Mapping[str, str]
    urls: Mapping[str, str]
    signer: Signer

    def token(self, claims: Mapping[str, object]) -> str:
        """A token that the services accept for five minutes, with these claims."""
        return self.signer.token(claims)

    def compose(self, *arguments: str) -> str:
        """What a command of compose prints."""
        return _compose(self.project, self.environment, *arguments)

    def ids(self, service: str) -> list[str]:
        """The containers of a service, named as in the compose file."""
        return self.compose("ps", "-q", service).split()

    def in_use(self, service: str) -> int:
        """How many replicas of a service the proxy sends requests to."""
        read = f"import urllib.request as u; print(u.urlopen('{FIGURES}').read().decode())"
        table = self.compose("exec", "-T", "proxy", "python", "-c", read)
        rows = csv.DictReader(io.StringIO(table.removeprefix("# ")))
        return sum(
            row["pxname"] == service and row["svname"] != "BACKEND" and row["status"] == "UP"
            for row in rows
        )


def docker_answers() -> bool:
    """Whether there are a Docker engine and a compose to speak with it."""
    if shutil.which("docker") is None:
        return False
    engine = subprocess.run(["docker", "version"], capture_output=True, check=False)
    return engine.returncode == 0 and _command() is not None


def build() -> None:
    """Build both images, with the settings of pip in our environment."""
    # Two of the services stand for all: they share the images.
    _compose("cpro", {}, "build", "prepare", "gateway")


@contextmanager
def running(
    project: str, *, replicas: int = 1, settings: Mapping[str, str] | None = None
) -> Iterator[Containers]:
    """Run the system on empty volumes, without the demonstration, until the block ends, then
    remove it with its volumes.

    Args:
        project: names the containers, so that several systems can stand side by side.
        replicas: containers of each service.
        settings: variables of the compose file.

    Raises:
        StartError: it does not start; the message holds what was said.
    """
    environment = {"CPRO_PORTS": "", "CPRO_PROVIDER_PORT": "", **(settings or {})}
    scale = [f"--scale={name.replace('_', '-')}={replicas}" for name in SERVICES]
    scale.append("--scale=demonstration=0")
    remove = ("down", "-v", "--remove-orphans", "-t", "30")
    _compose(project, environment, *remove)
    try:
        _compose(project, environment, "up", "-d", *scale)
        started = _started(project, environment)
        _wait(started)
        yield started
    finally:
        _compose(project, environment, *remove)


def _started(project: str, environment: Mapping[str, str]) -> Containers:
    def address(port: int) -> str:
        found = _compose(project, environment, "port", "proxy", str(port)).strip()
        if not found:
            log = _compose(project, environment, "logs", "--tail", LOG_LINES, "proxy")
            raise StartError(f"The proxy does not run.\n{log}")
        return found

    urls = {name: f"http://{address(port)}" for name, port in PORTS.items()}
    file = "/run/cpro/person.jwk"
    key = json.loads(_compose(project, environment, "exec", "-T", "gateway", "cat", file))
    return Containers(project, environment, urls, Signer(OKPKey.import_key(key), Path(file)))


def _wait(started: Containers) -> None:
    """Return when all services are ready, as seen through the proxy."""
    deadline = time.monotonic() + START_SECONDS
    for name, url in started.urls.items():
        while not _ready(url):
            if time.monotonic() > deadline:
                log = started.compose("logs", "--tail", LOG_LINES, name.replace("_", "-"))
                raise StartError(f"{name} is not ready after {START_SECONDS} s.\n{log}")
            time.sleep(0.5)


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready", timeout=5).is_success
    except httpx.TransportError:
        return False


def _command() -> list[str] | None:
    """The compose of this machine: the plugin of Docker, or the program that was before it."""
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if plugin.returncode == 0:
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


def _compose(project: str, environment: Mapping[str, str], *arguments: str) -> str:
    command = _command()
    if command is None:
        raise MissingPartError(
            "Compose is not here: install Docker with its compose plugin, or docker-compose."
        )
    done = subprocess.run(
        [*command, "-p", project, "-f", str(FILE), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = "\n".join(f"{done.stdout}{done.stderr}".splitlines()[-30:])
        raise StartError(f"« compose {arguments[0]} » failed:\n{said}")
    return done.stdout
