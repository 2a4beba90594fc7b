"""The services of one test, run in its own loop on databases and a virtual host of its own."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from pydantic import SecretStr

from deploy.local.client import School, Sign, eventually
from deploy.local.kept import free_port
from deploy.local.servers import run_url
from deploy.local.tokens import service_key_file
from services.dossier.__main__ import service as dossier
from services.siecle_import.__main__ import service as siecle_import
from services.siecle_import.settings import ImportSettings
from services.transfer.__main__ import service as transfer
from shared.service import Service, run
from shared.settings import Settings
from shared.signing import Signer

TODAY = dt.date(2026, 1, 20)
CHAIN: Sequence[Service] = (siecle_import, transfer, dossier)


@dataclass(frozen=True)
class System:
    """Where the running services are, and how to call them."""

    urls: Mapping[str, str]
    database_urls: Mapping[str, str]
    amqp_url: str
    sign: Sign
    keys: Path

    def client(self, service: str, other: str) -> httpx.AsyncClient:
        """Calls `other` in the name of `service`."""
        signer = Signer.from_file(service_key_file(self.keys, service))
        return signer.client(self.urls[other])

    def school(self, uai: str) -> School:
        """The staff and modules of one school."""
        return School(uai, self.urls, self.sign)


def settings_of(
    service: Service,
    database_url: str,
    amqp_url: str,
    keys: Path,
    urls: Mapping[str, str],
    more: Mapping[str, object] | None = None,
) -> Settings:
    """The settings of a service in a test. `database_url` is that of the owner, whom the service
    does not run as; `keys` is a folder with the key files, `urls` says where the services listen,
    `more` replaces what is usual.
    """
    port = int(urls[service.name].rpartition(":")[2])
    common = {
        "environment": "local",
        "database_url": SecretStr(run_url(database_url)),
        "amqp_url": SecretStr(amqp_url),
        "http_port": port,
        "jwks_file": keys / "jwks.json",
        "signing_key_file": service_key_file(keys, service.name),
        "today": TODAY,
        "stop_seconds": 5,
    }
    if service.settings is ImportSettings:
        common["match_key_file"] = keys / "match.key"
    known = service.settings.model_fields
    others = {f"{name}_url": url for name, url in urls.items() if f"{name}_url" in known}
    return service.settings.model_validate({**common, **others, **(more or {})})


@asynccontextmanager
async def running(
    services: Sequence[Service],
    database_urls: Mapping[str, str],
    amqp_url: str,
    keys: Path,
    sign: Sign,
    more: Mapping[str, Mapping[str, object]] | None = None,
) -> AsyncIterator[System]:
    """Run services until the block ends; `more` holds further settings by service."""
    urls = {service.name: f"http://127.0.0.1:{free_port()}" for service in services}
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for service in services:
            own = (more or {}).get(service.name, {})
            database_url = database_urls[service.name]
            settings = settings_of(service, database_url, amqp_url, keys, urls, own)
            group.create_task(run(service, settings, stop))
        try:
            await all_ready(urls)
            yield System(urls, database_urls, amqp_url, sign, keys)
        finally:
            stop.set()


async def all_ready(urls: Mapping[str, str]) -> None:
    """Return when every service says that it is ready."""
    async with httpx.AsyncClient() as client:
        for name, url in urls.items():

            async def probe(url: str = url) -> bool:
                try:
                    return (await client.get(f"{url}/health/ready")).is_success
                except httpx.TransportError:
                    return False

            await eventually(probe, f"{name} to be ready", seconds=120)
