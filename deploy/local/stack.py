"""The whole system on this machine: both servers, the database of each service, the services."""

import asyncio
import datetime as dt
import os
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from deploy.local import ROOT, kept
from deploy.local.keeper import kept_running
from deploy.local.processes import Process, Program, finish, start, stop, wait_until
from deploy.local.servers import Servers, create_database, drop_database, starting_servers
from deploy.local.tokens import Signer, signer

SERVICES = (
    "etablissement",
    "siecle_import",
    "transfer",
    "dossier",
    "inspector_access",
    "notifier",
    "gateway",
)


@dataclass(frozen=True)
class Stack:
    """A running system. `urls` holds the base URL of each service by its name."""

    urls: Mapping[str, str]
    servers: Servers
    signer: Signer
    processes: Sequence[Process]

    def token(self, claims: Mapping[str, object]) -> str:
        """A token that the services accept for five minutes, with these claims."""
        return self.signer.token(claims)


@contextmanager
def running_stack(
    folder: Path,
    *,
    today: dt.date | None = None,
    fresh: bool = False,
    package: str = "services",
    services: Sequence[str] = SERVICES,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Stack]:
    """Run the system with its data, keys and logs in `folder` until the block ends.

    Args:
        folder: kept between starts; `fresh` empties it and the databases first.
        today: the day that the services take for today.
        package: where the services are: `python -m <package>.<service> migrate | serve`.
        services: those to run.
        environment: more variables for all services.

    Raises:
        StackError: a server or a service is missing or does not start; the folder is in use.
    """
    with ExitStack() as stack:
        servers, wait_for_rabbitmq = stack.enter_context(starting_servers(folder, fresh=fresh))
        ports = {name: kept.port(folder, name) for name in services}
        urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        databases = _databases(servers, services, fresh=fresh)
        keys = signer(folder / "keys")
        common = _common(servers, keys, folder, urls, today) | dict(environment or {})
        own = {
            name: common
            | {"CPRO_DATABASE_URL": databases[name], "CPRO_HTTP_PORT": str(ports[name])}
            for name in services
        }
        logs = folder / "logs"
        migrations = [_program(package, name, "migrate", own[name], logs) for name in services]
        finish([start(program) for program in migrations], within=120)
        wait_for_rabbitmq()
        processes: list[Process] = []
        stack.callback(lambda: stop(*processes, within=20))
        for name in services:
            processes.append(start(_program(package, name, "serve", own[name], logs)))
        _wait_for_services(urls, processes)
        stack.enter_context(kept_running(processes))
        yield Stack(urls, servers, keys, processes)


def _databases(servers: Servers, services: Sequence[str], *, fresh: bool) -> dict[str, str]:
    """The URL of each service's own database."""

    async def create() -> dict[str, str]:
        names = {service: f"cpro_{service}" for service in services}
        if fresh:
            await asyncio.gather(*(drop_database(servers, name) for name in names.values()))
        made = await asyncio.gather(*(create_database(servers, name) for name in names.values()))
        return dict(zip(names, made, strict=True))

    # In a thread of its own: the caller may be inside a running event loop.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(lambda: asyncio.run(create())).result()


def _common(
    servers: Servers, keys: Signer, folder: Path, urls: Mapping[str, str], today: dt.date | None
) -> dict[str, str]:
    """What every service is told; the secret of the match keys is added for its owner alone."""
    kept.secret(folder / "keys" / "match.key", lambda: secrets.token_bytes(32))
    settings = {
        "CPRO_ENVIRONMENT": "local",
        "CPRO_AMQP_URL": servers.amqp_url,
        "CPRO_HTTP_HOST": "127.0.0.1",
        "CPRO_JWKS_FILE": str(keys.jwks_file),
        **{f"CPRO_{name.upper()}_URL": url for name, url in urls.items()},
    }
    if today is not None:
        settings["CPRO_TODAY"] = today.isoformat()
    return settings


def _program(
    package: str, service: str, command: str, environment: Mapping[str, str], logs: Path
) -> Program:
    return Program(
        name=service if command == "serve" else f"{service} {command}",
        command=[sys.executable, "-m", f"{package}.{service}", command],
        log=logs / (f"{service}.log" if command == "serve" else f"{service}.{command}.log"),
        environment=environment,
        folder=ROOT,
    )


def _wait_for_services(urls: Mapping[str, str], processes: Sequence[Process]) -> None:
    """Return when each service says that it is ready."""
    waiting = dict(urls)

    def all_ready() -> bool:
        for name, url in urls.items():
            if name in waiting and _ready(url):
                del waiting[name]
        return not waiting

    wait_until(all_ready, processes, within=90)


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready", timeout=2).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
