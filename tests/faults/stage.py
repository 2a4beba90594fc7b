"""Where one seed is played: databases and a virtual host of its own, the services as processes, and
proxies on every way between them and the servers, the mail server, and each other.
"""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from deploy.local.client import Sign, eventually
from deploy.local.servers import create_vhost, delete_vhost
from deploy.local.tokens import service_key_file, signer
from shared.database import UNAVAILABLE, Database
from tests.faults import witness
from tests.faults.fleet import Fleet, fleet
from tests.faults.machines import Machines
from tests.faults.proxy import Proxy, proxied
from tests.faults.sabotage import SABOTAGE
from tests.faults.tap import Tap
from tests.faults.warm import SERVICES
from tests.support.databases import Templates
from tests.support.mail import MailServer, mail_server
from tests.support.system import TODAY, free_port

AMQP, SQL, HTTP, SMTP = "AMQP", "SQL", "HTTP", "SMTP"
MAILER = "notifier"
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
        vhost = f"faults-{secrets.token_hex(4)}"
        amqp = await create_vhost(machines.servers, vhost)
        stack.push_async_callback(delete_vhost, machines.servers, vhost)
        tap = Tap(amqp)
        await tap.open()
        sql = await _databases(templates, stack)
        mails = await stack.enter_async_context(mail_server())
        ports = {name: free_port() for name in SERVICES}
        proxies = {}
        for name in SERVICES:
            for way, port in (
                (AMQP, _port(amqp)), (SQL, _port(sql[name])), (HTTP, ports[name]),
                (SMTP, mails.port),
            ):  # fmt: skip
                proxies[name, way] = await stack.enter_async_context(proxied(port))
        urls = {name: f"http://127.0.0.1:{proxies[name, HTTP].listens_at}" for name in SERVICES}
        keys = signer(folder / "keys", SERVICES)
        (folder / "keys" / "match.key").write_bytes(secrets.token_bytes(32))
        environments = {
            name: {
                **_common(folder / "keys", urls, build),
                "CPRO_DATABASE_URL": _through(sql[name], proxies[name, SQL]),
                "CPRO_AMQP_URL": _through(amqp, proxies[name, AMQP]),
                "CPRO_HTTP_PORT": str(ports[name]),
                "CPRO_SMTP_PORT": str(proxies[name, SMTP].listens_at),
                "CPRO_SIGNING_KEY_FILE": str(service_key_file(folder / "keys", name)),
            }
            for name in SERVICES
        }
        databases = {name: await Database.open(url, 3) for name, url in sql.items()}
        for database in databases.values():
            stack.push_async_callback(database.close)
        listening = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        started = await stack.enter_async_context(fleet(environments, listening, folder))
        yield Stage(machines, started, proxies, urls, databases, tap, mails, keys.token, folder)


async def _databases(templates: Templates, stack: AsyncExitStack) -> dict[str, str]:
    """A database of each service, with the table of the witness."""
    made = {}
    for name, service in SERVICES.items():
        made[name] = await templates.copy(service)
        stack.push_async_callback(templates.drop, made[name])
        connection = await asyncpg.connect(made[name])
        await connection.execute(witness.TABLE)
        await connection.close()
    return made


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
        "CPRO_SMTP_SECONDS": str(SMTP_SECONDS),
        **({SABOTAGE: build} if build else {}),
    }


def _port(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


def _through(url: str, proxy: Proxy) -> str:
    """The same URL, by way of a proxy."""
    parts = urlsplit(url)
    credentials = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{credentials}@127.0.0.1:{proxy.listens_at}"))
