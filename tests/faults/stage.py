"""Where one seed is played: databases and a virtual host of its own, the services as processes, and
proxies on every way between them and the servers, the mail server, and each other.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from deploy.local.client import Sign, eventually
from deploy.local.kept import free_port
from deploy.local.servers import create_vhost, delete_vhost, run_url
from deploy.local.tokens import service_key_file, signer
from shared.database import UNAVAILABLE, Database
from shared.service import Service
from tests.faults import skew, witness
from tests.faults.fleet import Fleet, fleet
from tests.faults.machines import Machines
from tests.faults.proxy import Proxy, proxied
from tests.faults.sabotage import SABOTAGE
from tests.faults.tap import Tap
from tests.faults.warm import SERVICES
from tests.support.databases import Templates
from tests.support.mail import MailServer, mail_server
from tests.support.system import TODAY

AMQP, SQL, HTTP, SMTP = "AMQP", "SQL", "HTTP", "SMTP"
MAILER = "notifier"
CONNECTIONS = 4
SMTP_SECONDS = 2
"""Of one attempt: a mail of a sender that was killed is free again after four times this."""


@dataclass(frozen=True)
class Stage:
    """The system of one seed; `proxies` by service and protocol, of HTTP those before a service."""

    machines: Machines
    fleet: Fleet
    proxies: Mapping[tuple[str, str], Proxy]
    urls: Mapping[str, str]
    databases: Mapping[str, Database]
    tap: Tap
    mails: MailServer
    sign: Sign
    folder: Path

    async def rows(self, service: str, query: str, *values: object) -> list[asyncpg.Record]:
        """What a service's database answers, be it away just now or not."""

        async def probe() -> tuple[list[asyncpg.Record]] | None:
            try:
                async with self.databases[service].connection() as connection:
                    return (await connection.fetch(query, *values),)
            except UNAVAILABLE:
                return None

        [found] = await eventually(probe, f"the database of {service}")
        return found


@asynccontextmanager
async def staged(
    machines: Machines, templates: Templates, folder: Path, build: str | None
) -> AsyncIterator[Stage]:
    """The system for one seed, its files and logs in `folder`; `build` names a sabotage."""
    folder.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        amqp = await stack.enter_async_context(_virtual_host(machines))
        tap = Tap(amqp)
        await tap.open()
        sql = await stack.enter_async_context(_databases(templates))
        mails = await stack.enter_async_context(mail_server())
        ports = {name: free_port() for name in SERVICES}
        proxies = {}
        for name in SERVICES:
            servers = {AMQP: _port(amqp), SQL: _port(sql[name]), HTTP: ports[name]}
            for way, port in {**servers, SMTP: mails.port}.items():
                proxies[name, way] = await stack.enter_async_context(proxied(port))
        urls = {name: f"http://127.0.0.1:{proxies[name, HTTP].listens_at}" for name in SERVICES}
        keys = signer(folder / "keys", SERVICES)
        (folder / "keys" / "match.key").write_bytes(secrets.token_bytes(32))
        common = _common(folder / "keys", urls, build)
        environments = {
            name: {
                **common,
                "CPRO_DATABASE_URL": proxies[name, SQL].through(run_url(sql[name])),
                "CPRO_AMQP_URL": proxies[name, AMQP].through(amqp),
                "CPRO_HTTP_PORT": str(ports[name]),
                "CPRO_SMTP_PORT": str(proxies[name, SMTP].listens_at),
                "CPRO_SIGNING_KEY_FILE": str(service_key_file(folder / "keys", name)),
                skew.SKEW: str(folder / f"{name}.days"),
            }
            for name in SERVICES
        }
        databases = {name: await Database.open(url, 3) for name, url in sql.items()}
        for database in databases.values():
            stack.push_async_callback(database.close)
        started = await stack.enter_async_context(fleet(environments, folder))
        yield Stage(machines, started, proxies, urls, databases, tap, mails, keys.token, folder)


@asynccontextmanager
async def _virtual_host(machines: Machines) -> AsyncIterator[str]:
    name = f"faults-{secrets.token_hex(4)}"
    yield await create_vhost(machines.servers, name)
    await delete_vhost(machines.servers, name)


@asynccontextmanager
async def _databases(templates: Templates) -> AsyncIterator[dict[str, str]]:
    """A database of each service, with the table of the witness."""
    made = await asyncio.gather(*(_database(templates, service) for service in SERVICES.values()))
    try:
        yield dict(zip(SERVICES, made, strict=True))
    finally:
        await asyncio.gather(*map(templates.drop, made))


async def _database(templates: Templates, service: Service) -> str:
    url = await templates.copy(service)
    connection = await asyncpg.connect(url)
    await connection.execute(witness.TABLE)
    await connection.close()
    return url


def _common(keys: Path, urls: Mapping[str, str], build: str | None) -> dict[str, str]:
    """What every service is told."""
    return {
        **{f"CPRO_{name.upper()}_URL": url for name, url in urls.items()},
        "CPRO_ENVIRONMENT": "local",
        "CPRO_TODAY": TODAY.isoformat(),
        "CPRO_STOP_SECONDS": "5",
        "CPRO_JWKS_FILE": str(keys / "jwks.json"),
        "CPRO_MATCH_KEY_FILE": str(keys / "match.key"),
        "CPRO_SMTP_HOST": "127.0.0.1",
        "CPRO_SMTP_SECURITY": "none",
        "CPRO_SMTP_CONNECTIONS": str(CONNECTIONS),
        "CPRO_SMTP_SECONDS": str(SMTP_SECONDS),
        **({SABOTAGE: build} if build else {}),
    }


def _port(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port
