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
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from deploy.local import ROOT, kept, outside
from deploy.local.keeper import kept_running
from deploy.local.processes import Process, Program, finish, start, stop, wait_until
from deploy.local.servers import (
    Servers,
    create_database,
    drop_database,
    run_url,
    starting_servers,
)
from deploy.local.tokens import Signer, service_key_file, signer

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
    """A running system. `urls` holds the base URL of each service by its name, `environments` what
    each was told, `databases` the URL of its database for the owner.
    """

    urls: Mapping[str, str]
    servers: Servers
    signer: Signer
    processes: Sequence[Process]
    environments: Mapping[str, Mapping[str, str]]
    databases: Mapping[str, str]

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
    national: bool = False,
) -> Iterator[Stack]:
    """Run the system with its data, keys and logs in `folder` until the block ends.

    Args:
        folder: kept between starts; `fresh` empties it and the databases first.
        today: the day that the services take for today.
        package: where the services are: `python -m <package>.<service> migrate | serve`.
        services: those to run.
        environment: more variables for all services.
        national: PostgreSQL has room for a base of millions.

    Raises:
        StackError: a server or a service is missing or does not start; the folder is in use.
    """
    with ExitStack() as stack:
        servers, wait_for_rabbitmq = stack.enter_context(
            starting_servers(folder, fresh=fresh, national=national)
        )
        urls = {name: f"http://127.0.0.1:{kept.port(folder, name)}" for name in services}
        keys = signer(folder / "keys", services)
        databases = _databases(servers, services, fresh=fresh)
        common = _common(servers, keys, urls, today) | dict(environment or {})
        own = {name: common | _own(name, databases[name], urls, folder) for name in services}

        def program(name: str, command: str) -> Program:
            log = folder / "logs" / f"{name}-{command}.log"
            run = [sys.executable, "-m", f"{package}.{name}", command]
            owner = {"CPRO_DATABASE_URL": databases[name]} if command == "migrate" else {}
            return Program(f"{name} {command}", run, log, own[name] | owner, ROOT)

        finish([start(program(name, "migrate")) for name in services], within=120)
        wait_for_rabbitmq()
        processes: list[Process] = []
        stack.callback(lambda: stop(*processes, within=20))
        processes.extend(outside.started(services, folder))
        serving = [start(program(name, "serve")) for name in services]
        processes.extend(serving)
        for process, url in zip(serving, urls.values(), strict=True):
            wait_until(partial(_ready, url), process, *processes, within=90)
        stack.enter_context(kept_running(processes))
        yield Stack(urls, servers, keys, processes, own, databases)


def _databases(servers: Servers, services: Sequence[str], *, fresh: bool) -> dict[str, str]:
    """The URL of each service's own database, for its owner."""

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
    servers: Servers, keys: Signer, urls: Mapping[str, str], today: dt.date | None
) -> dict[str, str]:
    """What every service is told, beside our own environment without the servers' credentials."""
    administration = ("CPRO_POSTGRES_URL", "CPRO_RABBITMQ_API_URL")
    settings = {name: value for name, value in os.environ.items() if name not in administration}
    settings |= {f"CPRO_{name.upper()}_URL": url for name, url in urls.items()}
    settings |= {
        "CPRO_ENVIRONMENT": "local",
        "CPRO_AMQP_URL": servers.amqp_url,
        "CPRO_JWKS_FILE": str(keys.jwks_file),
    }
    if today is not None:
        settings["CPRO_TODAY"] = today.isoformat()
    return settings


def _own(service: str, database_url: str, urls: Mapping[str, str], folder: Path) -> dict[str, str]:
    """What one service is told; the secret of the match keys is for `siecle_import` alone."""
    address = urlsplit(urls[service])
    settings = {
        "CPRO_DATABASE_URL": run_url(database_url),
        "CPRO_HTTP_HOST": str(address.hostname),
        "CPRO_HTTP_PORT": str(address.port),
        "CPRO_SIGNING_KEY_FILE": str(service_key_file(folder / "keys", service)),
    }
    if service == "siecle_import":
        file = folder / "keys" / "match.key"
        kept.secret(file, lambda: secrets.token_bytes(32))
        settings["CPRO_MATCH_KEY_FILE"] = str(file)
    return settings | outside.settings(service, urls, folder)


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready", timeout=2).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
